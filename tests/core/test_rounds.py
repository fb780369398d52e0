"""Who asks for a review round: `/ai fix` on our pull request, a review that requests changes, red CI; nobody else."""

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.core.commands import MAX_GUIDANCE, Fix
from bot.core.effects import (
    CancelRun,
    CloseIssue,
    Dispatch,
    Effect,
    MakeClaim,
    PostComment,
    PutStatus,
    React,
    SetLabels,
)
from bot.core.ledger import Record
from bot.core.messages.verdict import verdict_block
from bot.core.model import (
    ActionsRun,
    Actor,
    CheckSuite,
    Claim,
    Comment,
    Feedback,
    Issue,
    Permission,
    Pull,
    Review,
    RunState,
    Snapshot,
)
from bot.core.plan import Plan, plan
from bot.core.plans import last_words
from bot.core.settings import Limits, PullRequest, RepoConfig
from bot.core.situation import Ended, Hold, PullClosed, PullMerged, RoundsUsed, Running, Start, Unstartable, Waiting
from bot.core.survey import askers
from bot.core.view import Own
from tests.core.world import ANN, BOB, BOT, RENOVATE, T0, after, comment, edit, issue, later, snapshot

HEAD = "f" * 40
RED_ID = f"S{int(HEAD[:12], 16)}"
LABEL_ID = f"L{int(T0.timestamp())}"
FIRST = f"7-{LABEL_ID}-1"
CONFIG = RepoConfig(limits=Limits(review_rounds=3))
WITH_CI = replace(CONFIG, pull_request=PullRequest(fix_ci=True))
OWN = Own(run_id=42, prefer=31)
CAT = Actor(8, "cat")
"""May write, too."""


def fix(id: int = 900, words: str = "", author: Actor = ANN, *, minutes: int = 20, **more: object) -> Comment:  # noqa: A002
    return comment(id, f"/ai fix {words}".strip(), author, minutes=minutes, **more)


def review(
    id: int = 800,  # noqa: A002
    state: str = "changes_requested",
    author: Actor = ANN,
    *,
    body: str = "",
    minutes: int = 20,
) -> Review:
    return Review(id, author, state, body, T0 + timedelta(minutes=minutes))


def suite(conclusion: str = "failure", *, status: str = "completed", minutes: int = 20, **more: bool) -> CheckSuite:
    return CheckSuite(status, conclusion, T0 + timedelta(minutes=minutes), **more)


def verdict(
    key: str = FIRST, code: str = "done", *, minutes: int = 3, asked: int = 0, kind: str = "work", **more: object
) -> Comment:
    """The verdict of a run that went on with #31 (or opened it)."""
    at = T0 + timedelta(minutes=minutes)
    record = Record(key, code, 1.0, at, T0 + timedelta(minutes=asked or minutes - 1), 31)
    block = verdict_block(replace(record, kind=kind, **more))  # type: ignore[arg-type]
    return comment(7000 + minutes, f"Done\n{block}", BOT, minutes=minutes)


def rounds(count: int) -> list[Comment]:
    """So many review rounds that ended Done."""
    return [verdict(f"7-C{600 + n}-1", minutes=4 + n, kind="fix") for n in range(count)]


def reviewed(
    said: Iterable[Comment] = (),
    reviews: Iterable[Review] = (),
    suites: Iterable[CheckSuite] = (),
    *,
    verdicts: Iterable[Comment] | None = None,
    labels: Iterable[str] = ("ai-done",),
    head_run: str = FIRST,
    open_: bool = True,
    **more: object,
) -> Snapshot:
    """#7 is done and its draft #31 is up for review, half an hour later."""
    comments = tuple(said)
    pull = Pull(31, "ai/issue-7", "main", open_, False, True, HEAD, "/pull/31", author_id=BOT.id)
    feedback = Feedback(31, HEAD, head_run, comments, tuple(reviews), tuple(suites)) if open_ else None
    asked = issue(7, by=ANN, comments=[verdict()] if verdicts is None else verdicts, feedback=feedback)
    asked = replace(asked, labels=frozenset(labels))
    conversation = issue(31, "The work (#7)", comments=comments, is_pull=True, open=open_)
    base = snapshot(asked, conversation, pulls=(pull,), branches={"ai/issue-7": HEAD}, **more)
    permissions = MappingProxyType({**base.permissions, CAT.id: Permission.WRITE})
    return later(replace(base, permissions=permissions), minutes=25)


def start(decided: Plan) -> Start | None:
    found = decided.survey.situations.get(7)
    return found if isinstance(found, Start) else None


