"""The end of a run: what `publish` decides from what is on GitHub."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.core.effects import (
    Assign,
    Continue,
    Effect,
    OpenPull,
    PostComment,
    PutStatus,
    ReleaseClaim,
    ReplyInThread,
    SetLabels,
)
from bot.core.inits.proposal import proposal_of
from bot.core.inits.tally import Tally
from bot.core.ledger import MOST_SPARED, Record, records
from bot.core.markers import hide, reveal
from bot.core.messages.status import status
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Claim, Feedback, Pull, RunState, Snapshot
from bot.core.names import PROPOSAL_MARKER, STATUS_MARKER, VERDICT_MARKER, Reason
from bot.core.plan import plan
from bot.core.publishing import Ending, next_step
from bot.core.requests import Request
from bot.core.rounds import Remark, Thread
from bot.core.run import Admission, Check, Outcome, Reply
from bot.core.settings import PullRequest, RepoConfig
from bot.core.situation import Hold, Start
from bot.core.specs.diff import compare
from bot.core.verdict import Refusal
from bot.core.view import Own
from tests.core.test_inits import PLAN
from tests.core.world import ANN, BOT, SHA, T0, after, comment, edit, issue, snapshot

KEY = f"1-L{int(T0.timestamp())}-1"
HEAD = "b" * 40
ADMISSION = Admission(
    issue=1,
    repo="acme/shop",
    run_key=KEY,
    title="Log in",
    branch="ai/issue-1",
    base="main",
    base_oid=SHA,
    head_oid=SHA,
    approver_id=ANN.id,
    approver_login=ANN.login,
    model="opus",
    usd=5.0,
    minutes=30,
    content_sha="c" * 64,
    run_id=42,
    run_url="https://example.test/run/42",
)
OUTCOME = Outcome(
    KEY,
    "done",
    summary="Added it.",
    checks=(Check("test", "pytest -q", 0, 1.25),),
    usd=1.234,
    turns=7,
    seconds=61.0,
    model="opus",
    isolation="uid 61001",
    commit_oid=HEAD,
    notes=("Changes tests: tests/test_a.py",),
)
ENDING = Ending(ADMISSION, OUTCOME, pushed_oid=HEAD, server="https://example.test")


def running() -> Snapshot:
    """The run holds its claim and said so; the branch is pushed."""
    claim = Claim(1, KEY, 42, T0 + timedelta(minutes=2), T0 + timedelta(hours=2), 5.0)
    one = issue(1, "Log in", by=ANN, labels=["ai-running"])
    return snapshot(one, claims={1: claim}, branches={"ai/issue-1": HEAD})


def kinds(effects: tuple[Effect, ...]) -> list[type]:
    return [type(effect) for effect in effects]


def comments(effects: tuple[Effect, ...]) -> list[str]:
    return [e.body for e in effects if isinstance(e, PostComment)]


def test_done_opens_a_draft_first_and_says_nothing_yet() -> None:
    step = next_step(ENDING, running())

    assert step.verdict == ""
    (opened,) = step.effects
    assert isinstance(opened, OpenPull)
    assert (opened.head, opened.base, opened.draft) == ("ai/issue-1", "main", True)
    assert opened.title == "Log in (#1)"
    assert opened.body.startswith("Closes #1.")


def test_the_verdict_comes_only_with_the_pull_request_read_back() -> None:
    snap = after(running(), next_step(ENDING, running()).effects)
    step = next_step(ENDING, snap)

    assert step.verdict == "done"
    assert kinds(step.effects) == [Assign, PostComment, PutStatus, SetLabels, ReleaseClaim]
    assert comments(step.effects)[0].splitlines()[0] == "Done: draft PR #500 is up for review."
    assert step.effects[3] == SetLabels(1, ("ai-done",), ("ai-ready", "ai-running"))


def test_publishing_again_says_nothing_twice() -> None:
    snap = after(running(), next_step(ENDING, running()).effects)
    snap = after(snap, next_step(ENDING, snap).effects)
    again = next_step(ENDING, snap)

    assert (again.verdict, again.effects) == ("done", ())


def test_a_kill_after_any_effect_of_the_last_step_is_made_good() -> None:
    opened = after(running(), next_step(ENDING, running()).effects)
    effects = next_step(ENDING, opened).effects
    for k in range(len(effects)):
        crashed = after(opened, effects[:k])
        healed = after(crashed, next_step(ENDING, crashed).effects)

        assert healed.issues[1].labels == {"ai-done"}
        assert healed.claims == {}
        assert sum("ai-ready:verdict" in c.body for c in healed.issues[1].comments) == 1


def test_a_later_plan_has_nothing_to_add() -> None:
    """What publish wrote is what the planner would have written."""
    snap = after(running(), next_step(ENDING, running()).effects)
    snap = after(snap, next_step(ENDING, snap).effects)

    assert plan(snap, RepoConfig(), Own(43)).effects == ()


def test_blocked_says_why_and_ends_with_the_next_command() -> None:
    outcome = replace(OUTCOME, verdict="blocked", reason="tests-failed", text="`pytest -q` failed", details="1 failed")
    step = next_step(replace(ENDING, outcome=outcome), running())
    (said,) = comments(step.effects)

    assert step.verdict == "blocked"
    assert said.splitlines()[0].startswith("Blocked (tests-failed): ")
    assert said.splitlines()[-1] == "/ai retry"
    assert "compare/main...ai/issue-1?expand=1" in said
    assert step.effects[2] == SetLabels(1, ("ai-blocked",), ("ai-ready", "ai-running"))


def test_work_that_is_kept_beside_the_branch_is_linked() -> None:
    kept = replace(ENDING, failure=Refusal(Reason.BRANCH_CHANGED, "it moved"), pushed_oid="", kept="ai/kept-1-L1-1")
    (said,) = comments(next_step(kept, running()).effects)

    assert "kept on a branch of its own, `ai/kept-1-L1-1`: [what it changes](" in said
    assert "compare/ai/issue-1...ai/kept-1-L1-1). Merge that into `ai/issue-1`" in said


def test_what_must_not_leave_is_not_linked() -> None:
    outcome = replace(OUTCOME, verdict="blocked", reason="secret-found", text="a token")

    assert "compare" not in comments(next_step(replace(ENDING, outcome=outcome), running()).effects)[0]


def test_a_refused_pull_request_ends_as_pr_failed_with_the_branch_linked() -> None:
    refused = replace(ENDING, failure=Refusal(Reason.PR_FAILED, "GitHub refused the pull request: not permitted"))
    step = next_step(refused, running())

    assert (step.verdict, step.reason) == ("blocked", "pr-failed")
    assert "compare/main...ai/issue-1?expand=1" in comments(step.effects)[0]


def test_somebodys_push_in_between_is_not_called_done() -> None:
    pull = Pull(31, "ai/issue-1", "main", True, False, True, "d" * 40, "/pull/31")
    step = next_step(ENDING, replace(running(), pulls=(pull,)))

    assert (step.verdict, step.reason) == ("blocked", "branch-changed")


def test_no_outcome_is_never_done() -> None:
    step = next_step(replace(ENDING, outcome=None), running())

    assert (step.verdict, step.reason) == ("blocked", "internal-error")


def test_a_run_that_could_not_say_what_it_cost_counts_in_full() -> None:
    """Killed before its outcome: what was reserved for it is what it is taken to have cost (R36)."""
    [said] = [e for e in next_step(replace(ENDING, outcome=None), running()).effects if isinstance(e, PostComment)]

    block = reveal(VERDICT_MARKER, said.body)
    assert block is not None
    assert block["usd"] == ADMISSION.usd


def test_an_issue_closed_meanwhile_gets_its_verdict_and_no_labels() -> None:
    closed = edit(running(), 1, open=False)
    outcome = replace(OUTCOME, verdict="blocked", reason="no-changes", text="nothing")
    step = next_step(replace(ENDING, outcome=outcome), closed)

    assert SetLabels(1, (), ("ai-ready", "ai-running")) in step.effects
    assert len(comments(step.effects)) == 1


def test_a_label_put_on_again_during_the_run_is_a_new_request_and_stays() -> None:
    snap = running()
    event = replace(snap.issues[1].label_events[0], at=T0 + timedelta(minutes=4))
    snap = edit(snap, 1, label_events=(*snap.issues[1].label_events, event))
    snap = after(snap, next_step(ENDING, snap).effects)

    effects = next_step(ENDING, snap).effects

    assert SetLabels(1, ("ai-done",), ("ai-running",)) in effects
    assert Continue() in effects  # its own gate found the issue running; no other event will come


@pytest.mark.parametrize(("held", "asked"), [(True, True), (False, False)])
def test_another_look_is_asked_for_only_when_something_was_held(held: bool, asked: bool) -> None:
    request = Request("L1", ANN, T0)
    body = status(Hold(request, "2 of 2 runs are at work"), notes={"v": 1, **({"hold": True} if held else {})})
    other = issue(2, by=ANN, labels=["ai-waiting"], comments=[comment(900, body, BOT)])
    snap = replace(running(), issues={**running().issues, 2: other})
    snap = after(snap, next_step(ENDING, snap).effects)

    assert (Continue() in next_step(ENDING, snap).effects) is asked


def test_settings_decide_draft_and_assignment() -> None:
    plain = replace(ENDING, settings=PullRequest(draft=False, assign="none"))
    snap = running()
    (opened,) = next_step(plain, snap).effects

    assert isinstance(opened, OpenPull)
    assert not opened.draft
    assert Assign not in kinds(next_step(plain, after(snap, (opened,))).effects)


def test_another_base_is_named_and_not_closed_by_words() -> None:
    elsewhere = replace(ENDING, admission=replace(ADMISSION, base="next"))
    (opened,) = next_step(elsewhere, running()).effects

    assert isinstance(opened, OpenPull)
    assert "Closes" not in opened.body


# -------------------------------------------------------------------------------- a run that never began

POSTPONED = Outcome(
    KEY, "blocked", reason="cancelled", text="Nothing was done: it waits for #3", model="opus", again=True
)
"""What `work` says of a run that has to wait again."""


def test_a_run_that_never_began_gives_its_request_back() -> None:
    """P15: exactly one verdict, the request label stays, and the planner is asked for the next look."""
    snap = running()
    step = next_step(replace(ENDING, outcome=POSTPONED, pushed_oid=""), snap)
    rest = after(snap, step.effects)
    (record,) = records(rest.issues[1], rest.own_ids)

    assert (record.code, record.again, record.usd) == ("cancelled", True, 0.0)
    assert rest.issues[1].labels == {"ai-ready", "ai-waiting"}
    assert step.effects[-1] == Continue()
    assert plan(rest, RepoConfig()).survey.situations[1].run_key.endswith("-2")  # type: ignore[union-attr]


def test_what_publish_says_of_it_is_what_a_plan_makes_good() -> None:
    snap = running()
    effects = next_step(replace(ENDING, outcome=POSTPONED, pushed_oid=""), snap).effects
    for k in range(1, len(effects)):
        crashed = after(snap, effects[:k])
        ended = replace(crashed, runs={42: ActionsRun(42, RunState.ENDED, "failure")})
        healed = after(ended, plan(ended, RepoConfig(), Own(43, issue=-1)).effects)

        assert healed.claims == {}
        assert len(records(healed.issues[1], healed.own_ids)) == 1
        assert "ai-ready" in healed.issues[1].labels


def test_a_request_that_was_given_back_too_often_is_over() -> None:
    before = [
        comment(600 + n, verdict_block(Record(f"{KEY[:-1]}{n}", "cancelled", 0.0, T0, T0, again=True)), BOT)
        for n in range(1, MOST_SPARED + 1)
    ]
    key = f"{KEY[:-1]}{MOST_SPARED + 1}"
    snap = edit(running(), 1, comments=tuple(before))
    snap = replace(snap, claims={1: replace(snap.claims[1], run_key=key)})
    ending = replace(ENDING, admission=replace(ADMISSION, run_key=key), outcome=POSTPONED, pushed_oid="")

    assert after(snap, next_step(ending, snap).effects).issues[1].labels == {"ai-blocked"}


# ------------------------------------------------------------------------------------- the server's runs


def served(*, dispatched: str = KEY, minutes: int = 2, label: str = "ai-running") -> Snapshot:
    """No branch holds the claim; the status comment says when it was dispatched."""
    at = (T0 + timedelta(minutes=minutes)).isoformat()
    block = {"v": 1, "request": {"id": KEY.split("-")[1], "sha": ""}, "dispatched": {"key": dispatched, "at": at}}
    one = issue(1, "Log in", by=ANN, labels=[label], comments=[comment(50, hide(STATUS_MARKER, block), BOT)])
    return snapshot(one, branches={"ai/issue-1": HEAD})


SERVED = replace(ENDING, served=True)
BLOCKED = replace(SERVED, outcome=replace(OUTCOME, verdict="blocked", reason="tests-failed", text="no"))


def test_the_end_of_a_servers_run_is_told_to_nobody_else() -> None:
    held = issue(2, labels=["ai-waiting"], comments=[comment(51, hide(STATUS_MARKER, {"v": 1, "hold": True}), BOT)])
    snap = served()
    snap = replace(snap, issues={**snap.issues, 2: held})
    step = next_step(BLOCKED, snap)

    assert step.verdict == "blocked"
    assert kinds(step.effects) == [PostComment, PutStatus, SetLabels]


def test_the_status_comment_of_a_servers_run_is_made_by_the_server_alone() -> None:
    """Both may see none at the same moment: the server was away, and the run is over before it says that it began."""
    snap = edit(served(), 1, comments=())
    rest = after(snap, next_step(BLOCKED, snap).effects)
    claim = Claim(1, KEY, 42, T0, T0 + timedelta(hours=2), 5.0, ledger=True)
    over = ActionsRun(42, RunState.ENDED, "success", KEY)
    effects = plan(replace(rest, claims={1: claim}, runs={42: over}), RepoConfig()).effects

    assert kinds(next_step(BLOCKED, snap).effects) == [PostComment, SetLabels]
    assert kinds(effects) == [PutStatus, ReleaseClaim]


@pytest.mark.parametrize(("minutes", "alive"), [(1, False), (3, True)])
def test_what_was_asked_for_since_the_dispatch_is_not_answered_by_it(minutes: int, alive: bool) -> None:
    ask = comment(60, "/ai run", ANN, minutes=minutes, reactions=frozenset({"eyes"}))
    snap = served()
    snap = edit(snap, 1, comments=(*snap.issues[1].comments, ask))
    rest = after(snap, next_step(BLOCKED, snap).effects)

    assert isinstance(plan(rest, RepoConfig()).survey.situations[1], Start) is alive


def test_a_clock_that_is_behind_github_leaves_no_request_of_before_alive() -> None:
    """The server's clock says when it dispatched, GitHub's when somebody asked."""
    snap = served(minutes=-5)

    assert after(snap, next_step(BLOCKED, snap).effects).issues[1].labels == {"ai-blocked"}


def test_a_run_key_that_nobody_asked_for_gets_no_verdict() -> None:
    """R63: a dispatch by hand can't end a request, nor a run that is still to come."""
    for key in ("1-C4711-1", f"{KEY[:-1]}2"):
        forged = replace(BLOCKED, admission=replace(ADMISSION, run_key=key))

        assert next_step(forged, served()).effects == ()


def test_a_claim_branch_of_the_very_same_run_is_anothers_to_end() -> None:
    claim = Claim(1, KEY, 41, T0, T0 + timedelta(hours=1), 5.0)

    assert next_step(BLOCKED, replace(served(), claims={1: claim})).effects == ()


def test_the_claim_of_a_later_run_keeps_labels_and_status() -> None:
    claim = Claim(1, f"{KEY[:-1]}2", 43, T0, T0 + timedelta(hours=1), 5.0)
    snap = replace(served(), claims={1: claim})

    assert kinds(next_step(BLOCKED, snap).effects) == [PostComment]


@pytest.mark.parametrize(
    "later",
    [
        lambda snap: edit(snap, 1, labels=frozenset({"ai-ready", "ai-running"}), comments=(
            *snap.issues[1].comments[1:], *served(dispatched=f"{KEY[:-1]}2").issues[1].comments)),
        lambda snap: edit(snap, 1, labels=frozenset({"ai-running"}), comments=(*snap.issues[1].comments, comment(
            90, verdict_block(Record(f"{KEY[:-1]}2", "no-changes", 0.0, snap.now + timedelta(minutes=1), T0)), BOT))),
        lambda snap: edit(snap, 1, labels=frozenset({"ai-ready", "ai-waiting"}), comments=(
            *snap.issues[1].comments[1:],
            comment(91, hide(STATUS_MARKER, {"v": 1, "request": {"id": "C60"}}), BOT))),
    ],
)  # fmt: skip
def test_a_rerun_of_an_ended_run_moves_nothing(later: Callable[[Snapshot], Snapshot]) -> None:
    """Q35: the next run of this request, its verdict, or another request has the issue by now."""
    snap = served()
    ended = later(after(snap, next_step(BLOCKED, snap).effects))
    step = next_step(BLOCKED, ended)

    assert (step.verdict, step.effects) == ("blocked", ())


