"""Who keeps a page open hears when something changed: server-sent events, which carry no content. The page then reads itself anew.

However many pages are open, the source is asked by one task, and only while somebody listens.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final

EVERY: Final = 0.25
"""Seconds between two looks."""
MOST: Final = 300
"""Streams at a time."""
QUIET: Final = 15.0
"""Seconds without news after which a sign of life is sent, so that proxies keep the connection."""

HELLO: Final = b"retry: 2000\n\n"
SIGN_OF_LIFE: Final = b": here\n\n"


class Live:
    """Tells of changes. Lives in one event loop."""

    def __init__(
        self, version: Callable[[str], int], *, most: int = MOST, every: float = EVERY, quiet: float = QUIET
    ) -> None:
        """`version`: see `bot.page.shown.Source`. `most`: streams that there may be."""
        self._most = most
        self._version = version
        self._every = every
        self._quiet = quiet
        self._changed = asyncio.Event()
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def full(self) -> bool:
        """There may be no more streams now."""
        return self._listeners >= self._most

    async def stream(self, project: str, since: int | None = None) -> AsyncGenerator[bytes, None]:
        """Events for one page, until it goes or `close`. `since`: what the page shows; news since then are told at once."""
        self._listeners += 1
        if self._looking is None:
            # The version of now, not of when the task first runs: what changes between the two would be told to nobody.
            self._looking = asyncio.create_task(self._look(self._version("")))
        try:
            seen = self._version(project) if since is None else since
            yield HELLO
            while not self._closed:
                changed = self._changed
                if (now := self._version(project)) != seen:
                    seen = now
                    yield b"event: changed\ndata: %d\n\n" % now
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), self._quiet)
                except TimeoutError:
                    yield SIGN_OF_LIFE
        finally:
            self._listeners -= 1
            if not self._listeners and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def close(self) -> None:
        """End every stream, so that the listener can end."""
        self._closed = True
        self._wake()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self, seen: int) -> None:
        while True:
            await asyncio.sleep(self._every)
            if (now := self._version("")) != seen:
                seen = now
                self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
