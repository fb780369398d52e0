"""The doctor: each check with GitHub's answers as documented, and all of them against the sandbox."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app as cli
from bot.core.names import LABEL_LOOKS
from bot.core.secret import Secret
from bot.core.settings import PullRequest, RepoConfig
from bot.errors import UsageError
from bot.github.action_client import PyGithubWire
from bot.github.courier import Courier, Timing
from bot.github.exchange import Answer, Story
from bot.sandbox.server import serve
from bot.server.doctor import app_checks, repository_checks
from bot.server.doctor.caller import compare
from bot.server.doctor.examine import Doors, as_json, as_object, examine, line, summary
from bot.server.doctor.finding import Finding, State
from bot.server.doctor.repository_checks import Repository
from bot.server.setup.credentials import Cabinet
from bot.server.setup.manifest import EVENTS, PERMISSIONS, NewApp
from bot.server.setup.person import NobodysWire
from bot.server.setup.shipped import Mode, Release, caller
from tests.github.stage import told
from tests.sandbox.world import World, small_world

OURS = Release("acme/ai-ready", "a" * 40, "0.1.0")
HOME = Repository(
    "acme/shop", "main", private=True, owner="acme", organization=True, url="https://github.example/acme/shop"
)
NO = Answer(403, {"message": "Resource not accessible by personal access token"})
GONE = Answer(404, {"message": "Not Found"})
APP = {"id": 7, "slug": "bot", "permissions": PERMISSIONS, "events": list(EVENTS)}


def found(story: Story[Finding], *answers: Answer) -> Finding:
    finding: Finding = told(story, answers)[0]
    return finding


def ok(body: Any) -> Answer:
    return Answer(200, body)


# ------------------------------------------------------------------------------------------------ App


@pytest.mark.parametrize(
    ("answer", "app_id", "state"),
    [
        (ok(APP), "7", State.PASS),
        (ok(APP), "Iv23liabc", State.PASS),
        (ok(APP), "8", State.FAIL),
        (Answer(401, {"message": "A JSON web token could not be decoded"}), "7", State.FAIL),
        (Answer(0), "7", State.FAIL),
    ],
)
def test_the_key_is_the_apps(answer: Answer, app_id: str, state: State) -> None:
    looks, _ = told(app_checks.look(app_id), [answer])

    assert looks.finding.state is state
    assert bool(looks.finding.fix) == (state is State.FAIL)


@pytest.mark.parametrize(
    ("changes", "state", "named"),
    [
        ({}, State.PASS, "contents: write"),
        ({"contents": "read"}, State.FAIL, "Missing: contents: write"),
        ({"issues": ""}, State.FAIL, "Missing: issues: write"),
        ({"administration": "write"}, State.FAIL, "More than it needs: administration: write"),
        ({"workflows": "read", "checks": "read"}, State.PASS, "It may do"),
        ({"checks": "write"}, State.FAIL, "More than it needs: checks: write"),
    ],
)
def test_rights_that_are_missing_or_too_many(changes: dict[str, str], state: State, named: str) -> None:
    finding = app_checks.permissions({"permissions": PERMISSIONS | changes})

    assert finding.state is state
    assert named in finding.text


def test_events_that_are_missing() -> None:
    assert app_checks.events({"events": list(EVENTS)}, polls=False).state is State.PASS
    assert "Not subscribed: check_suite, issue_comment" in app_checks.events({"events": EVENTS[2:]}, polls=False).text
    assert app_checks.events({"events": list(EVENTS[2:])}, polls=False).state is State.FAIL
    assert app_checks.events({}, polls=True).state is State.SKIP


INSTALLED = {"account": {"login": "acme"}, "permissions": PERMISSIONS, "suspended_at": None}


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (ok([INSTALLED]), State.PASS, "Installed in acme"),
        (ok([]), State.FAIL, "installed nowhere"),
        (ok([INSTALLED | {"suspended_at": "2026-11-21T09:00:00Z"}]), State.FAIL, "Suspended in acme"),
        (ok([INSTALLED | {"permissions": {"issues": "write"}}]), State.FAIL, "not accepted yet in acme"),
        (NO, State.SKIP, "can't be read"),
    ],
)
def test_installations(answer: Answer, state: State, said: str) -> None:
    finding = found(app_checks.installations("https://x/install"), answer)

    assert finding.state is state
    assert said in finding.text


HOOK = {"url": "https://bot.example/webhook", "content_type": "json", "insecure_ssl": "0", "secret": "********"}


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (ok(HOOK), State.PASS, "https://bot.example/webhook"),
        (ok(HOOK | {"url": "https://bot.example/"}), State.FAIL, "Deliveries go to https://bot.example/"),
        (ok(HOOK | {"content_type": "form"}), State.FAIL, "come as form"),
        (ok({key: HOOK[key] for key in HOOK if key != "secret"}), State.FAIL, "no secret"),
        (ok(HOOK | {"insecure_ssl": "1"}), State.FAIL, "certificate"),
        (ok(HOOK | {"url": ""}), State.FAIL, "no webhook"),
        (GONE, State.FAIL, "no webhook"),
    ],
)
def test_the_webhook(answer: Answer, state: State, said: str) -> None:
    finding = found(app_checks.webhook(polls=False), answer)

    assert finding.state is state
    assert said in finding.text


@pytest.mark.parametrize(
    ("statuses", "state", "said"),
    [
        ([202, 202], State.PASS, "2 of the last 2"),
        ([202, 502], State.PASS, "1 of the last 2 deliveries came through, the newest too"),
        ([401, 202], State.FAIL, "the secrets differ"),
        ([502, 202], State.FAIL, "The newest delivery failed"),
        ([], State.SKIP, "nothing yet"),
    ],
)
def test_the_last_deliveries(statuses: list[int], state: State, said: str) -> None:
    finding = found(app_checks.deliveries(polls=False), ok([{"status_code": code, "status": "?"} for code in statuses]))

    assert finding.state is state
    assert said in finding.text


def test_the_public_address_is_tried() -> None:
    assert found(app_checks.reachable("https://bot.example"), ok({})).state is State.PASS
    assert "does not answer" in found(app_checks.reachable("https://bot.example"), Answer(0)).text
    assert found(app_checks.reachable("https://bot.example"), Answer(502)).state is State.FAIL
    root, asked = told(app_checks.webhook_root(), [ok(HOOK)])
    assert (root, len(asked)) == ("https://bot.example", 1)
    assert told(app_checks.reachable(""), [])[0].state is State.SKIP


# ------------------------------------------------------------------------------------------- workflow


@pytest.mark.parametrize("mode", list(Mode))
def test_a_shipped_workflow_is_recognised_whatever_it_pins(mode: Mode) -> None:
    """Comments and blank lines don't count, nor does the head of the copied example, nor what an old server doesn't know."""
    text = caller(mode, OURS)

    assert compare(text) == compare(text.replace("\n\n", "\n\n\n") + "# a note\n")
    assert compare(caller(mode, OURS, "https://github.example.com")).differing == ()
    assert (compare(text).mode, compare(text).differing, compare(text).pinned) == (mode, (), True)
    assert (compare(text).uses, compare(text).ref) == (OURS.repository, OURS.commit)


def test_lines_that_differ_are_named_with_their_number() -> None:
    text = caller(Mode.SERVER, OURS)
    changed = text.replace("      contents: write # publish: pushes ai/issue-N", "      contents: read")
    number = changed.splitlines().index("      contents: read") + 1

    assert compare(changed).mode is Mode.SERVER
    assert compare(changed).differing == (f"line {number}: -contents: read", f"line {number}: +contents: write")


def test_what_is_left_out_and_added_is_named() -> None:
    text = caller(Mode.ACTION, OURS)
    less = text.replace("    secrets:\n", "").replace("permissions: {}\n", "")
    more = text + "  another:\n    runs-on: ubuntu-latest\n"

    assert any("+permissions: {}" in each for each in compare(less).differing)
    assert any("-another:" in each for each in compare(more).differing)


def test_jobs_of_ones_own_and_foreign_workflows_are_not_compared() -> None:
    custom = "jobs:\n  gate:\n    steps:\n      - uses: acme/ai-ready@" + "a" * 40

    assert (compare(custom).mode, compare(custom).uses) == (None, "acme/ai-ready")
    assert (compare("name: CI\n").mode, compare("name: CI\n").uses) == (None, "")


@pytest.mark.parametrize("ref", ["main", "v0.1.0", "0" * 40])
def test_what_anybody_can_move_is_no_pin(ref: str) -> None:
    assert not compare(caller(Mode.ACTION, OURS).replace(OURS.commit, ref)).pinned


# ----------------------------------------------------------------------------------------- repository


def test_unreadable_settings_are_skipped_never_passed() -> None:
    """Whatever can't be read with these rights says which right would do."""
    stories = (
        repository_checks.actions_enabled(HOME),
        repository_checks.pull_requests(HOME),
        repository_checks.branch_rules(HOME),
        repository_checks.workflow_enabled(HOME),
        repository_checks.labels(HOME),
    )
    for story in stories:
        finding = found(story, NO)
        assert finding.state is State.SKIP
        assert "a token with" in finding.fix
    assert found(repository_checks.model_key(HOME), NO, NO).state is State.SKIP
    assert found(repository_checks.drafts(HOME, None), NO).state is State.SKIP


