"""Made-up repositories that planning is measured on, and the clock that it is measured with."""

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from benchmarks.tables import spread
from bot.core.model import Actor, Issue, LabelEvent, Link, Permission, Ref, Snapshot, Source
from bot.core.names import REQUEST_LABEL

EDGES = 5
SERIES = 100
"""Issues of one series, where all are in one."""
OPEN, ASKED = 10_000, 200
"""Open issues and requested ones of the whole decision."""

REPO = "acme/shop"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANN = Actor(5, "ann")


def repository(count: int) -> dict[int, Issue]:
    """The issues, 1 to `count`; every second one has a key, in a thousand series."""
    issues = {}
    for number in range(1, count + 1):
        phase, task = divmod(number // 1000, 10)
        title = f"[S{number % 1000}-{phase + 1}.{task}] Do it" if number % 2 else f"Do number {number}"
        names = ", ".join(f"#{link.ref.number}" for link in links(number, count))
        body = f"What is to be done here.\n\nDepends on {names}.\n" if names else "What is to be done here.\n"
        issues[number] = Issue(number, title, body, labels=frozenset({REQUEST_LABEL}))
    return issues


def phased(count: int) -> dict[int, Issue]:
    """The issues, 1 to `count`, all with keys, a hundred to a series, each naming five earlier ones of any series."""
    issues = {}
    for number, each in repository(count).items():
        series, place = divmod(number - 1, SERIES)
        phase, task = divmod(place, 10)
        issues[number] = replace(each, title=f"[S{series}-{phase + 1}.{task + 1}] Do it")
    return issues


def links(number: int, count: int) -> tuple[Link, ...]:
    """Five earlier issues, the same ones each time."""
    dice = random.Random(number * 1_000_003 + count)
    earlier = dice.sample(range(1, number), min(EDGES, number - 1))
    return tuple(Link(Ref(REPO, each), Source.NATIVE) for each in sorted(earlier))


def snapshot_of(issues: Mapping[int, Issue]) -> Snapshot:
    """Of these, some are requested (and read in detail)."""
    read = {}
    for number, each in issues.items():
        asked = number % (OPEN // ASKED) == 0
        events = (LabelEvent(f"LE{number}", ANN, NOW),) if asked else ()
        labels = frozenset({REQUEST_LABEL} if asked else ())
        read[number] = replace(each, labels=labels, label_events=events, node_id=f"I_{number}", detailed=asked)
    return Snapshot(
        repo=REPO,
        now=NOW + timedelta(minutes=5),
        default_branch="main",
        issues=MappingProxyType(read),
        permissions=MappingProxyType({ANN.id: Permission.WRITE}),
        head_oid="a" * 40,
    )


def median(work: Callable[[], object], repeats: int) -> float:
    return spread([once(work) for _ in range(repeats)]).median


def once(work: Callable[[], object], *, tidy: bool = True) -> float:
    """CPU seconds (other people's work does not count); `tidy`: without the garbage of what came before."""
    if tidy:
        gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        work()
        return time.process_time() - started
    finally:
        gc.enable()
