"""How much of a text fits beside a length, before a browser has drawn it. Pure.

Measured in ems of DejaVu Sans, the widest of the faces that browsers take for `system-ui`: elsewhere there is room left.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

from bot.core.outbound import one_line

NARROW: Final = frozenset("ijlIrft.,:;'|!()[]/\\- ")
BROAD: Final = frozenset("mwMW@%—…")


def fitting(text: str, ems: float, *, bold: bool = False) -> str:
    """As much of it as fits, in one line."""
    line = one_line(text, 300).strip()
    room = ems / 1.12 if bold else ems
    ends, wide = 0, 0.0
    for width in _widths(line):
        wide += width
        ends += wide + 1.0 <= room
    return line if wide <= room else f"{line[:ends].rstrip()}…"


def width(text: str, *, bold: bool = False) -> float:
    """How long it is, in ems."""
    return sum(_widths(text)) * (1.12 if bold else 1.0)


def _widths(text: str) -> Iterator[float]:
    for char in text:
        if char in NARROW:
            yield 0.4
        elif char in BROAD:
            yield 0.99
        elif unicodedata.east_asian_width(char) in "WF":
            yield 1.3 if unicodedata.category(char) == "So" else 1.0
        elif unicodedata.combining(char):
            yield 0.0
        else:
            yield 0.76 if char.isupper() else 0.63
