"""The load: one delivery after the other on each of N connections, for some seconds; a process of its own.

`python -m benchmarks.webhook_load PORT CONNECTIONS SECONDS < body` prints what it saw as JSON. The body is signed once:
GUIDs, which differ, are not signed. Plain sockets over uvloop, so that it costs the server's core as little as can be.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import uuid
from collections import Counter
from time import perf_counter

import uvloop

SECRET = "the-secret-of-the-benchmark"
EVENT = "issues"
WARM_UP = 0.5
"""Seconds at the beginning that do not count."""


def request(body: bytes) -> tuple[bytes, int]:
    """A delivery as GitHub sends it, and where in it the GUID stands."""
    guid = str(uuid.UUID(int=0))
    lines = (
        "POST /webhook HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: */*",
        "Content-Type: application/json",
        "User-Agent: GitHub-Hookshot/044aadd",
        f"X-GitHub-Delivery: {guid}",
        f"X-GitHub-Event: {EVENT}",
        "X-GitHub-Hook-ID: 292430182",
        "X-GitHub-Hook-Installation-Target-ID: 79929171",
        "X-GitHub-Hook-Installation-Target-Type: integration",
        "X-Hub-Signature-256: sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
        f"Content-Length: {len(body)}",
    )
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return whole, whole.index(guid.encode())


class Client(asyncio.Protocol):
    """One connection: the next delivery when the last one was answered."""

    def __init__(self, whole: bytes, at: int, seen: "Seen") -> None:
        self._before, self._after = whole[:at], whole[at + 36 :]
        self._seen = seen
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        whole = body.endswith(b"0\r\n\r\n") if at < 0 else len(body) >= int(lower[at + 15 :].split(b"\r\n", 1)[0])
        if not whole:
            return
        now = perf_counter()
        self._seen.add(head[9:12], now - self._sent, now)
        self._buffer = b""
        if now < self._seen.until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (as asyncio calls it)
        self._seen.ended()

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(b"".join((self._before, str(uuid.uuid4()).encode(), self._after)))


class Seen:
    """All answers."""

    def __init__(self, connections: int, seconds: float) -> None:
        self.begun = perf_counter() + WARM_UP
        self.until = self.begun + seconds
        self.statuses: Counter[str] = Counter()
        self.waits: list[float] = []
        self._open = connections
        self.done = asyncio.Event()

    def add(self, status: bytes, waited: float, now: float) -> None:
        self.statuses[status.decode()] += 1
        if self.begun <= now <= self.until:
            self.waits.append(waited)

    def ended(self) -> None:
        self._open -= 1
        if not self._open:
            self.done.set()


async def load(port: int, connections: int, seconds: float, body: bytes) -> dict[str, object]:
    """What was seen."""
    whole, at = request(body)
    seen = Seen(connections, seconds)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(whole, at, seen), "127.0.0.1", port)
    await asyncio.wait_for(seen.done.wait(), seconds + 30)
    waits = sorted(seen.waits)
    return {
        "per_second": len(waits) / seconds,
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "statuses": dict(seen.statuses),
    }


if __name__ == "__main__":
    asked = (int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(load(*asked))))
