"""`ai-ready init` as a process: the real CLI with a scripted model, in folders with and without git; kill -9 on the way."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.core.specs.spec import read_spec
from bot.initializer import InitializerConfig, ProjectInitializer
from bot.initializer.state import MARKER, PROGRESS, SHOWN
from bot.sandbox.model import Scene, Script, ScriptedModel, done, read, serve_model, structured, write
from bot.trackers.file_source import FileTracker
from tests.core.plans_of_specs import TAGGED, answer, answer_to, entry
from tests.job.stage import git

pytestmark = pytest.mark.needs_root

ROOT = Path(__file__).parents[2]
KEY = "sk-ant-api03-local-key-that-opens-nothing-000000000000000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "spec.md").write_text(TAGGED)
    return tmp_path / "shop"


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    scenes = (
        Scene("[AUTH-1.1] Create user model", read("README.md"), structured(answer_to(read_spec(TAGGED)))),
        Scene("Many", structured(answer(*(entry(f"MANY-1.{n}", f"Step {n}") for n in range(1, 41))))),
        Scene("", structured(answer(problem="It is a shopping list."))),
    )
    with serve_model(Script(*scenes)) as served:
        yield served


def environ(folder: Path, model: ScriptedModel | None) -> dict[str, str]:
    there = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "PYTHONPATH": str(ROOT)}
    return there | ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url} if model else {})


def init(folder: Path, model: ScriptedModel | None, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "bot", "init", *words)
    env: Mapping[str, str] = {**environ(folder, model), **more}
    return subprocess.run(
        argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )


def titles(folder: Path) -> list[str]:
    return sorted(task.title for task in FileTracker(folder / ".ai-ready" / "tasks", "me").list().tasks)


def test_IN1_IN6_CL1_a_spec_becomes_tasks_in_a_repository(folder: Path, model: ScriptedModel) -> None:
    """The agent reads what is committed, and nothing else; tags and titles are the spec's own."""
    git(folder, "init", "-q")
    (folder / "README.md").write_text("A shop that is committed.\n")
    git(folder, "add", "README.md")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "README.md").write_text("Not committed.\n")
    ran = init(folder, model, "--spec", "spec.md", "--project-name", "My App", "--yes")

    assert ran.returncode == 0, ran.stderr
    assert "5 tasks in 2 phases (5 new)" in ran.stdout
    assert titles(folder)[0] == "META: My App"
    assert titles(folder)[1:] == [line[2:] for line in TAGGED.splitlines() if line.startswith("- ")]
    assert json.loads((folder / MARKER).read_text())["total_tasks"] == 5
    asked = json.dumps([request.body for request in model.requests])
    assert "A shop that is committed." in asked
    assert "Not committed." not in asked
    assert git(folder, "status", "--porcelain", "README.md") == "M README.md"


