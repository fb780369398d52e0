"""`POST /webhook`: verified, reduced to ids, committed, then answered.

The checks, in this order: 405 method, 413 size, 415 content type, 401 signature, 400 malformed, 503 not stored; else 202.
Plain ASGI: this is the one place where thousands of requests a second may come. It never answers 500: what is signed
and can't be stored, for whatever reason, is a 503, which GitHub counts as failed and the sweep asks for again.
https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from bot.core.secret import Secret
from bot.github.webhook import Hook, MalformedDelivery, event_of, verify
from bot.server.limits import Limits
from bot.server.logs import SAY_EVERY, event
from bot.server.metrics import Metrics
from bot.server.ports import Inbox, Received, StoreUnavailable

if TYPE_CHECKING:
    from concurrent.futures import Future

Message = MutableMapping[str, Any]
Scope = Message
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# ------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One of the few answers there are, ready to be sent."""

    result: str
    """What metrics and log call it."""
    status: int
    head: dict[str, Any]
    body: dict[str, Any]


def _answer(result: str, status: int, words: dict[str, str], *headers: tuple[bytes, bytes]) -> Answer:
    body = json.dumps(words).encode()
    length = (b"content-length", str(len(body)).encode())
    lines = [(b"content-type", b"application/json"), length, *headers]
    return Answer(
        result,
        status,
        {"type": "http.response.start", "status": status, "headers": lines},
        {"type": "http.response.body", "body": body},
    )


