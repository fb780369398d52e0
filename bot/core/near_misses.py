"""Titles that look like a key and are none (design.md §4 Titles): what "looks like" means, and the note for each.

Notes are fixed sentences: nothing of a title is repeated in them, so they need no escaping anywhere. The list is
kept short of decimals, dates, versions, prices and addresses, which lead many an innocent title.
"""

import re
from functools import cache

NUMBER = r"(0|[1-9][0-9]?)"
"""A phase or task number: ASCII digits, 0 to 99, not padded. One group."""
BLANK = "[ \t\u00a0\u2009\u202f]"
"""White space inside a key; the ideographic space is full-width, hence a near miss."""
WORD = "(?:[Pp][Hh][Aa][Ss][Ee]|[Tt][Aa][Ss][Kk])"
"""`Phase` or `Task` in any case (spelled out: `(?i)` also takes the long s and the Kelvin sign)."""

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa"
    "\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINERS = "\u200d\ufe0e\ufe0f\U000e0020-\U000e007f"
"""Parts of emoji sequences: zero-width joiner, variation selectors, tags (flags of regions)."""
_INVISIBLE = "\u200b\u200e\u200f\u061c\u2060\u202a-\u202e\u2066-\u2069\ufeff"
LEAD = rf"(?:[\s{_EMOJI}{_JOINERS}{_INVISIBLE}]|[0-9#*]\ufe0f?\u20e3)*"
"""What may stand before a key besides tags: white space (also invisible), emoji, keycaps."""

ID_AMONG_KEYS = (
    "near-miss: the tag has one number where other titles with its prefix have `[PREFIX-1.2]`; no key was read"
)
TWO_KEYS = "near-miss: the title has two keys; the first one counts"
WIDE_TASK = "near-miss: the task number is above 9, so this may be a version; it was read as a key"

_TAG = "near-miss: the tag looks like a key, but is not of the form `[PREFIX-1.2]`; no key was read"
_LATE = "near-miss: the key does not lead the title; no key was read"
_BRACKETS = "near-miss: a key stands in square brackets, `[PREFIX-1.2]`; no key was read"
_SPELLED = "near-miss: the form is `Phase 1.2` or `Task 1.2`; no key was read"
_BARE = "near-miss: the form is `1.2: ` or `1.2 - `, with numbers from 0 to 99; no key was read"
FULL_WIDTH = "near-miss: full-width characters are not read; no key was read"
_META = "near-miss: a tracker's title starts with `META:` or `[META]`; this one counts as an ordinary issue"

_PREFIXED = r"(?=[\w-]*[^\W\d_])[\w-]+-[0-9]+\.[0-9]+"
_OPEN, _CLOSE = "({<【「『〔《〈（", ")}>】」』〕》〉）"
_DASH = "[-\u2010-\u2015\u2212~]"

_TAG_KEY = rf"\[(?=[\w-]*[^\W\d_])[\w-]+-{NUMBER}\.{NUMBER}[A-Za-z]?\]"
_SPELLED_KEY = rf"(?<![\w-]){WORD}{BLANK}+{NUMBER}\.{NUMBER}[A-Za-z]?(?![\w.])"
_BARE_KEY = rf"[\s|:;,/&+-]*(?:and{BLANK})?{BLANK}*{NUMBER}\.{NUMBER}[A-Za-z]?(?::|{BLANK}+-{BLANK}|$)"
_ALSO = rf"{BLANK}*(?:[,/&+]|and{BLANK}){BLANK}*{NUMBER}\.{NUMBER}[A-Za-z]?(?![\w.])"
_MORE_DIGITS = (
    rf"[\w\u0300-\u036f]|\.[0-9.]|{_DASH}[0-9]|{BLANK}+{_DASH}+{BLANK}*[0-9]+\.[0-9]"
    rf"|{BLANK}+(?:to|thru|through|till|until){BLANK}+[0-9]+\.[0-9]"
)
_DECIMAL = rf"{BLANK}*[0-9]+\.[0-9]"

