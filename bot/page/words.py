"""How values are put into words on the page: the filters of its templates."""

from datetime import UTC, datetime
from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup

from bot.core.messages.words import money
from bot.core.outbound import clean, one_line
from bot.page.figures import duration

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline"])


@lru_cache(maxsize=4_096)
def inline(text: str) -> Markup:
    """Our own Markdown of one line, as HTML: no tags of its text, no pictures, no addresses but http ones."""
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704 (markdown-it escapes everything that is not its own)


@lru_cache(maxsize=16_384)
def shown(text: str, limit: int = 300) -> str:
    """Foreign text as one line without anything invisible in it; the template escapes it."""
    return one_line(text, limit)


def instant(at: datetime) -> str:
    """A time for people."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: datetime) -> str:
    """A time for machines."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def slug(words: str) -> str:
    """A word for a class or an id: `in review` → `in-review`."""
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in words.lower())


def counted(number: int, thing: str) -> str:
    """`1 issue`, `2,000 issues`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


FILTERS = {
    "cleaned": clean,
    "counted": counted,
    "duration": duration,
    "inline": inline,
    "instant": instant,
    "iso": iso,
    "money": money,
    "shown": shown,
    "slug": slug,
}
