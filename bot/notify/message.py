"""A notice in Slack's words: Block Kit, and the plain text that stands in notifications and wherever blocks are unknown.

Pure. Titles and sentences are anybody's words: they are one bounded line in which nothing mentions, links or formats its
way out of its place. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from bot.core.messages.words import money
from bot.core.outbound import one_line
from bot.notify.notice import Kind, Link, Notice

TITLE, SENTENCE = 120, 400
"""Characters; escaped, both together stay below what a block of text holds (3,000)."""

_SIGNS: Final[Mapping[Kind, str]] = MappingProxyType(
    {"done": ":white_check_mark:", "blocked": ":octagonal_sign:", "working": ":hourglass_flowing_sand:"}
)
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_URL: Final = re.compile(r"https?://[^\s<>|\"]{1,500}")


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted."""

    text: str
    blocks: tuple[Mapping[str, Any], ...]

    def body(self) -> dict[str, Any]:
        """As JSON. Nothing in it is looked up to be shown below it."""
        return {
            "text": self.text,
            "blocks": [dict(block) for block in self.blocks],
            "unfurl_links": False,
            "unfurl_media": False,
        }


def message(notice: Notice) -> Message:
    """Two lines, and a small one of figures and links below."""
    title, sentence = escaped(notice.title, TITLE), escaped(notice.sentence, SENTENCE)
    head = f"{_SIGNS[notice.kind]} *{_linked(notice.issue)}* {title}".rstrip()
    below = " · ".join(_details(notice))
    blocks: list[Mapping[str, Any]] = [{"type": "section", "text": _markdown(f"{head}\n{sentence}")}]
    if below:
        blocks.append({"type": "context", "elements": [_markdown(below)]})
    where = (notice.pull and _address(notice.pull)) or _address(notice.issue)
    plain = f"{escaped(notice.issue.name, TITLE)} {title}".rstrip()
    return Message(f"{plain}: {sentence} {where}".rstrip(), tuple(blocks))


def escaped(text: str, limit: int) -> str:
    """Foreign words: one line, no mention (`@here` → `@ here`), and none of the three characters that Slack obeys."""
    return one_line(text, limit).translate(_ESCAPES)


def minutes(seconds: float) -> str:
    """A time that a person would say."""
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _details(notice: Notice) -> list[str]:
    figures = [money(notice.usd)] if notice.usd else []
    figures += [minutes(notice.seconds)] if notice.seconds else []
    links = [notice.pull, Link("log", notice.log) if notice.log else None]
    return [*(_linked(link) for link in links[:1] if link), *figures, *(_linked(link) for link in links[1:] if link)]


def _linked(link: Link) -> str:
    name, url = escaped(link.name, TITLE), _address(link)
    return f"<{url}|{name.replace('|', ' ')}>" if url else name


def _address(link: Link) -> str:
    return link.url.replace("&", "&amp;") if _URL.fullmatch(link.url) else ""


def _markdown(text: str) -> Mapping[str, Any]:
    """`verbatim`: Slack makes no links and mentions of its own out of the words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
