"""The App's key, its JWT, and tokens: checked, narrow, kept, replaced once; nothing of them is ever shown."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bot.core.effects import Dispatch
from bot.core.secret import Secret
from bot.errors import ConfigError
from bot.github.app_auth import PERMISSIONS, WELCOME, AppJwt, Clock, app_key
from bot.github.app_client import AppAccess, AppClient
from bot.github.app_wire import Reply
from bot.github.courier import Timing
from bot.github.ports import Place
from bot.github.steady import SteadyClock
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from bot.server.store import SqlStore
from tests.github.app_stage import AppStage, Seen, refused
from tests.sandbox.world import APP_PERMISSIONS

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------- key


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        PEM.strip(),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", "\\r\\n"),
        f"\n  {PEM}",
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ],
    ids=["as it is", "no last line end", "CRLF", "escaped", "escaped CRLF", "indented", "PKCS8"],
)
def test_a_key_is_taken_however_its_lines_end(text: str) -> None:
    key = app_key(Secret(text))

    assert jwt.decode(jwt.encode({"a": 1}, key.reveal(), "RS256"), KEY.public_key(), ["RS256"]) == {"a": 1}


def odd_keys() -> dict[str, str]:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    locked = BestAvailableEncryption(b"hunter2hunter2")
    return {
        "empty": "",
        "no PEM": "hunter2",
        "public": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "encrypted": KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode(),
        "encrypted, old form": KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, locked).decode(),
        "not RSA": elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "OpenSSH": KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()[:300],
        "cut off": PEM[:400] + PEM[-40:],
        "damaged": PEM.replace("A", "B"),
        "not ASCII": PEM.replace("A", "é"),
    }


ODD = odd_keys()
WORDS = {"public": "a public key", "encrypted": "without a passphrase", "not RSA": "not an RSA key"}


@pytest.mark.parametrize("kind", ODD)
def test_a_wrong_key_is_said_in_one_sentence_without_any_of_it(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        app_key(Secret(ODD[kind]))

    error = caught.value
    shown = f"{error} {error!r} {error.__cause__!r}"
    assert str(error).startswith("AI_READY_PRIVATE_KEY ")
    assert WORDS.get(kind, "") in str(error)
    assert error.__suppress_context__ or error.__context__ is None
    assert not any(line in shown for line in ODD[kind].splitlines() if line and "-----" not in line)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_text(PEM)
    path.chmod(0o640)

    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        app_key(Secret(""), path)

    path.chmod(0o400)
    assert app_key(Secret(""), path).reveal() == PEM


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_key_file_that_is_none_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "app.pem"
    if kind == "folder":
        path.mkdir(mode=0o755)
    if kind == "binary":
        path.write_bytes(b"\xff\xfe")
        path.chmod(0o600)

    with pytest.raises(ConfigError, match=str(path)) as caught:
        app_key(Secret(""), path)
    assert "chmod" not in str(caught.value)


def test_no_key_at_all_is_no_damaged_one() -> None:
    with pytest.raises(ConfigError, match="AI_READY_PRIVATE_KEY is not set, nor is AI_READY_PRIVATE_KEY_PATH"):
        app_key(Secret(""))


# ------------------------------------------------------------------------------------------------- JWT


def claims_of(token: Secret) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token.reveal(), KEY.public_key(), ["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    return claims


def test_a_jwt_is_dated_back_and_short() -> None:
    """https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app"""
    claims = claims_of(AppJwt("Iv23liABC", Secret(PEM), Clock(lambda: NOW)).token())

    now = int(NOW.timestamp())
    assert claims == {"iat": now - 60, "exp": now + 540, "iss": "Iv23liABC"}


def test_a_jwt_is_kept_until_it_is_about_to_end() -> None:
    moment = [NOW]
    credentials = AppJwt("1", Secret(PEM), Clock(lambda: moment[0]))
    first = credentials.token()

    moment[0] += timedelta(minutes=7, seconds=59)
    assert credentials.token() == first
    moment[0] += timedelta(seconds=1)
    assert credentials.token() != first


@pytest.mark.parametrize(
    ("text", "date", "helps"),
    [
        ("'Issued at' claim ('iat') must be …", "Sat, 21 Nov 2026 08:50:00 GMT", True),
        ("'Expiration time' claim ('exp') is too far in the future", "Sat, 21 Nov 2026 09:10:00 GMT", True),
        ("'Issued at' claim ('iat') must be …", "Sat, 21 Nov 2026 09:00:01 GMT", False),
        ("'Issued at' claim ('iat') must be …", "yesterday", False),
        ("A JSON web token could not be decoded", "Sat, 21 Nov 2026 08:50:00 GMT", False),
    ],
)
def test_the_clock_is_put_right_only_when_it_is_wrong(text: str, date: str, helps: bool) -> None:
    credentials = AppJwt("1", Secret(PEM), Clock(lambda: NOW))
    refused_one = credentials.token()

    fresh = credentials.renew(refused_one, Reply(401, {"date": date}, text))

    assert (fresh is not None) is helps
    if fresh is not None:
        said = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
        assert claims_of(fresh)["iat"] == int(said.timestamp()) - 60


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A sandbox whose clock is the machine's, as is the `Date` of its answers."""
    hub = Hub(tmp_path_factory.mktemp("today"))
    hub.create_user("ada")
    hub.create_repo("acme/shop", "ada", files={"README.md": "# Shop\n"})
    with serve(hub):
        yield hub