def test_settings_of_actions() -> None:
    enabled = repository_checks.actions_enabled
    assert found(enabled(HOME), ok({"enabled": True, "allowed_actions": "all"})).state is State.PASS
    assert found(enabled(HOME), ok({"enabled": False})).state is State.FAIL
    assert found(enabled(HOME), ok({"enabled": True, "allowed_actions": "local_only"})).state is State.FAIL
    prs = repository_checks.pull_requests
    assert found(prs(HOME), ok({"can_approve_pull_request_reviews": True})).state is State.PASS
    assert "pr-failed" in found(prs(HOME), ok({"can_approve_pull_request_reviews": False})).text
    quiet = found(repository_checks.workflow_enabled(HOME), ok({"state": "disabled_inactivity"}))
    assert (quiet.state, quiet.fix) == (State.FAIL, "gh workflow enable ai-ready.yml --repo acme/shop")


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ([], State.PASS),
        (["non_fast_forward", "required_linear_history"], State.PASS),
        (["pull_request"], State.FAIL),
        (["creation"], State.FAIL),
        (["required_signatures", "deletion"], State.FAIL),
    ],
)
def test_rules_that_keep_the_bot_from_its_branches(rules: list[str], state: State) -> None:
    story = repository_checks.branch_rules(HOME)

    assert found(story, ok([{"type": rule} for rule in rules])).state is state


