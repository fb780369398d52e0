"""`init` on real task files: what is made, what a second time does, and that a kill anywhere makes nothing twice."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import titles
from bot.core.settings import OrderRules
from bot.errors import UsageError
from bot.initializer.initialize import NoSpec, name_of
from bot.initializer.state import MARKER, PROGRESS, SHOWN, read_state
from bot.trackers.arranging import arrange_tasks
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Priority, SourceUnavailable, Status
from tests.core.plans_of_specs import answer, entry
from tests.initializer.desk import Dying, Killed, Table, ended

THREE = answer(
    entry("AUTH-1.1", "Log in", priority="high"),
    entry("AUTH-1.2", "Log out"),
    entry("UI-1.1", "Show it", prerequisites=["AUTH-1.1", "AUTH-1.2"]),
)
CHANGED = answer(
    entry("AUTH-1.1", "Log in", priority="high", description="By mail."),
    entry("AUTH-1.2", "Log out at last"),
    entry("AUTH-2.1", "Reset"),
    entry("UI-1.1", "Show it", prerequisites=["AUTH-1.1", "AUTH-1.2", "AUTH-2.1"]),
)
TITLES = ["META: My App Spec", "[AUTH-1.1] Log in", "[AUTH-1.2] Log out", "[UI-1.1] Show it"]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path, THREE)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: these tests write thousands of files that a disk would have to settle."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="init-", dir="/dev/shm") as folder:
        yield Path(folder)


def marker(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / MARKER).read_text())
    assert isinstance(found, dict)
    return found


def test_IN1_IN4_IN10_three_tasks_and_META_are_made(table: Table) -> None:
    """The result says what the source holds; META comes first and is never run."""
    result = table.run()

    assert (result.success, result.state, result.tasks_created, result.error) == (True, "created", 3, "")
    assert table.titles() == TITLES
    assert result.task_ids == ("AUTH-1.1", "AUTH-1.2", "UI-1.1")
    assert table.tracker.get(result.meta_task_id).title == "META: My App Spec"
    assert table.waits()["[UI-1.1] Show it"] == ["AUTH-1.1", "AUTH-1.2"]
    assert table.tracker.get("AUTH-1.1").priority is Priority.HIGH
    assert result.usd == 0.25
    ready = arrange_tasks(table.tracker.list(), OrderRules())
    assert [task.id for task in ready.ready] == ["AUTH-1.1"]


def test_IN1_a_spec_that_is_not_there_ends_with_1(table: Table) -> None:
    with pytest.raises(NoSpec, match=r"There is no file .*nothing\.md: say where the spec is with --spec") as error:
        table.run(spec=table.folder / "nothing.md")

    assert error.value.exit_code == 1


def test_IN2_the_project_is_named_by_its_file_or_by_who_asks(table: Table) -> None:
    assert [name_of(Path(name)) for name in ("requirements.md", "my-app_spec.v2.md", "--.md", "ärger")] == [
        "Requirements",
        "My App Spec V2",
        "Project",
        "Ärger",
    ]
    assert table.run(project="My  App").project_name == "My App"
    assert "META: My App" in table.titles()


def test_IN3_a_second_time_changes_nothing_and_shows_what_is_there(table: Table) -> None:
    first = table.run()
    again = table.run()

    assert (again.success, again.state, again.tasks_created) == (True, "exists", 0)
    assert again.task_ids == first.task_ids
    assert len(table.asked) == 1
    assert table.titles() == TITLES
    assert "My App Spec was initialized on" in table.said[-2]
    assert "3 tasks (3 todo). Nothing was changed." in table.said[-2]
    table.spec.write_text("Build more.\n")
    table.run()
    assert table.said[-1].startswith("The spec has changed since.")


def test_IN3_by_force_what_is_missing_is_made_what_changed_updated_and_nothing_doubled(table: Table) -> None:
    table.run()
    (table.folder / "tasks" / "AUTH-1.1.md").unlink()
    table.answer = CHANGED
    result = table.run(force=True)

    assert (result.tasks_created, result.tasks_updated) == (2, 2)
    assert "There" not in table.asked[1].there
    assert "[AUTH-1.2] Log out" in table.asked[1].there
    assert table.titles() == [
        "META: My App Spec",
        "[AUTH-1.1] Log in",
        "[AUTH-1.2] Log out at last",
        "[AUTH-2.1] Reset",
        "[UI-1.1] Show it",
    ]
    assert table.waits()["[UI-1.1] Show it"] == ["AUTH-1.1", "AUTH-1.2", "AUTH-2.1"]
    assert "AUTH-2.1 Reset" in table.tracker.get(result.meta_task_id).body
    found = marker(table.folder)
    assert (found["total_tasks"], len(found["sessions"])) == (4, 2)
    assert table.run(force=True).tasks_created == 0


def test_IN3_what_people_changed_and_what_has_begun_is_left_and_said(table: Table) -> None:
    table.run()
    path = table.folder / "tasks" / "AUTH-1.1.md"
    path.write_text(path.read_text().replace("What Log in means.", "My own words."))
    begun = table.tracker.claim(table.tracker.get("AUTH-1.2"))
    table.tracker.comment(begun, "Half done.")
    table.answer = CHANGED
    result = table.run(force=True)

    assert "My own words." in path.read_text()
    assert table.tracker.get("AUTH-1.2").title == "[AUTH-1.2] Log out"
    assert [note.partition(":")[0] for note in result.notes] == [
        "AUTH-1.1 is left as it is in description",
        "AUTH-1.2 is left as it is in title, description",
    ]


def test_IN5_the_marker_has_the_old_keys_and_is_written_last(table: Table) -> None:
    with pytest.raises(Killed):
        table.run(tracker=Dying(table.tracker, 3, after=True))
    assert not (table.folder / MARKER).exists()
    assert (table.folder / PROGRESS).exists()
    table.run()

    found = marker(table.folder)
    assert set(found) == {
        *("version", "project_id", "project_name", "initialized_at", "provider_type", "meta_task_id"),
        *("total_tasks", "task_ids", "sessions", "spec", "spec_sha256"),
    }
    assert (found["version"], found["provider_type"], found["total_tasks"]) == (1, "file", 3)
    assert found["initialized_at"].endswith("Z")
    assert found["task_ids"] == ["AUTH-1.1", "AUTH-1.2", "UI-1.1"]
    assert not (table.folder / PROGRESS).exists()


def test_IN9_an_answer_without_tasks_is_an_error_with_the_answer_and_no_marker(table: Table) -> None:
    table.answer = answer()
    result = table.run()

    assert (result.success, result.state, result.tasks_created) == (False, "failed", 0)
    assert result.error == "No task was made: The answer has no task in it."
    assert result.raw_analysis == "the raw answer"
    assert not list(table.folder.glob(".project_state*"))
    assert table.titles() == []


def test_nothing_is_made_by_a_dry_run_or_without_a_yes(table: Table) -> None:
    assert table.run(dry_run=True).state == "shown"
    assert "3 tasks in 2 phases (3 new)" in table.shown[0]
    assert len(table.asked) == 1
    table.agrees = False
    assert table.run().state == "declined"
    assert "- **UI-1.1** Show it (functional; after AUTH-1.1, AUTH-1.2;" in table.shown[1]

    assert table.titles() == []
    assert not list(table.folder.glob(".project_state*"))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("before", "then", "steps"), [(None, THREE, 6), (THREE, CHANGED, 8)])
def test_killed_at_any_write_and_started_again_nothing_is_made_twice(
    memory: Path, before: Any, then: Any, steps: int, after: bool
) -> None:
    """Also when it is killed again and again; the agent is asked once."""
    counted = 0
    for step in range(1, 50):
        folder = memory / str(step)
        folder.mkdir()
        table = Table(folder, before or then)
        if before:
            table.run()
            table.answer = then
        asked = len(table.asked)
        force = before is not None
        died = ended(lambda: table.run(tracker=Dying(table.tracker, step, after=after), force=force))  # noqa: B023
        ended(lambda: table.run(tracker=Dying(table.tracker, 1, after=after), force=False))  # noqa: B023
        if died:
            table.run(force=False)
            counted += 1
        assert len(table.asked) - asked == 1
        assert table.titles() == sorted(
            ["META: My App Spec", *(f"[{each['key']}] {each['title']}" for each in then["tasks"])]
        )
        assert table.waits()["[UI-1.1] Show it"] == then["tasks"][-1]["prerequisites"]
        state = read_state(folder)
        assert state is not None
        assert state.total_tasks == len(then["tasks"])
        assert not (folder / PROGRESS).exists()
        if not died:
            break
    assert counted == steps


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_to_the_disk_nothing_is_made_twice(
    memory: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Every file is put in its place by a rename."""
    real, left = Path.replace, 0

    def dying(self: Path, target: Any) -> Path:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Killed
        found = real(self, target)
        if left == 0:
            raise Killed
        return found

    monkeypatch.setattr(Path, "replace", dying)
    for step in range(1, 50):
        folder = memory / str(step)
        folder.mkdir()
        table = Table(folder, THREE)
        left = step
        died = ended(table.run)
        left = 0
        table.run()
        assert table.titles() == TITLES
        assert table.waits()["[UI-1.1] Show it"] == ["AUTH-1.1", "AUTH-1.2"]
        assert read_state(folder) is not None
        if not died:
            break
    assert step == 1 + 2 + 4 * 3 + 2 + 1  # shown, begun; before, of and after each task; two relations; the marker


