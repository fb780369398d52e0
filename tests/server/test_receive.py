"""The webhook endpoint over a real socket and a real store: every check, in its order, and what is in the database after."""

import hashlib
import hmac
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.secret import Secret
from bot.github.webhook import Hook
from bot.server.limits import Limits
from bot.server.metrics import Metrics
from bot.server.ports import Received, StoreUnavailable
from bot.server.receive import Desk, Receiver, headers_of, received, refusal
from tests.server.endpoint import (
    ISSUES,
    OLD,
    OWN_BOT,
    SECRET,
    Running,
    headers,
    read_reply,
    request,
    rows,
    running,
    sign,
    sqlite_store,
    wait_until,
)

BODY = json.dumps(ISSUES).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inbox")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    """One for all tests of answers; each looks at what it added."""
    with running(sqlite_store(folder), secrets=(SECRET, OLD)) as made:
        yield made


@pytest.fixture
def before(folder: Path, server: Running) -> set[tuple[Any, ...]]:
    return set(rows(folder))


# ------------------------------------------------------------------------------------------- stored


def test_a_delivery_is_in_the_database_before_it_is_answered(server: Running, folder: Path) -> None:
    """Ids only; its lane is due; the scheduler is woken."""
    guid, woken = str(uuid.uuid4()), server.scheduler.woken

    reply = server.deliver(guid=guid)

    assert reply.said == (202, "stored")
    assert (guid, "issues", "labeled", 5, 7, 3) in rows(
        folder, "guid, event, action, installation_id, repository_id, issue"
    )
    assert server.scheduler.woken == woken + 1
    assert "server" not in reply.headers
    assert b"Log in" not in (folder / "inbox.sqlite3").read_bytes()
    assert b"Log in" not in (folder / "inbox.sqlite3-wal").read_bytes()


def test_a_guid_that_comes_again_is_a_duplicate(server: Running, folder: Path) -> None:
    """W21: answered with 202 both times, one row; upper case is the same GUID."""
    guid = str(uuid.uuid4())

    said = [server.deliver(guid=one).said for one in (guid, guid, guid.upper())]

    assert said == [(202, "stored"), (202, "duplicate"), (202, "duplicate")]
    assert rows(folder).count((guid,)) == 1


def test_fifty_at_once_with_one_guid_are_one(server: Running, folder: Path) -> None:
    """W22."""
    guid = str(uuid.uuid4())
    with ThreadPoolExecutor(25) as pool:
        said = [one.result().said for one in [pool.submit(server.deliver, guid=guid) for _ in range(50)]]

    assert sorted(said) == [(202, "duplicate")] * 49 + [(202, "stored")]
    assert rows(folder).count((guid,)) == 1


def test_while_a_secret_rotates_both_count(server: Running) -> None:
    """W07; and a secret that was removed does not count any more: see the unsigned ones."""
    assert [server.deliver(signature=sign(BODY, one)).said[0] for one in (SECRET, OLD)] == [202, 202]


def test_a_ping_is_answered_and_not_kept(server: Running, folder: Path, before: set[tuple[Any, ...]]) -> None:
    body = b'{"zen": "Keep it logically awesome.", "hook_id": 1}'

    assert server.deliver(body, event="ping").said == (202, "pong")
    assert set(rows(folder)) == before


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("push", {}),
        ("a_brand_new_event", {}),
        ("issues", {"action": "a_brand_new_action"}),
        ("issues", {"action": "pinned"}),
        ("issues", {"sender": {"id": OWN_BOT, "type": "Bot"}}),
    ],
)
def test_what_is_of_no_interest_is_kept_for_its_guid_alone(
    server: Running, folder: Path, event: str, changes: dict[str, Any]
) -> None:
    """W19: never an answer that GitHub would show as a failure; the scheduler sleeps on; a second time is a duplicate."""
    guid, woken = str(uuid.uuid4()), server.scheduler.woken
    body = json.dumps(ISSUES | changes).encode()

    assert server.deliver(body, event=event, guid=guid).said == (202, "ignored")
    assert server.deliver(body, event=event, guid=guid).said == (202, "duplicate")
    assert (guid,) in rows(folder)
    assert server.scheduler.woken == woken


def test_a_state_that_github_has_not_told_of_yet_is_news_like_any_other(server: Running) -> None:
    """W19: of a known event; whoever looks at the run afterwards reads what it is."""
    words = {"status": "brand_new", "conclusion": "brand_new", "event": "workflow_dispatch"}
    run = {"workflow_run": {"id": 9, "display_title": "ai-ready #3 [3-L1-1]"} | words, "action": "completed"}
    reasons = ISSUES | {"action": "closed", "issue": {"number": 3, "state": "brand_new", "state_reason": "brand_new"}}

    assert server.deliver(json.dumps(ISSUES | run).encode(), event="workflow_run").said == (202, "stored")
    assert server.deliver(json.dumps(reasons).encode()).said == (202, "stored")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF8"],
)
def test_json_in_utf_8_is_read(server: Running, content_type: str) -> None:
    assert server.deliver(content_type=content_type).said == (202, "stored")


def test_a_body_may_come_in_pieces(server: Running) -> None:
    """Headers cut anywhere, chunks of any size, two requests on one connection, `Expect: 100-continue`."""
    whole = request("POST", "/webhook", headers(BODY), BODY)
    assert server.raw(*(whole[at : at + 7] for at in range(0, len(whole), 7))).status == 202
    chunked = request("POST", "/webhook", headers(BODY) | {"Transfer-Encoding": "chunked"})
    pieces = [b"%x\r\n%b\r\n" % (len(one), one) for one in (BODY[:5], BODY[5:])]
    assert server.raw(chunked, *pieces, b"0\r\n\r\n").status == 202
    with server.connect() as made:
        for _ in range(3):
            made.sendall(request("POST", "/webhook", headers(BODY), BODY))
            assert read_reply(made).said == (202, "stored")
        made.sendall(request("POST", "/webhook", headers(BODY) | {"Expect": "100-continue"}, BODY))
        made.recv(25)  # HTTP/1.1 100 Continue
        assert read_reply(made).status == 202


# ------------------------------------------------------------------------------------------ refused

VALID = sign(BODY)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        VALID[:-1],
        VALID + "0",
        "sha256=" + VALID[7:].upper(),
        VALID.replace("sha256=", "SHA256="),
        VALID[7:],
        f" {VALID},{VALID}",
        "sha256=é".encode(),
        b"sha256=\xff\xfe" + b"0" * 62,
        "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
        sign(BODY + b" "),
        sign(BODY, ""),
        sign(BODY, "a-removed-secret-of-the-tests"),
    ],
)
def test_what_is_not_signed_is_not_looked_at(
    server: Running, folder: Path, before: set[tuple[Any, ...]], signature: str | bytes | None
) -> None:
    """W01 to W04: 401, no row, one more in the counter. Nothing but lower-case SHA-256 counts."""
    count = server.counted("ai_ready_deliveries_total", result="unsigned")

    reply = server.deliver(BODY, signature=signature)

    assert reply.status == 401
    assert list(reply.json) == ["error"]
    assert set(rows(folder)) == before
    assert server.counted("ai_ready_deliveries_total", result="unsigned") == count + 1


def test_two_signatures_are_none(server: Running) -> None:
    """A proxy and an application could each take the other one."""
    twice = request("POST", "/webhook", headers(BODY), BODY).replace(
        b"\r\n\r\n", b"\r\nX-Hub-Signature-256: " + VALID.encode() + b"\r\n\r\n", 1
    )
    assert server.raw(twice).status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"event": None},
        {"event": ""},
        {"event": "issues\x0b"},
        {"event": "../issues"},
        {"event": "é".encode()},
        {"event": "x" * 10_000},
        {"guid": None},
        {"guid": ""},
        {"guid": "1"},
        {"guid": "x" * 10_000},
        {"guid": "'; DROP TABLE delivery; --"},
        {"guid": "72d3162e-cc78-11e3-81ab-4c9367dc095\u0661".encode()},
        {"guid": "72d3162e-cc78-11e3-81ab-4c9367dc0958 "[:-1] + "9"},
        {"guid": "{72d3162e-cc78-11e3-81ab-4c9367dc0958}"},
        {"guid": '72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n {"event": "stored"}'},
        {"guid": '72d3162e-cc78-11e3-81ab-4c9367dc0958\n{"event": "stored"}'},
        {"guid": "72d3162e-cc78-11e3-81ab-4c9367dc0958\r"},
    ],
)
def test_headers_that_github_would_not_send_are_malformed(
    server: Running, folder: Path, before: set[tuple[Any, ...]], changes: dict[str, str | bytes | None]
) -> None:
    """W08: line breaks in a header among them, by which a log could be forged."""
    assert server.deliver(BODY, **changes).status == 400
    assert set(rows(folder)) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xef\xbb\xbf{}",
        b'{"action": "\xff"}',
        '{"action": "x"}'.encode("utf-16"),
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"issue": {"number": ' + b"9" * 5_000 + b"}}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"action": "x", "action": "y"}',
        json.dumps(ISSUES | {"repository": {"id": 2**63, "full_name": "a/b"}}).encode(),
        json.dumps(ISSUES | {"repository": {"id": 7, "full_name": "a/\0"}}).encode(),
        json.dumps(ISSUES | {"repository": {"id": 7, "full_name": "\ud800"}}).encode(),
        json.dumps(ISSUES | {"issue": []}).encode(),
        json.dumps({key: value for key, value in ISSUES.items() if key != "repository"}).encode(),
        json.dumps(ISSUES | {"installation": [5]}).encode(),
        json.dumps(ISSUES | {"action": {"a": 1}}).encode(),
        json.dumps(ISSUES | {"issue": {"number": -1}}).encode(),
        json.dumps(ISSUES | {"issue": {"number": True}}).encode(),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_signed_body_that_makes_no_sense_is_malformed(
    server: Running, folder: Path, before: set[tuple[Any, ...]], body: bytes
) -> None:
    """W16 to W18: 400, never 500, never a row."""
    assert server.deliver(body).status == 400
    assert set(rows(folder)) == before


def test_no_installation_is_no_fault(server: Running) -> None:
    """A repository's own webhook has none."""
    assert server.deliver(json.dumps(ISSUES | {"installation": None}).encode()).said == (202, "stored")