def texts(effects: Iterable[Effect], number: int) -> list[str]:
    return [e.body.split("\n")[0] for e in effects if isinstance(e, PostComment) and e.issue == number]


# ------------------------------------------------------------------------------------------ who asks


def test_fix_on_our_pull_request_starts_one_run_that_mends_it() -> None:
    decided = plan(reviewed([fix(words="name it better")]), CONFIG)

    found = start(decided)
    assert found is not None
    assert (found.run_key, found.kind, found.pull) == ("7-C900-1", "fix", 31)
    assert found.request.command is not None
    assert found.request.command.guidance == "name it better"
    assert React("IC_900", "eyes") in decided.effects
    assert Dispatch(7, "7-C900-1") in decided.effects
    assert SetLabels(7, ("ai-queued",), ("ai-done",)) in decided.effects


def test_a_gate_takes_the_issue_whose_pull_request_the_comment_is_on() -> None:
    other = issue(2, by=ANN)
    snap = reviewed([fix()])
    snap = replace(snap, issues=MappingProxyType({2: other, **snap.issues}))

    decided = plan(snap, CONFIG, OWN)

    assert decided.claim is not None
    assert (decided.claim.issue, decided.claim.run_key) == (7, "7-C900-1")


def test_a_review_that_requests_changes_starts_one_run_with_its_words() -> None:
    found = start(plan(reviewed(reviews=[review(body="  Please rename.\n")]), CONFIG))

    assert found is not None
    assert (found.run_key, found.kind, found.pull, found.request.actor) == ("7-R800-1", "fix", 31, ANN)
    assert found.request.command is not None
    assert found.request.command.guidance == "Please rename."


def test_a_reviews_words_are_cut_as_a_comments_are() -> None:
    found = start(plan(reviewed(reviews=[review(body="x" * 60_000)]), CONFIG))

    assert found is not None
    assert found.request.command is not None
    assert len(found.request.command.guidance) == MAX_GUIDANCE


CHATTER: dict[str, dict[str, object]] = {
    "a plain comment": {"said": [comment(900, "Please fix this", minutes=20)]},
    "a comment by a bot": {"said": [fix(author=RENOVATE)]},
    "our own words": {"said": [fix(author=BOT)]},
    "an edited command": {"said": [fix(edited=True)]},
    "a quoted command": {"said": [comment(900, "> /ai fix", minutes=20)]},
    "a command in a code block": {"said": [comment(900, "```\n/ai fix\n```", minutes=20)]},
    "a command further down": {"said": [comment(900, "Hm.\n\n/ai fix", minutes=20)]},
    "a list item": {"said": [comment(900, "- /ai fix", minutes=20)]},
    "HTML": {"said": [comment(900, "<p>/ai fix</p>", minutes=20)]},
    "another bot's command": {"said": [comment(900, "/fix it", minutes=20)]},
    "a mention": {"said": [comment(900, "@ai-ready fix", minutes=20)]},
    "a reader's command": {"said": [fix(author=BOB)]},
    "a refused command": {"said": [fix(reactions=frozenset({"confused"}))]},
    "run on the pull request": {"said": [comment(900, "/ai run", minutes=20)]},
    "retry on the pull request": {"said": [comment(900, "/ai retry", minutes=20)]},
    "an approval": {"reviews": [review(state="approved")]},
    "a reader's review": {"reviews": [review(author=BOB)]},
    "a bot's review": {"reviews": [review(author=RENOVATE)]},
    "our own review": {"reviews": [review(author=BOT)]},
    "a dismissed review": {"reviews": [review(state="dismissed")]},
    "changes requested, then approved": {"reviews": [review(), review(801, "approved", minutes=21)]},
    "red CI where nobody wants that": {"suites": [suite()]},
}


@pytest.mark.parametrize("own", [None, OWN], ids=["server", "gate"])
@pytest.mark.parametrize("kind", CHATTER)
def test_chatter_never_starts_anything(kind: str, own: Own | None) -> None:
    snap = reviewed(**CHATTER[kind])  # type: ignore[arg-type]

    decided = plan(snap, CONFIG, own)

    assert decided.claim is None
    assert isinstance(decided.survey.situations[7], Ended)
    assert not [e for e in decided.effects if isinstance(e, Dispatch | SetLabels | PutStatus)]


