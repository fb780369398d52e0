"""Sends what stories ask for: paces writes, repeats what may be repeated, waits where GitHub says so.

Three rules. A read is repeated with back-off and jitter. A write is sent once: when its answer is lost nobody knows
whether it was done, so the story is told and decides. A refusal for a rate limit was decided before anything was done:
whatever it was, it is sent again once GitHub's time is up — unless that is too long to sit and wait for.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.github.exchange import GRAPHQL, Answer, Request, Story, T, problems

ATTEMPTS = 5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
LONGEST_WAIT = 90.0
"""Seconds. Longer rate-limit waits are the caller's business: a job that sleeps costs as much as one that works."""
BURST = 5
PER_SECOND = 1.0
"""Content-creating requests: a few at once, then one a second (GitHub allows 80 a minute).

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""


class Wire(Protocol):
    """Whatever can send one request: never raises for an HTTP status or a lost connection."""

    def send(self, request: Request) -> Answer:
        """Send it once."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock, the sleep and the dice; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random
    """A number in [0, 1)."""


class Courier:
    """One per process and account: it remembers what was sent lately."""

    def __init__(self, wire: Wire, timing: Timing) -> None:
        self._wire = wire
        self._timing = timing
        self._paid_until = 0.0
        """When the last content-creating request would have gone out at one a second."""

    def tell(self, story: Story[T]) -> T:
        """Run a story to its end; its result."""
        try:
            request = next(story)
            while True:
                request = story.send(self.send(request))
        except StopIteration as end:
            result: T = end.value
            return result

    def send(self, request: Request) -> Answer:
        """Send a request, patiently; the last answer, whatever it is."""
        for attempt in range(1, ATTEMPTS + 1):
            self._pace(request)
            answer = self._wire.send(request)
            pause = self._pause(request, answer, attempt)
            if pause is None:
                return answer
            self._timing.sleep(pause)
        return answer

    def _pause(self, request: Request, answer: Answer, attempt: int) -> float | None:
        """Seconds until this request is worth another try; None: it stays at this answer."""
        if attempt == ATTEMPTS:
            return None
        if answer.retry_after is not None:
            # A little late rather than early, and not all clients at once.
            wait = answer.retry_after + self._timing.dice()
            return wait if wait <= LONGEST_WAIT else None
        if request.repeatable and (answer.ambiguous or _half_answered(request, answer)):
            pause = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
            return pause * (0.5 + self._timing.dice())
        return None

    def _pace(self, request: Request) -> None:
        """Wait for our turn to create something."""
        if not request.creates:
            return
        now = self._timing.monotonic()
        self._paid_until = max(self._paid_until, now - BURST / PER_SECOND)
        due = self._paid_until + request.creates / PER_SECOND - now
        if due > 0:
            self._timing.sleep(due)
        self._paid_until += request.creates / PER_SECOND


def _half_answered(request: Request, answer: Answer) -> bool:
    """A GraphQL answer with holes in it, for reasons that pass."""
    return request.path == GRAPHQL and any(problem.transient for problem in problems(answer.body))
