"""Our one block inside a META issue's body: where it is, what it remembers, and how it is put there. Pure.

    text of people
    <!-- ai-ready:board -->
    … the board …
    <!-- ai-ready:members {…} -->
    <!-- /ai-ready:board -->
    more text of people

Whatever is outside of the block stays as it is, byte for byte. A block is ours when it carries the members line, or
when it is empty: so people may say where the board is to be. Everybody who may edit the issue may edit the block, so
nothing is decided on what it remembers beyond what is shown.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from bot.core.markers import hide, reveal

START = "<!-- ai-ready:board -->"
END = "<!-- /ai-ready:board -->"
MEMBERS = "ai-ready:members"

BODY_LIMIT = 65_536
"""Characters of an issue's body on GitHub."""

_LABEL = re.compile(r"[^\s\[\]]{0,80}")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_MOST_USD = 1e9


class Past(NamedTuple):
    """What the block remembers of one issue."""

    label: str
    """`AUTH-1.2`; empty where its title had no key."""
    usd: float
    dropped: bool = False
    """It was closed as not planned."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the block remembers, for issues that no list shows any more."""

    members: Mapping[int, Past] = field(default_factory=lambda: MappingProxyType({}))
    states: str = ""
    """A digest of where every issue stood."""
    scope: str = ""
    """Of what it is the board: with another one, what it remembers is of no use."""

    def line(self) -> str:
        """As the block carries it."""
        known = {str(number): _listed(past) for number, past in sorted(self.members.items())}
        return hide(MEMBERS, {"v": 1, "for": self.scope, "of": known, "states": self.states})


def recall(body: str) -> Memory | None:
    """What the block in `body` remembers; None: there is no block of ours. Damaged entries are left out."""
    span = _span(body)
    if span is None:
        return None
    data = reveal(MEMBERS, body[slice(*span)]) or {}
    states, scope = str(data.get("states")), str(data.get("for"))
    found = {int(n): past for n, given in _items(data.get("of")) if _NUMBER.fullmatch(n) and (past := _past(given))}
    return Memory(MappingProxyType(found), states, scope)


def splice(body: str, block: str) -> str:
    """`body` with `block` in the place of ours, or after everything else where there is none."""
    span = _span(body)
    if span is not None:
        return body[: span[0]] + block + body[span[1] :]
    if not body.strip() or body.endswith(("\n\n", "\n\r\n")):
        return body + block
    return body + ("\n" if body.endswith("\n") else "\n\n") + block


def without(body: str) -> str:
    """`body` without our block: what people wrote."""
    span = _span(body)
    return body if span is None else body[: span[0]] + body[span[1] :]


def holds(body: str, block: str) -> bool:
    """Whether `body` has this very block already (GitHub's editor makes every line break CRLF)."""
    span = _span(body)
    return span is not None and body[slice(*span)].replace("\r\n", "\n") == block


def _span(body: str) -> tuple[int, int] | None:
    """Where our block begins and ends: the first that carries the members line, else the first empty one."""
    empty = None
    for start, end in _blocks(body):
        inside = body[start + len(START) : end - len(END)]
        if reveal(MEMBERS, inside) is not None:
            return start, end
        if empty is None and not inside.strip():
            empty = start, end
    return empty


def _blocks(body: str) -> Iterator[tuple[int, int]]:
    """Every end marker with the nearest start before it; half a block is somebody's text."""
    begin = 0
    while (close := body.find(END, begin)) >= 0:
        start = body.rfind(START, begin, close)
        begin = close + len(END)
        if start >= 0:
            yield start, begin


def _items(listed: object) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in listed.items()] if isinstance(listed, dict) else []


def _listed(past: Past) -> list[object]:
    return [past.label, past.usd, *([1] if past.dropped else [])]


def _past(given: object) -> Past | None:
    if not isinstance(given, list) or len(given) not in (2, 3):
        return None
    label, usd, *dropped = given
    if not isinstance(label, str) or not _LABEL.fullmatch(label) or isinstance(usd, bool):
        return None
    if not isinstance(usd, int | float) or not math.isfinite(usd) or not 0 <= usd <= _MOST_USD:
        return None
    return Past(label, float(usd), bool(dropped))
