"""Redaction: every spelling of a known value, every format of an unknown one, and nothing else."""

import base64
import codecs
import json
import random
import string
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.secret import Secret
from bot.job.redact import MARK, Redactor

ALNUM = string.ascii_letters + string.digits
WORDY = ALNUM + "-_"
RANDOM = random.Random(20261121)


def some(alphabet: str, length: int) -> str:
    return "".join(RANDOM.choices(alphabet, k=length))


def segment(length: int) -> str:
    return "eyJ" + some(WORDY, length)


KEY = "sk-ant-api03-" + some(WORDY, 40) + "+/=7a" + some(WORDY, 50)
TOKEN = f"ghs_1234567_{segment(33)}.{segment(200)}.{some(WORDY, 340)}"
REDACTOR = Redactor([Secret(KEY), TOKEN])
BLIND = Redactor([])


def left_over(secret: str, shown: str) -> str:
    """A stretch of eight characters of `secret` that is still in `shown`."""
    return next((secret[i : i + 8] for i in range(len(secret) - 7) if secret[i : i + 8] in shown), "")


SPELLINGS = {
    "plain": KEY,
    "in a header": f"x-api-key: {KEY}",
    "after a colour": f"\x1b[31m{KEY}\x1b[0m",
    "after a written line break": f"\\n{KEY}\\n",
    "without its first 7": KEY[7:],
    "first half": KEY[:50],
    "second half": KEY[50:],
    "first 8 secret characters": KEY[13:21],
    "last 8": KEY[-8:],
    "reversed": KEY[::-1],
    "rot13": codecs.encode(KEY, "rot13"),
    "hex": KEY.encode().hex(),
    "HEX": KEY.encode().hex().upper(),
    "url-encoded": quote(KEY, safe=""),
    "JSON": json.dumps({"key": KEY}),
    "zero-width joined": "\u200b".join(KEY),
    "split by a colour": f"{KEY[:70]}\x1b[1m{KEY[70:]}",
    "base64 at 0": base64.b64encode(KEY.encode()).decode(),
    "base64 at 1": base64.b64encode(b"x" + KEY.encode() + b"yz").decode(),
    "base64 at 2": base64.b64encode(b"xy" + KEY.encode() + b"z").decode(),
    "base64url": base64.urlsafe_b64encode(b"{" + KEY.encode() + b"}").decode(),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_known_value_is_found_and_removed_however_it_is_spelled(spelled: str) -> None:
    """No eight characters of any spelling of a known value survive."""
    shown = REDACTOR.text(f"before {spelled} after")
    assert "known-secret" in REDACTOR.found(f"before {spelled} after")
    assert MARK in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    secret = spelled.removeprefix("x-api-key: ")
    assert not left_over(KEY[13:], shown)
    if secret.startswith("base64"):
        assert not left_over(secret[4:-4], shown)


def test_a_base64_spelling_leaves_at_most_the_characters_it_shares_with_its_neighbours() -> None:
    """Around base64 of a known value, only characters that also encode other bytes stay, or what every key begins with."""
    for shift in range(3):
        coded = base64.b64encode(b"p" * shift + KEY[13:].encode() + b"tail").decode()
        assert len(REDACTOR.text(coded).replace(MARK, "")) <= 4 + 8


def samples(make: str, count: int = 40) -> Iterator[str]:
    makers = {
        "ghp": lambda: f"{RANDOM.choice(['ghp_', 'gho_', 'ghu_', 'ghr_'])}{some(ALNUM, 36)}",
        "old ghs": lambda: f"ghs_{some(ALNUM, 36)}",
        "new ghs": lambda: (
            f"ghs_{RANDOM.randrange(10**7)}_{segment(33)}.{segment(180)}.{some(WORDY, 300)}{some(ALNUM, 1)}"
        ),
        "github_pat": lambda: f"github_pat_{some(ALNUM, 22)}_{some(ALNUM, 59)}",
        "sk-ant": lambda: f"sk-ant-{RANDOM.choice(['api03-', 'oat01-', 'admin01-', ''])}{some(WORDY, 95)}",
        "AWS id": lambda: f"{RANDOM.choice(['AKIA', 'ASIA'])}{some(string.ascii_uppercase + '234567', 16)}",
        "Slack": lambda: f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(ALNUM, 24)}",
        "JWT": lambda: f"{segment(33)}.{segment(80)}.{some(WORDY, 43)}",
        "PEM": lambda: (
            "-----BEGIN RSA PRIVATE KEY-----\n"
            + "\n".join(some(ALNUM + "+/", 64) for _ in range(25))
            + f"\n{some(ALNUM, 30)}==\n-----END RSA PRIVATE KEY-----"
        ),
        "encrypted PEM": lambda: (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n"
            + "\n".join(some(ALNUM + "+/", 64) for _ in range(8))
            + "\n-----END RSA PRIVATE KEY-----"
        ),
        "PEM in JSON": lambda: f"-----BEGIN PRIVATE KEY-----\\n{some(ALNUM + '+/', 64)}\\n-----END PRIVATE KEY-----\\n",
        "cut PEM": lambda: f"-----BEGIN OPENSSH PRIVATE KEY-----\n{some(ALNUM + '+/', 70)}\n{some(ALNUM, 70)}",
        "Slack webhook": lambda: f"hooks.slack.com/services/T{some(ALNUM, 9)}/B{some(ALNUM, 9)}/{some(ALNUM, 24)}",
        "AWS secret": lambda: f'aws_secret_access_key = "{some(ALNUM + "+/", 40)}"',
        "npm": lambda: f"npm_{some(ALNUM, 36)}",
        "PyPI": lambda: f"pypi-AgEIcHlwaS5vcmc{some(WORDY, 150)}",
    }
    return (makers[make]() for _ in range(count))


