"""What a task is told of its run: one note, with verdict, reason, cost and where the work is. Pure."""

from bot.core.messages.verdict import checks_table, facts_table, own_words, to_look_at
from bot.core.messages.words import sentence
from bot.core.names import Reason, kept_branch
from bot.core.outbound import bounded, code_span, fence
from bot.local.ports import Result
from bot.trackers.tracker import Status

_AGAIN = "Set the task back to todo to try again"


def mark(run_key: str) -> str:
    """The note's last line: by it a note that is there already is known."""
    return f"Run `{run_key}`"


def up_for_review(pull: str) -> str:
    """What a note says of the pull request that we opened: by it a task is known as ours."""
    return f"Done: draft pull request {pull} is up for review."


def verdict_note(result: Result, status: Status, *, followed: bool = False) -> str:
    """`Done: …` or `Blocked (reason): …`; `status`: what the task becomes; `followed`: a merge makes it done by itself."""
    outcome = result.outcome
    done = outcome.verdict == "done"
    first = _done(result) if done else f"Blocked ({outcome.reason}): {sentence(outcome.text)}"
    return bounded(
        first,
        facts_table(outcome, ""),
        checks_table(outcome.checks, missing=done and outcome.checks_missing),
        fence(outcome.details, limit=6_000) if not done and outcome.details not in ("", outcome.summary) else "",
        own_words(outcome),
        to_look_at(outcome.notes),
        _where(result),
        _next(result, status, followed=followed),
        mark(outcome.run_key),
    )


def one_line(name: str, result: Result) -> str:
    """The same for the terminal and the log."""
    outcome = result.outcome
    if outcome.verdict == "done":
        return f"{name} {_done(result)}"
    return f"{name} Blocked ({outcome.reason}): {outcome.text}"


def _done(result: Result) -> str:
    return up_for_review(result.pull) if result.pull else f"Done: the work is on {result.branch}."


def _where(result: Result) -> str:
    """Where the work is, unless the first line says so."""
    if result.kept is not None:
        return f"Its work is kept in {code_span(str(result.kept), 300)}, and nowhere else."
    if result.branch and (result.pull or result.outcome.verdict != "done"):
        return f"Its work is on the branch {code_span(result.branch)}."
    return ""


def _next(result: Result, status: Status, *, followed: bool) -> str:
    outcome = result.outcome
    if outcome.verdict == "done":
        if status is Status.IN_REVIEW and followed:
            return "Look at it, and merge it: the runner then sets the task to done, and later tasks go on."
        if status is Status.IN_REVIEW:
            return "Look at it; set the task to done when it is merged: later tasks wait for that."
        merge = f"`git merge {result.branch}`" if result.branch else "it"
        return f"Look at it, then {merge}. Later tasks start from this branch until then."
    if outcome.reason == Reason.NEEDS_INPUT:
        return f"Write the answer into the task. {_AGAIN}."
    if result.branch == kept_branch(outcome.run_key):
        return f"Merge that branch where you want it. {_AGAIN}: a next run goes on from the task's own."
    if result.branch:
        return f"{_AGAIN}: a next run goes on from the branch."
    return f"{_AGAIN}."
