"""Deliveries: who signed them, what they are about, and that no bytes at all raise anything unexpected."""

import contextlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.names import GITHUB_ACTIONS_BOT_ID
from bot.core.secret import Secret
from bot.github.webhook import AFTER_A_MERGE, Hook, MalformedDelivery, event_of, verify
from bot.sandbox.records import Event
from tests.sandbox.world import APP_EVENTS, World, small_world

BODY = b'{"zen": "Keep it logically awesome."}'
NEW, OLD = Secret("new-secret-of-the-hook"), Secret("old-secret-of-the-hook")
OUR_BOT = 77


def signed(body: bytes, secret: str, algorithm: str = "sha256") -> bytes:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}".encode()


GOOD = signed(BODY, NEW.reveal())


# ------------------------------------------------------------------------------------------ signature


@pytest.mark.parametrize("secrets", [[NEW], [OLD, NEW], [NEW, OLD], [Secret(""), NEW]])
def test_every_secret_that_is_configured_counts(secrets: list[Secret]) -> None:
    """While a secret is rotated both are accepted."""
    assert verify(BODY, GOOD, secrets)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        b"",
        b"sha256=",
        GOOD[:-1],
        GOOD + b"0",
        GOOD + b"\n",
        b"sha256=" + GOOD[7:].upper(),
        GOOD.replace(b"sha256", b"SHA256"),
        GOOD[7:],
        "sha256=é".encode(),
        b"sha256=\xff\xfe" + b"0" * 62,
        signed(BODY, NEW.reveal(), "sha1"),
        b"sha256=" + signed(BODY, NEW.reveal(), "sha1")[5:],
        signed(BODY, "somebody-else's-secret"),
        signed(BODY + b" ", NEW.reveal()),
        signed(BODY, ""),
    ],
)
def test_any_other_signature_is_none(signature: bytes | None) -> None:
    assert not verify(BODY, signature, [OLD, NEW, Secret("")])


@pytest.mark.parametrize("secrets", [[], [Secret("")], [OLD]])
def test_without_the_secret_nothing_is_signed(secrets: list[Secret]) -> None:
    assert not verify(BODY, GOOD, secrets)
    assert not verify(BODY, signed(BODY, ""), secrets)


def test_githubs_own_example() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    header = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert verify(b"Hello, World!", header, [Secret("It's a Secret to Everybody")])


# ----------------------------------------------------------------------------------- what it is about


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Event]:
    """One of every event that the sandbox makes, in GitHub's shapes."""
    world = small_world(tmp_path_factory.mktemp("hub"))
    events = world.events()
    first, second = world.issue("[A-1.1] one"), world.issue("[A-1.2] two")
    play(world, first, second)
    return {(event.name, event.action): event for event in events}


def play(world: World, first: Any, second: Any) -> None:
    hub, ada = world.hub, world.by("ada")
    hub.issues.add_labels(first, ["ai-ready"], ada)
    hub.issues.add_comment(first, ada, "/ai run")
    hub.issues.close(first, ada)
    hub.links.block(second, first, ada)
    hub.links.add_child(second, first, ada)
    pull = world.pull("ai/issue-2", body="Closes #2")
    hub.reviews.submit(pull, ada, event="REQUEST_CHANGES", body="hm")
    _, installation = world.app()
    flow = hub.actions.find_workflow(world.shop, "ai.yml")
    hub.actions.dispatch(world.shop, flow, ada, ref="main", inputs={"issue": "1", "run_key": "1-x-1"})
    run = hub.actions.listing(world.shop)[0]
    hub.actions.cancel(run)
    hub.app_registry.choose(installation, [world.shop], ada)
    hub.app_registry.uninstall(installation, ada)


def hooked(event: Event, **changes: Any) -> Hook:
    payload = {"installation": {"id": 5}} | event.payload | changes
    return event_of(event.name, "g-1", json.dumps(payload).encode(), {OUR_BOT})


