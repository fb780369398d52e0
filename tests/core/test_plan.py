"""What the planner decides, issue by issue."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.effects import (
    CancelRun,
    CloseIssue,
    Dispatch,
    MakeClaim,
    PostComment,
    PutStatus,
    React,
    ReleaseClaim,
    SetLabels,
)
from bot.core.ledger import Record
from bot.core.markers import hide
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Actor, Claim, Comment, Host, LabelEvent, Permission, Pull, RunState, Snapshot
from bot.core.names import STATUS_MARKER
from bot.core.plan import Plan, plan
from bot.core.settings import AgentSettings, ConfigProblem, Limits, OrderRules, RepoConfig
from bot.core.situation import Hold, Running, Start, Unstartable, Waiting
from bot.core.view import Own
from tests.core.world import ANN, BOB, BOT, RENOVATE, T0, after, close, comment, edit, issue, later, snapshot

CONFIG = RepoConfig()
OWN = Own(run_id=42, run_url="https://example.test/run/42", prefer=1)
LABEL_ID = f"L{int(T0.timestamp())}"


def statuses(decided: Plan) -> dict[int, str]:
    return {e.issue: e.body for e in decided.effects if isinstance(e, PutStatus)}


def labels(decided: Plan) -> dict[int, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {e.issue: (e.add, e.remove) for e in decided.effects if isinstance(e, SetLabels)}


def verdicts(decided: Plan) -> dict[int, str]:
    return {
        e.issue: e.body.splitlines()[0]
        for e in decided.effects
        if isinstance(e, PostComment) and "ai-ready:verdict" in e.body
    }


def claim(number: int, *, run_id: int = 42, key: str = "") -> Claim:
    return Claim(
        number, key or f"{number}-{LABEL_ID}-1", run_id, T0 + timedelta(minutes=2), T0 + timedelta(hours=2), 5.0
    )


def running(snap: Snapshot, number: int, state: RunState, conclusion: str = "", *, run_id: int = 42) -> Snapshot:
    """A claim held by a workflow run in `state`."""

    return replace(
        snap,
        claims={**snap.claims, number: claim(number, run_id=run_id)},
        runs={run_id: ActionsRun(run_id, state, conclusion, url=f"/run/{run_id}")},
    )


def ended(number: int, code: str, *, minutes: float = 3, pull: int = 0, usd: float = 1.0, attempt: int = 1) -> Comment:
    """The verdict comment of a run of the label request."""
    at = T0 + timedelta(minutes=minutes)
    block = verdict_block(Record(f"{number}-{LABEL_ID}-{attempt}", code, usd, at, T0, pull))
    return comment(7000 + attempt, f"Blocked\n{block}", BOT, minutes=int(minutes))


def test_a_labelled_issue_without_prerequisites_is_claimed_by_the_run_itself() -> None:
    decided = plan(snapshot(issue(1, by=ANN)), CONFIG, OWN)

    assert decided.claim is not None
    assert (decided.claim.issue, decided.claim.run_key, decided.claim.run_id) == (1, f"1-{LABEL_ID}-1", 42)
    assert decided.effects == ()


def test_a_confirmed_claim_admits_and_says_running() -> None:
    snap = running(snapshot(issue(1, by=ANN)), 1, RunState.ACTIVE)
    decided = plan(snap, CONFIG, OWN)

    assert decided.admitted is not None
    assert decided.admitted.issue == 1
    assert labels(decided) == {1: (("ai-running",), ())}
    assert "**Running** ([live log](https://example.test/run/42))" in statuses(decided)[1]


def test_without_an_own_run_a_ready_issue_is_dispatched_and_queued() -> None:
    decided = plan(snapshot(issue(1, by=ANN)), CONFIG)

    assert Dispatch(1, f"1-{LABEL_ID}-1") in decided.effects
    assert labels(decided) == {1: (("ai-queued",), ())}


def test_a_later_phase_waits_and_says_for_what() -> None:
    decided = plan(snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN)), CONFIG, OWN)

    assert decided.claim is None
    assert labels(decided) == {2: (("ai-waiting",), ())}
    assert "**Waiting** for 1 issue to close" in statuses(decided)[2]
    assert "| #1 | phase order | open; nobody has asked for it |" in statuses(decided)[2]


def test_closing_the_prerequisite_releases_it() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN))
    snap = after(snap, plan(snap, CONFIG, OWN).effects)

    decided = plan(close(snap, 1), CONFIG, OWN)

    assert decided.claim is not None
    assert decided.claim.issue == 2


def test_a_label_by_somebody_without_write_is_taken_off_with_one_line() -> None:
    decided = plan(snapshot(issue(1, by=BOB)), CONFIG, OWN)

    assert decided.claim is None
    assert labels(decided) == {1: ((), ("ai-ready",))}
    assert "`bob` put the label on, but only people with write or admin permission may ask" in statuses(decided)[1]


def test_a_label_by_a_bot_approves_nothing() -> None:
    decided = plan(snapshot(issue(1, by=RENOVATE)), CONFIG, OWN)

    assert decided.claim is None
    assert labels(decided) == {1: ((), ("ai-ready",))}
    assert "a bot approves nothing" in statuses(decided)[1]


def test_a_permission_that_cannot_be_read_starts_nothing_and_refuses_nothing() -> None:
    snap = snapshot(issue(1, by=ANN), permissions={ANN.id: Permission.UNKNOWN})
    decided = plan(snap, CONFIG, OWN)

    assert decided.claim is None
    assert "could not be read" in statuses(decided)[1]
    assert labels(decided) == {1: (("ai-waiting",), ())}


@pytest.mark.parametrize("field", ["body_edited_at", "renamed_at"])
def test_an_edit_after_the_approval_is_blocked_and_never_started(field: str) -> None:
    edited = issue(1, by=ANN, **{field: T0 + timedelta(minutes=1)})  # type: ignore[arg-type]
    decided = plan(snapshot(edited), CONFIG, OWN)

    assert decided.claim is None
    assert verdicts(decided) == {1: "Blocked (edited-after-approval): title or body changed after the approval."}
    assert labels(decided) == {1: (("ai-blocked",), ("ai-ready",))}


def test_an_edit_in_the_same_second_as_the_approval_counts_as_after_it() -> None:
    decided = plan(snapshot(issue(1, by=ANN, body_edited_at=T0)), CONFIG, OWN)

    assert isinstance(decided.survey.situations[1], Unstartable)


def test_ticking_a_task_box_is_not_an_edit_that_matters() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN, body="- [ ] one\n- [ ] two"))
    snap = after(snap, plan(snap, CONFIG, OWN).effects)
    ticked = edit(close(snap, 1), 2, body="- [x] one\n- [ ] two", body_edited_at=T0 + timedelta(minutes=9))

    assert plan(ticked, CONFIG, OWN).claim is not None


def test_a_real_edit_while_waiting_is_noticed_at_the_start() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN, body="- [ ] one"))
    snap = after(snap, plan(snap, CONFIG, OWN).effects)
    edited = edit(close(snap, 1), 2, body="- [ ] two", body_edited_at=T0 + timedelta(minutes=9))

    assert verdicts(plan(edited, CONFIG, OWN))[2].startswith("Blocked (edited-after-approval)")


def test_a_broken_config_blocks_what_would_start_and_leaves_the_rest_waiting() -> None:
    snap = snapshot(issue(1, "[A-1.1] x", by=ANN), issue(2, "[A-1.2] y", by=ANN))
    decided = plan(snap, ConfigProblem(".github/ai-ready.yml line 3: unknown key `agnt`"), OWN)

    assert "line 3" in verdicts(decided)[1]
    assert 2 not in verdicts(decided)
    assert labels(decided)[2] == (("ai-waiting",), ())


@pytest.mark.parametrize(
    ("changes", "config", "said"),
    [
        ({"paused": True}, CONFIG, "the Actions variable `AI_READY_PAUSED`"),
        ({"host": Host(paused=True)}, CONFIG, "the server is paused: `AI_READY_PAUSED` is set where it runs"),
        ({"host": Host(concurrent=3, here=0)}, CONFIG, "the server allows 3 runs at a time"),
        ({}, RepoConfig(enabled=False), "`enabled: false`"),
        ({"truncated": True}, CONFIG, "could not be read to the end"),
        ({"head_oid": ""}, CONFIG, "no commits yet"),
        ({}, RepoConfig(limits=Limits(usd=6.0, usd_per_day=5.0)), "`limits.usd_per_day`"),
        ({"now": T0 + timedelta(days=31)}, CONFIG, "older than 30 days"),
    ],
)
def test_a_ready_issue_on_hold_says_why(changes: dict[str, object], config: RepoConfig, said: str) -> None:
    decided = plan(snapshot(issue(1, by=ANN), **changes), config, OWN)

    assert decided.claim is None
    assert said in statuses(decided)[1]
    assert labels(decided) == {1: (("ai-waiting",), ())}


def test_runs_of_today_count_and_yesterdays_do_not() -> None:
    config = RepoConfig(limits=Limits(runs_per_day=1))
    snap = snapshot(issue(1, by=ANN), issue(2, comments=[ended(2, "no-changes")]))

    assert isinstance(plan(snap, config, OWN).survey.situations[1], Hold)
    assert plan(later(snap, days=1), config, OWN).claim is not None


def test_a_cap_of_one_holds_the_second_issue() -> None:
    config = RepoConfig(limits=Limits(concurrent=1))
    snap = running(snapshot(issue(1, by=ANN), issue(2, by=ANN)), 1, RunState.ACTIVE)
    decided = plan(snap, config, OWN)

    assert isinstance(decided.survey.situations[2], Hold)
    assert "1 of 1 runs are at work" in statuses(decided)[2]


def test_the_servers_cap_names_itself() -> None:
    """Not `limits.concurrent`, which has room: raising that would help nobody."""
    config = RepoConfig(limits=Limits(concurrent=5))
    snap = snapshot(issue(1, by=ANN), issue(2, by=ANN), issue(3, by=ANN), host=Host(concurrent=10, here=2))
    decided = plan(snap, config)

    assert [effect.issue for effect in decided.effects if isinstance(effect, Dispatch)] == [1, 2]
    assert "the server allows 10 runs" in statuses(decided)[3]
    assert "whoever runs the server can raise it" in statuses(decided)[3]
    assert "the next of this repository to start" in statuses(decided)[3]
    assert "limits.concurrent" not in statuses(decided)[3]


def test_of_two_caps_the_one_is_named_that_the_repositorys_people_can_raise() -> None:
    config = RepoConfig(limits=Limits(concurrent=1))
    snap = snapshot(issue(1, by=ANN), issue(2, by=ANN), host=Host(concurrent=2, here=1))

    assert "(`limits.concurrent`)" in statuses(plan(snap, config))[2]


def test_of_two_gates_that_claimed_at_once_the_younger_claim_steps_back() -> None:

    config = RepoConfig(limits=Limits(concurrent=1))
    first, second = claim(1, run_id=41), replace(claim(2, run_id=42), at=T0 + timedelta(minutes=3))
    snap = snapshot(
        issue(1, by=ANN),
        issue(2, by=ANN),
        claims={1: first, 2: second},
        runs={41: ActionsRun(41, RunState.ACTIVE), 42: ActionsRun(42, RunState.ACTIVE)},
    )

    assert ReleaseClaim(2) in plan(snap, config, Own(42)).effects
    assert plan(snap, config, Own(42)).admitted is None
    waits = plan(snap, config, Own(41))
    assert (waits.admitted, waits.effects) == (None, ())
    alone = replace(snap, claims={1: first})
    assert plan(alone, config, Own(41)).admitted is not None
    assert ReleaseClaim(1) in plan(snap, config, Own(41, patient=False)).effects
    assert plan(snap, config, Own(41, admitted=True)).admitted is not None


def test_a_claim_that_names_an_older_time_steps_back_for_a_run_at_work() -> None:
    """Gates have clocks of their own, and read before they claim."""
    config = RepoConfig(limits=Limits(concurrent=1))
    late, running_one = claim(1, run_id=41), replace(claim(2, run_id=42), at=T0 + timedelta(minutes=3))
    snap = snapshot(
        issue(1, by=ANN),
        issue(2, by=ANN, labels=["ai-running"]),
        claims={1: late, 2: running_one},
        runs={41: ActionsRun(41, RunState.ACTIVE), 42: ActionsRun(42, RunState.ACTIVE)},
    )

    assert ReleaseClaim(1) in plan(snap, config, Own(41)).effects
    assert plan(snap, config, Own(42, admitted=True)).admitted is not None


def test_a_prerequisite_reopened_while_a_gates_run_is_at_work_is_said_by_another_gate() -> None:
    """P16. Not by the server, where both are installed; and nothing but the words changes."""
    snap = running(
        snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN, labels=["ai-running"])), 2, RunState.ACTIVE
    )
    decided = plan(snap, CONFIG, Own(77))

    assert "It would have to wait for #1 now" in statuses(decided)[2]
    assert [type(effect) for effect in decided.effects] == [PutStatus]
    assert plan(replace(snap, host=Host(concurrent=2, here=1)), CONFIG).effects == ()


def test_a_status_that_came_after_the_end_is_put_right() -> None:
    """A write may be long on its way: Running, said when the verdict was there already."""
    request = issue(1, by=ANN, labels=["ai-blocked"])
    late = comment(80, f"**Running** since then.\n\n{hide(STATUS_MARKER, {'v': 1})}", BOT, minutes=4)
    over = replace(request, labels=frozenset({"ai-blocked"}), comments=(ended(1, "tests-failed"), late))

    assert statuses(plan(snapshot(over), CONFIG))[1].startswith("**Blocked** (tests-failed)")


def test_a_prerequisite_reopened_between_claim_and_start_releases_the_claim() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN))
    decided = plan(running(snap, 2, RunState.ACTIVE), CONFIG, OWN)

    assert decided.admitted is None
    assert ReleaseClaim(2) in decided.effects


def test_a_dispatched_run_takes_only_its_own_issue() -> None:
    snap = snapshot(issue(1, by=ANN), issue(2, by=ANN))

    assert plan(snap, CONFIG, Own(42, issue=2)).claim == MakeClaim(
        2, f"2-{LABEL_ID}-1", 42, snap.now + timedelta(minutes=90), 5.0
    )


def test_a_dispatched_run_that_is_not_seen_yet_is_not_dispatched_again() -> None:

    snap = snapshot(issue(1, by=ANN))
    snap = replace(after(snap, plan(snap, CONFIG).effects), runs={})

    assert plan(later(snap, seconds=30), CONFIG).effects == ()
    assert any(isinstance(e, Dispatch) for e in plan(later(snap, seconds=300), CONFIG).effects)


def test_run_keys_that_end_alike_are_told_apart() -> None:
    """#7 and #17 labelled in one second: the run of #17 is not taken for that of #7."""
    snap = snapshot(issue(7, by=ANN), issue(17, by=ANN))
    snap = after(snap, plan(snap, CONFIG).effects)
    ended_first = {
        id_: replace(run, state=RunState.ENDED, conclusion="cancelled") if "#7 " in run.name else run
        for id_, run in snap.runs.items()
    }

    decided = plan(later(replace(snap, runs=ended_first), minutes=5), CONFIG)

    assert [e.issue for e in decided.effects if isinstance(e, Dispatch)] == [7]


