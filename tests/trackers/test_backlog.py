"""Backlog.md: the real command from npm, and small commands of our own that refuse as it does."""

import json
import os
from pathlib import Path

import pytest

from bot.core.model import Standing
from bot.core.settings import OrderRules
from bot.trackers.arranging import arrange_tasks
from bot.trackers.backlog import BacklogTracker
from bot.trackers.backlog_cli import BacklogCli
from bot.trackers.tracker import NoSuchTask, SourceConfigError, SourceUnavailable, Status, TrackerError
from tests.npm import needs_npm
from tests.trackers.stages import BacklogStage


def stub(folder: Path, script: str) -> BacklogTracker:
    command = folder / "backlog"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return BacklogTracker(BacklogCli(folder, str(command), os.environ, sleep=lambda _: None), "ada")


def test_no_command_no_folder_no_project_are_said_at_start(tmp_path: Path) -> None:
    def at(folder: Path, command: str) -> BacklogTracker:
        return BacklogTracker(BacklogCli(folder, command, os.environ), "ada")

    with pytest.raises(
        SourceConfigError, match=r"`no-backlog` was not found: install it with `npm install -g backlog\.md`"
    ):
        at(tmp_path, "no-backlog").check(())
    with pytest.raises(SourceConfigError, match=r"There is no folder .*/nowhere for the task source backlog"):
        at(tmp_path / "nowhere", "sh").check(())
    with pytest.raises(SourceConfigError, match=r"There is no Backlog\.md project in .*: run `backlog init` there"):
        stub(tmp_path, "echo 'No Backlog.md project found. Run `backlog init` to initialize.' >&2; exit 1").check(())


def test_an_edit_that_meets_another_one_is_tried_again(tmp_path: Path) -> None:
    busy = "echo 'Edit failed: TASK-1 is being modified by another process; retry if appropriate.' >&2; exit 1"
    tracker = stub(tmp_path, f'echo x >> calls; [ "$(wc -l < calls)" -ge 4 ] || {{ {busy}; }}')

    tracker.cli.run("task", "edit", "1", "--status=Done")

    assert len((tmp_path / "calls").read_text().splitlines()) == 4
    with pytest.raises(SourceUnavailable, match="another process keeps modifying the task"):
        stub(tmp_path, busy).cli.run("task", "edit", "1")


@pytest.mark.parametrize("answer", ["", "{}", "[]", '{"schemaVersion": 2}'])
def test_an_answer_in_another_format_is_said(tmp_path: Path, answer: str) -> None:
    with pytest.raises(TrackerError, match="answered in a format that we do not know"):
        stub(tmp_path, f"echo '{answer}'").list()


@pytest.mark.parametrize("task_id", ["--help", "-s", "1 2", "../1", ""])
def test_an_id_is_never_an_option(tmp_path: Path, task_id: str) -> None:
    with pytest.raises(NoSuchTask):
        stub(tmp_path, "touch called").get(task_id)
    assert not (tmp_path / "called").exists()


@needs_npm[0]
@needs_npm[1]
def test_TS1_a_task_is_what_the_command_says_of_it(tmp_path: Path) -> None:
    stage = BacklogStage(tmp_path)
    create = ("task", "create", "--priority=high", "--labels=api,auth", "--ac=the sixth is refused", "--ac=a test")
    stage.run(*create, "--description=Body text.", "--", "[AUTH-1.1] Log in")
    stage.run("task", "create", "--parent=1", "Part")
    stage.run("task", "edit", "1", "--check-ac=1", "--notes=Careful.")
    tracker = stage.tracker("ada")

    for name in ("1", "task-1", "TASK-1"):
        task = tracker.get(name)
        assert (task.id, task.title, task.priority.name) == ("TASK-1", "[AUTH-1.1] Log in", "HIGH")
    view = json.loads(stage.run("task", "view", "1", "--json"))["task"]
    assert task.labels == set(view["labels"]) == {"api", "auth"}
    assert view["description"] in task.body
    assert "- [x] the sixth is refused\n- [ ] a test" in task.body
    assert "Careful." in task.body
    assert tracker.get("1.1").parent == "TASK-1"
    listed = tracker.list().tasks[0]
    assert tracker.claim(listed).status is Status.IN_PROGRESS
    assert "status: In Progress" in (stage.folder / view["path"]).read_text()


@needs_npm[0]
@needs_npm[1]
def test_statuses_are_checked_before_any_claim(tmp_path: Path) -> None:
    stage = BacklogStage(tmp_path)
    stage.run("task", "create", "One")
    stage.run("task", "create", "--dep=1", "Two")
    tracker = stage.tracker("ada")

    stage.statuses("To Do", "In Progress", "Done")
    with pytest.raises(SourceConfigError, match="backlog has no status for blocked: add Blocked to `statuses` in"):
        tracker.check((Status.BLOCKED,))
    stage.statuses("To Do", "In Progress", "Done", "Blocked")
    with pytest.raises(SourceConfigError, match="takes the last of its statuses, Blocked, for the one that completes"):
        tracker.check((Status.BLOCKED,))
    stage.statuses("To Do", "Parked", "In Progress", "Blocked", "Done")
    tracker.check((Status.TODO, Status.IN_PROGRESS, Status.BLOCKED, Status.DONE))
    stage.run("task", "edit", "1", "--status=Parked")
    listing = tracker.list()
    assert [problem.text for problem in listing.problems] == [
        "TASK-1 has the status Parked, which means nothing here: say under `statuses` of the task source which one it is."
    ]
    assert arrange_tasks(listing, OrderRules()).skipped == ("Skipping TASK-2 - blocked by: TASK-1 (unreadable)",)


@needs_npm[0]
@needs_npm[1]
def test_seed_000_a_task_that_depends_on_itself_is_reported(tmp_path: Path) -> None:
    stage = BacklogStage(tmp_path)
    stage.run("task", "create", "One")
    [path] = (stage.folder / "backlog" / "tasks").iterdir()
    path.write_text(path.read_text().replace("dependencies: []", "dependencies: [task-1]"))

    tracker = stage.tracker("ada")

    assert [each.standing for each in tracker.get("1").prerequisites] == [Standing.OPEN]
    assert arrange_tasks(tracker.list(), OrderRules()).invalid == (
        "TASK-1 depends on itself: take that dependency out.",
    )
