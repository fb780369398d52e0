"""`workflow_dispatch` and the lists of runs over REST, on GitHubs of different age."""

from typing import Any

import httpx
import pytest

from tests.sandbox.world import World

CALLER = """\
name: ai-ready
run-name: "ai-ready #${{ inputs.issue }} [${{ inputs.run_key }}]"
on:
  workflow_dispatch:
    inputs:
      issue: {required: true}
      run_key: {required: true}
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
INPUTS = {"issue": "7", "run_key": "7-L1-1"}


@pytest.fixture
def caller(served: World) -> World:
    """With a workflow whose name carries the run key."""
    files = {".github/workflows/ai-ready.yml": CALLER}
    served.hub.repos.commit_files(served.shop, "main", files, served.by("ada"))
    return served


def web(world: World) -> httpx.Client:
    _, installation = world.app()
    token = world.hub.tokens.for_installation(installation).value
    base = f"{world.hub.api_url}/repos/acme/shop/actions"
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def dispatch(client: httpx.Client, **more: Any) -> httpx.Response:
    body = {"ref": "main", "inputs": INPUTS, **more}
    return client.post("/workflows/ai-ready.yml/dispatches", json=body)


def test_the_run_is_told_and_carries_its_run_key_at_once(caller: World) -> None:
    """Also where nobody runs it, and in the webhook that says it was requested."""
    events = caller.events()
    with web(caller) as client:
        told = dispatch(client, return_run_details=True)
        quiet = dispatch(client)
        run = client.get(f"/runs/{told.json()['workflow_run_id']}").json()

    assert (told.status_code, quiet.status_code) == (200, 204)
    assert (run["display_title"], run["status"]) == ("ai-ready #7 [7-L1-1]", "queued")
    requested = [e.payload["workflow_run"]["display_title"] for e in events if e.action == "requested"]
    assert requested == ["ai-ready #7 [7-L1-1]"] * 2


def test_an_older_github_answers_without_the_run(caller: World) -> None:
    caller.hub.actions.details = "ignored"
    with web(caller) as client:
        assert dispatch(client, return_run_details=True).status_code == 204
        assert client.get("/workflows/ai-ready.yml/runs").json()["total_count"] == 1


def test_another_one_refuses_the_field_and_starts_nothing(caller: World) -> None:
    caller.hub.actions.details = "refused"
    with web(caller) as client:
        refused = dispatch(client, return_run_details=True)
        started = client.get("/runs").json()["total_count"]
        assert dispatch(client).status_code == 204

    assert (refused.status_code, started) == (422, 0)
    assert '"return_run_details" is not a permitted key' in refused.json()["message"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (INPUTS | {"admission": "{}"}, 'Unexpected inputs provided: ["admission"]'),
        ({"issue": "7"}, "Required input 'run_key' not provided"),
        (INPUTS | {"run_key": "k" * 65535}, "inputs are too large"),
        ({str(number): "x" for number in range(26)}, "No more than 25"),
    ],
)
def test_inputs_that_github_refuses(caller: World, inputs: dict[str, str], message: str) -> None:
    with web(caller) as client:
        answer = dispatch(client, inputs=inputs)

    assert answer.status_code == 422
    assert message in answer.json()["message"]


def test_no_such_workflow(caller: World) -> None:
    with web(caller) as client:
        assert client.post("/workflows/nothing.yml/dispatches", json={"ref": "main"}).status_code == 404


def test_runs_are_found_by_when_they_were_made(caller: World) -> None:
    with web(caller) as client:
        for _ in range(3):
            dispatch(client)
            caller.clock.advance(60)
        start = caller.clock.moment.replace(second=0)

        def count(created: str) -> int:
            query = {"event": "workflow_dispatch", "created": created}
            found: int = client.get("/workflows/ai-ready.yml/runs", params=query).json()["total_count"]
            return found

        assert count(">=2026-11-21T09:01:00Z") == 2
        assert count(">=2026-11-21T09:01:00+00:00") == 2
        assert count(">=2026-11-21T10:02:00+01:00") == 1
        assert count("2026-11-21T09:00:00Z..2026-11-21T09:01:00Z") == 2
        assert count("2026-11-21") == 3
        assert count("<2026-11-21") == 0
        assert count(f">{start.isoformat()}") == 0
        assert client.get("/runs", params={"created": "yesterday"}).status_code == 422
        assert client.get("/runs", params={"event": "push"}).json()["total_count"] == 0


def test_a_run_is_deleted_once_it_is_over(caller: World) -> None:
    with web(caller) as client:
        run_id = dispatch(client, return_run_details=True).json()["workflow_run_id"]
        under_way = client.delete(f"/runs/{run_id}")
        cancelled = client.post(f"/runs/{run_id}/cancel")
        deleted = client.delete(f"/runs/{run_id}")

        assert [one.status_code for one in (under_way, cancelled, deleted)] == [403, 202, 204]
        assert client.get(f"/runs/{run_id}").status_code == 404
        assert client.get("/runs").json()["total_count"] == 0


@pytest.mark.parametrize("status", ["waiting", "pending", "in_progress"])
def test_a_run_can_be_in_other_states(caller: World, status: Any) -> None:
    with web(caller) as client:
        run_id = dispatch(client, return_run_details=True).json()["workflow_run_id"]
        caller.hub.actions.update_run(caller.hub.actions.runs[run_id], status=status)

        assert client.get(f"/runs/{run_id}").json()["status"] == status
        assert client.get("/runs", params={"status": status}).json()["total_count"] == 1
