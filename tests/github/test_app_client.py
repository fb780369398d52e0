"""The server's client: the same facts as the Action's, dispatches with an admission, deliveries, names that move."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.core.effects import Dispatch, PostComment, SetLabels
from bot.core.model import Issue, Permission, RunState
from bot.errors import GitHubError
from bot.github.app_stories import dispatched_runs, failed_deliveries, installations, repositories
from bot.github.app_wire import kind_of
from bot.github.exchange import Answer
from bot.github.ports import Listed, Place, Reach
from bot.sandbox.webhooks import Delivery
from tests.github.app_stage import AppStage, refused
from tests.github.stage import told

if TYPE_CHECKING:
    from bot.server.github_ports import AppGitHub, RepositoryGitHub

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SERVER_CALLER = """\
name: ai-ready
run-name: "ai-ready #${{ inputs.issue }} [${{ inputs.run_key }}]"
on:
  workflow_dispatch:
    inputs:
      issue: {required: true}
      run_key: {default: ""}
      admission: {default: ""}
      job_minutes: {default: "30"}
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
ORDER = Dispatch(1, "1-x-1", '{"issue": 1, "title": "Käse"}', 45)


def commit(app: AppStage, text: str | None) -> None:
    """Change the caller workflow."""
    files = {".github/workflows/ai.yml": text}
    app.stage.world.hub.repos.commit_files(app.stage.world.shop, "main", files, app.stage.world.by("ada"))


def test_the_clients_are_what_the_server_asks_for(app: AppStage) -> None:
    client: AppGitHub = app.client()
    repository: RepositoryGitHub = client.repository(app.place)

    assert client.repository(app.place) is repository
    assert (
        client.repository(Place(app.place.repository_id, "acme/new-name", app.place.installation_id)) is not repository
    )


def test_both_clients_read_the_same(app: AppStage) -> None:
    stage, hub = app.stage, app.stage.world.hub
    first = stage.asked("[A-1.1] one", body="Depends on #2")
    second = stage.asked("[A-1.2] two")
    hub.links.block(second, first, stage.world.by("ada"))
    stage.world.pull("ai/issue-1", body="Closes #1")

    ours = app.shop().snapshot(focus=[1], now=app.now)
    theirs = stage.client().snapshot(focus=[1], now=app.now)

    assert ours.issues == theirs.issues
    assert (ours.standings, ours.pulls, ours.branches) == (theirs.standings, theirs.pulls, theirs.branches)
    assert (ours.head_oid, ours.config_text, ours.labels) == (theirs.head_oid, theirs.config_text, theirs.labels)
    assert ours.own_ids == theirs.own_ids | {app.app.bot.id}


def test_a_pass_over_a_quiet_repository_is_one_request(app: AppStage) -> None:
    shop = app.shop()
    app.stage.asked()
    shop.snapshot(now=app.now)

    assert [one.path for one in app.requests(lambda: shop.snapshot(now=app.now))] == ["/api/graphql"]
    assert [one.path for one in app.requests(lambda: shop.candidate(1, now=app.now))] == ["/api/graphql"]
    assert app.seen.requests[-1] == ("POST /graphql", 200)
    assert app.seen.left[app.installation.id] > 4000


def test_effects_are_done_in_the_apps_name(app: AppStage) -> None:
    issue, shop = app.stage.asked(), app.shop()

    done = shop.apply([SetLabels(1, ("ai-waiting",)), PostComment(1, "Hello")], shop.snapshot(now=app.now))

    assert [one.ok for one in done] == [True, True]
    assert "ai-waiting" in {label.name for label in issue.labels}
    assert [(one.body, one.user) for one in issue.comments] == [("Hello", app.app.bot)]


def test_who_may_ask_is_read_by_number(app: AppStage) -> None:
    shop = app.shop()
    actor = shop.snapshot(focus=[app.stage.asked().number], now=app.now).issues[1].label_events[0].actor

    assert shop.permission(actor) is Permission.ADMIN


