"""The manifest flow on a page of this machine: one button there, one on GitHub, and the App's credentials are here.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#implementing-the-github-app-manifest-flow
"""

import asyncio
import hmac
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.core.model import Json
from bot.errors import AiReadyError, UsageError
from bot.github.courier import Wire
from bot.github.exchange import Request
from bot.server.setup.manifest import NewApp, converted, manifest
from bot.server.setup.page import done_page, headers, refused_page, start_page

PATIENCE: Final = 3600.0
"""Seconds. GitHub's code is good for an hour, too."""

_USED = "This address belongs to no setup that is under way here: begin again at the address in the terminal."


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made."""

    name: str
    public_url: str
    """Empty: no webhook."""
    organization: str
    """Whose App it is; empty: the person's."""
    server_url: str
    homepage: str
    keep: Callable[[NewApp], str]
    """Keeps the credentials; where, in words for the page. Raises `AiReadyError`."""


@dataclass(slots=True)
class Flow:
    """One setup under way: its state is good for one answer."""

    order: Order
    wire: Wire
    """Needs no token: the code is the right to ask."""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    kept: str = ""
    app: NewApp | None = None
    failure: AiReadyError | None = None
    server: uvicorn.Server | None = field(default=None, repr=False)

    def start(self, request: Asked) -> Response:
        """`GET /`: the button."""
        return self._page(
            start_page(f"{self._new_app_url()}?{urlencode({'state': self.state})}", self._manifest(request))
        )

    async def created(self, request: Asked) -> Response:
        """`GET /created?code=…&state=…`: GitHub sends the person back."""
        state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
        known = self.state and hmac.compare_digest(state.encode(), self.state.encode())
        if not known or not code.isascii() or not code.isalnum():
            return self._page(refused_page(_USED), 400)
        self.state = ""
        try:
            self.app = await run_in_threadpool(self._exchange, code)
        except AiReadyError as error:
            self.failure = error
            shown = self._page(refused_page(str(error)), 502)
            shown.background = BackgroundTask(self.stop)
            return shown
        return RedirectResponse("/done", 303, headers(self.order.server_url))

    def done(self, _request: Asked) -> Response:
        """`GET /done`: the App is there; after this page the server is not needed any more."""
        if self.app is None:
            return self._page(refused_page(_USED), 400)
        shown = self._page(done_page(self.app, self.kept))
        shown.background = BackgroundTask(self.stop)
        return shown

    def stop(self) -> None:
        """End the page's server."""
        if self.server is not None:
            self.server.should_exit = True

    def _exchange(self, code: str) -> NewApp:
        answer = self.wire.send(Request("POST", f"/app-manifests/{quote(code, safe='')}/conversions"))
        if not answer.ok:
            raise answer.error("hand over the new App's credentials")
        app = converted(answer.body)
        self.kept = self.order.keep(app)
        return app

    def _manifest(self, request: Asked) -> Json:
        back = str(request.base_url).rstrip("/") + "/created"
        return manifest(self.order.name, self.order.public_url, back, self.order.homepage)

    def _new_app_url(self) -> str:
        """https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#examples."""
        owner = f"/organizations/{quote(self.order.organization)}" if self.order.organization else ""
        return f"{self.order.server_url}{owner}/settings/apps/new"

    def _page(self, text: str, status: int = 200) -> Response:
        return HTMLResponse(text, status, headers(self.order.server_url))


def run_flow(flow: Flow, listener: socket.socket, opens: Callable[[str], object] | None) -> NewApp:
    """Serve the page until the App is there. `opens` is handed the page's address.

    Raises:
        AiReadyError: GitHub did not hand the App over, its credentials could not be kept, or nobody came back.
    """
    app = Starlette(
        routes=[Route("/", flow.start), Route("/created", flow.created), Route("/done", flow.done)],
        # Another site's page can't be this one by pointing its name at 127.0.0.1.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )
    config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False, server_header=False)
    flow.server = uvicorn.Server(config)
    asyncio.run(_serve(flow.server, listener, opens))
    if flow.failure is not None:
        raise flow.failure
    if flow.app is None:
        raise UsageError("Nobody came back from GitHub within an hour; run `ai-ready setup` again.")
    return flow.app


def open_page(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0: any free one. Raises `UsageError`."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # `create_server` adds the address to its own
        raise UsageError(f"Port {port} of 127.0.0.1 can't be used: {why}; give another --port.") from error


def address(listener: socket.socket) -> str:
    """The page's address."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


async def _serve(server: uvicorn.Server, listener: socket.socket, opens: Callable[[str], object] | None) -> None:
    # In a thread, for a browser without a window comes back only when it is closed.
    opening = asyncio.create_task(asyncio.to_thread(opens, address(listener))) if opens else None
    try:
        async with asyncio.timeout(PATIENCE):
            await server.serve(sockets=[listener])
    except TimeoutError:
        pass
    if opening is not None:
        await opening