def test_a_dispatched_run_that_ended_without_claiming_is_dispatched_again() -> None:

    snap = snapshot(issue(1, by=ANN))
    snap = after(snap, plan(snap, CONFIG).effects)
    over = {id_: replace(run, state=RunState.ENDED, conclusion="cancelled") for id_, run in snap.runs.items()}

    assert any(isinstance(e, Dispatch) for e in plan(replace(snap, runs=over), CONFIG).effects)


@pytest.mark.parametrize(
    ("conclusion", "code"),
    [
        ("cancelled", "cancelled"),
        ("timed_out", "timed-out"),
        ("failure", "runner-lost"),
        ("startup_failure", "config-invalid"),
        ("action_required", "runner-lost"),
        ("stale", "runner-lost"),
        ("stuck", "runner-lost"),
    ],
)
def test_a_run_that_ended_without_a_verdict_gets_one_and_its_claim_is_released(conclusion: str, code: str) -> None:
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.ENDED, conclusion, run_id=9)
    decided = plan(snap, CONFIG, OWN)

    assert verdicts(decided)[1].startswith(f"Blocked ({code}): the run that ")
    assert ReleaseClaim(1) in decided.effects


def test_a_lost_run_is_tried_again_while_attempts_are_left_and_then_not() -> None:
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.GONE, run_id=9)
    first = plan(snap, CONFIG, OWN)
    assert first.again

    second = plan(after(snap, first.effects), CONFIG, OWN)
    assert second.claim is not None
    assert second.claim.run_key == f"1-{LABEL_ID}-2"

    spent = snapshot(issue(1, by=ANN, comments=[ended(1, "runner-lost"), ended(1, "runner-lost", attempt=2)]))
    assert plan(spent, CONFIG, OWN).claim is None


