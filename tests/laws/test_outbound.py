"""Laws of foreign words on their way out: they read the same, nothing in them acts, and nothing in them is unseen."""

import re
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.outbound import clean, code_span, defused, fence, inert, one_line
from tests.core.test_outbound import RENDERER, seen
from tests.corpus.reading import DOCUMENTS
from tests.laws.number import LAWS

NAMES = st.sampled_from(sorted(DOCUMENTS))
LINES = sorted({line for text in DOCUMENTS.values() for line in text.splitlines() if line.strip()})

ACTING = {"closing.md"}
"""Documents with words that act even inside code."""

JOINERS = re.compile("[\u200c\u200d\ufe0e\ufe0f\u180b-\u180f\U000e0061-\U000e007f]")
IN_PLACE = re.compile(
    "(?<=[\u0620-\u0dff\u1000-\u18af])[\u200c\u200d\u180b-\u180f]"  # a script that is spelled with them
    "|(?<=[\\w)\\]»”])\u200c(?=[\u0620-\u06ff])"
    "|(?<=[\u00a9\u00ae\u2000-\u32ff\U0001f000-\U0001faff\ufe0f])[\ufe0e\ufe0f\u200d]|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    "|(?<=\U0001f3f4)[\U000e0061-\U000e007a]{5}\U000e007f"
)


def unseen(text: str) -> list[str]:
    """What is left in a text that nobody sees, outside of emoji and of scripts that need it."""
    rest = IN_PLACE.sub("", text)
    return [
        f"U+{ord(each):04X}"
        for each in rest
        if JOINERS.match(each) or (unicodedata.category(each) in {"Cc", "Cf", "Cs"} and each not in "\n\t\r")
    ]


def test_the_judge_sees_what_is_unseen() -> None:
    assert unseen("a\u200db \u202e \ufe0f") == ["U+200D", "U+202E", "U+FE0F"]
    assert unseen("\U0001f3f4\U000e0065") == ["U+E0065"]


def said(markdown: str) -> str:
    """The letters of a rendered text, code included."""
    tokens = [each for token in RENDERER.parse(markdown) for each in (token, *(token.children or []))]
    return letters("".join(each.content if each.type in {"text", "code_inline", "fence"} else " " for each in tokens))


def letters(text: str) -> str:
    return re.sub(r"[\s`']", "", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_in_a_fence_is_the_document(name: str) -> None:
    """What people read in the box is what was put there; words that act even there are taken apart."""
    tokens = MarkdownIt("commonmark").parse(fence(DOCUMENTS[name], limit=60_000))

    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == clean(defused(clean(DOCUMENTS[name]))).lstrip("\n").rstrip() + "\n"
    assert (defused(clean(DOCUMENTS[name])) != clean(DOCUMENTS[name])) == (name in ACTING)
    assert not unseen(tokens[0].content)


@given(st.sampled_from(LINES))
@LAWS
def test_a_line_reads_the_same(line: str) -> None:
    """As a title, in a sentence, in a table and as code: every letter of it is there, and none of them acts."""
    as_it_is = letters(defused(re.sub(r"[ \t]+", " ", clean(line))))

    assert said(inert(line, 10_000)) == as_it_is.replace("|", "¦")
    assert said(code_span(line, 10_000)) == as_it_is.replace("|", "¦")
    assert not seen(inert(line, 10_000)).acts
    assert letters(one_line(line, 10_000)) == letters(re.sub(r"(?<!\w)@(?=\w)", "@ ", as_it_is)) or re.match(
        "^::|.*##", line
    )


@given(NAMES, NAMES, st.floats(0, 1), st.floats(0, 1), st.integers(300, 3_000))
@LAWS
def test_pieces_of_documents_stay_text(one: str, other: str, to: float, since: float, limit: int) -> None:
    """Cut and joined anywhere: bounded, idempotent, seen, and one block."""
    text = DOCUMENTS[one][: round(to * len(DOCUMENTS[one]))] + DOCUMENTS[other][round(since * len(DOCUMENTS[other])) :]

    for function in (clean, one_line, inert):
        once = function(text)
        assert function(once) == once
        assert not unseen(once)
    assert len(clean(text)) <= len(text)
    block = fence(text, limit=limit)
    assert len(block) <= limit
    assert [token.type for token in RENDERER.parse(block)] == (["fence"] if block else [])
    assert not unseen(block)
    assert not seen(inert(text, limit)).acts


@given(
    st.text(
        st.sampled_from(
            "ا ه ن क ് ന ᠠ\u200b\u200c\u200d\u180b\u202e\ufe0f\u3164\u115f👩🏽🚀🏴\U000e0067\U000e007f)1#\u20e3a\x1b[m\r\n"
        ),
        max_size=30,
    )
)
@LAWS
def test_nothing_unseen_is_left_whatever_stands_beside_it(text: str) -> None:
    assert not unseen(clean(text))
    assert clean(clean(text)) == clean(text)


ENDLESS = (
    "fixes ",
    "fixes: o/r",
    "@",
    "#1 ",
    "`",
    "` `",
    "<!--",
    "\x1b[",
    "\x1b]",
    "\r",
    "👩\u200d",
    "ന്\u200d",
    "|",
    "GH-",
    "::",
    "*a",
    "_",
)


@pytest.mark.parametrize("piece", ENDLESS)
@pytest.mark.parametrize(
    "function",
    [clean, one_line, inert, lambda text: fence(text, limit=len(text) + 300)],
    ids=["clean", "one line", "inert", "fence"],
)
def test_time_is_linear(function: Callable[..., str], piece: str) -> None:
    """Four times the text, about four times the time."""

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        started = time.thread_time()
        function(text, size) if function in {one_line, inert} else function(text)
        return time.thread_time() - started

    # A neighbour may take the caches from us once, or garbage be collected.
    assert any(seconds(160_000) < 10 * seconds(40_000) + 0.2 for _ in range(3))
