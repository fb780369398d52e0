"""Which issues a META issue is the board of (docs/board.md says it in users' words). Pure.

The first of these that applies:

1. its series, where the first word after META is a prefix that issues have: `META: AUTH …`, `[META] [AUTH] …`;
2. its milestone;
3. what it lists: sub-issues, and list items of its text that begin with `#12`;
4. the repository: every issue with a key, and every one that was asked for.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bot.core.boards.block import without
from bot.core.model import Issue, Source
from bot.core.titles import Id, Keyed, Title

_FIRST_WORD = re.compile(r"META(?:\]|:)\s*\[?([^\s\[\]:]+)", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])\s+(?:\[[ xX]\]\s+)?#([1-9][0-9]{0,9})(?![\w/])", re.ASCII)
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Scope:
    """What belongs to a board."""

    kind: Literal["prefix", "milestone", "list", "repository"]
    name: str = ""
    """The prefix, or the milestone's title."""
    numbers: frozenset[int] = frozenset()
    """What is listed."""

    @property
    def name_in_block(self) -> str:
        """By which its board knows it again."""
        return f"{self.kind}:{self.name}"

    def holds(self, number: int, title: Title, milestone: str) -> bool:
        """Whether an issue belongs to it by what it is; who was asked for, belongs to the repository's as well."""
        match self.kind:
            case "prefix":
                return isinstance(title, Keyed | Id) and title.prefix == self.name
            case "milestone":
                return milestone == self.name
            case "list":
                return number in self.numbers
            case "repository":
                return isinstance(title, Keyed)


def scope_of(meta: Issue, prefixes: Collection[str], repo: str) -> Scope:
    """The scope of a META issue in a repository whose issues have these prefixes."""
    word = _FIRST_WORD.search(meta.title)
    prefix = word[1].rstrip(",.;").upper() if word is not None else ""
    if prefix in prefixes:
        return Scope("prefix", prefix)
    if meta.milestone:
        return Scope("milestone", meta.milestone)
    children = (link.ref for link in meta.links if link.source is Source.SUB_ISSUE)
    numbers = {ref.number for ref in children if ref.repo == repo.lower()} | set(listed(without(meta.body)))
    if numbers:
        return Scope("list", numbers=frozenset(numbers) - {meta.number})
    return Scope("repository")


def listed(text: str) -> list[int]:
    """The issues of this repository that list items begin with, code apart."""
    found: list[int] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark is not None and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        elif not fence and (item := _LISTED.match(line)):
            found.append(int(item[1]))
    return found
