"""Whether the server is fit to work: what `/readyz` answers. Deciding is pure; looking is done by a thread.

`Vitals.failing` names what to look at: `store` (the database can't be written), `scheduler` (a thread of it ended),
`reconcile` (no look at every repository for three periods), `github` (asked for minutes, and no answer).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.server.limits import Limits
from bot.server.logs import event
from bot.server.metrics import Metrics
from bot.server.ports import Counts, Store, StoreUnavailable
from bot.server.rules import RECONCILED

OVERDUE_PERIODS, OVERDUE_SLACK = 3.0, 30.0


class Scheduling(Protocol):
    """The scheduler, as the process sees it."""

    def start(self) -> None:
        """Begin. Raises `StoreUnavailable`."""
        ...

    def stop(self, grace: float) -> bool:
        """Take nothing more, wait up to `grace` seconds for what is under way; whether all of it ended."""
        ...

    def wake(self) -> None:
        """Something became due."""
        ...

    @property
    def alive(self) -> bool:
        """Whether its threads run."""
        ...


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was seen at one look."""

    counts: Counts | None
    """None: the database is away."""
    alive: bool
    reconcile_age: float
    """Seconds since every repository was looked at, or since the start where that has not been yet."""
    reconcile_seconds: float
    github: bool
    remaining: int | None
    """Requests left where fewest are; None: nobody knows."""

    @property
    def failing(self) -> tuple[str, ...]:
        """Names of what is not as it should be."""
        overdue = self.reconcile_age > OVERDUE_PERIODS * self.reconcile_seconds + OVERDUE_SLACK
        checks = {
            "store": self.counts is not None,
            "scheduler": self.alive,
            "reconcile": not overdue,
            "github": self.github,
        }
        return tuple(name for name, good in checks.items() if not good)

    @property
    def limited(self) -> bool:
        """GitHub's limits hold something up."""
        return self.remaining == 0 or (self.counts is not None and self.counts.resting > 0)

    @property
    def word(self) -> str:
        """`ready`, `degraded` (it works, slower than it would like) or `failing`."""
        return "failing" if self.failing else "degraded" if self.limited else "ready"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at."""

    store: Store
    scheduler: Scheduling
    metrics: Metrics


class Health:
    """Looks, at most once a second, whoever asks."""

    def __init__(
        self, watched: Watched, reconcile_seconds: float, limits: Limits, clock: Callable[[], datetime]
    ) -> None:
        self._store = watched.store
        self._scheduler = watched.scheduler
        self._metrics = watched.metrics
        self._reconcile_seconds = reconcile_seconds
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._lock = asyncio.Lock()
        self._seen: tuple[float, Vitals] | None = None
        self._asking: asyncio.Task[tuple[Counts, str]] | None = None

    @property
    def alive(self) -> bool:
        """False: a thread of the scheduler ended, and only another process brings it back."""
        return self._scheduler.alive

    async def vitals(self) -> Vitals:
        """What is so now, or was a moment ago."""
        async with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > self._limits.look_every:
                self._seen = (time.monotonic(), await self._look())
            return self._seen[1]

    async def _look(self) -> Vitals:
        try:
            counts, reconciled = await self._answer()
        except (StoreUnavailable, TimeoutError) as error:
            self._metrics.store_error()
            event("store_unavailable", level=logging.ERROR, error=str(error) or "no answer in time")
            counts, reconciled = None, ""
        now = self._clock()
        last = datetime.fromisoformat(reconciled) if reconciled else self._started
        return Vitals(
            counts=counts,
            alive=self._scheduler.alive,
            reconcile_age=max(0.0, (now - max(last, self._started)).total_seconds()),
            reconcile_seconds=self._reconcile_seconds,
            github=self._metrics.github_reachable,
            remaining=self._metrics.lowest_remaining(now.timestamp()),
        )

    async def _answer(self) -> tuple[Counts, str]:
        """The store's. A disk that hangs has one thread of ours waiting for it, however often somebody asks."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(asyncio.to_thread(self._ask_store))
            self._asking.add_done_callback(_heard)
        return await asyncio.wait_for(asyncio.shield(self._asking), self._limits.look)

    def _ask_store(self) -> tuple[Counts, str]:
        self._store.ping()
        return self._store.counts(self._clock()), self._store.recall(RECONCILED)


def _heard(asking: "asyncio.Task[tuple[Counts, str]]") -> None:
    """An answer that came too late for everybody: a refusal, too, is no news."""
    if not asking.cancelled():
        asking.exception()