def test_a_run_whose_state_cannot_be_read_is_left_alone() -> None:
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.UNKNOWN, run_id=9)

    assert plan(snap, CONFIG, OWN).effects == ()


def test_what_a_killed_publisher_left_is_finished() -> None:
    snap = running(
        snapshot(issue(1, by=ANN, labels=["ai-running"], comments=[ended(1, "done", pull=31)])),
        1,
        RunState.ENDED,
        "failure",
        run_id=9,
    )
    decided = plan(snap, CONFIG, OWN)

    assert verdicts(decided) == {}
    assert labels(decided) == {1: (("ai-done",), ("ai-ready", "ai-running"))}
    assert "**Done**: #31" in statuses(decided)[1]
    assert ReleaseClaim(1) in decided.effects


def test_a_verdict_forged_by_somebody_else_is_not_seen() -> None:
    forged = ended(1, "done")

    snap = snapshot(issue(1, by=ANN, comments=[replace(forged, author=BOB)]))

    assert plan(snap, CONFIG, OWN).claim is not None


def test_the_label_taken_off_while_waiting_withdraws_the_request() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN))
    snap = after(snap, plan(snap, CONFIG, OWN).effects)
    decided = plan(edit(snap, 2, labels=frozenset({"ai-waiting"})), CONFIG, OWN)

    assert labels(decided) == {2: ((), ("ai-waiting",))}
    assert "**Withdrawn**" in statuses(decided)[2]