@pytest.mark.parametrize(
    ("content_type", "hint"),
    [
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", "choose that content type"),
        (None, ""),
        ("application/json; charset=utf-16", ""),
        ("application/json, text/plain", ""),
        ("application/jsonp", ""),
        ("text/json", ""),
    ],
)
def test_other_content_types_are_not_read(
    server: Running, folder: Path, before: set[tuple[Any, ...]], content_type: str | None, hint: str
) -> None:
    """W09: a form gets a hint, because it is the default of a repository's webhook settings."""
    reply = server.deliver(BODY, content_type=content_type)

    assert reply.status == 415
    assert hint in reply.json["error"]
    assert set(rows(folder)) == before


def test_a_compressed_body_is_not_read(server: Running) -> None:
    assert server.deliver(BODY, encoding="gzip").status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE"])
def test_webhooks_are_posted(server: Running, method: str) -> None:
    """W15."""
    reply = server.ask(method, "/webhook", headers(BODY), b"" if method == "HEAD" else BODY)

    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/webhooks", "/webhook/", "/../etc/passwd", "/webhook/%2e%2e", "/docs", "/openapi.json"]
)
def test_an_unknown_path_is_not_found(server: Running, path: str) -> None:
    reply = server.ask("POST", path, headers(BODY), BODY)

    assert (reply.status, reply.json) == (404, {"error": "Not Found."})


