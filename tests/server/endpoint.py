"""A server in this process, on a free port, over a real SQLite store; and someone who delivers to it."""

import hashlib
import hmac
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.secret import Secret
from bot.server.health import Scheduling
from bot.server.limits import Limits
from bot.server.metrics import Metrics
from bot.server.ports import Store
from bot.server.process import Parts, Serving, bind
from bot.server.store import SqlStore, open_store

SECRET = "a-secret-of-the-tests"
OLD = "an-older-secret-of-the-tests"
OWN_BOT = 77
ISSUES = {
    "action": "labeled",
    "issue": {"number": 3, "title": "Log in"},
    "label": {"name": "ai-ready"},
    "repository": {"id": 7, "full_name": "acme/shop"},
    "installation": {"id": 5},
    "sender": {"id": 1, "type": "User"},
}


@dataclass
class Idle:
    """A scheduler that does nothing, and notes what it is told."""

    alive: bool = True
    woken: int = 0
    life: list[str] = field(default_factory=list)
    finishes: bool = True

    def start(self) -> None:
        self.life.append("start")

    def stop(self, grace: float) -> bool:
        self.life.append("stop")
        return self.finishes

    def wake(self) -> None:
        self.woken += 1


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> tuple[int, str]:
        """Status and the one word of a 202."""
        return self.status, self.json.get("status", "")


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    store: Store
    scheduler: Idle
    metrics: Metrics
    serving: Serving
    thread: threading.Thread

    def connect(self, timeout: float = 10.0) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def raw(self, *pieces: bytes) -> Reply:
        """Send these bytes on a connection of their own; the answer."""
        with self.connect() as made:
            for piece in pieces:
                made.sendall(piece)
            return read_reply(made, bodiless=pieces[0].startswith(b"HEAD "))

    def ask(self, method: str, path: str, headers: Mapping[str, str | bytes] | None = None, body: bytes = b"") -> Reply:
        return self.raw(request(method, path, headers or {}, body))

    def deliver(self, body: bytes | None = None, **changes: str | bytes | None) -> Reply:
        """A delivery as GitHub makes it, but for the headers that are given (None: left out)."""
        content = json.dumps(ISSUES).encode() if body is None else body
        return self.ask("POST", "/webhook", headers(content, **changes), content)

    def counted(self, name: str, **labels: str) -> float:
        """A metric's value as `/metrics` shows it."""
        inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        line = f"{name}{{{inside}}}" if inside else name
        for each in self.ask("GET", "/metrics").body.decode().splitlines():
            if each.startswith(line + " "):
                return float(each.rpartition(" ")[2])
        return 0.0


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(body: bytes, **changes: str | bytes | None) -> dict[str, str | bytes]:
    """`content_type=…` changes Content-Type, `guid=…`, `event=…` and `signature=…` their headers."""
    names = {
        "content_type": "Content-Type",
        "guid": "X-GitHub-Delivery",
        "event": "X-GitHub-Event",
        "signature": "X-Hub-Signature-256",
        "encoding": "Content-Encoding",
    }
    usual: dict[str, str | bytes | None] = {
        "content_type": "application/json",
        "guid": str(uuid.uuid4()),
        "event": "issues",
        "signature": sign(body),
    }
    return {names[key]: value for key, value in (usual | changes).items() if value is not None}


def request(method: str, path: str, given: Mapping[str, str | bytes], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: here"]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name in given):
        lines.append(b"Content-Length: %d" % len(body))
    lines += [name.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for name, v in given.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read_reply(made: socket.socket, *, bodiless: bool = False) -> Reply:
    """One answer. Raises `ConnectionError` when there is none."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        more = made.recv(65_536)
        if not more:
            raise ConnectionError("closed without an answer")
        seen += more
    head, _, body = seen.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = 0 if bodiless else int(found.get("content-length", "0"))
    while len(body) < length and (more := made.recv(65_536)):
        body += more
    return Reply(int(first.split()[1]), found, body)


@contextmanager
def running(
    store: Store,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    limits: Limits | None = None,
    scheduler: Scheduling | None = None,
    reconcile_seconds: float = 60.0,
) -> Iterator[Running]:
    """A server over `store`; stopped, and the store closed, at the end."""
    idle = scheduler if isinstance(scheduler, Idle) else Idle()
    metrics = Metrics()
    parts = Parts(
        store=store,
        scheduler=idle,
        metrics=metrics,
        secrets=tuple(map(Secret, secrets)),
        reconcile_seconds=reconcile_seconds,
        own_ids=lambda: (OWN_BOT,),
        limits=limits or Limits(),
    )
    serving = Serving(parts, bind("127.0.0.1", 0))
    thread = threading.Thread(target=serving.run)
    thread.start()
    assert serving.up.wait(10)
    try:
        yield Running(int(serving.url.rpartition(":")[2]), store, idle, metrics, serving, thread)
    finally:
        serving.stop()
        thread.join(15)
        assert not thread.is_alive()


def sqlite_store(folder: Path) -> SqlStore:
    return open_store(f"sqlite:///{folder / 'inbox.sqlite3'}")


def rows(folder: Path, columns: str = "guid") -> list[tuple[Any, ...]]:
    """Deliveries as they are in the file, read by somebody else."""
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(folder / "inbox.sqlite3")
    try:
        return connection.execute(f"SELECT {columns} FROM delivery ORDER BY 1").fetchall()
    finally:
        connection.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until it is so; each asking is a request, so nothing spins."""
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end
