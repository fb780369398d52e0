"""Supervised mode with the server: a plan waits quietly, an approval starts the work, a label taken off drops both."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import CAREFUL, Held
from tests.stories.server_town import SERVER_CONFIG, Plan, ServerTown, check_server_town, quick_town

SUPERVISED = Plan(config=f"mode: supervised\n{SERVER_CONFIG}", ends=lambda _run: CAREFUL)
"""Whose job `work` looks again at what was admitted, as real ones do."""


SAID_TWICE = ("The plan is approved already", "A run of this issue is at work already")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[ServerTown]:
    with quick_town(tmp_path, SUPERVISED) as opened:
        yield opened
        opened.looks()
        check_server_town(opened)


@pytest.mark.parametrize("words", ["/ai approve", "/ai run but in Esperanto"])
def test_a_plan_waits_and_is_approved(town: ServerTown, words: str) -> None:
    issue = town.asked()
    assert town.verdict(issue) == "Blocked (needs-input): The plan for #1 waits for approval."
    town.labelled(issue, "ai-ready", "ai-waiting")
    town.until(lambda: "awaiting approval of the plan" in town.status(issue), "said so")
    town.looks()
    before = len(issue.comments), len(town.events)
    town.looks()
    assert (len(issue.comments), len(town.events)) == before
    assert [run.inputs["run_key"].rsplit("-", 1)[1] for run in town.runs(issue)] == ["1"]

    town.comment(issue, words)

    assert town.verdict(issue, 2).startswith("Done: draft PR #2")
    town.labelled(issue, "ai-done")
    assert [each.split(":")[0] for each in town.verdicts(issue)] == ["Blocked (needs-input)", "Done"]


def test_what_waits_for_it_is_told_that_a_person_is_needed(town: ServerTown) -> None:
    first = town.asked("[A-1.1] First")
    town.labelled(first, "ai-ready", "ai-waiting")
    second = town.asked("[A-1.2] Second")

    town.until(lambda: "its plan waits for approval" in town.status(second), "said so")


def test_an_approval_goes_with_the_label(town: ServerTown) -> None:
    """Taken off while the approved work still waits for a runner: the run is taken back, and nothing is blocked."""
    issue = town.asked()
    town.labelled(issue, "ai-ready", "ai-waiting")
    town.until(lambda: "awaiting approval of the plan" in town.status(issue), "said so")
    town.actions.hold("queued")
    town.comment(issue, "/ai approve")
    town.labelled(issue, "ai-ready", "ai-queued")

    town.hub.issues.remove_label(issue, "ai-ready", town.maintainer)

    town.until(lambda: not town.labels(issue), "withdrawn")
    town.actions.hold("")
    town.looks()
    assert "Withdrawn" in town.status(issue)
    assert town.pull_of(issue) is None


@pytest.mark.parametrize("held", ["queued", "in_progress"])
def test_approved_twice_it_is_worked_on_once(town: ServerTown, held: Held) -> None:
    """Also where a comment asked for the plan, which no run uses up as it does a label."""
    issue = town.issue()
    town.comment(issue, "/ai run")
    town.labelled(issue, "ai-waiting")
    town.until(lambda: "awaiting approval of the plan" in town.status(issue), "said so")
    town.actions.hold(held)
    town.clock.shift += timedelta(seconds=2)  # GitHub's times are of whole seconds
    town.comment(issue, "/ai approve")
    town.labelled(issue, "ai-queued" if held == "queued" else "ai-running")
    town.clock.shift += timedelta(seconds=2)

    town.comment(issue, "/ai approve")

    town.until(lambda: any(each.body.startswith(SAID_TWICE) for each in issue.comments), "answered")
    town.actions.hold("")
    assert town.verdict(issue, 2).startswith("Done: draft PR")
    town.labelled(issue, "ai-done")
    town.looks()
    assert len(town.runs(issue)) == 2


def test_what_was_edited_unseen_is_not_approved_with_the_plan(town: ServerTown) -> None:
    """The issue's author edits it, and the maintainer who approves the plan did not see that."""
    issue = town.asked()
    town.labelled(issue, "ai-ready", "ai-waiting")
    town.until(lambda: "awaiting approval of the plan" in town.status(issue), "said so")
    town.clock.shift += timedelta(seconds=2)  # GitHub's times are of whole seconds
    assert town.server is not None
    town.server.stop()
    town.hub.issues.edit(issue, town.maintainer, body="Say goodbye.")
    town.clock.shift += timedelta(seconds=2)
    town.comment(issue, "/ai approve")
    town.server.start()
    town.until(lambda: "Title or body changed since the plan was made" in town.status(issue), "said so")
    assert len(town.runs(issue)) == 1
    town.clock.shift += timedelta(seconds=2)

    town.comment(issue, "/ai approve")

    assert town.verdict(issue, 2).startswith("Done: draft PR")
