"""Dispatch once: the intent is committed before the call, and whatever is in doubt is looked up before it is done again.

    intend (the claim) ─▶ read again ─▶ sending ─▶ POST dispatch ─▶ dispatched(run id)

A worker that dies between `sending` and `dispatched` leaves a row of which nobody knows whether GitHub has it. The run
key is in the run's name, so it is looked for there, for as long as a list of GitHub's may be old (`Rules.settle`), and
only then sent again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.core.effects import Dispatch
from bot.core.model import ActionsRun, RunState, Snapshot
from bot.core.settings import RepoConfig
from bot.core.situation import Start
from bot.github.ports import Applied
from bot.job.admit import admission_for, job_minutes
from bot.job.handover import admission_to_json
from bot.server.desk import Desk, Shelf
from bot.server.echo import own_bot
from bot.server.logs import event
from bot.server.ports import LedgerRun, RunStage, Work
from bot.server.rules import QUEUED_AT_MOST

PUBLISH_MINUTES = 15
"""Time limit of the job `publish`."""

LOOK_BACK = timedelta(minutes=15)
"""GitHub's clock and ours may differ by minutes; a run is looked for from well before it was asked for."""


def intent(repository_id: int, order: Dispatch, usd: float, now: datetime) -> LedgerRun:
    """The claim of a run that is about to be dispatched."""
    longest = timedelta(seconds=QUEUED_AT_MOST, minutes=order.job_minutes + PUBLISH_MINUTES)
    return LedgerRun(repository_id, order.issue, order.run_key, RunStage.INTENDED, now, now + longest, usd)


def order_for(snapshot: Snapshot, config: RepoConfig, start: Start, base_oid: str) -> Dispatch:
    """What the workflow is told; `work` derives it again from facts."""
    admission = admission_for(snapshot, config, start, base_oid, server_id=own_bot(snapshot))
    return Dispatch(start.issue, start.run_key, admission_to_json(admission), job_minutes(config, start))


def is_loose(run: LedgerRun, now: datetime, settle: float) -> bool:
    """Whether an intent was never sent, or was sent so long ago that GitHub would show it if it had it.

    Where GitHub said yes, but not which run it is, and never showed one, that is as long as a run may wait for a runner.
    """
    if run.run_id or run.stage not in {RunStage.INTENDED, RunStage.DISPATCHED}:
        return False
    shown_within = settle if run.stage is RunStage.INTENDED else QUEUED_AT_MOST
    return run.sent_at is None or now > run.sent_at + timedelta(seconds=shown_within)


class Dispatcher:
    """Sends dispatches of one repository, and finds those that were sent."""

    def __init__(self, desk: Desk, work: Work, shelf: Shelf) -> None:
        self._desk, self._work, self._shelf = desk, work, shelf
        self._gone: dict[str, ActionsRun] = {}

    def look_up(self, runs: Iterable[LedgerRun]) -> None:
        """Find the workflow runs of dispatches of which GitHub did not say, or we did not hear, the id."""
        lost = {run.run_key: run for run in runs if run.run_id == 0 and run.sent_at is not None}
        if not lost:
            return
        since = min(run.at for run in lost.values()) - LOOK_BACK
        for found in self._shelf.client.dispatched_runs(since):
            key = next((key for key in lost if f"[{key}]" in found.name), "")
            if key:
                self._record(lost.pop(key), found)

    def read_runs(self, runs: Iterable[LedgerRun]) -> None:
        """Ask for the state of runs that nobody told us about.

        That there is no such run is true of the repository that has the name now, which may be another one: it is
        believed in `note_gone`. Nor need GitHub show at once a run that it has just begun.
        """
        now = self._desk.clock()
        for run in runs:
            if run.run_id and run.stage is not RunStage.COMPLETED:
                found = self._shelf.client.run(run.run_id)
                if found.state is RunState.GONE:
                    fresh = run.sent_at is not None and now < run.sent_at + timedelta(seconds=self._desk.rules.settle)
                    self._gone |= {} if fresh else {run.run_key: found}
                elif found.state is not RunState.UNKNOWN:
                    self._desk.store.seen(self._work, run.run_key, found)

    def note_gone(self) -> None:
        """The repository was read and is the one that was meant: runs that were not there were deleted."""
        while self._gone:
            run_key, found = self._gone.popitem()
            self._desk.store.seen(self._work, run_key, found)

    def send(self, order: Dispatch, snapshot: Snapshot) -> Applied | None:
        """Send the dispatch of an intent. None: our lease was lost, nothing was sent."""
        store = self._desk.store
        if not store.sending(self._work, order.run_key, self._desk.clock()):
            return None
        answer = self._shelf.client.dispatch(order, snapshot)
        self._desk.trace("s7")
        result = "ok" if answer.ok else "unsure" if answer.unsure else "refused"
        self._desk.meters.dispatched(result)
        place = self._shelf.place
        event(
            "dispatch",
            result=result,
            repository=place.repository_id,
            full_name=place.full_name,
            issue=order.issue,
            run_key=order.run_key,
            run=answer.run_id,
            error=answer.message,
        )
        if answer.ok:
            store.dispatched(self._work, order.run_key, answer.run_id, answer.url)
            self._desk.trace("s8")
        return answer

    def _record(self, run: LedgerRun, found: ActionsRun) -> None:
        self._desk.meters.dispatched("found")
        self._desk.store.dispatched(self._work, run.run_key, found.id, found.url)
        self._desk.store.seen(self._work, run.run_key, found)
