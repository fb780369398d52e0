"""A door on loopback: serves HTTP to the agent on 127.0.0.1, in a thread of its own, and asks elsewhere on its behalf.

Owns how such a proxy begins and ends. What it lets through is the business of whoever derives from `Door`.
"""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.typedefs import Handler

from bot.agent.peers import uid_behind


class Door(ABC):
    """Lives in an event loop of its own."""

    def __init__(self, largest: int, uid: int | None = None) -> None:
        """`largest`: bytes of a request. `uid`: whose processes alone may ask; None: everybody's of this machine."""
        self._largest, self._uid = largest, uid
        self._closing = contextlib.AsyncExitStack()

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """What may be asked, and who answers."""

    async def open(self) -> int:
        """Start to listen; the port."""
        timeout = ClientTimeout(total=None, sock_connect=30, sock_read=600)
        # trust_env: a self-hosted runner may reach the world only through HTTPS_PROXY.
        session = ClientSession(timeout=timeout, trust_env=True)
        self._session = await self._closing.enter_async_context(session)
        app = web.Application(client_max_size=self._largest, middlewares=[self._let_in])
        app.router.add_routes(self.routes())
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        self._closing.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A run's key can be seen in the list of processes where sudo starts its agent; others can't use it."""
        peer, own = (request.get_extra_info(name) for name in ("peername", "sockname"))
        uid = uid_behind(peer[1], asks=own[1]) if self._uid is not None and peer and own else None
        if uid not in {None, self._uid}:
            return web.Response(
                status=403, text="This is for the agent of one run.", headers={"x-should-retry": "false"}
            )
        return await handler(request)

    async def close(self) -> None:
        """Stop to listen; requests under way are cut."""
        await self._closing.aclose()


@contextlib.contextmanager
def serve_door(door: Door, name: str) -> Iterator[str]:
    """Serve `door` on an ephemeral port until the end of the `with`; its address. `name`: the thread's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(door.open(), loop).result(30)
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(door.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
