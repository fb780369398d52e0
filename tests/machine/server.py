"""The server's parts without its threads: one lane at a time, in the caller's thread, by the town's clock.

Everything else is what `ai-ready serve` has: the endpoint, the SQLite file, the scheduler's doors and back-off, the passes,
the App's client over HTTP, and the real pace and periods.
"""

from collections.abc import Callable
from pathlib import Path

from bot.core.secret import Secret
from bot.github.app_client import AppAccess, AppClient
from bot.github.courier import Timing
from bot.sandbox.app_server import point_hook
from bot.server.limits import Limits
from bot.server.metrics import Metrics
from bot.server.receive import Desk, Receiver
from bot.server.rules import RECONCILE, TIMERS, Rules
from bot.server.scheduler import Clockwork, Scheduler
from bot.server.store import SqlStore, open_store
from tests.machine.clock import HandClock
from tests.stories.server_town import UNPACED, ServerTown

STEPPED = Rules(lease=24 * 3600.0)
"""Nobody keeps leases alive here, so they last."""
STEPS = ("s4", "s5", "s6", "s7", "s8", "s9", "s10")


class Killed(BaseException):
    """Like SIGKILL: no `except Exception` of the server sees it."""


class SteppedScheduler(Scheduler):
    """Its feeder and its workers are whoever calls `serve_one`."""

    def begin(self) -> None:
        """Look at everything once, as at every start."""
        self._desk.store.make_due(TIMERS, self._desk.clock())

    def serve_one(self) -> bool:
        """Take a due lane and work on it; False: none was due."""
        work = self._take()
        if work is None:
            return False
        self._work(work)
        return True


class SteppedServer:
    """Up, or down; what it has on disk stays."""

    def __init__(self, town: ServerTown, clock: HandClock, folder: Path) -> None:
        folder.mkdir()
        self._town, self._clock = town, clock
        self._database = f"sqlite:///{folder / 'ai-ready.sqlite3'}"
        self._store: SqlStore | None = None
        self._github: AppClient | None = None
        self._scheduler: SteppedScheduler | None = None
        self._step, self._left, self._then = "", 0, _kill
        self.receiver: Receiver | None = None
        """Its endpoint; None: it is down."""
        self.url = ""

    def start(self) -> None:
        """Come up, with nothing in memory."""
        app, clock = self._town.app, self._clock
        store = self._store = open_store(self._database, rate=UNPACED, clock=clock)
        metrics = Metrics()
        timing = Timing(monotonic=clock.monotonic, sleep=clock.go_on, dice=lambda: 0.5, now=clock)
        access = AppAccess(str(app.id), Secret(app.private_pem), self._town.hub.api_url)
        github = self._github = AppClient(access, store, metrics, timing=timing)
        self._scheduler = SteppedScheduler(store, github, STEPPED, metrics, Clockwork(clock, self._traced))
        own_ids = (app.bot.id,)
        self.receiver = Receiver(
            store, (Secret(app.hook.secret),), Desk(metrics, Limits(), clock, own_ids=lambda: own_ids)
        )
        self.url = "http://127.0.0.1:9"
        point_hook(app, self.url)
        self._scheduler.begin()

    def stop(self) -> None:
        """Gone, and everything that it had in memory."""
        if self._store is not None and self._github is not None:
            self._github.close()
            self._store.close()
        self._store = self._github = self._scheduler = self.receiver = None
        self.url = ""

    def work(self, lanes: int = 100) -> int:
        """Serve up to so many lanes that are due now; how many there were."""
        assert self._scheduler is not None
        for served in range(lanes):
            if not self._scheduler.serve_one():
                return served
        return lanes

    def work_meanwhile(self, step: str, times: int, then: Callable[[], None]) -> None:
        """Work; when a pass comes by a step for the `times`th time, something else happens first."""
        self._step, self._left, self._then = step, times, then
        try:
            self.work()
        finally:
            self._step = ""

    def work_until_killed(self, step: str, times: int) -> None:
        """Be killed at a step of a pass, if one comes by there; otherwise between two passes."""
        try:
            self.work_meanwhile(step, times, _kill)
        except Killed:
            pass
        finally:
            self.stop()

    def look_at_everything(self) -> None:
        """The timer's time has come."""
        assert self._store is not None
        self._store.make_due([RECONCILE], self._clock())

    def _traced(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if not self._left:
                self._then()


def _kill() -> None:
    raise Killed