def test_the_plan_that_was_shown_is_the_one_that_is_made(table: Table) -> None:
    """Without another look of the agent's, while the spec and the name are the same; a no throws it away."""
    table.run(dry_run=True)
    table.answer = CHANGED
    result = table.run()
    assert (len(table.asked), result.usd, table.titles()) == (1, 0.0, TITLES)
    assert any("This plan was made on" in line for line in table.said)

    table.run(force=True, dry_run=True)
    table.spec.write_text("Build something else.\n")
    table.agrees = False
    table.run(force=True)
    table.run(force=True)
    assert len(table.asked) == 4
    assert not (table.folder / SHOWN).exists()


def test_what_was_begun_is_finished_by_its_own_plan(table: Table) -> None:
    """Whatever the spec says by now; another source is refused."""
    with pytest.raises(Killed):
        table.run(tracker=Dying(table.tracker, 2, after=True))
    table.answer = CHANGED
    table.spec.unlink()
    table.run(dry_run=True)
    assert "was interrupted (1 of 4 tasks were made)" in table.said[-2]
    result = table.run()

    assert (result.tasks_created, table.titles()) == (3, TITLES)
    with pytest.raises(Killed):
        Table(table.folder, CHANGED).run(tracker=Dying(table.tracker, 1, after=False), force=True)
    elsewhere = Dying(table.tracker, 99, after=False)
    elsewhere.source = "linear"  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="in the task source file was interrupted, and the source is linear now"):
        table.run(tracker=elsewhere)


