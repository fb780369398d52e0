"""Label to dispatch: from the answer to the request that puts the label on until GitHub has taken the dispatch.

Between them lie the webhook, the inbox, the scheduler, and requests that wait for each other: GitHub's time for those is
shown apart, and their number is what counts on the real GitHub, where each takes a tenth of a second or more.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from benchmarks.served import Served, served
from benchmarks.tables import milliseconds, must, show
from bot.core.names import REQUEST_LABEL, StateLabel
from bot.sandbox.records import Issue, User

LABELS, FEWER = 20, 6
DELAY = 0.1
"""Seconds that GitHub takes for an answer, as the real one about does."""
MUST = 0.3
"""Seconds, median, where GitHub answers at once."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One label and its dispatch."""

    seconds: float
    requests: int
    """Of the server, one after the other, the dispatch included."""
    github: float
    """Seconds of GitHub's answers to them."""


def main(_runs: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as name, served(Path(name)) as place, place.server:
        issues = (place.issue() for _ in iter(int, 1))
        place.quiet()
        found = {
            "the very first, of which nothing is known": _measure(place, issues, 1, _owner),
            "one at a time": _measure(place, issues, LABELS, _owner),
            "one at a time, each by somebody else": _measure(place, issues, FEWER, _somebody(place)),
            "the next one at once, while it writes": _measure(place, issues, FEWER, _owner, calm=False),
        }
        place.hub.faults.delay(DELAY, " /api/")
        found |= {
            "GitHub answers in 100 ms": _measure(place, issues, FEWER, _owner),
            "GitHub answers in 100 ms, somebody else": _measure(place, issues, FEWER, _somebody(place)),
        }
    _show(found)


def _measure(
    place: Served, issues: Iterator[Issue], count: int, by: Callable[[], User | None], *, calm: bool = True
) -> list[Seen]:
    found = []
    for _ in range(count):
        issue, person = next(issues), by()
        place.quiet()
        before = place.count()
        labelled = place.label(issue, person)
        at = place.dispatched(issue)
        between = list(takewhile(lambda one: not one.path.endswith("/dispatches"), place.requests(before)))
        found.append(Seen(at - labelled, len(between) + 1, sum(each.seconds for each in between)))
        if calm:
            _wait_for_the_comment(place, issue)
    for issue in list(place.repo.issues.values()):
        _wait_for_the_comment(place, issue)
    return found


def _wait_for_the_comment(place: Served, issue: Issue) -> None:
    """The server has said that it is queued: the last that it does as long as the run does not begin."""
    asked = REQUEST_LABEL in {each.name for each in issue.labels}
    if asked:
        place.has(issue, StateLabel.QUEUED)


def _owner() -> None:
    """The repository's owner, who asked a moment ago."""


def _somebody(place: Served) -> Callable[[], User]:
    """Somebody new each time, of whom nothing is known yet."""
    return lambda: place.person(f"p{len(place.hub.users)}")


def _show(found: dict[str, list[Seen]]) -> None:
    rows = []
    for title, seen in found.items():
        seconds = sorted(each.seconds for each in seen)
        rows.append(
            (
                title,
                milliseconds(statistics.median(seconds)),
                milliseconds(seconds[max(0, round(len(seconds) * 0.95) - 1)]),
                milliseconds(seconds[-1]),
                f"{statistics.median(each.requests for each in seen):g}",
                milliseconds(statistics.median(each.github for each in seen)),
            )
        )
    main_row = statistics.median(each.seconds for each in found["one at a time"])
    show(
        f"Label to dispatch, over webhook and server process ({LABELS} labels one at a time, else {FEWER})",
        ("", "p50", "p95", "max", "requests in a row", "GitHub's part"),
        rows,
        f"must: p50 < {MUST * 1000:.0f} ms on loopback: {must(main_row, MUST)}",
        "requests in a row: the look at the repository, the look at the candidate after its claim, the dispatch; before",
        "those the person's permission, where that was not asked within five minutes. GitHub's part: its time for all of",
        "them but the dispatch",
    )
