"""Deliveries, mostly broken: of a number the same one every time."""

import copy
import hmac
import json
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.corpus import Seed

SECRET: Final = "the-secret-of-the-fuzzer"
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
    10**400,
    "",
    "0",
    "x" * 5_000,
    "\0",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u200b",
    "'; DROP TABLE delivery; --",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"id": {}},
    float("nan"),
    float("inf"),
)
WORDS: Final = ("labeled", "created", "completed", "deleted", "requested", "brand_new", "", "é", "a" * 300)
EVENTS: Final = ("issues", "workflow_run", "installation", "repository", "push", "brand_new_event", "check_run")


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and what we know of it."""

    raw: bytes
    guid: str
    kind: str
    """What was done to it, in a few words: for the table at the end."""
    statuses: frozenset[int]
    """Any other answer is a finding; empty: closing the connection is an answer too."""
    signed: bool


def case(number: int, seed: str, seeds: Sequence[Seed]) -> Case:
    """The delivery of this number."""
    dice = random.Random(f"{seed}:{number}")
    begun = dice.choice(seeds)
    kind, body, statuses = _body(dice, begun)
    event = dice.choice(EVENTS) if dice.random() < 0.1 else begun.event
    if event != begun.event and statuses == {202}:
        statuses = {202, 400}  # one event's body under another one's name: either may be
    headers = {
        "X-GitHub-Event": event.encode(),
        "X-GitHub-Delivery": str(uuid.UUID(int=dice.getrandbits(128))).encode(),
        "Content-Type": b"application/json",
        "X-Hub-Signature-256": _signature(body),
    }
    guid = headers["X-GitHub-Delivery"].decode()
    twist = dice.random()
    if twist < 0.30:
        name, statuses = _unsigned(dice, headers, body)
        return Case(_request(headers, body), guid, f"unsigned: {name}", frozenset(statuses), signed=False)
    if twist < 0.45:
        name, expected = dice.choice(_HEADERS)(dice, headers)
        kind, statuses = f"headers: {name}", expected if expected != {202} else statuses
        return Case(_request(headers, body), guid, kind, frozenset(statuses), signed=expected == {202})
    if twist < 0.48:
        del headers["X-Hub-Signature-256"]  # what is left of the request may still be one
        raw = _garbled(dice, _request(headers, body))
        return Case(raw, guid, "garbled HTTP", frozenset(), signed=False)
    return Case(_request(headers, body), guid, f"body: {kind}", frozenset(statuses), signed=True)


# --------------------------------------------------------------------------------------------- bodies


def _body(dice: random.Random, begun: Seed) -> tuple[str, bytes, set[int]]:
    whole = json.dumps(begun.payload, ensure_ascii=dice.random() < 0.5).encode()
    if dice.random() < 0.25:
        return "as GitHub sends it", whole, {202}
    if dice.random() < 0.6:
        payload = copy.deepcopy(begun.payload)
        for _ in range(dice.choice((1, 1, 2, 5, 20))):
            _bend(dice, payload)
        text = json.dumps(payload, ensure_ascii=dice.random() < 0.7)
        return "another shape", text.encode("utf-8", "surrogatepass"), {202, 400}
    name, change = dice.choice(_BYTES)
    return name, change(dice, whole), {202, 400}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in it."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def _bend(dice: random.Random, payload: dict[str, Any]) -> None:
    """One change, oftener near the root, where what we read is."""
    if not payload:
        return
    places = list(_places(payload))
    near = [(payload, key) for key in payload]
    inner = [(payload[key], deep) for key in payload if isinstance(payload[key], dict) for deep in payload[key]]
    where, key = dice.choice(dice.choice([each for each in (places, near, inner) if each]))
    match dice.randrange(6):
        case 0:
            del where[key]
        case 1 | 2:
            where[key] = copy.deepcopy(dice.choice(ODD))
        case 3:
            other, theirs = dice.choice(places)
            where[key] = copy.deepcopy(other[theirs]) if _there(other, theirs) else None
        case 4:
            payload["action"] = dice.choice(WORDS)
        case _:
            where[key] = {"deeper": where[key]} if dice.random() < 0.5 else [where[key]]


def _there(where: Any, key: Any) -> bool:
    return key in where if isinstance(where, dict) else key < len(where)


Change = Callable[[random.Random, bytes], bytes]


def _cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body))]


def _flip(dice: random.Random, body: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(dice.choice((1, 3, 30))):
        made[dice.randrange(len(made))] ^= 1 << dice.randrange(8)
    return bytes(made)


def _insert(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + dice.randbytes(dice.choice((1, 4, 400))) + body[at:]


def _repeat(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    end = min(len(body), at + dice.choice((1, 50, 2_000)))
    return body[:end] + body[at:end] * dice.choice((1, 2, 30)) + body[end:]


def _twice(dice: random.Random, body: bytes) -> bytes:
    """A key that comes twice."""
    key = dice.choice((b"action", b"repository", b"installation", b"issue"))
    return b'{"%b": null,' % key + body[1:]


def _nest(dice: random.Random, body: bytes) -> bytes:
    depth = dice.choice((100, 2_000, 100_000))
    opened, closed = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    inner = opened * depth + b"1" + closed * depth
    return dice.choice((inner, b'{"x": ' + inner + b"," + body[1:]))


def _digits(dice: random.Random, body: bytes) -> bytes:
    number = dice.choice((b"", b"-")) + b"9" * dice.choice((20, 400, 5_000, 60_000))
    return body.replace(b'"id": ', b'"id": ' + number, dice.choice((1, 3)))


def _words(dice: random.Random, body: bytes) -> bytes:
    return body.replace(b"null", dice.choice((b"NaN", b"Infinity", b"-Infinity", b"nul", b"undefined", b"'x'")))


_BYTES: Final[tuple[tuple[str, Change], ...]] = (
    ("cut short", _cut),
    ("flipped bits", _flip),
    ("bytes put in", _insert),
    ("a part again", _repeat),
    ("a key twice", _twice),
    ("nested deep", _nest),
    ("long numbers", _digits),
    ("words that JSON has not", _words),
    (
        "another encoding",
        lambda dice, body: body.decode().encode(dice.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7"))),
    ),
    ("empty", lambda dice, _: dice.choice((b"", b" ", b"null", b"[]", b"{}", b'""', b"0", b"\0", b"\xff"))),
    ("random bytes", lambda dice, _: dice.randbytes(dice.choice((1, 50, 5_000)))),
)

# -------------------------------------------------------------------------------- signatures, headers


def _signature(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> bytes:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}".encode()


def _unsigned(dice: random.Random, headers: dict[str, bytes], body: bytes) -> tuple[str, set[int]]:
    good = headers["X-Hub-Signature-256"]
    ways: dict[str, bytes | None] = {
        "none": None,
        "empty": b"",
        "no digest": b"sha256=",
        "sha1": _signature(body, algorithm="sha1"),
        "sha1 as sha256": b"sha256=" + _signature(body, algorithm="sha1")[5:],
        "sha512": _signature(body, algorithm="sha512"),
        "another secret": _signature(body, "not-the-secret-of-the-fuzzer"),
        "an empty secret": _signature(body, "\0" if not body else ""),
        "another body": _signature(body + b"\n"),
        "upper case": b"sha256=" + good[7:].upper(),
        "a digit more": good + b"0",
        "a digit less": good[:-1],
        "bits flipped": _flip(dice, good).translate(None, b"\r\n\0") + b"x",
        "not ASCII": "sha256=é".encode() + good[9:],
        "bytes": b"sha256=" + dice.randbytes(32).translate(None, b"\r\n\0"),
        "twice": good + b", " + good,
        "long": good * 500,
    }
    name = dice.choice(sorted(ways))
    changed = ways[name]
    if changed is None:
        del headers["X-Hub-Signature-256"]
        headers["X-Hub-Signature"] = _signature(body, algorithm="sha1")
    else:
        headers["X-Hub-Signature-256"] = changed
    # A control character is refused before it is anybody's signature; bytes at the end may be white space.
    return name, {401} | ({400} if name in ("bits flipped", "bytes") else set())


Twist = Callable[[random.Random, dict[str, bytes]], tuple[str, set[int]]]


def _event(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    headers["X-GitHub-Event"] = dice.choice((b"", b"Issues", b"a b", b"a;b", b"\xc3\xa9", b"x" * 5_000, b"../x", b"-"))
    return "event", {400}


def _guid(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    guid = headers["X-GitHub-Delivery"]
    bad = (b"", b"1", guid + b"0", guid[:-1], guid.replace(b"-", b""), b"{" + guid + b"}", b"x" * 9_000, b"' OR 1=1")
    headers["X-GitHub-Delivery"] = dice.choice((*bad, guid[:-1] + b"g", guid + b", " + guid))
    return "GUID", {400}


def _missing(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    name, status = dice.choice((("X-GitHub-Event", 400), ("X-GitHub-Delivery", 400), ("Content-Type", 415)))
    del headers[name]
    return f"no {name}", {status}


def _type(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    bad = (b"text/plain", b"application/x-www-form-urlencoded", b"application/json; charset=utf-16", b"", b"*/*")
    headers["Content-Type"] = dice.choice((*bad, b"application/json, text/plain", b"application/\xff", b"json" * 500))
    return "content type", {415}


def _encoded(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    headers["Content-Encoding"] = dice.choice((b"gzip", b"br", b"deflate, gzip", b"\xff"))
    return "content encoding", {415}


def _harmless(dice: random.Random, headers: dict[str, bytes]) -> tuple[str, set[int]]:
    """What changes nothing."""
    headers["Content-Type"] = dice.choice((b"application/json;charset=utf-8", b"APPLICATION/JSON ; charset=UTF-8"))
    headers["User-Agent"] = b"GitHub-Hookshot/" + dice.randbytes(5).hex().encode()
    headers["X-" + "a" * dice.choice((1, 200))] = b"\xff" * dice.choice((0, 1, 3_000))
    return "harmless ones", {202}


_HEADERS: Final[tuple[Twist, ...]] = (_event, _guid, _missing, _type, _encoded, _harmless, _harmless)


def _request(headers: dict[str, bytes], body: bytes) -> bytes:
    lines = [b"POST /webhook HTTP/1.1", b"Host: here", b"Content-Length: %d" % len(body)]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _garbled(dice: random.Random, raw: bytes) -> bytes:
    """Not HTTP any more, or another request; whatever it is, it is not one that we signed."""
    at = dice.randrange(min(len(raw), 120))
    return (
        dice.choice(
            (
                raw[:at] + dice.randbytes(dice.choice((1, 20))) + raw[at + 1 :],
                dice.randbytes(200),
                raw.replace(b"POST", dice.choice((b"GET", b"HEAD", b"PRI", b"post", b"")), 1),
                raw.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length", 1),
                raw.replace(b"/webhook", b"/" + dice.randbytes(8), 1),
            )
        )
        + b"\r\n\r\n"
    )
