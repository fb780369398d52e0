"""What a connection may cost us, whoever is at its other end: time, bytes of headers, bytes in all, a place.

uvicorn has no deadline for a request that never becomes whole (its keep-alive timer ends with the first byte), no limit
on headers with httptools, and answers 503 to everybody when too many connections are open. Here a request is whole
within `Bounds.receive` seconds or its connection goes, as does one that takes nothing of its answer for so long; and of
too many connections the one that has been making us wait longest goes.
"""

import asyncio
from itertools import count
from typing import Any, Protocol

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class Bounds(Protocol):
    """What one listener allows."""

    @property
    def receive(self) -> float:
        """Seconds from a connection's opening, or a further request's first byte, until the request is whole; and for
        which whoever asked may take nothing of the answer.
        """
        ...

    @property
    def head(self) -> int:
        """Bytes of request line and headers."""
        ...

    @property
    def body(self) -> int:
        """Bytes of a request's body."""
        ...

    @property
    def connections(self) -> int:
        """Open ones, idle ones included."""
        ...


_NUMBERS = count()
"""Of connections, in the order of their coming."""


class Guard(HttpToolsProtocol):
    """One connection, on a short lead. Made by `guarded`."""

    limits: Bounds

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self.waiting_since: float | None = None
        """When it began to make us wait for bytes; None: a request is being answered."""
        self._answering: Any = None
        """The one of its requests that is being answered; of several at once uvicorn knows the last one only."""
        self._in_head = True
        self._bytes = 0
        """Of the request that is being received."""
        self._number = next(_NUMBERS)
        self._untaken = 0
        """Bytes of answers that waited for the peer when it was looked at last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock runs from the start: who connects has something to say."""
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        self._arm()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left behind; and what is being answered hears that nobody is there, before it writes to nobody."""
        self._disarm()
        if self._answering is not None:
            self._answering.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; then see what the peer owes us."""
        self._bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._bytes > (self.limits.head if self._in_head else 2 * self.limits.body):
            self._refuse(b"431 Request Header Fields Too Large" if self._in_head else b"413 Content Too Large")
        elif self.waiting_since is not None and self._deadline is None:
            self._arm()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self.waiting_since = self.waiting_since or self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep it, unless it comes after the body: nobody looks at those, and nothing else would bound them."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on it is the body."""
        self._in_head = False
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def on_message_complete(self) -> None:
        """The request is whole: now it is our turn."""
        super().on_message_complete()
        self._in_head = True
        self._bytes = 0
        if self.flow.write_paused:
            return  # the clock goes on until the peer takes what was answered before
        self._disarm()
        self.waiting_since = self.loop.time() if self.cycle.response_complete else None

    def on_response_complete(self) -> None:
        """Answered: the next request, if any, is awaited."""
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        self.waiting_since = self.waiting_since or self.loop.time()

    def pause_writing(self) -> None:
        """The peer does not take our answers: that is waiting, too."""
        super().pause_writing()
        self._untaken = self.transport.get_write_buffer_size()
        self.waiting_since = self.waiting_since or self.loop.time()
        if self._deadline is None:
            self._arm()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._disarm()
        under_way = self.cycle is not None and not self.cycle.response_complete
        self.waiting_since = None if under_way else self.loop.time()
        if not under_way:
            self._arm()

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self.limits.receive, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        left = self.transport.get_write_buffer_size() if self.flow.write_paused else 0
        if 0 < left < self._untaken:  # it takes a large answer slowly
            self._untaken = left
            self._arm()
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        """Say why, where nothing has been said yet, and close; at once where nobody listens."""
        if self.flow.write_paused:
            self.transport.abort()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()

    def _make_room(self) -> None:
        """Let go of the connection that has been making us wait longest; of those that came at one tick, of the older."""
        waiting = [one for one in self.connections if isinstance(one, Guard) and one.waiting_since is not None]
        longest = min(waiting, key=lambda one: (one.waiting_since or 0.0, one._number))  # noqa: SLF001
        longest.transport.abort()


def guarded(limits: Bounds) -> type[Guard]:
    """The class of connections that keep these limits, for uvicorn's `http`."""
    return type("Guarded", (Guard,), {"limits": limits})
