"""Foreign words on their way out: seen through a renderer that knows what GitHub acts upon."""

import re
import time
import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.markers import hide, reveal
from bot.core.names import VERDICT_MARKER
from bot.core.outbound import COMMENT_LIMIT, bounded, clean, code_span, fence, inert, one_line, traced

# ------------------------------------------------------------------------------- a GitHub-like renderer

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

ACTS_IN_TEXT = {
    "mention": re.compile(r"(?<![A-Za-z0-9_])[@＠]\w"),
    "reference": re.compile(r"[#＃]\d|\bGH-\d", re.IGNORECASE),
    "link": re.compile(r"https?://|ftp://|\bwww\.|mailto:|javascript:|[\w.]@[\w-]+\.\w", re.IGNORECASE),
}
STRUCTURE = {
    *("link_open", "image", "html_inline", "html_block", "heading_open", "bullet_list_open", "ordered_list_open"),
    *("blockquote_open", "hr", "table_open", "strong_open", "em_open", "s_open", "code_block", "fence"),
}


@dataclass
class Seen:
    """What GitHub would make of a comment: the text outside code, and everything that is more than text."""

    text: str
    structure: set[str]

    @property
    def acts(self) -> set[str]:
        return self.structure | {name for name, pattern in ACTS_IN_TEXT.items() if pattern.search(self.text)}


def seen(markdown: str) -> Seen:
    tokens = [each for token in RENDERER.parse(markdown) for each in (token, *(token.children or []))]
    # Text on both sides of a tag counts as one: `<b>@</b>user` is a mention.
    text = "".join(
        token.content if token.type == "text" else " " * token.type.endswith(("break", "code_inline"))
        for token in tokens
    )
    return Seen(text, {token.type for token in tokens} & STRUCTURE)


def test_the_renderer_sees_what_it_is_for() -> None:
    """The judge of these tests finds each danger when nothing is done about it."""
    assert seen("hi @user").acts == {"mention"}
    assert seen("<b>@</b>user").acts == {"mention", "html_inline"}
    assert seen("&#64;user").acts == {"mention"}
    assert seen("fixes #1").acts == {"reference"}
    assert seen("![](https://evil/?q=1)").acts == {"image"}
    assert seen("`@user #1 https://x`").acts == set()


# --------------------------------------------------------------------------------------------- inert

