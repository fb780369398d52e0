"""The ledger laid over a snapshot: what the planner then sees of a run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.markers import hide
from bot.core.model import Actor, Claim, Comment, Issue, RunState, Snapshot
from bot.core.names import GITHUB_ACTIONS_BOT_ID, VERDICT_MARKER
from bot.server.overlay import STUCK, with_ledger
from bot.server.ports import LedgerRun, RunStage

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
KEY = "7-L1763715000-1"
RUN = LedgerRun(
    1, 7, KEY, RunStage.STARTED, NOW - timedelta(minutes=5), NOW + timedelta(hours=26), 5.0, run_id=99, url="u"
)
SETTLE = 90.0


def snapshot(*comments: Comment, claims: dict[int, Claim] | None = None) -> Snapshot:
    issue = Issue(7, "Greet", detailed=True, comments=comments)
    own = frozenset({GITHUB_ACTIONS_BOT_ID, 5})
    return Snapshot("o/r", NOW, "main", {7: issue}, own_ids=own, claims=claims or {})


def verdict(author: int = GITHUB_ACTIONS_BOT_ID) -> Comment:
    body = "Done: …\n" + hide(VERDICT_MARKER, {"run": KEY, "code": "done", "at": NOW.isoformat(), "usd": 1.0})
    return Comment(1, "IC_1", Actor(author, "bot", is_bot=True), body, NOW)


def state(run: LedgerRun, *comments: Comment) -> tuple[RunState, str, bool]:
    seen = with_ledger(snapshot(*comments), [run], settle=SETTLE)
    found = seen.runs[99]
    return found.state, found.conclusion, found.started


def test_a_run_of_the_ledger_is_a_claim() -> None:
    claim = with_ledger(snapshot(), [RUN], settle=SETTLE).claims[7]

    assert (claim.run_key, claim.run_id, claim.usd, claim.ledger) == (KEY, 99, 5.0, True)


def test_a_claim_branch_of_the_repositorys_own_gate_wins() -> None:
    theirs = Claim(7, KEY, 42, NOW, NOW, 5.0, oid="abc")

    assert with_ledger(snapshot(claims={7: theirs}), [RUN], settle=SETTLE).claims[7] is theirs


def test_a_dispatch_whose_run_is_not_known_yet_is_a_claim_without_a_run() -> None:
    seen = with_ledger(snapshot(), [replace(RUN, stage=RunStage.INTENDED, run_id=0)], settle=SETTLE)

    assert seen.claims[7].run_id == 0
    assert not seen.runs


@pytest.mark.parametrize(
    ("stage", "started"), [(RunStage.INTENDED, False), (RunStage.DISPATCHED, False), (RunStage.STARTED, True)]
)
def test_stages(stage: RunStage, started: bool) -> None:
    assert state(replace(RUN, stage=stage)) == (RunState.ACTIVE, "", started)


def test_a_run_that_ended_just_now_may_have_said_its_verdict() -> None:
    ended = replace(RUN, stage=RunStage.COMPLETED, conclusion="success", ended_at=NOW - timedelta(seconds=89))

    assert state(ended)[0] is RunState.ACTIVE
    assert state(ended, verdict()) == (RunState.ENDED, "success", True)
    assert state(replace(ended, ended_at=NOW - timedelta(seconds=90))) == (RunState.ENDED, "success", True)


def test_a_strangers_verdict_is_none() -> None:
    ended = replace(RUN, stage=RunStage.COMPLETED, conclusion="success", ended_at=NOW)

    assert state(ended, verdict(author=12))[0] is RunState.ACTIVE


def test_a_verdict_does_not_end_a_run_that_is_still_tidying_up() -> None:
    assert state(RUN, verdict())[0] is RunState.ACTIVE


@pytest.mark.parametrize(
    ("stage", "hours", "stuck"),
    [
        (RunStage.DISPATCHED, 23.9, False),
        (RunStage.DISPATCHED, 24.1, True),
        (RunStage.STARTED, 24.1, False),
        (RunStage.STARTED, 26.2, True),
    ],
)
def test_what_github_never_ended_is_stuck(stage: RunStage, hours: float, stuck: bool) -> None:
    at = NOW - timedelta(hours=hours)
    run = replace(RUN, stage=stage, at=at, until=at + timedelta(hours=26))

    found = state(run)

    assert found[:2] == ((RunState.ENDED, STUCK) if stuck else (RunState.ACTIVE, ""))
