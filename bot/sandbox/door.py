"""The one door of the sandbox, as ASGI: who asks, which faults apply, the answer's headers, the request log.

Rooms behind it: REST (`/api/v3`), GraphQL (`/api/graphql`), git (`/owner/name.git/…`), faults and downloads for other
processes (`/_sandbox`), and pages for people (everything else).
"""

import asyncio
import hashlib
import itertools
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.errors import Refused
from bot.sandbox.faults import Fault
from bot.sandbox.requests import Request
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Abort = Callable[[Scope], None]
"""Closes the connection of a request at once."""

_BY_ID = re.compile(r"/api/v3/repositories/(\d+)(?=/|$)")
DOCS = "https://docs.github.com/rest"


@dataclass(slots=True)
class Answer:
    """An answer, collected before it is sent."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """ASGI's `send`, into this object."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")

    async def pass_on(self, send: Send) -> None:
        """Really send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def header(self, name: str, value: str) -> None:
        """Add one."""
        self.headers.append((name.lower().encode(), value.encode("latin-1", "replace")))

    @classmethod
    def of(cls, status: int, body: Any) -> "Answer":
        """A JSON answer."""
        raw = json.dumps(body).encode()
        kind = (b"content-type", b"application/json; charset=utf-8")
        return cls(status, [kind, (b"content-length", str(len(raw)).encode())], raw)


class Door:
    """See the module."""

    def __init__(self, hub: "Hub", rooms: dict[str, Asgi], abort: Abort) -> None:
        self._hub = hub
        self._rooms = rooms
        self._abort = abort
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        kind = room_of(scope["path"])
        scope["sandbox.hub"] = self._hub
        if kind in ("page", "control"):
            await self._rooms[kind](scope, receive, send)
            return
        started = time.monotonic()
        token, answer = await self._answered(kind, scope, receive)
        self._log(kind, scope, token, answer, time.monotonic() - started)
        if answer is None:
            self._abort(scope)
            await _gone(receive)
            return
        await answer.pass_on(send)

    async def _answered(self, kind: str, scope: Scope, receive: Receive) -> tuple[Token, Answer | None]:
        """Who asked and what they get; None: the connection is dropped."""
        nobody = self._hub.tokens.anonymous()
        try:
            token = self._hub.tokens.authenticate(_header(scope, b"authorization"))
        except Refused as refusal:
            return nobody, refused(refusal)
        if kind != "git":
            receive = await _buffered(scope, receive)
        faults = self._hub.faults.take(_words(scope))
        await asyncio.sleep(sum(one.seconds for one in faults if one.mode == "delay"))
        fault = next((one for one in faults if one.mode != "delay"), None)
        if fault is not None and fault.mode == "drop":
            return token, None
        if fault is not None and not fault.mode.endswith("-after"):
            return token, self._failing(fault)
        scope["sandbox.token"] = token
        scope["path"] = self._by_name(scope["path"])
        answer = Answer()
        await self._rooms[kind](scope, receive, answer.take)
        if fault is not None:
            return token, None if fault.mode == "drop-after" else Answer.of(502, {"message": "Server Error"})
        if kind != "git":
            self._dress(scope, token, answer)
        return token, answer

    def _by_name(self, path: str) -> str:
        """`/repositories/{id}/…`, where old names lead to, as `/repos/{owner}/{name}/…`."""
        found = _BY_ID.match(path)
        repo = self._hub.repositories.get(int(found[1])) if found else None
        return f"/api/v3/repos/{repo.full_name}{path[found.end() :]}" if found and repo else path

    def _failing(self, fault: Fault) -> Answer:
        """What a fault answers without doing anything."""
        words = {"primary-limit": "API rate limit exceeded for installation."}
        words["secondary-limit"] = (
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        )
        answer = Answer.of(fault.status, {"message": words.get(fault.mode, "Server Error"), "documentation_url": DOCS})
        if fault.mode == "primary-limit":
            answer.header("X-RateLimit-Limit", "1000")
            answer.header("X-RateLimit-Remaining", "0")
            answer.header("X-RateLimit-Reset", str(int(self._hub.now().timestamp() + fault.seconds)))
        if fault.retry_after is not None:
            answer.header("Retry-After", str(fault.retry_after))
        return answer

    def _dress(self, scope: Scope, token: Token, answer: Answer) -> None:
        """Headers of every API answer; 304 where the client has it already."""
        for name, value in self._hub.rates.spend(token).items():
            answer.header(name, value)
        answer.header("X-GitHub-Media-Type", "github.v3; format=json")
        answer.header("X-GitHub-Request-Id", f"SAND:{next(self._count):X}")
        if scope["method"] != "GET" or answer.status != 200:
            return
        tag = f'W/"{hashlib.sha256(answer.body).hexdigest()}"'
        answer.header("ETag", tag)
        if _header(scope, b"if-none-match") == tag:
            answer.status, answer.body = 304, b""
            answer.headers = [pair for pair in answer.headers if not pair[0].startswith(b"content-")]

    def _log(self, kind: str, scope: Scope, token: Token, answer: Answer | None, seconds: float) -> None:
        query = scope["query_string"].decode("latin-1")
        path = scope["path"] + (f"?{query}" if query else "")
        status = 0 if answer is None else answer.status
        who = (token.kind, token.user.login, token.job)
        self._hub.requests.add(Request(kind, scope["method"], path, status, *who, seconds))


def room_of(path: str) -> str:
    """Which room answers a path."""
    if path == "/api/graphql":
        return "graphql"
    if path.startswith("/api/v3"):
        return "rest"
    if path.startswith("/_sandbox/"):
        return "control"
    if path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack")):
        return "git"
    return "page"


def refused(refusal: Refused) -> Answer:
    """A refusal as REST says it."""
    if refusal.status == 301:
        answer = Answer.of(301, {"message": "Moved Permanently", "url": refusal.message, "documentation_url": DOCS})
        answer.header("Location", refusal.message)
        return answer
    body: dict[str, Any] = {"message": refusal.message, "documentation_url": DOCS, "status": str(refusal.status)}
    return Answer.of(refusal.status, body | ({"errors": refusal.errors} if refusal.errors else {}))


async def _buffered(scope: Scope, receive: Receive) -> Receive:
    """Read the whole body now (faults look at it); what is returned gives it out again."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    scope["sandbox.body"] = body
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _words(scope: Scope) -> str:
    """What fault patterns are searched in."""
    query = scope["query_string"].decode("latin-1")
    words = f"{scope['method']} {scope['path']}" + (f"?{query}" if query else "")
    if scope["path"] == "/api/graphql":
        words += f" {scope.get('sandbox.body', b'').decode(errors='replace')}"
    return words


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass
