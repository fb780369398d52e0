"""What comes first and what waits for what (design.md §4): a whole repository arranged at once, pure and total.

Order, in words: META, then keyed issues by (phase, task, suffix), then the rest; ties by priority, id number, issue
number. An issue waits for every open issue of its series with a smaller key, and for what its text, GitHub's
"blocked by" and (when it is requested itself) its open sub-issues name.

Phase order is never written out as edges (10,000 issues of one series would make 50 million): an issue knows its
series and how many of its members come before it. `Waiting` lists blockers on demand, for the same reason.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from bot.core import titles
from bot.core.cycles import cycles
from bot.core.edges import Blocker, Edges, TextLinks, text_of
from bot.core.model import Issue, Ref, Source, Standing
from bot.core.names import StateLabel
from bot.core.series import NO_LANE, Lane, lanes, rank, series_of
from bot.core.settings import OrderRules
from bot.core.titles import Id, Keyed, Meta, Title

__all__ = [
    "NEAREST",
    "Arrange",
    "Arrangement",
    "Blocker",
    "Invalid",
    "Note",
    "TextLinks",
    "Waiting",
    "arrange",
    "series_of",
    "skip_line",
]

NEAREST = 50
"""How many blockers are shown of one issue."""


class Waiting(NamedTuple):
    """An issue with open prerequisites. A named tuple, because 10,000 of them are made in each plan."""

    number: int
    repo: str
    named: Mapping[int, Source]
    """Open issues of this repository that text, GitHub or sub-issues name; none that phase order gives already."""
    others: tuple[Blocker, ...]
    """Named, too: in other repositories, pull requests, or not known to be satisfied."""
    series: tuple[int, ...]
    """The open issues of its series, in order; empty without a key."""
    ahead: int
    """So many of `series` come before it."""

    @property
    def total(self) -> int:
        """How many prerequisites are open."""
        return len(self.named) + len(self.others) + self.ahead

    @property
    def on(self) -> tuple[Blocker, ...]:
        """The nearest prerequisites, 50 at most: those named first, then phase order backwards from here."""
        return self.near(NEAREST)

    def near(self, most: int) -> tuple[Blocker, ...]:
        """The nearest prerequisites, `most` at most."""
        return self._first(self.series[max(0, self.ahead - most) : self.ahead][::-1], most)

    def front(self, most: int) -> tuple[Blocker, ...]:
        """Those named (50 at most), then the first `most` of phase order: the others wait for these, too."""
        return self._first(self.series[: min(most, self.ahead)], NEAREST + most)

    def _first(self, phases: Sequence[int], most: int) -> tuple[Blocker, ...]:
        here = [self._open(number, source) for number, source in islice(self.named.items(), min(most, NEAREST))]
        before = [self._open(number, Source.PHASE) for number in phases]
        return (*here, *self.others, *before)[:most]

    def _open(self, number: int, source: Source) -> Blocker:
        return Blocker(Ref(self.repo, number), source, Standing.OPEN, local=True)


@dataclass(frozen=True, slots=True)
class Invalid:
    """A requested issue that can't become ready as things are."""

    number: int
    reason: Literal["cycle", "self", "unreadable"]
    path: tuple[int | Ref, ...]
    """The cycle from the issue back to itself, or the one reference that can't be read."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a title that a person should know."""

    number: int
    note: str


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The answer. Every candidate is in exactly one of `ready`, `waiting`, `invalid`, except trackers (META)."""

    keys: Mapping[int, Title]
    """What each title says, of every issue given."""
    order: tuple[int, ...]
    """Open META issues and all candidates. META is here only: it is never run."""
    ready: tuple[int, ...]
    waiting: tuple[Waiting, ...]
    invalid: tuple[Invalid, ...]
    """These three in the same order."""
    notes: tuple[Note, ...]
    """By issue number."""


def arrange(
    issues: Mapping[int, Issue],
    candidates: Collection[int],
    *,
    rules: OrderRules,
    repo: str,
    standings: Mapping[Ref, Standing] = MappingProxyType({}),
    text: TextLinks | None = None,
) -> Arrangement:
    """Say of every candidate whether it is ready, what it waits for, or why it can never be ready.

    `issues` holds every open issue of the repository (others may be among them); candidates that are closed, pull
    requests or absent are left out. `standings`: what is known of prerequisites that are not in `issues`; all others
    count as unknown, and an issue waits for what is unknown. The order of the input never matters.
    """
    return _Arranger(issues, candidates, rules, repo.lower(), standings, text).arrange()


class Arrange(Protocol):
    """Whatever says the same as `arrange`: that itself, or `live.Following`, which remembers."""

    def __call__(
        self,
        issues: Mapping[int, Issue],
        candidates: Collection[int],
        *,
        rules: OrderRules,
        repo: str,
        standings: Mapping[Ref, Standing] = ...,
    ) -> Arrangement:
        """See `arrange`."""
        ...


# -------------------------------------------------------------------------------------------- arranging


class _Arranger:
    """The working state of one arrangement; lives for one call.

    The loops over issues are written out on purpose: 10,000 issues with 50,000 links are planned in the time of a few
    requests to GitHub only if nothing is allocated per link.
    """

    def __init__(
        self,
        issues: Mapping[int, Issue],
        candidates: Collection[int],
        rules: OrderRules,
        repo: str,
        standings: Mapping[Ref, Standing],
        text: TextLinks | None,
    ) -> None:
        self.issues = issues
        self.repo = repo
        self.keys = _keys(issues)
        ranks = {n: rank(self.keys[n], issue) for n, issue in issues.items() if issue.open and not issue.is_pull}
        self.sorted = sorted(sorted(ranks), key=ranks.__getitem__)
        self.open = {n: issues[n] for n in self.sorted if type(self.keys[n]) is not Meta}
        self.candidates = self.open.keys() & set(candidates)
        self.lanes = lanes(self.open, self.keys, rules)
        self.lane_of = {number: lane for lane in self.lanes for number in lane.members}
        read = text or text_of(repo)
        self.edges = Edges(issues, self.keys, rules, repo, standings, read, self.open, self.candidates, self.lane_of)
        self.named: dict[int, dict[int, Source]] = {}
        self.others: dict[int, tuple[Blocker, ...]] = {}
        self.selfish: set[int] = set()

    def arrange(self) -> Arrangement:
        """Every candidate into one of three."""
        self._look_up()
        knotted = knots(self.named, self.lanes)
        ready: list[int] = []
        waiting: list[Waiting] = []
        invalid: list[Invalid] = []
        for number in self.open:
            if number not in self.candidates:
                continue
            named, others, lane = self.named[number], self.others.get(number, ()), self.lane_of.get(number, NO_LANE)
            if number in knotted or number in self.selfish or others:
                problem = invalid_of(number, others, itself=number in self.selfish, cycle=knotted.get(number))
                if problem is not None:
                    invalid.append(problem)
                    continue
            ahead = lane.groups[number] if lane is not NO_LANE else 0
            if named or others or ahead:
                waiting.append(Waiting(number, self.repo, named, others, lane.members, ahead))
            else:
                ready.append(number)
        order = tuple(n for n in self.sorted if n in self.candidates or n not in self.open)
        noted = (n for n, title in self.keys.items() if title.note and not self.issues[n].is_pull)
        notes = tuple(Note(n, self.keys[n].note) for n in sorted(noted))
        return Arrangement(self.keys, order, tuple(ready), tuple(waiting), tuple(invalid), notes)

    def _look_up(self) -> None:
        """Find what is named by each candidate, and by every open issue that one of them may have to wait for."""
        frontier = self.candidates
        while frontier:
            for number in frontier:
                found, others, itself = self.edges.named(number)
                self.named[number] = found
                if others:
                    self.others[number] = others
                if itself:
                    self.selfish.add(number)
            reached = set[int]().union(*(self.named[number] for number in frontier))
            for lane in self.lanes:
                if not reached.issuperset(lane.members) and not frontier.isdisjoint(lane.members):
                    reached.update(lane.members)
            frontier = reached - self.named.keys()


def invalid_of(
    number: int, others: Sequence[Blocker], *, itself: bool, cycle: tuple[int, ...] | None
) -> Invalid | None:
    """Why an issue can't become ready as things are; None: it can."""
    if itself:
        return Invalid(number, "self", (number, number))
    if cycle is not None:
        return Invalid(number, "cycle", cycle)
    for other in others:
        if other.standing is Standing.UNREADABLE:
            return Invalid(number, "unreadable", (other.ref.number if other.local else other.ref,))
    return None


