"""How the server is, as the page shows it. Asked from the page's threads, never from the loop that takes webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.page.figures import duration
from bot.page.shown import Health, Vital
from bot.server.health import Vitals, Watched
from bot.server.ports import Counts, StoreUnavailable
from bot.server.rules import RECONCILED, REDELIVER_FOR


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """Looks when it is called."""

    watched: Watched
    webhooks: bool
    reconcile_seconds: float
    clock: Callable[[], datetime]
    started: datetime

    def __call__(self) -> Health:
        """How the server is at this moment."""
        now = self.clock()
        try:
            store = self.watched.store
            counts: Counts | None = store.counts(now)
            reconciled, last = store.recall(RECONCILED), store.last_delivery()
            lost = store.undelivered(now - timedelta(seconds=REDELIVER_FOR))
        except StoreUnavailable:
            counts, reconciled, last, lost = None, "", None, 0
        looked = datetime.fromisoformat(reconciled) if reconciled else None
        metrics = self.watched.metrics
        vitals = Vitals(
            counts=counts,
            alive=self.watched.scheduler.alive,
            reconcile_age=max(0.0, (now - max(looked or self.started, self.started)).total_seconds()),
            reconcile_seconds=self.reconcile_seconds,
            github=metrics.github_reachable,
            remaining=metrics.lowest_remaining(now.timestamp()),
        )
        shown = self._of_github(vitals, now, looked, last, lost)
        return Health(vitals.word, (*shown, *_of_ours(vitals.alive, counts)))

    def _of_github(
        self, vitals: Vitals, now: datetime, looked: datetime | None, last: datetime | None, lost: int
    ) -> tuple[Vital, ...]:
        """How we hear of it, and it of us."""
        failing = frozenset(vitals.failing)
        webhook = _ago(last, now) if self.webhooks else "off: every repository is looked at by the clock"
        left = "not known yet" if vitals.remaining is None else f"{vitals.remaining:,}"
        return (
            Vital("last_webhook", "Last webhook", webhook),
            Vital(
                "last_reconcile",
                "Last look at every repository",
                _ago(looked, now),
                "reconcile" not in failing,
                "None for three periods: see the server's log.",
            ),
            Vital(
                "failed_deliveries",
                "Deliveries that failed and were asked for again without success",
                f"{lost:,}",
                not lost,
                "GitHub does not reach the server: App settings → Advanced → Recent Deliveries says why.",
            ),
            Vital(
                "rate_limit_remaining",
                "Requests to GitHub left in this hour, where fewest are",
                left,
                vitals.remaining != 0,
                "Work goes on when the hour is over.",
            ),
            Vital(
                "github", "GitHub answers", _yes(vitals.github), vitals.github, "Nothing is lost; it is asked again."
            ),
        )


def _of_ours(alive: bool, counts: Counts | None) -> tuple[Vital, ...]:
    """How the server itself is, and what it has to do."""
    away = Vital(
        "store", "The database answers", _yes(counts is not None), counts is not None, "See the disk and the log."
    )
    threads = "Restart it, and report the `thread_died` line of the log."
    parts = (Vital("scheduler", "Its threads run", _yes(alive), alive, threads), away)
    if counts is None:
        return parts
    failing = "Each is tried again; the `lane_failed` lines of the log say why."
    return (
        *parts,
        Vital("runs_active", "Runs under way", f"{counts.runs_active:,}"),
        Vital("lanes_due", "Repositories that wait to be looked at", f"{counts.lanes_due:,}"),
        Vital(
            "lanes_failing",
            "Repositories whose last look failed",
            f"{counts.lanes_failing:,}",
            not counts.lanes_failing,
            failing,
        ),
        Vital("repositories", "Repositories", f"{counts.repositories:,}"),
    )


def _ago(at: datetime | None, now: datetime) -> str:
    return "not yet" if at is None else f"{duration(max(0.0, (now - at).total_seconds()))} ago"


def _yes(so: bool) -> str:
    return "yes" if so else "no"
