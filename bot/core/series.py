"""Series and the one sort key (design.md §4): which keyed issues belong together, and who in a series comes before whom."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from bot.core import titles
from bot.core.model import Issue
from bot.core.settings import OrderRules
from bot.core.titles import Id, Keyed, Meta, Title


def series_of(issue: Issue) -> tuple[str, str]:
    """The series an issue belongs to: its prefix, else its milestone, else the repository. Only for comparing."""
    return _series(titles.parse(issue.title), issue)


def _series(title: Title, issue: Issue) -> tuple[str, str]:
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


class Lane(NamedTuple):
    """The open keyed issues of one series, in order."""

    members: tuple[int, ...]
    starts: tuple[int, ...]
    """By place: how many members come before the issue there (issues with the same key don't wait for each other)."""

    def ascends(self) -> bool:
        """Whether members only ever wait for smaller numbers."""
        highest = before = start = 0
        for number, begins in zip(self.members, self.starts, strict=True):
            if begins != start:
                before, start = highest, begins
            if number <= before:
                return False
            highest = max(highest, number)
        return True

    def join(self, graph: dict[int, list[int]]) -> None:
        """Add phase order to a graph: one auxiliary node per key, "all before it", instead of all the pairs."""
        before = 0
        for at, (number, start) in enumerate(zip(self.members, self.starts, strict=True)):
            if at and start == at:
                node = -1 - len(graph)
                graph[node] = [*self.members[self.starts[at - 1] : at], *([before] if before else [])]
                before = node
            if before and number in graph:
                graph[number].append(before)


NO_LANE = Lane((), ())
"""Of an issue without a key."""


def lanes(opened: Mapping[int, Issue], keys: Mapping[int, Title], rules: OrderRules) -> list[Lane]:
    """Split the keyed issues, which come in order, into their series."""
    series: dict[tuple[str, str], list[tuple[int, Keyed]]] = {}
    whole = ("repository", "") if rules.scope == "repository" else None
    for number, issue in opened.items():
        title = keys[number]
        if type(title) is Keyed:
            series.setdefault(whole or _series(title, issue), []).append((number, title))
    return [_lane(members, serial=rules.within_phase == "serial") for members in series.values()]


def _lane(members: list[tuple[int, Keyed]], *, serial: bool) -> Lane:
    starts: list[int] = []
    last: object = None
    for at, (_, title) in enumerate(members):
        key = (title.phase, title.task, title.suffix) if serial else title.phase
        starts.append(at if key != last else starts[-1])
        last = key
    return Lane(tuple(number for number, _ in members), tuple(starts))
