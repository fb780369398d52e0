"""The hidden machine block inside our comments: one HTML comment that carries a small JSON object.

A block is a cache and a signature of what was already said, never authority: it is read only from comments whose
author is ours (design.md §2.3), and everything that matters is derived again from label events and comments.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bot.core.model import Comment

_BLOCK = re.compile(r"<!-- (?P<kind>ai-ready:[a-z]+) (?P<data>\{[^\n]*\}) -->")


def hide(kind: str, data: dict[str, Any]) -> str:
    """One line of HTML comment that carries `data`; safe whatever the strings in it (no `--`, `<` or `>`)."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("--", "-\\u002d")
    return f"<!-- {kind} {text} -->"


def reveal(kind: str, body: str) -> dict[str, Any] | None:
    """The first block of `kind` in `body`; None when there is none or it is damaged."""
    for match in _BLOCK.finditer(body):
        if match["kind"] != kind:
            continue
        try:
            data = json.loads(match["data"])
        except ValueError:
            return None
        return data if isinstance(data, dict) else None
    return None


def ours(comments: Iterable[Comment], own_ids: frozenset[int], kind: str) -> Iterator[tuple[Comment, dict[str, Any]]]:
    """Our comments that carry a block of `kind`, oldest first; a forged one by anybody else is not seen."""
    for comment in comments:
        if comment.author.id in own_ids and (data := reveal(kind, comment.body)) is not None:
            yield comment, data
