"""An open page hears of changes, soon, whoever else looks; and the listener ends although pages are open."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from bot.core.secret import Secret
from bot.page.access import Access
from bot.page.listener import Limits, Listener
from bot.page.live import EVERY, Live
from bot.page.sockets import listen
from tests.page.sample import Sample, asked
from tests.page.visitor import PATIENCE, opened


def events(answer: httpx.Response) -> Iterator[str]:
    return (line for line in answer.iter_lines() if line.startswith(("event:", "data:", ":", "retry:")))


def test_a_change_reaches_an_open_page() -> None:
    """How soon is measured by `make bench`; a busy machine may take its time."""
    source = Sample()
    source.put(asked(1, "One"))
    with opened(source) as client, client.stream("GET", "/live", params={"of": "7"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = events(answer)
        assert next(heard) == "retry: 2000"
        source.put(asked(1, "Two"))
        assert next(heard) == "event: changed"
    assert EVERY < 0.5


def test_what_changed_between_loading_and_listening_is_told_at_once() -> None:
    source = Sample()
    source.put(asked(1, "One"))
    with opened(source) as client:
        seen = source.version("7")
        source.put(asked(1, "Two"))
        with client.stream("GET", "/live", params={"of": "7", "since": str(seen)}) as answer:
            heard = events(answer)
            assert [next(heard), next(heard), next(heard)] == ["retry: 2000", "event: changed", f"data: {seen + 1}"]


@pytest.mark.parametrize("since", ["x", "-1", "9" * 40, "١"])
def test_an_odd_since_is_none(since: str) -> None:
    with opened(Sample()) as client, client.stream("GET", "/live", params={"since": since}) as answer:
        assert next(events(answer)) == "retry: 2000"


def test_the_source_is_asked_by_one_for_all() -> None:
    """And by nobody when nobody listens any more."""

    class Counting(Sample):
        asked = 0

        def version(self, project: str = "") -> int:
            self.asked += not project
            return super().version(project)

    source = Counting()
    with opened(source) as client:
        streams = [client.stream("GET", "/live", params={"of": "7"}) for _ in range(10)]
        heard = [events(each.__enter__()) for each in streams]
        assert [next(each) for each in heard] == ["retry: 2000"] * 10
        asked_before, begun = source.asked, time.monotonic()
        while source.asked < asked_before + 4:
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.01)
        assert time.monotonic() - begun > 0.5  # ten of them, each at their own pace, would have asked sooner
        for each in streams:
            each.__exit__(None, None, None)


def test_the_listener_ends_although_a_page_is_open() -> None:
    listener = Listener(Sample(), Access(), listen("127.0.0.1", 0))
    listener.start()
    address = listener.url
    with httpx.Client(base_url=listener.url, timeout=PATIENCE) as client, client.stream("GET", "/live") as answer:
        heard = events(answer)
        assert next(heard) == "retry: 2000"
        ending = threading.Thread(target=listener.stop)
        ending.start()
        assert list(heard) == []  # and that it has an end
        ending.join(PATIENCE)
    assert not ending.is_alive()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_the_stream_needs_the_password_too() -> None:
    with opened(Sample(), Access(Secret("a good long password"))) as client:
        assert client.get("/live").status_code == 401


def test_a_change_before_the_first_look_is_not_lost() -> None:
    """It comes after the stream looked, and before the task that looks for all was run for the first time."""
    by_stream = 0

    def version(project: str) -> int:
        nonlocal by_stream
        by_stream += bool(project)
        return 2 if by_stream > (2 if project else 1) else 1

    async def heard() -> list[bytes]:
        live = Live(version, every=0.01)
        stream = live.stream("7")
        try:
            return [await anext(stream), await anext(stream)]
        finally:
            await stream.aclose()
            await live.close()

    assert asyncio.run(asyncio.wait_for(heard(), 10))[1] == b"event: changed\ndata: 2\n\n"


# ------------------------------------------------------------------------------- what a visitor may hold

FEW = Limits(receive=0.4, head=2_048, connections=12, streams=3)


def test_of_too_many_streams_the_last_is_refused_and_pages_are_still_read() -> None:
    with opened(Sample(), limits=FEW) as client, ExitStack() as open_pages:
        last = open_pages.enter_context(ExitStack())
        heard = [events(open_pages.enter_context(client.stream("GET", "/live"))) for _ in range(FEW.streams - 1)]
        heard.append(events(last.enter_context(client.stream("GET", "/live"))))
        assert [next(each) for each in heard] == ["retry: 2000"] * FEW.streams
        with client.stream("GET", "/live") as refused:
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert client.get("/").status_code == 200
        last.close()
        end = time.monotonic() + PATIENCE
        while True:
            with client.stream("GET", "/live") as answer:
                if answer.status_code == 200:
                    break
            assert time.monotonic() < end


def test_who_connects_and_says_nothing_is_in_nobodys_way() -> None:
    """Such connections take files of the process that takes the webhooks, too: they go, and of too many the oldest first."""
    with opened(Sample(), limits=FEW) as client:
        port = client.base_url.port
        assert port is not None
        silent = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(3 * FEW.connections)]
        assert client.get("/").status_code == 200
        for each in silent:
            with each, contextlib.suppress(ConnectionResetError):
                assert each.recv(1_000).partition(b"\r\n")[0] in (b"", b"HTTP/1.1 408 Request Timeout")
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as long:
            long.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 2 * FEW.head)
            assert long.recv(1_000).startswith(b"HTTP/1.1 431")


SHALLOW = 4_096
"""Bytes that lie between two ends before the one that writes has to wait."""


@contextlib.contextmanager
def shallow(limits: Limits) -> Iterator[int]:
    """The port of a page for which little is enough to hold it up."""
    source = Sample()
    source.put(*(asked(number, f"[SHOP-1.{number}] Prices") for number in range(1, 200)))
    bound = listen("127.0.0.1", 0)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SHALLOW)
    listener = Listener(source, Access(), bound, limits)
    listener.start()
    try:
        yield bound.getsockname()[1]
    finally:
        listener.stop()


def unread(port: int, requests: int) -> socket.socket:
    """Somebody who asks for more than fits between, and reads no more of it than that something comes."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SHALLOW)
    made.settimeout(PATIENCE)
    made.connect(("127.0.0.1", port))
    made.sendall(b"GET /p/7 HTTP/1.1\r\nhost: localhost\r\n\r\n" * requests)
    assert made.recv(12) == b"HTTP/1.1 200"
    return made


def is_gone(made: socket.socket) -> bool:
    """Whether the other end lets go of it, soon."""
    end, turn = time.monotonic() + PATIENCE, threading.Event()
    while time.monotonic() < end:
        try:
            made.send(b"\r")
        except ConnectionError:
            return True
        turn.wait(0.05)
    return False


@pytest.mark.parametrize("requests", [1, 2, 50])
def test_who_does_not_read_an_answer_is_let_go(requests: int, caplog: pytest.LogCaptureFixture) -> None:
    """Else such a place is taken for ever; and it is nothing to tell the log of."""
    with shallow(FEW) as port, unread(port, requests) as made:
        assert is_gone(made)
    assert not caplog.records