# -------------------------------------------------------------------- whose end it is, and what is noted of it


def noted(ending: Ending, snap: Snapshot) -> Record:
    """What the verdict says of the run."""
    [record] = records(after(snap, next_step(ending, snap).effects).issues[1], snap.own_ids)
    return record


ROUND = replace(ADMISSION, kind="fix", pull=31, run_key="1-R5-1")
PULL = Pull(31, "ai/issue-1", "main", True, False, True, HEAD, "/pull/31")


@pytest.mark.parametrize(
    ("ending", "pull", "ended"),
    [
        (replace(BLOCKED, admission=ROUND), 31, True),
        (replace(BLOCKED, admission=ROUND), 32, False),
        (replace(BLOCKED, admission=ROUND, outcome=None), 31, False),
        (replace(BLOCKED, admission=replace(ROUND, kind="work")), 31, False),
    ],
    ids=["at work", "another's", "never began", "no round"],
)
def test_a_round_that_was_at_work_ends_though_its_review_is_gone(ending: Ending, pull: int, ended: bool) -> None:
    """Dismissed, or overtaken by another one: its words are not to be found any more, its pull request is."""
    step = next_step(ending, replace(served(), pulls=(replace(PULL, number=pull),)))

    assert bool(step.effects) is ended


@pytest.mark.parametrize("after_effects", [1, 2])
def test_a_servers_publisher_that_was_killed_goes_on(after_effects: int) -> None:
    """Its status comment names this very request and run: nobody has taken the issue over."""
    snap = served()
    crashed = after(snap, next_step(BLOCKED, snap).effects[:after_effects])

    assert after(crashed, next_step(BLOCKED, crashed).effects).issues[1].labels == {"ai-blocked"}


