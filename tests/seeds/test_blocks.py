"""The commands of the documentation of the systems before, pasted: only names are replaced (docs/migrating.md).

The agent is the real Claude CLI; what its model says is scripted.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from bot.core.specs.spec import read_spec
from bot.sandbox.model import Scene, Script, ScriptedModel, Turn, bash, blocked, done, serve_model, structured, write
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import NewTask, Status
from tests.core.plans_of_specs import answer_to
from tests.job.stage import git
from tests.npm import installed, needs_npm
from tests.seeds.blocks import Block, blocks
from tests.seeds.project import Project
from tests.trackers.headless_pm_server import KEY, HeadlessPm
from tests.trackers.stages import HeadlessPmStage

pytestmark = pytest.mark.timeout(600)

CONFIG = next(each.text for each in blocks("yaml") if each.seed == "001")
TASK = next(each.text for each in blocks("markdown") if each.seed == "001")
TASKS = ".ai-agents/state/tasks"


def of(seed: str, *languages: str) -> list[Block]:
    return [each for each in blocks(*languages) if each.seed == seed]


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    login = Scene(
        "Add user authentication endpoint", write("login.py", "def login(): ...\n"), done("Added the endpoint.")
    )
    other = Scene("", write("other.py", "x = 1\n"), done("Did it."))
    with serve_model(Script(login, other)) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, model: ScriptedModel) -> Project:
    made = Project(tmp_path, model.url)
    made.write(".ai-agents/config.yml", CONFIG)
    made.write(f"{TASKS}/AUTH-1.1.md", TASK)
    return made


def tasks(project: Project) -> dict[str, Status]:
    listing = FileTracker(project.checkout / TASKS, "me").list()
    return {each.id: each.status for each in listing.tasks}


def test_CL1_CL2_LG2_the_commands_of_001(project: Project) -> None:
    said = {}
    for block in of("001", "bash"):
        ran = project.shell(block.text)
        assert ran.returncode == 0, (block, ran.stdout, ran.stderr)
        said[block.number] = ran.stdout

    assert tasks(project) == {"AUTH-1.1": Status.DONE}
    assert git(project.checkout, "show", "ai/task-AUTH-1.1:login.py") == "def login(): ..."
    running = said[5]
    assert "AUTH-1.1" in running
    assert "Tasks completed: 1" in running
    assert "No runner is at work in this checkout." in running
    assert "Everything is in order" in running
    assert said[11].count("AUTH-1.1") >= 2


@pytest.mark.parametrize("block", of("001", "python"), ids=str)
def test_CL4_the_program_of_001(project: Project, block: Block) -> None:
    ran = project.python(block.text)

    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    state, number, cost = ran.stdout.splitlines()
    assert (state, number) == ("State: completed", "Tasks: 1")
    assert float(cost.removeprefix("Cost: ")) > 0
    assert tasks(project) == {"AUTH-1.1": Status.DONE}


@pytest.mark.parametrize(
    "block",
    [each for each in of("002", "python") if "AutonomousRunnerSDK" in each.text and "async def" in each.text],
    ids=str,
)
def test_CL4_the_asynchronous_program_of_002(project: Project, block: Block) -> None:
    ran = project.python(block.text)

    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    assert tasks(project) == {"AUTH-1.1": Status.DONE}


def test_RU9_CL1_the_sdk_runner_stops_at_a_failure(tmp_path: Path) -> None:
    """Both commands of the block."""
    first, _, second = next(each.text for each in of("002", "bash") if "runner_sdk" in each.text).partition("# Or use")
    with serve_model(Script(Scene("", blocked("I can't.")))) as model:
        project = Project(tmp_path, model.url)
        project.write(".ai-agents/config.yml", CONFIG)
        for name in ("One", "Two"):
            project.write(f"{TASKS}/{name}.md", f"# {name}\n")
        ran = project.shell(first)
        assert (ran.returncode, tasks(project)) == (1, {"One": Status.BLOCKED, "Two": Status.TODO}), ran.stdout
        assert "State: error" in project.shell("python -m scripts.autonomous status").stdout

        ran = project.shell(f"# Or use{second}")
        assert (ran.returncode, tasks(project)) == (1, {"One": Status.BLOCKED, "Two": Status.BLOCKED}), ran.stdout


PROGRAMS = [
    each for each in blocks("python") if "runner.start()" in each.text and "ProjectInitializer" not in each.text
]


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_RP6_CL4_a_program_that_is_interrupted_leaves_its_task_to_be_taken_up(tmp_path: Path, block: Block) -> None:
    slow = Turn(text="Let me think.", delay=60)
    with serve_model(Script(Scene("", slow))) as model:
        project = Project(tmp_path, model.url)
        project.write(".ai-agents/config.yml", CONFIG)
        project.write(f"{TASKS}/AUTH-1.1.md", TASK)
        with project.program(block.text) as running:
            deadline = time.monotonic() + 120
            while not model.requests and time.monotonic() < deadline:
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=120)

        assert tasks(project) == {"AUTH-1.1": Status.IN_PROGRESS}
        resume = project.shell("python -m scripts.autonomous resume").stdout
        assert "takes up AUTH-1.1 again" in resume
        assert "State: stopped" in project.shell("python -m scripts.autonomous status").stdout


# ------------------------------------------------------------------------------------- 002: the two agents

SPEC = """# Authentication

