"""Health, readiness and metrics: what they say, and that they name nothing private."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.server.health import Vitals
from bot.server.limits import Limits
from bot.server.metrics import UNREACHABLE_AFTER, Metrics
from bot.server.ports import Counts
from bot.server.rules import RECONCILED
from tests.server.endpoint import ISSUES, SECRET, Idle, Running, running, sqlite_store, wait_until

WELL = Vitals(Counts(), alive=True, reconcile_age=10.0, reconcile_seconds=60.0, github=True, remaining=4_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(sqlite_store(tmp_path_factory.mktemp("app"))) as made:
        yield made


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_pages_answer_whoever_asks(server: Running, method: str, path: str) -> None:
    reply = server.ask(method, path)
    assert reply.status == 200
    assert "server" not in reply.headers


def test_pages_are_for_reading(server: Running) -> None:
    assert server.ask("POST", "/healthz").status == 405


def test_a_fresh_server_is_ready(server: Running) -> None:
    assert server.ask("GET", "/readyz").json == {"status": "ready", "failing": []}


def test_a_server_whose_scheduler_ended_says_so(tmp_path: Path) -> None:
    """503 with the name of what fails and nothing else, and a call for a restart: nothing less brings a thread back."""
    with running(sqlite_store(tmp_path), scheduler=Idle(alive=False)) as server:
        reply = server.ask("GET", "/readyz")
        assert (reply.status, reply.json) == (503, {"status": "failing", "failing": ["scheduler"]})
        assert server.ask("GET", "/healthz").status == 503


def test_a_store_that_hangs_holds_one_thread_however_often_somebody_asks(tmp_path: Path) -> None:
    with running(sqlite_store(tmp_path), limits=Limits(look=0.05, look_every=0.0)) as server:
        wait_until(lambda: server.ask("GET", "/readyz").status == 200)  # a busy machine may take longer than that
        before = threading.active_count()
        holder = sqlite3.connect(tmp_path / "inbox.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert [server.ask("GET", "/readyz").status for _ in range(6)] == [503] * 6
        assert threading.active_count() <= before
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: server.ask("GET", "/readyz").status == 200)


def test_a_store_that_is_away_is_named(tmp_path: Path) -> None:
    """Somebody holds the database: 503 within the patience, metrics without its numbers; and well again after."""
    with running(sqlite_store(tmp_path), limits=Limits(look=0.2, look_every=0.0)) as server:
        holder = sqlite3.connect(tmp_path / "inbox.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        reply = server.ask("GET", "/readyz")
        assert (reply.status, reply.json["failing"]) == (503, ["store"])
        assert "ai_ready_lanes_due NaN" in server.ask("GET", "/metrics").body.decode()
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: server.ask("GET", "/readyz").status == 200)


def test_a_reconcile_that_was_long_ago_is_counted_from_our_start(tmp_path: Path) -> None:
    """After a night off the first look is not overdue yet; an age in the future is none."""
    store = sqlite_store(tmp_path)
    store.remember(RECONCILED, (datetime.now(UTC) - timedelta(hours=9)).isoformat())
    with running(store) as server:
        assert server.ask("GET", "/readyz").json["failing"] == []
        assert server.counted("ai_ready_reconcile_age_seconds") < 30


@pytest.mark.parametrize(
    ("changes", "word", "failing"),
    [
        ({}, "ready", ()),
        ({"counts": None}, "failing", ("store",)),
        ({"alive": False, "github": False}, "failing", ("scheduler", "github")),
        ({"reconcile_age": 209.0}, "ready", ()),
        ({"reconcile_age": 211.0}, "failing", ("reconcile",)),
        ({"remaining": 0}, "degraded", ()),
        ({"remaining": None}, "ready", ()),
        ({"counts": Counts(resting=1)}, "degraded", ()),
    ],
)
def test_what_makes_it_fit(changes: dict[str, object], word: str, failing: tuple[str, ...]) -> None:
    fields = {name: getattr(WELL, name) for name in Vitals.__slots__}
    vitals = Vitals(**(fields | changes))
    assert (vitals.word, vitals.failing) == (word, failing)


def test_github_is_out_of_reach_when_it_is_asked_and_silent_for_long() -> None:
    """One bad answer is nothing, an old good one neither; silence while nobody asks is fine."""
    now = 0.0
    metrics = Metrics(lambda: now)
    now = 10_000.0
    assert metrics.github_reachable
    metrics.request("GET", 502)
    assert metrics.github_reachable
    now += UNREACHABLE_AFTER + 1
    metrics.request("GET", 0)
    assert not metrics.github_reachable
    metrics.request("GET", 404)
    assert metrics.github_reachable


def test_the_lowest_limit_counts_until_it_is_reset() -> None:
    metrics = Metrics()
    assert metrics.lowest_remaining(0.0) is None
    metrics.remaining(1, 4_000, 100.0)
    metrics.remaining(2, 7, 50.0)
    assert metrics.lowest_remaining(10.0) == 7
    assert metrics.lowest_remaining(60.0) == 4_000


def used() -> str:
    """`/metrics` after everything that can be counted was."""
    metrics = Metrics()
    metrics.delivery("stored", 0.001)
    metrics.passed(0.2, "done")
    metrics.dispatched("ok")
    metrics.ended("done")
    metrics.redelivered("ok")
    metrics.cut("repositories")
    metrics.request("GraphQL", 200)
    metrics.waited(2.5)
    metrics.store_error()
    return metrics.render(Counts(lanes_due=3, deliveries=8), 12.0).decode()


def test_every_method_shows() -> None:
    shown = used().splitlines()
    for line in (
        'ai_ready_deliveries_total{result="stored"} 1.0',
        'ai_ready_passes_total{result="done"} 1.0',
        'ai_ready_dispatches_total{result="ok"} 1.0',
        'ai_ready_runs_total{verdict="done"} 1.0',
        'ai_ready_redeliveries_total{result="ok"} 1.0',
        'ai_ready_lists_cut_total{what="repositories"} 1.0',
        'ai_ready_github_requests_total{kind="GraphQL",status="200"} 1.0',
        "ai_ready_content_wait_seconds_total 2.5",
        "ai_ready_store_errors_total 1.0",
        "ai_ready_lanes_due 3.0",
        "ai_ready_inbox_deliveries 8.0",
        "ai_ready_reconcile_age_seconds 12.0",
        "ai_ready_github_rate_limit_remaining NaN",
    ):
        assert line in shown


def test_the_documentation_names_every_metric_with_its_labels_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "server.md").read_text()
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `ai_ready_")]
    documented = {name: labels for row in rows for name, labels in re.findall(r"`(ai_ready_\w+)(?:\{(.*?)\})?`", row)}
    shown: dict[str, str] = {}
    for name, labels in re.findall(r"^(ai_ready_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? ", used(), re.MULTILINE):
        names = [each for each in re.findall(r'(\w+)="', labels) if each != "le"]
        if not name.endswith("_created"):
            shown.setdefault(name, ",".join(names))

    assert documented == shown


def test_nothing_private_is_shown(server: Running) -> None:
    """W38: no repository, title, GUID, secret or path, after deliveries of all kinds."""
    body = json.dumps(ISSUES | {"repository": {"id": 7, "full_name": "acme/secret-plans"}}).encode()
    for changes in ({}, {"event": "secret_plans"}, {"guid": "secret-plans"}, {"signature": "secret-plans"}):
        server.deliver(body, **changes)
    shown = b"".join(server.ask("GET", path).body for path in ("/healthz", "/readyz", "/metrics")).decode()
    assert "ai_ready_deliveries_total" in shown
    for word in ("acme", "secret", "Log in", SECRET, "sqlite", "/tmp", "issues"):
        assert word not in shown
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}", shown) == []


def test_without_webhooks_there_is_no_endpoint(tmp_path: Path) -> None:
    """AI_READY_WEBHOOKS=off: 404, also for what would be signed with an empty secret."""
    with running(sqlite_store(tmp_path), secrets=()) as server:
        assert server.deliver().status == 404
        assert server.ask("GET", "/readyz").status == 200
