"""What every worker of the server has at hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from bot.core.access import ASKERS
from bot.core.live import Following
from bot.core.model import Actor, Permission, Snapshot
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.survey import Survey
from bot.github.ports import Place
from bot.notify.notice import Tell
from bot.server.github_ports import AppGitHub, RepositoryGitHub
from bot.server.pausing import Pause
from bot.server.ports import Store
from bot.server.rules import Rules

NEVER = datetime.min.replace(tzinfo=UTC)

Show = Callable[[Place, Snapshot, Survey, RepoConfig | ConfigProblem], None]
"""Is shown what a pass saw in a repository, at its end; waits for nobody."""


def nobody_looks(_place: Place, _seen: Snapshot, _survey: Survey, _config: RepoConfig | ConfigProblem) -> None:
    """There is no page."""


Trace = Callable[[str], None]
"""Called after each step of a dispatch: `s4` taken, `s5` read, `s6` intent committed, `s7` sent, `s8` recorded, `s9` said,
`s10` finished. For logs, and for the chaos tests, which kill the process there."""


class Meters(Protocol):
    """What is counted. Numbers and fixed words only: nothing private."""

    def passed(self, seconds: float, result: str) -> None:
        """Work on a lane ended: `done`, `failed`, `lost`."""
        ...

    def dispatched(self, result: str) -> None:
        """A dispatch was sent: `ok`, `unsure`, `refused`, or found by look-up: `found`."""
        ...

    def ended(self, code: str) -> None:
        """A run was released with this verdict code."""
        ...

    def redelivered(self, result: str) -> None:
        """GitHub was asked for a delivery once more: `ok`, `refused`."""
        ...

    def cut(self, what: str) -> None:
        """A list of GitHub's is longer than what is read of it: `installations`, `repositories`, `deliveries`."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts that passes and chores share."""

    store: Store
    github: AppGitHub
    rules: Rules
    meters: Meters
    clock: Callable[[], datetime]
    parse_config: Callable[[str | None], RepoConfig | ConfigProblem]
    trace: Trace
    tell: Tell
    """Is told of the verdicts that the server says itself; returns at once."""
    show: Show = nobody_looks


@dataclass(slots=True)
class Shelf:
    """What this process remembers of one repository between two passes. A cache: losing it costs requests, not work."""

    place: Place
    client: RepositoryGitHub
    snapshot: Snapshot | None = None
    """As last read, with our own writes since."""
    read_at: datetime = NEVER
    """When that reading began."""
    fence: int = 0
    """Of the pass that ended last here: with any other than the next one, somebody else served the lane in between."""
    permissions: dict[int, tuple[Permission, datetime]] = field(default_factory=dict)
    """By user id, and when it was read."""
    order: Following = field(default_factory=Following)
    """Its issues in order as they were last planned: the next plan begins with what changed."""
    pause: Pause = field(default_factory=Pause)
    unstarted: int = 0
    """Passes in a row that left something which could not be started: each is looked at again later than the one before."""

    @property
    def known_snapshot(self) -> Snapshot:
        """The snapshot of a pass under way; a pass reads before it does anything else."""
        assert self.snapshot is not None  # noqa: S101
        return self.snapshot

    def known(self, now: datetime, rules: Rules) -> dict[int, Permission]:
        """Permissions that are young enough to be believed."""
        return {
            person: may
            for person, (may, at) in self.permissions.items()
            if may is not Permission.UNKNOWN
            and (now - at).total_seconds() < (rules.permission if may in ASKERS else rules.refusal)
        }

    def learn(self, people: dict[Actor, Permission], now: datetime) -> None:
        """Keep what was just read."""
        self.permissions.update({actor.id: (may, now) for actor, may in people.items()})
