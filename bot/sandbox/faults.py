"""What can go wrong at GitHub, switched on by tests: refusals, delays, stale lists, lost answers, rate limits."""

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

Mode = Literal["fail", "drop", "drop-after", "bad-gateway-after", "primary-limit", "secondary-limit", "delay"]


@dataclass(slots=True)
class Fault:
    """One fault, waiting for its requests."""

    mode: Mode
    pattern: "re.Pattern[str]"
    """Searched in `METHOD /path?query` (for GraphQL followed by the query's text)."""
    times: int
    """How often it still happens; -1: always."""
    status: int = 500
    seconds: float = 0.0
    retry_after: int | None = None


class Faults:
    """The knobs. Patterns are regular expressions searched in `METHOD /path`, e.g. `POST .*/pulls$`, `/graphql`."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.stale_seconds = 0.0
        """Lists answer as of this many seconds ago."""
        self._empty: list[re.Pattern[str]] = []

    def fail(self, pattern: str, status: int, *, times: int = 1) -> None:
        """Answer `status` without doing anything."""
        self._add(Fault("fail", re.compile(pattern), times, status=status))

    def drop(self, pattern: str, *, times: int = 1) -> None:
        """Close the connection without doing anything."""
        self._add(Fault("drop", re.compile(pattern), times))

    def drop_after(self, pattern: str, *, times: int = 1) -> None:
        """Do it, then close the connection without an answer."""
        self._add(Fault("drop-after", re.compile(pattern), times))

    def bad_gateway_after(self, pattern: str, *, times: int = 1) -> None:
        """Do it, then answer 502."""
        self._add(Fault("bad-gateway-after", re.compile(pattern), times, status=502))

    def delay(self, seconds: float, pattern: str = "", *, times: int = -1) -> None:
        """Answer late."""
        self._add(Fault("delay", re.compile(pattern), times, seconds=seconds))

    def rate_limit(self, pattern: str = "", *, times: int = 1, seconds: int = 60) -> None:
        """403 with `x-ratelimit-remaining: 0` and a reset `seconds` ahead."""
        self._add(Fault("primary-limit", re.compile(pattern), times, status=403, seconds=seconds))

    def secondary_rate_limit(self, pattern: str = "", *, times: int = 1, retry_after: int | None = 60) -> None:
        """403 with GitHub's secondary-limit words, and `Retry-After` unless None."""
        self._add(Fault("secondary-limit", re.compile(pattern), times, status=403, retry_after=retry_after))

    def stale(self, seconds: float) -> None:
        """Lists (issues, comments, pulls, runs; GraphQL connections too) answer as of `seconds` ago; 0 ends it."""
        self.stale_seconds = seconds

    def empty(self, pattern: str) -> None:
        """REST lists at `pattern` answer 200 with nothing in them, as one that is far behind, until `clear`."""
        self._empty.append(re.compile(pattern))

    def is_empty(self, path: str) -> bool:
        """Whether the list at `path` is to show nothing."""
        return any(pattern.search(path) for pattern in self._empty)

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._faults.clear()
        self._empty.clear()
        self.stale_seconds = 0.0

    def listed_at(self) -> datetime | None:
        """The moment that lists show; None: now."""
        if not self.stale_seconds:
            return None
        return self._hub.now() - timedelta(seconds=self.stale_seconds)

    def take(self, request: str) -> tuple[Fault, ...]:
        """The faults that this request meets, each used up once. At most one that isn't a delay."""
        taken: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.times == 0 or not fault.pattern.search(request):
                    continue
                if fault.mode != "delay" and any(other.mode != "delay" for other in taken):
                    continue
                fault.times -= fault.times > 0
                taken.append(fault)
        return tuple(taken)

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)