# ---------------------------------------------------------------------------------------------- dispatch


def test_a_dispatch_carries_what_was_admitted(app: AppStage) -> None:
    commit(app, SERVER_CALLER)
    shop = app.shop()

    done = shop.dispatch(ORDER, shop.snapshot(now=app.now))

    run = app.stage.world.hub.actions.get(app.stage.world.shop, done.run_id)
    assert (done.ok, done.own_gate) == (True, False)
    assert done.url.endswith(f"/actions/runs/{run.id}")
    assert run.inputs == {"issue": "1", "run_key": "1-x-1", "admission": ORDER.admission, "job_minutes": "45"}


@pytest.mark.parametrize(("details", "known"), [("told", True), ("refused", False), ("never", False)])
def test_the_action_only_file_is_told_what_it_takes(
    app: AppStage, monkeypatch: pytest.MonkeyPatch, details: str, known: bool
) -> None:
    """It has a gate of its own, which admits; also on a server that can't tell the run's id."""
    hub = app.stage.world.hub
    monkeypatch.setattr(hub.actions, "details", details)
    shop = app.shop()

    done = shop.dispatch(ORDER, shop.snapshot(now=app.now))

    (run,) = [run for run in hub.actions.runs.values() if run.repo is app.stage.world.shop]
    assert (done.ok, done.own_gate) == (True, True)
    assert done.run_id == (run.id if known else 0)
    assert run.inputs == {"issue": "1", "run_key": "1-x-1"}


@pytest.mark.parametrize(
    ("workflow", "status", "words"),
    [
        (None, 404, "Not Found"),
        (SERVER_CALLER.replace("workflow_dispatch:", "workflow_call:"), 422, "workflow_dispatch"),
        (SERVER_CALLER.replace("run_key", "key"), 422, "run_key"),
        (SERVER_CALLER.replace("jobs:", "      colour: {required: true}\njobs:"), 422, "colour"),
    ],
    ids=["no workflow", "no trigger", "another input", "one more input"],
)
def test_a_caller_that_can_not_be_dispatched_is_a_no_in_githubs_words(
    app: AppStage, workflow: str | None, status: int, words: str
) -> None:
    commit(app, workflow)
    shop = app.shop()

    done = shop.dispatch(ORDER, shop.snapshot(now=app.now))

    assert (done.ok, done.unsure, done.status) == (False, False, status)
    assert words in done.message
    assert [run for run in app.stage.world.hub.actions.runs.values() if run.repo is app.stage.world.shop] == []


def test_a_disabled_workflow_is_a_no(app: AppStage) -> None:
    hub = app.stage.world.hub
    hub.actions.find_workflow(app.stage.world.shop, "ai.yml").enabled = False
    shop = app.shop()

    done = shop.dispatch(ORDER, shop.snapshot(now=app.now))

    assert (done.ok, done.unsure, done.status) == (False, False, 422)
    assert "disabled" in done.message


@pytest.mark.parametrize("fault", ["drop_after", "bad_gateway_after", "drop"])
def test_a_dispatch_without_an_answer_is_sent_once_and_found_by_its_key(app: AppStage, fault: str) -> None:
    commit(app, SERVER_CALLER)
    shop = app.shop()
    snapshot = shop.snapshot(now=app.now)
    getattr(app.stage.world.hub.faults, fault)("/dispatches$")

    done = shop.dispatch(ORDER, snapshot)

    found = shop.dispatched_runs(app.now - timedelta(minutes=2))
    assert (done.ok, done.unsure) == (False, True)
    assert [one.name for one in found] == ([] if fault == "drop" else ["ai-ready #1 [1-x-1]"])


