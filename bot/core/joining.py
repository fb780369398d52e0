"""Invisible characters that belong to what people write: in emoji, and in scripts that are spelled with them.

Pure. Whoever takes invisible characters out of a text looks here first for those that stay. Each stays because of what
stands before it (at most one after each letter), so nothing longer than a choice per letter can be hidden in them.
"""

from typing import Final

_PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
"""Roughly Unicode's Extended_Pictographic, for which Python has no property."""

_ELEMENT = f"[{_PICTURE}][\U0001f3fb-\U0001f3ff]?[\ufe0e\ufe0f]?"

_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in nation) + "\U000e007f"
    for nation in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland, Wales: the tag sequences that Unicode recommends. Others could spell anything."""

_ARABIC = "\u0620-\u06ff\u0750-\u077f"
_LETTER = "\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17b3\u17b6-\u17ff\u1820-\u18aa"
"""Scripts in which U+200C and U+200D belong to the spelling (Persian, Hindi, …; UAX #31, A1 to B)."""
_VIRAMA = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters to Unicode, nothing to the eye."""

KEPT: Final = (
    rf"{_FLAGS}|{_ELEMENT}(?:\u200d{_ELEMENT})*|[0-9#*]\ufe0f\u20e3"
    rf"|(?<=[{_LETTER}])[\u200c\u200d](?=[{_LETTER}])"
    rf"|(?<=[{_VIRAMA}])[\u200c\u200d]"  # at a word's end: അവന്‍ (Malayalam), क्‍ (a half letter alone)
    rf"|(?<=[{_ARABIC}])\u200d"  # ه‍.ش.: the letter's joined form, alone
    rf"|(?<=[^\W{_FILLERS}])\u200c(?=[{_ARABIC}])|(?<=[)\]»”])\u200c(?=[{_ARABIC}])"  # PDF‌ها: an ending after a foreign word
    r"|(?<=[\u1820-\u18aa])[\u180b-\u180f]"  # a letter's variant in Mongolian
)
"""A pattern of what stays."""