@pytest.mark.parametrize(
    ("label", "moved"), [("ai-waiting", False), ("ai-queued", False), ("ai-running", False), ("ai-done", True)]
)
def test_another_request_has_the_issue_while_it_waits_or_is_at_work(label: str, moved: bool) -> None:
    snap = after(served(), next_step(BLOCKED, served()).effects)
    other = comment(91, hide(STATUS_MARKER, {"v": 1, "request": {"id": "C60"}}), BOT)
    taken = edit(snap, 1, labels=frozenset({label}), comments=(*snap.issues[1].comments[1:], other))

    assert bool(next_step(BLOCKED, taken).effects) is moved


def test_a_later_runs_claim_has_the_issue() -> None:
    snap = after(served(), next_step(BLOCKED, served()).effects[:1])
    claim = Claim(1, f"{KEY[:-1]}2", 43, T0, T0 + timedelta(hours=1), 5.0)

    assert next_step(BLOCKED, replace(snap, claims={1: claim})).effects == ()


@pytest.mark.parametrize("kind", ["plan", "init"])
def test_a_run_that_was_only_to_plan_is_never_done(kind: Literal["plan", "init"]) -> None:
    step = next_step(replace(ENDING, admission=replace(ADMISSION, kind=kind)), running())

    assert (step.verdict, step.reason) == ("blocked", "internal-error")


