"""How a run stands: all its events so far, folded into what a reader wants to know. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.run import Check
from bot.progress.events import (
    AgentBegan,
    AgentEnded,
    CheckBegan,
    CheckEnded,
    Entry,
    Isolated,
    PhaseBegan,
    PhaseEnded,
    RunBegan,
    StillWorking,
    Todo,
    TodosChanged,
    ToolUsed,
    TurnBegan,
    Verdict,
)

MOST_TOOLS = 20
"""Kinds of tools that are counted apart."""

OTHER_TOOLS = "others"

MOST_CHECKS = 20
"""The last ones."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment."""

    run: str
    issue: int
    began: RunBegan | None = None
    time: datetime | None = None
    """Of the last event."""
    elapsed: float = 0.0
    """Of the last event, in seconds since the run began."""
    phase: str = ""
    """Under way; empty: none."""
    attempt: int = 0
    """Of the agent, from 1; 0: it was not asked yet."""
    attempts: int = 0
    """How many there may be."""
    check: str = ""
    """The command under way; empty: none."""
    since: float = 0.0
    """When, in elapsed seconds, that which is under way began."""
    agent_seconds: float = 0.0
    """Of attempts that are over."""
    isolation: str = ""
    model: str = ""
    version: str = ""
    turns: int = 0
    most_turns: int = 0
    """That the agent may use in this run; 0: not known yet."""
    usd: float = 0.0
    todos: tuple[Todo, ...] = ()
    tools: tuple[tuple[str, int], ...] = ()
    """How often each was used, in the order of their first use."""
    checks: tuple[Check, ...] = ()
    """Those that have ended."""
    verdict: Verdict | None = None

    @property
    def doing(self) -> str:
        """What is under way, in a word or two."""
        return self.check or self.phase or "the run"

    def agent_so_far(self, elapsed: float) -> float:
        """Seconds that the agent has used of its minutes."""
        return self.agent_seconds + (elapsed - self.since if self.phase == "agent" else 0.0)

    def after(self, entry: Entry) -> "Progress":
        """The same run after one more event."""
        event, now = entry.event, entry.elapsed
        then = replace(self, time=entry.time, elapsed=now)
        match event:
            case RunBegan():
                return replace(then, began=event, model=event.model)
            case PhaseBegan("agent", attempt, attempts):
                return replace(then, phase="agent", since=now, attempt=attempt, attempts=attempts)
            case PhaseBegan(phase):
                return replace(then, phase=phase, since=now)
            case PhaseEnded(phase, seconds):
                agent = self.agent_seconds + (seconds if phase == "agent" else 0.0)
                return replace(then, phase="", since=now, agent_seconds=agent)
            case Isolated(isolation):
                return replace(then, isolation=isolation)
            case AgentBegan(model, version, _, turns):
                most = self.most_turns or turns
                return replace(then, model=model, version=version, most_turns=most)
            case TurnBegan(turn, usd):
                return replace(then, turns=turn, usd=usd)
            case StillWorking() | AgentEnded():
                return replace(then, usd=max(self.usd, event.usd))
            case TodosChanged(todos):
                return replace(then, todos=todos)
            case ToolUsed(tool):
                return replace(then, tools=_counted(self.tools, tool))
            case CheckBegan(name):
                return replace(then, check=name, since=now)
            case CheckEnded(name, command, detected, code, seconds):
                done = Check(name, command, code, seconds, detected)
                return replace(then, check="", since=now, checks=(*self.checks, done)[-MOST_CHECKS:])
            case Verdict():
                return replace(then, verdict=event, phase="", check="", turns=event.turns, usd=event.usd)
            case _:
                return then


def _counted(tools: tuple[tuple[str, int], ...], tool: str) -> tuple[tuple[str, int], ...]:
    count = dict(tools)
    known = tool if tool in count or len(count) < MOST_TOOLS else OTHER_TOOLS
    return tuple({**count, known: count.get(known, 0) + 1}.items())