def test_dispatched_runs_are_those_since_then(app: AppStage) -> None:
    commit(app, SERVER_CALLER)
    shop, hub = app.shop(), app.stage.world.hub
    snapshot = shop.snapshot(now=app.now)
    shop.dispatch(Dispatch(1, "1-a-1"), snapshot)
    app.pass_time(minutes=10)
    later = app.now
    second = shop.dispatch(Dispatch(2, "2-b-1"), snapshot)
    hub.actions.update_run(hub.actions.get(app.stage.world.shop, second.run_id), status="in_progress")
    hub.actions.create_run(
        app.stage.world.shop, hub.actions.find_workflow(app.stage.world.shop, "ai.yml"), event="issues", actor=hub.user("ada")
    )  # fmt: skip

    (found,) = shop.dispatched_runs(later)

    assert (found.id, found.state, found.started) == (second.run_id, RunState.ACTIVE, True)
    assert [one.started for one in shop.dispatched_runs(later - timedelta(hours=1))] == [True, False]


def test_without_the_workflow_there_are_no_runs(app: AppStage) -> None:
    commit(app, None)

    assert app.shop().dispatched_runs(app.now) == ()


def test_runs_that_can_not_be_listed_are_no_empty_list(app: AppStage) -> None:
    """Empty would mean "send it again"."""
    app.stage.world.hub.faults.fail("/runs", 502, times=-1)

    assert refused(lambda: app.shop().dispatched_runs(app.now)).transient


def test_a_search_that_is_full_goes_on_where_it_ended() -> None:
    """GitHub shows a thousand runs of a search; one that is not found would be dispatched once more."""

    def listed(first: int, last: int) -> list[Answer]:
        runs = [
            {
                "id": number,
                "name": f"ai-ready [{number}]",
                "created_at": f"2026-11-21T08:{number // 60:02}:{number % 60:02}Z",
            }
            for number in range(first, last, -1)
        ]
        pages = [runs[start : start + 100] for start in range(0, len(runs), 100)]
        return [Answer(200, {"workflow_runs": page}) for page in pages]

    found, asked = told(
        dispatched_runs("o/r", "ai.yml", NOW - timedelta(hours=1)), [*listed(1500, 500), *listed(501, 0)]
    )

    assert [run.id for run in found] == list(range(1500, 0, -1))
    assert "2026-11-21T08%3A00%3A00Z..2026-11-21T08%3A08%3A21Z" in asked[-1].path


def test_a_second_with_more_runs_than_are_listed_is_no_answer() -> None:
    page = [{"id": number, "created_at": "2026-11-21T08:00:00Z"} for number in range(100)]

    with pytest.raises(GitHubError):
        told(dispatched_runs("o/r", "ai.yml", NOW), [Answer(200, {"workflow_runs": page})] * 20)


def test_a_run_is_there_gone_or_unknown(app: AppStage) -> None:
    shop, hub = app.shop(), app.stage.world.hub
    run_id = shop.dispatch(Dispatch(1, "1-a-1"), shop.snapshot(now=app.now)).run_id
    waiting = shop.run(run_id)
    hub.actions.cancel(hub.actions.get(app.stage.world.shop, run_id))
    ended = shop.run(run_id)
    hub.faults.fail("/actions/runs", 500, times=5)
    unknown = shop.run(run_id)
    hub.actions.delete(hub.actions.get(app.stage.world.shop, run_id))

    assert (waiting.state, waiting.started) == (RunState.ACTIVE, False)
    assert (ended.state, ended.conclusion) == (RunState.ENDED, "cancelled")
    assert unknown.state is RunState.UNKNOWN
    assert shop.run(run_id).state is RunState.GONE


