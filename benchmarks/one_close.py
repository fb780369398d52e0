"""What one event costs the planner: an issue closes; who is ready by that, what the order is, what is to be done.

Beside it all the same from the start, and the least that can be done: counting with dictionaries alone.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from benchmarks.repositories import ASKED, EDGES, OPEN, REPO, SERIES, links, median, once, phased, snapshot_of
from benchmarks.tables import milliseconds, must, show, spread, times
from bot.core.live import Following, LiveOrder
from bot.core.model import Issue
from bot.core.order import arrange
from bot.core.plan import plan
from bot.core.settings import OrderRules, RepoConfig

MUST = 0.001
"""Seconds to say who is ready when one of 10,000 issues closes."""
BATCH = 10
"""Closes that are measured at once: one alone is too short for the clock."""
RULES = OrderRules()


def show_one_close() -> None:
    """Measure and print."""
    issues = phased(OPEN)
    kept, dicts = _closes(issues)
    whole = median(lambda: arrange(issues, issues, rules=RULES, repo=REPO), 5)
    show(
        f"One close re-planned: {OPEN:,} open issues, {SERIES} to a series, {EDGES} text links each (CPU time, medians)",
        ("", "from what changed", "from the start", "ratio"),
        [
            _row("who is ready now, all requested", kept, whole),
            ("  the same, counted with dictionaries", _micro(dicts), "-", times(kept, dicts)),
            _row(f"all in order, {ASKED} requested", *_arranged_after_a_close(issues)),
            _row(f"the whole decision, {ASKED} requested", *_planned_after_a_close(issues)),
        ],
        f"must: who is ready now < {MUST * 1000:.0f} ms: {must(kept, MUST)}",
        "ratio: of the line with dictionaries, ours to theirs; of the others, the second column to the first",
    )


class Dictionaries:
    """The least that can be done: how many prerequisites of each are open, and who waits for it. Knows no cycles."""

    def __init__(self, issues: Iterable[int], count: int) -> None:
        self.open: dict[int, int] = {}
        self.waiting: dict[int, list[int]] = {}
        for number in issues:
            named = {link.ref.number for link in links(number, count)}
            if (number - 1) % SERIES:
                named.add(number - 1)
            self.open[number] = len(named)
            for other in named:
                self.waiting.setdefault(other, []).append(number)

    def close(self, number: int) -> list[int]:
        """Who is ready by that."""
        ready = []
        for other in self.waiting.get(number, ()):
            self.open[other] -= 1
            if not self.open[other]:
                ready.append(other)
        return ready


def _closes(issues: Mapping[int, Issue]) -> tuple[float, float]:
    """Seconds to say who is ready by a close, ours and with dictionaries: all are closed as they become ready."""
    live, floor = LiveOrder(RULES, REPO), Dictionaries(issues, len(issues))
    live.follow(issues, issues)
    closed = {number: replace(each, open=False) for number, each in issues.items()}

    def close(number: int) -> list[int]:
        concerned = live.update(closed[number], asked=True)
        return [other for other in concerned if other != number and live.place(other) is None]

    ours: list[float] = []
    theirs: list[float] = []
    ready, done = deque(number for number, count in floor.open.items() if not count), 0
    while ready:
        batch = [ready.popleft() for _ in range(min(BATCH, len(ready)))]
        found: list[list[int]] = []
        expected: list[list[int]] = []
        ours.append(once(lambda: found.extend(map(close, batch)), tidy=False) / len(batch))  # noqa: B023 (called here)
        theirs.append(once(lambda: expected.extend(map(floor.close, batch)), tidy=False) / len(batch))  # noqa: B023
        assert [sorted(each) for each in found] == [sorted(each) for each in expected]
        ready.extend(number for each in expected for number in each)
        done += len(batch)
    assert done == len(issues)
    return spread(ours).median, spread(theirs).median


def _arranged_after_a_close(issues: Mapping[int, Issue]) -> tuple[float, float]:
    asked = set(range(OPEN // ASKED, OPEN + 1, OPEN // ASKED))
    following = Following()
    following(issues, asked, rules=RULES, repo=REPO)
    return _each_close(
        issues,
        lambda now: following(now, asked, rules=RULES, repo=REPO),
        lambda now: arrange(now, asked, rules=RULES, repo=REPO),
    )


def _planned_after_a_close(issues: Mapping[int, Issue]) -> tuple[float, float]:
    snapshot, following = snapshot_of(issues), Following()
    plan(snapshot, RepoConfig(), order=following)
    return _each_close(
        snapshot.issues,
        lambda now: plan(replace(snapshot, issues=now), RepoConfig(), order=following),
        lambda now: plan(replace(snapshot, issues=now), RepoConfig()),
    )


def _each_close(
    issues: Mapping[int, Issue],
    first: Callable[[Mapping[int, Issue]], object],
    second: Callable[[Mapping[int, Issue]], object],
) -> tuple[float, float]:
    """Seconds of two ways to look at a repository in which one more issue closed, which come to the same."""
    seconds: list[tuple[float, float]] = []
    now = dict(issues)
    for number in range(1, 10):
        now = {**now, number: replace(now[number], open=False)}
        found: list[object] = []
        pair = [once(lambda: found.append(look(now))) for look in (first, second)]  # noqa: B023 (called here)
        assert found[0] == found[1]
        seconds.append((pair[0], pair[1]))
    return spread([pair[0] for pair in seconds]).median, spread([pair[1] for pair in seconds]).median


def _row(words: str, kept: float, whole: float) -> tuple[str, ...]:
    return words, _micro(kept), _micro(whole), times(whole, kept)


def _micro(seconds: float) -> str:
    """`0.4 us` to `412 us`, else in milliseconds."""
    return f"{seconds * 1e6:.1f} us" if seconds < 0.001 else milliseconds(seconds)