@pytest.mark.parametrize(
    ("action", "state", "interesting"),
    [
        ("submitted", "changes_requested", True),
        ("submitted", "approved", False),
        ("submitted", "commented", False),
        ("dismissed", "dismissed", True),
        ("edited", "changes_requested", False),
    ],
)
def test_a_review_is_news_where_it_asks_for_changes(
    heard: dict[tuple[str, str], Event], action: str, state: str, interesting: bool
) -> None:
    event = heard["pull_request_review", "submitted"]
    hook = hooked(event, action=action, review=event.payload["review"] | {"state": state})

    assert hook.interesting is interesting


def test_a_merge_waits_a_moment_for_the_issues_that_it_closes(heard: dict[tuple[str, str], Event]) -> None:
    event = heard["pull_request", "opened"]
    pull = event.payload["pull_request"]

    merged = hooked(event, action="closed", pull_request=pull | {"merged": True})
    closed = hooked(event, action="closed", pull_request=pull | {"merged": False})

    assert (merged.wait, closed.wait) == (AFTER_A_MERGE, 0.0)
    assert merged.interesting
    assert closed.interesting


@pytest.mark.parametrize(
    ("name", "issues"),
    [
        (("issues", "opened"), (2,)),
        (("issues", "labeled"), (1,)),
        (("issues", "closed"), (1,)),
        (("issue_comment", "created"), (1,)),
        (("pull_request", "opened"), (2,)),
        (("pull_request_review", "submitted"), (2,)),
        (("issue_dependencies", "blocked_by_added"), (2, 1)),
        (("sub_issues", "sub_issue_added"), (2, 1)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value[0], str) else "",
)
def test_a_delivery_says_which_issues_to_look_at(
    heard: dict[tuple[str, str], Event], name: tuple[str, str], issues: tuple[int, ...]
) -> None:
    event = heard[name]

    hook = hooked(event)

    assert (hook.issues, hook.issue, hook.interesting) == (issues, issues[0], True)
    assert (hook.guid, hook.event, hook.action, hook.installation_id) == ("g-1", *name, 5)
    assert (hook.repository_id, hook.repository) == (event.payload["repository"]["id"], "acme/shop")
    assert (hook.sender_id, hook.sender_type) == (event.payload["sender"]["id"], "User")


def test_a_run_that_ended_is_told_with_its_key(heard: dict[tuple[str, str], Event]) -> None:
    event = heard["workflow_run", "completed"]
    run = event.payload["workflow_run"]

    hook = hooked(event, sender={"id": GITHUB_ACTIONS_BOT_ID, "type": "Bot"})

    assert hook.interesting
    assert hook.run is not None
    assert (hook.run.run_id, hook.run.status, hook.run.conclusion) == (run["id"], "completed", "cancelled")
    assert (hook.run.name, hook.run.url) == (run["display_title"], run["html_url"])


@pytest.mark.parametrize(("path", "event", "ours"), [
    (".github/workflows/ci.yml", "push", False),
    (".github/workflows/not-ai-ready.yml", "push", False),
    (".github/workflows/ai-ready.yml", "issues", True),
    (".github/workflows/ai-ready.yml@refs/heads/main", "issues", True),
    (".github/workflows/other.yml", "workflow_dispatch", True),
])  # fmt: skip
def test_other_workflows_are_of_no_interest(
    heard: dict[tuple[str, str], Event], path: str, event: str, ours: bool
) -> None:
    """A busy repository has hundreds of them a day."""
    run = heard["workflow_run", "completed"].payload["workflow_run"] | {"path": path, "event": event}

    hook = hooked(heard["workflow_run", "completed"], workflow_run=run)

    assert hook.interesting is ours
    assert (hook.run is not None) is ours


@pytest.mark.parametrize("name", [("installation", "created"), ("installation", "deleted")])
def test_an_installation_has_no_repository(heard: dict[tuple[str, str], Event], name: tuple[str, str]) -> None:
    hook = hooked(heard[name])

    assert hook.interesting
    assert hook.installation_id == heard[name].payload["installation"]["id"]
    assert hook.repository_id == 0


OWN = [GITHUB_ACTIONS_BOT_ID, OUR_BOT]


@pytest.mark.parametrize("sender", OWN)
@pytest.mark.parametrize("name", [("issues", "labeled"), ("issue_comment", "created"), ("pull_request", "opened")])
def test_what_we_write_makes_no_work(heard: dict[tuple[str, str], Event], name: tuple[str, str], sender: int) -> None:
    assert hooked(heard[name]).interesting
    assert not hooked(heard[name], sender={"id": sender, "type": "Bot"}).interesting


@pytest.mark.parametrize("sender", OWN)
def test_a_closed_issue_is_news_whoever_closed_it(heard: dict[tuple[str, str], Event], sender: int) -> None:
    """Others may have waited for it, and it closes only once."""
    assert hooked(heard["issues", "closed"], sender={"id": sender, "type": "Bot"}).interesting


def test_a_comment_without_a_command_makes_no_work(heard: dict[tuple[str, str], Event]) -> None:
    event = heard["issue_comment", "created"]

    assert not hooked(event, comment={"id": 1, "body": "Nice!"}).interesting
    assert not hooked(event, comment={"id": 1, "body": None}).interesting


@pytest.mark.parametrize(("author", "interesting"), [(OUR_BOT, True), (GITHUB_ACTIONS_BOT_ID, True), (11, False)])
def test_a_comment_of_ours_that_is_deleted_is_missed(
    heard: dict[tuple[str, str], Event], author: int, interesting: bool
) -> None:
    event = heard["issue_comment", "created"]
    comment = {"id": 1, "body": "x", "user": {"id": author}}

    assert hooked(event, action="deleted", comment=comment).interesting is interesting


@pytest.mark.parametrize(
    ("head", "body", "issues"),
    [
        ("ai/issue-7", None, (7,)),
        ("ai/issue-7-2", "Closes #7", (7,)),
        ("feature", "text\n\nFixes #3 and resolves: #4", (3, 4)),
        ("ai/issue-x", "", ()),
        ("ai/issue-99999999999", "closes #12345678901", ()),
    ],
)
def test_a_pull_request_is_for_the_issue_of_its_branch_or_text(
    heard: dict[tuple[str, str], Event], head: str, body: str | None, issues: tuple[int, ...]
) -> None:
    pull = heard["pull_request", "opened"].payload["pull_request"] | {"head": {"ref": head}, "body": body}

    opened = hooked(heard["pull_request", "opened"], pull_request=pull)
    closed = hooked(heard["pull_request", "opened"], pull_request=pull, action="closed")

    assert (opened.issues, opened.interesting) == (issues, bool(issues))
    assert (closed.issues, closed.interesting) == (issues, True)


def test_a_prerequisite_elsewhere_has_another_repositorys_number(heard: dict[tuple[str, str], Event]) -> None:
    event = heard["issue_dependencies", "blocked_by_added"]

    hook = hooked(event, blocking_issue_repo={"id": 123456})

    assert hook.issues == (2,)


# ----------------------------------------------------------------------------------------- odd bodies

KNOWN = (*APP_EVENTS, "issue_dependencies", "sub_issues", "installation", "installation_repositories", "check_suite")
ODD = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"\xef\xbb\xbf{}",
    '{"action": "opened"}'.encode("utf-16"),
    b'{"action": "\xff"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"id": ' + b"9" * 5000 + b"}",
    b'{"id": NaN}',
    b'{"id": -Infinity}',
    b'{"action": "a", "action": "b"}',
    b"{} {}",
    b'{"action": 7}',
    b'{"action": ["opened"]}',
    b'{"action": "a\\u0000b"}',
    b'{"action": "\\ud800"}',
    b'{"installation": []}',
    b'{"installation": {"id": true}}',
    b'{"installation": {"id": 1.0}}',
    b'{"installation": {"id": 9223372036854775808}}',
    b'{"installation": {"id": -1}}',
    b'{"installation": {"id": "5"}}',
    b'{"repository": {"id": 1, "full_name": "a/\\u0000"}}',
    b'{"sender": "ada"}',
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("name", ["issues", "installation", "fortune_cookie"])
def test_what_makes_no_sense_is_malformed(name: str, body: bytes) -> None:
    with pytest.raises(MalformedDelivery) as caught:
        event_of(name, "g", body)

    assert str(caught.value).count(".") == 1


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("issues", {"action": "opened", "issue": {"number": 1}}),
        ("issues", {"action": "opened", "repository": None, "issue": {"number": 1}}),
        ("issues", {"action": "opened", "repository": {"id": 1}}),
        ("issues", {"action": "opened", "repository": {"id": 1}, "issue": []}),
        ("issues", {"action": "opened", "repository": {"id": 1}, "issue": {"number": 2**63}}),
        ("issue_comment", {"action": "created", "repository": {"id": 1}, "issue": {"number": 1}, "comment": "/ai run"}),
        ("pull_request", {"action": "closed", "repository": {"id": 1}, "pull_request": 5}),
        ("workflow_run", {"action": "completed", "repository": {"id": 1}, "workflow_run": {"id": None}}),
        ("installation", {"action": "created", "installation": None}),
    ],
)
def test_a_known_event_without_what_it_is_about_is_malformed(name: str, payload: dict[str, Any]) -> None:
    with pytest.raises(MalformedDelivery):
        event_of(name, "g", json.dumps(payload).encode())


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("ping", {"zen": "x", "hook_id": 1}),
        ("fortune_cookie", {"action": "opened", "repository": {"id": 1}}),
        ("issues", {"action": "teleported", "repository": {"id": 1}, "issue": {"number": 1}}),
        ("issues", {"action": "assigned", "repository": {"id": 1}, "issue": {"number": 1}, "installation": None}),
        ("star", {}),
        ("discussion_comment", {"action": "created", "repository": {"id": 1}, "comment": {"body": "/ai run"}}),
        ("", {}),
    ],
)
def test_what_we_do_not_know_is_of_no_interest(name: str, payload: dict[str, Any]) -> None:
    """GitHub adds events and actions; a failure shown for them would be noise."""
    hook = event_of(name, "g", json.dumps(payload).encode())

    assert not hook.interesting
    assert hook.run is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("action", "installation", "repository", "sender", "issue", "comment", "pull_request", "workflow_run",
          "check_suite", "blocked_issue", "blocked_issue_repo", "parent_issue")  # fmt: skip