@pytest.mark.parametrize(
    ("own", "shared", "paused"),
    [
        ({}, {}, False),
        ({"AI_READY_PAUSED": "true"}, {}, True),
        ({}, {"AI_READY_PAUSED": "holiday"}, True),
        ({}, {"AI_READY_PAUSED": "off"}, False),
        ({"AI_READY_PAUSED": "false"}, {"AI_READY_PAUSED": "true"}, False),
        ({"AI_READY_PAUSED": ""}, {"AI_READY_PAUSED": "true"}, False),
        ({"OTHER": "true"}, {"ANOTHER": "true"}, False),
        ({}, {f"A_{n}": "true" for n in range(70)} | {"AI_READY_PAUSED": "1"}, True),
        ({}, {f"A_{n}": "true" for n in range(60)}, False),
    ],
)
def test_a_pause_is_the_repositorys_own_variable_or_its_organizations(
    app: AppStage, monkeypatch: pytest.MonkeyPatch, own: dict[str, str], shared: dict[str, str], paused: bool
) -> None:
    shop = app.stage.world.shop
    monkeypatch.setattr(shop, "variables", own)
    monkeypatch.setattr(shop.owner, "variables", shared)

    assert app.shop().paused() is paused


@pytest.mark.parametrize("what", ["/actions/variables", "/actions/organization-variables"])
def test_a_pause_that_can_not_be_read_now_is_no_answer(app: AppStage, what: str) -> None:
    """A right that we don't have is one: another look would say the same."""
    app.stage.world.hub.faults.fail(what, 502, times=5)
    assert refused(app.shop().paused).status == 502

    app.stage.world.hub.faults.fail(what, 403)
    assert app.shop().paused() is False


@pytest.mark.parametrize("label", ["ai-queued", "ai-running"])
def test_a_pass_reads_the_runs_that_no_claim_branch_tells_of(app: AppStage, label: str) -> None:
    shop, issue = app.shop(), app.stage.asked()
    app.stage.world.hub.issues.add_labels(issue, [label], app.stage.world.by("ada"))
    run_id = shop.dispatch(Dispatch(1, "1-a-1"), shop.snapshot(now=app.now)).run_id

    assert shop.snapshot(now=app.now).runs[run_id].state is RunState.ACTIVE


def test_no_list_of_runs_is_read_for_issues_whose_run_the_ledger_holds(app: AppStage) -> None:
    """Another issue that waits for its run has it read as before."""
    shop, held, other = app.shop(), app.stage.asked(), app.stage.asked()
    hub, ada = app.stage.world.hub, app.stage.world.by("ada")
    hub.issues.add_labels(held, ["ai-queued"], ada)

    def lists(*numbers: int) -> int:
        log = app.stage.requests(lambda: shop.snapshot(held=numbers, now=app.now))
        return sum("/runs?" in request.path for request in log)

    assert (lists(held.number), lists()) == (0, 1)
    hub.issues.add_labels(other, ["ai-running"], ada)
    assert (lists(held.number), lists(held.number, other.number)) == (1, 0)


# ------------------------------------------------------------------------------------- names and numbers


def test_a_renamed_repository_is_followed(app: AppStage) -> None:
    """By the old name, which the server may have for a while: reads, REST and writes."""
    shop, hub, record = app.shop(), app.stage.world.hub, app.stage.world.shop
    issue = app.stage.asked()
    hub.repos.rename(record, f"{record.name}-two", app.stage.world.by("ada"))

    assert shop.branch_oid("main")  # still by the old name: a redirect
    snapshot = shop.snapshot(now=app.now)
    done = shop.apply([PostComment(1, "Hello")], snapshot)

    assert snapshot.repo == record.full_name
    assert [one.ok for one in done] == [True]
    assert [one.body for one in issue.comments] == ["Hello"]
    assert shop.dispatch(Dispatch(1, "1-a-1"), snapshot).ok


def test_a_write_by_an_old_name_arrives_as_a_write(app: AppStage) -> None:
    """The client knew the repository before it was renamed: the POST is redirected, and stays a POST."""
    shop, hub, record = app.shop(), app.stage.world.hub, app.stage.world.shop
    snapshot = shop.snapshot(now=app.now)
    hub.repos.rename(record, f"{record.name}-two", app.stage.world.by("ada"))

    done = shop.dispatch(Dispatch(1, "1-a-1"), snapshot)

    assert done.ok
    assert hub.actions.get(record, done.run_id).inputs["run_key"] == "1-a-1"