@pytest.mark.parametrize(
    ("own", "shared", "state"),
    [
        (["ANTHROPIC_API_KEY"], [], State.PASS),
        ([], ["CLAUDE_CODE_OAUTH_TOKEN"], State.PASS),
        (["OTHER"], [], State.FAIL),
    ],
)
def test_the_models_key_is_known_by_name(own: list[str], shared: list[str], state: State) -> None:
    answers = [ok({"secrets": [{"name": name} for name in names]}) for names in (own, shared)]

    assert found(repository_checks.model_key(HOME), *answers).state is state


UNSET = ok({"variables": []})


@pytest.mark.parametrize(
    ("answers", "state", "said"),
    [
        ([GONE, GONE, UNSET], State.PASS, "Nobody paused it"),
        ([GONE, GONE, GONE], State.PASS, "Nobody paused it"),
        ([ok({"value": "true"})] * 2, State.FAIL, "nothing is started"),
        ([ok({"value": "off"})] * 2, State.PASS, "Nobody paused it"),
        (
            [GONE, GONE, ok({"variables": [{"name": "AI_READY_PAUSED", "value": "1"}]})],
            State.FAIL,
            "nothing is started",
        ),
        ([NO], State.SKIP, "The variable AI_READY_PAUSED can't be read"),
        ([GONE, GONE, Answer(502)], State.SKIP, "could not list the organization's variables"),
    ],
)
def test_a_pause_is_seen(answers: list[Answer], state: State, said: str) -> None:
    finding = found(repository_checks.pause(HOME), *answers)

    assert finding.state is state
    assert said in finding.text
    assert bool(finding.fix) == (state is State.FAIL or answers == [NO])


