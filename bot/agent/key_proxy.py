"""The model's key stays here: a loopback proxy that adds it to the agent's requests and counts what they cost.

Owns everything between the agent and the Messages API. The agent knows only a random key, worth nothing outside
this machine and this run. Two calls of the API pass; no other host can be reached through it, no redirect is
followed, and nothing is logged.
"""

import asyncio
import contextlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import ClientConnectorError, ClientError, ClientResponse, web

from bot.agent.loopback import Door, serve_door
from bot.agent.meter import Meter, Reservation
from bot.agent.sieve import Sieve

OFFICIAL = "https://api.anthropic.com"

OAUTH_BETA = "oauth-2025-04-20"
"""The API takes a Claude Code OAuth token only together with this beta flag."""

LARGEST = 33 << 20
"""Bytes of a request; the API's own limit is 32 MB."""

PASSED_ON = frozenset({"accept", "content-type", "anthropic-version", "anthropic-beta", "user-agent", "x-app"})
"""Request headers that reach the API (and every `x-stainless-…`); credentials of any kind are not among them."""

PASSED_BACK = frozenset({"content-type", "request-id", "retry-after", "x-should-retry"})
"""Response headers that reach the agent (and every `anthropic-ratelimit-…`)."""

DEARER = ("speed", "inference_geo")
"""Fields of a request that would make it dearer than the list price we count with: taken out."""

ELSEWHERE = ("mcp_servers", "container")
"""Fields of a request by which the API itself acts: on other servers, in containers of the key's owner. Taken out."""

OWN_TOOLS = re.compile(r"(custom|(bash|text_editor|memory|computer|tool_search_tool)_\w+)")
"""Types of tools that run where the agent does. Those of the API (search, fetch, code) cost by use, before anybody can
count, and reach where this machine does not: they are taken out.
"""

AT_ONCE = 16
"""Requests that are held in memory; more wait. The CLI has one or two under way."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The real key."""

    kind: Literal["api-key", "oauth"]
    secret: str = field(repr=False)

    def headers(self, beta: str) -> dict[str, str]:
        """What authenticates a request whose `anthropic-beta` is `beta`."""
        if self.kind == "api-key":
            return {"x-api-key": self.secret}
        flags = [flag for flag in beta.split(",") if flag and flag != OAUTH_BETA]
        return {"authorization": f"Bearer {self.secret}", "anthropic-beta": ",".join([*flags, OAUTH_BETA])}


@dataclass(frozen=True, slots=True)
class KeyProxy:
    """A running proxy."""

    url: str
    """`http://127.0.0.1:PORT`, the agent's ANTHROPIC_BASE_URL."""
    key: str
    """The agent's ANTHROPIC_API_KEY: random, of this run."""
    meter: Meter

    @property
    def spent_usd(self) -> float:
        """US dollars at list price, over all spawns of the agent so far."""
        return self.meter.spent_usd

    @property
    def requests(self) -> int:
        """Requests that were let through."""
        return self.meter.requests

    @property
    def refused(self) -> int:
        """Requests that were answered `budget used up`."""
        return self.meter.refused


@contextlib.contextmanager
def serve_key_proxy(
    credential: Credential,
    *,
    budget_usd: float,
    upstream: str = "",
    models: frozenset[str] = frozenset(),
    uid: int | None = None,
) -> Iterator[KeyProxy]:
    """Serve a proxy on an ephemeral port of 127.0.0.1, in a thread of its own, until the end of the `with`.

    `upstream`: ANTHROPIC_BASE_URL, empty for the official host. `models`: ids that may be asked for; empty: any. `uid`: whose
    processes may ask; None: everybody's.
    """
    meter = Meter(budget_usd)
    door = _Door(credential, (upstream or OFFICIAL).rstrip("/"), models, meter, uid)
    with serve_door(door, "key-proxy") as url:
        yield KeyProxy(url, door.key, meter)


