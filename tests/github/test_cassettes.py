"""Both clients replayed from scrubbed cassettes; the sandbox still answers as they say; no secret is in them."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from githubkit import AppAuthStrategy, GitHub, TokenAuthStrategy
from githubkit.cache import MemCacheStrategy

from bot.core.effects import MakeClaim, OpenPull, PostComment, PutStatus, SetLabels
from bot.core.model import Actor, Permission
from bot.github.action_client import Access, ActionGitHub
from bot.sandbox.server import serve
from tests.github.stage import Hourglass
from tests.github.tape import FOLDER, HOST, shapes, tape
from tests.sandbox.world import World, small_world

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
RECORD = bool(os.environ.get("AI_READY_RECORD"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a scene is played: at the sandbox, or at nobody's (the cassette answers)."""

    api: str
    token: str
    app_id: int = 1
    app_key: str = ""


def pygithub_reads(source: Source) -> None:
    """A snapshot with a requested issue, and its approver's permission."""
    client = ActionGitHub(Access("acme/shop", source.token, source.api), timing=Hourglass().timing)

    snapshot = client.snapshot(focus=[1], now=NOW)

    issue = snapshot.issues[1]
    assert (issue.title, issue.detailed) == ("[AUTH-1.1] Log in", True)
    assert issue.labels == {"ai-ready"}
    assert snapshot.issues[2].title == "[AUTH-1.2] Log out"
    assert [event.actor.login for event in issue.label_events] == ["ada"]
    assert client.permission(issue.label_events[0].actor) is Permission.ADMIN
    assert client.permission(Actor(1, "ada")) is Permission.NONE


def pygithub_writes(source: Source) -> None:
    """A claim, a second one, a document of mutations with a refused one in it, a pull request that can't be."""
    client = ActionGitHub(Access("acme/shop", source.token, source.api, run_id=5), timing=Hourglass().timing)
    snapshot = client.snapshot(now=NOW)
    claim = MakeClaim(1, "1-x-1", 5, NOW + timedelta(hours=1), 5.0)

    (made,) = client.apply([claim], snapshot)
    (taken,) = client.apply([claim], snapshot)
    written = client.apply(
        [PutStatus(1, "status"), PostComment(9, "nowhere"), SetLabels(1, ("ai-running",), ("ai-ready",))], snapshot
    )
    (refused,) = client.apply([OpenPull("ai/issue-1", "main", "Title", "Body", draft=True)], snapshot)

    assert (made.ok, taken.ok, taken.status) == (True, False, 422)
    assert [applied.ok for applied in written] == [True, False, True]
    assert (refused.status, refused.ok) == (422, False)


def githubkit_reads_and_writes(source: Source) -> None:
    """The server's client: issues, a comment, who may do what."""
    github = GitHub(TokenAuthStrategy(source.token), base_url=source.api)

    issues: Any = github.rest.issues.list_for_repo("acme", "shop", labels="ai-ready").json()
    comment = github.rest.issues.create_comment("acme", "shop", 2, body="hello").parsed_data
    may = github.rest.repos.get_collaborator_permission_level("acme", "shop", "bob").json()

    assert [issue["number"] for issue in issues] == [1]
    assert comment.body == "hello"
    assert may["permission"] == "write"


def githubkit_as_an_app(source: Source) -> None:
    """An installation token, which comes in the body, and a read with it."""
    # Its own cache: githubkit's default one keeps tokens for the whole process.
    strategy = AppAuthStrategy(str(source.app_id), source.app_key)
    app = GitHub(strategy, base_url=source.api, cache_strategy=MemCacheStrategy())
    installation = app.rest.apps.get_repo_installation("acme", "shop").json()
    github = app.with_auth(app.auth.as_installation(installation["id"]))

    assert github.rest.repos.get("acme", "shop").json()["full_name"] == "acme/shop"


SCENES: dict[str, Callable[[Source], None]] = {
    "pygithub-reads": pygithub_reads,
    "pygithub-writes": pygithub_writes,
    "githubkit": githubkit_reads_and_writes,
    "githubkit-app": githubkit_as_an_app,
}


def prepared(world: World) -> World:
    """Two issues, one of them asked for, and an App."""
    first = world.issue("[AUTH-1.1] Log in", body="text")
    world.hub.issues.add_labels(first, ["ai-ready"], world.by("ada"))
    world.issue("[AUTH-1.2] Log out")
    return world


@contextmanager
def sandbox(root: Path) -> Iterator[Source]:
    world = prepared(small_world(root))
    world.clock.moment = datetime.now(UTC)  # JWTs and tokens are judged by the hub's clock
    app, _ = world.app()
    token = world.hub.tokens.for_job(
        world.shop, {"contents": "write", "issues": "write", "actions": "write", "pull-requests": "write"}
    )
    with serve(world.hub) as hub:
        yield Source(hub.api_url, token.value, app.id, app.private_pem)


@pytest.fixture(scope="module")
def any_key() -> str:
    """An RSA key that opens nothing: replaying signs JWTs that nobody checks."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.mark.parametrize("name", SCENES)
def test_replay(name: str, tmp_path: Path, any_key: str) -> None:
    """The client says what it said and understands what it was told, without a network."""
    path = FOLDER / f"{name}.yaml"
    if RECORD:
        path.unlink(missing_ok=True)
        with sandbox(tmp_path) as source, tape(path, record=True):
            SCENES[name](source)
    with tape(path, record=False) as cassette:
        SCENES[name](Source(f"{HOST}/api/v3", "a-token", app_key=any_key))

    assert cassette.all_played


@pytest.mark.parametrize("name", SCENES)
def test_the_sandbox_still_answers_like_its_cassettes(name: str, tmp_path: Path) -> None:
    """Same requests, same statuses, same structure; else record them anew and look at the difference."""
    with sandbox(tmp_path) as source, tape(tmp_path / "now.yaml", record=True) as now:
        SCENES[name](source)
    with tape(FOLDER / f"{name}.yaml", record=False) as then:
        assert shapes(now) == shapes(then)


SECRETS = re.compile(
    r"ghs_(?!SCRUBBED)|ghp_|gho_|ghu_|ghr_|github_pat_|eyJ|BEGIN .* KEY|[Aa]uthorization", re.MULTILINE
)


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_no_secret_is_in_a_cassette(path: Path) -> None:
    """Also none of the tokens that come in a body, and no address of this machine."""
    text = path.read_text()

    assert SECRETS.findall(text) == []
    assert "127.0.0.1" not in text


def test_an_unscrubbed_token_would_be_found() -> None:
    """The search itself can fail."""
    assert SECRETS.search('{"token": "ghs_15368_eyJhbGciOi"}')
    assert SECRETS.search("-----BEGIN RSA PRIVATE KEY-----")


def test_every_cassette_is_played() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == SCENES.keys()
