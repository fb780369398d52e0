"""Characters that nobody sees and a model reads. Owns which of them go and which belong to a script or an emoji.

Pure. What goes: Unicode's default-ignorable code points (DerivedCoreProperties.txt), bidi controls, tag characters,
variation selectors, control characters, lone surrogates. What stays: those of `bot.core.joining`.
"""

import html
import re

from bot.core.joining import KEPT

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
_FOUND = re.compile(f"(?P<kept>{KEPT})|[{_IGNORABLE}{_CONTROLS}]")
_ONLY = re.compile(f"[{_IGNORABLE}{_CONTROLS}]+")

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""A character reference of HTML, as CommonMark knows it."""


def without_invisible(text: str) -> tuple[str, int]:
    """`text` without invisible characters, and how many runs of them there were."""
    kept: list[str] = []
    runs, at, last = 0, 0, -1
    for found in _FOUND.finditer(text):
        if found["kept"] is None:
            runs += found.start() != last
            last = found.end()
            kept.append(text[at : found.start()])
            at = found.end()
    kept.append(text[at:])
    return "".join(kept), runs


def is_invisible_entity(entity: str) -> bool:
    """Whether a character reference (`&#8203;`, `&zwj;`) stands for nothing that can be seen."""
    # html.unescape turns a number that is no character into "" or U+FFFD; the latter can be seen, and so is white space.
    meant = html.unescape(entity)
    return meant == "" or _ONLY.fullmatch(meant) is not None
