"""action.yml and its two scripts: inputs that are read, an install nobody else can touch, signals that arrive."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config_variables import STEP_VARIABLES

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step.get("id", step["name"]): step for step in ACTION["runs"]["steps"]}
INSTALL = ROOT / ".github" / "action" / "install.sh"
RUN = ROOT / ".github" / "action" / "run.sh"


def test_every_input_is_used_and_every_use_is_an_input() -> None:
    """No input without effect, no effect of an input that isn't there."""
    used = set(re.findall(r"inputs\.([\w-]+)", str(ACTION["runs"])))

    assert used == set(ACTION["inputs"])


def test_the_command_gets_variables_that_it_reads() -> None:
    """What the run step sets is documented in bot.config; what config reads of the action is set."""
    documented = {variable.name for variable in STEP_VARIABLES}
    private = {"AI_READY_SOURCE", "AI_READY_COMMAND", "AI_READY_STEP", "AI_READY_DIRECTORY"}
    given = {name.removeprefix("INPUT_") for name in STEPS["run"]["env"]} - private

    assert given <= documented
    assert {name for name in documented if name.startswith("AI_READY_")} - given == {
        *("AI_READY_CLAUDE", "AI_READY_SLACK_HOSTS")  # whoever runs the runner knows them
    }


def test_outputs_are_those_of_the_steps() -> None:
    """Each output is one of a step that exists, spelled as the command writes it."""
    for name, about in ACTION["outputs"].items():
        step, output = re.findall(r"^\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}$", about["value"])[0]
        assert step in STEPS
        assert output == name.replace("-", "_")


def test_scripts_are_entered_by_exec_so_that_signals_arrive() -> None:
    """The entry process of a step becomes our command: no shell is left between it and a cancel."""
    assert STEPS["run"]["run"].startswith("exec bash ")
    assert STEPS["install"]["run"].startswith("exec bash ")
    assert all(step["shell"] == "bash" for step in ACTION["runs"]["steps"])


# --------------------------------------------------------------------------------------------- run.sh