def test_a_pull_request_that_still_shows_what_was_before_is_waited_for() -> None:
    """GitHub is behind our push; one of which it says no commit is taken as it is."""
    behind = replace(running(), pulls=(replace(PULL, head_oid=SHA),))
    unknown = replace(running(), pulls=(replace(PULL, head_oid=""),))

    assert (next_step(ENDING, behind).verdict, next_step(ENDING, behind).effects) == ("", ())
    assert next_step(ENDING, unknown).verdict == "done"


def test_what_people_have_decided_on_is_not_shown_again() -> None:
    """The newest pull request of the branch counts, and none of any other branch."""
    closed, merged = replace(PULL, open=False), replace(PULL, number=32, open=False, merged=True)
    other = replace(PULL, head="ai/issue-2")

    for pulls, word in (((closed,), "closed"), ((closed, merged), "merged"), ((merged, closed), "merged")):
        step = next_step(ENDING, replace(running(), pulls=pulls))
        assert (step.verdict, step.reason) == ("blocked", "cancelled")
        assert step.text == f"Its pull request was {word} while this run was at work"
    for pull in (other, replace(other, open=False)):
        assert kinds(next_step(ENDING, replace(running(), pulls=(pull,))).effects) == [OpenPull]


def test_a_plan_of_issues_is_shown_and_waits_for_approval() -> None:
    """Without one, or ended for another reason, it waits for nothing."""
    diff = compare(PLAN, [])
    asks = replace(OUTCOME, verdict="blocked", reason="needs-input", text="It waits.", commit_oid="", planned=True)
    init = replace(ENDING, admission=replace(ADMISSION, kind="init"), outcome=asks, pushed_oid="")
    made = replace(init, proposal=(proposal_of(PLAN, diff, 0), diff))
    [said] = comments(next_step(made, running()).effects)

    assert PROPOSAL_MARKER in said
    assert noted(made, running()).planned
    assert Continue() not in next_step(made, running()).effects
    assert not noted(init, running()).planned
    assert not noted(replace(made, failure=Refusal(Reason.SECRET_FOUND, "a token")), running()).planned


