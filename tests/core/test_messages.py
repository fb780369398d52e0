"""What the bot says, word for word: every comment has its golden file (`AI_READY_GOLDEN=write` rewrites them)."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.ledger import Record
from bot.core.messages import replies
from bot.core.messages.plan import MOST_PLAN, plan_in, proposed
from bot.core.messages.pull import pull_body, pull_title
from bot.core.messages.retold import MOST_RETOLD, retold
from bot.core.messages.status import status
from bot.core.messages.thread import thread_reply
from bot.core.messages.verdict import ADVICE, NEXT_STEP, blocked, done, lost_reason, lost_text
from bot.core.model import Actor, Claim, Pull, Ref, Source, Standing
from bot.core.names import Reason
from bot.core.order import Blocker
from bot.core.requests import Request
from bot.core.room import AWAITING
from bot.core.run import Check, Outcome
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    PlanState,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    RoundsUsed,
    Running,
    Situation,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)
from tests.core.world import ANN, BOB, RENOVATE, T0

GOLDEN = Path(__file__).parents[1] / "golden"
REQUEST = Request(f"L{int(T0.timestamp())}", ANN, T0)
CLAIM = Claim(7, "7-L1-1", 42, T0, T0 + timedelta(hours=2), 5.0)
PULL = Pull(31, "ai/issue-7", "next", False, False, True, "b" * 40, "/pull/31")
RECORD = Record("7-L1-1", "done", 0.42, T0, T0, 31)
OUTCOME = Outcome(
    "7-L1-1",
    "done",
    summary="Added `Cart.total()`.\n\n```\n@everyone fixes #1\n```",
    checks=(Check("lint", "ruff check", 0, 0.31), Check("test", "pytest -q | tee log", 1, 12.3, detected=True)),
    usd=0.42,
    turns=7,
    seconds=61.4,
    model="claude-opus",
    isolation="uid 61001",
    notes=("Changes tests: tests/test_cart.py", "Images in the issue were not read (once)"),
)


def blocker(number: int, source: Source, standing: Standing = Standing.OPEN, repo: str = "acme/shop") -> Blocker:
    return Blocker(Ref(repo, number), source, standing, repo == "acme/shop")


WAITS = (
    blocker(1, Source.PHASE),
    blocker(5, Source.TEXT, Standing.UNMERGED),
    blocker(9, Source.NATIVE, Standing.UNKNOWN, "acme/api"),
    blocker(4, Source.SUB_ISSUE, Standing.NOT_PLANNED),
)

SITUATIONS: dict[str, Situation] = {
    "waiting": Waiting(REQUEST, WAITS, 4),
    "waiting-many": Waiting(REQUEST, tuple(blocker(n, Source.PHASE) for n in range(1, 51)), 420),
    "cycle": Invalid(REQUEST, "cycle", ("8", "9", "8")),
    "self": Invalid(REQUEST, "self", ("8",)),
    "unreadable": Invalid(REQUEST, "unreadable", ("acme/secret#3",)),
    "hold": Hold(REQUEST, "2 of 2 runs are at work (`limits.concurrent`)"),
    "plan": Hold(REQUEST, AWAITING, plan=PlanState.WAITS),
    "plan-outdated": Hold(REQUEST, AWAITING, plan=PlanState.OUTDATED),
    "queued": Queued("7-L1-1", T0),
    "queued-known": Queued("7-L1-1", T0, url="https://example.test/run/42"),
    "running": Running(CLAIM, "https://example.test/run/42"),
    "running-laptop": Running(replace(CLAIM, run_id=-7), ""),
    "running-late": Running(CLAIM, "https://example.test/run/42", place=Waiting(REQUEST, WAITS, 4)),
    "done": Ended(RECORD),
    "blocked": Ended(replace(RECORD, code="tests-failed", pull=0)),
    "unstartable": Unstartable(REQUEST, "7-L1-1", Reason.EDITED_AFTER_APPROVAL, "title or body changed"),
    "lost": Lost(CLAIM, "failure", "https://example.test/run/42"),
    "refused": Refused(BOB),
    "refused-bot": Refused(RENOVATE),
    "withdrawn": Withdrawn(),
    "closed": Closed(),
    "closed-merged": Closed(31),
    "rounds-used": RoundsUsed(RECORD, replace(REQUEST, id="R5", pull=31), 3),
    "rounds-used-red": RoundsUsed(replace(RECORD, code="tests-failed"), replace(REQUEST, id="S5", pull=31), 1),
    "rounds-off": RoundsUsed(RECORD, replace(REQUEST, id="R5", pull=31), 0),
    "pull-closed": PullClosed(RECORD, PULL),
    "pull-merged": PullMerged(RECORD, PULL),
    "unasked": Unasked(),
}


def golden(name: str, text: str) -> None:
    """`text` is what the golden file holds."""
    path = GOLDEN / f"{name}.md"
    if os.environ.get("AI_READY_GOLDEN") == "write":
        path.write_text(text + "\n")

    assert text + "\n" == path.read_text()


@pytest.mark.parametrize("name", SITUATIONS)
def test_status(name: str) -> None:
    golden(f"status-{name}", status(SITUATIONS[name], notes={"v": 1}))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_verdict_its_advice_and_its_command(reason: Reason) -> None:
    record = replace(RECORD, code=reason, pull=0)
    outcome = replace(OUTCOME, verdict="blocked", reason=reason, details="the last words")
    text = blocked(
        record, "this is why", outcome=outcome, link="The work is here.", run_url="https://example.test/run/42"
    )

    assert text.splitlines()[0] == f"Blocked ({reason}): this is why."
    assert text.splitlines()[-1] == NEXT_STEP[reason]
    assert NEXT_STEP[reason].startswith("/ai ")
    assert ADVICE[reason] in text


def test_blocked() -> None:
    outcome = replace(OUTCOME, verdict="blocked", reason="tests-failed", details="E   assert 1 == 2")
    golden(
        "verdict-blocked", blocked(replace(RECORD, code="tests-failed", pull=0), "`pytest -q` failed", outcome=outcome)
    )


PLANNED = replace(RECORD, code="needs-input", pull=0, kind="plan", planned=True)


def test_a_plan() -> None:
    outcome = replace(OUTCOME, summary="1. Add `Cart.total()`.\n\n```\n@everyone fixes #1\n/ai approve\n```", checks=())
    golden("verdict-plan", proposed(PLANNED, outcome, 7, run_url="https://example.test/run/42"))


def test_the_planner_says_the_same_of_a_plan_as_its_publisher() -> None:
    """`publish` writes the status of the ended run, a later plan that of the hold: not one edit apart."""
    assert status(Ended(PLANNED), notes={"v": 1}) == status(SITUATIONS["plan"], notes={"v": 1})


@pytest.mark.parametrize(
    "plan", ["x", "`" * 7, "```text\nx\n```\n\nThe agent's plan:\n\n```text\ny\n```", "a\r\n\r\nb", "-->\n<!-- x"]
)
def test_a_plan_comes_back_out_of_its_comment(plan: str) -> None:
    """Whatever stands in it, a forged heading or a fence included; also with the line ends of GitHub's editor."""
    body = proposed(PLANNED, replace(OUTCOME, summary=plan), 7)

    assert plan_in(body) == plan.replace("\r\n", "\n")
    assert plan_in(body.replace("\n", "\r\n")) == plan.replace("\r\n", "\n")