def test_a_closed_issue_loses_every_label_of_ours() -> None:
    closed = issue(1, by=ANN, labels=["ai-waiting", "bug"], open=False)
    decided = plan(snapshot(closed), CONFIG, OWN)

    assert labels(decided) == {1: ((), ("ai-ready", "ai-waiting"))}


@pytest.mark.parametrize(("who", "runs"), [(ANN, False), (BOB, True)])
def test_a_request_that_its_author_ran_on_a_laptop_is_over(who: Actor, runs: bool) -> None:
    """The verdict of `ai-ready run` is its user's comment; anybody else's says nothing."""
    block = verdict_block(Record("1-C11-1", "done", 1.0, T0 + timedelta(minutes=3), T0 + timedelta(minutes=2), 5))
    said = (comment(11, "/ai run", ANN), comment(12, f"Done: draft PR #5\n{block}", who, minutes=3))

    assert (plan(snapshot(issue(1, comments=said)), CONFIG, OWN).claim is not None) is runs


@pytest.mark.parametrize("looked", [True, False])
def test_reopening_does_not_ask_again(looked: bool) -> None:
    """Whether a plan was made while the issue was closed makes no difference; a new label does ask."""
    said = comment(11, "/ai run", minutes=1, reactions=frozenset({"eyes"}))
    snap = close(snapshot(issue(1, comments=[said]), issue(2, by=ANN)), 1)
    snap = close(snap, 2)
    if looked:
        snap = after(snap, plan(snap, CONFIG, OWN).effects)
    for number in (1, 2):
        snap = edit(snap, number, open=True, state_reason="reopened")

    decided = plan(later(snap, minutes=3), CONFIG, OWN)

    assert (decided.claim, after(snap, decided.effects).issues[2].labels) == (None, frozenset())
    asked = later(snap, minutes=9)
    event = LabelEvent("LE9", ANN, T0 + timedelta(minutes=8))
    asked = edit(asked, 1, labels=frozenset({"ai-ready"}), label_events=(event,))
    assert plan(asked, CONFIG, OWN).claim is not None


