"""`/ai stop` at every moment of a request's life: one end, and never more said than that (the Action; C16)."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.sandbox.runs import WorkflowRun
from tests.stories.conftest import Opens
from tests.stories.test_asking import reactions
from tests.stories.town import Run, Town


class Patient:
    """GitHub as it is with a run whose last job is `always()`: a cancel is noted, and that job goes on to its end."""

    def dispatched(self, run: WorkflowRun) -> None:
        """The town starts it."""

    def rerun(self, run: WorkflowRun) -> None:
        """Nobody does."""

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:
        """It is in `run.cancel_requested`."""


@contextmanager
def patient_github(town: Town) -> Iterator[None]:
    """Inside, a cancelled run ends when its jobs do."""
    town.hub.actions.driver = Patient()
    try:
        yield
    finally:
        town.hub.actions.driver = None


def at_work(town: Town) -> Run:
    """The run of the first request, after its gate."""
    run = town.next_run()
    assert run is not None
    run.gate()
    assert run.is_admitted
    return run


def gates(town: Town) -> None:
    """The gates of everything that happened meanwhile."""
    while (run := town.next_run()) is not None:
        look(run)


def look(run: Run) -> None:
    """A gate that finds nothing to start."""
    run.gate()
    assert not run.is_admitted
    run.end()


def test_stop_twice_is_stopped_once(opens_quick: Opens) -> None:
    """Two comments, two reactions, one verdict."""
    town = opens_quick()
    issue = town.asked()
    run = at_work(town)

    with patient_github(town):
        town.comment(issue, "/ai stop")
        town.comment(issue, "/ai stop!")
        gates(town)
        assert run.record.cancel_requested
        run.publish("cancelled")
        run.end("cancelled")
        town.settle()

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."
    assert reactions(town, issue) == ["eyes", "eyes"]
    assert town.labels(issue) == {"ai-blocked"}


def test_stop_by_a_stranger_stops_nothing(opens_quick: Opens) -> None:
    """Neither a run nor a request that waits; each is told once who may."""
    town = opens_quick()
    first, second = town.asked("[SHOP-1.1] First"), town.asked("[SHOP-1.2] Second")
    run = at_work(town)

    with patient_github(town):
        for issue in (first, second):
            town.comment(issue, "/ai stop", by=town.mallory)
        gates(town)
        assert not run.record.cancel_requested
        run.work()
        run.publish()
        run.end()
        look(town.start())

    assert town.verdict(first).startswith("Done")
    assert town.labels(second) == {"ai-ready", "ai-waiting"}
    assert [reactions(town, issue) for issue in (first, second)] == [["confused"]] * 2
    assert len([body for body in town.said(second) if "only people with write" in body]) == 1


def test_stop_of_a_run_that_is_dispatched_and_has_not_begun(opens_quick: Opens) -> None:
    """Its gate finds that nobody asks any more: no claim, no verdict, the labels are gone."""
    town = opens_quick()
    first, second = town.asked("One thing"), town.asked("Another thing")
    run = at_work(town)
    town.comment(second, "/ai stop")
    look(town.start())

    assert town.labels(second) == set()
    run.work()
    run.publish()
    run.end()
    town.settle()

    assert town.verdict(first).startswith("Done")
    assert town.verdicts(second) == []
    assert "**Withdrawn**" in town.status(second)
    assert reactions(town, second) == ["eyes"]


def test_stop_that_comes_while_the_result_is_published(opens_quick: Opens) -> None:
    """The work is there: it is Done, once, and the person's word is acknowledged."""
    town = opens_quick()
    issue = town.asked()
    run = at_work(town)
    run.work()

    with patient_github(town):
        town.comment(issue, "/ai stop")
        gates(town)
        run.publish()
        gates(town)
        run.end("cancelled")
    town.settle()

    assert town.verdict(issue).startswith("Done")
    assert town.labels(issue) == {"ai-done"}
    assert len(town.pulls()) == 1
    assert reactions(town, issue) == ["eyes"]


def test_stop_that_comes_when_all_is_over(opens_quick: Opens) -> None:
    """Nothing is left to stop, and nothing is said but the reaction."""
    town = opens_quick()
    issue = town.asked()
    town.settle()
    before = town.said(issue)

    town.comment(issue, "/ai stop")
    town.settle()

    assert town.said(issue) == before
    assert town.labels(issue) == {"ai-done"}
    assert reactions(town, issue) == ["eyes"]


def test_a_stop_that_github_did_not_take_is_not_acknowledged(opens_quick: Opens) -> None:
    """A reaction says that it was done: it waits for the next look, which cancels the run."""
    town = opens_quick()
    issue = town.asked()
    run = at_work(town)
    town.hub.faults.fail("POST .*/cancel", 403)

    with patient_github(town):
        town.comment(issue, "/ai stop")
        gates(town)
        seen = reactions(town, issue), run.record.cancel_requested
        look(town.start())
        assert run.record.cancel_requested
        run.publish("cancelled")
        run.end("cancelled")
        town.settle()

    assert seen == ([], False)
    assert reactions(town, issue) == ["eyes"]
    assert town.verdict(issue).startswith("Blocked (cancelled)")