@pytest.mark.parametrize("off", [-86_400, 0, 10_800])
def test_the_servers_clock_becomes_githubs_with_the_first_answer(today: Hub, store: SqlStore, off: int) -> None:
    """Though that refuses the key's JWT for its times: another one is signed by the clock that was put right."""
    app = today.app_registry.create(f"steady{off}", today.user("ada"), permissions=APP_PERMISSIONS)
    clock = SteadyClock(lambda: datetime.now(UTC) + timedelta(seconds=off))
    access = AppAccess(str(app.id), app_key(Secret(app.private_pem)), today.api_url)
    client = AppClient(access, store, Seen(), timing=Timing(now=clock, heard=clock.heard))

    assert client.app().id == app.id
    client.close()
    assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=3)


@pytest.mark.parametrize("off", [-600, -300, 0, 300, 600, 86_400])
def test_a_clock_that_is_off_is_no_reason_to_stay_out(today: Hub, store: SqlStore, off: int) -> None:
    shop = today.repo("acme/shop")
    app = today.app_registry.create(f"app{off}", today.user("ada"), permissions=APP_PERMISSIONS)
    installation = today.app_registry.install(app, shop.owner)
    access = AppAccess(str(app.id), app_key(Secret(app.private_pem)), today.api_url)
    timing = Timing(now=lambda: datetime.now(UTC) + timedelta(seconds=off))
    seen = Seen()
    client = AppClient(access, store, seen, timing=timing)

    snapshot = client.repository(Place(shop.id, shop.full_name, installation.id)).snapshot(now=timing.now())
    client.close()

    assert snapshot.repo == "acme/shop"
    assert len(seen.requests) <= 3  # the refused one among them


# ---------------------------------------------------------------------------------------------- tokens


def test_a_token_is_for_one_repository_and_what_we_need(app: AppStage) -> None:
    other = app.stage.world.hub.create_repo(f"{app.stage.repo}-other", "ada", private=True)
    app.installation.repos = [app.stage.world.shop, other]
    app.installation.permissions["administration"] = "write"
    shop = app.shop()
    shop.snapshot(now=app.now)

    tokens = app.stage.world.hub.tokens
    (used,) = {one.value: one for one in tokens._by_value.values() if one.installation is app.installation}.values()
    assert used.repos == (app.stage.world.shop,)
    assert used.permissions == {**PERMISSIONS, **WELCOME}
    assert len(used.value) > 300


def test_what_is_only_welcome_is_done_without_where_nobody_accepted_it(app: AppStage) -> None:
    """An App made before it was asked for goes on; once it is accepted, the next token has it."""
    del app.installation.permissions["actions_variables"]
    app.stage.world.shop.variables["AI_READY_PAUSED"] = "true"
    shop = app.shop()

    assert shop.snapshot(now=app.now).head_oid
    assert shop.paused() is False
    app.installation.permissions["actions_variables"] = "read"
    app.pass_time(hours=1)
    assert shop.paused() is True


def test_of_what_is_welcome_as_much_is_had_as_was_accepted(app: AppStage) -> None:
    del app.installation.permissions["actions_variables"]
    app.shop().snapshot(now=app.now)

    tokens = app.stage.world.hub.tokens
    (used,) = {one.value: one for one in tokens._by_value.values() if one.installation is app.installation}.values()
    assert used.permissions == {**PERMISSIONS, "checks": "read"}


def test_a_token_is_kept_for_most_of_its_hour_and_replaced_before_it_ends(app: AppStage) -> None:
    shop = app.shop()
    for _ in range(3):
        shop.snapshot(now=app.now)
    app.pass_time(minutes=54)
    shop.snapshot(now=app.now)
    assert app.tokens_asked() == 1

    app.pass_time(minutes=1)
    shop.snapshot(now=app.now)
    assert app.tokens_asked() == 2


def test_a_token_that_ends_in_the_middle_is_replaced_once(app: AppStage) -> None:
    """Revoked, or ended by a clock that isn't ours: one refresh, one retry, and the writer notices nothing."""
    shop = app.shop()
    issue = app.stage.asked()
    snapshot = shop.snapshot(now=app.now)
    for token in app.stage.world.hub.tokens._by_value.values():
        token.revoked |= token.installation is app.installation

    assert shop.issue_snapshot(issue.number, now=app.now).issues[issue.number].detailed
    assert snapshot.repo == app.stage.repo
    assert app.tokens_asked() == 2
    assert [status for kind, status in app.seen.requests if kind == "POST /graphql"] == [200, 401, 200]


