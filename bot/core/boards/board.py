"""A board: the issues of one series with their states, from what was read and what the board's block remembers. Pure."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.core import titles
from bot.core.boards.block import Memory, Past
from bot.core.boards.scope import Scope
from bot.core.ledger import DONE, records
from bot.core.markers import ours
from bot.core.model import Issue
from bot.core.names import REQUEST_LABEL, VERDICT_MARKER, StateLabel
from bot.core.series import rank, series_under
from bot.core.settings import OrderRules
from bot.core.situation import Closed, Hold, Invalid, Refused, Situation, Unasked, Unstartable, Waiting
from bot.core.titles import Id, Keyed, Meta, Title, Unkeyed
from bot.core.why import Explainer, Progress

_STATES = frozenset(StateLabel)
REMEMBERED = 1_000
"""Issues a board remembers at most, the newest ones: more would not fit into an issue's body."""
NEXT = 3
"""Issues that are said to be next."""
WAITS = 2
"""Prerequisites named of one of those."""


class State(StrEnum):
    """How an issue of a board is shown."""

    CLOSED = "closed"
    DROPPED = "not planned"
    RUNNING = "running"
    QUEUED = "queued"
    REVIEW = "in review"
    BLOCKED = "blocked"
    APPROVAL = "awaiting approval"
    WAITING = "waiting"
    IDLE = "not asked for"

    @property
    def closed(self) -> bool:
        """Nothing is left to do."""
        return self in (State.CLOSED, State.DROPPED)


STATE_OF: Mapping[Progress, State] = MappingProxyType(
    {
        Progress.UNASKED: State.IDLE,
        Progress.ASKED: State.WAITING,
        Progress.WAITING: State.WAITING,
        Progress.INVALID: State.BLOCKED,
        Progress.HOLD: State.WAITING,
        Progress.APPROVAL: State.APPROVAL,
        Progress.QUEUED: State.QUEUED,
        Progress.RUNNING: State.RUNNING,
        Progress.REVIEW: State.REVIEW,
        Progress.BLOCKED: State.BLOCKED,
    }
)


