"""`ai-ready replay` on deliveries that the sandbox really made: what would be done, and nothing is done."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.core.settings import RepoConfig
from bot.errors import UsageError
from bot.sandbox.records import Issue
from bot.server.ports import LaneKind
from bot.server.replay import Recorded, as_json, as_text, replay
from tests.sandbox.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = small_world(tmp_path / "hub")
    made.app(hook_url="http://127.0.0.1:9/webhook")
    return made


def last(world: World, event: str) -> Recorded:
    """The newest delivery of that event, as its body."""
    sent = next(one for one in reversed(world.hub.webhooks.deliveries) if one.event == event)
    return Recorded.of(sent.body, event)


def listed(*issues: Issue) -> bytes:
    """As `gh issue list --json …` prints them."""
    fields = [
        {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": "OPEN" if issue.open else "CLOSED",
            "stateReason": "",
            "labels": [{"name": label.name} for label in issue.labels],
        }
        for issue in issues
    ]
    return json.dumps(fields).encode()


def test_a_label_marks_its_issue_and_the_order_answers(world: World) -> None:
    """The file is older than the delivery: what the delivery says of its own issue counts."""
    first, second = world.issue("[AUTH-1.1] Log in"), world.issue("[AUTH-1.2] Log out")
    before = listed(first, second)
    world.hub.issues.add_labels(second, ["ai-ready"], world.by("ada"))

    done = replay(last(world, "issues"), issues=before, config=RepoConfig())

    assert (done.lane, done.hook.issues, done.hook.repository) == (LaneKind.REPOSITORY, (2,), "acme/shop")
    assert done.order is not None
    assert [(each.number, [on.ref.number for on in each.on]) for each in done.order.waiting] == [(2, [1])]
    assert "waits for #1 AUTH-1.1 (phase order" in as_text(done)


def test_a_close_releases_what_waited(world: World) -> None:
    first, second = world.issue("[AUTH-1.1] Log in"), world.issue("[AUTH-1.2] Log out")
    world.hub.issues.add_labels(second, ["ai-ready"], world.by("ada"))
    before = listed(first, second)
    world.hub.issues.close(first, world.by("ada"))

    done = replay(last(world, "issues"), issues=before, config=RepoConfig())

    assert done.order is not None
    assert done.order.ready == (2,)
    assert "#1: closed: what waits for it alone is ready now" in as_text(done)


def test_json_has_the_lane_and_the_plan(world: World) -> None:
    issue = world.issue("[AUTH-1.1] Log in")
    world.hub.issues.add_labels(issue, ["ai-ready"], world.by("ada"))

    shown = json.loads(as_json(replay(last(world, "issues"), issues=None, config=RepoConfig())))

    assert shown["lane"] == {"kind": "repository", "id": world.shop.id}
    assert (shown["issues"], shown["plan"]["ready"], shown["interesting"]) == ([1], [1], True)


def test_an_installation_is_a_lane_of_its_own(world: World) -> None:
    done = replay(last(world, "installation"), issues=None, config=RepoConfig())

    assert done.lane is LaneKind.INSTALLATION
    assert "give them with --repo-state" in as_text(done)


def test_what_is_of_no_interest_makes_no_work(world: World) -> None:
    """A comment without a command."""
    world.hub.issues.add_comment(world.issue(), world.by("ada"), "nice")
    done = replay(last(world, "issue_comment"), issues=None, config=RepoConfig())

    assert (done.lane, done.hook.interesting) == (None, False)
    assert "makes no work" in as_text(done)


def test_githubs_own_record_of_a_delivery_says_its_event(world: World, tmp_path: Path) -> None:
    """What `gh api /app/hook/deliveries/ID` prints."""
    world.hub.issues.add_labels(world.issue("[AUTH-1.1] Log in"), ["ai-ready"], world.by("ada"))
    body = json.loads(last(world, "issues").body)
    file = tmp_path / "delivery.json"
    file.write_text(json.dumps({"guid": "a-b", "event": "issues", "request": {"payload": body}}))

    ended = CliRunner().invoke(app, ["replay", str(file)])

    assert (ended.exit_code, ended.exception) == (0, None)
    assert "issues.labeled is of interest." in ended.output


@pytest.mark.parametrize(
    ("body", "event", "said"),
    [
        (b"{", "issues", "The server would answer 400: The body is not JSON"),
        (b"[]", "issues", "not a JSON object"),
        (b"{}", "", "--event issues"),
        (b'{"action": "labeled"}', "issues", "would answer 400"),
        (b'{"event": "issues", "request": {}}', "", "--event issues"),
    ],
)
def test_bad_input_is_a_usage_error(body: bytes, event: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replay(Recorded.of(body, event), issues=None, config=RepoConfig())


def test_issues_that_can_not_be_read_are_named(world: World) -> None:
    world.issue()

    with pytest.raises(UsageError, match="The issues are not valid JSON"):
        replay(last(world, "issues"), issues=b"{", config=RepoConfig())
