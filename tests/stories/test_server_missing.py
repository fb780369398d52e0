"""What a run is for, or the run itself, is not there any more: the claim ends all the same, and nobody waits for ever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.actions.instant import DONE, STUCK, End
from bot.sandbox.records import Issue
from bot.sandbox.runs import WorkflowRun
from bot.server.ports import LedgerRun
from tests.stories.server_town import (
    BY_WEBHOOKS,
    QUICK,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
    server_town,
)


def deleted(town: ServerTown, issue: Issue) -> None:
    """An administrator deletes the issue."""
    town.hub.issues.delete(issue, town.maintainer)


def transferred(town: ServerTown, issue: Issue) -> None:
    """The maintainer moves it to another repository."""
    town.hub.issues.transfer(issue, town.repos[1], town.maintainer)


@pytest.mark.story
@pytest.mark.parametrize("gone", [deleted, transferred])
def test_a_run_whose_issue_is_gone_is_cancelled_and_its_place_is_free(
    tmp_path: Path, gone: Callable[[ServerTown, Issue], None]
) -> None:
    with quick_town(tmp_path, Plan(repos=("acme/shop", "acme/tools")), rules=replace(QUICK, concurrent=1)) as town:
        town.actions.hold("in_progress")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-running")
        gone(town, issue)
        town.until(lambda: [run.conclusion for run in town.runs()] == ["cancelled"], "the run is cancelled")
        town.actions.hold("")

        other = town.asked("Another")
        assert town.verdict(other).startswith("Done")


@pytest.mark.story
def test_a_dispatch_that_github_took_and_never_shows_is_sent_again_after_a_day(tmp_path: Path) -> None:
    """A server that does not say which run it is; somebody deletes the run before anybody heard of it."""
    first: list[int] = []

    def end(run: WorkflowRun) -> End:
        first.append(run.id)
        return STUCK if run.id == first[0] else DONE

    with server_town(tmp_path, Plan(ends=end)) as town:
        town.hub.actions.details = "ignored"
        town.hub.webhooks.lose_share = 1.0
        server = town.server = InProcessServer(town, tmp_path / "server", Plan())

        def trace(step: str) -> None:
            if step == "s8" and len(town.actions.dispatches) == 1:
                town.hub.actions.delete(town.runs()[0])

        server.trace = trace
        server.start()
        try:
            issue = town.asked()
            town.until(lambda: town.actions.dispatches, "a dispatch")
            town.looks()
            town.clock.shift += timedelta(hours=23)
            town.looks()
            assert len(town.actions.dispatches) == 1

            town.clock.shift += timedelta(hours=2)
            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
            assert len(town.actions.dispatches) == 2
        finally:
            server.stop()


class FastClock:
    """A town as a server sees it whose own clock is fast."""

    def __init__(self, town: ServerTown, by: timedelta) -> None:
        self._town, self._by = town, by

    def clock(self) -> datetime:
        """Not what GitHub thinks."""
        return self._town.clock() + self._by

    def __getattr__(self, name: str) -> Any:
        return getattr(self._town, name)


@pytest.mark.story
@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_lost_dispatch_is_found_by_a_server_whose_clock_is_wrong(tmp_path: Path, minutes: int) -> None:
    with server_town(tmp_path, Plan(work_seconds=0.0)) as town:
        odd: Any = FastClock(town, timedelta(minutes=minutes))
        server = town.server = InProcessServer(odd, tmp_path / "server", Plan(), rules=replace(QUICK, settle=1.0))
        server.start()
        try:
            town.actions.hold("queued")
            town.hub.webhooks.lose_share = 1.0
            town.hub.faults.drop_after("POST .*/dispatches", times=1)
            issue = town.asked()
            town.until(lambda: town.actions.dispatches, "a dispatch")
            town.clock.shift += timedelta(seconds=2)
            town.until(lambda: any(run.run_id for run in claims(town)), "the run is found")
            sent = [(run.run_id, run.sends) for run in claims(town)]
            assert sent == [(each.run_id, 1) for each in town.actions.dispatches]

            town.actions.hold("")
            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
            check_server_town(town)
        finally:
            server.stop()


@pytest.mark.story
def test_a_request_whose_verdict_was_deleted_is_not_looked_at_again_and_again(tmp_path: Path) -> None:
    """It was answered, so nothing starts; and nobody asks GitHub every few seconds for ever whether it may."""
    with quick_town(tmp_path, rules=replace(BY_WEBHOOKS, refresh=600.0)) as town:
        issue = town.issue()
        town.comment(issue, "/ai run")
        assert town.verdict(issue).startswith("Done")
        town.labelled(issue, "ai-done")
        town.until(lambda: not claims(town), "the server has seen the verdict")
        (said,) = (comment for comment in issue.comments if comment.body.startswith("Done"))
        town.hub.issues.delete_comment(said, town.maintainer)
        town.looks(8)

        town.until(lambda: next_look(town) > timedelta(seconds=10), "a look that is not due soon")
        assert len(town.actions.dispatches) == 1


def next_look(town: ServerTown) -> timedelta:
    """How long the server has nothing to do."""
    assert isinstance(town.server, InProcessServer)
    assert town.server.store is not None
    due = town.server.store.next_due()
    assert due is not None
    return due - town.clock()


def claims(town: ServerTown) -> tuple[LedgerRun, ...]:
    """The runs that the server has under way in the first repository."""
    assert isinstance(town.server, InProcessServer)
    assert town.server.store is not None
    return town.server.store.claims(town.repo.id)
