"""What the rest of the program asks of GitHub: narrow Protocols; the clients are interchangeable behind them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from bot.core.effects import Effect
from bot.core.model import Actor, Permission, Pull, Ref, Snapshot, Standing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one effect."""

    effect: Effect
    ok: bool
    unsure: bool = False
    """No answer came (it may or may not have happened), or only a rate limit: no verdict on it. Read again first."""
    message: str = ""
    """GitHub's words where it said no."""
    status: int = 0
    retry_after: float | None = None
    """Seconds until it is worth another try, where only a rate limit (or our own pace) was in the way."""
    pull: Pull | None = None
    """What `OpenPull` opened."""
    run_id: int = 0
    """What `Dispatch` started, where GitHub said."""
    url: str = ""
    """That run's page."""
    own_gate: bool = False
    """`Dispatch`: the caller workflow takes no admission, so its own gate decides (the Action-only file)."""
    node_id: str = ""
    """Of the comment that was made."""

    @property
    def undone(self) -> bool:
        """It has certainly not happened: refused, or held back by a limit before GitHub looked at it."""
        limited = self.retry_after is not None and self.status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
        return not self.ok and (limited or not self.unsure)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that the App reaches."""

    repository_id: int
    full_name: str
    installation_id: int


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of the App."""

    id: int
    account: str
    suspended: bool = False
    permissions: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What a list showed. It may be older than what is so: what is absent from it need not be gone."""

    found: tuple[T, ...]
    whole: bool = True
    """False: there is more than we read."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an installation reaches, as its list shows it."""

    places: Listed[Place]
    """What we could work on."""
    closed: frozenset[int] = frozenset()
    """Ids of those that are archived or disabled, and so can't be written to."""


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that GitHub could not hand over."""

    id: int
    guid: str
    event: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunNews:
    """What a `workflow_run` delivery says of a run. GitHub's words; it only ever moves a run forward."""

    run_id: int
    status: str
    """`queued`, `in_progress`, `completed`, …"""
    conclusion: str
    name: str
    """Its run-name, which carries the run key."""
    url: str


class Reader(Protocol):
    """Reads facts. Every method raises `bot.errors.GitHubError` when GitHub gives no usable answer."""

    def snapshot(self, *, focus: Iterable[int] = (), now: datetime) -> Snapshot:
        """Read the repository; issues in `focus` are read in detail whatever their labels."""
        ...

    def permission(self, actor: Actor) -> Permission:
        """What `actor` may do, checked by numeric id (a re-used login is nobody); UNKNOWN when unreadable."""
        ...

    def branch_oid(self, branch: str) -> str:
        """The newest commit of any branch; empty: there is no such branch."""
        ...

    def standings(self, refs: Iterable[Ref]) -> dict[Ref, Standing]:
        """What is known of these issues or PRs, anywhere; one request per 100."""
        ...


class Writer(Protocol):
    """Does effects, in order, in as few requests as GitHub allows."""

    def apply(self, effects: Sequence[Effect], snapshot: Snapshot) -> tuple[Applied, ...]:
        """Do `effects`; one answer each, in the same order. Stops at the first failure of MakeClaim or OpenPull."""
        ...