def test_an_issue_closed_by_its_merged_pull_request_says_so() -> None:
    pull = Pull(31, "ai/issue-1", "main", False, True, False, "b" * 40, "/pull/31")
    done = issue(
        1, labels=["ai-done"], comments=[comment(5, '<!-- ai-ready:status {"v":1} -->', BOT), ended(1, "done", pull=31)]
    )
    decided = plan(snapshot(close(snapshot(done), 1).issues[1], pulls=(pull,)), CONFIG, OWN)

    assert "**Done**: #31 was merged." in statuses(decided)[1]
    assert labels(decided) == {1: ((), ("ai-done",))}


def test_a_pull_request_closed_unmerged_frees_the_issue() -> None:
    pull = Pull(31, "ai/issue-1", "main", False, False, True, "b" * 40, "/pull/31")
    done = issue(1, labels=["ai-done"], comments=[ended(1, "done", pull=31)])
    decided = plan(snapshot(done, pulls=(pull,)), CONFIG, OWN)

    assert labels(decided) == {1: ((), ("ai-done",))}
    assert "#31 was closed without a merge" in statuses(decided)[1]


def test_a_merge_into_another_base_closes_the_issue() -> None:
    pull = Pull(31, "ai/issue-1", "next", False, True, False, "b" * 40, "/pull/31")
    done = issue(1, labels=["ai-done"], comments=[ended(1, "done", pull=31)])

    assert CloseIssue(1) in plan(snapshot(done, pulls=(pull,)), CONFIG, OWN).effects


