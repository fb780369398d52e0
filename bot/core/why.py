"""Why an issue is where it is: one explanation for the status comment, `/ai why`, `ai-ready plan` and the page.

    Snapshot, Survey ─▶ Explainer ─▶ Why ─▶ words (bot.core.messages)

- An explanation is a tree: what the issue waits for, what that waits for, down to what somebody can act on. Each issue
  shows once, where it is nearest; phase order is not repeated below a member of the same series.
- It is bounded: 10,000 issues that wait for each other have an explanation of a few lines.
- It holds no titles and no logins: numbers, sources and states only.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import islice, takewhile
from typing import NamedTuple

from bot.core.ledger import DONE
from bot.core.limits import Usage
from bot.core.model import Ref, Snapshot, Source, Standing
from bot.core.names import REQUEST_LABEL, StateLabel, issue_branch
from bot.core.order import Arrangement, Blocker
from bot.core.order import Waiting as Waits
from bot.core.settings import ConfigProblem, Limits, RepoConfig
from bot.core.situation import (
    Ended,
    Hold,
    Invalid,
    Lost,
    Making,
    PlanState,
    Queued,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
)
from bot.core.survey import Survey
from bot.core.titles import Keyed

NEAR = 10
"""Prerequisites of one issue that are named; beyond, a short answer says how many in round numbers."""
DEPTH = 4
"""Levels of a full answer."""
NODES = 40
"""Issues in a full answer."""
VISITED = 1_000
"""Issues looked at on the way down to what it comes down to."""
ENDS = 5
"""How many of those are named."""
FRONT = 3
"""Of phase order, the first ones are looked at: whatever else comes before an issue waits for them, too."""


class Progress(StrEnum):
    """How far an open issue of this repository is, as far as somebody behind it cares."""

    UNASKED = "unasked"
    """Nobody asks for it: it closes when a person closes it."""
    ASKED = "asked"
    """Somebody asks for it; where it stands was not read."""
    WAITING = "waiting"
    INVALID = "invalid"
    HOLD = "hold"
    APPROVAL = "approval"
    """Its plan waits for somebody's approval."""
    QUEUED = "queued"
    RUNNING = "running"
    REVIEW = "review"
    """Our pull request is open and nothing else is under way: a person's turn."""
    BLOCKED = "blocked"
    """Its last run ended Blocked: a person's turn."""


STUCK = frozenset({Progress.UNASKED, Progress.INVALID, Progress.APPROVAL, Progress.REVIEW, Progress.BLOCKED})
"""Nothing happens to these before a person does something."""


class Stand(NamedTuple):
    """Where an open issue of this repository stands."""

    progress: Progress
    pull: int = 0
    """Our open pull request for it."""
    situation: Situation | None = None
    """None: it was not read in detail."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is waited for, and why that is not there yet."""

    ref: Ref
    source: Source
    standing: Standing
    local: bool
    """It is in the issue's own repository."""
    stand: Stand | None = None
    """None: it is no open issue of this repository, so nothing more is known."""
    because: tuple["Reason", ...] = ()
    """What it waits for in turn, as far as that is not named elsewhere."""

    @property
    def stuck(self) -> bool:
        """It takes a person."""
        return self.standing is not Standing.UNKNOWN if self.stand is None else self.stand.progress in STUCK

    @property
    def astray(self) -> bool:
        """The same, and it is not the review that every issue comes to."""
        return self.stuck and (self.stand is None or self.stand.progress is not Progress.REVIEW)


class Place(NamedTuple):
    """A place in the queue, from 1."""

    at: int
    of: int


@dataclass(frozen=True, slots=True)
class Caps:
    """What is used of the caps, and when the day ends."""

    usage: Usage
    limits: Limits
    resets: datetime
    """The next midnight UTC."""
    at: datetime
    """When it was so."""


@dataclass(frozen=True, slots=True)
class Why:
    """The whole explanation of one issue."""

    situation: Situation
    reasons: tuple[Reason, ...] = ()
    """What it waits for, nearest first."""
    total: int = 0
    """How many prerequisites are open; `reasons` may hold fewer."""
    series: bool = False
    """Those that `reasons` leaves out come before the named ones in its series."""
    ends: tuple[Reason, ...] = ()
    """What it comes down to: the ends of the chain, those that take a person first, then the nearest first; a short
    answer has only those that take a person and are not among `reasons`."""
    place: Place | None = None
    """Waiting: among all that are ready or waiting, in order. On hold by a cap: among those that are."""
    caps: Caps | None = None


def bare(situation: Situation) -> Why:
    """What a situation says by itself, without a look around."""
    if isinstance(situation, Waiting):
        return Why(situation, tuple(map(_plain, situation.on)), situation.total)
    return Why(situation)


def explain(snapshot: Snapshot, seen: Survey, config: RepoConfig | ConfigProblem, issue: int) -> Why:
    """Why `issue` is where it is, in full."""
    return Explainer(snapshot, seen, config).full(issue)


