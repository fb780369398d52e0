"""A known value is found whatever stands between its characters, in any case, and in common encodings."""

import base64
import codecs
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote

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


VALUE = "q8ZrT4vWmXb7Lk2NcPy9HsDfGj3E"


def in_base64(before: int, value: str = VALUE) -> str:
    """What is there of the value in base64, whatever `before` bytes stand before it."""
    after = -(before + len(value)) % 3
    zeros, ones = (
        base64.b64encode(bytes([byte] * before) + value.encode() + bytes([byte] * after)).decode() for byte in (0, 255)
    )
    return "".join(letter for letter, other in zip(zeros, ones, strict=True) if letter == other)


@pytest.mark.parametrize(
    ("written", "least"),
    [
        *((VALUE, 16), (VALUE[::-1], 16), (codecs.encode(VALUE, "rot13"), 16)),
        *((in_base64(before), 16) for before in range(3)),
        (base64.b32encode(VALUE.encode()).decode().rstrip("="), 16),
        *(
            ("".join(map(style.format, VALUE.encode())), least)
            for style, least in (("{:02x}", 16), ("x{:02x}", 16), ("0x{:02x}", 16), ("u{:04x}", 20), ("{}", 16))
        ),
        *(("".join(map(style.format, VALUE.encode())), least) for style, least in (("{:03o}", 16), ("{:08b}", 64))),
        ("a1b2c3d4e5f6g7h8", 16),
    ],
)
def test_either_end_is_enough_and_where_it_stands_is_told(written: str, least: int) -> None:
    """Sixteen letters and digits, or four characters of the secret where that is more, of bits eight; to the character."""
    disguises = Disguises([(VALUE, 0), ("a1b2c3d4e5f6g7h8", 0)])

    def found(letters: str) -> set[tuple[int, int]]:
        return {(start - 2, end - 2) for start, end in disguises.spans(f"( {' '.join(letters)} )")}

    for part in (written, written[:least], written[-least:]):
        assert (0, 2 * len(part) - 1) in found(part)
        assert all(0 <= start < end <= 2 * len(part) - 1 for start, end in found(part))
        assert set(disguises.spans(part)) >= {(0, len(part))}
    assert not found(written[: least - 1])
    assert not found(written[1 - least :])


@pytest.mark.parametrize("value", ["correcthorsebattery", "48151623421081", "a1b2c3d4"])
@pytest.mark.parametrize("encoding", ["base64", "base64 behind one", "base64 behind two", "hex", "binary"])
def test_of_what_is_plain_or_short_all_has_to_be_there_in_an_encoding(value: str, encoding: str) -> None:
    """Where its pieces would be anywhere; of what is short and mixed sixteen letters and digits are enough here, too."""
    written = {
        "base64": in_base64(0, value),
        "base64 behind one": in_base64(1, value),
        "base64 behind two": in_base64(2, value),
        "hex": value.encode().hex(),
        "binary": "".join(f"{byte:08b}" for byte in value.encode()),
    }[encoding]
    disguises = Disguises([(value, 0)])

    assert (0, len(written)) in disguises.spans(f"{written}{'.' * 16}")
    assert not list(disguises.spans(f"{written[1:]}{'.' * 16}"))
    assert not list(disguises.spans(f"{written[:-1]}{'.' * 16}"))


@pytest.mark.parametrize("write", [json.dumps, quote], ids=["JSON", "URL"])
def test_an_escape_in_the_middle_goes_with_it(write: Callable[[str], str]) -> None:
    """Though it has letters and digits of its own."""
    value = "q8ZrT4vWmXb7Lk2N\u00e9cPy9HsDfGj3EaUoRi5"
    written = write(value).strip('"')

    assert (0, len(written)) in set(Disguises([(value, 0)]).spans(written))


@pytest.mark.parametrize(("value", "public"), [("a1b2c3d", 0), ("ghs_a1b2c3d", 4), ("ghs_", 4)])
def test_less_than_eight_characters_are_no_secret(value: str, public: int) -> None:
    """In no encoding, and nothing is not looked for without end."""
    assert not list(Disguises([(value, public)]).spans(" ".join([*value, value.encode().hex(), "." * 16])))