def test_one_persons_approval_does_not_take_back_what_another_requests() -> None:
    snap = reviewed(reviews=[review(author=CAT), review(801, "approved", ANN, minutes=22)])

    found = start(plan(snap, CONFIG))

    assert found is not None
    assert found.run_key == "7-R800-1"


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (issue(2, comments=[comment(900, "/ai fix")]), "there is none for this issue"),
        (issue(2, "x", comments=[comment(900, "/ai fix")], is_pull=True), "of mine only"),
    ],
    ids=["an issue", "somebody's pull request"],
)
def test_fix_elsewhere_gets_one_short_reply(here: Issue, words: str) -> None:
    snap = snapshot(here)

    decided = plan(snap, CONFIG)

    (said,) = texts(decided.effects, 2)
    assert words in said
    assert React("IC_900", "confused") in decided.effects
    assert plan(after(snap, decided.effects), CONFIG).effects == ()


def test_fix_on_the_issue_is_a_round_of_its_pull_request() -> None:
    """A round that ends Blocked says so on the issue: there people answer."""
    ended = verdict("7-R800-1", "needs-input", minutes=10, kind="fix")
    snap = edit(reviewed(), 7, comments=(verdict(), ended, fix(words="Blue.")))

    decided = plan(snap, CONFIG)
    found = start(decided)

    assert found is not None
    assert (found.run_key, found.kind, found.pull, found.request.command) == ("7-C900-1", "fix", 31, Fix("Blue."))
    assert React("IC_900", "eyes") in decided.effects
    assert texts(decided.effects, 31) == []


def test_fix_on_the_issue_counts_as_a_round() -> None:
    snap = edit(reviewed(), 7, comments=(verdict(), *rounds(3), fix()))

    decided = plan(snap, CONFIG)

    assert start(decided) is None
    assert texts(decided.effects, 7)[0].startswith("This pull request has had all 3 review rounds")


def test_fix_on_the_pull_request_of_a_closed_issue_is_refused() -> None:
    decided = plan(edit(reviewed([fix()]), 7, open=False), CONFIG)

    assert texts(decided.effects, 31) == ["#7 is closed; reopen it first, then ask again."]
    assert start(decided) is None


# ----------------------------------------------------------------------------------------------- CI


def test_red_ci_starts_one_run_on_the_authority_of_the_approver() -> None:
    found = start(plan(reviewed(suites=[suite("success"), suite()]), WITH_CI))

    assert found is not None
    assert (found.run_key, found.kind, found.pull, found.request.actor) == (f"7-{RED_ID}-1", "fix", 31, ANN)


NOT_RED: dict[str, dict[str, object]] = {
    "no CI": {},
    "green": {"suites": [suite("success"), suite("neutral"), suite("skipped")]},
    "one is under way": {"suites": [suite(), suite("", status="in_progress")]},
    "one is queued": {"suites": [suite(), suite("", status="queued")]},
    "it waits for a click": {"suites": [suite("action_required")]},
    "it was cancelled": {"suites": [suite("cancelled")]},
    "only our own workflow is": {"suites": [suite(caller=True)]},
    "the commit is a person's": {"suites": [suite()], "head_run": ""},
    "the commit is of an earlier run": {"suites": [suite()], "head_run": "7-C1-1"},
    "the last run ended Blocked": {"suites": [suite()], "verdicts": [verdict(code="tests-failed")]},
    "our pull request is closed": {"suites": [suite()], "open_": False},
}


@pytest.mark.parametrize("case", NOT_RED)
def test_ci_that_is_not_red_or_not_ours_starts_nothing(case: str) -> None:
    assert start(plan(reviewed(**NOT_RED[case]), WITH_CI)) is None  # type: ignore[arg-type]


def test_an_app_that_checks_nothing_holds_nothing_up() -> None:
    assert start(plan(reviewed(suites=[suite(), suite("", status="queued", from_actions=False)]), WITH_CI))


def test_red_ci_of_an_approver_who_may_no_longer_ask_starts_nothing() -> None:
    snap = reviewed(suites=[suite()])
    snap = replace(snap, permissions=MappingProxyType({ANN.id: Permission.READ}))

    assert start(plan(snap, WITH_CI)) is None


def test_red_ci_mends_only_what_was_approved() -> None:
    """Somebody edits the issue while its pull request is up: no person has read that."""
    snap = edit(reviewed(suites=[suite()]), 7, body_edited_at=T0 + timedelta(minutes=10))

    assert start(plan(snap, WITH_CI)) is None
    assert start(plan(edit(snap, 7, body_edited_at=T0 - timedelta(minutes=1)), WITH_CI))


