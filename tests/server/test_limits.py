"""What a connection may cost: slow ones go, long headers go, of too many the one that waits longest goes."""

import asyncio
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.connections import Guard
from bot.server.limits import Limits
from tests.server.endpoint import ISSUES, Running, headers, read_reply, request, running, sqlite_store, wait_until

SHORT = 0.4
BODY = b"{}"
START = b"POST /webhook HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a short deadline."""
    folder = tmp_path_factory.mktemp("limits")
    with running(sqlite_store(folder), limits=Limits(receive=SHORT, head=4_096, connections=50)) as made:
        yield made


def closed_after(made: socket.socket, *, feed: bytes = b"", every: float = 0.05) -> tuple[float, bytes]:
    """Seconds until the server closes, while `feed` is sent again and again; and what it said."""
    begun, said = time.monotonic(), b""
    made.settimeout(every)
    while time.monotonic() < begun + 20 * SHORT:
        try:
            if feed:
                made.sendall(feed)
            more = made.recv(1_000)
            if not more:
                return time.monotonic() - begun, said
            said += more
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - begun, said
    raise AssertionError(f"still open; it said {said!r}")


@pytest.mark.parametrize(
    ("first", "feed"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"POST /webhook", b"a"),
        (START, b"X-A: b\r\n"),
        (request("POST", "/webhook", headers(BODY) | {"Content-Length": "1000"}), b"a"),
        (request("POST", "/webhook", headers(BODY) | {"Transfer-Encoding": "chunked"}), b"1\r\na\r\n"),
        (request("POST", "/webhook", headers(BODY) | {"Transfer-Encoding": "chunked"}) + b"1;", b"a"),
        (request("POST", "/webhook", headers(BODY) | {"Transfer-Encoding": "chunked"}) + b"0\r\n", b"X-A: b\r\n"),
        (request("POST", "/webhook", headers(BODY, content_type="x") | {"Content-Length": "1000"}), b"a"),
        (request("GET", "/webhook", {"Content-Length": "1000"}), b"a"),
        (request("POST", "/nowhere", {"Content-Length": "1000"}), b"a"),
    ],
)
def test_a_request_that_never_becomes_whole_is_given_up(server: Running, first: bytes, feed: bytes) -> None:
    """W13, W14: whatever it is slow at, and however it keeps itself busy."""
    with server.connect() as made:
        made.sendall(first)
        seconds, _ = closed_after(made, feed=feed)

    assert seconds < 3 * SHORT


def test_a_request_has_less_than_fifteen_seconds() -> None:
    """W13, W14, where nobody has shortened it."""
    assert Limits().receive <= 15


def test_who_is_given_up_is_told(server: Running) -> None:
    with server.connect() as made:
        made.sendall(START)
        _, said = closed_after(made)

    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_second_request_has_the_deadline_too(server: Running) -> None:
    """It is not the first one's keep-alive that bounds it; a connection that was slow once is still good when whole."""
    whole = request("POST", "/webhook", headers(BODY), BODY)
    with server.connect() as made:
        made.sendall(whole[:20])
        made.sendall(whole[20:])
        assert read_reply(made).status == 400
        made.sendall(START)
        seconds, said = closed_after(made, feed=b"a: b\r\n")

    assert seconds < 3 * SHORT
    assert b"408" in said


def test_an_answer_before_the_body_does_not_keep_the_connection(server: Running) -> None:
    """405, then the rest of the body, then silence: the deadline holds there too."""
    with server.connect() as made:
        made.sendall(request("PUT", "/webhook", {"Content-Length": "4"}))
        assert read_reply(made).status == 405
        made.sendall(b"abcd")
        seconds, _ = closed_after(made)

    assert seconds < 3 * SHORT


@pytest.mark.parametrize(
    "sent",
    [
        START + b"X: " + b"a" * 5_000,
        START + b"X: b\r\n" * 1_000,
        b"GET /" + b"a" * 5_000,
        b"\r\n" * 3_000,
    ],
)
def test_endless_headers_are_refused(server: Running, sent: bytes) -> None:
    with server.connect() as made:
        made.sendall(sent)
        seconds, said = closed_after(made)

    assert said.startswith(b"HTTP/1.1 431 ")
    assert seconds < SHORT


