"""How fast we may go: turns for what creates content, and rest where GitHub asked for it.

The Action is one process with a token of its own, and keeps its own count (`Bucket`). The server's workers and replicas
share the limits of an installation, so there the store counts (`InstallationPacing`), and a wait that is longer than a
few seconds is handed back to the queue instead of being slept through.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

BURST = 5
PER_SECOND = 1.0
"""Content-creating requests: a few at once, then one a second (GitHub allows 80 a minute).

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""
LONGEST_SLEEP = 90.0
"""Seconds. Longer rate-limit waits are the caller's business: a job that sleeps costs as much as one that works."""
LONGEST_PAUSE = 5.0
"""Seconds that a worker of the server sits and waits; it puts its lane back for anything longer."""
LONGEST_REST = 3600.0
"""Seconds that we rest at most when GitHub does not say how long."""
FORGOTTEN_AFTER = timedelta(minutes=15)
"""A limit without a time, this long after the last rest ended, counts as the first one."""


class Pacing(Protocol):
    """When the next request may go out."""

    @property
    def longest_wait(self) -> float:
        """Seconds that are sat out; what must wait longer is not sent."""
        ...

    def turn(self, creates: int) -> float:
        """Seconds to wait before a request that creates `creates` pieces of content; unless too long, it is taken."""
        ...

    def rest(self, seconds: float, *, guessed: bool = False) -> float:
        """GitHub wants to be left alone (`guessed`: it didn't say how long); for how many seconds we will."""
        ...


class Bucket:
    """One process, one account."""

    longest_wait = LONGEST_SLEEP

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._paid_until = 0.0
        """When the last content-creating request would have gone out at one a second."""

    def turn(self, creates: int) -> float:
        """See `Pacing`."""
        if not creates:
            return 0.0
        now = self._monotonic()
        self._paid_until = max(self._paid_until, now - BURST / PER_SECOND)
        due = self._paid_until + creates / PER_SECOND - now
        self._paid_until += creates / PER_SECOND
        return max(0.0, due)

    def rest(self, seconds: float, *, guessed: bool = False) -> float:  # noqa: ARG002 - see `Pacing`
        """See `Pacing`: whoever sends sleeps."""
        return seconds


class SharedPace(Protocol):
    """The limits of installations, kept for all processes together (`bot.server.ports.Pace`)."""

    def turn(self, installation_id: int, creates: int, now: datetime) -> float:
        """Seconds to wait before `creates` pieces of content may be created; the turn is taken."""
        ...

    def rest(self, installation_id: int, until: datetime) -> None:
        """Leave this installation alone until then (never shortens)."""
        ...

    def resting(self, installation_id: int, now: datetime) -> float:
        """Seconds that it still rests; 0: it doesn't."""
        ...


@dataclass(slots=True)
class Strikes:
    """How often in a row GitHub limited an installation without saying for how long. Shared by its clients."""

    count: int = 0
    rested_until: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def another(self, seconds: float, now: datetime) -> float:
        """Seconds to rest this time: twice as long as the last time.

        Answers that come while we rest already were on their way: they are the same strike.
        """
        with self._lock:
            if self.rested_until is not None and now < self.rested_until:
                return (self.rested_until - now).total_seconds()
            if self.rested_until is None or now > self.rested_until + FORGOTTEN_AFTER:
                self.count = 0
            wait = min(seconds * 2.0**self.count, LONGEST_REST)
            self.count += 1
            self.rested_until = now + timedelta(seconds=wait)
            return wait


class InstallationPacing:
    """One client's place in the queue of its installation. Kept as long as its repository is."""

    longest_wait = LONGEST_PAUSE

    def __init__(
        self,
        pace: SharedPace,
        installation_id: int,
        *,
        clock: Callable[[], datetime],
        strikes: Strikes,
        waited: Callable[[float], None],
    ) -> None:
        self._pace = pace
        self._installation_id = installation_id
        self._clock = clock
        self._strikes = strikes
        self._waited = waited
        self._booked: tuple[datetime, int] | None = None
        """A turn that was taken and was too far off to wait for: when it is, and for how many pieces.

        It is used when the work comes back. Taking another one each time would push everybody's turn further away for
        ever, without anything being sent.
        """

    def turn(self, creates: int) -> float:
        """See `Pacing`."""
        now = self._clock()
        resting = self._pace.resting(self._installation_id, now)
        if resting > self.longest_wait or not creates:
            return resting
        due, pieces = self._booked or (now, 0)
        if pieces < creates and (due - now).total_seconds() <= self.longest_wait:
            missing = self._pace.turn(self._installation_id, creates - pieces, now)
            due, pieces = max(due, now + timedelta(seconds=missing)), creates
        wait = max(resting, (due - now).total_seconds())
        self._booked = (due, pieces) if wait > self.longest_wait else None
        if 0 < wait <= self.longest_wait:
            self._waited(wait)
        return wait

    def rest(self, seconds: float, *, guessed: bool = False) -> float:
        """See `Pacing`; all workers of the installation rest."""
        now = self._clock()
        wait = self._strikes.another(seconds, now) if guessed else seconds
        self._pace.rest(self._installation_id, now + timedelta(seconds=wait))
        return wait
