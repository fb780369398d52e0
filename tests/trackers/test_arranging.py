"""Tasks into the planner and back."""

from typing import Literal

import pytest

from bot.core.model import Standing
from bot.core.settings import OrderRules
from bot.trackers.arranging import Arranged, arrange_tasks, built_on
from bot.trackers.tracker import Listing, Prerequisite, Priority, Problem, Status, Task


def task(
    name: str,
    *after: str,
    title: str = "",
    status: Status = Status.TODO,
    priority: Priority = Priority.NORMAL,
    eligible: bool = True,
    missing: Standing = Standing.UNREADABLE,
) -> Task:
    prerequisites = tuple(Prerequisite(each, each, missing) for each in after)
    return Task(
        name,
        name,
        title or name,
        status,
        "1",
        priority=priority,
        prerequisites=prerequisites,
        eligible=eligible,
    )


def arranged(*tasks: Task, problems: tuple[Problem, ...] = ()) -> Arranged:
    return arrange_tasks(Listing(tasks, problems), OrderRules())


def ready(*tasks: Task) -> list[str]:
    return [each.name for each in arranged(*tasks).ready]


def test_TF4_urgent_first_then_the_sources_own_order() -> None:
    assert ready(
        task("low", priority=Priority.LOW),
        task("b"),
        task("a"),
        task("high", priority=Priority.HIGH),
        task("urgent", priority=Priority.URGENT),
    ) == ["urgent", "high", "b", "a", "low"]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.TODO])
def test_only_todo_is_ready(status: Status) -> None:
    assert ready(task("a", status=status)) == []


def test_what_our_agent_may_not_take_is_waited_for_but_not_ready() -> None:
    found = arranged(task("a", title="[X-1.1] A", eligible=False), task("b", title="[X-1.2] B"))

    assert found.ready == ()
    assert found.skipped == ("Skipping X-1.2 - blocked by: X-1.1 (todo)",)


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_done_and_cancelled_release(status: Status) -> None:
    assert ready(task("a", status=status), task("b", "a")) == ["b"]


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.IN_REVIEW, Status.IN_PROGRESS])
def test_anything_else_is_waited_for_and_named_with_its_own_status(status: Status) -> None:
    assert arranged(task("a", status=status), task("b", "a")).skipped == (
        f"Skipping b - blocked by: a ({status.value})",
    )


def test_OR7_cycles_themselves_and_what_is_missing_are_reported_and_not_waited_on() -> None:
    found = arranged(task("a", "b"), task("b", "a"), task("c", "c"), task("d", "gone"), task("e"))

    assert [each.name for each in found.ready] == ["e"]
    assert found.skipped == ()
    assert found.invalid == (
        "a waits for itself (a -> b -> a): take one of these dependencies out.",
        "b waits for itself (b -> a -> b): take one of these dependencies out.",
        "c depends on itself: take that dependency out.",
        "d depends on gone, which is not there: correct the dependency.",
    )


def test_a_prerequisite_that_was_not_read_is_waited_for() -> None:
    assert arranged(task("a", "far", missing=Standing.UNKNOWN)).skipped == ("Skipping a - blocked by: far (unknown)",)


def test_a_task_that_cant_be_read_keeps_its_place() -> None:
    problems = (Problem("broken", "[X-1.1] Broken", "tasks/broken.md, line 2: no status."),)

    found = arranged(task("b", title="[X-1.2] B"), task("c", "broken"), task("d"), problems=problems)

    assert [each.name for each in found.ready] == ["d"]
    assert found.skipped == (
        "Skipping X-1.2 - blocked by: X-1.1 (unreadable)",
        "Skipping c - blocked by: X-1.1 (unreadable)",
    )
    assert found.notes == ("tasks/broken.md, line 2: no status.",)


def test_a_body_that_names_numbers_orders_nothing() -> None:
    a, b = task("a"), task("b")

    assert ready(a, Task("c", "c", "c", Status.TODO, "1", body="Depends on #1 and #77"), b) == ["a", "c", "b"]


def names_built_on(name: str, *tasks: Task) -> list[str]:
    listing = Listing(tasks)
    return [each.name for each in built_on(next(each for each in tasks if each.name == name), listing, OrderRules())]


def test_work_builds_on_what_came_before_and_is_done() -> None:
    """By phase order and by what the source says; what was cancelled has no work, what is not done holds the task back."""
    tasks = (
        task("1", title="[X-1.1] A", status=Status.DONE),
        task("2", title="[X-1.2] B", status=Status.CANCELLED),
        task("3", title="[X-1.3] C", status=Status.DONE),
        task("4", title="[Y-1.1] D", status=Status.DONE),
        task("other", status=Status.DONE),
        task("last", "other", title="[X-2.1] E"),
        task("free"),
    )

    assert sorted(names_built_on("last", *tasks)) == ["1", "3", "other"]
    assert names_built_on("free", *tasks) == []
    assert names_built_on("3", *tasks) == ["1"]


@pytest.mark.parametrize(
    ("rule", "ready"),
    [("continue", ["b", "c"]), ("stop-series", ["c"]), ("stop-repository", [])],
)
def test_a_blocked_task_stops_what_the_rules_say(
    rule: Literal["continue", "stop-series", "stop-repository"], ready: list[str]
) -> None:
    tasks = (task("a", status=Status.BLOCKED), task("b"), task("c", title="[X-1.1] C"))

    found = arrange_tasks(Listing(tasks), OrderRules(on_blocked=rule))

    assert sorted(each.name for each in found.ready) == ready
    assert len(found.skipped) == 2 - len(ready)
    assert all("a is blocked (`order.on_blocked: stop-" in line for line in found.skipped)