class _Door(Door):
    """Checks, forwards, counts. Lives in the proxy's own event loop."""

    def __init__(
        self, credential: Credential, upstream: str, models: frozenset[str], meter: Meter, uid: int | None
    ) -> None:
        self.key = f"sk-ai-ready-{secrets.token_hex(24)}"
        self._credential, self._upstream, self._models, self._meter = credential, upstream, models, meter
        self._places = asyncio.Semaphore(AT_ONCE)
        super().__init__(LARGEST, uid)

    def routes(self) -> Sequence[web.RouteDef]:
        """Two calls of the API."""
        return (
            web.post("/v1/messages", self._messages),
            web.post("/v1/messages/count_tokens", self._count_tokens),
            web.route("*", "/{rest:.*}", self._elsewhere),
        )

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        return _problem(
            404, "not_found_error", f"ai-ready lets only the Messages API through, not {request.path[:200]}"
        )

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._stranger(request)) is not None:
            return refusal
        try:
            async with self._places, self._ask(request, await request.read()) as answer:
                return web.Response(status=_status(answer), body=await self._read(answer), headers=_back(answer))
        except (ClientError, TimeoutError) as error:
            return _unreachable(error)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._stranger(request)) is not None:
            return refusal
        async with self._places:
            return await self._priced(request)

    async def _priced(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on for which there is money."""
        data = await request.read()
        asked = _parsed(data)
        if asked is None:
            return _problem(400, "invalid_request_error", "The body is not a Messages API request.")
        model = str(asked.get("model", ""))
        if self._models and model not in self._models:
            return _problem(403, "permission_error", f"This run may not use the model {model[:100]}.")
        reserved = self._meter.reserve(
            model, max_tokens=_tokens(asked.get("max_tokens")), size=len(data), whole=not _refers(asked)
        )
        if reserved is None:
            spent, budget = self._meter.spent_usd, self._meter.budget_usd
            return _problem(400, "invalid_request_error", f"The budget is used up: ${spent:.2f} of ${budget:.2f}.")
        body = json.dumps(_within(asked, reserved.max_tokens)).encode()
        del asked  # parsed, it may be many times as large
        return await self._forward(request, body, reserved)

    async def _forward(self, request: web.Request, body: bytes, reserved: Reservation) -> web.StreamResponse:
        """Pass one answer through, and settle its reservation whatever happens."""
        usage, started = _Usage(), time.monotonic()
        answered, free = False, False
        try:
            async with self._ask(request, body) as answer:
                answered = answer.status == 200
                if not answered:
                    free = True
                    return web.Response(status=_status(answer), body=await self._read(answer), headers=_back(answer))
                if answer.content_type == "application/json":
                    whole = await self._read(answer)
                    usage.take(whole)
                    return web.Response(status=200, body=whole, headers=_back(answer))
                response = web.StreamResponse(status=200, headers=_back(answer))
                await response.prepare(request)
                sieve = Sieve(self._credential.secret)
                async for piece in answer.content.iter_any():
                    usage.feed(piece)
                    await response.write(sieve(piece))
                await response.write_eof(sieve.rest())
                return response
        except (ClientError, TimeoutError) as error:
            free = isinstance(error, ClientConnectorError)
            if not answered:
                return _unreachable(error)
            raise ConnectionResetError from None  # half an answer: the agent must see it break, and ask again
        finally:
            self._settle(reserved, usage, free=free, seconds=time.monotonic() - started)

    async def _read(self, answer: ClientResponse) -> bytes:
        """A whole answer, less our key: a gateway may say which one it refused."""
        return Sieve(self._credential.secret).whole(await answer.read())

    def _settle(self, reserved: Reservation, usage: "_Usage", *, free: bool, seconds: float) -> None:
        """`free`: the API refused it or never had it. An answer nobody waited for may have been written all the same."""
        if free:
            self._meter.settle(reserved, {})
        elif usage.complete:
            self._meter.settle(reserved, usage.seen)
        else:
            self._meter.settle_unseen(reserved, usage.seen, seconds=seconds)

    def _stranger(self, request: web.Request) -> web.Response | None:
        """The refusal for a request that does not carry this run's key."""
        shown = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self.key.encode()):
            return None
        return _problem(401, "authentication_error", "This is not the key of this run.")

    def _ask(self, request: web.Request, body: bytes) -> Any:
        headers = {
            name.lower(): value
            for name, value in request.headers.items()
            if name.lower() in PASSED_ON or name.lower().startswith("x-stainless-")
        }
        headers |= self._credential.headers(headers.get("anthropic-beta", ""))
        headers["accept-encoding"] = "identity"  # we read the usage in the stream
        query = f"?{request.query_string}" if request.query_string else ""
        url = f"{self._upstream}{request.path}{query}"
        return self._session.post(url, data=body, headers=headers, allow_redirects=False)


