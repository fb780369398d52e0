"""The scheduler: takes due lanes, fairly, and gives each to a worker thread; one worker at a time per repository.

Level-triggered: a lane that is due says "look", never what to do. What fails is tried again later and later, alone; it
never stands in another repository's way.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.config import parse_repo_config
from bot.errors import GitHubError
from bot.job.facts import utc_now
from bot.notify.notice import Tell, nobody
from bot.server.chores import GONE, do_chore, installation_lane
from bot.server.desk import Desk, Meters, Shelf, Show, Trace, nobody_looks
from bot.server.github_ports import AppGitHub
from bot.server.logs import event
from bot.server.neighbours import overtaken
from bot.server.passes import Pass
from bot.server.ports import Lane, LaneKind, Store, StoreUnavailable, Work
from bot.server.rules import TIMERS, Rules
from bot.server.shelves import Shelves

FIRST_RETRY, LONGEST_RETRY = 2.0, 300.0
"""Seconds until a lane that failed is tried again: doubled each time. A new delivery for it is an earlier reason."""
DOUBLINGS = 10
"""More change nothing; and a lane may fail for so long that the doubling would not fit into a float."""

SET_BACK = timedelta(seconds=30)
"""From here on it matters that the clock was set back."""

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
        self,
        store: Store,
        github: AppGitHub,
        rules: Rules,
        meters: Meters,
        clockwork: Clockwork | None = None,
        tell: Tell = nobody,
        show: Show = nobody_looks,
    ) -> None:
        clock = clockwork or Clockwork()
        self._desk = Desk(store, github, rules, meters, clock.now, parse_repo_config, clock.trace, tell, show)
        self._shelves = Shelves(store, github, every=rules.refresh)
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
        if finished:
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
            work = None if self._stopping.is_set() else self._take()
            if work is None:
                self._free.release()
                self._woken.wait(self._desk.rules.idle)
                self._woken.clear()
                continue
            with self._lock:
                self._held[work] = None
            self._workers.submit(self._work, work).add_done_callback(self._worked(work))

    def _take(self) -> Work | None:
        with _at_the_store():
            return self._desk.store.take(self._desk.clock(), lease=self._desk.rules.lease)
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
        before = self._desk.clock()
        while not self._stopping.wait(every) or self._held:
            if self._stopping.is_set():
                time.sleep(min(every, 0.1))
            with self._lock:
                held = list(self._held)
            now = self._desk.clock()
            until, set_back, before = now + timedelta(seconds=self._desk.rules.lease), now < before - SET_BACK, now
            for work in held:
                with _at_the_store(work):
                    self._desk.store.extend(work, until)
            if set_back:
                self._start_timers()

    def _start_timers(self) -> None:
        """The clock was hours ahead until GitHub was heard: what was planned until then is not waited for so long."""
        with _at_the_store():
            self._desk.store.make_due(TIMERS, self._desk.clock())

    # -------------------------------------------------------------------------------------- working

    def _work(self, work: Work) -> None:
        """The door of a worker: whatever goes wrong is logged, and the lane is tried again later."""
        self._desk.trace("s4")
        begun, result = time.monotonic(), "done"
        try:
            self._shelves.tidy()
            due = self._pass(work) if work.lane.kind is LaneKind.REPOSITORY else do_chore(self._desk, work)
            self._desk.store.finish(work, due=due)
            self._desk.trace("s10")
        except StoreUnavailable as error:
            result = "failed"
            _store_away(error, work)
        except Exception as error:  # noqa: BLE001 (the door: GitHub's no, or our own fault; kept from the other lanes)
            result = "failed"
            self._put_back(work, error)
        self._desk.meters.passed(time.monotonic() - begun, result)

    def _pass(self, work: Work) -> datetime | None:
        """Look at a repository; when to look again."""
        place = self._desk.store.place(work.lane.id)
        if place is None:
            return None
        shelf = self._shelves.of(place)
        due = Pass(self._desk, work, shelf).run()
        if work.marks and not work.news_only:
            self._tell_neighbours(shelf)
        return due

    def _tell_neighbours(self, shelf: Shelf) -> None:
        """Something happened here: other repositories that wait for an issue of this one look again at once."""
        home, others = shelf.known_snapshot, self._shelves.all()
        waiting = [each for each in others if each is not shelf and each.snapshot and overtaken(each.snapshot, home)]
        lanes = [Lane(LaneKind.REPOSITORY, each.place.repository_id) for each in waiting]
        self._desk.store.make_due(lanes, self._desk.clock())

    def _put_back(self, work: Work, error: Exception) -> None:
        """Try it again later; a fault of our own is told in full."""
        refusal = error if isinstance(error, GitHubError) else None
        wait = back_off(work.attempts, refusal, self._desk.rules.reconcile)
        why = str(refusal) if refusal else type(error).__name__
        event(
            "lane_failed",
            level=logging.WARNING if refusal else logging.ERROR,
            trace=None if refusal else error,
            kind=work.lane.kind.value,
            id=work.lane.id,
            attempts=work.attempts + 1,
            error=why,
            wait=wait,
        )
        now = self._desk.clock()
        with _at_the_store(work):
            self._desk.store.fail(work, error=why[:500], due=now + timedelta(seconds=wait))
            place = self._desk.store.place(work.lane.id) if work.lane.kind is LaneKind.REPOSITORY else None
            if place and refusal and refusal.status in GONE and refusal.retry_after is None:
                # Uninstalled, suspended, or the repository taken away: whichever, the installation says so.
                self._desk.store.make_due([installation_lane(place.installation_id)], now)


def back_off(attempts: int, refusal: GitHubError | None, reconcile: float) -> float:
    """Seconds until a lane is tried again that had failed `attempts` times in a row before it did now.

    What passes by itself (GitHub out of order) is looked at as often as everything else, so that nothing waits long once
    GitHub is back (invariant I1); what stays as it is, and our own faults, less and less.
    """
    passes = refusal is not None and refusal.transient
    longest = min(LONGEST_RETRY, reconcile) if passes else LONGEST_RETRY
    wait = min(FIRST_RETRY * 2.0 ** min(attempts, DOUBLINGS), longest)
    return max(wait, refusal.retry_after or 0.0) if refusal else wait


@contextmanager
def _at_the_store(work: Work | None = None) -> Iterator[None]:
    """The door of threads that must go on whatever becomes of the database: feeder, keeper, and a worker's last word."""
    try:
        yield
    except StoreUnavailable as error:
        _store_away(error, work)
    except Exception as error:  # noqa: BLE001 (without the feeder nothing is taken, without the keeper leases run out)
        # It answers, but not as the one that was opened: tables are missing, a right was taken away.
        event("store_failed", level=logging.ERROR, trace=error, error=type(error).__name__)


def _store_away(error: StoreUnavailable, work: Work | None = None) -> None:
    kind, number = (work.lane.kind.value, work.lane.id) if work else ("", 0)
    event("store_unavailable", level=logging.WARNING, error=str(error), kind=kind, id=number)
