"""The title grammar (design.md §4): where an issue stands in an order, told by its title alone.

A title is one of four kinds: `Keyed`, `Meta`, `Id`, `Unkeyed`. The grammar is strict on purpose: what only looks
like a key is reported in a note, never guessed. `bot.core.near_misses` owns what "looks like".
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.core import near_misses
from bot.core.near_misses import BLANK, LEAD, NUMBER, WORD

LONGEST = 300
"""Characters looked at: GitHub's titles have at most 256, and a file may hold anything."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """`[AUTH-1.2a]`, `1.2:`, `1.2 - `, `Phase 1.2`, `Task 1.2`: ordered by (phase, task, suffix)."""

    prefix: str
    """Upper-cased; empty for the forms without brackets."""
    phase: int
    task: int
    suffix: str = ""
    """A lower-case letter or nothing: 1.2 < 1.2a < 1.2b."""
    note: str = ""

    @property
    def label(self) -> str:
        """`AUTH-1.2a`, or `1.2` where there is no prefix."""
        place = f"{self.phase}.{self.task}{self.suffix}"
        return f"{self.prefix}-{place}" if self.prefix else place


@dataclass(frozen=True, slots=True)
class Meta:
    """`META: …` or `[META] …`: a tracker; first in order, never run, never blocks."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Id:
    """`[ARK-123] …`, or `ARK-123` as the whole title: ordered by its number, blocks nothing."""

    prefix: str
    number: int
    note: str = ""

    @property
    def label(self) -> str:
        """`ARK-123`."""
        return f"{self.prefix}-{self.number}"


@dataclass(frozen=True, slots=True)
class Unkeyed:
    """Any other title. `note` says so where it looks like a key and is none."""

    note: str = ""


Title = Keyed | Meta | Id | Unkeyed

_LEAD = re.compile(LEAD)
_TAG = re.compile(r"\[([^\[\]]*)\]")
_KEY = re.compile(rf"(?P<prefix>[^\[\]]+)-{NUMBER}\.{NUMBER}(?P<suffix>[A-Za-z]?)")
_ID = re.compile(r"([^\[\]]+)-(0|[1-9][0-9]{0,8})")
_PREFIX = re.compile(r"(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]+")
_META = re.compile(r"[Mm][Ee][Tt][Aa]:")
_BARE = re.compile(rf"{NUMBER}\.{NUMBER}([A-Za-z]?)(?::|{BLANK}+-(?={BLANK}))")
_SPELLED = re.compile(rf"{WORD}{BLANK}+{NUMBER}\.{NUMBER}([A-Za-z]?)")


@lru_cache(maxsize=1 << 17)
def parse(title: str) -> Title:
    """Read one title by itself. `parse_all` also knows its neighbours."""
    text = title[:LONGEST]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    at, found = _tags(text)
    if isinstance(found, Keyed):
        return _noted(found, text[at:], bare=False)
    if found is None or isinstance(found, Id):
        found = _spoken(text, at) or found
    return found or _id(text.strip()) or Unkeyed(_note(text, at))


def parse_all(titles: Mapping[int, str]) -> dict[int, Title]:
    """Read the titles of one repository, by issue number.

    `[AUTH-1]` is an id by itself, but a near miss where other titles have keys with the prefix AUTH.
    """
    found = {number: parse(title) for number, title in titles.items()}
    prefixes = {title.prefix for title in found.values() if type(title) is Keyed}
    for number, title in found.items():
        if type(title) is Id and title.prefix in prefixes:
            found[number] = Unkeyed(near_misses.ID_AMONG_KEYS)
    return found


def _tags(text: str) -> tuple[int, Title | None]:
    """Walk over what may precede a key; answer where that ends, and the key, META or first id among the tags."""
    at = _skip(text, 0)
    first_id: Id | None = None
    while tag := _TAG.match(text, at):
        inside = tag[1]
        at = tag.end()
        if key := _key(inside):
            return at, key
        if inside.upper() == "META":
            return at, Meta()
        first_id = first_id or _id(inside)
        at = _skip(text, at)
    return at, first_id


def _spoken(text: str, at: int) -> Keyed | Meta | None:
    """`META:`, `1.2:`, `1.2 - ` or `Phase 1.2` at `at`."""
    if _META.match(text, at):
        return Meta()
    if bare := _BARE.match(text, at):
        if bare[0].endswith("-") and near_misses.starts_with_number(text, bare.end()):
            return None  # `1.2 - 1.4`: a range
        return _noted(_keyed("", bare[1], bare[2], bare[3]), text[bare.end() :], bare=True)
    spelled = _SPELLED.match(text, at)
    if spelled and not near_misses.runs_on(text, spelled.end()):
        return _noted(_keyed("", spelled[1], spelled[2], spelled[3]), text[spelled.end() :], bare=False)
    return None


def _key(inside: str) -> Keyed | None:
    """The key inside a pair of square brackets."""
    match = _KEY.fullmatch(inside)
    if match is None or not _is_prefix(match[1]):
        return None
    return _keyed(match[1], match[2], match[3], match[4])


def _id(text: str) -> Id | None:
    match = _ID.fullmatch(text)
    if match is None or not _is_prefix(match[1]):
        return None
    return Id(match[1].upper(), int(match[2]))


def _keyed(prefix: str, phase: str, task: str, suffix: str) -> Keyed:
    return Keyed(prefix.upper(), int(phase), int(task), suffix.lower())


def _note(text: str, at: int) -> str:
    """What a title without a key looks like, if anything; `at`: where its tags end."""
    narrow = near_misses.narrowed(text)
    if narrow != text:
        read = parse(narrow)
        if isinstance(read, Keyed | Meta) or read.note:
            return near_misses.FULL_WIDTH
    return near_misses.note_of(text, at)


def _noted(key: Keyed, rest: str, *, bare: bool) -> Keyed:
    """Add what is odd about a key that counts all the same."""
    note = ""
    if near_misses.has_key(rest):
        note = near_misses.TWO_KEYS
    elif bare and key.task > 9:
        note = near_misses.WIDE_TASK
    return Keyed(key.prefix, key.phase, key.task, key.suffix, note) if note else key


def _is_prefix(text: str) -> bool:
    """Letters of any script (one at least), digits, `_` and `-`; full-width forms are a near miss."""
    if text.isascii():
        return _PREFIX.fullmatch(text) is not None
    kinds = [unicodedata.category(char)[0] if char not in "_-" else "_" for char in text]
    allowed = all(kind in "LM_" or char.isdecimal() for kind, char in zip(kinds, text, strict=True))
    return allowed and "L" in kinds and near_misses.narrowed(text) == text


def _skip(text: str, at: int) -> int:
    match = _LEAD.match(text, at)
    return match.end() if match else at