def test_a_repository_that_took_the_name_is_not_the_one_meant(app: AppStage) -> None:
    """The number counts. Nothing is read as if it were the old one's, nothing is written there."""
    shop, hub, record = app.shop(), app.stage.world.hub, app.stage.world.shop
    snapshot = shop.snapshot(now=app.now)
    before = record.full_name
    hub.repos.rename(record, f"{record.name}-two", app.stage.world.by("ada"))
    usurper = hub.create_repo(before, "ada", files={".github/workflows/ai.yml": SERVER_CALLER})
    app.installation.repos = [record, usurper]

    error = refused(lambda: shop.snapshot(now=app.now))
    done = shop.dispatch(ORDER, snapshot)

    assert (error.status, error.transient) == (404, False)
    assert "another repository" in str(error)
    assert not done.ok
    assert [run for run in hub.actions.runs.values() if run.repo is usurper] == []


def test_a_deleted_repository_is_gone(app: AppStage) -> None:
    shop, hub = app.shop(), app.stage.world.hub
    shop.snapshot(now=app.now)
    hub.repos.delete(app.stage.world.shop, app.stage.world.by("ada"))

    with pytest.raises(GitHubError) as caught:
        shop.snapshot(now=app.now)

    assert not caught.value.transient


# ------------------------------------------------------------------------------------------ the App itself


def test_the_app_says_who_it_is(app: AppStage) -> None:
    client = app.client()
    facts, hook = client.app(), client.hook_config()

    assert (facts.id, facts.slug) == (app.app.id, "ai-ready")
    assert facts.permissions["contents"] == "write"
    assert {"issues", "workflow_run"} <= facts.events
    assert (hook.url, hook.content_type, hook.checks_certificate, hook.has_secret) == ("", "json", True, False)
    assert client.own_id() == app.app.bot.id


def test_installations_and_what_they_reach(app: AppStage) -> None:
    client, hub = app.client(), app.stage.world.hub
    hub.app_registry.suspend(app.installation, app.stage.world.by("ada"))
    (found,) = [one for one in client.installations().found if one.id == app.installation.id]
    assert client.installation(app.installation.id) == found
    assert not client.reaches(app.place)
    hub.app_registry.suspend(app.installation, app.stage.world.by("ada"), suspended=False)

    assert (found.account, found.suspended, found.permissions["issues"]) == ("acme", True, "write")
    assert client.repositories(app.installation.id) == Reach(Listed((app.place,)))
    assert client.reaches(app.place)
    assert not client.reaches(replace(app.place, repository_id=1))
    assert client.installation(1) is None


@pytest.mark.parametrize("status", [401, 500])
def test_what_nobody_says_is_no_answer(app: AppStage, status: int) -> None:
    """Neither yes nor no: whoever asks must ask again."""
    app.stage.world.hub.faults.fail("/app/installations", status, times=-1)

    assert refused(lambda: app.client().reaches(app.place)).status in (status, 503)
    assert refused(lambda: app.client().installation(app.installation.id)).status == status


def pages(total: int, item: Any, *, under: str = "") -> Iterable[Answer]:
    """Answers to a list of `total` things, a hundred at a time."""
    for start in range(0, total + 1, 100):
        some = [item(number) for number in range(start, min(start + 100, total))]
        yield Answer(200, {under: some} if under else some)


def test_lists_are_read_to_their_end() -> None:
    listed, asked = told(installations(), pages(200, lambda number: {"id": number + 1}))
    assert [one.id for one in listed.found] == list(range(1, 201))
    assert listed.whole
    assert [one.path[-7:] for one in asked] == ["&page=1", "&page=2", "&page=3"]

    def repository(number: int) -> dict[str, Any]:
        return {"id": number, "full_name": f"a/{number}", "archived": number == 7}

    reach, _ = told(repositories(5), pages(150, repository, under="repositories"))
    assert len(reach.places.found) == 149
    assert reach.places.found[-1] == Place(149, "a/149", 5)
    assert reach.closed == {7}


