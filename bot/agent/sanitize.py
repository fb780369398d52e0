"""What people wrote, as people see it: text that GitHub's rendering hides does not reach the agent.

Pure. Owns the blocks of a Markdown document and the fixpoint: taking one thing out can reveal another, so passes
follow until nothing changes, which makes cleaning a clean text a no-op. Code, seen by everybody, stays.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.agent.hidden import NOTE_ENDS, Block, Found, is_name, normalised, short_address, without_code
from bot.agent.invisible import without_invisible
from bot.agent.unrendered import Lines, row_of, unused_footnotes, without_comments, without_unseen_formulas

MOST_PASSES = 10
"""Ordinary text needs two. Who nests deeper loses every character that could begin something hidden."""


@dataclass(frozen=True, slots=True)
class Clean:
    """What is left, and what was taken out."""

    text: str
    hidden: int = 0
    """Pieces of text that a reader on GitHub would not have seen."""
    images: int = 0
    """Images, which the agent does not see."""


def sanitise(markdown: str) -> Clean:
    """`markdown` without what its rendering hides. Idempotent; linear in its length; never raises."""
    found = Found()
    text = markdown
    for _ in range(MOST_PASSES):
        before, text = text, _pass(text, found)
        if text == before:
            return Clean(text, found.hidden, found.images)
    return Clean(re.sub(r"[<>&\[\]`~|$]", "", text), found.hidden, found.images)


def _pass(text: str, found: Found) -> str:
    text, runs = without_invisible(re.sub(r"\r(?!\n)", "\n", text))
    found.hidden += runs
    lines = text.split("\n")
    pieces = _pieces(text, lines)
    unused = unused_footnotes((piece.lines for piece in pieces), lines)
    found.hidden += len(set(unused.values()))
    found.in_note = False
    parts: list[str] = []
    for piece in pieces:
        parts += piece.cleaned(lines, found, unused)
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some lines of the document that are read in the same way."""

    kind: str
    """`text`, `html`, `code`, `fence` or `definition`."""
    start: int
    end: int
    labels: frozenset[str]
    token: Token | None = None
    columns: int = 0
    """Of the table whose row it is."""

    @property
    def lines(self) -> Lines:
        """Where it stands."""
        return Lines(self.start, self.end, is_text=self.kind in {"text", "definition"}, is_indented=self.kind == "code")

    def cleaned(self, lines: list[str], found: Found, unused: dict[int, str]) -> list[str]:
        """These lines without what they hide; fewer, sometimes."""
        mine = [line for number, line in enumerate(lines[self.start : self.end], self.start) if number not in unused]
        if found.in_note:
            end = NOTE_ENDS.search("\n".join(mine))
            found.in_note = end is None
            # What comes after it is read by the next pass, as what it is then.
            return [] if end is None else ["\n".join(mine)[end.start() :]]
        if not mine:
            return []
        match self.kind:
            case "code":
                return mine
            case "fence":
                return self._fence(mine, found)
            case "definition":
                return self._definition(mine, found)
            case "text":
                mine = self._text(mine, found)
        return [Block("\n".join(mine), found, self.labels, html=self.kind == "html").cleaned()]

    def _text(self, lines: list[str], found: Found) -> list[str]:
        if self.columns:
            rows = [row_of(line, self.columns) for line in lines]
            found.hidden += sum(row != line for row, line in zip(rows, lines, strict=True))
            lines = rows
        text, unseen = without_unseen_formulas("\n".join(lines))
        found.hidden += unseen
        return [text]

    def _fence(self, lines: list[str], found: Found) -> list[str]:
        """Of ```` ```python and more ````, only the first word is of use; the rest is shown to nobody."""
        info = self.token.info.strip() if self.token else ""
        first = info.split(maxsplit=1)[0] if info else ""
        inside = without_comments(lines[1:], first.lower())
        found.hidden += inside != lines[1:]
        first = first if is_name(first) else ""
        if info == first or not lines[0].rstrip().endswith(info):
            return [lines[0], *inside]
        found.hidden += 1
        return [lines[0].rstrip().removesuffix(info) + first, *inside]

    def _definition(self, lines: list[str], found: Found) -> list[str]:
        """`[label]: url "title"` is shown to nobody: kept without its title where a link uses it."""
        meta = self.token.meta if self.token else {}
        if normalised(str(meta.get("label", ""))) not in self.labels:
            found.hidden += 1
            return []
        url = short_address(f"<{meta['url']}>")
        if not meta.get("title") and url == f"<{meta['url']}>":
            return lines
        found.hidden += 1
        return [f"{lines[0].partition('[')[0]}[{meta['label']}]: {url}"]


def _pieces(text: str, lines: list[str]) -> list[_Piece]:
    """The document in pieces, in order, every line in exactly one."""
    environment: dict[str, object] = {}
    tokens = (
        MarkdownIt("commonmark", {"inline_definitions": True})
        .enable("table")
        .disable("inline")
        .parse(text, environment)
    )
    defined = [token for token in tokens if token.type == "definition"]
    labels = _used(defined, tokens, lines)
    kinds = {"fence": "fence", "code_block": "code", "html_block": "html", "definition": "definition", "inline": "text"}
    pieces: list[_Piece] = []
    at = columns = 0
    body = False
    for token in tokens:
        if token.type in {"thead_open", "table_close"}:
            columns, body = 0, False
        columns += token.type == "th_open"
        body = body or token.type == "tbody_open"
        if token.type not in kinds or token.map is None or token.map[0] < at:
            continue  # the second cell of a table's row: its line is taken already
        start, end = token.map[0], min(token.map[1], len(lines))
        if start > at:
            pieces.append(_Piece("text", at, start, labels))
        kind = "text" if _is_note(token) else kinds[token.type]
        pieces.append(_Piece(kind, start, end, labels, token, columns if body else 0))
        at = end
    if at < len(lines):
        pieces.append(_Piece("text", at, len(lines), labels))
    return pieces


def _is_note(token: Token) -> bool:
    """A footnote of one word looks like a definition, and is text."""
    return token.type == "definition" and str(token.meta["label"]).startswith("^")


def _used(defined: list[Token], tokens: list[Token], lines: list[str]) -> frozenset[str]:
    """The normalised labels that are defined and stand in brackets in a text outside of code."""
    if not defined:
        return frozenset()
    texts = dict.fromkeys(
        tuple(token.map) for token in tokens if token.map and (token.type == "inline" or _is_note(token))
    )
    shown = "\n".join(without_code("\n".join(lines[start:end])) for start, end in texts)
    named = {normalised(label) for label in re.findall(r"\[([^\[\]]{1,999})\]", shown)}
    return frozenset(normalised(str(token.meta["label"])) for token in defined) & named