def _error(result: str, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> Answer:
    return _answer(result, status, {"error": sentence}, *headers)


_CLOSE = (b"connection", b"close")
STORED = _answer("stored", 202, {"status": "stored"})
DUPLICATE = _answer("duplicate", 202, {"status": "duplicate"})
IGNORED = _answer("ignored", 202, {"status": "ignored"})
PONG = _answer("pong", 202, {"status": "pong"})
METHOD = _error("method", 405, "Webhooks are posted here: use POST.", (b"allow", b"POST"))
TOO_LARGE = _error("too_large", 413, "The body is larger than 25 MB, the most that GitHub sends.", _CLOSE)
FORM = _error(
    "content_type",
    415,
    "Deliveries are read as application/json; choose that content type in the webhook's settings.",
    _CLOSE,
)
CONTENT_TYPE = _error("content_type", 415, "Deliveries are read as application/json in UTF-8.", _CLOSE)
UNSIGNED = _error("unsigned", 401, "X-Hub-Signature-256 does not sign this body with a secret that is known here.")
MALFORMED = _error("malformed", 400, "This is not a delivery of GitHub.")
NOT_STORED = _error(
    "unavailable", 503, "The delivery could not be stored; send it again later.", (b"retry-after", b"30")
)
BUSY = _error("busy", 503, "Too many large bodies at a time; send it again later.", (b"retry-after", b"30"), _CLOSE)
GONE = _answer("hung_up", 0, {})
"""Nobody is left to be answered."""

# ------------------------------------------------------------------------------- checks on headers

_EVENT = re.compile(rb"[a-z][a-z0-9_]{0,63}")
_GUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_JSON = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?', re.IGNORECASE)
_FORM = b"application/x-www-form-urlencoded"


@dataclass(slots=True)
class Headers:
    """Those that count. One that comes twice counts as both with a comma between, which none of them may be."""

    length: bytes = b""
    content_type: bytes = b""
    encoding: bytes = b""
    signature: bytes | None = None
    event: bytes = b""
    guid: bytes = b""


_FIELDS: Final = {
    b"content-length": "length",
    b"content-type": "content_type",
    b"content-encoding": "encoding",
    b"x-hub-signature-256": "signature",
    b"x-github-event": "event",
    b"x-github-delivery": "guid",
}


def headers_of(raw: Sequence[tuple[bytes, bytes]]) -> Headers:
    """What we look at of a request's headers (lower-case names, as ASGI has them)."""
    found = Headers()
    for name, value in raw:
        field = _FIELDS.get(name)
        if field is not None:
            before = getattr(found, field)
            setattr(found, field, before + b"," + value if before else value)
    return found


def refusal(method: str, headers: Headers, limits: Limits) -> Answer | None:
    """The answer to a request whose body need not be read; None: read it."""
    if method != "POST":
        return METHOD
    if headers.length and int(headers.length) > limits.body:  # digits: the HTTP parser sees to it
        return TOO_LARGE
    if headers.content_type.lower().startswith(_FORM):
        return FORM
    if not _JSON.fullmatch(headers.content_type) or headers.encoding.lower() not in (b"", b"identity"):
        return CONTENT_TYPE
    return None


def received(hook: Hook, at: datetime) -> Received:
    """What is kept of a delivery."""
    return Received(
        guid=hook.guid,
        event=hook.event,
        action=hook.action,
        at=at,
        installation_id=hook.installation_id,
        repository_id=hook.repository_id,
        repository=hook.repository,
        issue=hook.issue,
        interesting=hook.interesting,
        run=hook.run,
        wait=hook.wait,
    )


# ---------------------------------------------------------------------------------------- the endpoint


class Receiver:
    """The endpoint, an ASGI application."""

    def __init__(self, inbox: Inbox, secrets: Sequence[Secret], desk: "Desk") -> None:
        self._inbox = inbox
        self._secrets = secrets
        self._desk = desk
        self._large = 0
        self._told: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = perf_counter()
        headers = headers_of(scope["headers"])
        answer, hook = refusal(scope["method"], headers, self._desk.limits), None
        if answer is None:
            answer, hook = await self._read(headers, receive)
        seconds = perf_counter() - begun
        self._desk.metrics.delivery(answer.result, seconds)
        if hook is None:
            self._say_refused(answer, begun, seconds)
        else:
            _say_read(answer, hook, seconds)
        if answer is not GONE:
            await send(answer.head)
            await send(answer.body)

    def _say_refused(self, answer: Answer, now: float, seconds: float) -> None:
        """Once a minute for each kind; the metrics count all of them."""
        seldom = now - self._told.get(answer.result, -math.inf) >= SAY_EVERY
        if seldom:
            self._told[answer.result] = now
        level = logging.INFO if seldom else logging.DEBUG
        event("delivery_refused", level=level, result=answer.result, status=answer.status, seconds=seconds)

    async def _read(self, headers: Headers, receive: Receive) -> tuple[Answer, Hook | None]:
        body = await self._body(receive)
        if isinstance(body, Answer):
            return body, None
        if not verify(body, headers.signature, self._secrets):
            return UNSIGNED, None
        if not _EVENT.fullmatch(headers.event) or not _GUID.fullmatch(headers.guid):
            return MALFORMED, None
        try:
            hook = event_of(headers.event.decode(), headers.guid.decode().lower(), body, self._desk.own_ids())
        except MalformedDelivery:
            return MALFORMED, None
        if hook.event == "ping":
            return PONG, hook
        return await self._store(hook), hook

    async def _body(self, receive: Receive) -> bytes | Answer:
        """The whole body; the peer's time for it is the connection's business (`bot.server.limits`)."""
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:
            return message["body"] if len(message["body"]) <= self._desk.limits.body else TOO_LARGE
        body, large = bytearray(), False
        try:
            while message["type"] == "http.request":
                body += message["body"]
                if len(body) > self._desk.limits.body:
                    return TOO_LARGE
                if len(body) > self._desk.limits.large_body and not large:
                    if self._large >= self._desk.limits.large_bodies:
                        return BUSY
                    self._large, large = self._large + 1, True
                if not message["more_body"]:
                    return bytes(body)
                message = await receive()
            return GONE
        finally:
            self._large -= large

    async def _store(self, hook: Hook) -> Answer:
        try:
            new = await settled(self._inbox.receive(received(hook, self._desk.clock())), self._desk.limits.store)
        except (StoreUnavailable, TimeoutError) as error:
            self._desk.metrics.store_error()
            event("store_unavailable", level=logging.ERROR, delivery=hook.guid, error=str(error) or "no answer in time")
            return NOT_STORED
        except Exception:  # the door: not stored, whatever it was; said, and GitHub is asked for it again
            logging.getLogger("ai_ready.receive").exception("A delivery could not be stored")
            return NOT_STORED
        if hook.interesting and new:
            self._desk.wake()
        return (STORED if hook.interesting else IGNORED) if new else DUPLICATE


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoint has at hand besides the inbox."""

    metrics: Metrics
    limits: Limits
    clock: Callable[[], datetime]
    own_ids: Callable[[], Collection[int]] = tuple
    """User ids whose writes make no work."""
    wake: Callable[[], None] = lambda: None
    """Called when something of interest was stored."""


async def settled(future: "Future[bool]", seconds: float) -> bool:
    """The result of a future of another thread. Raises `TimeoutError`, and leaves the future alone, after `seconds`.

    `asyncio.wait_for` over `wrap_future` would cancel the future under the hands of the thread that has it.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    def late() -> None:
        if not done.done():
            done.set_exception(TimeoutError())

    future.add_done_callback(lambda _: loop.call_soon_threadsafe(settle))
    timer = loop.call_later(seconds, late)
    try:
        await done
    finally:
        timer.cancel()
    return future.result()


def _say_read(answer: Answer, hook: Hook, seconds: float) -> None:
    event(
        "delivery",
        result=answer.result,
        delivery=hook.guid,
        hook=hook.event,
        action=hook.action,
        repository=hook.repository_id,
        full_name=hook.repository,
        issue=hook.issue,
        run=hook.run.run_id if hook.run else 0,
        seconds=seconds,
    )
