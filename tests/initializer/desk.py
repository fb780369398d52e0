"""An initialization with an agent of functions, and a task source that dies when it is told to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.specs.planned import Plan
from bot.core.specs.reading import read_answer
from bot.core.verdict import Refusal
from bot.initializer.initialize import Desk, InitializationResult, Wish, initialize
from bot.job.initializing import Commission, Draft
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Tracker
from tests.job.stage import done_report

SOURCE_CALLS = ("create", "relate", "rewrite", "set_status")


class Killed(BaseException):
    """The process is gone here."""


class Dying:
    """A real task source; before or after its n-th write, the process is gone."""

    def __init__(self, tracker: Tracker, dies_at: int, *, after: bool) -> None:
        self.tracker, self.left, self.after = tracker, dies_at, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.tracker, name)
        if name not in SOURCE_CALLS:
            return real

        def called(*args: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            found = real(*args, **more)
            if self.left == 0:
                raise Killed
            return found

        return called


@dataclass
class Table:
    """A folder with a spec and a file source, and what was said and asked."""

    folder: Path
    answer: Mapping[str, Any]
    tracker: Any = None
    agrees: bool = True
    said: list[str] = field(default_factory=list)
    asked: list[Commission] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spec = self.folder / "my-app_spec.md"
        self.spec.write_text("Build a login.\n")
        self.tracker = self.tracker or FileTracker(self.folder / "tasks", "ada")

    def draft(self, commission: Commission) -> Draft:
        self.asked.append(commission)
        plan = read_answer(self.answer, commission.spec)
        reports = (done_report(structured=dict(self.answer), usd=0.25),)
        if not isinstance(plan, Plan):
            return Draft(reports, "the raw answer", refusal=Refusal("agent-error", plan.flaws[0]))  # type: ignore[arg-type]
        return Draft(reports, "", plan=plan.named(commission.project))

    def run(self, tracker: Any = None, **wish: Any) -> InitializationResult:
        desk = Desk(
            folder=self.folder,
            tracker=tracker or self.tracker,
            draft=self.draft,
            show=self.shown.append,
            agree=lambda: self.agrees,
            tell=self.said.append,
            wait=self.waited.append,
        )
        return initialize(Wish(wish.pop("spec", self.spec), **wish), desk)

    def titles(self) -> list[str]:
        """Of everything in the source."""
        return sorted(task.title for task in self.tracker.list().tasks)

    def waits(self) -> dict[str, list[str]]:
        """What each task waits for by its relations."""
        return {task.title: sorted(each.name for each in task.prerequisites) for task in self.tracker.list().tasks}


def ended(run: Callable[[], object]) -> bool:
    """Whether the process was gone on the way."""
    try:
        run()
    except Killed:
        return True
    return False
