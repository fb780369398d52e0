"""The life of the server's process: listen, work, and on SIGTERM or SIGINT end in good order.

In good order: no new connection is accepted, requests under way are answered, the scheduler finishes or puts back what it
has in hand, the store is closed; within `GRACE` seconds, exit 0. A second signal ends the process at once, which loses
nothing either: what was answered with 202 is in the store.
"""

import asyncio
import errno
import gc
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

import uvicorn

from bot.connections import guarded
from bot.core.secret import Secret
from bot.errors import ConfigError
from bot.job.facts import utc_now
from bot.server.app import App
from bot.server.health import Health, Scheduling, Watched
from bot.server.limits import Limits
from bot.server.logs import event
from bot.server.metrics import Metrics
from bot.server.ports import Store
from bot.server.receive import Desk, Receive, Receiver, Scope, Send

GRACE: Final = 25.0
"""Seconds from the signal to the end; container platforms kill after 30."""
KEEP_ALIVE: Final = 15
"""Seconds that a connection may idle between two requests."""
KILLED_TWICE: Final = 130
GARBAGE: Final = (700, 10, 10)
"""When Python looks for garbage, unless told otherwise. Commands tell it to do so seldom, since they soon end; a server
that looks at a repository of 10,000 issues again and again would keep a hundred megabytes of what it no longer needs.
"""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""ASGI."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server is made of."""

    store: Store
    scheduler: Scheduling
    metrics: Metrics
    secrets: Sequence[Secret]
    """Of webhooks; none: there is no `/webhook`."""
    reconcile_seconds: float
    own_ids: Callable[[], Collection[int]] = tuple
    """User ids whose writes make no work; asked at every delivery, so a quick look at what is known."""
    limits: Limits = Limits()
    clock: Callable[[], datetime] = utc_now


def bind(host: str, port: int) -> socket.socket:
    """A socket at that address; port 0: any that is free. Raises `ConfigError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host} is not an address of this machine.") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        # A bound socket alone is free for others to take: two servers would find out when it is too late.
        bound.listen(1024)
    except OSError as error:
        bound.close()
        why = {
            errno.EADDRINUSE: "something listens there already; stop it, or choose another --port",
            errno.EACCES: "ports below 1024 need the administrator's rights; choose another --port",
            errno.EADDRNOTAVAIL: "this machine does not have that address; choose another --host",
        }.get(error.errno or 0, error.strerror or "the system refused")
        raise ConfigError(f"The server can't listen on {host} port {port}: {why}.") from error
    return bound


class Serving:
    """One server on one socket: `run` until a signal or `stop`."""

    def __init__(self, parts: Parts, bound: socket.socket) -> None:
        self._parts = parts
        self._socket = bound
        self._ending: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.up = threading.Event()
        """Set when requests are answered (or never will be: then `run` has ended)."""

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self, said: Callable[[str], None] = lambda _: None, *, signals: bool = False) -> bool:
        """Serve until told to end; whether the scheduler finished what it had in hand. `said` gets the address once.

        Raises `StoreUnavailable` when the scheduler can't start.
        """
        try:
            config = self._config()
            with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
                return runner.run(self._main(config, said, signals=signals))
        finally:
            self._socket.close()
            self._parts.store.close()
            self.up.set()

    def stop(self) -> None:
        """End in good order; from any thread."""
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def _main(self, config: uvicorn.Config, said: Callable[[str], None], *, signals: bool) -> bool:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        parts = self._parts
        await asyncio.to_thread(parts.scheduler.start)
        gc.set_threshold(*GARBAGE)
        gc.freeze()  # what is there now stays; looking through it again and again only makes requests wait
        with _on_signals(self._loop, self._ending if signals else None):
            server = _QuietServer(config)
            serving = asyncio.create_task(server.serve(sockets=[self._socket]))
            ending = asyncio.create_task(self._ending.wait())
            event("started", address=self.url)
            said(self.url)  # the socket listens already: whoever connects now is answered in a moment
            self.up.set()
            await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
            event("stopping")
            server.should_exit = True
            finished, _ = await asyncio.gather(asyncio.to_thread(parts.scheduler.stop, GRACE), serving)
            ending.cancel()
            event("stopped", finished=finished)
            return finished

    def application(self) -> Application:
        """What answers requests."""
        parts = self._parts
        desk = Desk(parts.metrics, parts.limits, parts.clock, parts.own_ids, parts.scheduler.wake)
        receiver = Receiver(parts.store, parts.secrets, desk) if parts.secrets else None
        watched = Watched(parts.store, parts.scheduler, parts.metrics)
        health = Health(watched, parts.reconcile_seconds, parts.limits, parts.clock)
        return App(receiver, health, parts.metrics)

    def _config(self) -> uvicorn.Config:
        parts = self._parts
        return uvicorn.Config(
            self.application(),
            http=guarded(parts.limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=ceil(parts.limits.receive),
        )


class _QuietServer(uvicorn.Server):
    """uvicorn without its own way with signals, which ends the process by the signal instead of with 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _on_signals(loop: asyncio.AbstractEventLoop, ending: asyncio.Event | None) -> Iterator[None]:
    """The first SIGTERM or SIGINT sets `ending`, the second ends the process; None: signals are somebody else's."""
    if ending is None:
        yield
        return

    def told() -> None:
        if ending.is_set():
            os._exit(KILLED_TWICE)
        ending.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told)
    try:
        yield
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
