"""Serves a hub on 127.0.0.1: `with serve(hub) as server: … server.api_url`."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.sandbox.control import control_app
from bot.sandbox.door import Answer, Asgi, Door, Receive, Scope, Send, refused
from bot.sandbox.errors import Refused
from bot.sandbox.git_http import GitHttp
from bot.sandbox.pages import pages_app
from bot.sandbox.rest import rest_app

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

STOP_SECONDS = 10.0


@contextmanager
def serve(hub: "Hub", *, port: int = 0) -> Iterator["Hub"]:
    """Serve `hub` (its `url`, `api_url` and `graphql_url` are right inside); stops cleanly at the end.

    `port` 0: any free one. Webhook deliveries run as long as the server does.
    """
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    hub.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    connections: dict[Any, asyncio.Transport] = {}
    rooms: dict[str, Asgi] = {
        "rest": rest_app(),
        "graphql": graphql_room(hub),
        "git": GitHttp(hub),
        "control": control_app(),
        "page": pages_app(),
    }

    def abort(scope: Scope) -> None:
        if (transport := connections.get(scope["client"])) is not None:  # None: the client was quicker
            transport.abort()

    door = Door(hub, rooms, abort)
    config = uvicorn.Config(
        door,
        http=_protocol(connections),
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox-http", daemon=True)
    thread.start()
    hub.webhooks.start()
    try:
        yield hub
    finally:
        hub.webhooks.stop()
        server.should_exit = server.force_exit = True
        thread.join(timeout=STOP_SECONDS)
        listener.close()


def _protocol(connections: dict[Any, asyncio.Transport]) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, remembering connections by the client's address so that a fault can cut one."""

    class Remembering(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self.client, None)
            super().connection_lost(exc)

    return Remembering


def graphql_room(hub: "Hub") -> Asgi:
    """`POST /api/graphql`: 401 without a token; anything else that GraphQL refuses is 200 with errors, as on GitHub."""

    def answered(scope: Scope) -> Answer:
        from bot.sandbox import graphql  # noqa: PLC0415 - it imports the schema, which only GraphQL needs

        if scope["sandbox.token"].kind == "anonymous":
            return refused(Refused(401, "This endpoint requires you to be authenticated."))
        try:
            asked = json.loads(scope["sandbox.body"])
            query, variables = str(asked["query"]), asked.get("variables") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            return refused(Refused(400, "Problems parsing JSON"))
        return Answer.of(200, graphql.execute(hub, scope["sandbox.token"], query, variables))

    async def room(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the door has read the body
        answer = await asyncio.to_thread(answered, scope)
        await answer.pass_on(send)

    return room
