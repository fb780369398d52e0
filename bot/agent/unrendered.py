"""Text that GitHub's rendering leaves out by the place where it stands: a row's surplus cells, footnotes that nothing
refers to, comments in diagrams and formulas.

Pure and linear. Owns these rules; `sanitize` says which lines they are for.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.agent.hidden import code_spans, normalised

_CELL_END = re.compile(r"\\.|\|", re.DOTALL)
_BEFORE_ROW = re.compile(r"[\s>]*\|")

_NOTE = re.compile(r"(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*\[\^([^\]\s]{1,999})\]:")
_REFERENCE = re.compile(r"\[\^([^\]\s]{1,999})\]")

_UNSHOWN = re.compile(r"(?<=\])\([^()\n]*+\)|<[^<>\n]*+>")
"""Addresses of links, and tags with their attributes: no place for a reference."""

_DIAGRAM_COMMENT = re.compile(r"[\s>]*%%")
_FORMULA = re.compile(r"(?<![\\$])\$\$(?!\$)(.+?)(?<!\\)\$\$", re.DOTALL)
_FORMULA_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_UNSEEN_FORMULA = re.compile(
    r"\\(?:[hv]?phantom\s*+|(?:text)?color\s*+\{\s*+(?:white|transparent|#[fF]{3}|#[fF]{6})\s*+\}\s*+)\{[^{}]*+\}"
)


def row_of(line: str, columns: int) -> str:
    """A row of a table with as many cells as the table has columns; the rest is rendered nowhere.

    https://github.github.com/gfm/#tables-extension-
    """
    ends = [found.start() for found in _CELL_END.finditer(line) if found[0] == "|"]
    last = columns if _BEFORE_ROW.match(line) else columns - 1
    if len(ends) <= last or not line[ends[last] + 1 :].strip(" \t\r|"):
        return line
    return line[: ends[last] + 1]


def without_comments(lines: list[str], language: str) -> list[str]:
    """The lines of a fence that GitHub draws (`mermaid`) or sets (`math`), without their comments."""
    if language == "mermaid":
        return [line for line in lines if not _DIAGRAM_COMMENT.match(line)]
    if language == "math":
        return [_UNSEEN_FORMULA.sub("", _FORMULA_COMMENT.sub("", line)) for line in lines]
    return lines


def without_unseen_formulas(text: str) -> tuple[str, int]:
    """Text without what formulas outside of code leave blank, and how many pieces that were."""
    if _UNSEEN_FORMULA.search(text) is None and "$$" not in text:
        return text, 0
    code = [span for span in code_spans(text).items() if text[span[0] : span[1]].strip("`")]
    text, blank = _outside(code, _UNSEEN_FORMULA, lambda _: ("", 1), text)
    if blank:
        return text, blank  # what is left is looked at by the next pass
    return _outside(code, _FORMULA, _uncommented, text)


def _uncommented(formula: re.Match[str]) -> tuple[str, int]:
    left, comments = _FORMULA_COMMENT.subn("", formula[1])
    return f"$${left}$$", comments


def _outside(
    code: list[tuple[int, int]], pattern: re.Pattern[str], change: Callable[[re.Match[str]], tuple[str, int]], text: str
) -> tuple[str, int]:
    """`text` with each `pattern` that begins outside of `code` changed, and the sum of the changes."""
    parts: list[str] = []
    at = changes = 0
    spans = iter([*code, (len(text), len(text))])
    begin, end = next(spans)
    while (found := pattern.search(text, at)) is not None:
        while end <= found.start():
            begin, end = next(spans)
        if begin < found.start():
            parts.append(text[at:end])
            at = end
            continue
        left, number = change(found)
        parts += text[at : found.start()], left
        changes += number
        at = found.end()
    return "".join([*parts, text[at:]]), changes


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a document, from `start` to before `end`."""

    start: int
    end: int
    is_text: bool
    """Prose, in which footnotes begin and are referred to."""
    is_indented: bool
    """Indented by four: what may go on with a footnote after an empty line."""


def unused_footnotes(document: Iterable[Lines], lines: list[str]) -> dict[int, str]:
    """For each line of a footnote that nothing shown refers to: its label.

    https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#footnotes
    """
    owners = dict(_owners(document, lines))
    labels = {label for label in owners.values() if label}
    if not labels:
        return {}
    paragraphs: dict[str, list[str]] = {}
    for number, label in owners.items():
        begins = _NOTE.match(lines[number])
        paragraphs.setdefault(label, []).append(lines[number][begins.end() if begins else 0 :])
    shown, new = set[str](), {""}
    while new:
        shown |= new
        named = {each for label in new for each in _references("\n".join(paragraphs.get(label, [])))}
        new = (named & labels) - shown
    return {number: label for number, label in owners.items() if label not in shown}


def _owners(document: Iterable[Lines], lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each line of prose, or of a footnote, with the label of its footnote; "": of none."""
    label, after_blank = "", False
    taken: set[str] = set()
    for part in document:
        for number in range(part.start, part.end):
            line = lines[number]
            blank = not line.strip(" \t>\r")
            begins = _NOTE.match(line) if part.is_text else None
            if begins is not None:
                label = normalised(begins[1])
                if label in taken:  # only the first of a name is shown; no reference has a line break
                    label += f"\n{number}"
                taken.add(label)
            elif not blank and not part.is_indented and (after_blank or not part.is_text):
                label = ""
            after_blank = blank
            if part.is_text or label:
                yield number, label


def _references(text: str) -> Iterator[str]:
    text = _UNSHOWN.sub(" ", text)
    code = code_spans(text)
    skip_to = 0
    for found in re.finditer(r"\\.|`+|" + _REFERENCE.pattern, text, re.DOTALL):
        if found.start() < skip_to:
            continue
        if found[0][0] == "`":
            skip_to = code.get(found.start(), found.end())
        elif found[1]:
            yield normalised(found[1])
