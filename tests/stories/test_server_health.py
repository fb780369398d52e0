"""What `/readyz` and `/metrics` say of a real server at work, and when a thread of it has died."""

import ctypes
import re
import threading
from pathlib import Path

import httpx
import pytest

from tests.stories.server_town import ServerTown, quick_town


def metrics(town: ServerTown) -> dict[str, float]:
    """Every line of `/metrics`: name and labels, value."""
    assert town.server is not None
    text = httpx.get(f"{town.server.url}/metrics", trust_env=False).text
    found = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def stored(town: ServerTown) -> float:
    """Deliveries that were stored."""
    return metrics(town).get('ai_ready_deliveries_total{result="stored"}', 0)


def ready(town: ServerTown) -> tuple[int, list[str]]:
    """Status, and what fails."""
    assert town.server is not None
    reply = httpx.get(f"{town.server.url}/readyz", trust_env=False)
    return reply.status_code, reply.json()["failing"]


def test_a_run_is_seen_in_the_metrics(tmp_path: Path) -> None:
    """Every part of the server counts into the same metrics: deliveries, passes, dispatches, GitHub, the store."""
    with quick_town(tmp_path) as town:
        issue = town.asked()
        assert town.verdict(issue).startswith("Done")
        town.until(lambda: metrics(town).get('ai_ready_runs_total{verdict="done"}') == 1, "the run is counted")
        seen = metrics(town)

        assert seen['ai_ready_deliveries_total{result="stored"}'] > 0
        assert seen['ai_ready_passes_total{result="done"}'] > 0
        assert seen['ai_ready_dispatches_total{result="ok"}'] == 1
        assert seen['ai_ready_github_requests_total{kind="POST /graphql",status="200"}'] > 0
        assert 0 < seen["ai_ready_github_rate_limit_remaining"] < 100_000
        assert seen["ai_ready_inbox_deliveries"] > 0
        assert (seen["ai_ready_repositories"], seen["ai_ready_installations"]) == (1, 1)
        assert seen["ai_ready_lanes_failing"] == 0
        town.until(lambda: metrics(town)["ai_ready_reconcile_age_seconds"] < 1, "a look at everything is young")
        assert ready(town) == (200, [])


def test_a_repository_that_can_not_be_read_is_counted_as_failing(tmp_path: Path) -> None:
    with quick_town(tmp_path) as town:
        town.hub.faults.fail("/graphql", 422, times=-1)
        town.until(lambda: metrics(town)["ai_ready_lanes_failing"] == 1, "the lane fails")
        assert ready(town) == (200, [])

        town.hub.faults.clear()
        town.until(lambda: metrics(town)["ai_ready_lanes_failing"] == 0, "it is well again")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", ["scheduler", "leases"])
def test_a_thread_that_died_is_neither_health_nor_readiness(tmp_path: Path, name: str) -> None:
    """It still takes deliveries: they are work for the one that comes after it."""
    with quick_town(tmp_path) as town:
        town.until(lambda: ready(town) == (200, []), "ready")
        kill(name)
        town.until(lambda: ready(town) == (503, ["scheduler"]), "the death is seen")

        assert town.server is not None
        assert httpx.get(f"{town.server.url}/healthz", trust_env=False).status_code == 503
        before = stored(town)
        town.asked()
        town.until(lambda: stored(town) > before, "stored")


def kill(name: str) -> None:
    """End a thread of this process in the middle of whatever it does."""
    (thread,) = (each for each in threading.enumerate() if each.name == name)
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
    thread.join(30)
    assert not thread.is_alive()
