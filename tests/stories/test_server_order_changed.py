"""The server, when prerequisites come back or come up: before the dispatch, between that and the agent, and after.

Before the agent begins the issue goes back to waiting, whoever notices (the server, or the run's own second look);
once it has begun, the run goes on (hard cases P14 to P17). Each time the request stays what it was: nobody asks again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import CAREFUL
from bot.sandbox.records import Event, Issue
from tests.stories.server_town import BY_WEBHOOKS, SERVER_CONFIG, Plan, ServerTown, check_server_town, quick_town

CAREFULLY = Plan(ends=lambda _run: CAREFUL)
"""Runs look again before the agent would begin, as real ones do."""

Change = Callable[[ServerTown, Issue, Issue], None]
"""`change(town, first, second)`: from now on `second` waits for `first`."""


def reopen(town: ServerTown, first: Issue, _second: Issue) -> None:
    """The prerequisite had closed."""
    town.hub.issues.reopen(first, town.maintainer)


def link(town: ServerTown, first: Issue, second: Issue) -> None:
    """GitHub's own *blocked by*."""
    town.hub.links.block(second, first, town.maintainer)


def adopt(town: ServerTown, first: Issue, second: Issue) -> None:
    """An open sub-issue."""
    town.hub.links.add_child(second, first, town.maintainer)


CHANGES = (reopen, link, adopt)


def pair(town: ServerTown, change: Change) -> tuple[Issue, Issue]:
    """An issue that is ready and asked for, and another for which `change` makes it wait."""
    first = town.issue("First")
    second = town.issue("Second", f"Depends on #{first.number}" if change is reopen else "Say hello.")
    if change is reopen:
        town.close(first)
    town.label(second)
    return first, second


def resolve(town: ServerTown, first: Issue, second: Issue) -> None:
    """`first` closes, and `second` is done by itself."""
    town.close(first)
    town.until(lambda: town.verdicts(second)[-1:] != [] and town.verdicts(second)[-1].startswith("Done"), "Done")
    town.labelled(second, "ai-done")


@pytest.mark.parametrize("change", CHANGES)
def test_before_the_dispatch_it_waits_again(tmp_path: Path, change: Change) -> None:
    """P14, P17: ready and on hold, as nothing may start; then it waits, and what held it no longer matters."""
    with quick_town(tmp_path, Plan(config=f"enabled: false\n{SERVER_CONFIG}"), rules=BY_WEBHOOKS) as town:
        first, second = pair(town, change)
        town.until(lambda: "**On hold**" in town.status(second), "on hold")
        change(town, first, second)
        town.until(lambda: f"| #{first.number} |" in town.status(second), "waiting")
        town.push({".github/ai-ready.yml": SERVER_CONFIG})
        town.looks()
        assert town.order() == []
        assert town.labels(second) == {"ai-ready", "ai-waiting"}

        resolve(town, first, second)
        assert town.order() == [second.number]
        town.looks()
        check_server_town(town)


