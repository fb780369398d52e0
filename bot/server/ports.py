"""What the server's parts ask of each other: the store. Frozen data and narrow Protocols.

A *lane* is whatever is worked on by one worker at a time: a repository, an installation, a timer. A lane is *due* at a
time; work on it is taken under a *lease* with a fencing number, so that a worker that was taken for dead can't write
what a newer one has overtaken. A delivery only makes its lane due and leaves *marks* (which issues to look at).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bot.core.model import ActionsRun
from bot.errors import AiReadyError
from bot.github.ports import Place, RunNews

if TYPE_CHECKING:
    from concurrent.futures import Future


class StoreUnavailable(AiReadyError):
    """The database can't be read or written now (locked, full, gone). Nothing was stored; say 503 or try again."""


# ---------------------------------------------------------------------------------------------- lanes


class LaneKind(StrEnum):
    """What a lane is for."""

    REPOSITORY = "repository"
    INSTALLATION = "installation"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Lane:
    """The name of a lane."""

    kind: LaneKind
    id: int
    """Numeric id of the repository or installation; of a timer, its number in `bot.server.timers`."""


@dataclass(frozen=True, slots=True)
class Work:
    """A lane that was taken: ours until `until`."""

    lane: Lane
    fence: int
    """Grows with every taking; whatever is written for this work is refused once a newer one exists."""
    until: datetime
    marks: frozenset[int] = frozenset()
    """Issues that deliveries named since the lane was served last; 0 says "the whole repository"."""
    attempts: int = 0
    """How often in a row work on this lane has failed."""
    news_only: bool = False
    """Every mark since the last service was about a run that the ledger knows: nothing else need be read."""
    last_mark: int = 0
    """The newest mark that is part of this work; later ones make the lane due again."""


class Lanes(Protocol):
    """The queue. Durable; several processes may take from it (PostgreSQL) or several threads (SQLite)."""

    def take(self, now: datetime, *, lease: float) -> Work | None:
        """Take the due lane that was served longest ago; None: nothing is due. `lease` in seconds.

        Lanes of an installation that rests (`Pace.rest`), and lanes under somebody's living lease, are not due.
        """
        ...

    def extend(self, work: Work, until: datetime) -> bool:
        """Keep it longer; False: it was lost to another worker, so stop at once and write nothing."""
        ...

    def finish(self, work: Work, *, due: datetime | None = None) -> None:
        """Done: its marks go; due again at `due`, or at once where marks came meanwhile; None: when somebody asks."""
        ...

    def fail(self, work: Work, *, error: str, due: datetime) -> None:
        """Not done: its marks stay, it is tried again at `due`, and counts one more failed attempt."""
        ...

    def make_due(self, lanes: Iterable[Lane], at: datetime) -> None:
        """Make them due at `at`, unless they are due earlier. Unknown lanes come into being."""
        ...

    def repositories_due(self, at: datetime) -> None:
        """Make every living repository's lane due at `at`, unless it is due earlier: the reconcile timer.

        One that failed, and waits for its next try, is left alone.
        """
        ...

    def next_due(self) -> datetime | None:
        """When there is something to take; None: nothing is planned."""
        ...


