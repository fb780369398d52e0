"""The scheduler: takes due lanes, fairly, and gives each to a worker thread; one worker at a time per repository.

Level-triggered: a lane that is due says "look", never what to do. What fails is tried again later and later, alone; it
never stands in another repository's way.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.config import known_secrets, parse_repo_config
from bot.errors import GitHubError
from bot.job.facts import utc_now
from bot.job.redact import Redactor
from bot.server.chores import GONE, do_chore, installation_lane
from bot.server.desk import Desk, Meters, Shelf, Trace
from bot.server.passes import Pass
from bot.server.ports import AppGitHub, LaneKind, Store, StoreUnavailable, Work
from bot.server.rules import TIMERS, Rules

log = logging.getLogger("ai_ready.scheduler")

FIRST_RETRY, LONGEST_RETRY = 2.0, 300.0
"""Seconds until a lane that failed is tried again: doubled each time."""

STORE_PAUSE = 1.0
"""Seconds between two tries while the database is away."""


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What tests bring their own of."""

    now: Callable[[], datetime] = utc_now
    trace: Trace = lambda _step: None


class Scheduler:
    """Start it once, stop it once."""

    def __init__(
        self, store: Store, github: AppGitHub, rules: Rules, meters: Meters, clockwork: Clockwork | None = None
    ) -> None:
        clock = clockwork or Clockwork()
        self._desk = Desk(store, github, rules, meters, clock.now, parse_repo_config, clock.trace)
        self._shelves: dict[int, Shelf] = {}
        self._lock = threading.Lock()
        self._held: dict[Work, None] = {}
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._free = threading.Semaphore(rules.workers)
        self._workers = ThreadPoolExecutor(rules.workers, thread_name_prefix="lane")
        self._feeder = threading.Thread(target=self._feed, name="scheduler")
        self._keeper = threading.Thread(target=self._keep_leases, name="leases")

    # ----------------------------------------------------------------------------------------- life

    def start(self) -> None:
        """Look at everything once, then whenever something is due. Raises `StoreUnavailable`."""
        now = self._desk.clock()
        self._desk.store.make_due(TIMERS, now)
        self._feeder.start()
        self._keeper.start()

    def stop(self, grace: float) -> bool:
        """Take nothing more and wait up to `grace` seconds for what is under way; whether all of it ended.

        What did not end is finished by the next process: its leases run out, or are dropped when that one starts.
        """
        self._stopping.set()
        self._woken.set()
        end = time.monotonic() + grace
        self._feeder.join(grace)
        while self._held and time.monotonic() < end:
            time.sleep(0.02)
        finished = not self._held
        self._workers.shutdown(wait=finished, cancel_futures=True)
        self._keeper.join(1.0)
        return finished

    def wake(self) -> None:
        """Something became due."""
        self._woken.set()

    @property
    def alive(self) -> bool:
        """Whether its threads run."""
        return self._feeder.is_alive() and self._keeper.is_alive()

    # --------------------------------------------------------------------------------------- taking

    def _feed(self) -> None:
        while not self._stopping.is_set():
            self._free.acquire()
            work = self._take()
            if work is None or self._stopping.is_set():
                self._free.release()
                self._woken.wait(self._desk.rules.idle)
                self._woken.clear()
                continue
            with self._lock:
                self._held[work] = None
            self._workers.submit(self._work, work).add_done_callback(self._worked(work))

    def _take(self) -> Work | None:
        try:
            return self._desk.store.take(self._desk.clock(), lease=self._desk.rules.lease)
        except StoreUnavailable as error:
            log.warning("The store is away: %s", error)
            self._stopping.wait(STORE_PAUSE)
            return None

    def _worked(self, work: Work) -> "Callable[[Future[None]], None]":
        def done(_: "Future[None]") -> None:
            with self._lock:
                self._held.pop(work, None)
            self._free.release()

        return done

    def _keep_leases(self) -> None:
        """Extend the lease of whatever is under way, so that a short lease does not mean short work."""
        every = self._desk.rules.lease / 3
        while not self._stopping.wait(every) or self._held:
            if self._stopping.is_set():
                time.sleep(min(every, 0.1))
            with self._lock:
                held = list(self._held)
            until = self._desk.clock() + timedelta(seconds=self._desk.rules.lease)
            for work in held:
                try:
                    self._desk.store.extend(work, until)
                except StoreUnavailable as error:
                    log.warning("A lease could not be extended: %s", error)

    # -------------------------------------------------------------------------------------- working

    def _work(self, work: Work) -> None:
        """The door of a worker: whatever goes wrong is logged, and the lane is tried again later."""
        self._desk.trace("s4")
        begun, result = time.monotonic(), "done"
        try:
            due = self._pass(work) if work.lane.kind is LaneKind.REPOSITORY else do_chore(self._desk, work)
            self._desk.store.finish(work, due=due)
            self._desk.trace("s10")
        except StoreUnavailable as error:
            result = "failed"
            log.warning("Lane %s %s: the store is away: %s", work.lane.kind, work.lane.id, error)
        except GitHubError as error:
            result = "failed"
            self._put_back(work, str(error), error)
        except Exception as error:  # noqa: BLE001 (the door: our own fault, kept from the other lanes)
            result = "failed"
            details = "".join(traceback.format_exception(error))
            log.error("Lane %s %s failed: %s", work.lane.kind, work.lane.id, Redactor(known_secrets()).text(details))  # noqa: TRY400
            self._put_back(work, type(error).__name__, None)
        self._desk.meters.passed(time.monotonic() - begun, result)

    def _pass(self, work: Work) -> datetime | None:
        """Look at a repository; when to look again."""
        place = self._desk.store.place(work.lane.id)
        if place is None:
            self._shelves.pop(work.lane.id, None)
            return None
        shelf = self._shelves.get(work.lane.id)
        if shelf is None or shelf.place != place:
            shelf = self._shelves[work.lane.id] = Shelf(place, self._desk.github.repository(place))
        return Pass(self._desk, work, shelf).run()

    def _put_back(self, work: Work, why: str, error: GitHubError | None) -> None:
        wait = min(FIRST_RETRY * 2.0**work.attempts, LONGEST_RETRY)
        if error is not None and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        now = self._desk.clock()
        log.warning("Lane %s %s waits %.0f s: %s", work.lane.kind, work.lane.id, wait, why)
        try:
            self._desk.store.fail(work, error=why[:500], due=now + timedelta(seconds=wait))
            place = self._desk.store.place(work.lane.id) if work.lane.kind is LaneKind.REPOSITORY else None
            if place and error is not None and error.status in GONE and error.retry_after is None:
                # Uninstalled, suspended, or the repository taken away: whichever, the installation says so.
                self._desk.store.make_due([installation_lane(place.installation_id)], now)
        except StoreUnavailable as away:
            log.warning("Lane %s %s: the store is away: %s", work.lane.kind, work.lane.id, away)
