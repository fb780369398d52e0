"""An agent's description of a task inside Markdown of ours: paragraphs, lists and code stay, nothing in it acts."""

import re
from typing import Final

from bot.core.outbound import clean, fence, inert

_FENCE: Final = re.compile(r"[ ]{0,8}(?P<bar>`{3,}|~{3,})")
_BULLET: Final = re.compile(r"(?P<lead>[ ]{0,6}(?:[-*+]|[0-9]{1,3}[.)])[ ]+)(?P<text>\S.*)")
_HEADING: Final = re.compile(r"#{1,6}[ ]+(?P<text>.*?)[ #]*")


def inert_prose(text: str, *, limit: int) -> str:
    """`text` of at most about `limit` characters: what could mention, close, link or command is shown as code."""
    shown: list[str] = []
    code: list[str] = []
    bar = ""
    for line in clean(text[:limit]).strip("\n").split("\n"):
        found = _FENCE.match(line)
        if bar:
            if found and found["bar"].startswith(bar) and not line.strip().strip(bar[0]):
                shown.append(fence("\n".join(code), limit=max(300, limit)))
                code, bar = [], ""
            else:
                code.append(line)
        elif found:
            bar = found["bar"]
        else:
            shown.append(_line(line))
    if code:
        shown.append(fence("\n".join(code), limit=max(300, limit)))
    return "\n".join(shown).strip("\n")


def _line(line: str) -> str:
    """Headings are bold here: the sections around them are ours."""
    if bullet := _BULLET.fullmatch(line.expandtabs(4)):
        return f"{bullet['lead']}{inert(bullet['text'])}"
    if heading := _HEADING.fullmatch(line.strip()):
        words = inert(heading["text"])
        return f"**{words}**" if words else ""
    return inert(line)