def become(folder: Path, step: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run run.sh with a command that tells its own pid, arguments and environment."""
    command = folder / "command"
    command.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\nprint(json.dumps([os.getpid(), sys.argv[1:], dict(os.environ)]))\n"
    )
    command.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "AI_READY_COMMAND": str(command), "AI_READY_STEP": step}
    environment |= {"AI_READY_DIRECTORY": "/some where/out", **more}
    return subprocess.run(
        ["bash", "-c", 'echo $$; exec bash "$0"', str(RUN)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("gate", ["gate"]),
        ("work", ["work", "--out", "/some where/out"]),
        ("publish", ["publish", "--in", "/some where/out"]),
    ],
)
def test_run_becomes_the_command(tmp_path: Path, step: str, expected: list[str]) -> None:
    """The shell is replaced: same process, the step's arguments."""
    shell, told = become(tmp_path, step).stdout.splitlines()
    pid, arguments, _ = json.loads(told)

    assert (pid, arguments) == (int(shell), expected)


def test_run_exports_keys_that_are_given_and_keeps_the_runners_own(tmp_path: Path) -> None:
    """An empty input hides nothing; a given one wins; none is left under its INPUT_ name."""
    told = become(
        tmp_path,
        "work",
        INPUT_ANTHROPIC_API_KEY="from input",
        ANTHROPIC_API_KEY="from runner",
        INPUT_ANTHROPIC_BASE_URL="",
        ANTHROPIC_BASE_URL="http://runner",
        INPUT_CLAUDE_CODE_OAUTH_TOKEN="",
    ).stdout.splitlines()[1]
    environment = json.loads(told)[2]

    assert environment["ANTHROPIC_API_KEY"] == "from input"
    assert environment["ANTHROPIC_BASE_URL"] == "http://runner"
    assert "CLAUDE_CODE_OAUTH_TOKEN" not in environment
    assert not [name for name in environment if name.startswith("INPUT_")]


def test_run_refuses_an_unknown_step(tmp_path: Path) -> None:
    """A typo is exit 2 and one clear line."""
    done = become(tmp_path, "wrok")

    assert done.returncode == 2
    assert "must be gate, work or publish" in done.stdout


# ----------------------------------------------------------------------------------------- install.sh


def install(folder: Path, **more: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run install.sh; its result and its outputs."""
    output = folder / "output"
    output.touch()
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "GITHUB_OUTPUT": str(output)}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))}
    environment |= {"AI_READY_SOURCE": str(ROOT), "AI_READY_STEP": "gate", **more}
    done = subprocess.run(
        ["bash", str(INSTALL)], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    return done, dict(line.split("=", 1) for line in output.read_text().splitlines())


def python_that_is(folder: Path, version: str) -> str:
    """A PATH whose python3 says it is `version` and too old."""
    folder.mkdir()
    (folder / "python3").write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo "Python {version}"\nexit 1\n')
    (folder / "python3").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_an_installed_command_is_used_as_it_is(tmp_path: Path) -> None:
    """AI_READY_BIN: nothing is fetched, nothing is made."""
    done, outputs = install(tmp_path, AI_READY_BIN="/bin/true")

    assert done.returncode == 0
    assert outputs == {"command": "/bin/true", "prefix": ""}


def test_a_missing_installed_command_is_said(tmp_path: Path) -> None:
    """AI_READY_BIN that isn't there: exit 2 with its name."""
    done, _ = install(tmp_path, AI_READY_BIN="/no/such/ai-ready")

    assert done.returncode == 2
    assert "/no/such/ai-ready can't be run" in done.stdout


def test_an_old_python_is_said(tmp_path: Path) -> None:
    """Python below 3.11: exit 2, both versions and what to add."""
    done, _ = install(tmp_path, PATH=python_that_is(tmp_path / "old", "3.9.2"))

    assert done.returncode == 2
    assert "python3 3.11 or newer; this runner has Python 3.9.2 (actions/setup-python)" in done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real install of the base, from the lock file."""
    if shutil.which("uv") is None:
        pytest.fail("uv is needed (make installs it)")
    folder = tmp_path_factory.mktemp("install")
    (folder / "uv.toml").write_text('index-url = "http://127.0.0.1:9/evil"\n')
    (folder / "bot").mkdir()
    (folder / "bot" / "__init__.py").touch()
    (folder / "bot" / "__main__.py").write_text("print('hijacked')\n")
    done, outputs = install(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder, outputs
    shutil.rmtree(outputs["prefix"])


def test_the_install_is_fresh_ours_and_readable_by_all(installed: tuple[Path, dict[str, str]]) -> None:
    """Outside the home, under an unforeseeable name, owned by us, readable by the agent's user, writable by nobody else."""
    prefix = Path(installed[1]["prefix"])

    assert re.fullmatch(r"/tmp/ai-ready\.\w{12}", str(prefix))
    for path in (prefix, *prefix.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        assert path.lstat().st_uid == os.getuid()
        assert mode & 0o022 == 0, f"{path} is writable by others"
        assert mode & 0o004, f"{path} is not readable by others"


def test_the_installed_command_runs_from_anywhere(installed: tuple[Path, dict[str, str]]) -> None:
    """The working directory and PYTHONPATH do not decide what code runs."""
    folder, outputs = installed
    done = subprocess.run(
        [outputs["command"], "--help"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "hijacked" not in done.stdout
    assert "publish" in done.stdout, done.stderr


def test_the_install_holds_no_tools_of_development(installed: tuple[Path, dict[str, str]]) -> None:
    """gate and publish get the base alone."""
    site = next(Path(installed[1]["prefix"]).glob("venv/lib/python3*/site-packages"))

    names = {path.name for path in site.iterdir()}
    assert "github" in names
    assert not names & {"claude_agent_sdk", "pytest", "fastapi", "githubkit"}
    assert not list(site.glob("github/__pycache__"))


def test_uv_is_pinned_by_hash() -> None:
    """Where the runner has no uv, one version of it is fetched, each file by its hash."""
    lines = [
        line for line in (ROOT / ".github" / "action" / "uv.txt").read_text().splitlines() if not line.startswith("#")
    ]

    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", lines[0])
    assert len(lines) > 10
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])
