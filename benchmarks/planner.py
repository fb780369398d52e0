"""What planning costs: CPU time of the pure functions, nothing is read. Beside it, graphlib on the same graph.

A repository of `count` open issues with keys that lead some of the titles, each naming five others in its text or as
GitHub's own "blocked by", all of them requested.
"""

import gc
import graphlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from benchmarks.tables import goal, milliseconds, show, spread, times
from bot.core import prerequisites, titles
from bot.core.model import Actor, Issue, LabelEvent, Link, Permission, Ref, Snapshot, Source
from bot.core.names import REQUEST_LABEL
from bot.core.order import arrange
from bot.core.plan import plan
from bot.core.settings import OrderRules, RepoConfig
from bot.core.view import Own

SIZES = (100, 1_000, 10_000, 100_000)
EDGES = 5
GOAL = 0.020
"""Seconds for 10,000 issues with 50,000 edges."""

OPEN, ASKED = 10_000, 200
"""Open issues and requested ones of the whole decision."""

REPO = "acme/shop"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANN = Actor(5, "ann")
RULES = OrderRules()


def main(_runs: int) -> None:
    """Measure and print."""
    rows = [_row(count) for count in SIZES]
    planned = next(seconds for count, seconds, _ in rows if count == 10_000)
    show(
        f"Planner: all issues requested, {EDGES} edges each (CPU time, medians)",
        ("issues", "arrange", "graphlib", "to graphlib", "an issue", "parse titles", "parse texts"),
        [cells for _, _, cells in rows],
        f"goal 10,000 issues, 50,000 edges < {GOAL * 1000:.0f} ms: {goal(planned, GOAL)}",
        "arrange: keys known, texts parsed (the caller keeps both); order, ready, waiting with their blockers, invalid",
    )
    lifecycle, quiet = _lifecycle()
    show(
        f"The whole decision (`plan`): {OPEN:,} open issues, {ASKED} of them requested",
        ("", "CPU"),
        [("first time", milliseconds(lifecycle)), ("again", milliseconds(quiet))],
    )


def _row(count: int) -> tuple[int, float, tuple[str, ...]]:
    issues = repository(count)
    linked = {number: replace(each, body="", links=_links(number, count)) for number, each in issues.items()}
    repeats = 9 if count <= 10_000 else 3
    known: dict[int, tuple[Ref, ...]] = {}
    arrange(linked, linked, rules=RULES, repo=REPO)
    planned = _median(lambda: arrange(linked, linked, rules=RULES, repo=REPO, text=lambda _issue: ()), repeats)
    graph = {number: [link.ref.number for link in each.links] for number, each in linked.items()}
    sorted_ = _median(lambda: _graphlib(graph), repeats)

    def parse_texts() -> None:
        known.update({number: prerequisites.parse(each.body, repo=REPO) for number, each in issues.items()})

    texts = _once(parse_texts)
    keys = _once(lambda: [titles.parse.__wrapped__(each.title) for each in issues.values()])
    assert sum(map(len, known.values())) == sum(map(len, graph.values()))
    cells = (
        f"{count:,}",
        milliseconds(planned),
        milliseconds(sorted_),
        times(planned, sorted_),
        f"{planned / count * 1e6:.2f} us",
        milliseconds(keys),
        milliseconds(texts),
    )
    return count, planned, cells


def repository(count: int) -> dict[int, Issue]:
    """The issues, 1 to `count`; every second one has a key, in a thousand series."""
    issues = {}
    for number in range(1, count + 1):
        phase, task = divmod(number // 1000, 10)
        title = f"[S{number % 1000}-{phase + 1}.{task}] Do it" if number % 2 else f"Do number {number}"
        names = ", ".join(f"#{link.ref.number}" for link in _links(number, count))
        body = f"What is to be done here.\n\nDepends on {names}.\n" if names else "What is to be done here.\n"
        issues[number] = Issue(number, title, body, labels=frozenset({REQUEST_LABEL}))
    return issues


def _links(number: int, count: int) -> tuple[Link, ...]:
    """Five earlier issues, the same ones each time."""
    dice = random.Random(number * 1_000_003 + count)
    earlier = dice.sample(range(1, number), min(EDGES, number - 1))
    return tuple(Link(Ref(REPO, each), Source.NATIVE) for each in sorted(earlier))


def _graphlib(graph: Mapping[int, list[int]]) -> None:
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    sorter.get_ready()


def _lifecycle() -> tuple[float, float]:
    """Seconds of the first plan, and of one on the same facts."""
    issues = {}
    for number, each in repository(OPEN).items():
        asked = number % (OPEN // ASKED) == 0
        events = (LabelEvent(f"LE{number}", ANN, NOW),) if asked else ()
        labels = frozenset({REQUEST_LABEL} if asked else ())
        issues[number] = replace(each, labels=labels, label_events=events, node_id=f"I_{number}", detailed=asked)
    snapshot = Snapshot(
        repo=REPO,
        now=NOW + timedelta(minutes=5),
        default_branch="main",
        issues=MappingProxyType(issues),
        permissions=MappingProxyType({ANN.id: Permission.WRITE}),
        head_oid="a" * 40,
    )
    decide = lambda: plan(snapshot, RepoConfig(), Own(1))  # noqa: E731
    return _once(decide), _median(decide, 5)


def _median(work: Callable[[], object], repeats: int) -> float:
    return spread([_once(work) for _ in range(repeats)]).median


def _once(work: Callable[[], object]) -> float:
    """CPU seconds (other people's work does not count), without the garbage of what came before."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        work()
        return time.process_time() - started
    finally:
        gc.enable()