def test_a_long_plan_fits_the_comment_and_is_cut() -> None:
    body = proposed(PLANNED, replace(OUTCOME, summary="word " * 50_000), 7)

    assert len(body) < 60_000
    assert body.splitlines()[-1] == "/ai approve"
    assert len(plan_in(body)) <= MOST_PLAN
    assert plan_in(body).endswith("(250,000 characters in all)")


def test_another_comment_holds_no_plan() -> None:
    assert plan_in("The agent's plan:\n\nnothing fenced") == ""
    assert plan_in(blocked(replace(RECORD, code="needs-input"), "A question", outcome=OUTCOME)) == ""


def test_what_an_earlier_run_said_is_retold_without_its_machinery() -> None:
    """Reason, checks, details and words stay; the hidden block and the advice to people go."""
    outcome = replace(OUTCOME, verdict="blocked", reason="tests-failed", details="E   assert 1 == 2")
    text = retold(blocked(replace(RECORD, code="tests-failed", pull=0), "`pytest -q` failed", outcome=outcome))

    assert text.startswith("Blocked (tests-failed): `pytest -q` failed.")
    assert "assert 1 == 2" in text
    assert "Added `Cart.total()`." in text
    assert "ai-ready:verdict" not in text
    assert ADVICE[Reason.TESTS_FAILED] not in text
    assert "/ai" not in text
    assert "/ai" not in retold(done(RECORD, PULL, OUTCOME))
    assert len(retold("x" * 100_000 + "\n\nDo this:\n\n/ai run")) == MOST_RETOLD


