"""The page's own listener: its own socket, thread and event loop, so that nobody who looks is in the way of the work."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn

from bot.connections import guarded
from bot.page.access import Access
from bot.page.app import page_app
from bot.page.live import Live
from bot.page.shown import Source

KEEP_ALIVE: Final = 15
GRACE: Final = 3
"""Seconds for what is being answered when it ends."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What whoever reaches the page may cost the process, which has webhooks to take: with theirs they are below the 1,024
    files that many systems allow. `bot.connections.Bounds`; tests shorten them.
    """

    receive: float = 10.0
    head: int = 32_768
    body: int = 4_096
    """Nobody has anything to send."""
    connections: int = 400
    streams: int = 300
    """Pages that are kept up to date; others can still be read."""


_LOG = logging.getLogger("ai_ready.page")


class Listener:
    """Serves the page on a bound socket from `start` to `stop`."""

    def __init__(self, source: Source, access: Access, bound: socket.socket, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._socket = bound
        self._live = Live(source.version, most=limits.streams)
        config = uvicorn.Config(
            page_app(source, access, self._live),
            http=guarded(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _QuietServer(config)
        self._config = config
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Answer from now on; the socket listens already."""
        self._thread.start()

    def stop(self) -> None:
        """End the streams of open pages and whatever is being answered."""
        self._up.wait(GRACE)
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(2 * GRACE)
        self._socket.close()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
                runner.run(self._main())
        except Exception:  # noqa: BLE001 (the door of a thread: the work goes on without its page, and the log says so)
            _LOG.critical("page_failed", exc_info=True)
        finally:
            self._up.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._up.set()
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        await self._live.close()
        self._server.should_exit = True
        await serving
        ending.cancel()


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