def test_red_ci_after_a_round_that_ci_asked_for_has_the_first_approver_behind_it() -> None:
    earlier = f"S{int('e' * 12, 16)}"
    ended = [verdict(), verdict(f"7-{earlier}-1", minutes=10, kind="fix")]
    snap = reviewed(suites=[suite()], verdicts=ended, head_run=f"7-{earlier}-1")

    found = start(plan(snap, WITH_CI))

    assert found is not None
    assert (found.run_key, found.request.actor) == (f"7-{RED_ID}-1", ANN)


def test_one_commit_asks_once() -> None:
    """The round pushed nothing, CI of the same commit is still red (or is run again)."""
    ended = [verdict(), verdict(f"7-{RED_ID}-1", minutes=22, kind="fix")]
    snap = reviewed(suites=[suite(minutes=24)], verdicts=ended, head_run=f"7-{RED_ID}-1")

    assert start(plan(snap, WITH_CI)) is None


# ---------------------------------------------------------------------------------------------- caps


@pytest.mark.parametrize("used", [0, 1, 2, 3, 5])
def test_review_rounds_are_capped_for_each_pull_request(used: int) -> None:
    snap = reviewed([fix()], verdicts=[verdict(), *rounds(used)])

    decided = plan(snap, CONFIG)

    assert (start(decided) is not None) == (used < 3)
    if used >= 3:
        (said,) = texts(decided.effects, 31)
        assert said.startswith("This pull request has had all 3 review rounds (`limits.review_rounds`); `/ai run ")
        assert plan(after(snap, decided.effects), CONFIG).effects == ()


def test_what_never_began_and_second_attempts_are_no_rounds() -> None:
    never = verdict("7-C601-1", "cancelled", minutes=5, kind="fix", again=True)
    withdrawn = verdict("7-C602-1", "cancelled", minutes=6, kind="fix", withdrawn=True)
    twice = [verdict(f"7-C603-{n}", "runner-lost", minutes=6 + n, kind="fix") for n in (1, 2)]
    of_another = verdict("7-C604-1", minutes=9, kind="fix", pull=30)

    snap = reviewed([fix()], verdicts=[verdict(), never, withdrawn, *twice, of_another])

    assert start(plan(snap, replace(CONFIG, limits=Limits(review_rounds=2))))
    assert start(plan(snap, replace(CONFIG, limits=Limits(review_rounds=1)))) is None


@pytest.mark.parametrize("more", [{"reviews": [review()]}, {"suites": [suite()]}], ids=["review", "CI"])
def test_a_review_beyond_the_cap_is_said_in_the_status_and_starts_nothing(more: dict[str, object]) -> None:
    ended = [verdict(), *rounds(3)]
    asked = [fix(602, minutes=2, reactions=frozenset({"eyes"}))]
    snap = reviewed(asked, verdicts=ended, head_run="7-C602-1", **more)  # type: ignore[arg-type]

    decided = plan(snap, WITH_CI)

    assert isinstance(decided.survey.situations[7], RoundsUsed)
    (status,) = [e.body for e in decided.effects if isinstance(e, PutStatus)]
    assert "it has had all 3 review rounds" in status
    assert not [e for e in decided.effects if not isinstance(e, PutStatus)]
    assert plan(after(snap, decided.effects), WITH_CI).effects == ()


def test_a_fix_that_would_come_after_the_last_round_is_refused_while_that_runs() -> None:
    snap = at_work(reviewed([fix(901, minutes=23)], [review()], verdicts=[verdict(), *rounds(2)]), "7-R800-1")

    assert texts(plan(snap, CONFIG).effects, 31)
    assert not texts(plan(snap, replace(CONFIG, limits=Limits(review_rounds=4))).effects, 31)


def test_no_review_rounds_at_all() -> None:
    decided = plan(reviewed([fix()]), replace(CONFIG, limits=Limits(review_rounds=0)))

    assert start(decided) is None
    assert "off here" in texts(decided.effects, 31)[0]


# ------------------------------------------------------------------------------------ one at a time


def at_work(snap: Snapshot, key: str, state: RunState = RunState.ACTIVE, *, ledger: bool = True) -> Snapshot:
    """A run of #7 holds the claim."""
    claim = Claim(7, key, 77, T0 + timedelta(minutes=22), T0 + timedelta(hours=9), 5.0, ledger=ledger)
    conclusion = "" if state is RunState.ACTIVE else "failure"
    run = ActionsRun(77, state, conclusion, name=f"ai-ready #7 [{key}]", url="/run/77")
    snap = edit(snap, 7, labels=frozenset({"ai-running"}))
    return replace(snap, claims={7: claim}, runs={77: run})


