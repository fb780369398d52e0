"""Deliveries: signed, recorded, lost when told, sent again under the same GUID; payloads by GitHub's schemas."""

import hashlib
import hmac
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from githubkit_schemas.v2026_03_10 import webhooks as githubkit_webhooks
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from bot.sandbox.records import App, Event
from tests.sandbox.world import World

SECRET = "hush"


@dataclass
class Receiver:
    url: str = ""
    status: int = 202
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A webhook endpoint on loopback that remembers what came."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_app_gets_signed_deliveries_of_what_it_asked_for(served: World) -> None:
    """With its installation, and `ping` first; `create` was not asked for and does not come."""
    with receiver() as there:
        _, installation = served.app(hook_url=there.url, secret=SECRET)
        served.issue()
        served.hub.repos.commit_files(served.shop, "new", {"a": "1"}, served.by("ada"))
        served.hub.webhooks.flush()

    assert [headers["x-github-event"] for headers, _ in there.got] == ["ping", "installation", "issues", "push"]
    headers, body = there.got[2]
    assert headers["x-hub-signature-256"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert json.loads(body)["installation"]["id"] == installation.id
    assert len({headers["x-github-delivery"] for headers, _ in there.got}) == 4


def test_repository_hooks_never_get_what_only_apps_get(served: World) -> None:
    with receiver() as there:
        served.hub.repos.add_hook(served.shop, there.url)
        blocker, blocked = served.issue("a"), served.issue("b")
        served.hub.links.block(blocked, blocker, served.by("ada"))
        served.hub.issues.close(blocker, served.by("ada"))
        served.hub.webhooks.flush()

    actions = [json.loads(body)["action"] for _, body in there.got]
    assert actions == ["opened", "opened", "closed"]
    assert "x-hub-signature-256" not in there.got[0][0]


def test_apps_hear_what_jobs_do(served: World) -> None:
    """A GITHUB_TOKEN's event starts no workflow, but its webhook goes out."""
    job = served.hub.tokens.for_job(served.shop, {"issues": "write"})
    with receiver() as there:
        served.app(hook_url=there.url)
        served.hub.issues.add_comment(served.issue(), job, "Done")
        served.hub.webhooks.flush()

    headers, body = there.got[-1]
    assert headers["x-github-event"] == "issue_comment"
    assert json.loads(body)["sender"]["id"] == 41898282


def test_a_failed_delivery_is_listed_and_sent_again_under_its_guid(served: World) -> None:
    with receiver() as there:
        app, _ = served.app(hook_url=there.url, secret=SECRET)
        served.hub.webhooks.flush()
        there.status = 500
        served.issue()
        served.hub.webhooks.flush()
        there.status = 202
        headers = {"Authorization": f"Bearer {served.app_jwt(app)}"}
        with httpx.Client(base_url=served.hub.api_url, headers=headers, trust_env=False) as web:
            failed = web.get("/app/hook/deliveries", params={"status": "failure"}).json()
            again = web.post(f"/app/hook/deliveries/{failed[0]['id']}/attempts")
            served.hub.webhooks.flush()
            after = web.get("/app/hook/deliveries").json()
            full = web.get(f"/app/hook/deliveries/{failed[0]['id']}").json()

    assert [(one["event"], one["status_code"]) for one in failed] == [("issues", 500)]
    assert again.status_code == 202
    assert (after[0]["guid"], after[0]["redelivery"], after[0]["status"]) == (failed[0]["guid"], True, "OK")
    assert there.got[-1][1] == there.got[-2][1]
    assert full["request"]["payload"]["issue"]["number"] == 1


def test_deliveries_page_by_cursor(served: World) -> None:
    app, _ = served.app(hook_url="http://127.0.0.1:9/nobody")
    for _ in range(3):
        served.issue()
    served.hub.webhooks.flush()
    headers = {"Authorization": f"Bearer {served.app_jwt(app)}"}
    seen: list[int] = []
    with httpx.Client(headers=headers, trust_env=False) as web:
        url: str | None = f"{served.hub.api_url}/app/hook/deliveries?per_page=2&status=failure"
        while url is not None:
            answer = web.get(url)
            seen += [one["id"] for one in answer.json()]
            url = answer.links.get("next", {}).get("url")

    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


def test_dropped_deliveries_are_lost_for_the_receiver_but_recorded(served: World) -> None:
    with receiver() as there:
        served.hub.repos.add_hook(served.shop, there.url)
        served.hub.webhooks.drop_share = 1.0
        served.issue()
        served.hub.webhooks.flush()
        served.hub.webhooks.drop_share = 0.5
        for _ in range(20):
            served.issue()
        served.hub.webhooks.flush()

    assert served.hub.webhooks.deliveries[0].status_code == 502
    assert 0 < len(there.got) < 20


def test_a_delivery_that_was_lost_is_in_no_list(served: World) -> None:
    """Unlike one that was dropped, which can be sent again."""
    with receiver() as there:
        app, _ = served.app(hook_url=there.url)
        served.hub.webhooks.flush()
        served.hub.webhooks.lose_share = 1.0
        served.issue("lost")
        served.hub.webhooks.lose_share, served.hub.webhooks.drop_share = 0.0, 1.0
        served.issue("dropped")
        served.hub.webhooks.flush()

    listed = served.hub.webhooks.of(app.hook)
    assert [json.loads(one.body).get("issue", {}).get("title") for one in listed] == ["dropped", None, None]
    assert (len(there.got), listed[0].status_code) == (2, 502)


def test_deliveries_come_twice_late_and_out_of_order(served: World) -> None:
    """Twice means under one GUID; the end of the server brings what is still to come."""
    webhooks = served.hub.webhooks
    with receiver() as there:
        served.hub.repos.add_hook(served.shop, there.url)
        webhooks.double_share, webhooks.scatter_seconds = 1.0, 0.1
        numbers = [served.issue().number for _ in range(20)]
        webhooks.flush()
        came = [(json.loads(body)["issue"]["number"], headers["x-github-delivery"]) for headers, body in there.got]
        webhooks.double_share, webhooks.scatter_seconds, webhooks.delay_seconds = 0.0, 0.0, 3600.0
        served.issue()
        assert len(there.got) == 40
        webhooks.stop()
        assert len(there.got) == 41
        webhooks.start()

    order = [number for number, _ in came]
    assert sorted(order) == sorted(numbers * 2)
    assert order != sorted(order)
    assert len(set(came)) == 20


def test_deliveries_are_kept_for_three_days(served: World) -> None:
    app, _ = served.app(hook_url="http://127.0.0.1:9/nobody")
    served.hub.webhooks.flush()
    with rest_as(served, app) as web:
        [newest, *_] = web.get("/app/hook/deliveries").json()
        served.clock.advance(3 * 86_400 + 1)
    with rest_as(served, app) as web:
        assert web.get("/app/hook/deliveries").json() == []
        assert web.post(f"/app/hook/deliveries/{newest['id']}/attempts").status_code == 404


def rest_as(world: World, app: App) -> httpx.Client:
    headers = {"Authorization": f"Bearer {world.app_jwt(app)}"}
    return httpx.Client(base_url=world.hub.api_url, headers=headers, trust_env=False)


@pytest.mark.parametrize(("permissions", "heard"), [({"checks": "read"}, ["check_suite"]), ({"actions": "read"}, [])])
def test_an_app_hears_only_what_its_permissions_let_it(
    served: World, permissions: dict[str, str], heard: list[str]
) -> None:
    """Asked for or not: without `checks` no `check_suite`."""
    with receiver() as there:
        owner = served.hub.user("ada")
        registry = served.hub.app_registry
        app = registry.create(
            "curious", owner, permissions=permissions, events=("check_suite", "issues"), hook_url=there.url
        )
        registry.install(app, served.shop.owner)
        served.issue()
        workflow = served.hub.actions.find_workflow(served.shop, "ai.yml")
        run = served.hub.actions.create_run(served.shop, workflow, event="issues", actor=owner)
        served.hub.actions.update_run(run, status="completed", conclusion="success")
        served.hub.webhooks.flush()

    events = [headers["x-github-event"] for headers, _ in there.got]
    assert events == ["ping", "installation", *heard]
    if heard:
        suite = json.loads(there.got[-1][1])["check_suite"]
        assert (suite["status"], suite["conclusion"], suite["head_sha"]) == ("completed", "success", run.head_oid)


def test_other_processes_turn_the_webhooks_knobs_over_http(served: World) -> None:
    door = f"{served.hub.url}/_sandbox/webhooks"

    assert httpx.patch(door, json={"drop_share": 1, "delay_seconds": 0.5}, trust_env=False).status_code == 204
    assert httpx.patch(door, json={"deliveries": 1}, trust_env=False).status_code == 422
    assert httpx.patch(door, json={"drop_share": "all"}, trust_env=False).status_code == 422
    assert (served.hub.webhooks.drop_share, served.hub.webhooks.delay_seconds) == (1.0, 0.5)


# ------------------------------------------------------------------------------------------ payloads


def everything(world: World) -> list[Event]:
    """One of every event that the sandbox emits."""
    hub, shop, ada, bob = world.hub, world.shop, world.by("ada"), world.by("bob")
    events = world.events()
    _, installation = world.app()
    hub.app_registry.choose(installation, [], ada)
    named = hub.create_repo("ada/first", "ada", files={})
    hub.repos.rename(named, "second", ada)
    hub.repos.transfer(named, "acme", ada)
    hub.repos.delete(named, ada)
    hub.app_registry.choose(installation, [shop], ada)
    hub.app_registry.suspend(installation, ada)
    hub.app_registry.suspend(installation, ada, suspended=False)
    hub.repos.create_milestone(shop, "M1", ada)
    issue = hub.issues.create(shop, ada, title="a", labels=["bug"], assignees=["bob"], milestone=1)
    comment = hub.issues.add_comment(issue, bob, "hello")
    hub.issues.edit_comment(comment, bob, "bye")
    hub.issues.edit(issue, ada, title="b", body="c")
    hub.issues.delete_comment(comment, bob)
    hub.issues.set_milestone(issue, None, ada)
    hub.issues.set_milestone(issue, 1, ada)
    hub.issues.unassign(issue, ["bob"], ada)
    hub.issues.remove_label(issue, "bug", ada)
    hub.issues.lock(issue, ada, reason="spam")
    hub.issues.unlock(issue, ada)
    hub.issues.close(issue, ada)
    hub.issues.reopen(issue, ada)
    other = world.issue("other")
    hub.links.block(issue, other, ada)
    hub.links.unblock(issue, other, ada)
    hub.links.add_child(issue, other, ada)
    hub.links.remove_child(issue, other, ada)
    hub.issues.transfer(other, hub.create_repo("acme/other", "ada", files={}), ada)
    hub.issues.delete(world.issue("gone"), ada)
    pulls(world)
    workflow = hub.actions.find_workflow(shop, "ai.yml")
    run = hub.actions.dispatch(shop, workflow, ada, ref="main", inputs={"issue": "1"})
    hub.actions.update_run(run, status="in_progress")
    hub.actions.update_run(run, status="completed", conclusion="success")
    hub.actions.repository_dispatch(shop, ada, "ai-ready", {"why": "slot"})
    return events


def pulls(world: World) -> None:
    hub, ada, bob = world.hub, world.by("ada"), world.by("bob")
    pull = world.pull(draft=True)
    hub.issues.edit(pull, bob, title="better", body="more")
    hub.issues.add_labels(pull, ["bug"], ada)
    hub.issues.remove_label(pull, "bug", ada)
    hub.issues.assign(pull, ["bob"], ada)
    hub.pulls.set_draft(pull, bob, draft=False)
    hub.pulls.set_draft(pull, bob, draft=True)
    hub.pulls.set_draft(pull, bob, draft=False)
    hub.pulls.request_reviewers(pull, ["ada"], bob)
    hub.repos.commit_files(world.shop, "ai/issue-1", {"more": "2"}, bob)
    hub.reviews.submit(pull, ada, event="APPROVE")
    hub.issues.close(pull, ada)
    hub.issues.reopen(pull, ada)
    hub.issues.add_comment(pull, ada, "nice")
    hub.pulls.merge(pull, ada)
    hub.repos.delete_ref(world.shop, "refs/heads/ai/issue-1", ada)


def test_payloads_fit_githubkits_webhook_models(world: World) -> None:
    """Also those of events that @octokit/webhooks-schemas does not know: dependencies and sub-issues.

    Not `repository_dispatch`: githubkit knows only the documentation's sample event type.
    """
    events = [event for event in everything(world) if event.name != "repository_dispatch"]

    for event in events:
        known = getattr(githubkit_webhooks, f"{''.join(word.title() for word in event.name.split('_'))}Event")
        TypeAdapter(known).validate_python(_delivered(event))
    names = {event.name for event in events}
    assert names >= {
        "check_suite", "create", "delete", "installation", "issue_dependencies", "ping", "push", "repository",
        "sub_issues", "workflow_run",
    }  # fmt: skip


YOUNGER = {
    "issue": ("sub_issues_summary", "issue_dependencies_summary"),
    "label": ("archived_at", "archived_by"),
}
"""What GitHub sends by now and the published schema (which allows nothing else) does not know yet."""


def _delivered(event: Event) -> dict[str, Any]:
    lite = {"id": 1, "node_id": "MDIzOklu1"}
    alone = "installation" in event.payload or event.name == "ping"
    return event.payload if alone else {"installation": lite} | event.payload


@pytest.fixture(scope="session")
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    """`@octokit/webhooks-schemas`, installed from npm into .ai-ready/npm/webhooks."""
    if not os.environ.get("AI_READY_TEST_NPM"):
        pytest.skip("AI_READY_TEST_NPM is not set")
    folder = Path(request.config.rootpath) / ".ai-ready" / "npm" / "webhooks"
    found = folder / "node_modules" / "@octokit" / "webhooks-schemas" / "schema.json"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        package = "@octokit/webhooks-schemas@7.6.1"
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
        subprocess.run(command, check=True)
    loaded: dict[str, Any] = json.loads(found.read_text())
    for name, fields in YOUNGER.items():
        loaded["definitions"][name]["properties"] |= {field: {"type": ["object", "null"]} for field in fields}
    for name in ("app", "installation"):
        loaded["definitions"][name]["properties"]["events"]["items"]["enum"] += ["issue_dependencies", "sub_issues"]
    rights = loaded["definitions"]["installation"]["properties"]["permissions"]["properties"]
    rights.setdefault("actions_variables", {"type": "string", "enum": ["read", "write"]})
    return loaded


@pytest.mark.needs_npm
def test_payloads_fit_octokits_schemas(world: World, schema: dict[str, Any]) -> None:
    """Every event that the schemas know, by its own definition (`issues$labeled`), with nothing unexpected in it.

    Not `ping`: they know the hooks of repositories and organizations only.
    """
    problems: list[str] = []
    checked: set[str] = set()
    for event in (one for one in everything(world) if one.name != "ping"):
        name = f"{event.name}${event.action or 'event'}"
        name = "repository_dispatch$event" if event.name == "repository_dispatch" else name
        if name not in schema["definitions"]:
            assert event.name in {"issue_dependencies", "sub_issues"}, name
            continue
        checked.add(name)
        validator = Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": schema["definitions"]})
        wrong = validator.iter_errors(_delivered(event))
        problems += [f"{name}: {'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in wrong]

    assert not problems, "\n".join(problems)
    assert len(checked) > 35
