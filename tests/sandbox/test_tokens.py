"""Who may do what: roles of people, permissions of job tokens, Apps and their installation tokens."""

from contextlib import nullcontext

import pytest

from bot.sandbox.errors import Refused
from bot.sandbox.tokens import Token
from tests.sandbox.world import World


def status(token: Token, world: World, area: str, level: str) -> int:
    try:
        token.require(world.shop, area, level)
    except Refused as refusal:
        return refusal.status
    return 200


def test_a_job_token_holds_exactly_its_permissions(world: World) -> None:
    token = world.hub.tokens.for_job(world.shop, {"issues": "write", "pull-requests": "read"})

    asked = [("issues", "write"), ("pull_requests", "read"), ("pull_requests", "write"), ("contents", "read")]
    assert [status(token, world, *one) for one in asked] == [200, 200, 403, 403]
    assert status(token, world, "metadata", "read") == 200


@pytest.mark.parametrize(("area", "refused"), [("issues", True), ("pull-requests", False)])
def test_a_job_comments_on_a_pull_request_with_the_permission_for_those(world: World, area: str, refused: bool) -> None:
    """https://github.com/github/rest-api-description/issues/6994"""
    world.hub.repos.commit_files(world.shop, "more", {"more.txt": "1\n"}, world.by("ada"))
    pull = world.hub.pulls.create(
        world.shop, world.by("ada"), title="More", head="more", base="main", body="", draft=True
    )
    token = world.hub.tokens.for_job(world.shop, {"issues": "read", "pull-requests": "read", area: "write"})

    with pytest.raises(Refused) if refused else nullcontext():
        token.require_on(pull, "write", anyone=True)


def test_a_job_token_writes_nowhere_else(world: World) -> None:
    """Another public repository is readable, a private one does not exist for it."""
    token = world.hub.tokens.for_job(world.shop, {"issues": "write"})
    public = world.hub.create_repo("acme/public", "ada", files={})
    private = world.hub.create_repo("acme/private", "ada", files={}, private=True)

    token.require(public, "issues", "read")
    with pytest.raises(Refused) as elsewhere:
        token.require(public, "issues", "write")
    with pytest.raises(Refused) as hidden:
        token.require(private, "issues", "read")
    assert (elsewhere.value.status, hidden.value.status) == (403, 404)


@pytest.mark.parametrize(
    ("login", "expected"),
    [("ada", [200, 200, 200]), ("bob", [200, 200, 403]), ("tim", [200, 403, 403]), ("rob", [403, 403, 403])],
)
def test_people_may_what_their_role_says(world: World, login: str, expected: list[int]) -> None:
    token = world.by(login)

    asked = [("issues", "write"), ("contents", "write"), ("repository_hooks", "write")]
    assert [status(token, world, *one) for one in asked] == expected


def test_a_revoked_or_unknown_token_is_bad_credentials(world: World) -> None:
    token = world.hub.tokens.for_job(world.shop, {"issues": "write"})
    assert world.hub.tokens.authenticate(f"token {token.value}") is token

    world.hub.tokens.revoke(token)

    for header in (f"Bearer {token.value}", "token ghp_never", "Basic !!!", "Digest x"):
        with pytest.raises(Refused, match="Bad credentials"):
            world.hub.tokens.authenticate(header)


def test_installation_tokens_look_new_and_end_after_an_hour(world: World) -> None:
    app, installation = world.app()
    token = world.hub.tokens.for_installation(installation)

    assert token.value.startswith(f"ghs_{app.id}_eyJ")
    assert len(token.value) > 400
    assert token.user.login == "ai-ready[bot]"
    world.clock.advance(3599)
    assert world.hub.tokens.authenticate(f"Bearer {token.value}") is token
    world.clock.advance(2)
    with pytest.raises(Refused, match="Bad credentials"):
        world.hub.tokens.authenticate(f"Bearer {token.value}")


def test_a_suspended_installation_is_refused_and_an_uninstalled_one_unknown(world: World) -> None:
    _, installation = world.app()
    token = world.hub.tokens.for_installation(installation)

    world.hub.app_registry.suspend(installation, world.by("ada"))
    with pytest.raises(Refused, match="suspended"):
        world.hub.tokens.authenticate(f"Bearer {token.value}")
    world.hub.app_registry.uninstall(installation, world.by("ada"))
    with pytest.raises(Refused, match="Bad credentials"):
        world.hub.tokens.authenticate(f"Bearer {token.value}")


def test_an_installation_token_can_be_narrower_but_never_wider(world: World) -> None:
    other = world.hub.create_repo("acme/other", "ada", files={}, private=True)
    _, installation = world.app()

    narrow = world.hub.tokens.for_installation(installation, repos=(world.shop,), permissions={"issues": "read"})

    assert [status(narrow, world, "issues", level) for level in ("read", "write")] == [200, 403]
    assert not narrow.sees(other)
    with pytest.raises(Refused, match="not granted"):
        world.hub.tokens.for_installation(installation, permissions={"administration": "write"})


def test_app_jwts_are_really_checked(world: World) -> None:
    app, _ = world.app()
    stranger = world.hub.app_registry.create("other", world.hub.user("eve"), permissions={})

    assert world.hub.tokens.authenticate(f"Bearer {world.app_jwt(app)}").app is app
    bad = {
        "signed by another key": world.app_jwt(app, key=stranger.private_pem),
        "too long": world.app_jwt(app, seconds=700),
        "expired": world.app_jwt(app, seconds=-5),
        "garbage": "eyJ.nonsense.x",
    }
    for why, value in bad.items():
        with pytest.raises(Refused) as refusal:
            world.hub.tokens.authenticate(f"Bearer {value}")
        assert refusal.value.status == 401, why


def test_a_token_does_not_show_in_its_repr(world: World) -> None:
    token = world.hub.tokens.personal(world.hub.user("ada"))

    assert token.value not in repr(token)