def test_a_fix_while_running_is_acknowledged_and_comes_after() -> None:
    snap = at_work(reviewed([fix(), fix(901, "and this", minutes=24)]), "7-C900-1")

    decided = plan(snap, CONFIG)

    assert isinstance(decided.survey.situations[7], Running)
    assert React("IC_901", "eyes") in decided.effects
    assert not texts(decided.effects, 31)

    ended = verdict("7-C900-1", minutes=25, asked=20, kind="fix")
    snap = edit(after(snap, decided.effects), 7, comments=(verdict(), ended), labels=frozenset({"ai-done"}))
    found = start(plan(replace(snap, claims={}, runs={}), CONFIG))
    assert found is not None
    assert found.run_key == "7-C901-1"


def test_the_newest_request_wins_and_the_older_ones_are_answered_with_it() -> None:
    snap = reviewed([fix(), fix(901, minutes=22)], [review(minutes=21)])
    found = start(plan(snap, CONFIG))
    assert found is not None
    assert found.run_key == "7-C901-1"

    ended = verdict("7-C901-1", minutes=26, asked=22, kind="fix")
    assert start(plan(edit(snap, 7, comments=(verdict(), ended)), CONFIG)) is None


def test_a_label_after_the_review_continues_the_branch_as_work() -> None:
    snap = reviewed(reviews=[review()], labels=("ai-done", "ai-ready"))
    event = replace(snap.issues[7].label_events[0], at=T0 + timedelta(minutes=24))
    found = start(plan(edit(snap, 7, label_events=(event,)), CONFIG))

    assert found is not None
    assert (found.kind, found.pull) == ("work", 0)


def test_a_reopened_prerequisite_is_waited_for() -> None:
    snap = reviewed([fix()])
    snap = replace(snap, issues=MappingProxyType({**snap.issues, 1: issue(1, "[A-1.1] first")}))
    decided = plan(edit(snap, 7, title="[A-1.2] second"), CONFIG)

    assert isinstance(decided.survey.situations[7], Waiting)
    assert SetLabels(7, ("ai-waiting",), ("ai-done",)) in decided.effects


def test_a_pause_and_an_unknown_permission_hold_it() -> None:
    snap = reviewed(reviews=[review()])

    assert isinstance(plan(replace(snap, paused=True), CONFIG).survey.situations[7], Hold)
    unknown = replace(snap, permissions=MappingProxyType({ANN.id: Permission.UNKNOWN}))
    assert isinstance(plan(unknown, CONFIG).survey.situations[7], Hold)
    held = settle(replace(snap, paused=True), CONFIG)
    assert isinstance(plan(later(replace(held, paused=False), days=31), CONFIG).survey.situations[7], Hold)


@pytest.mark.parametrize("more", [{"reviews": [review()]}, {"suites": [suite()]}], ids=["review", "CI"])
def test_what_was_missed_for_a_week_starts_nothing_and_what_waits_goes_on(more: dict[str, object]) -> None:
    """An App that is installed (or comes back) does not take up the reviews of a month."""
    snap = reviewed(**more)  # type: ignore[arg-type]
    assert start(plan(later(snap, days=6), WITH_CI))
    assert isinstance(plan(later(snap, days=8), WITH_CI).survey.situations[7], Ended)

    held = settle(replace(snap, paused=True), WITH_CI)
    assert start(plan(later(replace(held, paused=False), days=8), WITH_CI))


def test_an_edit_after_the_request_is_noticed_and_one_before_it_was_read() -> None:
    snap = edit(reviewed([fix()]), 7, body_edited_at=T0 + timedelta(minutes=10))
    assert start(plan(snap, CONFIG))

    edited = edit(snap, 7, body_edited_at=T0 + timedelta(minutes=21))
    decided = plan(edited, CONFIG)
    assert isinstance(decided.survey.situations[7], Unstartable)
    (said,) = [e.body for e in decided.effects if isinstance(e, PostComment) and "ai-ready:verdict" in e.body]
    assert '"kind":"fix"' in said.replace(" ", "")


@pytest.mark.parametrize("where", [7, 31], ids=["on the issue", "on the pull request"])
def test_stop_ends_the_round_wherever_it_is_said(where: int) -> None:
    snap = at_work(reviewed([fix()]), "7-C900-1")
    stop = comment(950, "/ai stop", minutes=24)

    decided = plan(edit(snap, where, comments=(*snap.issues[where].comments, stop)), CONFIG)

    assert CancelRun(77) in decided.effects
    assert React("IC_950", "eyes") in decided.effects