HOSTILE = [
    *("@everyone", "@org/team", "hello @user!", "&#64;user", "&commat;user", "＠user", "@\u200buser", "<b>@</b>user"),
    *("[@user](x)", "\\@user", "`@user", "``@user`", "a`b`@user`", "fixes #1", "Closes owner/repo#2", "GH-3", "＃4"),
    *("https://github.com/o/r/issues/1", "![](https://evil/?q=1)", "![a b](https://evil)", "[a b](https://evil)"),
    *("[a b][x] [x]: https://evil", "<https://evil>", "www.evil.com", "javascript:alert(1)", "data:text/html,x"),
    *("<img src=x onerror=y>", "<!-- ai-ready:verdict {} -->", "<details><summary>", "a <b c> d", "me@example.com"),
    *(
        "/ai run",
        "> quote",
        "# heading",
        "- item",
        "* item",
        "1. item",
        "---",
        "***",
        "===",
        "**bold",
        "_em_",
        "~~gone~~",
    ),
    *(
        "| a | b |",
        "a | b\n|---|---|\n| c | d |",
        "\n\n# heading",
        "    code",
        "```\nfence",
        "~~~",
        "$`x`$",
        "deadbeef1",
    ),
    *(
        "a\\",
        "[^1]",
        "[x]: /y",
        "\x1b]8;;https://evil\x07x\x1b]8;;\x07",
        "a\r# b",
        "a\u2028# b",
        "a\x0b# b",
        "!\\[x](y)",
    ),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_title_does_nothing_inside_our_markdown(text: str) -> None:
    """No mention, reference, link, image, HTML or structure comes out of a foreign title, wherever we put it."""
    assert not seen(inert(text)).acts
    assert not seen(f"Working on {inert(text)} now.").acts
    assert seen(f"- {inert(text)}\n").acts == {"bullet_list_open"}
    row = seen(f"| a | b |\n|---|---|\n| {inert(text)} | ours |\n")
    assert row.acts == {"table_open"}
    assert row.text.endswith("ours")


@pytest.mark.parametrize(
    "title",
    [
        "[AUTH-1.2] Login: add a form",
        "Fix `parse()` for empty input",
        "Größe ändern – schnell & einfach",
        "修正: ログイン画面",
        "إصلاح تسجيل الدخول",
        "می‌خواهم",
        "Ship it 🚀 👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣ ❤️ 👍🏽",
        "C++ & R&D: a->b, x <= y, 3 * 4, snake_case, 50 %, $5",
        "Why? (maybe) — \"quotes\" and 'more'",
        "src/app/main.py is slow; v1.2.3-rc.1",
    ],
)
def test_a_harmless_title_stays_as_it_is(title: str) -> None:
    """No false damage: ordinary titles in any script are not touched."""
    assert inert(title) == title
    assert one_line(title) == title
    assert clean(title) == title


BITS = (
    *(
        "@#`\\<>[]()!*_~|&:/-+=.$ \n\t\r1a9f",
        "word",
        "é",
        "ن",
        "🚀",
        "👩",
        "@user",
        "#1",
        "GH-1",
        "://",
        "www.",
        "](",
        "![",
    ),
    *(
        "<b",
        "-->",
        "<!--",
        "ai-ready",
        "&#64;",
        "fixes ",
        "closes: ",
        "o/r",
        "https://",
        "/issues/1",
        "[skip ci]",
        "/ai run",
    ),
    *("::", "##[", "``", "\x1b[", "\x1b", "\u200b", "\u200d", "\ufe0f", "\ud800", "\u202e", "\U000e0041"),
)
NASTY = st.lists(st.one_of(st.sampled_from(BITS), st.sampled_from(BITS[0])), max_size=40).map("".join)
ANY = st.one_of(NASTY, st.text(st.characters(exclude_categories=[]), max_size=200))


@given(ANY)
@example("a`_b_`c_")
def test_inert_is_inert(text: str) -> None:
    """Whatever goes in, nothing acts."""
    assert not seen(inert(text)).acts, inert(text)
    assert seen(f"| {inert(text)} |\n|---|\n").acts <= {"table_open"}


@given(ANY, st.integers(30, 60))
def test_inert_is_inert_also_where_it_is_cut(text: str, limit: int) -> None:
    """A cut keeps the limit, opens nothing, and cutting again changes nothing."""
    shown = inert(text, limit)
    assert len(shown) <= limit
    assert not seen(shown).acts, shown
    assert inert(shown, limit) == shown


@given(ANY)
def test_everything_is_idempotent(text: str) -> None:
    """Doing it twice is doing it once."""
    for function in (clean, one_line, inert):
        once = function(text)
        assert function(once) == once


# --------------------------------------------------------------------------------------------- clean

IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
EMOJI = re.compile(
    "\U0001f3f4[\U000e0060-\U000e007f]+|[0-9#*]\ufe0f\u20e3|[\u00a9-\u3299\U0001f000-\U0001faff]"
    "[\U0001f3fb-\U0001f3ff]?[\ufe0e\ufe0f]?(?:\u200d[\u2190-\u3299\U0001f000-\U0001faff][\U0001f3fb-\U0001f3ff]?[\ufe0e\ufe0f]?)*"
)
JOINED = re.compile("(?<=[\u0600-\u18af])[\u200c\u200d\u180b-\u180f]|(?<=[\\w)\\]»”])\u200c(?=[\u0620-\u06ff])")


@given(ANY)
def test_nothing_invisible_is_left(text: str) -> None:
    """No control, bidi, default-ignorable or surrogate code point stays but in an emoji, and nothing gets longer."""
    shown = clean(text)
    assert len(shown) <= len(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not IGNORABLE.search(EMOJI.sub("", JOINED.sub("", shown)))
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\", "text"),
        ("a\x00b\x07c\x9bd", "abcd"),
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("abc\u202edef\u2066g", "abcdefg"),
        ("pay\u200bpal\u2060\ufeff", "paypal"),
        ("hidden\U000e0068\U000e0069", "hidden"),
        ("\ud83d lone", "\ufffd lone"),
        ("a\u3164b\u115fc", "abc"),
        ("a\ufe0fb", "ab"),
        ("\U0001f3f4\U000e0068\U000e007f", "\U0001f3f4"),
    ],
)
def test_clean_takes_out_what_a_reader_cannot_see(text: str, shown: str) -> None:
    """Terminal codes, controls, bidi, zero-width, tags and half characters."""
    assert clean(text) == shown