class Explainer:
    """Explains the issues of one survey."""

    def __init__(self, snapshot: Snapshot, seen: Survey, config: RepoConfig | ConfigProblem) -> None:
        self.snapshot = snapshot
        self.seen = seen
        self.config = config
        serial = isinstance(config, RepoConfig) and config.order.within_phase == "serial"
        self.chain = Chain(seen.arrangement, self.stand, serial=serial)

    def short(self, issue: int, situation: Situation) -> Why:
        """For the status comment that says `situation`.

        Nothing in it changes with every run of the repository but place and caps, which are no reason for an edit; and
        of phase order it names what comes directly before, so that a series of n issues is n edits and not n².
        """
        if isinstance(situation, Hold) and situation.cap is not None:
            return Why(situation, place=self._turns.get(issue), caps=self.caps)
        if not isinstance(situation, Waiting):
            return Why(situation)
        reasons, series = self.chain.direct(issue)
        place, caps = self._queue.get(issue), self.caps
        if situation.total > NEAR:
            return Why(situation, reasons, situation.total, series, (), place, caps)
        named = {reason.ref for reason in reasons}
        found = self.chain.ends(issue, depth=3, most=NEAR * NEAR)
        ends = (end for end in found if end.astray and end.ref not in named)
        return Why(situation, reasons, situation.total, series, tuple(islice(ends, FRONT)), place, caps)

    def full(self, issue: int) -> Why:
        """For `/ai why` and the page: the tree, and the figures of this moment."""
        situation = self._situation(issue)
        match situation:
            case Waiting():
                reasons = self.chain.reasons(issue, depth=DEPTH, most=NODES)
                ends = sorted(self.chain.ends(issue, depth=VISITED, most=VISITED), key=lambda end: not end.stuck)
                place = self._queue.get(issue)
                return Why(situation, reasons, situation.total, False, tuple(ends[:ENDS]), place, self.caps)
            case Hold() | Start():
                return Why(situation, place=self._turns.get(issue), caps=self.caps)
            case _:
                return Why(situation)

    # ------------------------------------------------------------------------------- the queue

    @cached_property
    def _queue(self) -> dict[int, Place]:
        """The place of each issue that is ready or waiting."""
        return self._places(lambda situation: isinstance(situation, Waiting | Hold | Start))

    @cached_property
    def _turns(self) -> dict[int, Place]:
        """The place of each issue that a cap holds, among those."""
        return self._places(lambda situation: isinstance(situation, Hold) and situation.cap is not None)

    def _places(self, counts: Callable[[Situation], bool]) -> dict[int, Place]:
        queue = [number for number in self.seen.arrangement.order if counts(self._situation(number))]
        return {number: Place(at, len(queue)) for at, number in enumerate(queue, 1)}

    @cached_property
    def caps(self) -> Caps | None:
        """What is used of the caps; None: the config can't be read."""
        if isinstance(self.config, ConfigProblem):
            return None
        now = self.snapshot.now.astimezone(UTC)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return Caps(self.seen.usage, self.config.limits, today + timedelta(days=1), now)

    # ---------------------------------------------------------------------- where an issue stands

    def _situation(self, issue: int) -> Situation:
        return self.seen.situations.get(issue, _UNASKED)

    def stand(self, number: int) -> Stand:
        """How far an open issue of this repository is."""
        situation, issue = self.seen.situations.get(number), self.snapshot.issues[number]
        pull = self._pulls.get(number, 0)
        return Stand(_progress(situation, issue.labels, pull), pull, situation)

    @cached_property
    def _pulls(self) -> dict[int, int]:
        """Our open pull request by issue."""
        found = ((_OUR_BRANCH.fullmatch(pull.head), pull) for pull in self.snapshot.pulls if pull.open)
        return {int(match[1]): pull.number for match, pull in found if match}


_UNASKED = Unasked()
_OUR_BRANCH = re.compile(rf"{re.escape(issue_branch(0).removesuffix('0'))}(\d+)(?:-\d+)?", re.ASCII)


def _progress(situation: Situation | None, labels: frozenset[str], pull: int) -> Progress:
    """By its situation while something is under way, else by its labels: a light read knows no more."""
    match situation:
        case Waiting():
            return Progress.WAITING
        case Invalid():
            return Progress.INVALID
        case Hold(plan=state):
            return Progress.HOLD if state is PlanState.NONE else Progress.APPROVAL
        case Start() | Queued():
            return Progress.QUEUED
        case Running():
            return Progress.RUNNING
        case Ended(record) if record.planned:
            return Progress.APPROVAL
        case Lost() | Ended(again=True) | Making():
            return Progress.ASKED
        case Unstartable():
            return Progress.BLOCKED
        case None if labels & _UNDER_WAY:
            return Progress.ASKED
        case _ if StateLabel.BLOCKED in labels or (_half_ended(situation) and labels & _UNDER_WAY):
            return Progress.BLOCKED
        case _:
            return Progress.REVIEW if pull else Progress.UNASKED


