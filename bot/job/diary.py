"""What is known of a run so far: whatever ends it, the outcome is made of this."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.core.run import AgentReport, Check
from bot.job.brief import Task
from bot.job.collect import Baseline
from bot.job.session import Agent, Ask
from bot.job.workspace import Workspace
from bot.progress.events import Event, Phase
from bot.progress.phases import in_phase


@dataclass(slots=True)
class Diary:
    """Filled as the run goes on."""

    tell: Callable[[Event], None]
    started: float = field(default_factory=time.monotonic)
    workspace: Workspace | None = None
    before: Baseline = Baseline()
    reports: list[AgentReport] = field(default_factory=list)
    setup: tuple[Check, ...] = ()
    checks: tuple[Check, ...] = ()
    checks_missing: bool = False
    tree: str = ""
    """The tree of the last look that found nothing forbidden; empty: there is none, or it equals the start's."""
    unresolved: tuple[str, ...] = ()
    """Where the last look found conflicts with the base that are left."""
    notes: dict[str, None] = field(default_factory=dict)
    """In order, each once."""
    change_notes: tuple[str, ...] = ()
    summary: str = ""
    """What is to be said of a run that was stopped; empty: the agent's own last words."""
    planned: bool = False
    proposal: str = ""
    """A plan of issues, as JSON."""
    commit: str = ""
    metrics: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, phase: Phase, attempt: int = 0, attempts: int = 0) -> Iterator[None]:
        """Tell that `phase` begins and ends, and add what happens inside to its seconds."""
        begun = time.monotonic()
        try:
            with in_phase(self.tell, phase, attempt, attempts):
                yield
        finally:
            self.metrics[phase] = self.metrics.get(phase, 0.0) + time.monotonic() - begun

    def ask(self, agent: Agent, ask: Ask) -> AgentReport:
        """Let the agent work, and keep its report."""
        report = agent.ask(ask)
        self.reports.append(report)
        return report

    def note(self, *notes: str) -> None:
        """What deserves a look."""
        self.notes.update(dict.fromkeys(notes))

    @property
    def there(self) -> Workspace:
        """The workspace, once the story has made it."""
        assert self.workspace is not None  # noqa: S101 (the story sets it first)
        return self.workspace

    @property
    def turns(self) -> int:
        """That the agent has taken."""
        return sum(report.turns for report in self.reports)

    def seconds_left(self, task: Task) -> float:
        """Of the agent's time."""
        return task.admission.agent_seconds - sum(report.seconds for report in self.reports)
