"""Sends what stories ask for: paces writes, repeats what may be repeated, waits where GitHub says so.

Three rules. A read is repeated with back-off and jitter. A write is sent once: when its answer is lost nobody knows
whether it was done, so the story is told and decides. A refusal for a rate limit was decided before anything was done:
whatever it was, it is sent again once GitHub's time is up — unless that is too long to sit and wait for.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from bot.github.exchange import GRAPHQL, Answer, Request, Story, T, problems
from bot.github.pacing import Bucket, Pacing

ATTEMPTS = 5
FIRST_PAUSE = 0.5
LONGEST_BACKOFF = 8.0


class Wire(Protocol):
    """Whatever can send one request: never raises for an HTTP status or a lost connection."""

    def send(self, request: Request) -> Answer:
        """Send it once."""
        ...


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks, the sleep and the dice; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random
    """A number in [0, 1)."""
    now: Callable[[], datetime] = utc_now
    heard: Callable[[str, float], None] = lambda _date, _waited: None
    """Is told the `Date` of each answer, and for how many seconds it was waited for."""


class Courier:
    """One per client. Without a `pacing` it is alone with its account and remembers what it sent lately."""

    def __init__(self, wire: Wire, timing: Timing, pacing: Pacing | None = None) -> None:
        self._wire = wire
        self._timing = timing
        self._pacing: Pacing = pacing or Bucket(timing.monotonic)

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
            wait = self._pacing.turn(request.creates)
            if wait > self._pacing.longest_wait:
                return _held_back(wait)
            if wait > 0:
                self._timing.sleep(wait)
            answer = self._rested(self._wire.send(request))
            pause = self._pause(request, answer, attempt)
            if pause is None:
                return answer
            self._timing.sleep(pause)
        return answer

    def _rested(self, answer: Answer) -> Answer:
        """Tell everybody who shares our limits; the answer, with the time that we will really wait."""
        if answer.retry_after is None:
            return answer
        # A little late rather than early, and not all clients at once.
        wait = self._pacing.rest(answer.retry_after + self._timing.dice(), guessed=answer.guessed)
        return replace(answer, retry_after=wait)

    def _pause(self, request: Request, answer: Answer, attempt: int) -> float | None:
        """Seconds until this request is worth another try; None: it stays at this answer."""
        if attempt == ATTEMPTS:
            return None
        if answer.retry_after is not None:
            return answer.retry_after if answer.retry_after <= self._pacing.longest_wait else None
        if request.repeatable and (answer.ambiguous or _half_answered(request, answer)):
            pause = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_BACKOFF)
            return pause * (0.5 + self._timing.dice())
        return None


def _held_back(wait: float) -> Answer:
    """Not sent: GitHub asked to be left alone, or it isn't our turn yet."""
    return Answer(429, {"message": "we are at GitHub's rate limit and wait"}, retry_after=wait)


def _half_answered(request: Request, answer: Answer) -> bool:
    """A GraphQL answer with holes in it, for reasons that pass."""
    return request.path == GRAPHQL and any(problem.transient for problem in problems(answer.body))
