"""Runs that end without saying anything, or never end: the server gives the verdict, once, and what can go on goes on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import (
    BLOCKED,
    CANCELLED,
    DELETED,
    DONE,
    FORCED,
    HUNG,
    LOST,
    SILENT,
    STARTUP_FAILURE,
    STUCK,
    TIMED_OUT,
    End,
)
from bot.sandbox.runs import WorkflowRun
from tests.stories.server_town import QUICK, Plan, ServerTown, check_server_town, quick_town

ENDINGS: tuple[tuple[End, tuple[str, ...]], ...] = (
    (CANCELLED, ("Blocked (cancelled)",)),
    (FORCED, ("Blocked (cancelled)",)),
    (TIMED_OUT, ("Blocked (timed-out)",)),
    (STARTUP_FAILURE, ("Blocked (config-invalid)",)),
    (BLOCKED, ("Blocked (runner-lost)", "Done")),
    (LOST, ("Blocked (runner-lost)", "Done")),
    (SILENT, ("Blocked (runner-lost)", "Done")),
    (replace(DELETED, conclusion="failure"), ("Blocked (runner-lost)", "Done")),
)
"""How the first run of issue 1, 2, … ends, and the verdicts that follow: a lost run is tried once more."""


def first_ends(*ends: End) -> Plan:
    """Runs of issue n end as the n-th says, further ones are done."""

    def end(run: WorkflowRun) -> End:
        number = int(run.inputs["issue"])
        return ends[number - 1] if run.inputs["run_key"].endswith("-1") else DONE

    return Plan(ends=end)


def verdicts(town: ServerTown) -> list[tuple[str, ...]]:
    """Of each issue, as far as the colon."""
    issues = [issue for _, issue in sorted(town.repo.issues.items()) if not issue.pull]
    return [tuple(line.split(":")[0] for line in town.verdicts(issue)) for issue in issues]


@pytest.mark.parametrize("lost", [0.0, 1.0], ids=["told", "untold"])
def test_each_run_that_ends_gets_one_verdict(tmp_path: Path, lost: float) -> None:
    """Whoever gives it: its own job `publish`, or the server, which may have to find out by itself that it ended."""
    with quick_town(tmp_path, first_ends(*(end for end, _ in ENDINGS))) as town:
        town.hub.webhooks.lose_share = lost
        for number in range(len(ENDINGS)):
            town.asked(f"Task {number + 1}")
        expected = [said for _, said in ENDINGS]
        town.until(lambda: verdicts(town) == expected, f"{expected}", timeout=60)
        town.looks()

        assert verdicts(town) == expected
        assert len(town.runs()) + 1 == sum(map(len, expected))  # one was deleted
        check_server_town(town)


@pytest.mark.parametrize("end", [STUCK, HUNG], ids=["queued", "in-progress"])
def test_a_run_that_never_ends_is_given_up_and_cancelled(tmp_path: Path, end: End) -> None:
    """After a day in the queue, or long after its time limit. That it says something after all then changes nothing."""
    with quick_town(tmp_path, first_ends(end)) as town:
        issue = town.asked()
        town.until(lambda: town.runs(issue), "a run")
        town.looks()
        town.clock.shift += timedelta(hours=23)
        town.looks()
        assert verdicts(town) == [()]

        town.clock.shift += timedelta(hours=4)
        assert town.verdict(issue, 2).startswith("Done")
        town.labelled(issue, "ai-done")
        town.looks()
        assert verdicts(town) == [("Blocked (runner-lost)", "Done")]
        assert [run.conclusion for run in town.runs(issue)] == ["cancelled", "success"]
        check_server_town(town)


def test_a_run_that_is_given_up_is_cancelled_only_when_that_was_said(tmp_path: Path) -> None:
    """Or its own job would find no verdict, and say that somebody cancelled it."""
    with quick_town(tmp_path, first_ends(STUCK)) as town:
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-queued")
        town.hub.faults.fail("graphql.*addComment", 403, times=1)
        town.clock.shift += timedelta(hours=27)
        assert town.verdict(issue, 2).startswith("Done")
        town.labelled(issue, "ai-done")
        town.looks()

        assert verdicts(town) == [("Blocked (runner-lost)", "Done")]
        check_server_town(town)


def test_a_verdict_whose_answer_is_lost_is_said_once(tmp_path: Path) -> None:
    """GitHub took the comment, the connection broke, and its lists do not show it for a while."""
    with quick_town(tmp_path, first_ends(FORCED), rules=replace(QUICK, settle=2.0)) as town:
        town.actions.hold("in_progress")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-running")
        town.hub.faults.drop_after("graphql.*addComment", times=1)
        town.hub.faults.stale(1.5)
        town.actions.hold("")
        assert town.verdict(issue).startswith("Blocked (cancelled)")
        town.hub.faults.clear()
        town.labelled(issue, "ai-blocked")
        town.looks()

        assert verdicts(town) == [("Blocked (cancelled)",)]
        check_server_town(town)
