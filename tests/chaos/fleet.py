"""The server's processes: started by a fork server, killed from inside (the trap) and from outside, started again."""

import multiprocessing
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

import httpx

from bot.sandbox.app_server import point_hook
from bot.sandbox.records import App
from tests.chaos.server import Order, serve

PATIENCE = 60.0
"""Seconds that a process may take to be up, or to end when told."""


def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.server"])
    return context


@dataclass(slots=True)
class Replica:
    """One process."""

    process: ForkServerProcess
    url: str

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.is_alive()


class Fleet:
    """Replicas over one database; webhooks go to the one that was started last."""

    def __init__(self, app: App, order: Order, size: int) -> None:
        self._app = app
        self._order = order
        self._size = size
        self._context = _context()
        self._replicas: list[Replica | None] = [None] * size
        self.strays: list[str] = []
        """Servers that died of something else than a kill."""

    # ------------------------------------------------------------------------------------- up and down

    def start(self, index: int, moment: str = "", times: int = 1) -> None:
        """Start a replica that is down, and wait until it listens. Raises `RuntimeError` where it does not."""
        before = self._replicas[index]
        if before is not None and before.process.exitcode != -signal.SIGKILL:
            self.strays.append(f"replica {index} ended by itself ({before.process.exitcode})")
        ours, theirs = self._context.Pipe(duplex=False)
        log = self.log(index)
        order = replace(self._order, log=log, moment=moment, times=times)
        process = self._context.Process(target=serve, args=(order, theirs), name=f"replica-{index}", daemon=True)
        process.start()
        theirs.close()
        with ours:
            url = _address(ours)
        if not url:
            process.join(PATIENCE)
            if process.exitcode != -signal.SIGKILL:  # else it was killed on the way up, by its trap or by us
                raise RuntimeError(f"a server did not come up ({process.exitcode}): {log.read_text()[-2000:]}")
        self._replicas[index] = Replica(process, url)
        if url:
            point_hook(self._app, url)

    def strike(self, indexes: Collection[int]) -> None:
        """SIGKILL, without waiting for the end; those that are dead stay so."""
        for index in indexes:
            replica = self._replicas[index]
            if replica is not None:
                replica.process.kill()

    def kill(self, indexes: Collection[int]) -> int:
        """SIGKILL, and wait; how many lived until then."""
        living = [replica for index in indexes if (replica := self._replicas[index]) is not None and replica.alive]
        self.strike(indexes)
        for replica in living:
            replica.process.join(PATIENCE)
        return len(living)

    def wait_for_deaths(self, indexes: Collection[int], timeout: float) -> tuple[int, ...]:
        """Wait until one of them is dead, or for so many seconds; who is."""
        processes = {index: replica.process for index in indexes if (replica := self._replicas[index])}
        wait([process.sentinel for process in processes.values()], timeout)
        return tuple(index for index, process in processes.items() if not process.is_alive())

    def stop(self) -> list[int | None]:
        """SIGTERM to those that live; how each ended."""
        living = [replica for replica in self._replicas if replica is not None and replica.alive]
        for replica in living:
            replica.process.terminate()
        for replica in living:
            replica.process.join(PATIENCE)
        return [replica.process.exitcode for replica in living]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill(range(self._size))

    # ------------------------------------------------------------------------------------ what is seen

    @property
    def dead(self) -> tuple[int, ...]:
        """Replicas that are to be started."""
        return tuple(index for index, one in enumerate(self._replicas) if one is None or not one.alive)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of those who live."""
        return tuple(replica.process.pid or 0 for replica in self._living())

    @property
    def database_url(self) -> str:
        """What they keep it all in."""
        return self._order.database_url

    @property
    def size(self) -> int:
        """How many there are, dead or alive."""
        return self._size

    def log(self, index: int) -> Path:
        """What a replica wrote, over all its lives."""
        return self._order.log.with_name(f"server-{index}.log")

    def logs(self) -> Sequence[str]:
        """All of it."""
        paths = [self.log(index) for index in range(self._size)]
        return [path.read_text() for path in paths if path.exists()]

    def passes(self) -> int:
        """Lanes that those who live have served."""
        return int(sum(_metric(replica.url, "ai_ready_passes_total") for replica in self._living()))

    def active(self) -> int:
        """Runs that the ledger holds."""
        return int(max((_metric(replica.url, "ai_ready_runs_active") for replica in self._living()), default=0))

    def _living(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica is not None and replica.alive and replica.url]


def _address(told: Connection) -> str:
    """What a new server says; empty: it died first, or says nothing."""
    try:
        return str(told.recv()) if told.poll(PATIENCE) else ""
    except EOFError:
        return ""


def _metric(url: str, name: str) -> float:
    """A metric of a server, added up over its labels."""
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)