# ---------------------------------------------------------------------------------------------- inbox


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery, as far as it is kept: ids, never its body."""

    guid: str
    event: str
    action: str
    at: datetime
    installation_id: int = 0
    repository_id: int = 0
    repository: str = ""
    """`owner/name` as the delivery has it: how a renamed repository is followed."""
    issue: int = 0
    """0: the whole repository is to be looked at."""
    interesting: bool = True
    """False: kept for its GUID alone; makes nothing due."""
    run: RunNews | None = None
    wait: float = 0.0
    """Seconds until its lane is due, unless something else makes it due before."""


class Inbox(Protocol):
    """Deliveries. Committed (durable) before the future is done."""

    def receive(self, delivery: Received) -> "Future[bool]":
        """Store it, mark its lane and make that due, in one transaction. False: this GUID is stored already.

        A delivery of a repository that is unknown makes its installation's lane due instead. `run` is written to the
        ledger's row of that run id or run key, if there is one, and never moves it back.
        The future raises `StoreUnavailable`.
        """
        ...

    def known(self, guids: Collection[str]) -> frozenset[str]:
        """Those that were received."""
        ...

    def redelivered(self, guids: Collection[str]) -> dict[str, int]:
        """How often we asked GitHub for each of them."""
        ...

    def count_redelivery(self, guid: str, at: datetime) -> None:
        """We asked once more."""
        ...

    def forget_deliveries(self, before: datetime) -> int:
        """Drop what is older; how many."""
        ...


# --------------------------------------------------------------------------------------------- places


class Places(Protocol):
    """Installations and repositories, by numeric id."""

    def put_installation(
        self, installation_id: int, account: str, repositories: Sequence[Place], *, gone: Collection[int] = ()
    ) -> None:
        """What an installation reaches: new ones come (due at once), those in `gone` go (their active runs are kept)."""
        ...

    def drop_installation(self, installation_id: int) -> None:
        """It was removed or suspended: its repositories are no longer worked on. Their runs are kept, as `put_installation`
        keeps them: what became of those is said when a repository comes back.
        """
        ...

    def installations(self) -> tuple[int, ...]:
        """The living ones."""
        ...

    def place(self, repository_id: int) -> Place | None:
        """None: unknown, or no longer reached."""
        ...

    def places(self) -> tuple[Place, ...]:
        """All living ones."""
        ...


# --------------------------------------------------------------------------------------------- ledger


class RunStage(StrEnum):
    """How far a run in the ledger is. Only ever forward."""

    INTENDED = "intended"
    """The intent is committed; the dispatch was perhaps sent."""
    DISPATCHED = "dispatched"
    STARTED = "started"
    COMPLETED = "completed"
    """GitHub says that it ended; the plan still has to see its verdict, or give it one."""


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """A claim of the server: one run of one issue. At most one unreleased per issue; a run key is used once for ever."""

    repository_id: int
    issue: int
    run_key: str
    stage: RunStage
    at: datetime
    """When it was intended."""
    until: datetime
    """When it is taken for stuck, whatever GitHub says."""
    usd: float
    """Reserved until it is released."""
    sent_at: datetime | None = None
    """When the dispatch was last sent (written before it is sent)."""
    sends: int = 0
    run_id: int = 0
    """The workflow run; 0: not known (yet)."""
    url: str = ""
    conclusion: str = ""
    ended_at: datetime | None = None
    """When the ledger first heard that it had ended (`completed`, or deleted)."""
    cancelled: bool = False
    """We asked GitHub to cancel it."""


class Ledger(Protocol):
    """The server's claims. Every write is fenced by the work it is part of: False means that the lease was lost."""

    def claims(self, repository_id: int) -> tuple[LedgerRun, ...]:
        """The unreleased ones, oldest first."""
        ...

    def intend(self, work: Work, run: LedgerRun, *, most: int) -> bool:
        """Claim the issue. False: it is claimed, the run key was used, the repository has no share left of the `most`
        runs of its installation, or the lease was lost.
        """
        ...

    def sending(self, work: Work, run_key: str, at: datetime) -> bool:
        """The dispatch is about to be sent (again)."""
        ...

    def dispatched(self, work: Work, run_key: str, run_id: int, url: str) -> bool:
        """GitHub has it; `run_id` 0: it did not say which."""
        ...

    def seen(self, work: Work, run_key: str, run: ActionsRun) -> bool:
        """What a read of the run said: its id, address, state and conclusion."""
        ...

    def cancelling(self, work: Work, run_key: str) -> bool:
        """GitHub was asked to cancel it."""
        ...

    def withdraw(self, work: Work, run_key: str) -> bool:
        """It was certainly never dispatched: the row goes, so that the same run key may be intended again."""
        ...

    def release(self, work: Work, run_key: str, *, verdict: str, usd: float) -> bool:
        """It ended: the claim is free, the reservation settled at `usd`."""
        ...