@pytest.mark.parametrize(
    "make",
    [
        *("ghp", "old ghs", "new ghs", "github_pat", "sk-ant", "AWS id", "Slack", "JWT", "PEM", "encrypted PEM"),
        *("PEM in JSON", "cut PEM", "Slack webhook", "AWS secret", "npm", "PyPI"),
    ],
)
def test_an_unknown_secret_is_found_by_its_format(make: str) -> None:
    """Forty random samples of each format are found and leave no eight characters, in any surrounding."""
    for sample in samples(make):
        for before, after in (
            ("", ""),
            ("\\n", "\\n"),
            ("word\x1b[31m", "\x1b[0m"),
            ("\x1b[1;31m", "\x1b[0m"),
            ('{"a": "', '"}'),
            ("+  key = ", "\n"),
        ):
            text = f"{before}{sample}{after}"
            assert BLIND.found(text), text
            assert not left_over(sample.removeprefix("aws_secret_access_key = "), BLIND.text(text)), text


NEAR_MISSES = {
    "a commit id": "3f786850e387550fdab836ed7e6dc881de23001b",
    "a sha256": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "npm integrity": "sha512-z8Kd7X1jYIsHTVJoXG2TVqQOZTf8zJ5oVxG4sVY7rsQ2XCO3zZlIsgv3EtYRTeu5VLKaAL3TL1DRNnJxBvR0Lw==",
    "a UUID": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "a short ghp_": f"ghp_{'a1' * 15}",
    "an unknown gh prefix": f"ghx_{'a1' * 18}",
    "a documented key": "sk-ant-your-api-key-goes-here",
    "an elided key": "sk-ant-api03-...",
    "a name with sk-ant": "task-ant-colony-optimisation-for-routing",
    "AWS's example id": "AKIAIOSFODNN7EXAMPLE",
    "AWS's example key": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "a longer upper-case word": "XAKIAABCDEFGHIJKLMNOPQRST",
    "xoxb in prose": "tokens begin with xoxb- or xoxp-, see the manual-of-slack-for-people",
    "a JWT's header": "eyJhbGciOiJIUzI1NiJ9",
    "two dotted words": "eyJhbGciOiJIUzI1NiJ9.notapayload.short",
    "a public key": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
    "a PEM placeholder": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "a PEM header in prose": "A line like -----BEGIN PRIVATE KEY----- starts it.",
    "the Slack API": "https://hooks.slack.com/services/",
    "a sentence with a PEM header and a commit": f"-----BEGIN PRIVATE KEY----- was in {'3f78' * 10} of the history",
    "a variable as a password": "https://user:$PASSWORD@host and https://user:${PASSWORD}@host",
    "stars as a password": "redis://:***@host",
    "an image by tag and digest": "docker://alpine:3.20@sha256:beefdbd8a1da6d2915566fde36db9db0",
    "a variable as a token": 'Authorization: Bearer $GITHUB_TOKEN", "Authorization: token ${TOKEN}"',
    "a token to be filled in": "Authorization: Bearer <your-token>",
    "an address with a port": "http://localhost:8080/a@b",
}


