r"""Known secrets in disguise: their letters with anything between them, in any case, and in common encodings.

Pure and linear. A text is squeezed to its letters and digits, wide and ornamental forms made plain, and the needles are
squeezed in the same way: so one character a line, `'abc' + 'def'`, wrapped base64, `%73%6b`, `\x73`, `&#115;` and a
table of bytes all read alike. Where in the text a needle stands is reckoned only when there is one.
"""

import base64
import codecs
import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from bot.core.secret import SHORTEST

LEAST: Final = 16
"""Letters and digits of a secret, without what all of its kind begin with, for which it is looked for in disguise."""

_CHARACTERS: Final = 4
"""Of the secret that a piece has to show, where an encoding takes more than `LEAST` for them."""

_BITS: Final = 64
"""The same where the encoding has two letters only: fewer are anywhere."""


class Disguises:
    """What known values look like once they are squeezed."""

    def __init__(self, values: Iterable[tuple[str, int]]) -> None:
        """Of each value, with how much of its beginning is no secret."""
        secrets = (value[public:] for value, public in values)
        needles = {each for secret in secrets if len(secret) >= SHORTEST for each in _needles(secret)}
        self._pieces = tuple(
            dict.fromkeys(
                (piece, needle)
                for needle, size in sorted(needles)
                if len(needle) >= size
                for piece in (needle[:size], needle[-size:])
            )
        )

    def __repr__(self) -> str:
        return "Disguises(…)"

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a piece of a known value stands in disguise, from its first to behind its last character."""
        if len(text) < LEAST or not self._pieces:
            return
        squeezed = text.translate(_PLAIN)
        found = [(piece, needle) for piece, needle in self._pieces if piece in squeezed]
        if not found:
            return
        places = [at for at, letter in enumerate(text) for _ in _PLAIN[ord(letter)] or ""]
        for piece, needle in found:
            at = squeezed.find(piece)
            while at != -1:
                start, end = _grown(squeezed, at, needle, needle.find(piece), len(piece))
                yield places[start], places[end - 1] + 1
                at = squeezed.find(piece, end)


class _Plain(dict[int, str | None]):
    """For each character what is left of it: its letters and digits of ASCII, small; None: nothing."""

    def __missing__(self, code: int) -> str | None:
        if len(self) > _MOST:
            self.clear()
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        kept = "".join(letter for letter in plain if letter.isascii() and letter.isalnum()) or None
        self[code] = kept
        return kept


_MOST: Final = 60_000
_PLAIN: Final = _Plain()


def _squeezed(text: str) -> str:
    return text.translate(_PLAIN)


def _needles(secret: str) -> Iterator[tuple[str, int]]:
    """Each way to write the secret, squeezed, with how much of it has to be there.

    Of what is too plain for its pieces to mean anything all has to be, and in an encoding.
    """
    plain, raw = _squeezed(secret), secret.encode("utf-8", "surrogatepass")
    mixed = any(map(str.isdigit, plain)) and any(map(str.isalpha, plain))
    if mixed:
        for text in (secret, secret[::-1], codecs.encode(secret, "rot13"), json.dumps(secret), quote(raw, safe="")):
            yield _squeezed(text), LEAST
    for text, least in _encoded(raw):
        needle = _squeezed(text)
        yield needle, min(least, len(needle)) if mixed else len(needle)


def _encoded(raw: bytes) -> Iterator[tuple[str, int]]:
    yield base64.b32encode(raw).decode(), LEAST
    for shift, first in enumerate((0, 2, 3)):
        coded = base64.b64encode(bytes(shift) + raw)[first : (shift + len(raw)) * 8 // 6]
        yield coded.decode(), LEAST
    for style in ("{:02x}", "x{:02x}", "0x{:02x}", "u{:04x}", "{}", "{:03o}"):
        yield "".join(map(style.format, raw)), max(LEAST, _CHARACTERS * len(style.format(0xFF)))
    yield "".join(map("{:08b}".format, raw)), _BITS


def _grown(squeezed: str, at: int, needle: str, offset: int, size: int) -> tuple[int, int]:
    """The longest stretch around the piece at `at` that reads as the needle does around `offset`."""
    start, first = at, offset
    while start > 0 and first > 0 and squeezed[start - 1] == needle[first - 1]:
        start, first = start - 1, first - 1
    end, last = at + size, offset + size
    while end < len(squeezed) and last < len(needle) and squeezed[end] == needle[last]:
        end, last = end + 1, last + 1
    return start, end