class _Usage:
    """Reads the usage out of an answer as it passes: server-sent events, or one JSON object."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.complete = False
        self._line = bytearray()

    def feed(self, piece: bytes) -> None:
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._line += part
            self.take(bytes(self._line))
            self._line.clear()
        self._line += rest

    def take(self, line: bytes) -> None:
        if b'"usage"' not in line:
            return
        event = _parsed(line.removeprefix(b"data:").strip()) or {}
        if event.get("type") == "message_start":
            self._merge(event.get("message"))
        elif event.get("type") in {"message_delta", "message"}:
            self._merge(event)
            self.complete = True

    def _merge(self, holder: object) -> None:
        if isinstance(holder, dict) and isinstance(holder.get("usage"), dict):
            self.seen |= {name: value for name, value in holder["usage"].items() if value is not None}
            if holder.get("model"):
                self.seen["model"] = holder["model"]


def _within(asked: dict[str, Any], max_tokens: int) -> dict[str, Any]:
    """The request, with no more output than `max_tokens` and nothing that would cost more than the list price."""
    kept = {name: value for name, value in asked.items() if name not in {*DEARER, *ELSEWHERE}}
    kept["max_tokens"] = max_tokens
    if "tools" in kept:
        kept["tools"] = _own_tools(kept["tools"])
    thinking = asked.get("thinking")
    if isinstance(thinking, dict) and _tokens(thinking.get("budget_tokens")) >= max_tokens:
        # The API wants 1024 <= budget_tokens < max_tokens.
        kept["thinking"] = {**thinking, "budget_tokens": max_tokens - 1} if max_tokens > 1024 else {"type": "disabled"}
    return kept


def _own_tools(tools: object) -> list[Any]:
    """Those whose use ends on this machine."""
    given = tools if isinstance(tools, list) else []
    return [each for each in given if isinstance(each, dict) and OWN_TOOLS.fullmatch(str(each.get("type") or "custom"))]


def _refers(asked: dict[str, Any]) -> bool:
    """Whether it names documents or images that the API is to get elsewhere: its size says nothing of theirs."""
    text = json.dumps(asked.get("messages"))
    return '"type": "url"' in text or '"type": "file"' in text


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _tokens(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _status(answer: ClientResponse) -> int:
    """The status as we pass it on; a redirect, which nobody may follow, is a bad gateway."""
    return 502 if 300 <= answer.status < 400 else answer.status


def _back(answer: ClientResponse) -> dict[str, str]:
    headers = {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower() in PASSED_BACK or name.lower().startswith("anthropic-ratelimit-")
    }
    if answer.status in {401, 403}:
        headers["x-should-retry"] = "false"  # the CLI would try a wrong key for minutes
    return headers


def _problem(status: int, kind: str, message: str) -> web.Response:
    """An error in the API's own shape (https://docs.claude.com/en/api/errors)."""
    body: Mapping[str, object] = {"type": "error", "error": {"type": kind, "message": message}}
    return web.json_response(body, status=status, headers={"x-should-retry": "false"})


def _unreachable(error: Exception) -> web.Response:
    """No answer: the CLI tries again after a 502, within its own number of retries."""
    body = {
        "type": "error",
        "error": {"type": "api_error", "message": f"No answer from the API: {type(error).__name__}"},
    }
    return web.json_response(body, status=502)