# ------------------------------------------------------------------------------------------- one line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Add\nlogin \t form\n", "Add login form"),
        ("Bump deps [skip ci]", "Bump deps (skip ci)"),
        ("[CI SKIP] x [no ci] [skip actions] [actions skip]", "(CI SKIP) x (no ci) (skip actions) (actions skip)"),
        ("[skip\nci]", "(skip ci)"),
        ("::set-output name=a::b", ": :set-output name=a::b"),
        ("std::vector is slow", "std::vector is slow"),
        ("x ##[error]y", "x ## [error]y"),
        ("Fixes #12 and closes: o/r#3", "Fixes # 12 and closes: o/r# 3"),
        ("resolved GH-4", "resolved GH- 4"),
        ("fix https://github.com/o/r/issues/5 now", "fix https:// github.com/o/r/issues/5 now"),
        ("prefixes #12", "prefixes #12"),
        ("thanks @user, @org/team; me@example.com", "thanks @ user, @ org/team; me@example.com"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_a_title_is_one_plain_line(text: str, shown: str) -> None:
    """A PR title or commit subject closes, mentions, skips and commands nothing."""
    assert one_line(text, 200) == shown


def test_a_cut_never_leaves_half_an_emoji() -> None:
    """The family is shown whole or without the joiner that would dangle."""
    assert one_line("aaaa👩‍👩‍👧‍👦", 7) == "aaaa👩…"
    assert one_line("aaaa👩‍👩‍👧‍👦", 8) == "aaaa👩‍👩…"


@given(ANY, st.integers(20, 100))
def test_one_line_is_one_line(text: str, limit: int) -> None:
    """No line break, no more than the limit, no closing keyword before a reference."""
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"(?i)\b(?:fix|close)e?s?:?\s*#\d", shown)
    assert "[skip ci]" not in shown.lower()
    assert not shown.startswith("::")


# --------------------------------------------------------------------------------------------- fence


@given(ANY, st.integers(300, 400))
@example("```\n" * 60, 300)
@example("`" * 1000, 300)
@example("~~~\n````\n" * 9, 300)
def test_a_fence_holds_whatever_is_in_it(text: str, limit: int) -> None:
    """Its content is one code block, within the limit, and what follows it is ours again."""
    block = fence(text, limit=limit)
    assert len(block) <= limit
    if not block:
        return
    tokens = RENDERER.parse(f"{block}\n\nours")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].info == "text"
    assert tokens[2].content == "ours"


def test_a_fence_shows_code_as_it_is() -> None:
    """Indentation, decorators and Markdown inside stay."""
    code = "    @property\n    def x(self):\n        return '```'"
    assert fence(code, limit=1_000) == f"````text\n{code}\n````"


def test_a_fence_neutralises_what_acts_when_a_pr_body_becomes_a_commit_message() -> None:
    """Squash merging drops the code block: closing words and `[skip ci]` in it must not act then."""
    shown = fence("This fixes #1.\n[skip ci]\nskip-checks: true\n@claude go on\n@claudette", limit=1_000)
    assert shown == "```text\nThis fixes # 1.\n(skip ci)\nskip-checks : true\n@ claude go on\n@claudette\n```"


