"""What a task source is: the facts of a task, the one status contract, the Protocol, and what can go wrong.

A `Tracker` is opened for one agent (`agent`: the id it claims with). All writes are compare-and-set: they hold only as
long as the task stands as the `Task` says that was read, else `Stale` or `Taken` is raised and nothing has changed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from bot.core.model import Standing
from bot.errors import AiReadyError, ConfigError


class Status(StrEnum):
    """Where a task stands: the one contract. Every source maps its own names to these, and no name to a guess."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    """The work is there and a person has to look at it. Later tasks wait."""
    BLOCKED = "blocked"
    """A run ended without a result, or a person has to decide."""
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        """Whether other tasks wait for this one."""
        return self not in (Status.DONE, Status.CANCELLED)


class Priority(IntEnum):
    """How urgent; a smaller number comes first. A task without one is normal."""

    URGENT = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A task that the source itself says comes first."""

    id: str
    name: str
    """What people call it."""
    standing: Standing
    """As the source says; a task that it does not know is UNREADABLE, one that was not read UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it was read."""

    id: str
    """What the source's own calls take."""
    name: str
    """What people call it: `ENG-12`, `TASK-3`, the file's name."""
    title: str
    status: Status
    revision: str
    """Another one: the task has changed since."""
    body: str = ""
    """Everything that the agent should read: description, acceptance criteria, plan, notes."""
    priority: Priority = Priority.NORMAL
    labels: frozenset[str] = frozenset()
    series: str = ""
    """The milestone or project it belongs to, for titles without a prefix."""
    prerequisites: tuple[Prerequisite, ...] = ()
    parent: str = ""
    """The name of the task that this one is a part of."""
    claimed_by: str = ""
    """The agent that works on it, as far as the source tells."""
    eligible: bool = True
    """Our agent may take it (of Headless PM: its role and level fit)."""
    level: str = ""
    """junior, senior or principal, where the source says so."""
    complexity: str = ""
    """minor or major, where the source says so."""
    url: str = ""
    pull: str = ""
    """The pull request that is linked, where the source tells it with the task."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be made."""

    title: str
    body: str = ""
    priority: Priority = Priority.NORMAL
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A task that can't be read. It keeps its place in the order, and nobody starts it."""

    id: str
    title: str
    """Empty where that can't be read either."""
    text: str
    """One sentence: where it is, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All tasks of a source, in the source's own order."""

    tasks: tuple[Task, ...]
    problems: tuple[Problem, ...] = ()


class Tracker(Protocol):
    """A task source. Every method may raise `TrackerError`, with one sentence that says what to do."""

    @property
    def source(self) -> str:
        """Its type in the configuration: `file`, `backlog`, `linear`, `headless-pm`."""
        ...

    def check(self, needed: Collection[Status]) -> None:
        """Make sure, before any claim, that the source can be reached, written and has these statuses.

        Raises `SourceConfigError`, which names the source, what it lacks and how to mend it.
        """
        ...

    def list(self) -> Listing:
        """All tasks, also those that are done: they say what has been satisfied."""
        ...

    def get(self, task_id: str) -> Task:
        """One task, by its id or the name that people use. Raises `NoSuchTask`."""
        ...

    def claim(self, task: Task) -> Task:
        """Take a task that is todo: in_progress, and ours. Of any number of agents exactly one succeeds.

        A task that is ours already is ours again, so a crashed run is taken up. Raises `Taken` or `Stale`.
        """
        ...

    def heartbeat(self, task: Task) -> None:
        """Say that we are still at work on a task we claimed. Call it every few minutes; most sources need nothing."""
        ...

    def set_status(self, task: Task, status: Status) -> Task:
        """Move a task; leaving in_progress ends the claim. Raises `Taken` or `Stale` if its status is not the one read."""
        ...

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """Add a note; what is there is kept.

        `once`: a mark that is part of `text`; where a note with that mark is there already, nothing is added.
        """
        ...

    def attach(self, task: Task, url: str, title: str) -> None:
        """Link a pull request; doing so twice changes nothing."""
        ...

    def create(self, new: NewTask) -> Task:
        """Make a task; it is todo."""
        ...

    def relate(self, task: Task, first: Task) -> None:
        """Say that `first` comes before `task`; doing so twice changes nothing. Raises `NoRelations`."""
        ...


@dataclass(frozen=True, slots=True)
class Wording:
    """What a task says from now on."""

    text: Callable[[str], str]
    """Of what it says now, what it says then: asked when nobody else can change it."""
    title: str = ""
    """Empty: it stays."""
    priority: Priority | None = None
    """None: it stays."""


@runtime_checkable
class Rewriting(Protocol):
    """A task source whose tasks can be rewritten; not every one can."""

    def rewrite(self, task: Task, wording: Wording) -> Task:
        """Say something else in a task; status, claim and notes stay. Raises `Stale` if it has changed since it was read."""
        ...


# ------------------------------------------------------------------------------------------------ errors


class TrackerError(AiReadyError):
    """A task source said no, or nothing. `transient`: the same call may well succeed later."""

    transient: ClassVar[bool] = False


class SourceConfigError(TrackerError, ConfigError):
    """The source can't be used as it is configured. Exit 2."""

    exit_code: ClassVar[int] = 2


class SourceUnavailable(TrackerError):
    """No answer, too many requests, or a fault of the source's own."""

    transient: ClassVar[bool] = True

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to leave the source alone, where it said so."""


class NoSuchTask(TrackerError):
    """The source has no task of that id."""


class Taken(TrackerError):
    """Another agent has it, or it is not todo any more."""


class Stale(TrackerError):
    """The task has changed since it was read: read it again."""


class NoRelations(TrackerError):
    """The source can't hold what comes before what; titles such as `[AUTH-1.2]` can."""


@dataclass(frozen=True, slots=True)
class StatusNames:
    """How a source's own status names map to the contract, both ways."""

    source: str
    names: Mapping[Status, str]

    def demand(self, needed: Collection[Status], fix: str) -> None:
        """Raise `SourceConfigError` for the statuses that the source lacks."""
        lacking = [status.value for status in Status if status in needed and status not in self.names]
        if lacking:
            raise SourceConfigError(f"The task source {self.source} has no status for {' and '.join(lacking)}: {fix}.")


def must_be_ours(task: Task, now: Task, agent: str) -> None:
    """Raise unless a task still stands as it was read, and nobody else has it."""
    if now.claimed_by and now.claimed_by != agent:
        raise Taken(f"{now.name} is claimed by {now.claimed_by}.")
    if now.status is not task.status:
        raise Stale(f"{now.name} is {now.status.value} now, no longer {task.status.value}: leaving it as it is.")


def must_be_as_read(task: Task, now: Task) -> None:
    """Raise unless nobody has changed a task since."""
    if now.revision != task.revision:
        raise Stale(f"{now.name} was changed since it was read: leaving it as it is.")


def must_be_free(now: Task) -> None:
    """Raise unless a task may be claimed."""
    if now.status is not Status.TODO:
        by = f" by {now.claimed_by}" if now.claimed_by else ""
        raise Taken(f"{now.name} is {now.status.value}{by}, so it can't be claimed.")
