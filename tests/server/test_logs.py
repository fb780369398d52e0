"""The log: one line of JSON per event, no secret and no body in it, and a reader that sleeps stops nobody."""

import io
import json
import logging
import threading
from pathlib import Path
from typing import Any, Self

import pytest

import bot.server.logs
from bot.core.secret import Secret
from bot.server.logs import Logging, event
from tests.server.endpoint import SECRET, running, sqlite_store

TOKEN = "ghs_" + "a1B2" * 9
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def written(*, secrets: tuple[str, ...] = (SECRET,), level: int = logging.INFO) -> "_Read":
    return _Read(secrets, level)


class _Read:
    """What is logged inside the `with`, as objects in `lines` afterwards."""

    def __init__(self, secrets: tuple[str, ...], level: int) -> None:
        self.stream = io.StringIO()
        self.level = level
        self.logging = Logging(map(Secret, secrets), self.stream)

    def __enter__(self) -> Self:
        self.logging.__enter__()
        logging.getLogger().setLevel(self.level)
        return self

    def __exit__(self, *_: object) -> None:
        self.logging.__exit__(None, None, None)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_a_thread_that_dies_is_a_line_too() -> None:
    """With what killed it, less our secrets; how it was before, afterwards."""
    before = threading.excepthook

    def work() -> None:
        raise ValueError(f"no such thing as {SECRET}")

    with written() as read:
        thread = threading.Thread(target=work, name="scheduler")
        thread.start()
        thread.join()
    (line,) = read.lines
    assert (line["level"], line["event"], line["thread"]) == ("error", "thread_died", "scheduler")
    assert "ValueError: no such thing as" in line["trace"]
    assert SECRET not in line["trace"]
    assert threading.excepthook is before


def test_an_event_is_one_line_with_its_fields() -> None:
    """Nothing that is empty; seconds to the microsecond; a line break in a value is escaped."""
    with written() as read:
        event("delivery", delivery=GUID, repository=7, full_name="acme/shop", issue=0, action="", seconds=0.12345678)
        event("pass", error="two\nlines", finished=False)
    first, second = read.lines
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info",
        "event": "delivery",
        "delivery": GUID,
        "repository": 7,
        "full_name": "acme/shop",
        "seconds": 0.123457,
    }
    assert (second["error"], second["finished"]) == ("two\nlines", False)


@pytest.mark.parametrize("field", ["error", "delivery", "hook", "full_name", "anything"])
def test_a_secret_in_any_field_is_taken_out(field: str) -> None:
    """Also where it stands in the place of something harmless, in a message, in an exception of a library."""
    with written() as read:
        fields: dict[str, Any] = {field: f"it is {SECRET} and {TOKEN}"}
        event("odd", **fields)
        logging.getLogger("library").warning("Bearer %s", TOKEN)
        try:
            int(f"refused {SECRET}")
        except ValueError:
            logging.getLogger("ai_ready.somewhere").exception("failed with %s", SECRET)
    text = read.stream.getvalue()
    assert len(read.lines) == 3
    assert "'refused [redacted]'" in read.lines[2]["trace"]
    assert not [piece for piece in (SECRET, SECRET[:8], TOKEN, TOKEN[4:]) if piece in text]


def test_libraries_are_heard_when_something_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn and httpx tell every request otherwise, with its address."""
    # A server of another test in this process (the sandbox's) has let uvicorn set up its own logging.
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    with written() as read:
        logging.getLogger("httpx").info("GET https://api.github.com/secret")
        logging.getLogger("uvicorn.error").info("Started server process")
        logging.getLogger("uvicorn.error").warning("odd")
        logging.getLogger("ai_ready.scheduler").warning("Lane %s", 7)
    assert [(line["logger"], line["level"], line["message"]) for line in read.lines] == [
        ("uvicorn.error", "warning", "odd"),
        ("ai_ready.scheduler", "warning", "Lane 7"),
    ]


def test_everything_is_as_before_afterwards() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("httpx").level)
    with written():
        assert (root.level, list(root.handlers), logging.getLogger("httpx").level) != before
    assert (root.level, list(root.handlers), logging.getLogger("httpx").level) == before


def test_a_reader_that_stands_still_costs_lines_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever logs never waits; the count of what was lost comes when there is room again."""
    monkeypatch.setattr(bot.server.logs, "MOST_WAITING", 10)
    gate, reached = threading.Event(), threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            reached.set()
            gate.wait(10)
            return super().write(text)

    stream = Stuck()
    with Logging((), stream) as _:
        event("first")
        assert reached.wait(10)
        for number in range(1, 31):
            event("more", number=number)
        gate.set()
        while stream.getvalue().count('"more"') < 10:
            reached.wait(0.001)
        event("last")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["first", *["more"] * 10, "log_lines_lost", "last"]
    assert (lines[-2]["lines"], lines[-2]["level"]) == (20, "warning")


def test_refusals_are_told_once_a_minute(tmp_path: Path) -> None:
    """Whoever set a wrong secret finds out from the log; whoever floods us does not fill it."""
    with written() as read, running(sqlite_store(tmp_path)) as server:
        for _ in range(5):
            server.deliver(signature=None)
            server.deliver(content_type="text/plain")
    told = [(line["result"], line["status"]) for line in read.lines if line["event"] == "delivery_refused"]
    assert told == [("unsigned", 401), ("content_type", 415)]


def test_requests_that_are_none_are_told_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody need sign anything to send us those."""
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    upgrade = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with written() as read, running(sqlite_store(tmp_path)) as server:
        for _ in range(5):
            server.raw(b"nonsense\r\n\r\n")
            server.raw(upgrade)
    told = [line["message"] for line in read.lines if line["event"] == "log"]
    assert "Invalid HTTP request received." in told
    assert len(told) == len(set(told))


def test_deliveries_are_told_by_their_ids_and_never_by_their_words(tmp_path: Path) -> None:
    """W01: of what is refused, not even a GUID; nothing at all of a body, or of a signature."""
    with written(level=logging.DEBUG) as read, running(sqlite_store(tmp_path)) as server:
        server.deliver(guid=GUID)
        server.deliver(b"Log in", signature="sha256=" + "0" * 64)
        server.deliver(b"[1]")
        server.deliver(event="x\ty")
    told = [line for line in read.lines if line["event"].startswith("delivery")]
    assert [(line["event"], line["result"]) for line in told] == [
        ("delivery", "stored"),
        ("delivery_refused", "unsigned"),
        ("delivery_refused", "malformed"),
        ("delivery_refused", "malformed"),
    ]
    assert told[0]["delivery"] == GUID
    assert (told[0]["repository"], told[0]["full_name"], told[0]["issue"]) == (7, "acme/shop", 3)
    assert not [word for word in ("Log in", "sha256=", "x\\ty", SECRET) if word in read.stream.getvalue()]
    assert [line["event"] for line in read.lines if line["event"] in ("started", "stopping", "stopped")] == [
        "started",
        "stopping",
        "stopped",
    ]
