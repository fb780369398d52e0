"""A repository's caller workflow beside the shipped ones. Pure."""

import difflib
import re
from dataclasses import dataclass
from typing import Final

from bot.server.setup.shipped import Mode, Release, caller

MOST_LINES: Final = 6
_USES = re.compile(r"uses: (\S+?)(/\.github/workflows/ai-ready\.yml)?@(\S+)(?: +# *\S+)?")
_SHA = re.compile(r"[0-9a-f]{40}")
_NEUTRAL: Final = Release("OWNER/ai-ready", "0" * 40, "0")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a caller workflow turned out to be."""

    mode: Mode | None
    """Which shipped one it is, or is closest to; None: neither (a job of one's own)."""
    differing: tuple[str, ...] = ()
    """The first lines that differ, `line N: -theirs` and `+ours`; empty: it is the shipped one."""
    uses: str = ""
    """`owner/name` of ai-ready."""
    ref: str = ""
    """What it pins."""

    @property
    def pinned(self) -> bool:
        """By a whole commit, which nobody can move."""
        return bool(_SHA.fullmatch(self.ref)) and self.ref != "0" * 40


def compare(text: str) -> Compared:
    """Compare with both shipped workflows; comments, blank lines and the pinned release don't count."""
    found = _USES.search(text)
    theirs = _lines(text)
    uses, ref = (found[1], found[3]) if found else ("", "")
    if found is None or not found[2]:
        return Compared(None, uses=uses, ref=ref)
    ours = {mode: _lines(caller(mode, _NEUTRAL)) for mode in Mode}
    mode = max(ours, key=lambda each: difflib.SequenceMatcher(None, _words(ours[each]), _words(theirs)).ratio())
    return Compared(mode, _differing(theirs, ours[mode]), uses, ref)


def _words(lines: list[tuple[int, str]]) -> list[str]:
    return [line for _, line in lines]


def _lines(text: str) -> list[tuple[int, str]]:
    """Line number and text of every line that counts. `queue` does not: not every GitHub knows it."""
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", _USES.sub(r"uses: ai-ready", line)).rstrip()
        if bare and bare.strip() != "queue: max":
            kept.append((number, bare))
    return kept


def _differing(theirs: list[tuple[int, str]], ours: list[tuple[int, str]]) -> tuple[str, ...]:
    said: list[str] = []
    matcher = difflib.SequenceMatcher(None, _words(theirs), _words(ours), autojunk=False)
    for tag, low, high, from_, to in matcher.get_opcodes():
        if tag == "equal":
            continue
        said += [f"line {number}: -{line.strip()}" for number, line in theirs[low:high]]
        at = theirs[low][0] if low < len(theirs) else (theirs[-1][0] if theirs else 0)
        said += [f"line {at}: +{line.strip()}" for _, line in ours[from_:to]]
    return tuple(said[:MOST_LINES])
