"""Attempts with the real Claude CLI and a scripted model: as another user, behind the key proxy, in a tree of their own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.config import laptop_env
from bot.local.ports import Result
from bot.local.settings import Flags
from bot.local.task_run import TaskRun
from bot.progress.events import AgentBegan
from bot.sandbox.model import Scene, Script, ScriptedModel, Turn, bash, done, say, serve_model, write
from bot.trackers.tracker import Task
from tests.local.run_stage import Laptop, killed, make_laptop

pytestmark = pytest.mark.needs_root

TEXT = """---
status: todo
---
# [AUTH-1.2] Limit the rate of logins

After five wrong passwords an address waits.

## Acceptance Criteria

- Five wrong passwords in a minute lock an address
- The lock ends after ten minutes
- A right password resets the count
- It is documented

## Plan

Count in the store.

## Test Steps

1. Log in wrongly five times
2. See the sixth refused
3. Wait, and log in
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    """Its work trees are where another user may pass."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user")
    made = make_laptop(tmp_path / "ann", config="agent: {max_turns: 20}\nchecks: {test: test -e hello.py}\n")
    trees = Path(tempfile.mkdtemp(prefix="trees-"))
    trees.chmod(0o755)
    made.environ["HEADLESS_PM_WORKTREE_BASE"] = str(trees)
    yield made
    shutil.rmtree(trees)


@contextmanager
def modelled(laptop: Laptop, *turns: Turn) -> Iterator[ScriptedModel]:
    with serve_model(Script(Scene("", *turns))) as model:
        laptop.environ["ANTHROPIC_BASE_URL"] = model.url
        yield model


def attempt(laptop: Laptop, task: Task, number: int = 1, cancel: Cancel | None = None) -> Result:
    """One, by the real CLI."""
    run = TaskRun(laptop.settings, laptop_env(laptop.environ), laptop.lines.append)
    return run(task, laptop.attempt(task, number), laptop.watch(cancel))


def left(laptop: Laptop) -> list[Path]:
    return list(Path(laptop.environ["HEADLESS_PM_WORKTREE_BASE"]).glob("*/*"))


def test_RU2_RU3_RU15_TF1_TF3_MO1_claude_does_the_task_as_another_user(laptop: Laptop) -> None:
    """Written, checked by us, one commit on the branch, nothing left; the prompt has everything that is wanted."""
    laptop.commit({"CLAUDE.md": "Indent with tabs.\n" + "x" * 200_000})
    laptop.flags = Flags(role="backend_dev")
    turns = (write("hello.py", "print('hello')\n"), bash("id -u; ls -a; git log --oneline"), done("It greets."))
    with modelled(laptop, *turns) as model:
        result = attempt(laptop, laptop.task("limit", TEXT))

    assert result.outcome.verdict == "done", (result, laptop.lines)
    assert result.outcome.isolation.startswith("uid ")
    assert result.outcome.usd > 0
    assert laptop.show(result.commit, "hello.py") == "print('hello')"
    assert left(laptop) == []
    prompt = json.dumps(model.requests[0].body)
    # Title, description, all criteria and steps, the plan, the project's guide (bounded), the role:
    for words in (
        "task limit of shop",
        "[AUTH-1.2] Limit the rate of logins",
        "an address waits",
        "lock an address",
        "It is documented",
        "See the sixth refused",
        "Count in the store",
        "Indent with tabs",
        "You work as a backend developer",
    ):
        assert words in prompt, words
    assert prompt.count("x" * 1000) < 100
    assert model.requests[0].body["model"].startswith("claude-opus")


def test_RU6_only_the_structured_answer_counts(laptop: Laptop) -> None:
    """Prose that says `done`, `complete` and `completed` with work beside it is no Done; the work is on the branch."""
    prose = say("The task is done. It is complete: task completed successfully!")
    with modelled(laptop, write("hello.py", "1\n"), prose):
        result = attempt(laptop, laptop.task("prose", TEXT))

    assert (result.outcome.verdict, result.outcome.reason) == ("blocked", "agent-error"), result
    assert laptop.show(result.branch, "hello.py") == "1"


def test_IN7_every_task_has_a_session_of_its_own(laptop: Laptop) -> None:
    """Another session id, and nothing of the first task in what the model reads for the second."""
    with modelled(laptop, write("hello.py", "1\n"), done("The first is done.")) as model:
        attempt(laptop, laptop.task("one", TEXT.replace("AUTH-1.2", "ONE-1.1")))
        read = len(model.requests)
        attempt(laptop, laptop.task("two", TEXT.replace("AUTH-1.2", "TWO-1.1")))

    sessions = [event.session for event in laptop.heard if isinstance(event, AgentBegan)]
    assert len(set(sessions)) == 2
    later = json.dumps([request.body for request in model.requests[read:]])
    assert "TWO-1.1" in later
    assert "ONE-1.1" not in later


def test_LI1_a_task_has_so_many_seconds(laptop: Laptop) -> None:
    """The agent and all that it started are ended; the sentence is the seeds'; the work is on the branch."""
    laptop.environ["AI_DEV_LOOP_TIME_LIMIT"] = "6"
    slow = bash("echo 1 > hello.py; sleep 987654", timeout=600_000)
    with modelled(laptop, slow, done("never")):
        result = attempt(laptop, laptop.task("slow", TEXT))

    assert (result.outcome.reason, result.outcome.text) == ("timed-out", "The agent timed out after 6 seconds.")
    assert laptop.show(result.branch, "hello.py") == "1"
    assert subprocess.run(("pgrep", "-f", "sleep 987654"), check=False, capture_output=True).stdout == b""
    assert left(laptop) == []


