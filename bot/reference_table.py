"""What all pages of reference have: who made them, and tables."""

from collections.abc import Iterable
from typing import Final

MADE_BY: Final = "<!-- Made by `python -m bot.reference` out of the code; do not edit. -->"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; `|` in a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
