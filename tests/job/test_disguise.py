"""A known value is found whatever stands between its characters, in any case, and in common encodings."""

import base64
import json
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.job.disguise import Disguises
from bot.job.redact import MARK, Redactor

KEY = "sk-ant-api03-q8Zr-T4vWm_Xb7Lk2NcPy9HsDfGj3E-aUoRi5"
SECRET = KEY.removeprefix("sk-ant-api03-")
RAW = KEY.encode()

DISGUISES: dict[str, Callable[[], str]] = {
    "a character a line": lambda: "\n".join(KEY),
    "spaces": lambda: " ".join(KEY),
    "dots": lambda: ".".join(KEY),
    "one dash more": lambda: "-".join(KEY),
    "list": lambda: str(list(KEY)),
    "json": lambda: json.dumps(list(KEY), indent=2),
    "pieces": lambda: "'" + "' + '".join(KEY[at : at + 5] for at in range(0, len(KEY), 5)) + "'",
    "escaped for Markdown": lambda: KEY.replace("-", "\\-").replace("_", "\\_"),
    "capitals": KEY.upper,
    "cases swapped": KEY.swapcase,
    "wide": lambda: "".join(chr(ord(letter) + 0xFEE0) for letter in KEY),
    "bold": lambda: "".join(chr(0x1D400 + ord(letter) - 65) if letter.isupper() else letter for letter in KEY),
    "accents": lambda: "\u0301".join(KEY),
    "percent": lambda: "".join(f"%{byte:02X}" for byte in RAW),
    "C": lambda: "".join(f"\\x{byte:02x}" for byte in RAW),
    "JavaScript": lambda: "".join(f"\\u{byte:04x}" for byte in RAW),
    "HTML": lambda: "".join(f"&#{byte};" for byte in RAW),
    "HTML, hexadecimal": lambda: "".join(f"&#x{byte:x};" for byte in RAW),
    "octal": lambda: "".join(f"\\{byte:03o}" for byte in RAW),
    "bytes": lambda: ", ".join(f"0x{byte:02x}" for byte in RAW),
    "decimal": lambda: " ".join(map(str, RAW)),
    "binary": lambda: " ".join(f"{byte:08b}" for byte in RAW),
    "dump": lambda: RAW.hex(" "),
    "fingerprint": lambda: RAW.hex(":").upper(),
    "wrapped": lambda: "\n".join(textwrap.wrap(base64.b64encode(b"x" + RAW).decode(), 20)),
    "base32": lambda: base64.b32encode(SECRET.encode()).decode(),
    "quoted-printable": lambda: "".join(f"={byte:02X}" for byte in RAW),
    "backwards, spaced": lambda: " ".join(KEY[::-1]),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguise_is_seen_through(name: str) -> None:
    """Found in a file, taken out of a text, and nothing around it with it."""
    redactor, text = Redactor([KEY]), f"Before this.\n{DISGUISES[name]()}\nAfter that."

    assert redactor.found(text.encode()) == ["known-secret"]
    shown = redactor.text(text)
    assert MARK in shown
    assert shown.startswith("Before this.")
    assert shown.endswith("After that.")
    assert not list(Disguises([(KEY, KEY.index(SECRET))]).spans(shown))


@given(st.text(st.characters(exclude_categories=("L", "N", "Cs")), min_size=1, max_size=4), st.integers(0, 12))
@settings(max_examples=60)
def test_whatever_stands_between(between: str, cut: int) -> None:
    """What is no letter hides nothing; neither does a missing beginning or end."""
    redactor = Redactor([KEY])

    assert "known-secret" in redactor.found(between.join(KEY[cut:]))
    assert "known-secret" in redactor.found(between.join(KEY[: len(KEY) - cut]))


@pytest.mark.parametrize("value", ["correct-horse-battery", "0123456789012345678901234567890", "a1" * 7])
def test_what_is_too_plain_is_not_looked_for(value: str) -> None:
    """Words, numbers and short values would be found where they are not."""
    assert list(Disguises([(value, 0)]).spans(" ".join(value))) == []


def test_the_bits_of_something_else() -> None:
    """Four characters of the secret have to be there, not some bits that look like them."""
    bits = "".join(f"{byte:08b}" for byte in SECRET.encode())

    assert list(Disguises([(KEY, KEY.index(SECRET))]).spans(f"{bits[:60]} {bits[:60]}")) == []


def test_it_does_not_say_what_it_looks_for() -> None:
    """Not even in a traceback with its variables."""
    assert SECRET[:6].lower() not in repr(Disguises([(KEY, 0)])).lower()
