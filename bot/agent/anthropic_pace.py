"""How many requests to the model may begin in a minute. Pure: the time is an input."""

from collections import deque

WINDOW = 60.0
"""Seconds."""


class Pace:
    """At most so many requests in any minute, those that are tried again included."""

    def __init__(self, requests_per_minute: int) -> None:
        self._begun: deque[float] = deque(maxlen=requests_per_minute)

    def wait(self, now: float) -> float:
        """Seconds until the next request may begin; 0: now."""
        if len(self._begun) < (self._begun.maxlen or 0):
            return 0.0
        return max(0.0, self._begun[0] + WINDOW - now)

    def note(self, now: float) -> None:
        """A request begins."""
        self._begun.append(now)