# ------------------------------------------------------------------------------ one installation's runs


@dataclass(frozen=True, slots=True)
class Share:
    """What a repository may have of its installation's runs now."""

    room: int = 0
    """How many more it may start: free places, less those kept for repositories that have waited with fewer runs."""
    starving: bool = False
    """It is noted that the cap holds something back here."""


class Shares(Protocol):
    """One installation's cap, shared by its repositories in all replicas."""

    def share(self, repository_id: int, *, most: int) -> Share:
        """Its part of the `most` runs."""
        ...

    def starve(self, work: Work, since: datetime | None) -> bool:
        """Note that the cap holds something back here; None: no more. False: the lease was lost."""
        ...

    def feed(self, installation_id: int, at: datetime) -> None:
        """A place may have become free: repositories that starve are due at `at`."""
        ...


# --------------------------------------------------------------------------------- saying things once


class Said(Protocol):
    """What was posted lately, because a list may be older than what we did (GitHub's reads are not our writes)."""

    def about_to_say(self, work: Work, digest: str, *, now: datetime, within: float) -> bool:
        """Commit that this comment is about to be posted. False: it (or the lease) was lost, or the same was posted
        less than `within` seconds ago; look again later.
        """
        ...

    def not_said(self, work: Work, digest: str) -> None:
        """GitHub refused it for sure, so it may be said again at once."""
        ...


# ----------------------------------------------------------------------------------------------- pace


class Pace(Protocol):
    """GitHub's limits of one installation, kept by all workers and replicas together."""

    def turn(self, installation_id: int, creates: int, now: datetime) -> float:
        """Seconds to wait before `creates` pieces of content may be created; the turn is taken."""
        ...

    def rest(self, installation_id: int, until: datetime) -> None:
        """Leave this installation alone until then (never shortens)."""
        ...

    def resting(self, installation_id: int, now: datetime) -> float:
        """Seconds that it still rests; 0: it doesn't."""
        ...


# -------------------------------------------------------------------------------------------- history


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of the ledger, ended or not."""

    run: LedgerRun
    released: bool
    """It ended, and its verdict was said; `run.usd` is what it cost."""
    verdict: str
    """`done` or a reason code; empty: none yet."""


class History(Protocol):
    """What the page shows of what was. Only reads."""

    def past_runs(self, repository_id: int, *, most: int) -> tuple[PastRun, ...]:
        """The newest runs of a repository, newest first."""
        ...

    def last_delivery(self) -> datetime | None:
        """When the newest one came; None: none is kept."""
        ...

    def undelivered(self, since: datetime) -> int:
        """How many deliveries GitHub was asked for again since then, and have not come."""
        ...


@dataclass(frozen=True, slots=True)
class Counts:
    """For health and metrics: numbers only."""

    lanes_due: int = 0
    oldest_due_seconds: float = 0.0
    lanes_failing: int = 0
    repositories: int = 0
    installations: int = 0
    runs_active: int = 0
    deliveries: int = 0
    resting: int = 0


class Store(Lanes, Inbox, Places, Ledger, Shares, Said, Pace, History, Protocol):
    """All of it, over one database. Thread-safe. Every method raises `StoreUnavailable`."""

    def counts(self, now: datetime) -> Counts:
        """How much there is of everything."""
        ...

    def ping(self) -> None:
        """Returns when the database can be written to."""
        ...

    def remember(self, key: str, value: str) -> None:
        """A small fact of the server's own (when the sweep last ran)."""
        ...

    def recall(self, key: str) -> str:
        """Empty: never remembered."""
        ...

    def close(self) -> None:
        """Write what is pending, then let go of the database."""
        ...
