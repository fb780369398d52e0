"""Linear's MCP server for the agent, without Linear's key and without what it could do with it: a loopback proxy.

The agent knows an address on this machine and a random key of this run. What it asks for passes when it only reads: of
the calls of tools those whose names say so. What it reads can still go into the branch that it writes, which is why
nobody gets this who did not ask for it (`local.linear_mcp`).
"""

import contextlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError, web

from bot.agent.loopback import Door, serve_door
from bot.agent.sieve import Sieve

LINEAR: Final = "https://mcp.linear.app/mcp"
"""https://linear.app/docs/mcp"""

LARGEST = 4 << 20
"""Bytes of a request."""

READS = re.compile(r"(?:get|list|search|fetch)_[a-z0-9_]{1,80}")
"""Names of tools that change nothing: Linear's others are `create_…`, `update_…`, `save_…`, `delete_…`."""

CALL: Final = "tools/call"

PASSED_ON = frozenset({"accept", "content-type", "mcp-session-id", "mcp-protocol-version", "last-event-id"})
PASSED_BACK = frozenset({"content-type", "mcp-session-id", "mcp-protocol-version", "retry-after"})
"""https://modelcontextprotocol.io/specification/2025-06-18/basic/transports"""

REFUSED = -32602
"""JSON-RPC's "invalid params"."""


@dataclass(frozen=True, slots=True)
class McpDoor:
    """A running proxy."""

    url: str
    key: str
    """Opens it, for this run."""


@contextlib.contextmanager
def serve_mcp_proxy(linear_key: str, *, upstream: str = LINEAR, uid: int | None = None) -> Iterator[McpDoor]:
    """Serve a proxy on an ephemeral port of 127.0.0.1, in a thread of its own, until the end of the `with`.

    `uid`: whose processes may ask; None: everybody's.
    """
    door = _Door(linear_key, upstream, uid)
    with serve_door(door, "mcp-proxy") as url:
        yield McpDoor(f"{url}/mcp", door.key)


def refused_calls(body: bytes) -> list[Any] | None:
    """The ids of calls in a message (or several) that may not pass; None: it is no JSON-RPC at all."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    messages = said if isinstance(said, list) else [said]
    if not all(isinstance(message, dict) for message in messages):
        return None
    return [message.get("id") for message in messages if message.get("method") == CALL and not _reads(message)]


def _reads(message: dict[str, Any]) -> bool:
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return isinstance(name, str) and READS.fullmatch(name) is not None


class _Door(Door):
    """Checks and forwards. Lives in the proxy's own event loop."""

    def __init__(self, linear_key: str, upstream: str, uid: int | None) -> None:
        self.key = f"ai-ready-{secrets.token_hex(24)}"
        self._linear_key, self._upstream = linear_key, upstream
        super().__init__(LARGEST, uid)

    def routes(self) -> Sequence[web.RouteDef]:
        """One address, as the protocol has it."""
        return tuple(web.route(method, "/mcp", self._pass) for method in ("GET", "POST", "DELETE"))

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self.key.encode()):
            return web.Response(status=403, text="This is not the key of this run.")
        body = await request.read()
        if request.method == "POST":
            refused = refused_calls(body)
            if refused is None:
                return web.Response(status=400, text="This is no JSON-RPC.")
            if refused:
                return web.json_response(_refusal(refused[0]))
        try:
            return await self._forward(request, body)
        except (ClientError, TimeoutError) as error:
            return web.Response(status=502, text=f"No answer from Linear: {type(error).__name__}")

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() in PASSED_ON}
        headers |= {"authorization": f"Bearer {self._linear_key}", "accept-encoding": "identity"}
        asking = self._session.request(
            request.method, self._upstream, data=body or None, headers=headers, allow_redirects=False
        )
        async with asking as answer:
            back = {name: value for name, value in answer.headers.items() if name.lower() in PASSED_BACK}
            response = web.StreamResponse(status=502 if 300 <= answer.status < 400 else answer.status, headers=back)
            await response.prepare(request)
            sieve = Sieve(self._linear_key)
            async for piece in answer.content.iter_any():
                await response.write(sieve(piece))
            await response.write_eof(sieve.rest())
            return response


def _refusal(ident: Any) -> dict[str, Any]:
    message = "Only tools that read may be used here; the runner itself keeps the task up to date."
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": REFUSED, "message": message}}