def test_nothing_foreign_forges_our_hidden_block() -> None:
    """A marker in the agent's words is not read back as ours."""
    forged = hide(VERDICT_MARKER, {"run": "7-C1-1", "code": "done"})
    assert reveal(VERDICT_MARKER, forged)
    for shown in (fence(forged, limit=500), inert(forged), one_line(forged), code_span(forged)):
        assert reveal(VERDICT_MARKER, shown) is None
        assert "<!--" not in shown


def test_a_long_text_is_cut_and_says_so() -> None:
    """Ten megabytes become a small block, quickly."""
    start = time.thread_time()
    block = fence("line of log\n" * 900_000, limit=6_000)
    assert time.thread_time() - start < 0.5
    assert len(block) <= 6_000
    assert block.endswith("\n… (10,800,000 characters in all)\n```")


def test_nothing_makes_no_fence() -> None:
    """An empty text leaves no empty box."""
    assert fence(" \n\x00\n", limit=300) == ""


@pytest.mark.parametrize("text", ["a`b", "``", "x | y", "a\nb", "@user"])
def test_a_code_span_is_closed_by_us_only(text: str) -> None:
    """One line of code, whatever is in it, tables included."""
    row = seen(f"| {code_span(text)} | ours |\n|---|---|\n")
    assert row.acts == {"table_open"}
    assert row.text == " ours"


# ------------------------------------------------------------------------------------------- bounded


def test_parts_are_joined_with_blank_lines() -> None:
    """Empty parts leave no gap."""
    assert bounded("a", "", "b") == "a\n\nb"
    assert bounded() == ""


def test_what_does_not_fit_is_left_out_whole() -> None:
    """The first and the last part stay, smaller parts too, and the reader is told."""
    big = fence("x" * 50_000, limit=50_000)
    text = bounded("Done: draft PR #31", big, big, "small", "/ai run <more>")
    assert len(text) <= COMMENT_LIMIT
    assert text.startswith("Done: draft PR #31\n\n")
    assert text.endswith("small\n\n*(Left out here: more than a comment holds.)*\n\n/ai run <more>")
    assert text.count("```") == 2


@given(st.lists(st.text(max_size=400), max_size=8), st.integers(200, 500))
def test_a_comment_never_exceeds_its_limit(parts: list[str], limit: int) -> None:
    """Whatever the parts are."""
    assert len(bounded(*parts, limit=limit)) <= limit


@pytest.mark.parametrize(
    "unit",
    [
        "a ",
        "`",
        "@a ",
        "fixes ",
        "fixes #1 ",
        "[",
        "![",
        "\x1b[",
        "\u200b",
        "👩\u200d",
        "o/r",
        "https://",
        "<!--",
        "[skip ",
        "\x1b]",
    ],
)
@pytest.mark.parametrize("function", [clean, lambda text: one_line(text, 300_000), lambda text: inert(text, 300_000)])
def test_a_megabyte_takes_well_under_seconds(function: object, unit: str) -> None:
    """Time is linear, also on texts made to be slow."""
    start = time.thread_time()
    function(unit * (1_000_000 // len(unit)))  # type: ignore[operator]
    assert time.thread_time() - start < 3.0


# ------------------------------------------------------------------------------- limits, to the character


def test_one_line_is_cut_only_beyond_its_limit() -> None:
    """A thousand characters where nothing else is said; what stands beyond four times the limit is not looked at."""
    assert one_line("x" * 1_000) == "x" * 1_000
    assert one_line("x" * 1_001) == "x" * 999 + "…"
    assert one_line(" " * 39 + "x", 10) == "x"
    assert one_line(" " * 40 + "x", 10) == ""


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("a" * 1_000, 1_000, "a" * 1_000),
        ("a" * 1_001, 1_000, f"`{'a' * 997}…`"),
        ("12345 7890 x", 12, "12345 7890 x"),
        ("12345 7890 xyz", 12, "12345 7890 …"),
        ("12345 78901 xyz", 12, "12345 …"),
        ("12345 789012 x", 12, "12345 …"),
        (f"{'a' * 10} {'b' * 40}", 40, f"{'a' * 10} `{'b' * 26}…`"),
        (f"{'a' * 10} {'b' * 40}", 35, f"{'a' * 10} `{'b' * 21}…`"),
        (f"{'a' * 10} {'b' * 40}", 34, f"{'a' * 10} …"),
        ("a`b", 1_000, "`a'b`"),
    ],
)
def test_inert_words_end_at_the_limit(text: str, limit: int, shown: str) -> None:
    """Whole words, then what fits of the next one where that is worth it, always with a sign that there was more."""
    assert inert(text, limit) == shown
    assert limit != 1_000 or inert(text) == shown


