"""TS13: from a dev to QA on a Headless PM server, each with a runner of its own: the real loop over real HTTP."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from bot.local.ports import Attempt, Result, Watch
from bot.trackers.headless_pm import HeadlessPmTracker
from bot.trackers.tracker import NewTask, Status, Task
from tests.local.loop_stage import AGENT, Place, blocked
from tests.trackers.conftest import serve as serve  # noqa: PLC0414 (the fixture)
from tests.trackers.headless_pm_server import HeadlessPm
from tests.trackers.stages import HeadlessPmStage


class Office:
    """A server, and its people's runners."""

    def __init__(self, folder: Path, serve: Callable[[FastAPI], str]) -> None:
        self.folder, self.server = folder, HeadlessPm()
        self.runners: list[Place] = []
        self.stage = HeadlessPmStage(serve(self.server.app()), self.server)

    def runner(self, role: str, ends: Status) -> Place:
        """The runner of one agent, as `ai-ready start --role ROLE` makes it."""
        (self.folder / role).mkdir()
        place = Place(self.folder / role)
        place.tracker = replace(self.tracker(role), agent=AGENT)
        place.ends = frozenset({ends})
        for _ in range(len(self.runners) * 1_000):  # seconds: what names a run
            next(place._clock)
        self.runners.append(place)
        return place

    def tracker(self, role: str) -> HeadlessPmTracker:
        return self.stage.tracker(AGENT, role)

    def states(self) -> list[str]:
        """The server's own words for each task."""
        return [row.status for row in self.server.rows.values()]


@pytest.fixture
def office(tmp_path: Path, serve: Callable[[FastAPI], str]) -> Office:
    return Office(tmp_path, serve)


def test_TS13_what_a_dev_has_done_goes_to_qa_who_finishes_it(office: Office) -> None:
    office.tracker("backend_dev").create(NewTask("Create hello.txt", "It says Hello World."))
    qa, dev = office.runner("qa", Status.DONE), office.runner("backend_dev", Status.IN_REVIEW)

    qa.run()
    before = (qa.worked_on(), office.states())
    dev.run()
    handed_on = office.states()
    dev.run()
    qa.run()

    assert before == ([], ["created"])
    assert handed_on == ["dev_done"]
    assert (len(dev.worked_on()), len(qa.worked_on())) == (1, 1)
    assert office.states() == ["qa_done"]
    notes = office.stage.seen("1")
    assert notes.count("Done: the work is on ") == 2


def test_TS13_what_qa_finds_wrong_is_not_done(office: Office) -> None:
    office.tracker("backend_dev").create(NewTask("Create hello.txt", "It says Hello World."))
    dev, qa = office.runner("backend_dev", Status.IN_REVIEW), office.runner("qa", Status.DONE)

    def says(_task: Task, attempt: Attempt, _watch: Watch) -> Result:
        return blocked(attempt, text="It says Hello Word")

    qa.work.says = says
    dev.run()
    qa.run()
    dev.run()

    assert office.states() == ["pending"]
    assert len(dev.worked_on()) == 1
    assert "It says Hello Word" in office.stage.seen("1")