@pytest.mark.parametrize("where", [7, 31], ids=["on the issue", "on the pull request"])
def test_stop_while_it_waits_leaves_the_pull_request_up_for_review(where: int) -> None:
    snap = reviewed([fix()])
    held = replace(snap, paused=True)
    held = after(held, plan(held, CONFIG).effects)
    assert held.issues[7].labels == {"ai-waiting"}

    stop = comment(950, "/ai stop", minutes=24)
    stopped = settle(edit(held, where, comments=(*held.issues[where].comments, stop)), CONFIG)

    assert stopped.issues[7].labels == {"ai-done"}
    assert start(plan(replace(stopped, paused=False), CONFIG)) is None


def test_a_gate_beside_a_server_leaves_a_review_round_alone() -> None:
    """It reads no reviews, so it sees nobody who asks; it sees the run."""
    snap = reviewed(labels=("ai-queued",))
    run = ActionsRun(77, RunState.ACTIVE, name="ai-ready #7 [7-R800-1]")

    assert plan(replace(snap, runs={77: run}), CONFIG, OWN).effects == ()
    assert plan(replace(snap, runs={77: replace(run, state=RunState.ENDED)}), CONFIG, OWN).effects != ()


def test_supervised_a_review_round_needs_no_plan() -> None:
    found = start(plan(reviewed([fix()]), replace(CONFIG, mode="supervised")))

    assert found is not None
    assert found.kind == "fix"


def test_why_and_status_on_the_pull_request_speak_of_its_issue() -> None:
    """And a run is asked for on the issue."""
    words = ("/ai status", "/ai why", "/ai run")
    said = [comment(900 + n, text, minutes=20) for n, text in enumerate(words)]
    held = replace(reviewed([fix(899), *said]), paused=True)

    answers = texts(plan(held, CONFIG).effects, 31)

    assert [text[:11] for text in answers] == ["**On hold**", "**On hold**", "Runs are as"]
    assert "write the command on #7" in answers[2]


# ---------------------------------------------------------------------------------------- its end


@pytest.mark.parametrize(("merged", "expected"), [(True, PullMerged), (False, PullClosed)])
@pytest.mark.parametrize("waits", [True, False], ids=["while a round waits", "after a blocked round"])
def test_a_pull_request_that_ended_takes_its_rounds_along(merged: bool, expected: type, waits: bool) -> None:
    """Merged into another base it closes the issue, closed it frees it, whatever was asked for on it."""
    if waits:
        snap = replace(reviewed([fix()]), paused=True)
        snap = after(snap, plan(snap, CONFIG).effects)
    else:
        ended = [verdict(), verdict("7-C600-1", "tests-failed", minutes=10, kind="fix")]
        snap = reviewed(verdicts=ended, labels=("ai-blocked",))
    over = replace(snap.pulls[0], open=False, merged=merged, base="develop")
    snap = edit(replace(snap, pulls=(over,)), 7, feedback=None)

    decided = plan(snap, CONFIG)

    assert isinstance(decided.survey.situations[7], expected)
    assert (CloseIssue(7) in decided.effects) == merged
    ended_well = settle(snap, CONFIG)
    assert not ended_well.issues[7].labels


@pytest.mark.parametrize(("merged", "expected"), [(True, PullMerged), (False, PullClosed)])
def test_a_pull_request_that_ended_after_a_blocked_run_on_it_counts_too(merged: bool, expected: type) -> None:
    """`/ai run` went on with the draft and came to nothing; a person merges (or closes) it all the same."""
    ended = [verdict(), without_pull(verdict("7-C600-1", "no-changes", minutes=10))]
    snap = reviewed(verdicts=ended, labels=("ai-blocked",), open_=False)
    over = replace(snap.pulls[0], merged=merged, base="develop")
    after_it = replace(over, closed_at=T0 + timedelta(minutes=12))

    assert isinstance(plan(replace(snap, pulls=(after_it,)), CONFIG).survey.situations[7], expected)
    before_it = replace(over, closed_at=T0 + timedelta(minutes=8))
    assert isinstance(plan(replace(snap, pulls=(before_it,)), CONFIG).survey.situations[7], Ended)


def without_pull(said: Comment) -> Comment:
    """A verdict without a pull request."""
    return replace(said, body=said.body.replace('"pull":31', '"pull":0'))


