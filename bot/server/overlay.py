"""The ledger's claims laid over what was read of GitHub, so that the planner sees them as it sees claim branches. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.core.ledger import records
from bot.core.model import ActionsRun, Claim, RunState, Snapshot
from bot.server.ports import LedgerRun, RunStage
from bot.server.rules import QUEUED_AT_MOST

STUCK = "stuck"
"""The conclusion of a run that GitHub never ended."""


def with_ledger(snapshot: Snapshot, runs: Iterable[LedgerRun], *, settle: float) -> Snapshot:
    """`snapshot` with a claim (and its workflow run) for each unreleased run of the ledger.

    A claim branch of the same issue wins: then a gate of the repository's own holds the issue, and says what is so.
    A run that ended without a verdict counts as active for `settle` seconds more: that may have been said, and not be
    seen yet.
    """
    claims, states = dict(snapshot.claims), dict(snapshot.runs)
    for run in runs:
        if run.issue in claims:
            continue
        claims[run.issue] = Claim(
            issue=run.issue,
            run_key=run.run_key,
            run_id=run.run_id,
            at=run.at,
            until=run.until,
            usd=run.usd,
            ledger=True,
            cancelled=run.cancelled,
        )
        if run.run_id:
            states[run.run_id] = _state(run, snapshot, settle)
    return replace(snapshot, claims=MappingProxyType(claims), runs=MappingProxyType(states))


def is_stuck(run: LedgerRun, now: datetime) -> bool:
    """Whether GitHub should have ended it long ago."""
    if run.stage is RunStage.COMPLETED:
        return False
    waits = run.stage is not RunStage.STARTED and now > run.at + timedelta(seconds=QUEUED_AT_MOST)
    return waits or now > run.until


def settling(run: LedgerRun, now: datetime, settle: float) -> bool:
    """Whether it ended so lately that its verdict may be there and not be seen."""
    return run.ended_at is not None and now < run.ended_at + timedelta(seconds=settle)


def has_verdict(run: LedgerRun, snapshot: Snapshot) -> bool:
    """Whether its verdict is among the comments that were read."""
    issue = snapshot.issues.get(run.issue)
    return issue is not None and any(each.run_key == run.run_key for each in records(issue, snapshot.own_ids))


def _state(run: LedgerRun, snapshot: Snapshot, settle: float) -> ActionsRun:
    """The workflow run as the ledger knows it."""
    state, conclusion = RunState.ACTIVE, ""
    if run.stage is RunStage.COMPLETED:
        if has_verdict(run, snapshot) or not settling(run, snapshot.now, settle):
            state, conclusion = RunState.ENDED, run.conclusion
    elif is_stuck(run, snapshot.now):
        state, conclusion = RunState.ENDED, STUCK
    started = run.stage in {RunStage.STARTED, RunStage.COMPLETED}
    return ActionsRun(run.run_id, state, conclusion, run.run_key, run.url, started)
