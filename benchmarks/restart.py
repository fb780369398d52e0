"""From the restart of a killed server to work: SIGKILL in the middle of it, thousands of deliveries and many runs in the store.

The moment is chosen badly: GitHub has just taken a dispatch, so that a repository's lane is held, and the server does not
know yet. While it is down people ask for more, of which it hears from nobody. Then it is started again: from the start
of the process until it listens, until it has dispatched what was asked for in other repositories, and until it has in
the repository that it was working on.
"""

import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.served import Plan, Served, served
from benchmarks.tables import between, milliseconds, must, show, spread, times
from bot.sandbox.records import Repo
from bot.server.ports import Received
from bot.server.store import open_store
from tests.postgres import Postgres

ACCOUNTS, RUNS_EACH, DELIVERIES = 4, 8, 5_000
MOST_TURNS = 3
MUST = 5.0
"""Seconds from the start after a kill until a dispatch, also in the repository that was worked on."""
PLAN = Plan(repos=tuple(f"account{number}/shop" for number in range(ACCOUNTS)), hold="in_progress")


class Back(NamedTuple):
    """Seconds since the process was started."""

    listens: float
    works: float
    """The first dispatch of an issue that was asked for meanwhile."""
    all_works: float
    """All of them, but for the repository that was worked on."""
    same_works: float
    """The one of the repository that was worked on when it was killed."""
    cpu: float
    """CPU seconds of the process until then: what does not depend on who else is at work on the machine."""


def main(runs: int) -> None:
    """Measure and print."""
    turns = min(runs, MOST_TURNS)
    found = {"SQLite": _measure(PLAN, turns)}
    if shutil.which("postgres") or any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        with _postgres() as url:
            found["PostgreSQL"] = _measure(replace(PLAN, database_url=url), turns)
    else:
        print("PostgreSQL is not installed here, so it is not measured.")
    _show(found)


def _measure(plan: Plan, turns: int) -> tuple[float, list[Back]]:
    """Seconds until an empty one listens, and each return."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as name, served(Path(name), plan) as place:
        begun = time.perf_counter()
        place.server.start()
        first = time.perf_counter() - begun
        asked = [place.issue(repo=repo) for repo in place.repos for _ in range(RUNS_EACH)]
        for issue in asked:
            place.label(issue)
        for issue in asked:
            place.dispatched(issue)
        place.quiet()
        return first, [_killed(place, plan) for _ in range(turns)]


def _killed(place: Served, plan: Plan) -> Back:
    worked_on, *others = place.repos
    last = place.issue(repo=worked_on)
    place.label(last)
    place.dispatched(last)
    place.server.kill()
    _fill(plan.database_url or f"sqlite:///{place.folder / 'server' / 'ai-ready.sqlite3'}", place.repos)
    meanwhile = [place.issue(repo=repo) for repo in place.repos]
    for issue in meanwhile:
        place.label(issue)
    begun = time.perf_counter()
    place.server.start()
    listens = time.perf_counter() - begun
    same, *rest = (place.dispatched(issue) - begun for issue in meanwhile)
    assert len(rest) == len(others)
    cpu = place.cpu()
    place.quiet()
    return Back(listens, min(same, *rest), max(rest), same, cpu)


def _fill(url: str, repos: list[Repo]) -> None:
    """Deliveries that were acknowledged and not worked on."""
    store = open_store(url)
    now = datetime.now(UTC)
    known = {place.repository_id: place for place in store.places()}
    for number in range(DELIVERIES):
        repo = known[repos[number % len(repos)].id]
        guid, issue = str(uuid.uuid4()), number % 500 + 1
        received = Received(
            guid, "issues", "edited", now, repo.installation_id, repo.repository_id, repo.full_name, issue
        )
        stored = store.receive(received)
    assert stored.result()
    store.close()


@contextmanager
def _postgres() -> Iterator[str]:
    """The address of an empty database that flushes to disk, as a real one does."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-pg-") as folder:
        cluster = Postgres(Path(folder), durable=True)
        cluster.start()
        try:
            yield cluster.database()
        finally:
            cluster.stop()


def _show(found: dict[str, tuple[float, list[Back]]]) -> None:
    names = {
        "listens": "listens",
        "works": "the first dispatch of what was asked for meanwhile",
        "all_works": f"all {ACCOUNTS - 1} repositories have theirs",
        "same_works": "the repository that was worked on, too",
        "cpu": "CPU of the process until then",
    }
    rows = []
    for store, (first, backs) in found.items():
        rows.append((f"{store}: an empty one listens", milliseconds(first), "1.00 x", ""))
        for field, title in names.items():
            seen = spread([getattr(back, field) for back in backs])
            rows.append((f"{store}: {title}", milliseconds(seen.median), times(seen.median, first), between(seen)))
    slowest = max(statistics.median(back.same_works for back in backs) for _, backs in found.values())
    turns = len(next(iter(found.values()))[1])
    show(
        f"From the restart after SIGKILL, {DELIVERIES:,} deliveries and {ACCOUNTS * RUNS_EACH} runs in the store"
        f" (medians of {turns})",
        ("", "time", "to empty", "range"),
        rows,
        f"must: back at work < {MUST:g} s, there too: {must(slowest, MUST)}",
    )