def test_the_record_names_the_pull_request_that_a_done_run_has() -> None:
    open_ = replace(running(), pulls=(PULL,))
    blocked = replace(ENDING, outcome=BLOCKED.outcome)

    assert noted(ENDING, open_).pull == 31
    assert noted(blocked, open_).pull == 0
    assert noted(blocked, running()).pull == 0


NOTHING = Outcome(KEY, "blocked", reason="cancelled", text="Nothing was done.")


@pytest.mark.parametrize(
    ("changes", "label", "withdrawn"),
    [
        ({}, False, True),
        ({"outcome": None, "failure": Refusal(Reason.CANCELLED, "It was cancelled.")}, False, True),
        ({}, True, False),
        ({"served": False}, False, False),
        ({"outcome": replace(NOTHING, reason="runner-lost")}, False, False),
        ({"outcome": replace(NOTHING, commit_oid=HEAD)}, False, False),
        ({"outcome": replace(NOTHING, turns=1)}, False, False),
        ({"outcome": replace(NOTHING, usd=0.01)}, False, False),
    ],
)
def test_what_nobody_asks_for_any_more_and_never_began_is_withdrawn(
    changes: dict[str, object], label: bool, withdrawn: bool
) -> None:
    """Of the server's runs: nothing is blocked by that."""
    ending = replace(SERVED, outcome=NOTHING, pushed_oid="")
    snap = served() if label else edit(served(), 1, labels=frozenset({"ai-queued"}))

    assert noted(replace(ending, **changes), snap).withdrawn is withdrawn  # type: ignore[arg-type]


