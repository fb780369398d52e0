"""What whoever reaches the webhook's listener may cost us. Connections keep it by `bot.connections`."""

from dataclasses import dataclass
from typing import Final

MOST_BODY: Final = 25_000_000
"""Bytes of a webhook's body. https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What tests shorten."""

    receive: float = 10.0
    """Seconds from a connection's opening, or a further request's first byte, until the request is whole; and for which
    whoever asked may take nothing of the answer."""
    head: int = 65_536
    """Bytes of request line and headers."""
    body: int = MOST_BODY
    connections: int = 500
    """Open ones, idle ones included."""
    large_body: int = 262_144
    """Bytes from which a body counts as large."""
    large_bodies: int = 4
    """Large bodies received at a time: what a flood of them may cost in memory."""
    store: float = 8.0
    """Seconds for the database; GitHub hangs up after 10."""
    look: float = 5.0
    """Seconds for the database when somebody asks how we are."""
    look_every: float = 1.0
    """Seconds for which that answer is good: whoever asks more often gets the same one."""
