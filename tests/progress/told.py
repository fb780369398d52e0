"""A journal with a clock of the test's own, and the tale of a whole run to tell it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.progress.events import (
    AgentBegan,
    AgentEnded,
    AgentSaid,
    ApiRetried,
    CheckBegan,
    CheckEnded,
    Entry,
    Event,
    Isolated,
    PhaseBegan,
    PhaseEnded,
    RunBegan,
    StillWorking,
    Todo,
    TodosChanged,
    ToolDenied,
    ToolUsed,
    TurnBegan,
    Verdict,
)
from bot.progress.journal import Clock, Journal
from bot.progress.lines import line_for
from bot.progress.state import Progress

T0 = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECRET = "sk-ant-api03-canary-0123456789abcdefghij"
PAGE = "https://github.com/acme/shop"
RUN = RunBegan(
    *("acme/shop", "Add up the prices in a cart", "ai/issue-7", "sonnet", 5.0, 30),
    run_url=f"{PAGE}/actions/runs/42",
    issue_url=f"{PAGE}/issues/7",
)
HOSTILE = (
    "a\n::set-output name=x::y\r\x1b[31m##[error]z\u202e\ud800 @rita ![x](https://evil.example/p.png) | fixes #1 `"
)


@dataclass
class Room:
    """A journal, and all that was heard of it."""

    folder: Path | None = None
    screen: Callable[[str], str] = field(default=lambda text: text.replace(SECRET, "[redacted]"))
    seconds: float = 0.0
    log: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = Clock(lambda: T0 + timedelta(seconds=self.seconds), lambda: self.seconds)
        self.journal = Journal(
            "7-L1-1", 7,
            screen=self.screen, log=self.log.append, listeners=(self.hear,), folder=self.folder, clock=clock,
        )  # fmt: skip

    def hear(self, entry: Entry, progress: Progress) -> None:
        self.entries.append(entry)
        line = line_for(entry, progress)
        self.log.extend([line.text] if line else [])

    def tell(self, *events: Event, apart: float = 0.0) -> "Room":
        for event in events:
            self.journal.tell(event)
            self.seconds += apart
        return self

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]


def todos(*states: str) -> TodosChanged:
    names = ("Read the cart", "Add the prices up", "Run the tests")
    return TodosChanged(tuple(Todo(name, state) for name, state in zip(names, states, strict=True)))  # type: ignore[arg-type]


def check(name: str, command: str, code: int, seconds: float, *, detected: bool = False) -> tuple[Event, Event]:
    return (
        CheckBegan(name, command, detected, 15),
        CheckEnded(name, command, detected, code, seconds),
    )


BEGINNING: tuple[Event, ...] = (
    RUN,
    PhaseBegan("look", 0, 0),
    PhaseEnded("look", 1.0),
    Isolated("uid 61001"),
    PhaseBegan("checkout", 0, 0),
    PhaseEnded("checkout", 1.0),
    PhaseBegan("setup", 0, 0),
    *check("setup", "uv sync", 0, 10.9),
    PhaseEnded("setup", 2.0),
    PhaseBegan("agent", 1, 2),
    AgentBegan("claude-sonnet-5-5", "2.1.329", "s-1", 50),
    TurnBegan(1, 0.004),
    AgentSaid("I'll read the cart first. …"),
    ToolUsed("Read", "shop/cart.py"),
    todos("in-progress", "pending", "pending"),
    TurnBegan(2, 0.06),
    todos("completed", "in-progress", "pending"),
    ToolUsed("Edit", "shop/cart.py"),
    ApiRetried(529, 1, 7),
    ApiRetried(0, 2, 7),
    TurnBegan(3, 0.43),
    ToolUsed("Bash", "cd … && python3 -m pytest …"),
    StillWorking("agent", 31.0, 3, 0.43),
)
END: tuple[Event, ...] = (
    ToolDenied("WebFetch"),
    AgentEnded("done", 3, 0.43, 56.2),
    PhaseEnded("agent", 56.2),
    PhaseBegan("collect", 0, 0),
    PhaseEnded("collect", 0.1),
    PhaseBegan("checks", 0, 0),
    *check("fresh setup", "uv sync", 0, 3.0),
    *check("lint", "uv run ruff check", -1, 900.0),
    *check("test", "uv run pytest -q", 1, 12.34, detected=True),
    PhaseEnded("checks", 20.0),
    PhaseBegan("agent", 2, 2),
    StillWorking("agent", 3600.0, 3, 0.5),
    AgentEnded("timed-out", 0, 0.5, 3600.0),
    PhaseEnded("agent", 3600.0),
    PhaseBegan("bundle", 0, 0),
    StillWorking("bundle", 30.0, 3, 0.5),
    PhaseEnded("bundle", 0.3),
    Verdict("blocked", "tests-failed", "The test command failed with exit code 1: uv run pytest -q", 3, 0.5, 3700.0),
)
WHOLE: tuple[Event, ...] = (*BEGINNING, *END)


def told(events: Iterable[Event], apart: float = 1.0) -> Room:
    """A room in which these were told, `apart` seconds after each other."""
    return Room().tell(*events, apart=apart)