def test_what_a_run_answers_without_a_claim() -> None:
    """Of a gate's run nothing else says when it began; a server's run answers at least the request it was made for."""
    snap = edit(served(), 1, comments=())

    assert noted(replace(BLOCKED, served=False), snap).requested_at == snap.now
    assert noted(BLOCKED, snap).requested_at == T0
    assert noted(BLOCKED, served()).requested_at == T0 + timedelta(minutes=2)


def test_the_status_keeps_what_it_knew_and_notes_the_end() -> None:
    tally = Tally("C9", "5" * 64, 3)
    block = {"v": 1, "request": {"id": "C60", "sha": "6" * 64}, "init": tally.data()}
    snap = edit(running(), 1, comments=(comment(50, hide(STATUS_MARKER, block), BOT),))
    [put] = [e for e in next_step(replace(BLOCKED, served=False), snap).effects if isinstance(e, PutStatus)]
    said = reveal(STATUS_MARKER, put.body)

    assert said is not None
    assert said["request"] == {"id": "C60", "sha": "6" * 64}
    assert said["init"] == tally.data()
    assert said["ended"]["id"] == KEY.split("-")[1]


@pytest.mark.parametrize(
    ("key", "minutes", "asked"), [(KEY, 4, True), (KEY, 2, False), (KEY, 1, False), ("1-C70-1", 4, False)]
)
def test_a_round_that_was_asked_for_during_the_run_gets_another_look(key: str, minutes: int, asked: bool) -> None:
    """The run's own request is none."""
    feedback = Feedback(31, HEAD, KEY, (comment(70, "/ai fix", minutes=minutes),))
    snap = edit(running(), 1, feedback=feedback)
    snap = replace(snap, claims={1: replace(snap.claims[1], run_key=key)})
    ending = replace(ENDING, outcome=BLOCKED.outcome, admission=replace(ADMISSION, run_key=key))

    assert (Continue() in next_step(ending, snap).effects) is asked


@pytest.mark.parametrize(
    ("label", "open_", "asked"), [("ai-waiting", True, True), ("ai-waiting", False, False), ("ai-done", True, False)]
)
def test_only_what_is_open_and_waits_may_have_waited_for_the_slot(label: str, open_: bool, asked: bool) -> None:
    hold = comment(51, hide(STATUS_MARKER, {"v": 1, "hold": True}), BOT)
    other = issue(2, labels=[label], comments=[hold], open=open_)
    snap = replace(running(), issues={**running().issues, 2: other})

    assert (Continue() in next_step(replace(ENDING, outcome=BLOCKED.outcome), snap).effects) is asked


def test_a_lost_runner_ends_its_request_where_one_attempt_is_all() -> None:
    lost = replace(ENDING, failure=Refusal(Reason.RUNNER_LOST, "It vanished."))

    assert SetLabels(1, ("ai-blocked",), ("ai-ready", "ai-running")) in next_step(lost, running()).effects
    again = next_step(replace(lost, attempts=2), running()).effects
    assert after(running(), again).issues[1].labels >= {"ai-ready"}


def test_what_deserves_a_look_is_in_the_verdict_where_the_pull_request_is_of_an_earlier_run() -> None:
    """A new one has it in its own text."""
    snap = replace(running(), pulls=(PULL,))
    on_top = replace(ENDING, admission=replace(ADMISSION, head_oid="d" * 40))

    assert "tests/test_a.py" in comments(next_step(on_top, snap).effects)[0]
    assert "tests/test_a.py" not in comments(next_step(ENDING, snap).effects)[0]


def test_an_answer_names_the_commit_in_which_it_is_to_be_seen() -> None:
    said = Thread("T1", "a.py", 1, "@@ -1 +1 @@\n+x", (Remark(ANN, "rename it"),))
    round_ = replace(
        ENDING, admission=ROUND, outcome=replace(OUTCOME, replies=(Reply("T1", "Renamed."),)), threads=(said,)
    )
    [answer] = next_step(round_, replace(running(), pulls=(PULL,))).effects

    assert isinstance(answer, ReplyInThread)
    assert answer.body.startswith(f"In {HEAD}")