@pytest.mark.parametrize("change", CHANGES)
def test_between_dispatch_and_start_the_run_is_taken_back(tmp_path: Path, change: Change) -> None:
    """P15: the server sees it while the run waits for a runner, and cancels it; the verdict names what came up."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        town.actions.hold("queued")
        first, second = pair(town, change)
        town.labelled(second, "ai-ready", "ai-queued")
        change(town, first, second)
        assert_taken_back(town, first, second)
        [run] = town.runs(second)
        assert run.conclusion == "cancelled"

        town.actions.hold("")
        resolve(town, first, second)
        assert_two_runs_of_one_request(town)
        town.looks()
        check_server_town(town)


@pytest.mark.parametrize("change", [reopen, link])
def test_before_the_agent_starts_the_run_itself_sees_it(tmp_path: Path, change: Change) -> None:
    """P15 again, later: the run has begun and the server hears of nothing; the second look ends it unspent."""
    with quick_town(tmp_path, CAREFULLY, rules=BY_WEBHOOKS) as town:
        with (
            when(town, "requested", lambda: lose_webhooks(town)),
            when(town, "in_progress", lambda: change(town, first, second)),
        ):
            first, second = pair(town, change)
            town.verdict(second)
        town.hub.webhooks.lose_share = 0.0
        assert_taken_back(town, first, second)
        [run] = town.runs(second)
        assert (run.conclusion, run.cancel_requested) == ("success", False)

        resolve(town, first, second)
        assert_two_runs_of_one_request(town)
        town.looks()
        check_server_town(town)


@pytest.mark.parametrize(("change", "heard"), [(reopen, True), (reopen, False), (link, False), (adopt, True)])
def test_once_the_agent_is_at_work_the_run_goes_on(tmp_path: Path, change: Change, heard: bool) -> None:
    """P16: never two runs; what came up waits for the people who review. `heard`: news of the start came through."""
    with quick_town(tmp_path, CAREFULLY, rules=BY_WEBHOOKS) as town:
        town.actions.hold("in_progress")
        with when(town, "requested", lambda: None if heard else lose_webhooks(town)):
            first, second = pair(town, change)
            town.until(lambda: any(token.revoked for token in town.actions.tokens), "the second look over")
        if heard:
            town.labelled(second, "ai-ready", "ai-running")
        town.hub.webhooks.lose_share = 0.0
        change(town, first, second)
        town.looks()
        assert town.labels(second) == {"ai-ready", "ai-running"}
        [run] = town.runs(second)
        assert not run.cancel_requested
        assert f"It would have to wait for #{first.number} now" in town.status(second)

        town.actions.hold("")
        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        assert town.order() == [second.number]
        check_server_town(town)


# --------------------------------------------------------------------------------------- by editing it


def test_a_dependency_written_into_a_waiting_issue(tmp_path: Path) -> None:
    """It is waited for at once; but the text is not what was approved, so a person has to ask again."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first, other = town.issue("First"), town.issue("Other")
        second = town.issue("Second", f"Depends on #{first.number}")
        with town.clock.ago(60):
            town.label(second)
        town.labelled(second, "ai-ready", "ai-waiting")
        with town.clock.ago(30):
            town.hub.issues.edit(second, town.maintainer, body=f"Depends on #{first.number} and #{other.number}.")
        town.until(lambda: f"| #{other.number} |" in town.status(second), "waiting for both")
        town.close(first)
        town.looks()
        assert town.order() == []

        town.close(other)
        assert town.verdict(second).startswith("Blocked (edited-after-approval)")
        town.labelled(second, "ai-blocked")
        town.comment(second, "/ai retry")
        assert town.verdict(second, 2).startswith("Done")
        town.labelled(second, "ai-done")
        assert town.order() == [second.number]
        town.looks()
        check_server_town(town)


# ------------------------------------------------------------------------------------------- small words


@contextmanager
def when(town: ServerTown, stage: str, act: Callable[[], None]) -> Iterator[None]:
    """Do it at the moment at which the first run is `requested` or `in_progress`."""
    done: list[bool] = []

    def heard(event: Event) -> None:
        if (event.name, event.action) == ("workflow_run", stage) and not done:
            done.append(True)
            act()

    deaf = town.hub.subscribe(heard)
    try:
        yield
    finally:
        deaf()


def lose_webhooks(town: ServerTown) -> None:
    """From now on the server hears of nothing."""
    town.hub.webhooks.lose_share = 1.0


def assert_taken_back(town: ServerTown, first: Issue, second: Issue) -> None:
    """One verdict that names what it waits for; the request goes on, and nothing was spent."""
    line = town.verdict(second)
    assert line.startswith("Blocked (cancelled): Nothing was done: ")
    assert f"#{first.number}" in line
    town.labelled(second, "ai-ready", "ai-waiting")
    town.until(lambda: f"| #{first.number} |" in town.status(second), "the status says so")
    town.looks()
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    assert len(town.verdicts(second)) == 1
    assert town.pull_of(second) is None


def assert_two_runs_of_one_request(town: ServerTown) -> None:
    """The same request, the next attempt."""
    first, second = (each.run_key for each in town.actions.dispatches)
    assert (first.rsplit("-", 1)[0], first[-1], second[-1]) == (second.rsplit("-", 1)[0], "1", "2")