def test_a_key_may_hide_where_we_can_not_look() -> None:
    """No right to read the organization's secrets: a missing one of the repository's is no failure."""
    assert found(repository_checks.model_key(HOME), ok({"secrets": []}), NO).state is State.SKIP


@pytest.mark.parametrize(
    ("plan", "state"), [("free", State.FAIL), ("team", State.PASS), ("enterprise", State.PASS), ("odd", State.SKIP)]
)
def test_draft_pull_requests_need_a_plan(plan: str, state: State) -> None:
    answer = ok({"login": "ACME", "plan": {"name": plan}})

    assert found(repository_checks.drafts(HOME, RepoConfig()), answer).state is state


def test_draft_pull_requests_that_nobody_needs() -> None:
    public = Repository("acme/shop", "main", private=False, owner="acme", organization=True, url="")
    without = RepoConfig(pull_request=PullRequest(draft=False))

    assert found(repository_checks.drafts(public, RepoConfig())).state is State.PASS
    assert found(repository_checks.drafts(HOME, without)).state is State.PASS


# ------------------------------------------------------------------------------------ the whole of it


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = small_world(tmp_path / "hub")
    with serve(made.hub):
        yield made


def look(world: World) -> dict[str, Finding]:
    """Everything, as the owner."""
    token = world.hub.tokens.personal(world.hub.user("ada")).value
    couriers = [
        Courier(wire, Timing()) for wire in (NobodysWire(world.hub.api_url), PyGithubWire(world.hub.api_url, token))
    ]
    return {each.name: each for each in examine(Doors(couriers[0], repository=couriers[1]), "acme/shop")}


def test_a_bare_repository_is_told_what_it_lacks(world: World) -> None:
    seen = look(world)

    assert seen["repository"].state is State.PASS
    assert (seen["workflow"].state, seen["labels"].state) == (State.FAIL, State.FAIL)
    assert seen["workflow"].fix == "ai-ready setup --repo acme/shop, and merge the pull request"
    assert seen["app-key"].state is State.SKIP
    assert (seen["config"].state, seen["draft-pull-requests"].state) == (State.PASS, State.PASS)


def test_a_repository_that_is_set_up(world: World) -> None:
    """And one whose config nobody can read."""
    files = {".github/workflows/ai-ready.yml": caller(Mode.ACTION, OURS), ".github/ai-ready.yml": "limits: {usd: x}\n"}
    world.hub.repos.commit_files(world.shop, "main", files, world.by("ada"))
    for name in LABEL_LOOKS:
        world.hub.repos.create_label(world.shop, name)
    seen = look(world)

    assert (seen["workflow"].state, seen["labels"].state) == (State.PASS, State.PASS)
    assert "Mode action, as shipped, pinned to acme/ai-ready@aaaaaaaaaaaa" in seen["workflow"].text
    assert (seen["config"].state, "limits.usd" in seen["config"].text) == (State.FAIL, True)


def test_server_mode_without_an_app_waits_for_nobody(world: World) -> None:
    files = {".github/workflows/ai-ready.yml": caller(Mode.SERVER, OURS)}
    world.hub.repos.commit_files(world.shop, "main", files, world.by("ada"))

    assert look(world)["mode"].state is State.FAIL


def test_a_repository_that_can_not_be_read_ends_it(world: World) -> None:
    courier = Courier(PyGithubWire(world.hub.api_url, world.hub.tokens.personal(world.hub.user("ada")).value), Timing())
    findings = list(examine(Doors(courier, repository=courier), "acme/none"))

    assert [(each.name, each.state) for each in findings] == [("app-key", State.SKIP), ("repository", State.FAIL)]


def test_it_only_reads(world: World) -> None:
    before = world.hub.repos.refs(world.shop, "refs/")
    look(world)

    assert {each.method for each in world.hub.requests.api()} == {"GET"}
    assert world.hub.repos.refs(world.shop, "refs/") == before


