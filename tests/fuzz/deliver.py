"""The fuzzed deliveries against the real server, over sockets, into a real SQLite store; and what was found."""

import logging
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.corpus import Seed, seeds
from tests.fuzz.mutate import SECRET, Case, case
from tests.server.endpoint import Running, read_reply, rows, running, sqlite_store

THREADS = 4
AGAIN_EVERY = 7
"""Every so many deliveries one is delivered twice."""


@dataclass
class Found:
    """What came of all of them."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By what was done to the delivery, and status (0: the connection was closed)."""
    faults: list[str] = field(default_factory=list)
    stored: int = 0
    rows: int = 0
    unsigned_rows: int = 0

    def at_least(self, status: int) -> int:
        """How many answers had this status or a higher one."""
        return sum(count for (_, each), count in self.answers.items() if each >= status)


class _Errors(logging.Handler):
    """What the server itself took for a fault of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(f"logged: {record.getMessage()} {record.exc_info and record.exc_info[1]!r}")


def fuzz(seed: str, numbers: Sequence[int]) -> Found:
    """Deliver the cases of these numbers; everything that was not as it should be is in `faults`."""
    found, errors = Found(), _Errors()
    logging.getLogger().addHandler(errors)
    try:
        with tempfile.TemporaryDirectory(prefix="ai-ready-fuzz-") as name:
            folder = Path(name)
            begun = seeds(folder / "hub")
            with running(sqlite_store(folder), secrets=(SECRET,)) as server:
                parts = [numbers[at::THREADS] for at in range(THREADS)]
                with ThreadPoolExecutor(THREADS) as pool:
                    answered = [
                        each for part in pool.map(lambda p: list(_some(server, seed, p, begun)), parts) for each in part
                    ]
                if server.ask("GET", "/readyz").status != 200:
                    found.faults.append("the server is not ready any more")
            _judge(found, answered, [str(row[0]) for row in rows(folder)])
    finally:
        logging.getLogger().removeHandler(errors)
    found.faults += errors.told
    return found


def _some(
    server: Running, seed: str, numbers: Sequence[int], begun: Sequence[Seed]
) -> Iterator[tuple[int, Case, list[int]]]:
    """Deliver them on one connection, as long as it lasts."""
    wire = server.connect(30)
    try:
        for number in numbers:
            made = case(number, seed, begun)
            statuses = []
            for _ in range(2 if number % AGAIN_EVERY == 0 else 1):
                status, open_still = _one(wire, made)
                if not open_still or not made.statuses:
                    wire.close()
                    wire = server.connect(30)
                statuses.append(status)
            yield number, made, statuses
    finally:
        wire.close()


def _one(wire: socket.socket, made: Case) -> tuple[int, bool]:
    """The answer's status, and whether the connection can be used again."""
    try:
        wire.sendall(made.raw)
        if not made.statuses:
            wire.shutdown(socket.SHUT_WR)
        reply = read_reply(wire, bodiless=made.raw.startswith(b"HEAD"))
    except OSError:
        return 0, False
    return reply.status, reply.headers.get("connection") != "close"


def _judge(found: Found, answered: Sequence[tuple[int, Case, list[int]]], stored: Sequence[str]) -> None:
    kept = Counter(stored)
    found.rows = len(stored)
    for number, made, statuses in answered:
        found.answers.update((made.kind, status) for status in statuses)
        signed_row = made.signed and statuses[0] == 202 and kept[made.guid] == 1
        found.stored += signed_row
        found.unsigned_rows += bool(kept[made.guid]) and not made.signed
        for status in statuses:
            if status >= 500 or (made.statuses and status not in made.statuses):
                found.faults.append(f"number {number} ({made.kind}): answered {status}")
        if made.statuses and len(set(statuses)) > 1:
            found.faults.append(f"number {number} ({made.kind}): answered {statuses} to the same bytes")
        wanted = 1 if made.signed and statuses[0] == 202 and b"X-GitHub-Event: ping\r\n" not in made.raw else 0
        if kept.pop(made.guid, 0) != wanted:
            found.faults.append(f"number {number} ({made.kind}): answered {statuses}, should have {wanted} rows")
    found.faults += [f"a row that nobody delivered: {guid}" for guid in kept]
