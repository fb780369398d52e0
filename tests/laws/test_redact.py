"""Laws of the redactor: what is secret goes wherever it stands, all else stays as it is, and long texts take no longer."""

import random
import string
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core.outbound import clean, traced
from bot.job.redact import MARK, Redactor
from tests.corpus.reading import DOCUMENTS
from tests.laws.number import LAWS

DICE = random.Random(20261122)
ALNUM = string.ascii_letters + string.digits


def some(length: int, alphabet: str = ALNUM) -> str:
    return "".join(DICE.choices(alphabet, k=length))


KEY = f"sk-ant-api03-{some(90)}a1"
REDACTOR = Redactor([KEY, some(30) + "7x"])
NAMES = st.sampled_from(sorted(DOCUMENTS))

SECRETS = {
    "known": KEY,
    "github": f"ghp_{some(36)}",
    "app": f"ghs_12345_eyJ{some(33)}.eyJ{some(80)}.{some(43)}",
    "fine-grained": f"github_pat_{some(22)}_{some(59)}",
    "anthropic": f"sk-ant-api03-{some(90)}A9",
    "aws": f"AKIA{some(16, string.ascii_uppercase)}",
    "slack": f"xoxb-{some(12, string.digits)}-{some(24)}",
    "jwt": f"eyJ{some(20)}.eyJ{some(40)}.{some(43)}",
    "key": "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(some(64) for _ in range(6))
    + "\n-----END RSA PRIVATE KEY-----",
    "key in a log": "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join(f"2026-11-20T10:00:00.1234567Z {some(64)}" for _ in range(3)),
    "key in a diff": "+-----BEGIN PRIVATE KEY-----\n" + "\n".join(f"+{some(64)}" for _ in range(3)),
    "key as JSON": f"-----BEGIN PRIVATE KEY-----\\n{some(64)}\\n{some(40)}==",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_ordinary_document_holds_no_secret(name: str) -> None:
    """Ids, hashes, lock files, public keys, placeholders and sentences about tokens: byte for byte, and no find."""
    assert REDACTOR.text(DOCUMENTS[name]) == DOCUMENTS[name]
    assert REDACTOR.found(DOCUMENTS[name]) == []
    assert REDACTOR.found(DOCUMENTS[name].encode()) == []


@given(NAMES, st.floats(0, 1), st.sampled_from(sorted(SECRETS)))
@LAWS
def test_a_secret_goes_from_anywhere_and_nothing_with_it(name: str, at: float, kind: str) -> None:
    """Between two lines of any document; those stay as they are, colours and all."""
    lines = DOCUMENTS[name].splitlines(keepends=True)
    place = round(at * len(lines))
    before, after = "".join(lines[:place]), "".join(lines[place:])
    assume(
        before.count("BEGIN PRIVATE") == before.count("END PRIVATE") or name != "public-keys.txt"
    )  # else part of a key
    text = f"{before}= {SECRETS[kind]} .\n{after}"
    shown = REDACTOR.text(text)

    assert REDACTOR.found(text)
    assert shown == f"{before}= {'+' * (kind == 'key in a diff')}{MARK} .\n{after}"


@given(
    NAMES, st.floats(0, 1), st.sampled_from(["known", "github", "aws"]), st.sampled_from("\u200b\u2060\u00ad\x00\u202e")
)
@LAWS
def test_a_secret_in_pieces_goes_with_what_holds_it_apart(name: str, at: float, kind: str, between: str) -> None:
    """And the rest of the text keeps even what is unseen in it."""
    text = DOCUMENTS[name]
    secret = between.join(SECRETS[kind])
    place = text.find("\n", round(at * len(text))) + 1

    assert REDACTOR.text(f"{text[:place]} {secret}\n{text[place:]}") == f"{text[:place]} {MARK}\n{text[place:]}"


PIECES = [
    *(secret[:size] for secret in SECRETS.values() for size in (8, 30, len(secret))),
    *(
        "Authorization: Bearer ",
        "https://u:",
        "@host",
        "aws_secret_access_key=",
        "\\n",
        "\x1b[0m",
        "\u200b",
        "-----",
        " ",
    ),
    *("\n", "\r\n", '"', "a", "7", "[redacted]", "PRIVATE KEY", "-----END PRIVATE KEY-----", "$TOKEN", "é", "\ud800"),
]
PATCHWORK = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(PATCHWORK)
@LAWS
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """And the shortest secrets, three letters of a password, make a text no more than three times as long."""
    once = REDACTOR.text(text)

    assert REDACTOR.text(once) == once
    assert len(once) <= 3 * len(text)


@given(st.one_of(PATCHWORK, st.text(st.characters(exclude_categories=[]))))
@LAWS
def test_cleaning_says_where_everything_stood(text: str) -> None:
    shown, places = traced(text)

    assert shown == clean(text)
    assert len(places) == len(shown)
    assert places == sorted(places)
    assert all(text[place] == letter or letter in "\n\ufffd" for letter, place in zip(shown, places, strict=True))


ENDLESS = {
    **{
        piece: piece
        for piece in (
            *(
                "-----BEGIN PRIVATE KEY-----",
                "-----BEGIN ",
                "-----BEGIN PRIVATE KEY-----\na: ",
                "ghp_",
                "ghs_a.",
                "eyJ",
            ),
            *(
                "eyJaaaaa.eyJ",
                "://a:",
                "authorization: bearer ",
                "aws_secret_key=",
                "xoxb-",
                "sk-ant-",
                "QUJD",
                "://:abc@",
            ),
            *("\u200b", "a\u200b", "\x1b[0m", "[redacted]", "AKIA", " ", "+", KEY[13:21], KEY[-8:], KEY[13:30]),
        )
    },
    "passwords after something invisible": "://:abc@\u200b",
    "tokens after something invisible": f"\u200bghp_{some(36)} ",
    "a key without an end": "ABCDEFGHIJKLMNOPQRSTUVWX",
    "headers of a key": "Name: value\n",
    "known values": f"{KEY} ",
    "known values apart": f"{'.'.join(KEY)} ",
}


@pytest.mark.parametrize("family", ENDLESS)
def test_time_is_linear(family: str) -> None:
    """Four times the text, about four times the time."""

    def seconds(size: int) -> float:
        text = "-----BEGIN PRIVATE KEY-----\n" * ("key" in family) + ENDLESS[family] * (size // len(ENDLESS[family]))
        started = time.thread_time()
        REDACTOR.text(text)
        return time.thread_time() - started

    # A neighbour may take the caches from us once, or garbage be collected.
    assert any(seconds(160_000) < 10 * seconds(40_000) + 0.2 for _ in range(3))