@pytest.mark.parametrize("text", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    """Near misses of the formats are neither changed nor found."""
    assert text == REDACTOR.text(text)
    assert REDACTOR.found(text) == []


def test_the_public_part_of_a_known_value_alone_is_no_find() -> None:
    """The prefix that every key shares, and the header that every token of an App shares, may be spoken of."""
    for text in ("sk-ant-api03-", "ghs_1234567_", f"header {TOKEN[12:40]}"):
        assert text == REDACTOR.text(text)


def test_a_password_in_an_address_is_hidden_in_logs_but_allowed_in_files() -> None:
    """A test's database URL in a diff blocks nothing; a log does not show the password."""
    text = "postgres://app:hunter2@localhost/db"
    assert text.replace("hunter2", MARK) == BLIND.text(text)
    assert BLIND.found(text) == []


def test_an_authorization_header_is_hidden() -> None:
    """The scheme stays readable, the credential does not."""
    assert f"Authorization: Basic {MARK}" == BLIND.text("Authorization: Basic eC1hY2Nlc3MtdG9rZW46")


def test_short_values_are_not_looked_for() -> None:
    """A key of a few characters would be everywhere."""
    assert Redactor(["x", "", "xyz"]).text("xyz") == "xyz"


def test_a_plain_word_as_secret_counts_only_as_a_whole() -> None:
    """A pass phrase of words does not blacken its own words."""
    redactor = Redactor(["correct horse battery staple"])
    assert redactor.text("correct horse") == "correct horse"
    assert redactor.text("correct horse battery staple") == MARK
    assert redactor.found(base64.b64encode(b"..correct horse battery staple")) == ["known-secret"]


def test_a_known_key_in_lines_is_found_by_each_line() -> None:
    """A private key we know is found line by line, and its dashes alone are not."""
    lines = [some(ALNUM + "+/", 64) for _ in range(4)]
    redactor = Redactor(["\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])])
    assert all(redactor.text(line) == MARK for line in lines)
    assert redactor.text("-----END PRIVATE KEY-----") == "-----END PRIVATE KEY-----"


def test_bytes_of_any_encoding_are_scanned() -> None:
    """A file in UTF-16 or with broken UTF-8 hides nothing."""
    assert REDACTOR.found(f"key={KEY}".encode("utf-16")) == ["anthropic-key", "known-secret"]
    assert REDACTOR.found(b"\xff\xfe\x80" + KEY.encode()) == ["anthropic-key", "known-secret"]


def test_a_password_that_only_begins_like_a_variable_is_hidden() -> None:
    """Lower case, or with more behind it."""
    for password in ("$hunter2", "$A-b7", "***x"):
        assert f"https://user:{MARK}@host" == BLIND.text(f"https://user:{password}@host")


def test_what_is_unseen_elsewhere_stays() -> None:
    """Only what holds a secret apart goes with it: colours of a log are not ours."""
    token = f"ghp_{some(ALNUM, 36)}"
    text = f"\x1b[32mok\x1b[0m {token[:20]}\x1b[1m{token[20:]} \u200bend"
    assert f"\x1b[32mok\x1b[0m {MARK} \u200bend" == BLIND.text(text)


def test_a_secret_right_behind_a_secret_is_hidden() -> None:
    """Whose beginning only shows once the other is gone."""
    assert f"{MARK}{MARK}" == REDACTOR.text(f"{KEY}AKIA{some(string.ascii_uppercase, 16)}")


def test_redacting_twice_changes_nothing_more() -> None:
    """The mark itself is no secret."""
    once = REDACTOR.text(" | ".join(SPELLINGS.values()))
    assert once == REDACTOR.text(once)


@given(st.text(max_size=300))
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Random text comes back as it went in."""
    assert text == REDACTOR.text(text)


@given(before=st.text(max_size=50), after=st.text(max_size=50), cut=st.integers(0, len(KEY) - 21))
@settings(max_examples=200)
def test_no_surrounding_hides_a_known_value(before: str, after: str, cut: int) -> None:
    """Whatever stands around it, the last part of a known value is found."""
    assert not left_over(KEY[13:], REDACTOR.text(f"{before}{KEY[cut:]}{after}"))


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "ghs_",
        "eyJ",
        "eyJa.eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "sk-ant-",
        "://a:",
        KEY[13:21],
        "xoxb-",
        "\u200bx",
        "aws_secret_key=",
    ],
)
def test_a_megabyte_takes_well_under_a_second(unit: str) -> None:
    """Time is linear, also on texts made to be slow."""
    text = unit * (1_000_000 // len(unit))
    start = time.thread_time()
    REDACTOR.text(text)
    assert time.thread_time() - start < 2.0


@pytest.mark.parametrize(
    ("kind", "sample"),
    [
        *[("github-token", f"{prefix}{some(ALNUM, 36)}") for prefix in ("ghp_", "gho_", "ghu_", "ghr_", "ghs_")],
        *[("aws-key", f"{prefix}{some(string.ascii_uppercase, 16)}") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")],
        *[("slack-token", f"{prefix}-1{some(ALNUM, 20)}") for prefix in ("xoxb", "xoxe.xoxp", "xapp")],
        *[("stripe-key", f"{prefix}_live_{some(ALNUM, 24)}") for prefix in ("sk", "rk")],
        *[("openai-key", f"sk-{owner}-{some(WORDY, 40)}") for owner in ("proj", "svcacct")],
        ("gitlab-token", f"glpat-{some(WORDY, 20)}"),
        ("google-key", f"AIza{some(WORDY, 35)}"),
        ("npm-token", f"npm_{some(ALNUM, 36)}"),
        ("pypi-token", f"pypi-AgE{some(WORDY, 50)}"),
        ("anthropic-key", f"sk-ant-api03-{some(ALNUM, 40)}"),
    ],
)
def test_each_beginning_names_its_kind(kind: str, sample: str) -> None:
    """The shortest token of each, in a file as in a log."""
    assert BLIND.found(f"key = {sample}") == [kind]
    assert BLIND.text(f"key = {sample}") == f"key = {MARK}"


SYMBOLS = "a1-b2-c3-d4-e5-f6-g7"
"""Too few letters and digits to be found in disguise."""


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("a1b2c3d4", "x a1b2c3d4 y", f"x {MARK} y"),
        ("a1b2c3d", "x a1b2c3d y", "x a1b2c3d y"),
        ("a1b2c3d4e5f6g7h8", "x a1b2c3d4 y", f"x {MARK} y"),
        ("a1b2c3d4e5f6g7h8", "x a1b2c3d y", "x a1b2c3d y"),
        ("a1b2c3d4e5f6g7h", "x a1b2c3d4 y", "x a1b2c3d4 y"),
        ("a1b2c3d4e5f6g7h", "x a1b2c3d4e5f6g7h y", f"x {MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[:13]} y", f"x {MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[7:]} y", f"x {MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[:11]}?{SYMBOLS[12:]} y", f"x {MARK}?{MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[::-1][:8]} y", f"x {MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[::-1][-8:]} y", f"x {MARK} y"),
        (SYMBOLS, f"x {SYMBOLS[3:15]} y", f"x {SYMBOLS[3:15]} y"),
    ],
)
def test_how_much_of_a_known_value_is_enough(value: str, text: str, shown: str) -> None:
    """Its first or last eight characters with all that follows on; all of a shorter one; nothing of less than eight."""
    assert Redactor([value]).text(text) == shown


def test_an_authorization_header_may_be_in_a_file() -> None:
    """As a test's password may."""
    assert BLIND.found("Authorization: Basic eC1hY2Nlc3MtdG9rZW46") == []


def test_what_holds_an_unknown_secret_apart_does_not_hide_it() -> None:
    """In a file, and in a log what only a log must not show."""
    token = f"ghp_{some(ALNUM, 36)}"

    assert BLIND.found("\u200b".join(token)) == ["github-token"]
    assert BLIND.text("https:\u200b//user:hunter2@host") == f"https:\u200b//user:{MARK}@host"


def test_secrets_that_touch_or_stand_in_one_another_are_one_mark() -> None:
    """And each that stands apart has its own."""
    redactor = Redactor(["a1b2c3d4", "c3d4e5f6", "g7h8i9j0"])

    assert redactor.text("x a1b2c3d4g7h8i9j0 y a1b2c3d4e5f6 z g7h8i9j0") == f"x {MARK} y {MARK} z {MARK}"
