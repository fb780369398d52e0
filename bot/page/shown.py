"""What the page shows, as frozen data, and `Source`: whoever supplies it (the server, a laptop's session, the demo).

The page only reads. Texts are as they are at their source, hostile ones included: templates escape every one of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from bot.core.boards.board import State

MOST_RUNS = 5_000
"""Runs of one project that are shown, the newest ones."""


class Link(NamedTuple):
    """Words that lead somewhere; where `url` is empty, only words."""

    text: str
    url: str = ""


class Issue(NamedTuple):
    """One issue (on a laptop: one task). A named tuple, because there may be 10,000 and somebody waits for the page."""

    id: str
    """Names it within its project."""
    name: Link
    """`#12` and its page."""
    title: str
    state: State
    label: str = ""
    """`AUTH-1.2`; empty without a key."""
    series: str = ""
    """`AUTH`, a milestone's title, …; empty: the project's own."""
    phase: int | None = None
    """None: it has no key."""
    place: int = 0
    """In the queue, from 1; 0: it is not in it."""
    pull: Link | None = None
    """Our open pull request for it."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`after` waits for `before`, both by id; phase order apart, which the graph shows by its columns."""

    before: str
    after: str
    because: str
    """`named in the description`, `GitHub dependency`, …"""


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that an issue waits for."""

    name: Link
    because: str
    state: str
    """What keeps it open, as Markdown."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why an issue is where it is."""

    words: str
    """A sentence or two, as Markdown."""
    waits: tuple[Wait, ...] = ()
    """The nearest ones."""
    total: int = 0
    """How many there are."""
    command: str = ""
    """What a person may write on the issue to move it on; empty: nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is used of the caps today."""

    usd: float
    usd_limit: float
    runs: int
    runs_limit: int
    active: int
    active_limit: int
    resets: datetime | None = None
    """When the day ends; None: it is no day but the session's."""
    complete: bool = True
    """False: some of it could not be read, so the caps count as reached."""


@dataclass(frozen=True, slots=True)
class Project:
    """One repository (on a laptop: one task source)."""

    id: str
    """Names it in addresses: no slash, nothing private."""
    name: Link
    at: datetime
    """When it was so."""
    issues: tuple[Issue, ...] = ()
    """In order."""
    edges: tuple[Edge, ...] = ()
    parallel: bool = False
    """Phase order holds between phases only."""
    budget: Budget | None = None
    problems: tuple[str, ...] = ()
    """What holds all of it up, or is wrong with its config; a sentence each."""
    commands: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What a person can do with the whole of it: words, and the command ready to paste."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the overview."""

    id: str
    name: Link
    at: datetime | None = None
    """When it was looked at last; None: not yet."""
    states: Mapping[State, int] = field(default_factory=lambda: MappingProxyType({}))
    """How many issues are in each."""
    budget: Budget | None = None
    problems: tuple[str, ...] = ()


RunState = Literal["queued", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one issue."""

    key: str
    issue: str
    """Its id."""
    name: Link
    """Of the issue."""
    state: RunState
    at: datetime
    """When it was begun (on a server: intended)."""
    title: str = ""
    verdict: str = ""
    """`done`, or the reason code of Blocked; empty: none yet."""
    asked_at: datetime | None = None
    """When somebody asked for it, where that is known."""
    ended_at: datetime | None = None
    usd: float = 0.0
    """Spent; of one that has not ended: reserved."""
    turns: int | None = None
    log: Link | None = None
    """Where its log is read, if not here."""
    pull: Link | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a run."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a run's log."""

    text: str
    tone: str = ""
    """One of `bot.progress.lines.Tone`."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A command of the repository that ran after the agent (or before it)."""

    name: str
    command: str
    exit_code: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Changed:
    """A file of the change; None: it is not text."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """Everything of one run."""

    run: Run
    steps: tuple[Step, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    """Name and value: model, turns, branch, …"""
    checks: tuple[CheckResult, ...] = ()
    changed: tuple[Changed, ...] = ()
    log: Sequence[LogLine] = ()
    summary: str = ""
    """The agent's own words."""
    command: str = ""
    """What a person may do now: to paste on the issue where that has a page, else in a shell."""
    changed_in: Link | None = None
    """Of what the files are, as it is now; None: of the run itself."""
    log_words: str = ""
    """Why there is no log; a sentence."""
    pending: bool = False
    """More of it will be here in a moment."""
    problems: tuple[str, ...] = ()
    """What could not be read; a sentence each."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One figure of health."""

    name: str
    """Machine-readable: `last_webhook`."""
    words: str
    """What it is."""
    value: str
    good: bool = True
    advice: str = ""
    """What to do when it is not good."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the bot is."""

    word: str
    """`ready`, `degraded`, `failing`."""
    vitals: tuple[Vital, ...] = ()


class Source(Protocol):
    """Supplies all of it. Thread-safe; may be asked often, so it keeps what is dear to make."""

    def version(self, project: str = "") -> int:
        """Another number whenever something changed in this project (empty: anywhere; `PROJECT/KEY`: in that run, too).
        At once, and from any thread.
        """
        ...

    def overview(self) -> tuple[Summary, ...]:
        """Every project, by name."""
        ...

    def name(self, project: str) -> Link | None:
        """Of a project that `project` knows; at once."""
        ...

    def project(self, project: str) -> Project | None:
        """None: there is none, or it was not looked at yet."""
        ...

    def why(self, project: str, issues: Sequence[str]) -> Mapping[str, Why]:
        """Why these issues are where they are; those of which nothing is known are left out."""
        ...

    def runs(self, project: str, most: int = MOST_RUNS) -> tuple[Run, ...]:
        """The newest `most` (at most `MOST_RUNS`), newest first."""
        ...

    def run(self, project: str, key: str) -> RunDetail | None:
        """One of them; None: there is none."""
        ...

    def health(self) -> Health:
        """How the bot is at this moment."""
        ...


def summary(project: Project) -> Summary:
    """A project as a line of the overview."""
    counted = Counter(issue.state for issue in project.issues)
    states = MappingProxyType({state: counted[state] for state in State if counted[state]})
    return Summary(project.id, project.name, project.at, states, project.budget, project.problems)