INNER = ("id", "number", "full_name", "head", "body", "user", "ref", "type", "path", "event", "display_title")


@given(
    name=st.sampled_from(KNOWN),
    action=st.sampled_from(["opened", "created", "closed", "completed", "submitted", "blocked_by_added", "deleted"]),
    fields=st.dictionaries(st.sampled_from(FIELDS), JUNK | st.dictionaries(st.sampled_from(INNER), JUNK)),
)
def test_no_shape_raises_anything_else(name: str, action: str, fields: dict[str, Any]) -> None:
    body = json.dumps({"action": action, "repository": {"id": 1}} | fields).encode(errors="surrogatepass")

    try:
        hook = event_of(name, "g", body, {OUR_BOT})
    except MalformedDelivery:
        return
    for text in (hook.action, hook.repository, hook.sender_type, *((hook.run.name, hook.run.url) if hook.run else ())):
        assert "\0" not in text
        text.encode()


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    assert not verify(body, body, [NEW])
    with contextlib.suppress(MalformedDelivery):
        event_of("issues", "g", body)


def test_a_refusal_tells_nothing_of_the_body() -> None:
    """Bodies hold what is private."""
    with pytest.raises(MalformedDelivery) as caught:
        event_of("issues", "g", b'{"action": "hunter2", "repository": {"id": 1}, "issue": "hunter2"')

    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_a_delivery_is_read_in_the_blink_of_an_eye(heard: dict[tuple[str, str], Event]) -> None:
    """Measured 35 µs for 13 kB with json.loads; ten times that is a mistake somewhere, not a slow machine."""
    event = heard["issues", "labeled"]
    padded = event.payload | {"installation": {"id": 5}, "padding": ["x" * 100] * 50}
    body = json.dumps(padded).encode()

    best = min(_seconds(event.name, body) for _ in range(20))

    assert len(body) > 13_000
    assert best < 600e-6


def _seconds(name: str, body: bytes) -> float:
    start = time.perf_counter()
    event_of(name, "g", body)
    return time.perf_counter() - start