def knots(named: Mapping[int, Collection[int]], series: Collection[Lane]) -> dict[int, tuple[int, ...]]:
    """Who waits for itself by what is named and by phase order, with a cycle.

    Nearly always everybody waits for smaller numbers only, which rules out cycles.
    """
    upward = any(targets and max(targets) > number for number, targets in named.items())
    if not upward and all(lane.ascends() for lane in series):
        return {}
    graph = {number: sorted(targets) for number, targets in named.items()}
    for lane in series:
        lane.join(graph)
    return cycles(graph)


def _keys(issues: Mapping[int, Issue]) -> dict[int, Title]:
    """The keys of all titles; those of pull requests have no say in what a prefix means."""
    keys = titles.parse_all({number: issue.title for number, issue in issues.items() if not issue.is_pull})
    return keys | {number: titles.parse(issue.title) for number, issue in issues.items() if issue.is_pull}


# ------------------------------------------------------------------------------------------- the log line


def skip_line(waiting: Waiting, issues: Mapping[int, Issue], keys: Mapping[int, Title]) -> str:
    """`Skipping AUTH-2.1 - blocked by: AUTH-1.2 (in_progress), AUTH-1.3 (todo)`: phase order first, ascending."""
    blockers = sorted(waiting.on, key=lambda blocker: blocker.source is not Source.PHASE)
    phases = [blocker for blocker in blockers if blocker.source is Source.PHASE]
    shown = [*reversed(phases), *blockers[len(phases) :]]
    words = [f"{_label(b.ref, waiting.repo, keys)} ({_progress(b, issues)})" for b in shown]
    more = f", and {waiting.total - len(words)} more" if waiting.total > len(words) else ""
    name = _label(Ref(waiting.repo, waiting.number), waiting.repo, keys)
    return f"Skipping {name} - blocked by: {', '.join(words)}{more}"


def _label(ref: Ref, repo: str, keys: Mapping[int, Title]) -> str:
    """`AUTH-1.2`, `ARK-123`, `#12` or `owner/repo#12`."""
    if ref.repo != repo:
        return str(ref)
    title = keys.get(ref.number)
    return title.label if isinstance(title, Keyed | Id) else f"#{ref.number}"


def _progress(blocker: Blocker, issues: Mapping[int, Issue]) -> str:
    """`in_progress` while a run is queued or at work, `todo` while open; else what is known of it."""
    if blocker.standing is not Standing.OPEN:
        return blocker.standing.value
    issue = issues.get(blocker.ref.number) if blocker.local else None
    busy = issue is not None and issue.labels & {StateLabel.RUNNING, StateLabel.QUEUED}
    return "in_progress" if busy else "todo"
