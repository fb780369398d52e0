"""The fault knobs: what a client sees, and whether it happened."""

import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.world import World


def client(world: World) -> httpx.Client:
    token = world.hub.tokens.for_job(world.shop, {"issues": "write", "contents": "read"}, job="gate").value
    return httpx.Client(base_url=world.hub.api_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def create(web: httpx.Client) -> httpx.Response:
    return web.post("/repos/acme/shop/issues", json={"title": "x"})


def test_fail_answers_without_acting_as_often_as_told(served: World) -> None:
    served.hub.faults.fail(r"POST .*/issues$", 503, times=2)
    with client(served) as web:
        assert [create(web).status_code for _ in range(3)] == [503, 503, 201]

    assert len(served.shop.issues) == 1


def test_a_fault_meets_only_what_it_names(served: World) -> None:
    served.hub.faults.fail(r"POST .*/issues$", 500)
    with client(served) as web:
        assert web.get("/repos/acme/shop/issues").status_code == 200
        assert create(web).status_code == 500


def test_a_connection_that_its_client_has_closed_need_not_be_dropped(
    served: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that was killed while it waited is gone before GitHub hangs up."""
    served.hub.faults.delay(0.5, r"POST .*/issues$")
    served.hub.faults.drop(r"POST .*/issues$")
    with client(served) as web, pytest.raises(httpx.ReadTimeout):
        web.post("/repos/acme/shop/issues", json={"title": "x"}, timeout=0.1)

    end = time.monotonic() + 20
    while not served.hub.requests.api() and time.monotonic() < end:
        time.sleep(0.02)
    with client(served) as web:
        assert web.get("/repos/acme/shop/issues").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"] == []


@pytest.mark.parametrize(("knob", "made"), [("drop", 0), ("drop_after", 1)])
def test_a_dropped_connection_gives_no_answer(served: World, knob: str, made: int) -> None:
    """The client can't tell whether it happened; `drop_after` did it, `drop` did not."""
    getattr(served.hub.faults, knob)(r"POST .*/issues$")
    with client(served) as web:
        with pytest.raises(httpx.TransportError):
            create(web)
        assert len(served.shop.issues) == made
        assert create(web).status_code == 201

    assert [request.status for request in served.hub.requests.api()] == [0, 201]


def test_a_bad_gateway_may_hide_success(served: World) -> None:
    served.hub.faults.bad_gateway_after(r"POST .*/issues$")
    with client(served) as web:
        assert create(web).status_code == 502

    assert len(served.shop.issues) == 1


def test_a_delay_makes_it_late_and_leaves_the_rest(served: World) -> None:
    served.hub.faults.delay(0.2, r"GET .*/issues", times=1)
    started = time.monotonic()
    with client(served) as web:
        assert web.get("/repos/acme/shop/issues").status_code == 200

    assert time.monotonic() - started >= 0.2


def test_the_primary_limit_says_when_it_ends(served: World) -> None:
    served.hub.faults.rate_limit("/issues", seconds=30)
    with client(served) as web:
        answer = web.get("/repos/acme/shop/issues")

    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(answer.headers["x-ratelimit-reset"]) == int(served.clock.moment.timestamp()) + 30
    assert answer.json()["message"].startswith("API rate limit exceeded")


@pytest.mark.parametrize(("seconds", "header"), [(7, "7"), (None, None)])
def test_the_secondary_limit_may_say_when_to_come_back(served: World, seconds: int | None, header: str | None) -> None:
    served.hub.faults.secondary_rate_limit("/issues", retry_after=seconds)
    with client(served) as web:
        answer = web.get("/repos/acme/shop/issues")

    assert (answer.status_code, answer.headers.get("retry-after")) == (403, header)
    assert "secondary rate limit" in answer.json()["message"]


def test_stale_lists_over_rest(served: World) -> None:
    served.issue("old")
    served.clock.advance(60)
    served.issue("new")
    served.hub.faults.stale(30)

    with client(served) as web:
        listed = web.get("/repos/acme/shop/issues").json()
        single = web.get("/repos/acme/shop/issues/2")

    assert [issue["title"] for issue in listed] == ["old"]
    assert single.status_code == 200


def test_git_can_fail_too(served: World, tmp_path: Path) -> None:
    served.hub.faults.fail("/acme/shop.git/info/refs", 503)
    clone = ["git", "clone", "--quiet", f"{served.hub.url}/acme/shop.git", str(tmp_path / "c")]

    assert subprocess.run(clone, capture_output=True, check=False).returncode != 0
    assert subprocess.run(clone, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"fault": "fail", "pattern": "/issues", "status": 500}, 204),
        ({"fault": "stale", "seconds": 5}, 204),
        ({"fault": "explode"}, 422),
        ({"fault": "fail", "nonsense": 1}, 422),
    ],
)
def test_other_processes_set_faults_over_http(served: World, body: dict[str, Any], status: int) -> None:
    door = f"{served.hub.url}/_sandbox/faults"
    assert httpx.post(door, json=body, trust_env=False).status_code == status

    with client(served) as web:
        expected = 500 if body.get("status") == 500 else 200
        assert web.get("/repos/acme/shop/issues").status_code == expected
        assert httpx.delete(door, trust_env=False).status_code == 204
        assert web.get("/repos/acme/shop/issues").status_code == 200
    log = httpx.get(f"{served.hub.url}/_sandbox/requests", trust_env=False).json()
    assert [(request["job"], request["status"]) for request in log["requests"]] == [("gate", expected), ("gate", 200)]