def test_blocked_without_an_outcome() -> None:
    record = replace(RECORD, code="runner-lost", pull=0)
    golden("verdict-lost", blocked(record, "the run ended without a verdict", run_url="https://example.test/run/42"))


CONCLUSIONS = {
    "cancelled": Reason.CANCELLED,
    "timed_out": Reason.TIMED_OUT,
    "startup_failure": Reason.CONFIG_INVALID,
    "action_required": Reason.RUNNER_LOST,
    "stale": Reason.RUNNER_LOST,
    "stuck": Reason.RUNNER_LOST,
    "gone": Reason.RUNNER_LOST,
    "": Reason.RUNNER_LOST,
    "failure": Reason.RUNNER_LOST,
    "success": Reason.RUNNER_LOST,
    "neutral": Reason.RUNNER_LOST,
    "skipped": Reason.RUNNER_LOST,
    "a word GitHub invents tomorrow": Reason.RUNNER_LOST,
}


def test_every_end_without_a_verdict_has_its_reason_and_its_sentence() -> None:
    """Also a run on a laptop (negative id), which nobody can have deleted."""
    ends = [(end or "(none)", lost_reason(end), lost_text(CLAIM, end)) for end in CONCLUSIONS]
    laptop = lost_text(replace(CLAIM, run_id=-7), "")

    assert {end: lost_reason(end) for end in CONCLUSIONS} == CONCLUSIONS
    golden("lost", "\n".join([*(f"- {end} ({reason}): {text}" for end, reason, text in ends), f"- laptop: {laptop}"]))


def test_a_run_that_ended_before_it_began_asks_nothing_of_anybody() -> None:
    """Its request goes on; the block says so, and the last line is still a command."""
    record = replace(RECORD, code="cancelled", pull=0, again=True)
    golden("verdict-again", blocked(record, "#3 was reopened before the agent began"))


def test_done() -> None:
    golden("verdict-done", done(RECORD, replace(PULL, open=True), OUTCOME, run_url="https://example.test/run/42"))
    updated = done(replace(RECORD, kind="fix"), replace(PULL, open=True), OUTCOME, goes_on=True)
    assert updated.startswith("Done: draft PR #31 is updated and up for review again.\n")
    assert "- Changes tests: tests/test_cart.py" in updated
    failed = blocked(replace(RECORD, code="tests-failed", kind="fix"), "The test command failed")
    assert failed.splitlines()[-3].endswith(" The command begins another review round of #31, from here or there.")
    assert failed.splitlines()[-1] == "/ai fix"
    asks = blocked(replace(RECORD, code="needs-input", kind="fix"), "The agent needs an answer")
    assert asks.splitlines()[-1] == "/ai fix your answer here"
    golden("thread", thread_reply("Renamed it.\n\nThe tests follow.", RECORD.run_key, "4a3b2c1d" * 5))


def test_the_pull_request() -> None:
    body = pull_body(7, OUTCOME, base_is_default=True, run_url="https://example.test/run/42", run_key="7-L1-1")

    assert pull_title("Log in\n[skip ci] @ann", 7).count("\n") == 0
    golden("pull", body)


@pytest.mark.parametrize("text", ["x" * 200_000, "@everyone\n" * 20_000, "```\n" * 30_000])
def test_no_comment_is_longer_than_github_takes(text: str) -> None:
    huge = replace(OUTCOME, summary=text, details=text)
    body = blocked(replace(RECORD, code="tests-failed"), text, outcome=huge)

    assert len(body) <= 60_000
    assert "ai-ready:verdict" in body
    assert body.splitlines()[-1] == "/ai retry"


def test_replies() -> None:
    texts = [
        replies.who_may_ask(Actor(1, "eve`@ann")),
        replies.help_text(),
        replies.already_running("https://example.test/run/42"),
        replies.on_a_pull(0),
        replies.on_a_pull(7),
        replies.nothing_to_fix(),
        replies.fix_elsewhere(),
        replies.issue_is_closed(7),
        replies.no_rounds_left(3, 7),
        replies.no_rounds_left(1, 7),
        replies.no_rounds_left(0, 7),
        replies.on_a_closed_issue(),
        replies.unknown_model("gpt-9", ["haiku", "opus"]),
        replies.no_specification(),
        replies.issues_being_made(),
        replies.specification_edited(),
        replies.plan_edited(),
        replies.not_on_actions(),
        replies.reply(11, "Said once."),
    ]
    golden("replies", "\n\n---\n\n".join(texts))
