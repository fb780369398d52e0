"""The user's own commands: real executables, with real time limits and process groups."""

import json
import os
import re
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.core.run import Outcome
from bot.core.secret import Secret
from bot.local.hooks import HookFailed, Hooks, about_health, after, before, hook_environment
from bot.local.ports import Attempt, Result
from bot.local.settings import Flags, read_settings
from bot.local.source import open_source
from bot.trackers.tracker import Status, Task, TrackerError

TASK = Task("TASK-3", "TASK-3", "[AUTH-1.2] Limit “logins”", Status.TODO, "r1")
ATTEMPT = Attempt(
    "TASK-3", "TASK-3", "ada", "3-S1-1", "ai/task-3", Path("/trees/task-3"), datetime(2026, 11, 21, tzinfo=UTC), 2
)
DONE = Result(Outcome("3-S1-1", "done", usd=0.41999, seconds=61.24), "ai/task-3", "c0ffee", "https://x.example/pull/31")


class Place:
    """A checkout with a folder of hooks beside it, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.folder = folder / "checkout", folder / "hooks"
        self.checkout.mkdir()
        self.folder.mkdir()
        self.said: list[str] = []
        self.hooks = Hooks(self.folder, self.checkout, {"PATH": os.environ["PATH"]}, self.said.append, seconds=60)

    def hook(self, name: str, script: str, mode: int = 0o755) -> Path:
        path = self.hooks.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(mode)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


KEEP = "#!/bin/sh\ncat > told.json\n"


def test_HK1_pre_task_reads_json_and_lets_the_task_be_claimed(place: Place) -> None:
    place.hook("pre_task.sh", KEEP)

    place.hooks.pre_task(TASK, ATTEMPT, Cancel())

    told = json.loads((place.checkout / "told.json").read_text())
    assert told == before(TASK, ATTEMPT)
    assert told == {
        "version": 1,
        "hook": "pre_task",
        "task_id": "TASK-3",
        "name": "TASK-3",
        "title": "[AUTH-1.2] Limit “logins”",
        "status": "todo",
        "agent": "ada",
        "attempt": 2,
        "branch": "ai/task-3",
        "worktree": "/trees/task-3",
    }


def test_HK1_a_pre_task_that_says_no_is_an_error_with_its_last_line(place: Place) -> None:
    place.hook("pre_task.py", "#!/usr/bin/env python3\nprint('looking')\nprint('ERROR: Low disk space\\n')\nexit(3)\n")

    with pytest.raises(HookFailed) as no:
        place.hooks.pre_task(TASK, ATTEMPT, Cancel())

    assert str(no.value) == "The hook pre_task said no (exit code 3): ERROR: Low disk space"
    assert place.said[:2] == ["pre_task: looking", "pre_task: ERROR: Low disk space"]


def test_HK2_post_task_reads_what_came_of_it(place: Place) -> None:
    place.hook("post_task", KEEP)

    place.hooks.post_task(replace(TASK, status=Status.DONE), ATTEMPT, DONE)

    told = json.loads((place.checkout / "told.json").read_text())
    assert told == after(replace(TASK, status=Status.DONE), ATTEMPT, DONE)
    assert (told["task_id"], told["title"]) == (TASK.id, TASK.title)
    assert (told["success"], told["execution_time"]) == (True, 61.2)
    assert (told["verdict"], told["reason"], told["usd"]) == ("done", "", 0.42)
    assert told["pull"] == "https://x.example/pull/31"


def test_HK2_a_post_task_that_fails_is_said(place: Place) -> None:
    place.hook("post_task", "#!/bin/sh\nexit 1\n")

    with pytest.raises(HookFailed, match="The hook post_task said no \\(exit code 1\\), without a word"):
        place.hooks.post_task(TASK, ATTEMPT, DONE)


def test_HK3_health_check_reads_what_is_under_way(place: Place) -> None:
    place.hook("health_check", KEEP)

    place.hooks.health_check("ada", ATTEMPT, Cancel())

    told = json.loads((place.checkout / "told.json").read_text())
    assert told == about_health("ada", ATTEMPT)
    assert (told["agent"], told["task_id"]) == ("ada", "TASK-3")


def test_HK4_a_slow_hook_is_killed_with_all_it_started(place: Place) -> None:
    place.hook("pre_task", "#!/bin/sh\nsleep 1000 &\necho $! > child\nwait\n")
    hooks = replace(place.hooks, seconds=1)
    began = time.monotonic()

    with pytest.raises(HookFailed, match="pre_task took longer than 1 s and was stopped, with everything"):
        hooks.pre_task(TASK, ATTEMPT, Cancel())

    assert time.monotonic() - began < 60
    child = int((place.checkout / "child").read_text())
    end = time.monotonic() + 60
    while alive(child):  # a signal that was sent need not have arrived
        assert time.monotonic() < end
        time.sleep(0.01)


def test_HK5_hooks_come_from_their_folder_only(place: Place, tmp_path: Path) -> None:
    for elsewhere in (place.checkout / "hooks", place.checkout / ".ai-ready" / "hooks", tmp_path):
        elsewhere.mkdir(parents=True, exist_ok=True)
        (elsewhere / "pre_task").write_text("#!/bin/sh\nexit 1\n")
        (elsewhere / "pre_task").chmod(0o755)

    place.hooks.pre_task(TASK, ATTEMPT, Cancel())
    replace(place.hooks, folder=tmp_path / "not-there").pre_task(TASK, ATTEMPT, Cancel())

    assert place.said == []


def test_a_hook_is_not_taken_from_a_branch_that_an_agent_wrote(place: Place) -> None:
    git(place.checkout, "init", "-q", "-b", "main")
    inside = Hooks(place.checkout / "hooks", place.checkout, place.hooks.environ, place.said.append)
    place.hooks = inside
    place.hook("pre_task", KEEP)
    inside.pre_task(TASK, ATTEMPT, Cancel())
    (place.checkout / "told.json").unlink()

    git(place.checkout, "symbolic-ref", "HEAD", "refs/heads/ai/task-9")

    with pytest.raises(HookFailed, match=r"on ai/task-9, which an agent wrote.+--hooks-dir"):
        inside.pre_task(TASK, ATTEMPT, Cancel())
    assert not (place.checkout / "told.json").exists()


def test_a_cancel_ends_a_hook(place: Place) -> None:
    place.hook("pre_task", "#!/bin/sh\ntouch began\nsleep 1000\n")
    cancel = Cancel()

    def when_it_began() -> None:
        while not (place.checkout / "began").exists():
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=when_it_began).start()

    with pytest.raises(HookFailed, match="pre_task was stopped before it had ended"):
        place.hooks.pre_task(TASK, ATTEMPT, cancel)


@pytest.mark.parametrize(
    ("name", "script", "mode", "words"),
    [
        ("pre_task.py", "#!/bin/sh\n", 0o644, r"can't be executed: run `chmod \+x .+pre_task.py`"),
        ("pre_task.py", "#!/no/such/python\n", 0o755, "pre_task.py could not be started .+: its first line must name"),
        ("pre_task.py", "#!/usr/bin/env no-such-python\n", 0o755, "no-such-python.+: its first line must name"),
        ("pre_task", "exit 0\n", 0o755, "could not be started .+Exec format error"),
    ],
    ids=["not executable", "no interpreter", "env finds none", "no first line"],
)
def test_a_hook_that_can_not_run_is_a_no_and_says_what_to_do(
    place: Place, name: str, script: str, mode: int, words: str
) -> None:
    place.hook(name, script, mode)

    with pytest.raises(HookFailed, match=words):
        place.hooks.pre_task(TASK, ATTEMPT, Cancel())


def test_problems_of_hooks_are_known_at_the_start(place: Place, tmp_path: Path) -> None:
    place.hook("pre_task.sh", "#!/bin/sh\n", 0o644)
    place.hook("pre_task.md", "words")
    place.hook("post_task~", "#!/bin/sh\n", 0o644)
    (place.folder / "health_check").mkdir()

    problems = place.hooks.problems()

    assert len(problems) == 2
    assert problems[0].endswith("(pre_task.md and pre_task.sh): keep one of them.")
    assert problems[1].endswith("health_check is not a file.")
    file = tmp_path / "file"
    file.touch()
    assert replace(place.hooks, folder=file).problems() == (f"{file} is not a folder, so there can be no hooks in it.",)


def test_the_output_of_a_hook_is_bounded_and_without_terminal_codes(place: Place) -> None:
    place.hook(
        "pre_task",
        "#!/usr/bin/env python3\nprint('\\x1b[31mred\\x1b]0;title\\x07')\nfor _ in range(5000): print('x' * 5000)\n",
    )

    place.hooks.pre_task(TASK, ATTEMPT, Cancel())

    assert place.said[0] == "pre_task: red"
    assert len(place.said) == 101
    assert place.said[-1] == "pre_task: (the rest of its output is not shown)"
    assert max(map(len, place.said)) <= 520


def test_a_hook_gets_the_users_environment_without_our_secrets(place: Place) -> None:
    secrets = (Secret("sk-ant-canary-1"), Secret("lin_canary_2"), Secret(""))
    users = {"PATH": os.environ["PATH"], "MINE": "yes", "ANTHROPIC_API_KEY": "sk-ant-canary-1", "X": "a:lin_canary_2@b"}
    place.hook("pre_task", "#!/bin/sh\nenv > env.txt\n")

    replace(place.hooks, environ=hook_environment(users, secrets)).pre_task(TASK, ATTEMPT, Cancel())

    seen = (place.checkout / "env.txt").read_text()
    assert "MINE=yes" in seen
    assert "canary" not in seen


def test_the_command_of_a_task_source_gets_no_secret_of_ours_either(tmp_path: Path) -> None:
    """`backlog` is a package of others', with all that it was built of."""
    seen = tmp_path / "seen"
    command = tmp_path / "backlog"
    command.write_text(f"#!/bin/sh\nenv > {seen}\n")
    command.chmod(0o755)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ai-ready.yml").write_text(f"tracker: {{type: backlog, command: {command}}}\n")
    keys = {"ANTHROPIC_API_KEY": "sk-ant-canary", "GITHUB_TOKEN": "ghp_canary", "LINEAR_API_KEY": "lin_canary"}
    environ = {"PATH": os.environ["PATH"], "MINE": "stays", **keys}

    tracker = open_source(read_settings(Flags(), environ, tmp_path), environ)
    with pytest.raises(TrackerError):
        tracker.list()

    assert "MINE=stays" in seen.read_text()
    assert "canary" not in seen.read_text()


def test_the_documented_json_has_the_keys_that_hooks_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text()

    documented = [list(json.loads(block)) for block in re.findall(r"```json\n(.+?)```", page, re.DOTALL)]

    first = list(before(TASK, ATTEMPT))
    more = [key for key in after(TASK, ATTEMPT, DONE) if key not in first]
    assert documented == [first, more, list(about_health("ada", None))]


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def git(folder: Path, *words: str) -> None:
    subprocess.run(("git", *words), cwd=folder, check=True, capture_output=True, timeout=60)