_DIGITS_IN_TAG = rf"(?<![\w.])[vV]?[0-9]+(?:\.[0-9]+)+|[0-9]+\.[0-9]+|^{WORD}\W*[0-9]"
_OTHER_BRACKETS = rf"[{_OPEN}]{BLANK}*{_PREFIXED}[^{_CLOSE}]{{0,20}}[{_CLOSE}]"
_BARE_IN_BRACKETS = rf"[{_OPEN}]{BLANK}*(?:{WORD}{BLANK}*)?[0-9]+\.[0-9]+[A-Za-z]?{BLANK}*[{_CLOSE}]"
_UNBRACKETED = rf"\[?{_PREFIXED}"
_SPELLED_BADLY = rf"{WORD}[^\w\[\]]*[0-9]"
_NUMBERS = r"[0-9]+(?:\.[0-9]+)+"
_BARE_END = (
    rf"[A-Za-z]{{0,2}}(?:$|[:)\]}},;|/\\>.\u2010-\u2015\u2212-]|{BLANK}+[:)\]}},;|/\\>(\[{{\u2010-\u2015\u2212-])"
)
_BARE_TAIL = rf"[A-Za-z]?{BLANK}+|(?=[^\W\d_]{{3}})"
_PUNCTUATED = rf"[^\w\s\[$€£¥+=<>~±]+{BLANK}*[0-9]+\.[0-9]+[A-Za-z]?(?::|{BLANK}+-{BLANK}|[*_`\"'])"
_META_WORD = rf"META(?:{BLANK}*[-:\u2013\u2014]|{BLANK}+\S|$)|[{_OPEN}][Mm][Ee][Tt][Aa][{_CLOSE}]"

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


_compiled = cache(re.compile)
"""Patterns are compiled when a title first needs them: all at once would cost every start of `gate` some 10 ms."""


def narrowed(text: str) -> str:
    """The text with full-width characters (U+FF01 to U+FF5E, the ideographic space) as their ASCII twins."""
    return text.translate(_NARROW)


def starts_with_number(text: str, at: int) -> bool:
    """Whether a decimal number comes next: `1.2 - 1.4` is a range."""
    return _compiled(_DECIMAL).match(text, at) is not None


def runs_on(text: str, at: int) -> bool:
    """Whether `Phase 1.2`, ending at `at`, goes on: glued to a word, a third level, or a range."""
    return _compiled(_MORE_DIGITS).match(text, at) is not None


def has_key(rest: str) -> bool:
    """Whether a second key follows: a tag or `Phase 1.2` anywhere, a bare one right behind the first."""
    if not any(char.isdecimal() for char in rest):
        return False
    anywhere = _compiled(_TAG_KEY).search(rest) or _compiled(_SPELLED_KEY).search(rest)
    return bool(anywhere or _compiled(_BARE_KEY).match(rest) or _compiled(_ALSO).match(rest))


def note_of(text: str, at: int) -> str:
    """The note for a title that has no key, or nothing. Tags (and emoji) before `at` were walked over."""
    if _compiled(_META_WORD).match(text, at):
        return _META
    if not any("0" <= char <= "9" for char in text):
        return ""
    if any(_looks_like_key(tag) for tag in re.findall(r"\[([^\[\]]*)\]", text[:at])):
        return _TAG
    if _compiled(_TAG_KEY).search(text, at) or _compiled(_SPELLED_KEY).search(text, at):
        return _LATE if _compiled(_SPELLED_KEY).match(text, at) is None else _SPELLED
    if (
        _compiled(_OTHER_BRACKETS).search(text, at)
        or _compiled(_BARE_IN_BRACKETS).match(text, at)
        or _compiled(_UNBRACKETED).match(text, at)
    ):
        return _BRACKETS
    if _compiled(_SPELLED_BADLY).match(text, at):
        return _SPELLED
    return _BARE if _bare(text, at) else ""


def _looks_like_key(tag: str) -> bool:
    """A tag with a number like 1.2 in it: not a version (`v1.2`), a date or an address; also `[Phase 1]`."""
    match = _compiled(_DIGITS_IN_TAG).search(tag)
    if match is None:
        return False
    return match[0][0] not in "vV" and not _is_date(match[0])


def _is_date(numbers: str) -> bool:
    """12.11.2026, 127.0.0.1: three levels or more, and one above 99."""
    levels = numbers.split(".")
    return len(levels) > 2 and any(len(level) > 2 for level in levels)


def _bare(text: str, at: int) -> bool:
    """`1.2`, `1.2)`, `1.2.3:`, `1.2 Setup`, `- 1.2:`, `100.1:`; not `3.5 inch` or `12.11.2026:`."""
    numbers = _compiled(_NUMBERS).match(text, at)
    if numbers is None:
        return _compiled(_PUNCTUATED).match(text, at) is not None
    if _is_date(numbers[0]):
        return False
    if _compiled(_BARE_END).match(text, numbers.end()):
        return True
    tail = _compiled(_BARE_TAIL).match(text, numbers.end())
    return tail is not None and text[tail.end() : tail.end() + 1].isupper()