# ------------------------------------------------------------------------------------------ commands


def test_a_run_comment_by_a_writer_is_acknowledged_and_started() -> None:
    decided = plan(snapshot(issue(1, comments=[comment(11, "/ai run be brief")])), CONFIG, OWN)

    assert React("IC_11", "eyes") in decided.effects
    assert decided.claim is not None
    assert decided.claim.run_key == "1-C11-1"


def test_a_command_by_a_reader_gets_one_reaction_and_one_short_reply() -> None:
    snap = snapshot(issue(1, comments=[comment(11, "/ai run", BOB)]))
    decided = plan(snap, CONFIG, OWN)

    assert decided.claim is None
    assert [type(e) for e in decided.effects] == [PostComment, React]
    assert plan(after(snap, decided.effects), CONFIG, OWN).effects == ()


@pytest.mark.parametrize(
    "ignored",
    [
        comment(11, "/ai run", RENOVATE),
        comment(11, "/ai run", edited=True),
        comment(11, "> /ai run"),
        comment(11, "see `/ai run`"),
    ],
)
def test_bots_edits_and_quotes_command_nothing(ignored: Comment) -> None:
    decided = plan(snapshot(issue(1, comments=[ignored])), CONFIG, OWN)

    assert (decided.effects, decided.claim) == ((), None)


def test_a_run_comment_while_running_says_so_and_asks_for_nothing_later() -> None:
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.ACTIVE, run_id=9)
    snap = edit(snap, 1, comments=(comment(11, "/ai run"),))
    decided = plan(snap, CONFIG, OWN)

    assert any(isinstance(e, PostComment) and "at work already" in e.body for e in decided.effects)
    assert React("IC_11", "confused") in decided.effects


def test_stop_cancels_the_run_that_holds_the_claim() -> None:
    snap = running(snapshot(issue(1, by=ANN, labels=["ai-running"])), 1, RunState.ACTIVE, run_id=9)
    decided = plan(edit(snap, 1, comments=(comment(11, "/ai stop", minutes=4),)), CONFIG, OWN)

    assert CancelRun(9) in decided.effects


def test_a_stop_that_is_read_with_the_request_starts_nothing() -> None:
    """The gate of `/ai stop` itself must not take what it is told to leave."""
    decided = plan(
        snapshot(issue(1, by=ANN, labels=["ai-waiting"], comments=[comment(11, "/ai stop", minutes=4)])), CONFIG, OWN
    )

    assert decided.claim is None
    assert labels(decided) == {1: ((), ("ai-ready", "ai-waiting"))}
    assert React("IC_11", "eyes") in decided.effects


def test_a_stop_by_somebody_who_may_not_ask_stops_nothing() -> None:
    decided = plan(snapshot(issue(1, by=ANN, comments=[comment(11, "/ai stop", BOB, minutes=4)])), CONFIG, OWN)

    assert decided.claim is not None


def test_a_stop_between_claim_and_start_releases_the_claim_and_cancels_nothing() -> None:
    snap = running(snapshot(issue(1, by=ANN)), 1, RunState.ACTIVE)
    decided = plan(edit(snap, 1, comments=(comment(11, "/ai stop", minutes=4),)), CONFIG, OWN)

    assert decided.admitted is None
    assert ReleaseClaim(1) in decided.effects
    assert not any(isinstance(e, CancelRun) for e in decided.effects)