def test_the_checks_have_their_order() -> None:
    """405, 413, 415 before the body is read; each wins over all that follow it."""
    limits = Limits()
    large = str(limits.body + 1).encode()

    def status(method: str, *raw: tuple[bytes, bytes]) -> int:
        answer = refusal(method, headers_of(raw), limits)
        return answer.status if answer else 0

    assert status("GET", (b"content-length", large), (b"content-type", b"text/plain")) == 405
    assert status("POST", (b"content-length", large), (b"content-type", b"text/plain")) == 413
    assert status("POST", (b"content-length", b"9"), (b"content-type", b"text/plain")) == 415
    assert status("POST", (b"content-length", b"9"), (b"content-type", b"application/json")) == 0


def test_a_wrong_signature_wins_over_malformed_and_over_a_store_that_is_away(server: Running) -> None:
    assert server.deliver(b"{", signature=VALID, event=None).status == 401


# -------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [25_000_001, 26_000_000, 26 * 1024 * 1024, 10**18])
def test_a_body_that_says_it_is_too_large_is_not_read(server: Running, size: int) -> None:
    """W10: answered at once, and the connection is closed."""
    with server.connect() as made:
        made.sendall(request("POST", "/webhook", headers(BODY) | {"Content-Length": str(size)}))
        reply = read_reply(made)
        assert (reply.status, reply.headers["connection"]) == (413, "close")
        assert made.recv(1) == b""


