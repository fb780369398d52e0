"""The hidden block in our comments: one line of ASCII that no text in it can end."""

import pytest

from bot.core.markers import hide, reveal

KIND = "ai-ready:sample"


@pytest.mark.parametrize("text", ["--> <b>", "<!-- ai-ready:other {} -->", "é\u2028\ud83d\nend", "----"])
def test_a_block_carries_any_text(text: str) -> None:
    """And comes back as it was."""
    block = hide(KIND, {"b": text, "a": 1})

    assert block.isascii()
    assert block.count("--") == 2
    assert not set("<>\n") & set(block[4:-3])
    assert reveal(KIND, f"words\n{block}\n") == {"a": 1, "b": text}


def test_the_first_block_of_its_kind_is_read() -> None:
    """Others may stand before it; a damaged one is none."""
    body = "\n".join((hide("ai-ready:other", {"a": 0}), hide(KIND, {"a": 1}), hide(KIND, {"a": 2})))

    assert reveal(KIND, body) == {"a": 1}
    assert reveal(KIND, f"<!-- {KIND} {{broken}} -->\n{body}") is None
    assert reveal("ai-ready:none", body) is None
