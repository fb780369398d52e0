"""What planning costs: CPU time of the pure functions, nothing is read. Beside it, graphlib on the same graph.

A repository of `count` open issues with keys that lead some of the titles, each naming five others in its text or as
GitHub's own "blocked by", all of them requested. What one event costs is in `one_close`.
"""

import graphlib
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.one_close import show_one_close
from benchmarks.repositories import ASKED, EDGES, OPEN, REPO, links, median, once, repository, snapshot_of
from benchmarks.tables import goal, milliseconds, show, times
from bot.core import prerequisites, titles
from bot.core.order import arrange
from bot.core.plan import plan
from bot.core.settings import OrderRules, RepoConfig
from bot.core.view import Own

SIZES = (100, 1_000, 10_000, 100_000)
GOAL = 0.020
"""Seconds for 10,000 issues with 50,000 edges."""

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
    show_one_close()


def _row(count: int) -> tuple[int, float, tuple[str, ...]]:
    issues = repository(count)
    linked = {number: replace(each, body="", links=links(number, count)) for number, each in issues.items()}
    repeats = 9 if count <= 10_000 else 3
    arrange(linked, linked, rules=RULES, repo=REPO)
    planned = median(lambda: arrange(linked, linked, rules=RULES, repo=REPO, text=lambda _issue: ()), repeats)
    graph = {number: [link.ref.number for link in each.links] for number, each in linked.items()}
    sorted_ = median(lambda: _graphlib(graph), repeats)

    named: list[int] = []
    texts = once(lambda: named.extend(len(prerequisites.parse(each.body, repo=REPO)) for each in issues.values()))
    keys = once(lambda: [titles.parse.__wrapped__(each.title) for each in issues.values()])
    assert sum(named) == sum(map(len, graph.values()))
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


def _graphlib(graph: Mapping[int, list[int]]) -> None:
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    sorter.get_ready()


def _lifecycle() -> tuple[float, float]:
    """Seconds of the first plan, and of one on the same facts."""
    snapshot = snapshot_of(repository(OPEN))
    decide = lambda: plan(snapshot, RepoConfig(), Own(1))  # noqa: E731
    return once(decide), median(decide, 5)