def test_LI2_a_task_has_so_many_dollars(laptop: Laptop) -> None:
    """Stopped and Blocked when what it costs reaches the limit; the work is on the branch."""
    laptop.environ["AI_DEV_LOOP_COST_LIMIT"] = "0.5"
    dear = Turn(tools=bash("true").tools, usage={"output_tokens": 200_000})
    with modelled(laptop, write("hello.py", "1\n"), dear, done("never")):
        result = attempt(laptop, laptop.task("dear", TEXT))

    assert result.outcome.reason == "over-budget", result
    assert "limit of $0.50" in result.outcome.text
    assert laptop.show(result.branch, "hello.py") == "1"


def test_RP6_a_stopped_runner_saves_what_claude_did(laptop: Laptop) -> None:
    """Told to stop in the middle: Blocked (cancelled), the files are a commit on the branch, no process is left."""
    cancel = Cancel()

    def stop(*_: object) -> None:
        if any((tree / "shop" / "hello.py").exists() for tree in left(laptop)):
            cancel.set()

    with modelled(laptop, write("hello.py", "1\n"), bash("sleep 876543", timeout=600_000), done("never")):
        run = TaskRun(laptop.settings, laptop_env(laptop.environ), laptop.lines.append)
        task = laptop.task("stop", TEXT)
        watch = laptop.watch(cancel)
        result = run(task, laptop.attempt(task), type(watch)(cancel, (stop,)))

    assert result.outcome.reason == "cancelled", result
    assert laptop.show(result.branch, "hello.py") == "1"
    assert left(laptop) == []


def test_RP4_a_killed_runner_s_claude_is_ended_and_its_work_saved(laptop: Laptop) -> None:
    """SIGKILL while Claude runs a command as another user: the next try ends that, takes the files and goes on."""
    task = laptop.task("killed", TEXT)
    with modelled(laptop, write("half.py", "1\n"), bash("touch ready; sleep 765432", timeout=600_000), done("never")):

        def act() -> None:
            def die() -> None:
                while not any((tree / "shop" / "ready").exists() for tree in left(laptop)):
                    time.sleep(0.05)
                os.kill(os.getpid(), signal.SIGKILL)

            threading.Thread(target=die, daemon=True).start()
            attempt(laptop, task)

        killed(act)
    orphans = subprocess.run(("pgrep", "-f", "sleep 765432"), check=False, capture_output=True).stdout
    with modelled(laptop, write("hello.py", "1\n"), done("The rest.")):
        result = attempt(laptop, task)

    assert orphans, "the kill came too late to prove anything"
    assert result.outcome.verdict == "done", (result, laptop.lines)
    assert laptop.show(result.commit, "half.py") == "1"
    assert left(laptop) == []
    end = time.monotonic() + 10
    while subprocess.run(("pgrep", "-f", "sleep 765432"), check=False, capture_output=True).stdout:
        assert time.monotonic() < end