@dataclass(frozen=True, slots=True)
class Member:
    """One issue of a board."""

    number: int
    key: Title
    title: str
    """Empty: it is only remembered."""
    state: State
    series: str
    """Phase order holds among members of the same one."""
    rank: int
    """Where it stands in order."""
    usd: float = 0.0
    pull: int = 0
    """Our open pull request for it."""
    reason: str = ""
    """Blocked: why, in a word."""
    link: str = ""
    """Blocked: the address of the comment that says more."""
    waits: tuple[str, ...] = ()
    """Waiting: the nearest prerequisites."""
    more: int = 0
    """And so many others."""
    asked: bool = False
    """Somebody asks, or asked, for it."""

    @property
    def label(self) -> str:
        """`AUTH-1.2`; empty without a key."""
        return self.key.label if isinstance(self.key, Keyed | Id) else ""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that is shown, in order."""

    scope: Scope
    members: tuple[Member, ...]
    edges: tuple[tuple[int, int], ...]
    """What open issues name as their prerequisites: (prerequisite, issue); phase order apart."""
    next_up: tuple[int, ...]
    parallel: bool
    """Phase order holds between phases only."""
    last_closed: datetime | None
    """When the last of its issues was closed, as far as that was read."""

    @property
    def closed(self) -> int:
        """How many issues are closed."""
        return sum(member.state.closed for member in self.members)

    @property
    def complete(self) -> bool:
        """Whether all of them are, and there is one."""
        return bool(self.members) and self.closed == len(self.members)

    @property
    def usd(self) -> float:
        """What all runs have cost."""
        return sum(member.usd for member in self.members)

    def memory(self) -> Memory:
        """What its block has to remember."""
        kept = {each.number: _past(each) for each in self.members if _worth(each, self.scope)}
        states = json.dumps([(member.number, member.state) for member in self.members])
        return Memory(
            MappingProxyType(kept), hashlib.sha256(states.encode()).hexdigest()[:12], self.scope.name_in_block
        )


def make_board(scope: Scope, explainer: Explainer, rules: OrderRules, memory: Memory) -> Board:
    """The board of `scope`; `memory`: what its block remembers."""
    past = memory.members if memory.scope == scope.name_in_block else {}
    if scope.kind == "list":
        past = {number: one for number, one in past.items() if number in scope.numbers}
    return _Maker(scope, explainer, rules, past).board()


def closed_issues(explainer: Explainer) -> dict[int, Issue]:
    """The closed issues that were read, in detail or as a line of a list."""
    snapshot = explainer.snapshot
    known = {n: issue for n, issue in snapshot.closed.items() if n not in snapshot.issues}
    return known | {n: issue for n, issue in snapshot.issues.items() if not issue.open and not issue.is_pull}


class _Maker:
    """The working state of one board; lives for one call."""

    def __init__(self, scope: Scope, explainer: Explainer, rules: OrderRules, past: Mapping[int, Past]) -> None:
        self.scope, self.explainer, self.rules, self.past = scope, explainer, rules, past
        self.snapshot = explainer.snapshot
        self.closed = closed_issues(explainer)

    def board(self) -> Board:
        open_ones = [self._open(issue) for issue in self.snapshot.issues.values() if self._belongs(issue)]
        gone = [self._closed(issue) for issue in self.closed.values() if self._belonged(issue)]
        known = self.snapshot.issues.keys() | self.closed.keys()
        gone += [self._remembered(n, past) for n, past in self.past.items() if n not in known]
        members = sorted(_bounded(open_ones, gone, self.scope), key=_place)
        numbers = {member.number for member in members if not member.state.closed}
        return Board(
            scope=self.scope,
            members=tuple(members),
            edges=tuple(self._edges(numbers)),
            next_up=tuple(self._next({member.number for member in members if member.state is State.WAITING})),
            parallel=self.rules.within_phase == "parallel",
            last_closed=max((at for member in gone if (at := self._closed_at(member.number))), default=None),
        )

    # --------------------------------------------------------------------------------- who belongs

    def _belongs(self, issue: Issue) -> bool:
        key = self._key(issue)
        if not issue.open or issue.is_pull or isinstance(key, Meta):
            return False
        if self.scope.holds(issue.number, key, issue.milestone):
            return True
        known = issue.number in self.past or is_asked(issue, self._situation(issue.number))
        return self.scope.kind == "repository" and known

    def _belonged(self, issue: Issue) -> bool:
        key = self._key(issue)
        if isinstance(key, Meta):
            return False
        if self.scope.holds(issue.number, key, issue.milestone):
            return True
        ran = issue.number in self.past or bool(records(issue, self.snapshot.own_ids))
        return self.scope.kind == "repository" and ran

    # ------------------------------------------------------------------------------------- members

    def _open(self, issue: Issue) -> Member:
        stand, situation = self.explainer.stand(issue.number), self._situation(issue.number)
        waits = [str(b.ref.number) if b.local else "" for b in situation.on] if isinstance(situation, Waiting) else []
        shown = tuple(number for number in waits if number)[:WAITS]
        total = situation.total if isinstance(situation, Waiting) else 0
        state = STATE_OF[stand.progress]
        reason, link = self._blocked(issue, situation) if state is State.BLOCKED else ("", "")
        return Member(
            number=issue.number,
            key=self._key(issue),
            title=issue.title,
            state=state,
            series=self._series(issue),
            rank=rank(self._key(issue), issue),
            usd=self._usd(issue),
            pull=stand.pull,
            reason=reason,
            link=link,
            waits=shown,
            more=total - len(shown),
            asked=is_asked(issue, situation),
        )

    def _closed(self, issue: Issue) -> Member:
        dropped = issue.state_reason in ("not_planned", "duplicate")
        state = State.DROPPED if dropped else State.CLOSED
        asked = issue.number in self.past or bool(records(issue, self.snapshot.own_ids))
        key, series, usd = self._key(issue), self._series(issue), self._usd(issue)
        return Member(issue.number, key, issue.title, state, series, rank(key, issue), usd, asked=asked)

    def _remembered(self, number: int, past: Past) -> Member:
        """No list has it any more, so it is not open."""
        found = titles.parse(f"[{past.label}]") if past.label else Unkeyed()
        milestone = self.scope.name if self.scope.kind == "milestone" else ""
        issue = Issue(number, f"[{past.label}]", milestone=milestone)
        state = State.DROPPED if past.dropped else State.CLOSED
        return Member(number, found, "", state, self._series(issue), rank(found, issue), past.usd, asked=True)

    def _usd(self, issue: Issue) -> float:
        if issue.detailed:
            return round(sum((record.usd for record in records(issue, self.snapshot.own_ids)), 0.0), 4)
        return self.past[issue.number].usd if issue.number in self.past else 0.0

    def _blocked(self, issue: Issue, situation: Situation | None) -> tuple[str, str]:
        """In a word, and where more is said."""
        match situation:
            case Invalid(_, reason, _):
                return reason, ""
            case Unstartable(_, _, reason, _):
                return reason, ""
            case _:
                said = records(issue, self.snapshot.own_ids)
                code = next((record.code for record in reversed(said) if record.code != DONE), "")
                comments = [c for c, _ in ours(issue.comments, self.snapshot.own_ids, VERDICT_MARKER) if c.id]
                return code, f"{issue.url}#issuecomment-{comments[-1].id}" if comments and issue.url else ""

    # --------------------------------------------------------------------------------------- order

    def _edges(self, numbers: Collection[int]) -> Iterable[tuple[int, int]]:
        for waiting in self.explainer.seen.arrangement.waiting:
            if waiting.number in numbers:
                yield from ((other, waiting.number) for other in waiting.named if other in numbers)

    def _next(self, numbers: Collection[int]) -> list[int]:
        """The first that will start, in order."""
        found = []
        for number in self.explainer.seen.arrangement.order:
            if number in numbers and isinstance(self._situation(number), Hold | Waiting):
                found.append(number)
                if len(found) == NEXT:
                    break
        return found

    def _series(self, issue: Issue) -> str:
        return ":".join(series_under(self.rules, self._key(issue), issue))

    # --------------------------------------------------------------------------------------- small

    def _key(self, issue: Issue) -> Title:
        return self.explainer.seen.arrangement.keys.get(issue.number) or titles.parse(issue.title)

    def _situation(self, number: int) -> Situation | None:
        return self.explainer.seen.situations.get(number)

    def _closed_at(self, number: int) -> datetime | None:
        return self.closed[number].closed_at if number in self.closed else None


def is_asked(issue: Issue, situation: Situation | None) -> bool:
    """Whether somebody who may ask asks for it, or asked."""
    if issue.labels & _STATES:
        return True
    if situation is None:
        return REQUEST_LABEL in issue.labels
    return not isinstance(situation, Unasked | Closed | Refused)


def _place(member: Member) -> tuple[str, int, int]:
    """Series by series, then what has no key."""
    return member.series if isinstance(member.key, Keyed) else "\U0010ffff", member.rank, member.number


def _past(member: Member) -> Past:
    return Past(member.label, member.usd, member.state is State.DROPPED)


def _worth(member: Member, scope: Scope) -> bool:
    """Whether it must be remembered: what is open and belongs by its title is read anew each time."""
    if member.state.closed or member.usd:
        return True
    return scope.kind == "repository" and not isinstance(member.key, Keyed)


def _bounded(open_ones: list[Member], gone: list[Member], scope: Scope) -> list[Member]:
    """Without the oldest of the closed ones, where there are more than a block can remember."""
    open_kept = sum(_worth(member, scope) for member in open_ones)
    room = max(0, REMEMBERED - open_kept)
    newest = sorted(gone, key=lambda member: member.number, reverse=True)[:room]
    return open_ones + newest