def test_every_line_has_its_fix_and_the_json_says_whether_all_is_well() -> None:
    findings = (
        Finding("a", State.PASS, "Good."),
        Finding("b", State.FAIL, "Bad.", "mend it"),
        Finding("c", State.SKIP, "?"),
    )

    assert line(findings[1]) == "FAIL  b                    Bad.\n      fix: mend it"
    assert summary(findings) == "1 passed, 1 failed, 1 skipped."
    assert (as_object(findings)["ok"], as_object(findings[::2])["ok"]) == (False, True)
    assert json.loads(as_json(findings))["checks"][1] == {
        "name": "b",
        "state": "fail",
        "text": "Bad.",
        "fix": "mend it",
    }


# ------------------------------------------------------------------------------------------ as the App


@pytest.fixture
def cabinet(world: World, tmp_path: Path) -> Cabinet:
    """What `ai-ready setup` leaves behind: the App's env file and key."""
    world.clock.moment = datetime.now(UTC)  # the App's JWT is made by the real clock
    registry = world.hub.app_registry
    url = f"{world.hub.url}/webhook"
    app = registry.create(
        "bot", world.shop.owner, permissions=PERMISSIONS, events=EVENTS, hook_url=url, secret="a-secret-of-some-length"
    )
    made = Cabinet(tmp_path / "state")
    made.prepare()
    new = NewApp(app.id, "bot", f"{world.hub.url}/apps/bot", "", Secret(app.private_pem), Secret(app.hook.secret))
    made.keep(new, api_url=world.hub.api_url)
    return made


def as_the_app(
    world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, dict[str, str]]:
    """`ai-ready doctor --json` with the env file alone: exit code, and the state by check."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL", "GITHUB_SERVER_URL", "AI_READY_APP_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")  # no `gh`
    ended = CliRunner().invoke(cli, ["doctor", "--json", "--dir", str(cabinet.folder), *words])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, {each["name"]: each["state"] for each in json.loads(ended.output)["checks"]}


def test_an_app_that_is_installed_nowhere(world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    code, seen = as_the_app(world, cabinet, monkeypatch)

    assert code == 1
    assert seen["installations"] == "fail"
    assert [seen[name] for name in ("app-key", "app-permissions", "app-events", "webhook")] == ["pass"] * 4


def test_an_env_file_that_others_can_read_is_refused(cabinet: Cabinet) -> None:
    """It holds the webhook's secret."""
    cabinet.env_file.chmod(0o640)
    with pytest.raises(UsageError, match=rf"Others can read .*0640.*chmod 600 {cabinet.env_file}"):
        cabinet.read()
    cabinet.env_file.unlink()
    cabinet.env_file.mkdir(mode=0o700)
    with pytest.raises(UsageError, match=r"can't be read: Is a directory"):
        cabinet.read()


def test_a_server_that_is_paused_is_said_to_be(world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "server-pause" not in as_the_app(world, cabinet, monkeypatch)[1]
    monkeypatch.setenv("AI_READY_PAUSED", "yes")

    assert as_the_app(world, cabinet, monkeypatch)[1]["server-pause"] == "fail"


def test_without_a_token_the_installation_reads_the_repository(
    world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a token that can only read."""
    world.hub.app_registry.install(world.hub.app("bot"), world.shop.owner)
    _, seen = as_the_app(world, cabinet, monkeypatch, "--repo", "acme/shop")

    assert (seen["installations"], seen["installation"], seen["repository"]) == ("pass", "pass", "pass")
    assert (seen["workflow"], seen["config"], seen["pause"]) == ("fail", "pass", "pass")


def test_another_apps_key_fails(world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.hub.app_registry.create("other", world.shop.owner, permissions={})
    cabinet.key_file.write_text(other.private_pem)

    assert as_the_app(world, cabinet, monkeypatch) == (1, {"app-key": "fail"})


def test_a_key_that_others_can_read_fails_with_its_chmod(
    world: World, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    cabinet.key_file.chmod(0o644)

    assert as_the_app(world, cabinet, monkeypatch) == (1, {"app-key": "fail"})


def test_nothing_set_up_at_all_fails_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_the_app(world, Cabinet(tmp_path / "none"), monkeypatch) == (0, {"app-key": "skip"})