def test_a_list_that_goes_on_says_so() -> None:
    listed, asked = told(installations(), pages(10_500, lambda number: {"id": number + 1}))

    assert (len(listed.found), listed.whole, len(asked)) == (10_000, False, 100)


# ---------------------------------------------------------------------------------------------- deliveries


def deliver(app: AppStage, count: int, *, guid: str = "", code: int = 502) -> list[Delivery]:
    """Attempts that were made now, newest last."""
    hub, made = app.stage.world.hub, []
    for _ in range(count):
        number = hub.new_id()
        name = guid or f"g-{number}"
        attempt = Delivery(number, name, app.app.hook, "issues", "labeled", b"{}", {}, app.now)
        attempt.status_code, attempt.status = code, "OK" if code == 202 else "timed out"
        made.append(attempt)
    hub.webhooks.deliveries += made
    return made


def test_failed_deliveries_over_several_pages_without_those_that_arrived_later(app: AppStage) -> None:
    """W34: 120 failed, three of them handed over since; what is older than three days is not ours to ask for."""
    deliver(app, 5)
    app.pass_time(days=3, minutes=1)
    since = app.now - timedelta(days=3)
    failed = deliver(app, 120)
    app.pass_time(minutes=5)
    deliver(app, 40, code=202)
    again = deliver(app, 1, guid=failed[3].guid)  # asked for again, and failed again
    for one in failed[:3]:
        deliver(app, 1, guid=one.guid, code=202)

    found = app.client().failed_deliveries(since).found
    app.stage.world.hub.webhooks.deliveries.clear()

    by_guid = {one.guid: one for one in found}
    assert len(found) == 117
    assert by_guid.keys() == {one.guid for one in failed[3:]}
    twice = by_guid[failed[3].guid]
    assert (twice.id, twice.event, twice.at) == (again[0].id, "issues", failed[3].delivered_at)
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_when_nothing_failed_nothing_more_is_asked(app: AppStage) -> None:
    deliver(app, 250, code=202)
    client = app.client()

    asked = app.requests(lambda: client.failed_deliveries(app.now - timedelta(days=3)))
    app.stage.world.hub.webhooks.deliveries.clear()

    assert len(asked) == 1


def test_a_server_without_the_filter_lists_everything() -> None:
    listed = [
        {"id": 2, "guid": "b", "delivered_at": "2026-11-21T08:00:00Z", "status_code": 202, "status": "OK"},
        {"id": 1, "guid": "a", "delivered_at": "2026-11-21T07:00:00Z", "status_code": 0, "status": "timed out"},
        {"id": 0, "guid": "old", "delivered_at": "2026-11-21T05:59:59Z", "status_code": 0, "status": "timed out"},
    ]

    deliveries, _ = told(failed_deliveries(NOW - timedelta(hours=3)), [Answer(200, listed), Answer(200, listed)])
    found = deliveries.found

    assert [one.guid for one in found] == ["a"]


def test_a_delivery_is_asked_for_again(app: AppStage) -> None:
    (lost,) = deliver(app, 1)
    client = app.client()

    assert client.redeliver(lost.id) is True
    assert client.redeliver(lost.id + 10_000) is False
    app.stage.world.hub.faults.fail("attempts", 502)
    assert refused(lambda: client.redeliver(lost.id)).transient
    app.stage.world.hub.webhooks.flush()
    assert [one.guid for one in app.stage.world.hub.webhooks.deliveries if one.redelivery] == [lost.guid]
    app.stage.world.hub.webhooks.deliveries.clear()