def test_a_code_span_has_a_hundred_characters() -> None:
    """Its marks included."""
    assert code_span("x" * 98) == f"`{'x' * 98}`"
    assert code_span("x" * 99) == f"`{'x' * 97}…`"


def test_a_fence_is_cut_only_where_it_is_too_long() -> None:
    """By its text, or by what was not looked at; a very long run of marks is shortened first."""
    assert fence("x" * 288, limit=300) == f"```text\n{'x' * 288}\n```"
    assert "289 characters in all" in fence("x" * 289, limit=300)
    assert len(fence("x" * 289, limit=300)) == 300
    assert fence("x" + " " * 1_199, limit=300) == "```text\nx\n```"
    assert "1,201 characters in all" in fence("x" + " " * 1_200, limit=300)
    assert fence("~" * 70, limit=300) == f"```text\n{'~' * 64}\n```"


def test_a_comment_is_whole_as_long_as_it_fits() -> None:
    """Counted with two line breaks for each part."""
    parts = ["a" * 100] * 4

    assert bounded(*parts, limit=408) == "\n\n".join(parts)
    assert len(bounded(*parts, limit=405)) <= 405


def test_the_ends_of_a_comment_share_it() -> None:
    """Half of it at most for the first part, a third for the last; in between what fits, in its order."""
    left_out = "*(Left out here: more than a comment holds.)*"
    first, last, room = "f" * 50, "l" * 50, 300 - 100 - len(left_out) - 6

    assert bounded("a" * 1_000, limit=300) == "a" * 149 + "…"
    assert bounded("a" * 1_000, "b" * 1_000, limit=300) == "\n\n".join(("a" * 149 + "…", "b" * 99 + "…"))
    assert bounded("a" * 1_000, "m", "l", limit=300) == "\n\n".join(("a" * 149 + "…", "m", "l"))
    for middle, fits in (("m" * (room - 2), True), ("m" * (room - 1), False)):
        kept = [middle] if fits else []
        assert bounded(first, middle, "x" * 300, last, limit=300) == "\n\n".join((first, *kept, left_out, last))
    two = ("m" * (room - 7), "xyz")
    assert bounded(first, *two, "x" * 300, last, limit=300) == "\n\n".join((first, *two, left_out, last))
    assert "wxyz" not in bounded(first, two[0], "wxyz", "x" * 300, last, limit=300)


@pytest.mark.parametrize("code", ["gbeng", "gbsct", "gbwls"])
def test_the_flags_of_subdivisions_stay(code: str) -> None:
    """England, Scotland, Wales."""
    flag = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in code) + "\U000e007f"

    assert clean(f"a{flag}b") == f"a{flag}b"


@pytest.mark.parametrize(
    ("text", "shown", "places"),
    [
        ("", "", []),
        ("ab", "ab", [0, 1]),
        ("a\u200bb\x1b[1mc", "abc", [0, 2, 7]),
        ("\ra\r\nb\u2028", "\na\nb\n", [0, 1, 2, 4, 5]),
        ("a\ud800b❤️c", "a\ufffdb❤️c", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_each_character_of_a_cleaned_text_knows_its_place(text: str, shown: str, places: list[int]) -> None:
    """So that what is found in the clean text can be taken out of the other."""
    assert traced(text) == (shown, places)
    assert clean(text) == shown
