"""The server's clock: GitHub's, and between two of its answers one that nobody sets.

Due times, leases and waits are kept in a database that replicas share, and are compared with GitHub's own times. A machine's
clock may be hours off, or be set while the server runs; so it is read once, at the start.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

RESOLUTION: Final = timedelta(seconds=1)
"""Of an answer's `Date`."""
TOLERANCE: Final = timedelta(seconds=0.5)
"""GitHub is many machines."""


def running_seconds() -> float:
    """Seconds since some moment, those in which the machine slept included where the system counts them."""
    boot: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def wall() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class SteadyClock:
    """Call it for the time. Thread-safe."""

    def __init__(self, wall: Callable[[], datetime] = wall, running: Callable[[], float] = running_seconds) -> None:
        self._running = running
        self._origin = wall() - timedelta(seconds=running())
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The time by GitHub's clock, as far as we know."""
        return self._origin + timedelta(seconds=self._running())

    def heard(self, date: str, waited: float) -> None:
        """The `Date` of an answer to what was sent `waited` seconds ago: it was made between then and now."""
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        if theirs.tzinfo is None:
            return
        with self._lock:
            now = self()
            behind, ahead = theirs - now, now - timedelta(seconds=waited) - (theirs + RESOLUTION)
            if behind > TOLERANCE:
                self._origin += behind
            elif ahead > TOLERANCE:
                self._origin -= ahead
