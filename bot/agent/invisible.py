"""Characters that nobody sees and a model reads. Owns which of them go and which belong to a script or an emoji.

Pure. What goes: Unicode's default-ignorable code points (DerivedCoreProperties.txt), bidi controls, tag characters,
variation selectors, control characters, lone surrogates. What stays: the joiners, selectors and tags inside emoji,
and a single joiner between letters of a script that is written with them (Persian, Hindi, Sinhala, …).
"""

import html
import re

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
_PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
_TONE = "\U0001f3fb-\U0001f3ff"
_ELEMENT = f"[{_PICTURE}][{_TONE}]?[\ufe0e\ufe0f]?"
_JOINED_LETTER = "\u0620-\u06ff\u0700-\u077f\u07c0-\u07ff\u0840-\u0dff\u0f00-\u109f\u1780-\u17b3"

_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in nation) + "\U000e007f"
    for nation in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland, Wales: the tag sequences that Unicode recommends. Others could spell anything."""

_FOUND = re.compile(
    f"(?P<kept>{_FLAGS}|{_ELEMENT}(?:\u200d{_ELEMENT})*|[0-9#*]\ufe0f\u20e3"
    f"|(?<=[{_JOINED_LETTER}])[\u200c\u200d](?=[{_JOINED_LETTER}]))"
    f"|[{_IGNORABLE}{_CONTROLS}]"
)

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
    # html.unescape turns a number that is no character into "" or U+FFFD; the latter can be seen.
    return not entity.startswith(("&Tab;", "&NewLine;", "&#9;", "&#10;", "&#13;")) and (
        _ONLY.fullmatch(html.unescape(entity)) is not None or html.unescape(entity) == ""
    )
