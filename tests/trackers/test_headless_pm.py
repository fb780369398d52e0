"""Headless PM: roles, levels, locks, and what the server refuses."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI

from bot.core.secret import Secret
from bot.trackers.headless_pm import HeadlessPmTracker
from bot.trackers.http import JsonApi
from bot.trackers.tracker import (
    NewTask,
    SourceConfigError,
    SourceUnavailable,
    Status,
    Taken,
    TrackerError,
)
from tests.trackers.headless_pm_server import HeadlessPm
from tests.trackers.stages import HeadlessPmStage


@pytest.fixture
def stage(serve: Callable[[FastAPI], str]) -> HeadlessPmStage:
    server = HeadlessPm()
    return HeadlessPmStage(serve(server.app()), server)


def other(stage: HeadlessPmStage, *, key: str = "pm-key", role: str = "backend_dev") -> HeadlessPmTracker:
    return HeadlessPmTracker(
        JsonApi("Headless PM", f"{stage.url}/api/v1", {"X-API-Key": Secret(key)}), "x", role, "senior"
    )


def test_TS13_a_dev_hands_on_to_qa_who_finishes(stage: HeadlessPmStage) -> None:
    dev, qa = stage.tracker("dev-1"), stage.tracker("qa-1", role="qa")
    task = dev.create(NewTask("Log in"))
    assert not qa.get(task.id).eligible

    dev.set_status(dev.claim(task), Status.IN_REVIEW)

    assert dev.get(task.id).status is Status.IN_REVIEW
    [offered] = [each for each in qa.list().tasks if each.eligible and each.status is Status.TODO]
    qa.check((Status.IN_PROGRESS, Status.DONE, Status.BLOCKED))
    qa.set_status(qa.claim(offered), Status.DONE)
    assert stage.server.rows[int(task.id)].status == "qa_done"
    assert dev.get(task.id).status is qa.get(task.id).status is Status.DONE


def test_a_new_task_is_moved_on_because_pending_ones_are_offered_to_nobody(stage: HeadlessPmStage) -> None:
    dev = stage.tracker("dev-1")
    task = dev.create(NewTask("Log in"))

    assert stage.server.rows[int(task.id)].status == "created"
    stage.server.rows[int(task.id)].status = "pending"
    assert dev.get(task.id).status is Status.BLOCKED


@pytest.mark.parametrize(("role", "level", "eligible"), [
    ("backend_dev", "senior", True),
    ("backend_dev", "principal", True),
    ("backend_dev", "junior", False),
    ("frontend_dev", "senior", False),
    ("qa", "senior", False),
])  # fmt: skip
def test_TF6_a_task_is_for_its_role_and_level(stage: HeadlessPmStage, role: str, level: str, eligible: bool) -> None:
    task = stage.tracker("dev-1").create(NewTask("Log in"))

    found = stage.tracker("x", role, level).get(task.id)
    assert found.eligible is eligible
    assert (found.level, found.complexity) == ("senior", "major")


def test_of_two_who_are_both_told_that_they_have_the_lock_one_goes_on(stage: HeadlessPmStage) -> None:
    ada, bob = stage.tracker("ada"), stage.tracker("bob")
    task = ada.create(NewTask("Log in"))
    stage.server.between_look_and_lock = threading.Barrier(2)
    met = threading.Barrier(2)

    def both_have_locked(_: float) -> None:
        met.wait(60)

    def claim(tracker: HeadlessPmTracker) -> str:
        settled = replace(tracker, sleep=both_have_locked)
        try:
            return settled.claim(task).claimed_by
        except Taken:
            return ""

    with ThreadPoolExecutor(2) as pool:
        winners = [name for name in pool.map(claim, (ada, bob)) if name]

    assert winners == [stage.server.rows[int(task.id)].locked_by]


def test_a_lock_that_a_crash_left_before_the_status_is_taken_up(stage: HeadlessPmStage) -> None:
    ada = stage.tracker("ada")
    task = ada.create(NewTask("Log in"))
    stage.server.rows[int(task.id)].locked_by = "ada"

    assert ada.claim(task).status is Status.IN_PROGRESS
    with pytest.raises(Taken, match="in_progress by ada"):
        stage.tracker("bob").claim(task)


def test_heartbeats_keep_a_lock_that_would_go_stale(stage: HeadlessPmStage) -> None:
    ada, bob = stage.tracker("ada"), stage.tracker("bob")
    kept, lost = ada.claim(ada.create(NewTask("A"))), bob.claim(bob.create(NewTask("B")))

    for _ in range(4):
        stage.server.now += timedelta(minutes=10)
        ada.heartbeat(kept)

    assert ada.get(kept.id).claimed_by == "ada"
    assert ada.get(lost.id).claimed_by == ""


def test_notes_of_others_are_never_replaced(stage: HeadlessPmStage) -> None:
    ada = stage.tracker("ada")
    task = ada.create(NewTask("A"))
    stage.server.rows[int(task.id)].notes = "pm: mind the colours"

    ada.comment(task, "Blocked (tests-failed)")
    ada.set_status(ada.claim(ada.get(task.id)), Status.BLOCKED)

    assert stage.server.rows[int(task.id)].notes == "pm: mind the colours\nada: Blocked (tests-failed)"


def test_a_status_we_do_not_know_is_a_problem_of_that_task_alone(stage: HeadlessPmStage) -> None:
    ada = stage.tracker("ada")
    ada.create(NewTask("[A-1.1] One"))
    ada.create(NewTask("[A-1.2] Two"))
    stage.server.rows[1].status = "parked"

    listing = ada.list()

    assert [task.id for task in listing.tasks] == ["2"]
    assert [problem.text for problem in listing.problems] == [
        "Headless PM's task 1 has the status parked, which we do not know: move it to another one."
    ]


def test_a_wrong_key_and_a_wrong_role_are_said_at_start(stage: HeadlessPmStage) -> None:
    with pytest.raises(SourceConfigError, match="refused the API key: set HEADLESS_PM_API_KEY"):
        other(stage, key="wrong").check(())
    with pytest.raises(TrackerError, match=r"refused to register: HTTP 422 body\.role: Input should be"):
        other(stage, role="fullstack_dev").check(())


def test_a_server_that_is_not_there_is_tried_again_and_then_said() -> None:
    waits: list[float] = []
    api = JsonApi("Headless PM", "http://127.0.0.1:9/api/v1", {}, sleep=waits.append)

    with pytest.raises(SourceUnavailable, match=r"can't be reached at http://127\.0\.0\.1:9/api/v1: is it running"):
        HeadlessPmTracker(api, "ada", "qa", "senior").list()

    assert len(waits) == 3
    assert sorted(waits) == waits
