"""Default checks and the watch: real git, disk, processes and threads."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.local import health
from bot.local.health import (
    Finding,
    Health,
    claude_there,
    free_disk,
    free_memory,
    git_state,
    source_reached,
)
from bot.local.hooks import Hooks
from bot.local.state import UnreadableState
from bot.trackers.tracker import SourceUnavailable

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def git(folder: Path, *words: str) -> None:
    subprocess.run(("git", *words), cwd=folder, env=ENVIRON, check=True, capture_output=True, timeout=60)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_HK6_git_names_itself_when_the_checkout_can_not_be_read(tmp_path: Path) -> None:
    check = git_state(tmp_path, ENVIRON)

    before = check()
    git(tmp_path, "init", "-q")
    clean = check()
    (tmp_path / "new.txt").touch()
    changed = check()

    assert (before.name, before.ok) == ("git", False)
    assert "not a git repository" in before.text
    assert (clean.ok, clean.text) == (True, "clean")
    assert (changed.ok, changed.text) == (True, "1 changed file in the checkout, left alone")


def test_HK6_disk_names_itself_below_a_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.LEAST_DISK == 1_000_000_000
    check = free_disk((tmp_path / "trees" / "not" / "there", tmp_path))
    monkeypatch.setattr(health, "LEAST_DISK", 1)

    enough = check()
    monkeypatch.setattr(health, "LEAST_DISK", 10**18)
    low = check()

    assert (enough.name, enough.ok) == ("disk", True)
    assert (low.name, low.ok) == ("disk", False)
    assert low.text.startswith("only ")
    assert low.text.endswith("GB is needed.")


def test_HK6_memory_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    check = free_memory()
    monkeypatch.setattr(health, "LEAST_MEMORY", 1)

    enough = check()
    monkeypatch.setattr(health, "LEAST_MEMORY", 10**18)
    low = check()

    assert (enough.name, enough.ok) == ("memory", True)
    assert (low.name, low.ok) == ("memory", False)


def test_HK6_claude_names_itself_where_there_is_none(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    cli.write_text("#!/bin/sh\n")
    cli.chmod(0o755)

    there, missing = claude_there(str(cli), "")(), claude_there(str(tmp_path / "none"), "")()

    assert there == Finding("claude", ok=True, text=str(cli))
    assert (missing.name, missing.ok) == ("claude", False)
    assert missing.text.startswith("Claude Code CLI not found: AI_READY_CLAUDE names ")


def test_HK6_the_source_names_itself_when_it_does_not_answer() -> None:
    def broken() -> None:
        raise SourceUnavailable("Linear gave no answer within 30 s.")

    assert source_reached("linear", lambda: None)() == Finding("linear", ok=True, text="reached")
    assert source_reached("linear", broken)() == Finding("linear", ok=False, text="Linear gave no answer within 30 s.")


def test_each_check_that_fails_is_a_warning_and_nothing_more() -> None:
    warned: list[str] = []
    checks = [
        lambda: Finding("git", ok=True, text="clean"),
        lambda: Finding("disk", ok=False, text="only 0.1 GB free."),
    ]

    findings = Health(tuple(checks), warned.append).look(Cancel())

    assert [each.name for each in findings] == ["git", "disk"]
    assert warned == ["Health: disk: only 0.1 GB free."]


def test_HK3_the_users_health_check_runs_again_and_again_while_a_long_task_runs(tmp_path: Path) -> None:
    hook = tmp_path / "health_check.sh"
    hook.write_text("#!/bin/sh\necho x >> looked\necho no room for the agent\nexit 1\n")
    hook.chmod(0o755)
    hooks = Hooks(tmp_path, tmp_path, ENVIRON, lambda _: None)
    warned: list[str] = []
    looked = tmp_path / "looked"

    watch = Health((), warned.append, lambda cancel: hooks.health_check("ada", None, cancel), interval=0.01)
    with watch.watched():  # the main thread is at work on a task meanwhile
        until(lambda: len(warned) >= 2)
    times = len(looked.read_text().splitlines())

    assert times >= 2
    assert warned[0] == "Health: health_check: The hook health_check said no (exit code 1): no room for the agent"
    assert not [thread for thread in threading.enumerate() if thread.name == "health"]


def test_what_a_health_check_raises_is_a_warning_and_the_watch_goes_on() -> None:
    """A record of the runner that is torn, a folder that may not be read: said, each time."""
    warned: list[str] = []

    def hook(_cancel: Cancel) -> None:
        raise UnreadableState("claims/me.json can't be understood") if len(warned) < 2 else PermissionError(13, "no")

    with Health(checks=(), warn=warned.append, hook=hook, interval=0.01).watched():
        until(lambda: len(warned) > 3)

    assert warned[0] == "Health: health_check: claims/me.json can't be understood"


def test_the_watch_ends_with_the_run_also_in_the_middle_of_a_hook(tmp_path: Path) -> None:
    hook = tmp_path / "health_check"
    hook.write_text("#!/bin/sh\ntouch began\nsleep 1000\n")
    hook.chmod(0o755)
    hooks = Hooks(tmp_path, tmp_path, ENVIRON, lambda _: None)
    warned: list[str] = []

    watch = Health((), warned.append, lambda cancel: hooks.health_check("ada", None, cancel), interval=0.01)
    with watch.watched():
        until((tmp_path / "began").exists)

    assert not [thread for thread in threading.enumerate() if thread.name == "health"]
    assert warned == []
