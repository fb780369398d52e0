"""The readable output of `ai-ready plan`: one line per issue, with why it waits, and what is odd about titles."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from bot.core.model import Issue, Source, Standing
from bot.core.names import REQUEST_LABEL
from bot.core.order import Arrangement, Invalid, Waiting
from bot.core.titles import Id, Keyed, Meta, Title
from bot.core.why import Chain, Progress, Reason, Stand

SHOWN = 5
"""Blockers named in one line."""
_TITLE = 48
"""Characters of a title."""

_SOURCES = {
    Source.PHASE: "phase order",
    Source.TEXT: "its text",
    Source.NATIVE: "GitHub dependency",
    Source.SUB_ISSUE: "sub-issue",
}
_STANDINGS = {
    Standing.UNKNOWN: "not in the file",
    Standing.UNMERGED: "closed without a merge",
    Standing.NOT_PLANNED: "closed as not planned",
}
_PROGRESS = {Progress.UNASKED: "nobody asks for it", Progress.INVALID: "can't start"}


def table(found: Arrangement, issues: Mapping[int, Issue], *, every: bool) -> str:
    """Issues in order, each with its state and why; then the notes; then a count."""
    why = dict.fromkeys(found.ready, "ready")
    chain = Chain(found, _looked_up(found))
    for each in found.waiting:
        why[each.number] = _waiting(each, chain.reasons(each.number, depth=1, most=SHOWN), found.keys)
    why |= {each.number: _invalid(each) for each in found.invalid}
    rows = [
        (f"#{n}", _key(found.keys[n]), _short(issues[n].title), why.get(n, "tracker, never run")) for n in found.order
    ]
    lines = _aligned([("ISSUE", "KEY", "TITLE", "STATE"), *rows]) if rows else []
    notes = [f"  #{note.number} {_short(issues[note.number].title)}: {note.note}" for note in found.notes]
    if notes:
        lines += ["", "Notes:", *notes]
    return "\n".join([*lines, *([""] if lines else []), _count(found, every=every)]) + "\n"


def _count(found: Arrangement, *, every: bool) -> str:
    if not (found.ready or found.waiting or found.invalid):
        asked = "There is no open issue" if every else f"No open issue has the label `{REQUEST_LABEL}`"
        return f"{asked}: nothing to plan." + ("" if every else " `--all` plans every open issue.")
    return f"{len(found.ready)} ready, {len(found.waiting)} waiting, {len(found.invalid)} invalid."


def _looked_up(found: Arrangement) -> Callable[[int], Stand]:
    """Where an issue stands, as far as a file tells."""
    asked = dict.fromkeys(found.ready, Stand(Progress.ASKED))
    asked |= dict.fromkeys((each.number for each in found.waiting), Stand(Progress.WAITING))
    asked |= dict.fromkeys((each.number for each in found.invalid), Stand(Progress.INVALID))
    return lambda number: asked.get(number, _UNASKED)


_UNASKED = Stand(Progress.UNASKED)


def _waiting(waiting: Waiting, on: Sequence[Reason], keys: Mapping[int, Title]) -> str:
    named = ", ".join(f"{_name(reason, keys)} ({_reason(reason)})" for reason in on)
    more = f" and {waiting.total - len(on)} more" if waiting.total > len(on) else ""
    return f"waits for {named}{more}"


def _invalid(invalid: Invalid) -> str:
    if invalid.reason == "self":
        return "invalid: it names itself as a prerequisite"
    steps = [f"#{step}" if isinstance(step, int) else str(step) for step in invalid.path]
    if invalid.reason == "unreadable":
        return f"invalid: {steps[0]} does not exist or can't be read"
    shown = [*steps[:10], "…", steps[-1]] if len(steps) > 12 else steps
    return f"invalid: a cycle, {' → '.join(shown)}"


def _name(reason: Reason, keys: Mapping[int, Title]) -> str:
    if not reason.local:
        return str(reason.ref)
    key = _key(keys[reason.ref.number]) if reason.ref.number in keys else ""
    return f"#{reason.ref.number} {key}".rstrip()


def _reason(reason: Reason) -> str:
    """Why, and what is known of it where that is more than "open and asked for"."""
    known = _STANDINGS.get(reason.standing) if reason.stand is None else _PROGRESS.get(reason.stand.progress)
    return f"{_SOURCES[reason.source]}; {known}" if known else _SOURCES[reason.source]


def _key(title: Title) -> str:
    if isinstance(title, Keyed | Id):
        return title.label
    return "META" if isinstance(title, Meta) else ""


def _short(title: str) -> str:
    """One line without control characters (a title may hold terminal escapes) and with an end."""
    clean = " ".join("".join(map(_printable, title[: 4 * _TITLE])).split())
    return clean if len(clean) <= _TITLE else clean[: _TITLE - 1] + "…"


def _printable(char: str) -> str:
    """Formatting characters (bidi overrides, joiners) vanish, controls and lone surrogates become blanks."""
    category = unicodedata.category(char)
    return "" if category == "Cf" else " " if category[0] == "C" else char


def _aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    """Columns padded to the widest cell, as a terminal counts width."""
    widths = [max(_width(row[column]) for row in rows) for column in range(3)]
    padded = ([cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)] for row in rows)
    return ["  ".join([*cells, row[3]]).rstrip() for cells, row in zip(padded, rows, strict=True)]


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