def test_a_lost_round_is_tried_again_and_recorded_as_one() -> None:
    snap = at_work(reviewed([fix()]), "7-C900-1", RunState.ENDED)

    decided = plan(snap, CONFIG)
    (said,) = [e.body for e in decided.effects if isinstance(e, PostComment)]
    assert '"kind":"fix"' in said.replace(" ", "")
    assert '"pull":31' in said.replace(" ", "")

    found = start(plan(replace(after(snap, decided.effects), claims={}), CONFIG))
    assert found is not None
    assert (found.run_key, found.kind) == ("7-C900-2", "fix")


# -------------------------------------------------------------------------------------------- laws

SAID: tuple[tuple[Comment, ...], ...] = (
    (),
    (fix(),),
    (fix(author=BOB),),
    (fix(reactions=frozenset({"eyes"})), comment(950, "/ai stop", minutes=21)),
    (fix(), fix(901, minutes=24)),
)
REVIEWS: tuple[tuple[Review, ...], ...] = (
    (),
    (review(),),
    (review(), review(801, "approved", minutes=23)),
    (review(author=CAT, minutes=23), review(802, "dismissed")),
)
CHECKS: tuple[tuple[CheckSuite, ...], ...] = ((), (suite(),))
STATES = ("done", "waiting", "queued", "at work", "at work on another", "lost", "pull closed", "issue closed")
USED = (2, 3)


def world(
    said: tuple[Comment, ...], reviews: tuple[Review, ...], suites: tuple[CheckSuite, ...], state: str, used: int
) -> Snapshot:
    ended = [verdict(), *rounds(used)]
    head_run = f"7-C{599 + used}-1" if used else FIRST
    snap = reviewed(said, reviews, suites, verdicts=ended, head_run=head_run)
    match state:
        case "waiting":
            return edit(snap, 7, labels=frozenset({"ai-waiting"}))
        case "queued":
            return edit(snap, 7, labels=frozenset({"ai-queued"}))
        case "at work":
            return at_work(snap, "7-C900-1")
        case "at work on another":
            return at_work(snap, "7-C650-1", ledger=False)
        case "lost":
            return at_work(snap, "7-R800-1", RunState.ENDED)
        case "pull closed":
            over = replace(snap.pulls[0], open=False)
            return edit(replace(snap, pulls=(over,)), 7, feedback=None)
        case "issue closed":
            return edit(snap, 7, open=False, closed_at=T0 + timedelta(minutes=24))
    return snap


WORLDS = [world(*parts) for parts in itertools.product(SAID, REVIEWS, CHECKS, STATES, USED)]
CONFIGS = (CONFIG, WITH_CI)


def cases() -> Iterator[tuple[Snapshot, RepoConfig, Own | None]]:
    return itertools.product(WORLDS, CONFIGS, (None, OWN))


def settle(snap: Snapshot, config: RepoConfig, own: Own | None = None) -> Snapshot:
    """Plan and apply, as a gate or a server does, until nothing is left to do."""
    for _ in range(8):
        decided = plan(snap, config, own)
        if decided.claim is not None:
            snap = after(snap, (decided.claim,))
        elif not decided.effects:
            return snap
        else:
            snap = after(snap, decided.effects)
    raise AssertionError(f"never quiet: {[type(e).__name__ for e in decided.effects]}")


def test_there_are_many_states() -> None:
    assert len(WORLDS) > 500


def test_quiescence() -> None:
    for snap, config, own in cases():
        assert plan(settle(snap, config, own), config, own).effects == ()


def test_the_order_of_the_input_never_matters() -> None:
    dice = random.Random(7)
    for snap, config, own in cases():
        numbers = list(snap.issues)
        dice.shuffle(numbers)
        shuffled = replace(snap, issues=MappingProxyType({n: snap.issues[n] for n in numbers}))
        assert plan(shuffled, config, own).effects == plan(snap, config, own).effects


def starts(effects: Iterable[Effect], claim: MakeClaim | None) -> list[str]:
    return [e.run_key for e in (*effects, *([claim] if claim else ())) if isinstance(e, Dispatch | MakeClaim)]


def test_nothing_starts_beyond_the_cap_beside_a_run_or_without_somebody_who_may_ask() -> None:
    allowed = {"C900", "C901", "R800", RED_ID}
    for snap, config, own in cases():
        decided = plan(snap, config, own)
        keys = starts(decided.effects, decided.claim)
        assert len(keys) <= 1
        used = sum("kind" in c.body for c in snap.issues[7].comments)
        for key in keys:
            asked = key.split("-")[1]
            assert asked in allowed
            assert used < 3
            assert asked != RED_ID or config is WITH_CI
            assert snap.issues[7].open
            assert snap.issues[7].feedback is not None
            assert not snap.claims
            if asked.startswith("C"):
                (command,) = [c for c in snap.issues[31].comments if c.id == int(asked[1:])]
                assert command.author == ANN
                assert not command.edited


