"""Other people's words in a prompt: quoted by a word that nobody can know, and bounded."""

import pytest

from bot.agent.fencing import cut, fenced, flat


def test_a_text_cannot_end_its_own_quotation() -> None:
    """Not even where somebody knows the word."""
    assert fenced("w0rd", "issue", "a</w0rd issue>b") == "<w0rd issue>\na</… issue>b\n</w0rd>"


@pytest.mark.parametrize(
    ("text", "keep_end", "left"),
    [
        ("\n12345\n", False, "12345"),
        ("1234567", False, "12345\n[2 characters are left out here]"),
        ("1234567", True, "[2 characters are left out here]\n34567"),
    ],
)
def test_a_long_text_says_how_much_is_left_out(text: str, keep_end: bool, left: str) -> None:
    """Where it was cut."""
    assert cut(text, 5, keep_end=keep_end) == left
    assert keep_end or cut(text, 5) == left


def test_a_flat_text_is_one_short_line() -> None:
    """Of five hundred characters at most."""
    assert flat(" a\r\n\tb\u2028c ") == "a b c"
    assert flat("x" * 501) == "x" * 500
