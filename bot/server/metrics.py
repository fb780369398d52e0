"""What the server counts, for Prometheus. Numbers and fixed words only: no name of anything private, no secret.

One `Metrics` per process, with a registry of its own. Its methods are called from the event loop and from worker threads.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from bot.server.ports import Counts

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
UNREACHABLE_AFTER: Final = 300.0
"""Seconds without any answer of GitHub, while it is being asked, after which it counts as out of reach."""

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_COUNTS: Final = {
    "lanes_due": "Lanes (repositories, installations, timers) that wait for a worker",
    "oldest_due_seconds": "How long the lane that is due longest has been waiting",
    "lanes_failing": "Lanes whose last work failed; each is tried again later and later",
    "repositories": "Repositories that the App reaches",
    "installations": "Installations of the App that are neither suspended nor removed",
    "runs_active": "Runs that were dispatched and have not ended",
    "deliveries": "Deliveries kept in the inbox",
    "resting": "Installations that are left alone because GitHub asked for it",
}

_INBOX: Final = "inbox_deliveries"
"""`deliveries` is the counter's name."""


class Metrics:
    """Every counter, and how GitHub answered lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._remaining: dict[int, tuple[int, float]] = {}
        self._answered, self._unanswered_since = clock(), math.inf
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._deliveries = Counter("ai_ready_deliveries", "Requests to /webhook", ["result"], registry=registry)
        self._latency = Histogram(
            "ai_ready_delivery_seconds", "From a delivery's headers to its answer", registry=registry, buckets=_FAST
        )
        self._passes = Counter("ai_ready_passes", "Work on a lane that ended", ["result"], registry=registry)
        self._work = Histogram(
            "ai_ready_pass_seconds", "How long work on a lane took", registry=registry, buckets=_SLOW
        )
        self._dispatches = Counter("ai_ready_dispatches", "Dispatches of a run", ["result"], registry=registry)
        self._runs = Counter("ai_ready_runs", "Runs that ended, by verdict", ["verdict"], registry=registry)
        self._requests = Counter(
            "ai_ready_github_requests", "Requests to GitHub; status 0: no answer", ["kind", "status"], registry=registry
        )
        self._waited = Counter(
            "ai_ready_content_wait_seconds", "Time waited between writes, as GitHub wants it", registry=registry
        )
        self._redeliveries = Counter(
            "ai_ready_redeliveries", "Failed deliveries that GitHub was asked for again", ["result"], registry=registry
        )
        self._cuts = Counter(
            "ai_ready_lists_cut", "Lists that are longer than what is read of them", ["what"], registry=registry
        )
        self._store_errors = Counter("ai_ready_store_errors", "Times that the database was away", registry=registry)
        self._lowest = Gauge(
            "ai_ready_github_rate_limit_remaining", "Requests left in the hour, where fewest are", registry=registry
        )
        self._reconcile = Gauge(
            "ai_ready_reconcile_age_seconds", "Since every repository was last looked at", registry=registry
        )
        self._gauges = {
            name: Gauge(f"ai_ready_{_INBOX if name == 'deliveries' else name}", about, registry=registry)
            for name, about in _COUNTS.items()
        }

    # --------------------------------------------------------------------------------- what happened

    def delivery(self, result: str, seconds: float) -> None:
        """A request to /webhook was answered, `seconds` after its headers were there."""
        self._deliveries.labels(result).inc()
        self._latency.observe(seconds)

    def passed(self, seconds: float, result: str) -> None:
        """Work on a lane ended: `done`, `failed`, `lost`."""
        self._passes.labels(result).inc()
        self._work.observe(seconds)

    def dispatched(self, result: str) -> None:
        """A dispatch was sent: `ok`, `unsure`, `refused`, or found by look-up: `found`."""
        self._dispatches.labels(result).inc()

    def ended(self, code: str) -> None:
        """A run was released with this verdict code."""
        self._runs.labels(code).inc()

    def redelivered(self, result: str) -> None:
        """GitHub was asked for a delivery once more: `ok`, `refused`."""
        self._redeliveries.labels(result).inc()

    def cut(self, what: str) -> None:
        """A list is longer than what is read of it: `installations`, `repositories`, `deliveries`."""
        self._cuts.labels(what).inc()

    def request(self, kind: str, status: int) -> None:
        """GitHub was asked; `kind` is one of a few fixed words, `status` 0: no answer."""
        self._requests.labels(kind, str(status)).inc()
        with self._lock:
            if 0 < status < 500:
                self._answered, self._unanswered_since = self._clock(), math.inf
            else:
                self._unanswered_since = min(self._unanswered_since, self._clock())

    def waited(self, seconds: float) -> None:
        """A write waited for its turn."""
        self._waited.inc(seconds)

    def remaining(self, installation_id: int, left: int, reset: float) -> None:
        """GitHub said how many requests an installation has left until `reset` (seconds since the epoch)."""
        with self._lock:
            self._remaining[installation_id] = (left, reset)

    def store_error(self) -> None:
        """The database could not be read or written."""
        self._store_errors.inc()

    # ---------------------------------------------------------------------------------- what is told

    @property
    def github_reachable(self) -> bool:
        """False: GitHub is being asked, and has not answered for a while."""
        with self._lock:
            return self._clock() - max(self._answered, self._unanswered_since) < UNREACHABLE_AFTER or (
                self._unanswered_since == math.inf
            )

    def lowest_remaining(self, now: float) -> int | None:
        """Requests left where fewest are; None: nobody knows. `now`: seconds since the epoch."""
        with self._lock:
            self._remaining = {key: one for key, one in self._remaining.items() if one[1] > now}
            return min((left for left, _ in self._remaining.values()), default=None)

    def render(self, counts: Counts | None, reconcile_age: float | None) -> bytes:
        """Everything in Prometheus' text format; None: the database could not say (shown as NaN)."""
        for name, gauge in self._gauges.items():
            gauge.set(getattr(counts, name) if counts is not None else math.nan)
        self._reconcile.set(math.nan if reconcile_age is None else reconcile_age)
        lowest = self.lowest_remaining(time.time())
        self._lowest.set(math.nan if lowest is None else lowest)
        return generate_latest(self._registry)