class Deaf:
    """A source whose answers to the first writes get lost, after or before they were heard."""

    def __init__(self, tracker: FileTracker, lost: int, *, heard: bool) -> None:
        self.tracker, self.lost, self.heard = tracker, lost, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tracker, name)

    def create(self, new: Any) -> Any:
        self.lost -= 1
        if self.lost >= 0:
            if self.heard:
                self.tracker.create(new)
            raise SourceUnavailable("No answer.", retry_after=7.0)
        return self.tracker.create(new)


@pytest.mark.parametrize("heard", [False, True])
def test_an_answer_that_got_lost_makes_nothing_twice(table: Table, heard: bool) -> None:
    result = table.run(tracker=Deaf(table.tracker, 2, heard=heard))

    assert table.titles() == TITLES
    assert result.tasks_created == 3
    assert table.waited == [7.0, 7.0]


def test_a_source_that_stays_away_is_gone_on_with_later(table: Table) -> None:
    with pytest.raises(SourceUnavailable):
        table.run(tracker=Deaf(table.tracker, 99, heard=False))
    assert table.titles() == []

    assert table.run().tasks_created == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "can't be used: it is empty"),
        (b"\xff\xfe\x00bin", "can't be used: it is not UTF-8 text"),
        (b"a\0b", "can't be used: it is not UTF-8 text"),
        (b"x" * 10_000_000, "can't be used: it has 10.0 MB, and 200,000 characters are the most"),
        (b"- [A-1.1] a\n- [A-1.1] b\n", "The spec has A-1.1 twice: `a` and `b`: give each task a key of its own"),
    ],
)
def test_a_spec_that_can_not_be_used_is_one_sentence_before_anything_is_spent(
    table: Table, content: bytes, sentence: str
) -> None:
    table.spec.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        table.run()

    assert table.asked == []
    with pytest.raises(UsageError, match="is a folder"):
        table.run(spec=table.folder)


@pytest.mark.parametrize("name", [MARKER, PROGRESS, SHOWN])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "it is no JSON"),
        ("[]", "it has no version"),
        ('{"version": 2}', "was written by a newer ai-ready"),
        ('{"version": 1}', "can't be understood"),
        ('{"version": 1, "sessions": 1, "plan": 1}', "can't be understood"),
    ],
)
def test_a_torn_or_newer_file_is_refused_and_stays(table: Table, name: str, content: str, sentence: str) -> None:
    (table.folder / name).write_text(content)
    with pytest.raises(UsageError, match=sentence):
        table.run(force=True)

    assert (table.folder / name).read_text() == content


def test_blocked_work_of_an_earlier_time_may_be_rewritten(table: Table) -> None:
    table.run()
    task = table.tracker.get("AUTH-1.1")
    table.tracker.set_status(task, Status.BLOCKED)
    table.answer = CHANGED

    assert table.run(force=True).tasks_updated == 3
    assert replace(table.tracker.get("AUTH-1.1")).status is Status.BLOCKED


def test_IN4_META_stays_META_whatever_it_is_called() -> None:
    assert all(isinstance(titles.parse(f"META: {name}"), titles.Meta) for name in ("", "[AUTH-1.1] x", "META: x"))
