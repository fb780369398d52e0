"""What a verdict comment of ours said, without its machinery: for the agent that goes on from there."""

import re

from bot.core.names import VERDICT_MARKER

MOST_RETOLD = 16_000
"""Characters that are handed on."""

_BLOCK = re.compile(rf"^<!-- {VERDICT_MARKER} .*$\n?", re.MULTILINE)
_LAST_STEPS = 2
"""Paragraphs at a verdict's end that tell people what to do next."""


def retold(body: str) -> str:
    """Reason, checks, details and the agent's own words."""
    text = _BLOCK.sub("", body.replace("\r\n", "\n")).strip()
    return "\n\n".join(text.split("\n\n")[:-_LAST_STEPS])[:MOST_RETOLD].strip()
