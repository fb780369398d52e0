"""`/ai stop` with the server: the webhook cancels the run, at every moment of a request's life; one end (C16)."""

import time
from pathlib import Path

from bot.sandbox.records import Issue
from tests.stories.server_town import ServerTown, check_server_town, quick_town

CANCELLED = "Blocked (cancelled): The run was cancelled."


def reactions(issue: Issue) -> list[str]:
    """The bot's reactions to the comments of an issue, oldest comment first."""
    return [reaction.content for comment in issue.comments for reaction in comment.reactions]


def running(town: ServerTown, title: str = "Greet") -> Issue:
    """An issue at whose run somebody works, for as long as it is held."""
    town.actions.hold("in_progress")
    issue = town.asked(title)
    town.labelled(issue, "ai-ready", "ai-running")
    return issue


def test_stop_cancels_what_is_at_work(tmp_path: Path) -> None:
    """Said twice, within seconds: one verdict, two reactions."""
    with quick_town(tmp_path) as town:
        issue = running(town)
        said = time.monotonic()
        town.comment(issue, "/ai stop")
        town.comment(issue, "/ai stop")

        assert town.verdict(issue) == CANCELLED
        assert time.monotonic() - said < 20
        town.labelled(issue, "ai-blocked")
        town.until(lambda: reactions(issue) == ["eyes", "eyes"], "both acknowledged")
        town.looks()
        assert len(town.verdicts(issue)) == 1
        check_server_town(town)


def test_a_stranger_stops_nothing(tmp_path: Path) -> None:
    with quick_town(tmp_path) as town:
        issue = running(town)
        town.comment(issue, "/ai stop", by=town.hub.person("mallory"))
        town.until(lambda: reactions(issue) == ["confused"], "refused")
        town.actions.hold("")

        assert town.verdict(issue).startswith("Done")
        town.looks()
        assert len([body for body in town.bot_comments(issue) if "only people with write" in body]) == 1
        check_server_town(town)


def test_stop_of_what_waits_for_a_runner(tmp_path: Path) -> None:
    """It is dispatched and has not begun: taken back, one verdict, and nothing is called blocked."""
    with quick_town(tmp_path) as town:
        town.actions.hold("queued")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-queued")
        town.comment(issue, "/ai stop")

        assert town.verdict(issue) == CANCELLED
        town.labelled(issue)
        assert "**Withdrawn**" in town.status(issue)
        town.looks()
        assert len(town.verdicts(issue)) == 1
        check_server_town(town)


def test_stop_of_what_waits_for_another_issue(tmp_path: Path) -> None:
    """When its turn would have come, nothing starts."""
    with quick_town(tmp_path) as town:
        first, second = town.issue("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(second, "ai-ready", "ai-waiting")
        town.comment(second, "/ai stop")
        town.labelled(second)
        town.close(first)
        town.looks()

        assert town.runs() == []
        assert "**Withdrawn**" in town.status(second)
        check_server_town(town)


def test_a_run_that_ends_while_it_is_cancelled(tmp_path: Path) -> None:
    """GitHub says 409: it was over. It stays Done, and the comment is acknowledged."""
    with quick_town(tmp_path) as town:
        issue = running(town)
        town.hub.faults.delay(2.0, "POST .*/cancel", times=1)
        town.comment(issue, "/ai stop")
        town.until(lambda: not any(fault.times for fault in town.hub.faults._faults), "GitHub was asked")
        town.actions.hold("")

        assert town.verdict(issue).startswith("Done")
        town.until(lambda: reactions(issue) == ["eyes"], "acknowledged")
        town.labelled(issue, "ai-done")
        town.looks()
        assert len(town.verdicts(issue)) == 1
        check_server_town(town)


def test_a_stop_that_github_did_not_take_is_tried_again(tmp_path: Path) -> None:
    with quick_town(tmp_path) as town:
        issue = running(town)
        town.hub.faults.fail("POST .*/cancel", 403, times=2)
        town.comment(issue, "/ai stop")

        assert town.verdict(issue) == CANCELLED
        town.labelled(issue, "ai-blocked")
        town.until(lambda: reactions(issue) == ["eyes"], "acknowledged")
        town.looks()
        check_server_town(town)
