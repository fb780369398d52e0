"""Where each issue stands: one closed union, derived from a snapshot. `bot.core.plan` turns it into effects.

The same value feeds the status comment, `/ai why`, `ai-ready plan` and the page.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.core.inits.portion import Portion
from bot.core.inits.tally import Tally
from bot.core.ledger import Record
from bot.core.limits import Cap
from bot.core.model import Actor, Claim, Pull
from bot.core.names import RunKind
from bot.core.order import Blocker
from bot.core.requests import Request


@dataclass(frozen=True, slots=True)
class Unasked:
    """Nobody asks for anything; labels and comments are left as they are."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The request is gone (label removed, `/ai stop`) before a run started."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The issue was closed: its state labels go."""

    merged: int = 0
    """The pull request of its last run, where that was merged."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The label was put on by somebody who may not ask."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Waiting:
    """Prerequisites are open."""

    request: Request
    on: tuple[Blocker, ...]
    """The nearest ones."""
    total: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """It can never become ready as things are: a cycle, itself, something missing or unreadable."""

    request: Request
    reason: str
    path: tuple[str, ...]
    """The cycle, or the reference that can't be read."""


class PlanState(Enum):
    """What is to be said of a plan that waits for approval."""

    NONE = "none"
    """There is none."""
    WAITS = "waits"
    OUTDATED = "outdated"
    """The issue was edited since."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Ready but not started."""

    request: Request
    why: str
    cap: Cap | None = None
    """The cap that is reached, where it is one."""
    plan: PlanState = PlanState.NONE
    """Set: it waits for somebody's approval of the plan that was made for it."""


@dataclass(frozen=True, slots=True)
class Start:
    """Ready, and there is room: start it now."""

    issue: int
    request: Request
    run_key: str
    attempt: int
    model: str
    usd: float
    minutes: int
    kind: RunKind = "work"

    @property
    def pull(self) -> int:
        """Our pull request that it mends; 0: it does the issue's work."""
        return self.request.pull


@dataclass(frozen=True, slots=True)
class Unstartable:
    """It would start now, but the run ends before it begins: content edited, config invalid."""

    request: Request
    run_key: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    """A dispatched run has not claimed it yet, or (server mode) waits for a runner."""

    run_key: str
    at: datetime
    url: str = ""
    """The run's page, where it is known."""
    claim: Claim | None = None
    """The row of the server's ledger."""
    request: Request | None = None
    """What it answers, while that is alive; only with a claim."""
    confirmed: bool = True
    """False: what admitted it no longer holds, so the run is taken back before it begins."""


@dataclass(frozen=True, slots=True)
class Running:
    """A run holds the claim."""

    claim: Claim
    url: str
    confirmed: bool = True
    """False: it is our own claim, and a fact that admitted it no longer holds."""
    crowded: bool = False
    """It is our own claim, and there is room for it once younger ones, made at the same moment, have stepped back."""
    start: "Start | None" = None
    """What admitted it, where it is our own claim, confirmed and not crowded."""
    ours: bool = False
    """Whoever plans says so on the issue: a gate of its own claim, the server of its ledger's."""
    request: Request | None = None
    """What it answers, while that is alive; only of the server's ledger."""
    place: Waiting | None = None
    """What it would have to wait for, had it not begun: a prerequisite was opened again, or came up since."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The run that held the claim ended without a verdict."""

    claim: Claim
    conclusion: str
    url: str
    place: Waiting | Invalid | None = None
    """Where its request stands, which the server took the run back for before it began: that goes on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Its last run ended and nobody asked again."""

    record: Record
    again: bool = False
    """The same request has attempts left (its runner vanished): it goes on as soon as the claim is released."""


@dataclass(frozen=True, slots=True)
class Making:
    """Somebody approved the plan of issues that was made for it; they are being made."""

    request: Request
    """The approval."""
    tally: Tally
    """What is made, as far as it can be seen."""
    portion: Portion | None = None
    """What to do now."""
    waits: bool = False
    """Nothing is done now: it is not known yet whether something was."""


@dataclass(frozen=True, slots=True)
class Made:
    """The issues of its plan are made, or GitHub refuses to make them."""

    tally: Tally
    request: Request | None = None
    """The approval, while that is not answered."""


@dataclass(frozen=True, slots=True)
class RoundsUsed:
    """A review (or CI) asks for changes of our pull request, which has had all its review rounds."""

    record: Record
    request: Request
    rounds: int


@dataclass(frozen=True, slots=True)
class PullClosed:
    """Done, but the pull request was closed without a merge."""

    record: Record
    pull: Pull


@dataclass(frozen=True, slots=True)
class PullMerged:
    """The pull request was merged into a base on which `Closes #n` does nothing."""

    record: Record
    pull: Pull


Situation = (
    Unasked
    | Withdrawn
    | Closed
    | Refused
    | Waiting
    | Invalid
    | Hold
    | Start
    | Unstartable
    | Queued
    | Running
    | Lost
    | Ended
    | Making
    | Made
    | RoundsUsed
    | PullClosed
    | PullMerged
)