# ------------------------------------------------------------------------------------------------ counting


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("graphql", "/graphql"),
        ("/repos/actions/issues/actions/runs/17?x=secret", "/repos/*/*/actions/runs/*"),
        ("/repos/acme/shop/actions/workflows/ai-ready.yml/dispatches", "/repos/*/*/actions/workflows/*/dispatches"),
        ("/repos/acme/shop/collaborators/ada/permission", "/repos/*/*/collaborators/*/permission"),
        ("/app/installations/5/access_tokens", "/app/installations/*/access_tokens"),
        ("/repos/acme/shop/git/ref/heads/ai/secret", "/repos/*/*/git/ref/heads/*/*"),
    ],
)
def test_what_is_counted_has_no_names(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_one_connection_serves_all_clients(app: AppStage) -> None:
    """A new one for each request costs a handshake each time."""
    client = app.client()
    for _ in range(3):
        client.repository(app.place).snapshot(now=app.now)

    assert len(client._connection._github._pool._transport._pool.connections) == 1  # type: ignore[attr-defined]
    assert json.dumps(client.app().slug) == '"ai-ready"'


# ------------------------------------------------------------------------------------- large repositories


def crowd(app: AppStage, count: int) -> None:
    """Many open issues, none of them touched today."""
    for number in range(count - 1):
        app.stage.world.issue(f"[A-{1 + number // 90}.{1 + number % 90}] task")
    app.pass_time(days=2)
    app.stage.world.issue("[Z-1.1] the newest")
    app.pass_time(days=2)


def lists_of(requests: Iterable[Any]) -> int:
    return sum(one.path == "/api/graphql" for one in requests)


def changes(app: AppStage, dice: random.Random) -> None:
    """One thing that people do to issues."""
    stage, hub, by = app.stage, app.stage.world.hub, app.stage.world.by("ada")
    issue = dice.choice([one for one in stage.world.shop.issues.values() if one.pull is None])
    match dice.randrange(9):
        case 0:
            stage.world.issue(f"[B-1.{dice.randrange(1, 90)}] another")
        case 1 | 2:
            hub.issues.close(issue, by, reason="not_planned") if issue.open else hub.issues.reopen(issue, by)
        case 3:
            hub.issues.edit(issue, by, title=f"[C-2.{dice.randrange(1, 90)}] new title")
        case 4:
            hub.issues.add_labels(issue, [dice.choice(["ai-ready", "priority: high", "bug"])], by)
        case 5 if issue.labels:
            hub.issues.remove_label(issue, issue.labels[0].name, by)
        case 6:
            hub.issues.delete(issue, by)
        case 7:
            hub.issues.delete(issue, by)
            stage.world.issue("[D-1.1] in its stead")
        case _:
            hub.issues.set_milestone(issue, dice.choice([1, None]), by)


@pytest.mark.parametrize("seed", range(2))
def test_reading_what_changed_comes_to_the_same_as_reading_everything(app: AppStage, seed: int) -> None:
    """Any sequence of changes, deletions too; a client that goes on beside one that has never read."""
    dice = random.Random(seed)
    hub, shop = app.stage.world.hub, app.stage.world.shop
    hub.repos.create_milestone(shop, "M1", app.stage.world.by("ada"))
    crowd(app, 130)
    going_on = app.shop()
    going_on.snapshot(now=app.now)

    for _ in range(10):
        for _ in range(dice.randrange(3)):
            changes(app, dice)
        app.pass_time(seconds=dice.choice([0, 1, 70]))
        fresh = app.shop().snapshot(now=app.now)
        known = going_on.snapshot(now=app.now)

        assert known.issues == fresh.issues
        assert (known.standings, known.truncated) == (fresh.standings, False)


def test_a_list_that_outgrew_its_page_is_read_whole(app: AppStage) -> None:
    """A later look asks for as many as there were; of forty more, none is missed, and the look after knows better."""
    stage, client, crowded = app.stage, app.shop(), range(2, 42)
    stage.asked()
    client.snapshot(now=app.now)
    for _ in crowded:
        stage.asked()

    found: dict[int, Issue] = {}
    first = app.requests(lambda: found.update(client.snapshot(now=app.now).issues))
    second = app.requests(lambda: client.snapshot(now=app.now))

    assert {number for number, issue in found.items() if issue.detailed} == {1, *crowded}
    assert (lists_of(first), lists_of(second)) == (2, 1)


def test_a_pass_over_a_large_repository_reads_what_changed(app: AppStage) -> None:
    crowd(app, 310)
    client = app.shop()
    first = app.requests(lambda: client.snapshot(now=app.now))
    app.pass_time(minutes=5)
    second = app.requests(lambda: client.snapshot(now=app.now))
    third = app.requests(lambda: client.candidate(5, now=app.now))

    assert (lists_of(first), lists_of(second), lists_of(third)) == (4, 1, 1)


def test_an_issue_that_went_elsewhere_is_no_longer_open(app: AppStage) -> None:
    """Deleted or transferred: no list of changes tells, but the number of open issues does."""
    crowd(app, 120)
    hub, client = app.stage.world.hub, app.shop()
    client.snapshot(now=app.now)
    target = hub.create_repo(f"{app.stage.repo}-target", "ada", files={"README.md": "#"})
    hub.issues.transfer(app.stage.world.shop.issues[3], target, app.stage.world.by("ada"))

    found: dict[int, Issue] = {}

    requests = app.requests(lambda: found.update(client.snapshot(now=app.now).issues))

    assert found.keys() == set(range(1, 121)) - {3}
    assert lists_of(requests) == 3  # in vain, then both pages


def test_everything_is_read_again_every_hour(app: AppStage) -> None:
    """A milestone that got another name touches no issue."""
    crowd(app, 120)
    client = app.shop()
    client.snapshot(now=app.now)
    app.pass_time(minutes=61)

    assert lists_of(app.requests(lambda: client.snapshot(now=app.now))) == 2


def test_more_issues_touched_in_a_day_than_a_look_reads_are_read_by_and_by(
    app: AppStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look goes on where the last one stopped; what the day's plan needs is among what every later look reads."""
    monkeypatch.setattr("bot.github.gathering.RECENT_PAGES", 2)
    stage, hub, ada, client = app.stage, app.stage.world.hub, app.stage.world.by("ada"), app.shop()
    asked, unread = stage.asked(), stage.world.issue("Please")
    hub.issues.add_comment(unread, ada, "/ai run")
    for _ in range(4):
        for _ in range(50):
            stage.world.issue("touched")
        app.pass_time(minutes=2)
    ended = stage.world.issue("Ended")
    client.apply([PostComment(ended.number, "Done")], client.snapshot(now=app.now))

    def look() -> tuple[bool, bool]:
        seen = client.snapshot(now=app.now)
        wanted = {asked.number, unread.number}
        assert wanted <= {number for number, issue in seen.issues.items() if issue.detailed}
        return seen.truncated, ended.number in seen.issues and seen.issues[ended.number].detailed

    looks: list[tuple[bool, bool]] = []
    while not looks or looks[-1][0]:
        looks.append(look())
        app.pass_time(seconds=60)
        assert len(looks) < 10
    assert len(looks) > 1
    app.pass_time(minutes=30)
    assert look() == (False, True)
    later = app.requests(look)
    assert lists_of(later) == 1
    hub.issues.add_comment(stage.world.shop.issues[9], ada, "/ai run")
    assert client.snapshot(now=app.now).issues[9].comments
    app.pass_time(days=1)
    assert not client.snapshot(now=app.now).truncated
    assert client._memory.recent is None


def test_a_list_that_was_cut_short_is_not_remembered(app: AppStage, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(app, 230)
    client = app.shop()
    with monkeypatch.context() as patch:
        patch.setattr("bot.github.gathering.OPEN_PAGES", 2)
        assert client.snapshot(now=app.now).truncated

    assert len(client.snapshot(now=app.now).issues) == 230