def test_a_token_that_is_never_taken_is_no_loop(app: AppStage) -> None:
    app.stage.world.hub.faults.fail("/graphql", 401, times=-1)
    shop = app.shop()

    error = refused(lambda: shop.snapshot(now=app.now))

    assert error.status == 401
    assert [kind for kind, _ in app.seen.requests].count("POST /graphql") == 2
    assert app.tokens_asked() == 2
    assert app.slept == []


def test_threads_share_one_token(app: AppStage) -> None:
    shop = app.shop()
    ready = threading.Barrier(8)
    found: list[str] = []

    def ask() -> None:
        ready.wait()
        found.append(shop.branch_oid("main"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [app.stage.world.hub.repos.branch_oid(app.stage.world.shop, "main")] * 8
    assert app.tokens_asked() == 1


def test_an_app_that_was_removed_is_said_to_be(app: AppStage) -> None:
    shop = app.shop()
    shop.snapshot(now=app.now)
    hub = app.stage.world.hub
    hub.app_registry.uninstall(app.installation, app.stage.world.by("ada"))

    error = refused(lambda: shop.snapshot(now=app.now))

    assert (error.status, error.transient) == (404, False)
    assert "the App is not installed there any more" in str(error)
    assert refused(lambda: app.client().repositories(app.installation.id)).status == 404


def test_a_repository_taken_from_the_installation_is_said_to_be(app: AppStage) -> None:
    app.installation.repos = []

    error = refused(lambda: app.shop().snapshot(now=app.now))

    assert (error.status, error.transient) == (422, False)
    assert "may not reach this repository" in str(error)


def test_a_suspended_installation_is_githubs_words(app: AppStage) -> None:
    app.stage.world.hub.app_registry.suspend(app.installation, app.stage.world.by("ada"))

    error = refused(lambda: app.shop().snapshot(now=app.now))
    app.stage.world.hub.app_registry.suspend(app.installation, app.stage.world.by("ada"), suspended=False)

    assert error.status == 403
    assert "suspended" in str(error)


def test_a_permission_that_nobody_accepted_is_named_with_what_to_do(app: AppStage) -> None:
    del app.installation.permissions["actions"]

    error = refused(lambda: app.shop().snapshot(now=app.now))

    assert error.status == 422
    assert "accept it where the App is installed" in str(error)


def test_another_apps_key_is_said_with_what_to_check(app: AppStage) -> None:
    client = app.client(pem=PEM)

    error = refused(lambda: client.repository(app.place).snapshot(now=app.now))

    assert error.status == 401
    assert "AI_READY_APP_ID" in str(error)


@pytest.mark.parametrize("fault", ["drop", "drop_after", "bad_gateway_after"])
def test_a_token_that_can_not_be_had_now_puts_no_write_in_doubt(app: AppStage, fault: str) -> None:
    """The dispatch was never sent, so it may be: once, a second later."""
    hub, shop = app.stage.world.hub, app.shop()
    snapshot = shop.snapshot(now=app.now)
    app.pass_time(hours=1)
    getattr(hub.faults, fault)("access_tokens")

    done = shop.dispatch(Dispatch(1, "1-x-1"), snapshot)

    assert (done.ok, done.unsure) == (True, False)
    assert len([run for run in hub.actions.runs.values() if run.repo is app.stage.world.shop]) == 1
    assert app.slept[0] == pytest.approx(1.0)


def test_a_github_without_tokens_is_out_of_order_for_now(app: AppStage) -> None:
    app.stage.world.hub.faults.fail("access_tokens", 502, times=-1)

    error = refused(lambda: app.shop().snapshot(now=app.now))

    assert (error.status, error.transient) == (503, True)


def test_nothing_shows_a_token_or_the_key(app: AppStage, caplog: pytest.LogCaptureFixture) -> None:
    """Neither reprs nor errors nor any library's log."""
    caplog.set_level(logging.DEBUG)
    client = app.client()
    shop = client.repository(app.place)
    shop.snapshot(now=app.now)
    app.stage.world.hub.faults.fail("/graphql", 401, times=-1)
    error = refused(lambda: shop.snapshot(now=app.now))

    held = [*vars(client).values(), *vars(shop).values(), *vars(client._jwt).values()]
    shown = f"{error!r} {error.__cause__!r} {error.__context__!r} {caplog.text} {client._access!r} {held!r}"
    values = [one.value for one in app.stage.world.hub.tokens._by_value.values() if one.installation]
    assert values
    assert not any(value in shown for value in values)
    assert not any(line in shown for line in app.app.private_pem.splitlines()[1:-1])
    assert "eyJ" not in shown
