"""The end of a run: what `publish` decides from what is on GitHub."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.effects import Assign, Continue, Effect, OpenPull, PostComment, PutStatus, ReleaseClaim, SetLabels
from bot.core.messages.status import status
from bot.core.model import Claim, Pull, Snapshot
from bot.core.names import Reason
from bot.core.plan import plan
from bot.core.publishing import Ending, next_step
from bot.core.requests import Request
from bot.core.run import Admission, Check, Outcome
from bot.core.settings import PullRequest, RepoConfig
from bot.core.situation import Hold
from bot.core.verdict import Refusal
from bot.core.view import Own
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
