"""Figures for people: medians, plain tables, units."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """What several measurements of one thing came to, in seconds."""

    median: float
    low: float
    high: float


def spread(seconds: Sequence[float]) -> Spread:
    """Median and range."""
    return Spread(statistics.median(seconds), min(seconds), max(seconds))


def milliseconds(seconds: float) -> str:
    """For reading: `3.8 ms`, `412 ms`."""
    value = seconds * 1000
    return f"{value:.1f} ms" if abs(value) < 20 else f"{value:,.0f} ms"


def megabytes(count: float) -> str:
    """Bytes, for reading: `121 MB`."""
    return f"{count / 1e6:,.0f} MB"


def between(found: Spread) -> str:
    """The range of several measurements."""
    return f"{milliseconds(found.low)} to {milliseconds(found.high)}"


def times(value: float, base: float) -> str:
    """A ratio: `1.4 x`."""
    return f"{value / base:.2f} x" if base else "-"


def goal(value: float, limit: float) -> str:
    """Whether a figure reached its goal."""
    return "reached" if value <= limit else "MISSED"


def must(value: float, limit: float) -> str:
    """Whether a figure keeps what was promised."""
    return "held" if value <= limit else "NOT held"


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> None:
    """Print a table: the first column is words, the others are figures."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
    for note in notes:
        print(f"  {note}")
    print(flush=True)
