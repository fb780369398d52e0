"""Series and the one sort key (design.md §4): which keyed issues belong together, and who in a series comes before whom."""

import re
from bisect import bisect_left, insort
from collections.abc import Mapping
from functools import lru_cache
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from bot.core import titles
from bot.core.model import Issue
from bot.core.settings import OrderRules
from bot.core.titles import Id, Keyed, Meta, Title

Series = tuple[str, str]


def series_of(issue: Issue) -> Series:
    """The series an issue belongs to: its prefix, else its milestone, else the repository. Only for comparing."""
    return _series(titles.parse(issue.title), issue)


def series_under(rules: OrderRules, title: Title, issue: Issue) -> Series:
    """The series within which phase order holds for an issue of this title."""
    return ("repository", "") if rules.scope == "repository" else _series(title, issue)


def _series(title: Title, issue: Issue) -> Series:
    if isinstance(title, Keyed | Id) and title.prefix:
        return ("prefix", title.prefix)
    return ("milestone", issue.milestone) if issue.milestone else ("repository", "")


_PRIORITIES = {"urgent": 0, "high": 1, "normal": 2, "low": 3, "p0": 0, "p1": 1, "p2": 2, "p3": 3}
_PRIORITY = re.compile(r"priority:\s*(urgent|high|normal|low)|(p[0-3])", re.IGNORECASE)


@lru_cache(maxsize=4096)
def priority(labels: frozenset[str]) -> int:
    """0 (urgent) to 3 (low) by the labels `priority: high` or `P1`; the highest of several; none is 2 (normal)."""
    found = [_PRIORITIES[(match[1] or match[2]).lower()] for match in map(_PRIORITY.fullmatch, labels) if match]
    return min(found, default=_PRIORITIES["normal"])


_CLASS = 10**12
"""Larger than anything within a class."""


def rank(title: Title, issue: Issue) -> int:
    """The one sort key, as a single number: 10,000 of them compare fast. Equal ranks go by issue number."""
    if type(title) is Keyed:
        suffix = ord(title.suffix) if title.suffix else 0
        return _CLASS + ((title.phase * 100 + title.task) * 128 + suffix) * 4 + priority(issue.labels)
    if type(title) is Meta:
        return priority(issue.labels)
    if type(title) is Id:
        return 2 * _CLASS + priority(issue.labels) * 10**10 + title.number
    return 2 * _CLASS + priority(issue.labels) * 10**10 + 10**9


_PHASE = 100 * 128 * 4
"""Ranks of one phase."""


def group_of(ranked: int, *, serial: bool) -> int:
    """The smallest rank that runs side by side with a keyed issue of rank `ranked`: whatever ranks lower comes first."""
    return ranked - ranked % 4 if serial else ranked - (ranked - _CLASS) % _PHASE


class Lane(NamedTuple):
    """The open keyed issues of one series, in order."""

    members: tuple[int, ...]
    groups: Mapping[int, int]
    """By member, in order: how many come before it (those with the same key don't wait for each other)."""

    def ascends(self) -> bool:
        """Whether members only ever wait for smaller numbers."""
        highest = before = start = 0
        for number, begins in self.groups.items():
            if begins != start:
                before, start = highest, begins
            if number <= before:
                return False
            highest = max(highest, number)
        return True

    def join(self, graph: dict[int, list[int]]) -> None:
        """Add phase order to a graph: one auxiliary node per key, "all before it", instead of all the pairs."""
        before = begun = 0
        for at, (number, start) in enumerate(self.groups.items()):
            if at and start == at:
                node = -1 - len(graph)
                graph[node] = [*self.members[begun:at], *([before] if before else [])]
                before, begun = node, at
            if before and number in graph:
                graph[number].append(before)


NO_LANE = Lane((), MappingProxyType({}))
"""Of an issue without a key."""


def lanes(opened: Mapping[int, Issue], keys: Mapping[int, Title], rules: OrderRules) -> list[Lane]:
    """Split the keyed issues, which come in order, into their series."""
    series: dict[Series, list[tuple[int, Keyed]]] = {}
    for number, issue in opened.items():
        title = keys[number]
        if type(title) is Keyed:
            series.setdefault(series_under(rules, title, issue), []).append((number, title))
    return [_lane(members, serial=rules.within_phase == "serial") for members in series.values()]


def _lane(members: list[tuple[int, Keyed]], *, serial: bool) -> Lane:
    groups: dict[int, int] = {}
    last: object = None
    begun = 0
    for at, (number, title) in enumerate(members):
        key = (title.phase, title.task, title.suffix) if serial else title.phase
        if key != last:
            begun, last = at, key
        groups[number] = begun
    return Lane(tuple(groups), groups)


class LiveLane:
    """The open keyed issues of one series, in order, as they come and go."""

    def __init__(self) -> None:
        self.groups: dict[int, int] = {}
        """Each member's group, by the smallest rank in it."""
        self._ranks: dict[int, int] = {}
        self._sorted: list[tuple[int, int]] = []
        """Ranks and numbers."""
        self._members: tuple[int, ...] | None = ()

    @property
    def front(self) -> int:
        """The group that comes first; -1: nobody is there."""
        return self.groups[self._sorted[0][1]] if self._sorted else -1

    @property
    def members(self) -> tuple[int, ...]:
        """In order."""
        if self._members is None:
            self._members = tuple(number for _, number in self._sorted)
        return self._members

    def add(self, number: int, ranked: int, group: int) -> None:
        """One more member."""
        insort(self._sorted, (ranked, number))
        self._ranks[number], self.groups[number] = ranked, group
        self._members = None

    def remove(self, number: int) -> None:
        """One less."""
        del self._sorted[bisect_left(self._sorted, (self._ranks.pop(number), number))]
        del self.groups[number]
        self._members = None

    def ahead(self, number: int) -> int:
        """How many members come before it."""
        return bisect_left(self._sorted, (self.groups[number],))

    def side_by_side(self, group: int) -> list[int]:
        """The members of one group."""
        start = bisect_left(self._sorted, (group,))
        return [number for _, number in takewhile(lambda each: self.groups[each[1]] == group, self._sorted[start:])]

    def lane(self) -> Lane:
        """As it is now."""
        starts: dict[int, int] = {}
        last, begun = -1, 0
        for at, (_, number) in enumerate(self._sorted):
            if self.groups[number] != last:
                begun, last = at, self.groups[number]
            starts[number] = begun
        return Lane(self.members, starts)