_UNDER_WAY = frozenset({REQUEST_LABEL, StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING})


def _half_ended(situation: Situation | None) -> bool:
    """Blocked, says its verdict; its labels do not, yet."""
    return isinstance(situation, Ended) and situation.record.code != DONE


# --------------------------------------------------------------------------------------- the chain


class Chain:
    """Who waits for whom, as a tree or down to its ends; `look` says where an open issue here stands.

    `serial`: also within a phase one comes after the other (`order.within_phase`).
    """

    def __init__(self, arrangement: Arrangement, look: Callable[[int], Stand], *, serial: bool = False) -> None:
        self._arrangement = arrangement
        self._look = look
        self._serial = serial

    @cached_property
    def _waiting(self) -> dict[int, Waits]:
        return {each.number: each for each in self._arrangement.waiting}

    def direct(self, issue: int) -> tuple[tuple[Reason, ...], bool]:
        """What `issue` waits for directly, `NEAR` at most; and whether that leaves out only what is further ahead in its
        series.
        """
        waiting = self._waiting.get(issue)
        if waiting is None:
            return (), False
        named = len(waiting.named) + len(waiting.others)
        before = list(islice(self._directly_before(waiting), NEAR + 1))
        near = waiting.near(min(NEAR, named + len(before)))
        return tuple(self._reason(each, {}) for each in near), len(near) == named + len(before) < waiting.total

    def _directly_before(self, waiting: Waits) -> Iterator[int]:
        """Of its series, those of the last key before its own, backwards."""
        before = (waiting.series[at] for at in range(waiting.ahead - 1, -1, -1))
        return takewhile(lambda number: self._step(number) == self._step(waiting.series[waiting.ahead - 1]), before)

    def _step(self, number: int) -> tuple[int, int, str]:
        """What runs side by side has the same."""
        title = self._arrangement.keys[number]
        assert isinstance(title, Keyed)  # noqa: S101 (a series has keyed members only)
        return (title.phase, title.task, title.suffix) if self._serial else (title.phase, 0, "")

    def reasons(self, issue: int, *, depth: int, most: int) -> tuple[Reason, ...]:
        """What `issue` waits for, nearest first, `depth` levels and at most `most` issues in all, each once."""
        top = self._waiting.get(issue)
        if top is None:
            return ()
        first = top.near(min(NEAR, most))
        below: dict[int, tuple[Blocker, ...]] = {}
        seen = {Ref(top.repo, issue), *(blocker.ref for blocker in first)}
        queue = deque((blocker, 1) for blocker in first)
        while queue and len(seen) <= most:
            blocker, level = queue.popleft()
            waiting = self._goes_on(blocker) if level < depth else None
            if waiting is None:
                continue
            covered = waiting.series is top.series and waiting.ahead <= top.ahead
            near = (each for each in waiting.near(NEAR) if not (covered and each.source is Source.PHASE))
            new = tuple(islice((each for each in near if each.ref not in seen), most + 1 - len(seen)))
            below[blocker.ref.number] = new
            seen.update(each.ref for each in new)
            queue.extend((each, level + 1) for each in new)
        return tuple(self._reason(blocker, below) for blocker in first)

    def ends(self, issue: int, *, depth: int, most: int) -> Iterator[Reason]:
        """Whatever at the end of the chain keeps `issue` waiting now, nearest first; looks at `most` issues at most."""
        seen = set[Ref]()
        queue = deque([(self._waiting[issue], 1)] if issue in self._waiting else [])
        while queue and len(seen) < most:
            waiting, level = queue.popleft()
            for blocker in waiting.front(FRONT):
                if blocker.ref in seen or len(seen) >= most:
                    continue
                seen.add(blocker.ref)
                further = self._goes_on(blocker)
                if further is None:
                    yield self._reason(blocker, {})
                elif level < depth:
                    queue.append((further, level + 1))

    def _goes_on(self, blocker: Blocker) -> Waits | None:
        """What a blocker waits for in turn; None: it is an end."""
        stand = self._of(blocker)
        waits = stand is not None and stand.progress is Progress.WAITING
        return self._waiting.get(blocker.ref.number) if waits else None

    def _of(self, blocker: Blocker) -> Stand | None:
        here = blocker.local and blocker.ref.number in self._arrangement.keys
        return self._look(blocker.ref.number) if here and blocker.standing is Standing.OPEN else None

    def _reason(self, blocker: Blocker, below: Mapping[int, tuple[Blocker, ...]]) -> Reason:
        because = below.get(blocker.ref.number, ()) if blocker.local else ()
        nested = tuple(self._reason(each, below) for each in because)
        return _plain(blocker, self._of(blocker), nested)


def _plain(blocker: Blocker, stand: Stand | None = None, because: tuple[Reason, ...] = ()) -> Reason:
    return Reason(blocker.ref, blocker.source, blocker.standing, blocker.local, stand, because)