def test_IN4_IN6_the_runner_does_what_was_made_in_order_and_never_META(folder: Path) -> None:
    """`init`, then `start`: the spec's own two tasks, each with a fresh agent, on branches."""
    spec = read_spec("## Phase 1: Core\n- [AUTH-1.1] Create model\n- [AUTH-1.2] Log in\n")
    (folder / "spec.md").write_text(spec.text)
    (folder / ".github").mkdir()
    (folder / ".github" / "ai-ready.yml").write_text("checks: {test: 'true'}\n")
    git(folder, "init", "-q", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    scenes = [
        Scene(f"# [{tag.key}] {tag.title}", write(f"{tag.key}.txt", "x\n"), done("Ok."), also="You are working on")
        for tag in spec.tags
    ]
    planning = Scene("You turn a specification into tasks", structured(answer_to(spec)))
    with serve_model(Script(planning, *scenes)) as served:
        assert init(folder, served, "--spec", "spec.md", "--yes").returncode == 0
        argv = (sys.executable, "-m", "bot", "start", "--exit-when-idle")
        env = environ(folder, served)
        ran = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    tasks = {task.title: task.status.value for task in FileTracker(folder / ".ai-ready" / "tasks", "me").list().tasks}
    assert tasks == {"META: Spec": "todo", "[AUTH-1.1] Create model": "done", "[AUTH-1.2] Log in": "done"}
    assert git(folder, "ls-tree", "--name-only", "ai/task-AUTH-1.2").splitlines()[-3:] == [
        "AUTH-1.1.txt",
        "AUTH-1.2.txt",
        "spec.md",
    ]
    assert "Starting META" not in ran.stdout


def test_IN1_a_missing_file_ends_with_1(folder: Path) -> None:
    ran = init(folder, None, "--spec", "nothing.md", "--yes")

    assert (ran.returncode, ran.stderr) == (
        1,
        "ai-ready: There is no file nothing.md: say where the spec is with --spec.\n",
    )


def test_IN3_a_second_time_needs_no_key_and_changes_nothing(folder: Path, model: ScriptedModel) -> None:
    assert init(folder, model, "--spec", "spec.md", "--yes").returncode == 0
    asked = len(model.requests)
    again = init(folder, None, "--spec", "spec.md")

    assert (again.returncode, again.stderr) == (0, "")
    assert "Spec was initialized on" in again.stdout
    assert "Nothing was changed." in again.stdout
    assert len(model.requests) == asked
    forced = init(folder, model, "--spec", "spec.md", "--yes", "--force")
    assert "Spec: 0 made, 0 updated." in forced.stdout
    assert len(titles(folder)) == 6


def test_IN9_no_plan_is_exit_1_with_the_answer_kept(folder: Path, model: ScriptedModel) -> None:
    (folder / "list.md").write_text("Milk, eggs.\n")
    ran = init(folder, model, "--spec", "list.md", "--yes")

    assert ran.returncode == 1
    assert (
        "No task was made: The agent says that there is nothing to plan in this.\nIt is a shopping list." in ran.stderr
    )
    kept = folder / ".ai-ready" / "local" / "init-answer.txt"
    assert str(kept) in ran.stderr
    assert json.loads(kept.read_text())["problem"] == "It is a shopping list."
    assert not (folder / MARKER).exists()


def test_somebody_has_to_agree_before_anything_is_spent(folder: Path, model: ScriptedModel) -> None:
    ran = init(folder, model, "--spec", "spec.md")
    assert (ran.returncode, model.requests) == (2, [])
    assert "Somebody has to agree to the plan: add --yes" in ran.stderr

    shown = init(folder, model, "--spec", "spec.md", "--dry-run")
    assert (shown.returncode, titles(folder) if (folder / ".ai-ready" / "tasks").exists() else []) == (0, [])
    assert "**AUTH-1.1** Create user model" in shown.stdout
    nobody = init(folder, None, "--spec", "spec.md")
    assert (nobody.returncode, "Somebody has to agree" in nobody.stderr) == (2, True)
    (folder / SHOWN).unlink()
    keyless = init(folder, None, "--spec", "spec.md", "--yes")
    assert (keyless.returncode, "API key not found" in keyless.stderr) == (2, True)
    lost = init(folder, model, "--spec", "spec.md", "--yes", AI_READY_CLAUDE="/nowhere/claude")
    assert (lost.returncode, "AI_READY_CLAUDE names /nowhere/claude" in lost.stderr) == (1, True)


def test_scripted_needs_nothing(folder: Path) -> None:
    """In an empty folder, with a spec that is not there."""
    (folder / "spec.md").unlink()
    ran = init(folder, None, "--spec", "spec.md", "--scripted", "--yes")

    assert ran.returncode == 0, ran.stderr
    assert "Scripted: no model is asked." in ran.stdout
    assert len(titles(folder)) == 4


def test_a_scripted_plan_is_never_taken_for_a_models(folder: Path, model: ScriptedModel) -> None:
    init(folder, None, "--spec", "spec.md", "--scripted", "--dry-run")
    ran = init(folder, model, "--spec", "spec.md", "--dry-run")

    assert ran.returncode == 0, ran.stderr
    assert len(model.requests) > 0
    assert "This plan was made on" not in ran.stdout


@pytest.mark.parametrize("name", [PROGRESS, SHOWN])
def test_a_plan_that_came_with_a_clone_is_not_carried_out(folder: Path, model: ScriptedModel, name: str) -> None:
    """Nobody here agreed to it, whatever the file says."""
    git(folder, "init", "-q")
    init(folder, model, "--spec", "spec.md", "--dry-run")
    (folder / SHOWN).rename(folder / name)
    git(folder, "add", "--force", name)

    ran = init(folder, model, "--spec", "spec.md", "--yes")

    assert ran.returncode == 2
    assert f"{name} is in git" in ran.stderr
    assert titles(folder) == []
    git(folder, "rm", "-q", "--cached", name)
    assert init(folder, model, "--spec", "spec.md", "--yes").returncode == 0


@pytest.mark.parametrize("name", ["init.lock", "init-answer.txt"])
def test_a_link_that_came_with_the_checkout_leads_to_nothing(folder: Path, model: ScriptedModel, name: str) -> None:
    """Nobody's file outside is emptied, or gets the agent's words."""
    (folder / ".ai-ready" / "local").mkdir(parents=True)
    (folder.parent / ".bashrc").write_text("mine\n")
    (folder / ".ai-ready" / "local" / name).symlink_to(folder.parent / ".bashrc")
    (folder / "list.md").write_text("Milk, eggs.\n")

    ran = init(folder, model, "--spec", "list.md", "--yes")

    assert ran.returncode == (2 if name == "init.lock" else 1)
    assert "Traceback" not in ran.stderr
    assert (folder.parent / ".bashrc").read_text() == "mine\n"


def test_killed_for_real_it_goes_on_and_makes_nothing_twice(folder: Path, model: ScriptedModel) -> None:
    """kill -9 while tasks are being made, and another at the same time is refused."""
    (folder / "spec.md").write_text("Many small steps.\n")
    argv = (sys.executable, "-m", "bot", "init", "--spec", "spec.md", "--yes")
    tasks = folder / ".ai-ready" / "tasks"
    for wanted in (1, 12):
        process = subprocess.Popen(
            argv, cwd=folder, env=environ(folder, model), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 240
        while len([*tasks.glob("*.md")] if tasks.exists() else []) < wanted and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        if wanted == 1:
            other = init(folder, model, "--spec", "spec.md", "--yes")
            assert process.poll() is not None or "Another `ai-ready init` is at work here" in other.stderr
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert init(folder, None, "--spec", "spec.md").returncode == 0

    assert titles(folder) == sorted(["META: Spec", *(f"[MANY-1.{n}] Step {n}" for n in range(1, 41))])
    assert json.loads((folder / MARKER).read_text())["sessions"][0]["created"] == 40
    assert not (folder / PROGRESS).exists()


def test_IN10_CL4_the_words_of_the_runner_before(
    folder: Path, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environ(folder, model).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    (folder / "requirements.md").write_text(TAGGED)

    init_config = InitializerConfig(model="claude-opus-4-20250514", backend="claude-code")
    initializer = ProjectInitializer(init_config)
    result = initializer.initialize("requirements.md", project_name="My App")
    print(f"Created {result.tasks_created} tasks")

    assert capsys.readouterr().out == "Created 5 tasks\n"
    assert (result.success, result.error, len(result.task_ids)) == (True, "", result.tasks_created)
    assert result.tasks_created == len(titles(folder)) - 1
    ProjectInitializer(InitializerConfig(model="haiku")).initialize("requirements.md", force=True)
    assert "haiku" in model.requests[-1].body["model"]
    missing = initializer.initialize("nothing.md")
    assert (missing.success, missing.tasks_created) == (False, 0)
    assert missing.error.startswith("There is no file nothing.md")


@pytest.mark.parametrize(
    ("tracker", "sentence"),
    [
        ("{type: github, repo: acme/shop}", "put it into an issue and comment `/ai init` on that"),
        ("{type: headless-pm}", "give the task source the `feature_id` for new ones"),
        ("{type: linear}", "Could not initialize state provider: API key not found: LINEAR_API_KEY"),
    ],
)
def test_CF3_a_source_that_could_not_take_the_tasks_is_refused_first(
    folder: Path, model: ScriptedModel, tracker: str, sentence: str
) -> None:
    (folder / ".github").mkdir()
    (folder / ".github" / "ai-ready.yml").write_text(f"tracker: {tracker}\n")
    ran = init(folder, model, "--spec", "spec.md", "--yes")

    assert (ran.returncode, model.requests) == (2, [])
    assert sentence in ran.stderr


@pytest.mark.parametrize(("answer_", "made"), [("y", 5), ("n", 0)])
def test_a_person_is_asked_on_a_terminal(folder: Path, model: ScriptedModel, answer_: str, made: int) -> None:
    """A real one (pty): the plan is shown, then the question."""
    import pty  # noqa: PLC0415

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (sys.executable, "-m", "bot", "init", "--spec", "spec.md"),
        cwd=folder,
        env=environ(folder, model),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"Make these in the task source file? [y/N]:" not in said:
        said += os.read(ours, 4096)
    os.write(ours, f"{answer_}\n".encode())
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while data := os.read(ours, 4096):
            said += data
    os.close(ours)

    assert process.wait(timeout=240) == 0
    assert b"**AUTH-1.1** Create user model" in said
    there = titles(folder) if (folder / ".ai-ready" / "tasks").exists() else []
    assert len(there) == (made + 1 if made else 0)
