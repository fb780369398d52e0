"""Stories of `work` and `publish` that end at each of their steps: killed with the whole machine, or cancelled."""

import itertools
from typing import Literal

import pytest

from bot.sandbox.records import Issue
from tests.stories.conftest import Opens
from tests.stories.invariants import check_moment
from tests.stories.test_crashes import admitted, assert_done_once, worked
from tests.stories.town import Town
from tests.stories.waylaid import PUBLISH, WORK, Job, Waylay

WHENS: tuple[Literal["before", "after"], ...] = ("before", "after")


def nothing_is_said(town: Town, issue: Issue) -> None:
    """Of a run that goes on."""
    assert (town.verdicts(issue), town.pulls(), town.branch("ai/issue-1")) == ([], [], "")
    assert town.labels(issue) == {"ai-ready", "ai-running"}


def test_work_killed_before_and_after_each_step_is_done_again(opens_quick: Opens) -> None:
    """Whatever it had done was its machine's alone: nobody hears of it, and the same job run again does it all (R01–R16)."""
    town = opens_quick()
    issue = town.asked()
    run = admitted(town)

    for place, when in itertools.product(WORK, WHENS):
        with run.killed("work") as environ:
            assert Job(Waylay("work", environ, run.out, place, when)).killed(), (
                f"it does not come by {when} {place.name}"
            )
        nothing_is_said(town, issue)
    assert run.work().verdict == "done"
    run.publish()
    run.end()

    assert_done_once(town, issue)


def test_publish_killed_before_and_after_each_step_goes_on(opens_quick: Opens) -> None:
    """What is on GitHub is found and not made twice, wherever the one before died (R17–R28)."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    pushed = set[str]()

    for place, when in itertools.product(PUBLISH, WHENS):
        with run.killed("publish", AI_READY_WORK_RESULT="success") as environ:
            assert Job(Waylay("publish", environ, run.out, place, when)).killed(), f"not {when} {place.name}"
        check_moment(town.hub, town.repo)
        assert len(town.pulls()) <= 1
        pushed |= {town.branch("ai/issue-1")} - {""}
    run.publish()
    run.end()

    assert_done_once(town, issue)
    assert pushed == {town.branch("ai/issue-1")}


def test_work_that_is_killed_once_it_said_what_it_wrote_is_published(opens_quick: Opens) -> None:
    """The job failed, and its result was handed over all the same."""
    town = opens_quick()
    issue = town.asked()
    run = admitted(town)
    with run.killed("work") as environ:
        assert Job(Waylay("work", environ, run.out, WORK[-1], "after")).killed()
        run._take(environ)

    run.publish("failure")
    run.end("failure")

    assert_done_once(town, issue)


STOPPED = ("r0 start", "r1 re-authorise", "r3 isolate", "r3 check out", "r4 agent", "r4 collect", "r5 tests")
"""Up to here a cancel ends a run as cancelled; what is done and judged by then is Done, as it is for a `/ai stop`."""
DONE = ("r6 bundle", "r7 hand over")


@pytest.mark.parametrize("name", [*STOPPED, *DONE])
def test_work_cancelled_at_a_step(opens_quick: Opens, name: str) -> None:
    """SIGINT: it ends within the 7.5 seconds that GitHub leaves it, and publish has its word to say (R29)."""
    town = opens_quick()
    issue = town.asked()
    run = admitted(town)
    [place] = [each for each in WORK if each.name == name]
    with run.killed("work") as environ:
        took = Job(Waylay("work", environ, run.out, place, "before", interrupt=True)).interrupted()
        run._take(environ)
    assert run.outputs["outcome_sha256"]
    run.publish("cancelled")
    run.end("cancelled")

    assert took < 7
    assert town.verdict(issue).startswith("Done: " if name in DONE else "Blocked (cancelled): The run was cancelled.")