## Phase 1: Core Authentication
- [AUTH-1.1] Create user model and database schema
- [AUTH-1.2] Implement login endpoint
"""


@pytest.fixture
def two_agents(tmp_path: Path) -> Iterator[Project]:
    """A spec, a model that plans it, and one that works."""
    plans = Scene("", structured(answer_to(read_spec(SPEC))), also="turn a specification into tasks")
    works = Scene("", bash("echo more >> work.txt"), done("Did it."))
    with serve_model(Script(plans, works)) as model:
        project = Project(tmp_path, model.url)
        project.write(".ai-agents/config.yml", CONFIG)
        project.write("requirements.md", SPEC)
        project.write("spec.md", SPEC)
        project.commit("a spec")
        yield project


def test_CL1_IN1_IN3_RP2_LG4_the_commands_of_002(two_agents: Project) -> None:
    said = {}
    for block in of("002", "bash"):
        if "runner_sdk" in block.text:
            continue  # has a test of its own
        ran = two_agents.shell(block.text)
        assert ran.returncode == 0, (block, ran.stdout, ran.stderr)
        said[block.heading] = ran.stdout

    assert {name: status for name, status in tasks(two_agents).items() if name.startswith("AUTH")} == {
        "AUTH-1.1": Status.DONE,
        "AUTH-1.2": Status.DONE,
    }
    assert len(tasks(two_agents)) == 3  # META, and none twice
    assert git(two_agents.checkout, "show", "ai/task-AUTH-1.2:work.txt") == "more\nmore"
    others = said["Other Commands"]
    assert "Project: shop\nProvider: file\nTasks: 3" in others
    assert "Tasks completed: 2" in others
    assert "No runner is at work in this checkout." in others
    assert "Everything is in order" in others
    assert "✓ SDK ready" in said["Installation"]


def test_CL4_IN10_the_program_of_002(two_agents: Project) -> None:
    (block,) = [each for each in of("002", "python") if "ProjectInitializer" in each.text]

    ran = two_agents.python(block.text)

    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    assert ran.stdout.splitlines() == ["Created 2 tasks", "State: completed", "Tasks: 2"]
    assert len(tasks(two_agents)) == 3


# ------------------------------------------------------------------------------------------ 000: Backlog.md


class Watching(Script):
    """A script that keeps what a folder said when the model was asked."""

    def __init__(self, folder: Path, *scenes: Scene) -> None:
        super().__init__(*scenes)
        self.folder, self.seen = folder, list[str]()

    def next_turn(self, body: Mapping[str, Any]) -> Turn:
        self.seen += [line for path in self.folder.glob("*.md") for line in path.read_text().splitlines()]
        return super().next_turn(body)


@pytest.mark.parametrize(
    ("turns", "code", "status"),
    [((write("limit.py", "x = 5\n"), done("Limited it.")), 0, "Done"), ((blocked("Which limit?"),), 1, "Blocked")],
)
@needs_npm[0]
@needs_npm[1]
def test_TS2_TS3_TS4_RU1_RU5_one_task_of_backlog(
    tmp_path: Path, turns: tuple[Turn, ...], code: int, status: str
) -> None:
    project = Project(tmp_path, "")
    backlog = installed("backlog.md", "1.52.0").parent / ".bin" / "backlog"
    project.command("backlog", f'echo "$@" >> {tmp_path}/calls; PATH={os.environ["PATH"]} exec {backlog} "$@"')
    project.shell("backlog init Demo --defaults --agent-instructions none && backlog task create 'Limit the rate'")
    config = project.checkout / "backlog" / "config.yml"
    config.write_text(config.read_text().replace('"In Progress", "Done"', '"In Progress", "Blocked", "Done"'))
    project.commit("tasks")
    before = git(project.checkout, "rev-parse", "main")
    folder = project.checkout / "backlog" / "tasks"
    script = Watching(folder, Scene("Limit the rate", *turns))

    with serve_model(script) as model:
        project.environ["ANTHROPIC_BASE_URL"] = model.url
        ran = project.shell("BACKLOG_TASK_ID=task-1 python scripts/autonomous/headless_runner.py")

    assert ran.returncode == code, (ran.stdout, ran.stderr)
    assert "status: In Progress" in script.seen
    (task,) = folder.glob("*.md")
    assert f"status: {status}" in task.read_text().splitlines()
    assert ("Which limit?" in task.read_text()) is (code == 1)
    assert "task view task-1 --json" in (tmp_path / "calls").read_text()
    assert git(project.checkout, "rev-parse", "main") == before


# --------------------------------------------------------------------------------- 003, 004: Headless PM


def test_CL5_RU13_RU14_HK5_TS8_the_commands_of_003(tmp_path: Path, serve: Callable[[FastAPI], str]) -> None:
    stage = HeadlessPmStage("", HeadlessPm())
    stage.url = serve(stage.server.app())
    hooks = tmp_path / "hooks"
    with serve_model(Script(Scene("", write("hello.txt", "Hello World\n"), done("Greeted.")))) as model:
        replaced = (
            ("http://localhost:6969", stage.url),
            ("your-api-key", KEY),
            ("/path/to/custom/hooks", str(hooks)),
            ("pytest agents/client/tests/integration/ -v", "true"),
        )
        project = Project(tmp_path, model.url, replaced=replaced)
        hooks.mkdir()
        (hooks / "pre_task.py").write_text(f"#!/bin/sh\ncat >> {tmp_path}/heard\n")
        (hooks / "pre_task.py").chmod(0o755)
        stage.tracker("pm").create(NewTask("Create hello.txt with 'Hello World'"))
        exports = ""
        for block in of("003", "bash"):
            exports += block.text if "export" in block.text else ""
            text = f"{exports}\n{block.text}"
            if "advanced_agent_runner" in text and "--single-task" not in text:
                said = goes_on(project, text)
                assert "No tasks available, waiting..." in said
            else:
                ran = project.shell(text)
                assert ran.returncode == 0, (block, ran.stdout, ran.stderr)
            if block.heading == "Basic Usage":
                assert [row.status for row in stage.server.rows.values()] == ["dev_done"]
                stage.tracker("pm").create(NewTask("Create goodbye.txt"))

    assert [row.status for row in stage.server.rows.values()] == ["qa_done", "qa_done"]
    assert (tmp_path / "heard").read_text().count('"task') >= 2
    assert {"dev_001", "qa_001"} <= stage.server.last_seen.keys()


def goes_on(project: Project, text: str) -> str:
    """Run a block that does not end by itself until it waits, and stop it from another terminal; what it said."""
    with (project.folder / "said").open("w+") as said:
        running = subprocess.Popen(
            ("bash", "-e", "-c", project.words(text)),
            cwd=project.checkout,
            env=project.environ,
            stdout=said,
            stderr=said,
        )
        deadline = time.monotonic() + 300
        while "waiting..." not in Path(said.name).read_text():
            assert running.poll() is None, Path(said.name).read_text()
            assert time.monotonic() < deadline, Path(said.name).read_text()
            time.sleep(0.1)
        stopped = project.shell("python -m scripts.autonomous stop")
        assert stopped.returncode == 0, stopped.stderr
        assert running.wait(300) == 0
        return Path(said.name).read_text()


def test_CF2_the_variables_of_004(two_agents: Project) -> None:
    exports = next(each.text for each in of("004", "bash"))

    ran = two_agents.shell(f"{exports}\npython -m scripts.autonomous config")

    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    assert "task_seconds: 600  (HEADLESS_PM_CLAUDE_TIMEOUT)" in ran.stdout
    assert "local.worktrees: /tmp/headless-pm-worktrees  (HEADLESS_PM_WORKTREE_BASE)" in ran.stdout
    assert "local.hook_seconds: 30  (HEADLESS_PM_HOOK_TIMEOUT)" in ran.stdout
