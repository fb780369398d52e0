"""How much of a text fits beside a length, before a browser has drawn it. Pure.

Measured in ems of DejaVu Sans, the widest of the faces that browsers take for `system-ui`: elsewhere there is room left.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from bot.core.outbound import one_line

NARROW: Final = frozenset("ijlIrft.,:;'|!()[]/\\- ")
BROAD: Final = frozenset("mwMW@%—…")


@lru_cache(maxsize=16_384)
def fitting(text: str, ems: float, *, bold: bool = False) -> str:
    """As much of it as fits, in one line."""
    line = one_line(text, 300).strip()
    room = ems / 1.12 if bold else ems
    ends, wide = 0, 0.0
    for width in _widths(line):
        wide += width
        ends += wide + 1.0 <= room
    return line if wide <= room else f"{line[:ends].rstrip()}…"


@lru_cache(maxsize=16_384)
def width(text: str, *, bold: bool = False) -> float:
    """How long it is, in ems."""
    return sum(_widths(text)) * (1.12 if bold else 1.0)


def _widths(text: str) -> Iterator[float]:
    return map(_width, text)


@lru_cache(maxsize=4_096)
def _width(char: str) -> float:
    if char in NARROW:
        return 0.4
    if char in BROAD:
        return 0.99
    if unicodedata.east_asian_width(char) in "WF":
        return 1.3 if unicodedata.category(char) == "So" else 1.0
    if unicodedata.combining(char):
        return 0.0
    return 0.76 if char.isupper() else 0.63