def test_who_does_not_take_the_answers_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """W14 from the other side: asks for more than any buffer holds, and reads nothing of it."""
    ended, gone, lost = threading.Event(), Guard.connection_lost, list[object]()

    def connection_lost(self: Guard, error: Exception | None) -> None:
        gone(self, error)
        lost.append(self.client)
        ended.set()

    monkeypatch.setattr(Guard, "connection_lost", connection_lost)
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.connect(("127.0.0.1", server.port))
        made.sendall(request("GET", "/metrics", {}) * 1_500)
        assert ended.wait(20)
        assert lost == [made.getsockname()]


def test_what_comes_after_a_body_is_not_kept(server: Running) -> None:
    """Trailers: a request may have some, and nobody looks at them; not even when they claim to sign it."""
    body = b"{}"
    good = headers(body)
    trailer = f"X-Hub-Signature-256: {good.pop('X-Hub-Signature-256')!s}\r\n\r\n".encode()
    sent = request("POST", "/webhook", good | {"Transfer-Encoding": "chunked"})

    assert server.raw(sent, b"2\r\n{}\r\n0\r\n", trailer).status == 401


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"nonsense\r\n\r\n"]
)
def test_what_is_not_http_is_refused(server: Running, sent: bytes) -> None:
    with server.connect() as made:
        made.sendall(sent)
        _, said = closed_after(made)
    assert said.startswith(b"HTTP/1.1 4")


def test_a_websocket_is_not_opened(server: Running) -> None:
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "a", "Sec-WebSocket-Version": "13"}
    assert server.ask("GET", "/webhook", asked).status == 405


def test_of_too_many_connections_one_that_keeps_us_waiting_goes(tmp_path: Path) -> None:
    """A crowd that says nothing keeps nobody out, and never more than the limit stay open."""
    with running(sqlite_store(tmp_path), limits=Limits(connections=50)) as server:
        silent = [server.connect() for _ in range(50)]
        assert [server.deliver(BODY).status for _ in range(3)] == [400] * 3
        gone, _, _ = select.select(silent, [], [], 0)
        assert [each.recv(1) for each in gone] == [b""]
        for each in silent:
            each.close()


def test_of_many_that_come_at_once_the_older_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one turn of the loop, whose clock is read once for it: no more than allowed stay, the last ones."""
    all_there, whole = threading.Event(), Guard.connection_made

    def connection_made(self: Guard, transport: asyncio.Transport) -> None:
        assert all_there.wait(20)
        whole(self, transport)

    with running(sqlite_store(tmp_path), limits=Limits(connections=5)) as server:
        monkeypatch.setattr(Guard, "connection_made", connection_made)
        crowd = [server.connect() for _ in range(40)]
        with server.connect() as good:
            good.sendall(request("POST", "/webhook", headers(BODY), BODY))
            all_there.set()
            assert read_reply(good).status == 400
            wait_until(lambda: len(select.select(crowd, [], [], 0.05)[0]) >= 36)
            assert select.select(crowd[-4:], [], [], 0)[0] == []
        for each in crowd:
            each.close()


def test_two_hundred_slow_ones_do_not_disturb_the_others(tmp_path: Path) -> None:
    """W14: 200 bodies at a byte a second; good deliveries meanwhile are quick, and the slow ones are gone in the end."""
    body = json.dumps(ISSUES).encode()
    slow_head = request("POST", "/webhook", headers(body) | {"Content-Length": "1000"})
    with running(sqlite_store(tmp_path), limits=Limits(receive=1.5)) as server:
        slow = [server.connect() for _ in range(200)]
        for each in slow:
            each.sendall(slow_head)

        def one(_: int) -> tuple[int, float]:
            begun = time.monotonic()
            return server.deliver(body).status, time.monotonic() - begun

        with ThreadPoolExecutor(8) as pool:
            for each in slow:
                each.sendall(b"a")
            answers = list(pool.map(one, range(200)))
        assert {status for status, _ in answers} == {202}
        assert sorted(seconds for _, seconds in answers)[-3] < 1.0
        for each in slow:
            each.settimeout(10)
            assert b"408" in each.recv(100)
            each.close()
