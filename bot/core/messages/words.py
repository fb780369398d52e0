"""Small turns of phrase that the other messages share."""

from datetime import datetime

from bot.core.model import Actor
from bot.core.outbound import code_span, inert


def sentence(text: str) -> str:
    """Foreign words as one inert sentence with a full stop."""
    line = inert(text)
    return line if line.endswith((".", "!", "?", ")")) else f"{line}."


def code(text: str) -> str:
    """A command line as inline code that fits a table cell."""
    return code_span(text.replace("|", chr(166)), limit=120)


def name(actor: Actor) -> str:
    """A login that notifies nobody."""
    return code_span(actor.login, limit=60)


def money(usd: float) -> str:
    """Dollars; small sums with a tenth of a cent."""
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.3f}"


def counted(number: int, thing: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def clock(at: datetime) -> str:
    """A time for people, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