def test_a_body_of_25_mb_is_read(server: Running) -> None:
    filler = json.dumps(ISSUES)[:-1].encode() + b', "x": "'
    body = filler + b"a" * (25_000_000 - len(filler) - 2) + b'"}'

    assert server.deliver(body).said == (202, "stored")


@pytest.mark.parametrize("signature", [VALID, None])
def test_a_body_without_end_is_left_at_the_cap(server: Running, signature: str | None) -> None:
    """W11: 300 MB in chunks: 413 when the cap is passed, nothing is read on, memory grows by less than two caps."""
    sent = {**headers(BODY, signature=signature), "Transfer-Encoding": "chunked"}
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    before, peak, passed = memory(), 0, 0
    with server.connect() as made:
        made.sendall(request("POST", "/webhook", sent))
        try:
            for _ in range(300):
                made.sendall(chunk)
                passed += 1
                peak = max(peak, memory())
        except OSError:
            pass
        reply = read_reply(made)
    assert reply.status == 413
    assert passed < 60
    assert peak - before < 2 * 25_000_000


def memory() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_many_large_bodies_at_a_time_are_too_many(tmp_path: Path) -> None:
    """What is under way is bounded as a whole; small deliveries are not concerned."""
    limits = Limits(large_body=300_000, large_bodies=1)
    body = json.dumps(ISSUES | {"x": "a" * 2_000_000}).encode()
    with running(sqlite_store(tmp_path), limits=limits) as server, server.connect() as first:
        whole = request("POST", "/webhook", headers(body), body)
        first.sendall(whole[:-10])
        wait_until(lambda: server.deliver(body).status == 503)
        assert server.deliver().said == (202, "stored")
        first.sendall(whole[-10:])
        assert read_reply(first).said == (202, "stored")
        assert server.deliver(body).said == (202, "stored")


# ------------------------------------------------------------------------------------ not storable


class Away:
    """An inbox without a database."""

    def __init__(self, *, raised: Exception | None = None, answered: Exception | None = None) -> None:
        self.raised = raised
        self.future: Future[bool] = Future()
        if answered is not None:
            self.future.set_exception(answered)

    def receive(self, delivery: Received) -> "Future[bool]":
        if self.raised is not None:
            raise self.raised
        return self.future


