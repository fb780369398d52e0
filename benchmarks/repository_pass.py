"""What the server's look at a repository of 10,000 open issues costs: the first one, and the one after each event.

Requests are those that GitHub got, CPU time and memory are the server process's, seconds are from the event to its end;
most of those are the sandbox's own (its GitHub is written in Python, too).
"""

import statistics
import tempfile
import time
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks.planner import repository
from benchmarks.sandboxed import OWNER
from benchmarks.served import Served, served
from benchmarks.tables import megabytes, milliseconds, show, times
from bot.core.names import StateLabel
from bot.sandbox.records import Issue
from bot.server.rules import TIMERS

OPEN = 10_000
EVENTS = 5
"""Of each kind; medians."""
AGE = timedelta(days=30)
"""Since the issues were touched: those touched today are read in detail, in any repository."""


class Cost(NamedTuple):
    """Of one look, or of all that an event led to."""

    requests: float
    seconds: float
    cpu: float
    memory: float
    """Bytes, afterwards."""


class Meter:
    """What was spent since it was made."""

    def __init__(self, place: Served) -> None:
        self._place = place
        self._requests, self._cpu, self._begun = place.count(), place.cpu(), time.perf_counter()

    def read(self) -> Cost:
        """Until now, and until the server has nothing more in hand."""
        seconds = time.perf_counter() - self._begun
        self._place.quiet()
        place = self._place
        return Cost(len(place.requests(self._requests)), seconds, place.cpu() - self._cpu, place.memory())


def main(_runs: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as name, served(Path(name)) as place:
        with place.ago(AGE):
            for each in repository(OPEN).values():
                place.issue(each.title, each.body)
        found = {"the first look, with the start": _first(place)}
        others = (place.repo.issues[number] for number in count(OPEN // 2))
        for title, event in {
            "an issue was edited": _edited,
            "one was labelled, and dispatched": _labelled,
            "one was closed, and another dispatched": _closed,
        }.items():
            seen = [event(place, next(others)) for _ in range(EVENTS)]
            found[title] = Cost(*map(statistics.median, zip(*seen, strict=True)))
    _show(found)


def _first(place: Served) -> Cost:
    begun = time.perf_counter()
    place.server.start()
    place.passed(len(TIMERS) + 1)
    seconds = time.perf_counter() - begun
    return Cost(len(place.requests()), seconds, place.cpu(), place.memory())


def _edited(place: Served, issue: Issue) -> Cost:
    passes, meter = place.passes(), Meter(place)
    place.hub.issues.edit(issue, place.hub.person(OWNER), body="Other words.")
    place.passed(passes + 1)
    return meter.read()


def _labelled(place: Served, _issue: Issue) -> Cost:
    issue = place.issue()
    place.quiet()
    meter = Meter(place)
    place.label(issue)
    place.dispatched(issue)
    found = meter.read()
    place.has(issue, StateLabel.QUEUED)
    return found


def _closed(place: Served, issue: Issue) -> Cost:
    later = place.issue(body=f"Depends on #{issue.number}.")
    place.label(later)
    place.has(later, StateLabel.WAITING)
    place.quiet()
    meter = Meter(place)
    place.hub.issues.close(issue, place.hub.person(OWNER))
    place.dispatched(later)
    found = meter.read()
    place.has(later, StateLabel.QUEUED)
    return found


def _show(found: dict[str, Cost]) -> None:
    whole = found["the first look, with the start"]
    rows = [
        (
            title,
            f"{cost.requests:g}",
            times(cost.requests, whole.requests),
            milliseconds(cost.cpu),
            times(cost.cpu, whole.cpu),
            milliseconds(cost.seconds),
            megabytes(cost.memory),
        )
        for title, cost in found.items()
    ]
    show(
        f"The server and a repository of {OPEN:,} open issues (medians of {EVENTS})",
        ("", "requests", "to first", "CPU", "to first", "until done", "memory"),
        rows,
        "the first look reads every page of issues, a later one what was touched since; a dispatch counts until GitHub has",
        "taken it, CPU and requests with the comment that follows",
    )