@pytest.mark.parametrize("own", [None, OWN], ids=["server", "gate"])
def test_a_crash_after_any_effect_ends_the_same(own: Own | None) -> None:
    for snap, config in itertools.product(WORLDS, (WITH_CI,)):
        decided = plan(snap, config, own)
        end = {n: i.labels for n, i in settle(snap, config, own).issues.items()}
        for cut in range(1, len(decided.effects)):
            resumed = settle(after(snap, decided.effects[:cut]), config, own)
            assert {n: i.labels for n, i in resumed.issues.items()} == end


def test_our_own_words_and_reviews_never_ask_again() -> None:
    """What the bot says on the pull request and the issue is fed back to it a hundred times."""
    snap = settle(reviewed([fix()], verdicts=[verdict(), *rounds(3)]), CONFIG)
    for turn in range(100):
        said = [c.body for i in snap.issues.values() for c in i.comments if c.author == BOT]
        echo = tuple(comment(2_000 + 100 * turn + n, body, BOT, minutes=26) for n, body in enumerate(said[-3:]))
        ours = review(3_000 + turn, author=BOT, body="/ai fix", minutes=26)
        talk = snap.issues[7].feedback
        assert talk is not None
        snap = edit(snap, 31, comments=(*snap.issues[31].comments, *echo))
        talk = snap.issues[7].feedback
        assert talk is not None
        snap = edit(snap, 7, feedback=replace(talk, reviews=(*talk.reviews, ours)))
        assert plan(snap, CONFIG).effects == ()


# --------------------------------------------------------------------------------------- supervised mode


def test_a_review_round_needs_no_plan() -> None:
    """Supervised, what a review asks is plan enough; the work on the issue itself is planned as ever."""
    supervised = replace(CONFIG, mode="supervised")
    round_ = start(plan(reviewed([fix()]), supervised))
    again = start(plan(reviewed(verdicts=[verdict(), comment(901, "/ai run more", minutes=20)]), supervised))

    assert round_ is not None
    assert again is not None
    assert (round_.kind, again.kind) == ("fix", "plan")


@pytest.mark.parametrize("code", ["done", "tests-failed"])
def test_a_review_round_in_between_does_not_part_a_retry_from_its_plan(code: str) -> None:
    """Planned, approved, done, reviewed; then `/ai retry` on the issue goes on by that plan."""
    said = [
        verdict(f"7-{LABEL_ID}-1", "needs-input", minutes=3, kind="plan", planned=True),
        comment(650, "/ai approve", minutes=4),
        verdict("7-C650-1", minutes=6),
        verdict("7-C700-1", code, minutes=9, kind="fix"),
        comment(901, "/ai retry", minutes=20),
    ]
    found = start(plan(reviewed(verdicts=said), replace(CONFIG, mode="supervised")))

    assert found is not None
    assert (found.run_key, found.kind) == ("7-C901-1", "work")


def test_a_retry_answers_the_question_of_a_review_round() -> None:
    """The round's verdict says `/ai retry your answer here`: the next run is told what was asked."""
    asked = comment(
        7009, f"Which one?\n{verdict('7-C700-1', 'needs-input', minutes=9, kind='fix').body}", BOT, minutes=9
    )
    said = [verdict(), asked, comment(901, "/ai retry the second", minutes=20)]
    one = reviewed(verdicts=said).issues[7]

    assert "Which one?" in last_words(one, frozenset({BOT.id}), "C901", continued=True)


def test_strangers_reviews_do_not_hide_who_asked_by_a_command() -> None:
    """Anybody may submit a review; the permission of only so many people is read."""
    crowd = [review(300 + n, author=Actor(100 + n, f"passer-by-{n}"), minutes=21) for n in range(30)]
    snap = reviewed([fix(reactions=frozenset({"eyes"}))], crowd)

    people = askers(snap)
    known = {who.id: Permission.WRITE if who == ANN else Permission.READ for who in people}
    found = start(plan(replace(snap, permissions=known), CONFIG))

    assert len(people) < 15
    assert found is not None
    assert (found.run_key, found.request.actor) == ("7-C900-1", ANN)
