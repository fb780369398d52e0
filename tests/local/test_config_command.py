"""`ai-ready config` as a process: everything that is wrong at once, exit 1; where each setting came from; old tasks."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.agent.claude_code import find_cli
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Priority, Status
from tests.job.stage import git

ROOT = Path(__file__).parents[2]
KEY = {"ANTHROPIC_API_KEY": "sk-ant-s3cr3t", "AI_READY_CLAUDE": str(find_cli())}


def config(folder: Path, *words: str, environ: Mapping[str, str] = KEY) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environ}
    argv = (sys.executable, "-m", "bot", "config", *words)
    return subprocess.run(argv, cwd=folder, env=base, capture_output=True, text=True, timeout=120, check=False)


def write(folder: Path, text: str) -> None:
    (folder / ".ai-agents").mkdir(exist_ok=True)
    (folder / ".ai-agents" / "config.yml").write_text(text)


def test_CL3_all_is_well(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert "The repository has no commit yet" in config(tmp_path).stdout
    git(tmp_path, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "first")
    write(tmp_path, "autonomous: {max_turns_per_task: 9}\n")

    ran = config(tmp_path, environ={**KEY, "AI_DEV_LOOP_COST_LIMIT": "2"})

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "agent.max_turns: 9  (.ai-agents/config.yml, line 1)" in ran.stdout
    assert "limits.usd: 2  (AI_DEV_LOOP_COST_LIMIT)" in ran.stdout
    assert "mode: autonomous  (default)" in ran.stdout
    assert ran.stdout.endswith("Everything is in order: `ai-ready start` can begin.\n")
    assert "s3cr3t" not in ran.stdout


def test_CL3_CF3_every_wrong_key_and_missing_credential_is_told(tmp_path: Path) -> None:
    write(tmp_path, "autonomous: {modl: opus, max_turns_per_task: 0}\nstate_provider: {type: linear}\n")

    ran = config(tmp_path, environ={"HEADLESS_PM_HOOK_TIMEOUT": "soon", "AI_READY_CLAUDE": "/nowhere/claude"})

    wrong = [line.removeprefix("Wrong: ") for line in ran.stdout.splitlines()]
    assert ran.returncode == 1
    assert len(wrong) == 5
    assert wrong[0].startswith(".ai-agents/config.yml, line 1: there is no key `autonomous.modl`; did you mean")
    assert wrong[1].startswith(".ai-agents/config.yml, line 1: `autonomous.max_turns_per_task` takes a whole number")
    assert wrong[2].startswith("`HEADLESS_PM_HOOK_TIMEOUT` takes a whole number")
    assert wrong[3].startswith("API key not found: set ANTHROPIC_API_KEY (or CLAUDE_CODE_OAUTH_TOKEN")
    assert wrong[4].startswith("Claude Code CLI not found")


def test_CL3_a_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    ran = config(tmp_path)

    (wrong,) = [line for line in ran.stdout.splitlines() if line.startswith("Wrong: ")]
    assert ran.returncode == 1
    assert "git" in wrong


def test_MO2_CF3_the_sdk_needs_an_api_key(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    write(tmp_path, "autonomous: {backend: anthropic-sdk}\n")

    ran = config(tmp_path, environ={"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-a-token-that-opens-nothing"})

    assert ran.returncode == 1
    assert "Wrong: API key not found: the backend `anthropic-sdk` needs ANTHROPIC_API_KEY" in ran.stdout


def test_TS5_CF3_a_source_without_its_key(tmp_path: Path) -> None:
    write(tmp_path, "state_provider: {type: linear}\n")

    ran = config(tmp_path)

    assert ran.returncode == 1
    assert "Could not initialize state provider: API key not found: LINEAR_API_KEY is not set" in ran.stdout


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("AI_DEV_LOOP_TIME_LIMIT", "soon"),
        ("AI_DEV_LOOP_COST_LIMIT", "five"),
        ("HEADLESS_PM_CLAUDE_TIMEOUT", "0"),
        ("HEADLESS_PM_HOOK_TIMEOUT", "-1"),
        ("HEADLESS_PM_HEALTH_CHECK_INTERVAL", "1.5"),
    ],
)
def test_CF2_a_bad_number_in_a_variable(tmp_path: Path, name: str, bad: str) -> None:
    ran = config(tmp_path, environ={**KEY, name: bad})

    assert ran.returncode == 1
    assert name in ran.stdout
    assert f"`{bad}`" in ran.stdout


def test_CF2_each_variable_overrides_its_default(tmp_path: Path) -> None:
    environ = {
        "AI_DEV_LOOP_TIME_LIMIT": "90",
        "AI_DEV_LOOP_COST_LIMIT": "1.5",
        "HEADLESS_PM_WORKTREE_BASE": "/tmp/headless-pm-worktrees",
        "HEADLESS_PM_HOOK_TIMEOUT": "31",
        "HEADLESS_PM_HEALTH_CHECK_INTERVAL": "301",
    }

    ran = config(tmp_path, "--json", environ={**KEY, **environ})

    shown = {each["key"]: (each["value"], each["origin"]) for each in json.loads(ran.stdout)["settings"]}
    assert shown["task_seconds"] == ("90", "AI_DEV_LOOP_TIME_LIMIT")
    assert shown["limits.usd"] == ("1.5", "AI_DEV_LOOP_COST_LIMIT")
    assert shown["local.worktrees"] == ("/tmp/headless-pm-worktrees", "HEADLESS_PM_WORKTREE_BASE")
    assert shown["local.hook_seconds"] == ("31", "HEADLESS_PM_HOOK_TIMEOUT")
    assert shown["local.health_seconds"] == ("301", "HEADLESS_PM_HEALTH_CHECK_INTERVAL")


def test_it_writes_nothing(tmp_path: Path) -> None:
    config(tmp_path)
    assert list(tmp_path.iterdir()) == []

    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    config(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [".git"]


# ------------------------------------------------------------------------------------------- old tasks

OLD: dict[str, Any] = {
    "TASK-001": {
        "id": "TASK-001",
        "title": "[AUTH-1.1] Create login endpoint",
        "description": "POST /login",
        "status": "done",
        "priority": 2,
        "category": "functional",
        "acceptance_criteria": ["Accepts a name", "Returns a token"],
        "test_steps": ["Send a name"],
        "labels": ["backend"],
    },
    "TASK-002": {"id": "TASK-002", "title": "[AUTH-1.2] Limit the rate", "status": "in_progress", "priority": 3},
}


def test_TS7_old_tasks_become_files(tmp_path: Path) -> None:
    write(tmp_path, "state_provider: {type: file, state_dir: .ai-agents/state}\n")
    old = tmp_path / ".ai-agents" / "state" / "tasks.json"
    old.parent.mkdir()
    old.write_text(json.dumps(OLD))

    ran = config(tmp_path, "--import-tasks")

    assert ran.stderr == f"2 made in {tmp_path}/.ai-agents/state/tasks: TASK-001, TASK-002.\n"
    first, second = FileTracker(old.parent / "tasks", "dev").list().tasks
    assert (first.id, first.title, first.status) == ("TASK-001", "[AUTH-1.1] Create login endpoint", Status.DONE)
    assert first.priority is Priority.HIGH
    assert first.labels == {"backend", "functional"}
    assert first.body == (
        "POST /login\n\n## Acceptance Criteria\n\n- [ ] Accepts a name\n- [ ] Returns a token\n\n"
        "## Test Steps\n\n1. Send a name"
    )
    assert (second.status, second.priority) == (Status.TODO, Priority.NORMAL)
    assert json.loads(old.read_text()) == OLD
    assert config(tmp_path, "--import-tasks").stderr.startswith("0 made in")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "holds no tasks by their id"),
        ("{", "is no JSON"),
        ('{"../x": {"title": "A"}}', "is no task with an id"),
        ('{"TASK-001": {"title": ""}}', "is no task with an id"),
        ('{"TASK-001": {"title": "A", "status": "later"}}', "TASK-001 has the status `later`; there are todo"),
    ],
)
def test_TS7_old_tasks_that_can_not_be_read(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, "state_provider: {type: file}\n")
    (tmp_path / ".ai-agents" / "state").mkdir()
    (tmp_path / ".ai-agents" / "state" / "tasks.json").write_text(text)

    ran = config(tmp_path, "--import-tasks")

    assert ran.returncode == 2
    assert words in ran.stderr
    assert not (tmp_path / ".ai-agents" / "state" / "tasks").exists()
