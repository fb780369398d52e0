"""Small turns of phrase that the other messages share."""

from datetime import datetime

from bot.core.model import Actor
from bot.core.outbound import inert, one_line


def sentence(text: str) -> str:
    """Foreign words as one inert sentence with a full stop."""
    line = one_line(inert(text), limit=1_000)
    return line if line.endswith((".", "!", "?", ")")) else f"{line}."


def code(text: str) -> str:
    """A command line as inline code that fits a table cell."""
    return f"`{one_line(text, limit=120).replace('`', chr(39)).replace('|', chr(166))}`"


def name(actor: Actor) -> str:
    """A login that notifies nobody."""
    return f"`{one_line(actor.login, limit=60).replace('`', '')}`"


def clock(at: datetime) -> str:
    """A time for people, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
