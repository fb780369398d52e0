"""Files of the systems before are read as they are: every block of YAML, the task of seed 000, levels, categories."""

import os
from pathlib import Path

import pytest

from bot.core.specs.planned import Category
from bot.core.specs.reading import read_answer
from bot.core.specs.spec import read_spec
from bot.local.settings import Flags, read_settings, settle
from bot.trackers.backlog import BacklogTracker
from bot.trackers.backlog_cli import BacklogCli
from bot.trackers.config import FileConfig, LinearConfig
from bot.trackers.tracker import Priority, Status, TrackerError
from tests.core.plans_of_specs import answer, entry
from tests.npm import needs_npm
from tests.seeds.blocks import FOLDER, Block, blocks
from tests.trackers.stages import BacklogStage

YAML = blocks("yaml")


def write(folder: Path, text: str) -> None:
    (folder / ".ai-agents").mkdir()
    (folder / ".ai-agents" / "config.yml").write_text(text)


@pytest.mark.parametrize(
    "block", [each for each in YAML if "project_dir" not in each.text and "slack" not in each.text], ids=str
)
def test_CF1_a_block_of_configuration_is_read(tmp_path: Path, block: Block) -> None:
    write(tmp_path, block.text)

    settings = read_settings(Flags(), {}, tmp_path)

    assert settings.notes == ()
    if 'type: "linear"' in block.text:
        assert settings.tracker == LinearConfig("LINEAR_API_KEY", "your-team-id", "My Project")
    if 'type: "file"' in block.text:
        assert settings.tracker == FileConfig(".ai-agents/state/tasks")


@pytest.mark.parametrize("block", [each for each in YAML if "project_dir" in each.text], ids=str)
def test_MO3_the_block_of_the_sdk_backend(tmp_path: Path, block: Block) -> None:
    (tmp_path / "project").mkdir()
    write(tmp_path, block.text.replace("/path/to/project", str(tmp_path / "project")))

    settings = read_settings(Flags(), {}, tmp_path)

    assert settings.root == tmp_path / "project"
    assert settings.repo.agent.model == "claude-opus-4-5-20251101"
    assert (settings.repo.agent.max_turns, settings.local.on_failure) == (150, "stop")


@pytest.mark.parametrize("block", [each for each in YAML if "slack" in each.text], ids=str)
def test_LG3_the_block_of_slack(tmp_path: Path, block: Block) -> None:
    """Its address ends in dots: that is said. With a real one all is well."""
    write(tmp_path, block.text)
    (told,) = settle(Flags(), {}, tmp_path).problems
    assert "holds no address of a Slack webhook" in told

    (tmp_path / ".ai-agents" / "config.yml").write_text(block.text.replace("services/...", "services/T0/B0/xyz"))
    settings = read_settings(Flags(), {}, tmp_path)
    assert settings.slack.addresses["SLACK_WEBHOOK_URL"].reveal() == "https://hooks.slack.com/services/T0/B0/xyz"


@needs_npm[0]
@needs_npm[1]
def test_TF2_the_task_of_seed_000(tmp_path: Path) -> None:
    stage = BacklogStage(tmp_path)
    tasks = stage.folder / "backlog" / "tasks"
    tasks.mkdir(exist_ok=True)
    name = "task-23.2 - BUILD-Headless-Claude-runner-AI-Dev-Loop-3-6.md"
    (tasks / name).write_text((FOLDER / "000-task.md").read_text())

    task = stage.tracker("dev_001").get("23.2")

    assert (task.title, task.status) == ("BUILD: Headless Claude runner (AI Dev Loop 3/6)", Status.DONE)
    assert task.labels == {"build", "ai-loop", "orchestrator", "claude", "automation"}
    assert [each.name.lower() for each in task.prerequisites] == ["task-23.2"]
    assert (task.parent.lower(), task.priority) == ("task-23", Priority.HIGH)
    assert task.body.count("- [ ] ") == 3
    assert "**Plan:**" in task.body


def test_TS3_the_command_is_what_is_asked(tmp_path: Path) -> None:
    """A `backlog` of our own on PATH keeps what it was called with."""
    command = tmp_path / "bin" / "backlog"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexit 1\n')
    command.chmod(0o755)
    environ = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}
    tracker = BacklogTracker(BacklogCli(tmp_path, "backlog", environ), "dev_001")

    with pytest.raises(TrackerError):
        tracker.get("task-7")

    assert "task view task-7 --json" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("category", ["functional", "style", "infrastructure", "testing", "documentation", "bugfix"])
def test_TF5_categories(category: str) -> None:
    plan = read_answer(answer(entry("A-1.1", "One", category=category)), read_spec(""))

    assert plan.tasks[0].category is Category(category)  # type: ignore[union-attr]


def test_TF5_there_are_no_others() -> None:
    found = read_answer(answer(entry("A-1.1", "One", category="misc")), read_spec(""))

    assert "category" in str(found)
    assert len(Category) == 6
