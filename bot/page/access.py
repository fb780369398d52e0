"""Who may look. Deciding is pure; `Gate` asks before anything else of the page sees a request.

Without a password and without a sign-in proxy the page is for whoever sits at this machine: then it answers to the names
of this machine alone, or any web site could read it through its visitor's browser (DNS rebinding). With a password, who
sends it may look (HTTP Basic: no cookie, so nothing to fix, steal or forge a request with). With a sign-in proxy, who
comes from the proxy, under a name that the proxy serves, with the header that the proxy sets, may look.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from bot.core.secret import Secret

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Network = IPv4Network | IPv6Network

THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")

HEADERS: Final = (
    (
        b"content-security-policy",
        b"; ".join(
            (
                *(b"default-src 'none'", b"script-src 'self'", b"style-src 'self'", b"img-src 'self'"),
                *(b"connect-src 'self'", b"base-uri 'none'", b"form-action 'self'", b"frame-ancestors 'none'"),
            )
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Of every answer."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may look. As it is: whoever sits at this machine."""

    password: Secret = Secret("")
    header: str = ""
    """What the operator's sign-in proxy sets for whom it let in, lower case; empty: there is no such proxy."""
    proxies: tuple[Network, ...] = LOOPBACK
    """Where that proxy is."""
    hosts: frozenset[str] = frozenset()
    """The names under which it serves the page, lower case."""


class Answer(Enum):
    """To somebody who wants to look."""

    YES = "yes"
    WHO = "who"
    """401: say who you are."""
    NOT_HERE = "not here"
    """421: the page is not known by that name."""


def answer(access: Access, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> Answer:
    """Whether a request from `peer` with these headers may see the page. Total: odd headers are a no."""
    if access.password and _knows(access.password, _only(headers, b"authorization")):
        return Answer.YES
    host = host_name(_only(headers, b"host"))
    if access.header:
        known = host in access.hosts and _from(peer, access.proxies)
        return Answer.YES if known and _only(headers, access.header.encode()).strip() else Answer.WHO
    if access.password:
        return Answer.WHO
    return Answer.YES if host in THIS_MACHINE else Answer.NOT_HERE


def host_name(header: bytes) -> str:
    """The name in a Host header, lower case, without its port; empty: it is none."""
    match = _HOST.fullmatch(header.decode("latin-1"))
    return (match["six"] or match["name"]).lower() if match else ""


def _only(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The value of a header that is there once; of one that is there twice, nobody knows who set which."""
    found = [value for key, value in headers if key.lower() == name]
    return found[0] if len(found) == 1 else b""


def _knows(password: Secret, header: bytes) -> bool:
    scheme, _, given = header.partition(b" ")
    try:
        _, _, said = base64.b64decode(given.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        said = b""
    same = hmac.compare_digest(said, password.reveal().encode())
    return same and scheme.lower() == b"basic"


def _from(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


class Gate:
    """Asks `answer` first, whatever is asked for; and puts `HEADERS` on every answer."""

    def __init__(self, inner: Application, access: Access) -> None:
        self._inner = inner
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        peer = scope.get("client")
        match answer(self._access, peer[0] if peer else "", scope["headers"]):
            case Answer.YES:
                await self._inner(scope, receive, _with_headers(send))
            case Answer.WHO:
                challenge = [(b"www-authenticate", b'Basic realm="ai-ready", charset="UTF-8"')]
                asks = challenge if self._access.password else []
                await _refuse(send, 401, b"Say who you are.\n", asks)
            case Answer.NOT_HERE:
                await _refuse(
                    send, 421, b"Without a password the page answers to the names of this machine only.\n", []
                )


async def _refuse(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    told = [*HEADERS, (b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return sending