@pytest.mark.parametrize("again", ["label", "comment"])
def test_a_second_request_before_the_agent_starts_does_not_end_the_run(again: str) -> None:
    """Label and `/ai run` within seconds: the run of the first goes on, whichever look sees the second."""
    first = comment(11, "/ai run", reactions=frozenset({"eyes"}))
    snap = snapshot(issue(1, by=ANN) if again == "comment" else issue(1, comments=[first]))
    claiming = plan(snap, CONFIG, OWN).claim
    assert claiming is not None
    snap = after(snap, (claiming,))
    if again == "comment":
        snap = edit(snap, 1, comments=(comment(12, "/ai run", minutes=6),))
    else:
        event = LabelEvent("LE9", ANN, T0 + timedelta(minutes=6))
        snap = edit(snap, 1, labels=frozenset({"ai-ready"}), label_events=(event,))

    admitted = plan(later(snap, minutes=2), CONFIG, OWN).admitted

    assert admitted is not None
    assert admitted.run_key == claiming.run_key


def test_stop_while_waiting_withdraws_also_the_label() -> None:
    snap = snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN))
    snap = after(snap, plan(snap, CONFIG, OWN).effects)
    asked = edit(snap, 2, comments=(*snap.issues[2].comments, comment(11, "/ai stop", minutes=4)))
    once = after(asked, plan(asked, CONFIG, OWN).effects)
    twice = after(once, plan(once, CONFIG, OWN).effects)

    assert twice.issues[2].labels == frozenset()
    assert plan(twice, CONFIG, OWN).effects == ()


def test_a_model_that_is_not_allowed_is_refused_by_name() -> None:
    decided = plan(snapshot(issue(1, comments=[comment(11, "/ai run --model gpt-9")])), CONFIG, OWN)

    assert decided.claim is None
    assert any(isinstance(e, PostComment) and "`gpt-9` is not among the models" in e.body for e in decided.effects)


def test_options_lower_the_limits_and_never_raise_them() -> None:
    low = plan(snapshot(issue(1, comments=[comment(11, "/ai run --usd 2 --minutes 7 --model sonnet")])), CONFIG)
    high = plan(snapshot(issue(1, comments=[comment(11, "/ai run --usd 4000 --minutes 250")])), CONFIG)

    def start(decided: Plan) -> tuple[str, float, int]:
        found = decided.survey.situations[1]
        assert isinstance(found, Start)
        return found.model, found.usd, found.minutes

    assert start(low) == ("sonnet", 2, 7)
    assert start(high) == ("opus", 5, 30)


@pytest.mark.parametrize(
    ("labels", "model"),
    [(["junior"], "sonnet"), (["senior"], "sonnet"), (["principal"], "opus"), (["junior", "principal"], "opus")],
)
def test_MO4_a_level_label_chooses_the_model(labels: list[str], model: str) -> None:
    found = plan(snapshot(issue(1, by=ANN, labels=labels)), CONFIG).survey.situations[1]

    assert isinstance(found, Start)
    assert found.model == model


def test_MO4_without_a_level_it_is_the_configs_model() -> None:
    config = replace(CONFIG, agent=AgentSettings(model="haiku"))
    found = plan(snapshot(issue(1, by=ANN, labels=["expert"])), config).survey.situations[1]

    assert isinstance(found, Start)
    assert found.model == "haiku"


@pytest.mark.parametrize(("rule", "starts"), [("continue", True), ("stop-series", False), ("stop-repository", False)])
def test_on_blocked_stops_what_the_config_says(rule: str, starts: bool) -> None:
    config = RepoConfig(order=OrderRules(on_blocked=rule, within_phase="parallel"))  # type: ignore[arg-type]
    snap = snapshot(issue(1, "[A-1.1] x", labels=["ai-blocked"]), issue(2, "[A-1.2] y", by=ANN))

    assert (plan(snap, config, OWN).claim is not None) == starts


def test_a_waiting_issue_shows_up_as_waiting_and_a_running_one_as_running() -> None:
    snap = running(
        snapshot(issue(1, "[A-1.1] x", by=ANN, labels=["ai-running"]), issue(2, "[A-1.2] y", by=ANN)),
        1,
        RunState.ACTIVE,
    )
    seen = plan(snap, CONFIG, OWN).survey.situations

    assert isinstance(seen[1], Running)
    assert isinstance(seen[2], Waiting)