def asked(inbox: Any, limits: Limits) -> tuple[int, Metrics]:
    """The status of one good delivery over that inbox."""
    import asyncio  # noqa: PLC0415

    metrics = Metrics()
    endpoint = Receiver(inbox, (Secret(SECRET),), Desk(metrics, limits, lambda: None))  # type: ignore[arg-type,return-value]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": BODY, "more_body": False}

    named = [(name.lower().encode(), str(value).encode()) for name, value in headers(BODY).items()]
    asyncio.run(endpoint({"method": "POST", "headers": named}, receive, send))
    return sent[0]["status"], metrics


@pytest.mark.parametrize(
    "inbox",
    [
        Away(raised=StoreUnavailable("gone")),
        Away(answered=StoreUnavailable("disk full")),
        Away(raised=ValueError("our fault")),
        Away(answered=ZeroDivisionError()),
    ],
)
def test_what_can_not_be_stored_is_503(inbox: Away) -> None:
    """W29, W30: never 2xx without a row, never 500; GitHub then counts it as failed, and the sweep asks again."""
    status, _ = asked(inbox, Limits())
    assert status == 503


def test_a_store_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    """503 after the deadline; the future stays as it is, for it is in another thread's hands."""
    inbox = Away()
    begun = time.monotonic()

    status, metrics = asked(inbox, Limits(store=0.05))

    assert (status, inbox.future.cancelled()) == (503, False)
    assert time.monotonic() - begun < 5
    assert b"ai_ready_store_errors_total 1.0" in metrics.render(None, None)
    assert Limits().store < 9


def test_a_locked_database_is_503_and_heals(tmp_path: Path) -> None:
    """W29 over the real store: somebody holds the file; when it is let go, deliveries are stored again."""
    import sqlite3  # noqa: PLC0415

    limits = Limits(store=0.3)
    with running(sqlite_store(tmp_path), limits=limits) as server:
        holder = sqlite3.connect(tmp_path / "inbox.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert server.deliver().status == 503
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: server.deliver().status == 202)


# ----------------------------------------------------------------------------------------- mapping


def test_what_is_kept_of_a_delivery() -> None:
    hook = Hook("g", "issues", "closed", 5, 7, "acme/shop", (3, 4), 1, "User", None, interesting=True)
    kept = received(hook, at := __import__("datetime").datetime(2026, 1, 1))
    assert kept == Received("g", "issues", "closed", at, 5, 7, "acme/shop", 3, True, None)
    assert received(replace(hook, issues=()), at).issue == 0


def test_a_peer_that_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    """In the middle of its body: no row, no answer, no task left; the next delivery is as good as ever."""
    with running(sqlite_store(tmp_path)) as server:
        for _ in range(20):
            with server.connect() as made:
                made.sendall(request("POST", "/webhook", headers(BODY), BODY)[:-20])
        wait_until(lambda: server.counted("ai_ready_deliveries_total", result="hung_up") == 20)
        assert rows(tmp_path) == []
        assert server.deliver().said == (202, "stored")


def test_deliveries_that_come_at_once_are_all_stored(tmp_path: Path) -> None:
    """W32: a burst of 1,000 over 20 connections; every GUID that was answered with 202 is in the file."""
    guids = [str(uuid.uuid4()) for _ in range(1_000)]
    with running(sqlite_store(tmp_path)) as server:

        def some(part: list[str]) -> list[int]:
            with server.connect() as made:
                made.settimeout(20)
                return [one(made, guid) for guid in part]

        def one(made: socket.socket, guid: str) -> int:
            made.sendall(request("POST", "/webhook", headers(BODY, guid=guid), BODY))
            return read_reply(made).status

        with ThreadPoolExecutor(20) as pool:
            answers = [status for part in pool.map(some, [guids[at::20] for at in range(20)]) for status in part]
    assert set(answers) == {202}
    assert {row[0] for row in rows(tmp_path)} == set(guids)
    assert threading.active_count() < 50
