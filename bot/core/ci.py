"""What CI says of our pull request's newest commit: red, or nothing that asks for a run."""

from datetime import datetime

from bot.core.model import CheckSuite, Feedback

RED = frozenset({"failure", "timed_out", "startup_failure"})
"""Neither cancelled (somebody's decision) nor `action_required` (it waits for the click on *Approve workflows*)."""


def request_id(head_oid: str) -> str:
    """The id of the request that red CI of this commit makes: one for each commit."""
    return f"S{int(head_oid[:12], 16)}" if head_oid else ""


def red_since(feedback: Feedback) -> datetime | None:
    """When CI of the newest commit turned out red; None: it has not, or is still under way."""
    counted = [suite for suite in feedback.suites if not suite.caller]
    if any(_under_way(suite) for suite in counted):
        return None
    return max((suite.at for suite in counted if suite.conclusion in RED), default=None)


def _under_way(suite: CheckSuite) -> bool:
    """GitHub opens a suite for every App that may write checks; those that check nothing stay queued for ever."""
    return suite.status != "completed" and (suite.from_actions or suite.status != "queued")
