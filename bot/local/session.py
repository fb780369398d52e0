"""A session of the runner: what it did so far, on disk, so that limits hold over restarts. Pure but for reading and writing.

A fresh `ai-ready start` begins a new session; `--resume` goes on with the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from bot.core.messages.words import counted, money
from bot.core.settings import Laptop
from bot.local.state import read_record, write_record

VERSION: Final = 1
MOST_EVENTS: Final = 50
"""The last ones are kept."""


class RunnerState(StrEnum):
    """What a runner is at."""

    IDLE = "idle"
    """It never ran here."""
    RUNNING = "running"
    WAITING = "waiting"
    """There is nothing to do for now."""
    PAUSED = "paused"
    """A person has to say how to go on."""
    STOPPED = "stopped"
    """It was told to."""
    COMPLETED = "completed"
    """It did what it was asked for, or came to a limit of the session."""
    KILLED = "killed"
    """Its process is gone without a word; never in a file, only told."""
    ERROR = "error"
    """It could not go on, or a task failed and `local.on_failure` is stop."""


Ending = Literal["done", "blocked", "crashed", "stopped"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt cost."""

    usd: float
    turns: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the session's story."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Session:
    """Counters, and the last things that happened."""

    session_id: str
    agent_id: str
    source: str
    began: datetime
    """UTC."""
    state: RunnerState = RunnerState.RUNNING
    tasks_completed: int = 0
    """Ended as Done."""
    tasks_blocked: int = 0
    """Ended as Blocked."""
    crashes: int = 0
    """Attempts that were tried again because the agent crashed."""
    total_cost: float = 0.0
    """US dollars, of every attempt."""
    turns: int = 0
    seconds: float = 0.0
    """That attempts took."""
    last_run: str = ""
    """The run key that was counted last: nothing is counted twice."""
    task: str = ""
    """The task that is under way, as people call it."""
    why: str = ""
    """Why it is in its state, in one sentence."""
    updated: datetime | None = None
    events: tuple[Happening, ...] = ()
    version: int = VERSION

    @property
    def tasks(self) -> int:
        """All that ended."""
        return self.tasks_completed + self.tasks_blocked

    def moved(self, state: RunnerState, at: datetime, *, task: str = "", why: str = "") -> "Session":
        """In another state."""
        return replace(self, state=state, updated=at, task=task, why=why)

    def noted(self, at: datetime, text: str) -> "Session":
        """With one more event."""
        return replace(self, updated=at, events=(*self.events, Happening(at, text))[-MOST_EVENTS:])

    def counted(self, run_key: str, how: Ending, spent: Spent) -> "Session":
        """With an attempt that ended; once. After one that crashed or was stopped the task has not ended."""
        if run_key == self.last_run:
            return self
        return replace(
            self,
            last_run=run_key,
            tasks_completed=self.tasks_completed + (how == "done"),
            tasks_blocked=self.tasks_blocked + (how == "blocked"),
            crashes=self.crashes + (how == "crashed"),
            total_cost=self.total_cost + spent.usd,
            turns=self.turns + spent.turns,
            seconds=self.seconds + spent.seconds,
        )


def limit_reached(session: Session, limits: Laptop) -> str:
    """Why no further task is started, in one sentence; empty: the session goes on."""
    if session.tasks >= limits.tasks:
        return (
            f"Task limit reached: {counted(session.tasks, 'task')} in this session (`local.tasks` is {limits.tasks}). "
            "`ai-ready start` without --resume begins a new session."
        )
    if session.total_cost >= limits.usd:
        return (
            f"Cost limit reached: {money(session.total_cost)} of {money(limits.usd)} (`local.usd`) are used up. "
            "`ai-ready start` without --resume begins a new session."
        )
    if session.turns >= limits.turns:
        return (
            f"Turn limit reached: {counted(session.turns, 'turn')} in this session (`local.turns` is {limits.turns}). "
            "`ai-ready start` without --resume begins a new session."
        )
    return ""


def read_session(path: Path) -> Session | None:
    """The last session; None: there was none. Raises `UnreadableState`."""
    return read_record(path, Session, version=VERSION)


def write_session(path: Path, session: Session) -> Session:
    """Keep it."""
    write_record(path, session)
    return session


class Book:
    """The session of a runner that is at work: every change is on disk before the next step."""

    def __init__(self, path: Path, session: Session, now: Callable[[], datetime]) -> None:
        """`path`: where it is kept."""
        self._path, self._now = path, now
        self.session = write_session(path, session)

    def move(self, state: RunnerState, *, task: str = "", why: str = "") -> None:
        """Be in another state."""
        if (state, task, why) != (self.session.state, self.session.task, self.session.why):
            self._keep(self.session.moved(state, self._now(), task=task, why=why))

    def note(self, text: str) -> None:
        """Something happened."""
        self._keep(self.session.noted(self._now(), text))

    def count(self, run_key: str, how: Ending, spent: Spent) -> None:
        """An attempt ended."""
        self._keep(self.session.counted(run_key, how, spent))

    def _keep(self, session: Session) -> None:
        self.session = write_session(self._path, session)
