"""The ways of the graph's arrows: in the gaps between columns and between series, never across a box. Pure.

What leaves one box, and what comes to one, shares its way as far as it goes: many arrows read as a few trees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

WIDE, HIGH = 236, 38
"""Of a box, in pixels."""
GAP: Final = 56
"""Between columns."""
ROOM: Final = 18
"""Above the first series, and below the last, for arrows that pass there."""

Spot = tuple[float, float]
"""A left upper corner."""
Ends = tuple[str, str]
"""What goes before, and what waits for it."""

_LANES: Final = 4
"""In each gap, for each end of an arrow; what comes beyond shares them."""
_TIP: Final = 5
"""Between the end of an arrow's line and the box."""
_TURN: Final = 6
"""Radius of a corner."""


class Band(NamedTuple):
    """From the heading of a series down to below its last box."""

    top: float
    bottom: float


class Seat(NamedTuple):
    """Where a box is."""

    x: float
    y: float
    box: str
    """The name of it; empty: it is not drawn."""
    band: int
    """The series, from above."""


@dataclass(slots=True)
class Ways:
    """Finds them, and remembers which lanes are taken."""

    bands: Sequence[Band]
    _lanes: dict[tuple[str, float], dict[str, int]] = field(default_factory=dict)

    def way(self, start: Seat, end: Seat) -> str:
        """From the right side of one box to the nearer side of another, as an SVG path."""
        (x, y), (u, v) = (start.x + WIDE, start.y + HIGH / 2), (end.x, end.y + HIGH / 2)
        if u == x + GAP:
            return curve((start.x, start.y), (), (end.x, end.y))
        out = x + 10 + 8 * self._lane("out", x, start.box)
        if u > x:
            into, tip = u - GAP + 14 + 8 * self._lane("into", u - GAP, end.box), u - _TIP
        else:
            v += HIGH / 4  # below what leaves there
            into, tip = u + WIDE + 14 + 8 * self._lane("into", u + WIDE, end.box), u + WIDE + _TIP
        if start.x == end.x:
            return rounded([(x, y), (out, y), (out, v), (tip, v)])
        band = self.bands[end.band]
        if start.band <= end.band:
            level = band.top - 3 - 5 * self._lane("above", band.top, start.box)
        else:
            level = band.bottom - 5 + 5 * self._lane("below", band.bottom, start.box)
        return rounded([(x, y), (out, y), (out, level), (into, level), (into, v), (tip, v)])

    def _lane(self, kind: str, at: float, box: str) -> int:
        taken = self._lanes.setdefault((kind, at), {})
        return taken.setdefault(box, len(taken)) % _LANES


def rounded(points: Sequence[Spot]) -> str:
    """Straight lines, their corners rounded."""
    (x, y), *rest = points
    path = [f"M{x:g} {y:g}"]
    for (a, b), (c, d) in pairwise(rest):
        before, after = _toward((a, b), (x, y)), _toward((a, b), (c, d))
        path.append(f"L{before[0]:g} {before[1]:g}Q{a:g} {b:g} {after[0]:g} {after[1]:g}")
        x, y = a, b
    path.append(f"L{rest[-1][0]:g} {rest[-1][1]:g}")
    return "".join(path)


def _toward(corner: Spot, other: Spot) -> Spot:
    """Where the rounding of a corner begins; lines are level or upright."""
    (a, b), (c, d) = corner, other
    reach = min(_TURN, (abs(c - a) + abs(d - b)) / 2)
    return a + reach * ((c > a) - (c < a)), b + reach * ((d > b) - (d < b))


def curve(start: Spot, between: Sequence[Spot], end: Spot) -> str:
    """From the right side of one box to the left side of another; within a column around its right side."""
    (x, y), (u, v) = (start[0] + WIDE, start[1] + HIGH / 2), (end[0], end[1] + HIGH / 2)
    if u < x:
        side = max(x, u + WIDE) + GAP * 0.7
        v += HIGH / 4
        return f"M{x:g} {y:g}C{side:g} {y:g} {side:g} {v:g} {u + WIDE + _TIP:g} {v:g}"
    path = [f"M{x:g} {y:g}"]
    for left, down in sorted(between):
        level = down + HIGH / 2
        path.append(f"C{x + GAP / 2:g} {y:g} {left - GAP / 2:g} {level:g} {left:g} {level:g}H{left + WIDE:g}")
        x, y = left + WIDE, level
    reach = max(GAP / 2, (u - x) / 2)
    return f"{''.join(path)}C{x + reach:g} {y:g} {u - reach:g} {v:g} {u - _TIP:g} {v:g}"


def passed(spots: Mapping[int | str, Spot], pieces: Iterable[tuple[int | str, int | str]]) -> dict[Ends, list[Spot]]:
    """By the two ends of each arrow that passes columns: where. The library names those places by numbers, issues are texts."""
    beside: dict[int | str, list[int | str]] = {}
    for one, other in pieces:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    found: dict[Ends, list[Spot]] = {}
    for start in spots:
        for first in beside.get(start, ()):
            places: list[Spot] = []
            before, at = start, first
            while isinstance(at, int) and len(places) < len(spots):
                places.append(spots[at])
                before, at = at, next((each for each in beside[at] if each != before), start)
            if isinstance(start, str) and isinstance(at, str) and places:
                found[start, at] = places
    return found
