"""The commands of the systems before, as processes: what has to be said, and how they end when it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.local.advanced_agent_runner.__main__ import words as advanced
from bot.local.headless_runner.__main__ import words as headless
from bot.local.settings import Flags, read_settings
from bot.trackers.config import BacklogConfig, HeadlessPmConfig

ROOT = Path(__file__).parents[2]


def old(folder: Path, module: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environ}
    argv = (sys.executable, "-m", f"bot.local.{module}", *words)
    return subprocess.run(argv, cwd=folder, env=base, capture_output=True, text=True, timeout=120, check=False)


def test_TS2_without_a_task_there_is_only_usage(tmp_path: Path) -> None:
    ran = old(tmp_path, "headless_runner")

    assert ran.returncode == 1
    assert ran.stderr.startswith("usage: python -m bot.local.headless_runner")
    assert ran.stderr.endswith("Which task? Name it, or set BACKLOG_TASK_ID.\n")
    assert list(tmp_path.iterdir()) == []


def test_TS2_each_way_to_name_a_task_works_and_an_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLOG_TASK_ID", "task-7")

    named = [headless(given)[3] for given in ([], ["task-8"], ["--task", "task-9"], ["--task=task-9"])]

    assert named == ["task-7", "task-8", "task-9", "task-9"]


@pytest.mark.parametrize(
    "words", [(), ("--role", "qa"), ("--agent-id", "dev_001"), ("--role", "boss", "--agent-id", "x")]
)
def test_CL5_role_and_agent_have_to_be_said(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = old(tmp_path, "advanced_agent_runner", *words)

    assert ran.returncode == 2
    assert "usage: python -m bot.local.advanced_agent_runner" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("role", ["backend_dev", "frontend_dev", "fullstack_dev", "qa", "architect", "pm"])
def test_CL5_every_role_is_taken(role: str) -> None:
    assert advanced(["--role", role, "--agent-id", "dev_001"])[:5] == ["start", "--role", role, "--agent-id", "dev_001"]


def test_the_source_of_the_old_words_holds_where_no_file_says_another(tmp_path: Path) -> None:
    assert read_settings(Flags(source="backlog"), {}, tmp_path).tracker == BacklogConfig()
    assert read_settings(Flags(source="headless-pm", role="qa"), {}, tmp_path).tracker == HeadlessPmConfig("qa")

    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ai-ready.yml").write_text("tracker: {type: headless-pm, level: junior}\n")
    assert read_settings(Flags(source="backlog"), {}, tmp_path).tracker == HeadlessPmConfig(level="junior")


def test_LI8_ten_minutes_by_the_old_words_unless_a_variable_says_how_long(tmp_path: Path) -> None:
    assert advanced(["--role", "qa", "--agent-id", "x"])[-2:] == ["--task-seconds", "600"]
    assert read_settings(Flags(task_seconds=600), {}, tmp_path).task_seconds == 600
    assert read_settings(Flags(task_seconds=600), {"HEADLESS_PM_CLAUDE_TIMEOUT": "900"}, tmp_path).task_seconds == 900


def test_TS2_BACKLOG_TASK_ID_counts_for_backlog_alone(tmp_path: Path) -> None:
    environ = {"BACKLOG_TASK_ID": "task-7"}

    assert read_settings(Flags(source="backlog"), environ, tmp_path).task == "task-7"
    assert read_settings(Flags(source="backlog", task="task-8"), environ, tmp_path).task == "task-8"
    assert read_settings(Flags(), environ, tmp_path).task == ""
