"""`init` on every task source: made, nothing the second time, a change, a kill after each write; nothing is ever doubled."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.plans_of_specs import answer, entry
from tests.initializer.desk import Dying, Killed, Table
from tests.trackers.stages import Stage

BEFORE = answer(
    entry("AUTH-1.1", "Log in", priority="urgent"),
    entry("AUTH-1.2", "Log out", priority="low"),
    entry("UI-1.1", "Show it", prerequisites=["AUTH-1.2"]),
)
AFTER = answer(
    entry("AUTH-1.1", "Log in", priority="urgent", test_steps=["Look."]),
    entry("AUTH-1.2", "Log out", priority="high"),
    entry("AUTH-2.1", "Reset"),
    entry("UI-1.1", "Show it", prerequisites=["AUTH-1.2", "AUTH-2.1"]),
)


@pytest.fixture
def table(stage: Stage, tmp_path: Path) -> Table:
    return Table(tmp_path, BEFORE, tracker=stage.tracker("ada"))


def titles_of(said: Any) -> list[str]:
    return sorted(["META: My App Spec", *(f"[{each['key']}] {each['title']}" for each in said["tasks"])])


def test_IN1_IN3_made_then_nothing_then_a_change(table: Table, stage: Stage) -> None:
    first = table.run()
    assert (first.tasks_created, table.titles()) == (3, titles_of(BEFORE))
    same = table.run(force=True)
    assert (same.tasks_created, same.tasks_updated) == (0, 0)
    assert "(3 unchanged)" in table.shown[1]

    table.answer = AFTER
    changed = table.run(force=True)
    assert (changed.tasks_created, table.titles()) == (1, titles_of(AFTER))
    assert changed.meta_task_id == first.meta_task_id
    if stage.relations:
        assert (changed.tasks_updated, changed.notes) == (3, ())
        assert len(table.waits()["[UI-1.1] Show it"]) == 2
    else:
        assert changed.tasks_updated == 0
        assert any("can't rewrite a task" in note for note in changed.notes)
        assert any("can't hold that" in note for note in first.notes)
    again = table.run(force=True)
    assert (again.tasks_created, again.tasks_updated) == (0, 0)


@pytest.mark.parametrize("after", [False, True])
def test_killed_before_or_after_each_write_nothing_is_made_twice(table: Table, after: bool) -> None:
    """Each try gets one write further."""
    for _ in range(30):
        try:
            result = table.run(tracker=Dying(table.tracker, 2, after=after))
        except Killed:
            continue
        break
    else:
        pytest.fail("it never came to its end")

    assert table.titles() == titles_of(BEFORE)
    assert result.state == "created"
    assert result.tasks_created == 3
    assert len(table.asked) == 1
    assert all(task.status.value == "todo" for task in table.tracker.list().tasks)


class DyingApi:
    """Headless PM's API; the process is gone before the n-th change of a status."""

    def __init__(self, api: Any, dies_at: int) -> None:
        self.api, self.left = api, dies_at

    def call(self, method: str, *args: Any, **more: Any) -> Any:
        self.left -= method == "PUT"
        if self.left == 0:
            raise Killed
        return self.api.call(method, *args, **more)


@pytest.mark.parametrize("stage", ["headless-pm"], indirect=True)
@pytest.mark.parametrize("dies_at", [1, 3])
def test_killed_between_making_a_task_and_offering_it(table: Table, dies_at: int) -> None:
    """Headless PM needs two calls: what is made and not offered yet is offered then."""
    with pytest.raises(Killed):
        table.run(tracker=replace(table.tracker, api=DyingApi(table.tracker.api, dies_at)))
    assert [task.status.value for task in table.tracker.list().tasks][-1] == "blocked"
    result = table.run()

    assert (result.tasks_created, table.titles()) == (3, titles_of(BEFORE))
    assert {task.status.value for task in table.tracker.list().tasks} == {"todo"}
