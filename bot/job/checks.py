"""The repository's own commands, run by us as the agent's user: setup before it, lint and test after it.

Owns which commands there are, and their results as facts. What the repository's files say is read from trees in our
git folder. A command that is found and can't be started has failed: an unknown result is not a pass.
"""

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.agent.process import Command as Process
from bot.agent.process import environment, run_command
from bot.core.names import Reason
from bot.core.run import Check
from bot.core.settings import Checks
from bot.errors import Blocked
from bot.job.fresh import Place
from bot.job.git import Git
from bot.job.workspace import Ground
from bot.progress.events import CheckBegan, CheckEnded

TAIL_LINES = 50
SHELL = ("/bin/sh", "-c")
MANIFEST_BYTES = 1 << 20

TEST_FILE = re.compile(r"(tests?/)?(test_[^/]+|[^/]+_test)\.py")
"""What pytest collects by itself, at the places where projects keep it."""

NO_NPM_TEST = "no test specified"
"""What `npm init` writes where a test command should be."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A command that will judge the work."""

    name: str
    """`setup`, `lint` or `test`."""
    command: str
    detected: bool = False


def setup_command(checks: Checks) -> tuple[Planned, ...]:
    """What to run before the agent."""
    return (Planned("setup", checks.setup),) if checks.setup.strip() else ()


def fresh_setup_command(checks: Checks) -> tuple[Planned, ...]:
    """Setup once more, where the checks judge; that it fails there is the change's fault and can be mended."""
    return tuple(replace(planned, name="fresh setup") for planned in setup_command(checks))


def judging_commands(checks: Checks, git: Git, trees: Sequence[str]) -> tuple[Planned, ...]:
    """What to run after the agent; a missing test command is looked for in `trees`, the first that has one counts.

    The tree the run started from comes first, so that an agent can't get rid of a project's tests.
    """
    lint = (Planned("lint", checks.lint),) if checks.lint.strip() else ()
    if checks.test.strip():
        return (*lint, Planned("test", checks.test))
    found = next((command for tree in trees if (command := detect(git, tree))), "")
    return (*lint, Planned("test", found, detected=True)) if found else lint


def detect(git: Git, tree: str) -> str:
    """The test command that the files of `tree` speak for; empty: none of those we know."""
    listing = git("ls-tree", "-z", "--name-only", tree) + git("ls-tree", "-z", "--name-only", tree, "tests/", "test/")
    names = {name for name in listing.decode("utf-8", "replace").split("\0") if name}

    def read(name: str) -> str:
        return git.attempt("cat-file", "blob", f"{tree}:{name}", most=MANIFEST_BYTES).out.decode("utf-8", "replace")

    for finder in (_pytest, _npm, _cargo, _go, _make):
        command = finder(names, read)
        if command:
            return command
    return ""


def run_check(planned: Planned, checks: Checks, place: Place, ground: Ground) -> Check:
    """Run one command to its end, without keys; afterwards nothing of it is alive.

    Raises `Blocked(cancelled)` when the run is stopped meanwhile.
    """
    show = ground.screen.text
    ground.tell(CheckBegan(planned.name, planned.command, planned.detected, checks.minutes))
    process = Process(
        argv=(*SHELL, planned.command),
        cwd=place.folder,
        env=environment(ground.isolation, ground.environ, {**place.environment, **checks.env}),
        seconds=checks.minutes * 60,
    )
    done = run_command(
        process,
        ground.isolation,
        cancel=ground.cancel,
        on_line=lambda line: ground.log(f"  {show(line)}"),
        tail_lines=TAIL_LINES,
    )
    if done.killed == "cancelled":
        raise Blocked(Reason.CANCELLED, "The run was cancelled.")
    seconds = round(done.seconds, 3)
    ground.tell(CheckEnded(planned.name, planned.command, planned.detected, done.exit_code, seconds))
    return Check(planned.name, planned.command, done.exit_code, done.seconds, planned.detected, show(done.tail))


# ----------------------------------------------------------------------------------------- detection

Names = set[str]
Read = Callable[[str], str]


def _pytest(names: Names, read: Read) -> str:
    if not _speaks_pytest(names, read):
        return ""
    return "uv run pytest -q" if "uv.lock" in names else "python3 -m pytest -q"


def _speaks_pytest(names: Names, read: Read) -> bool:
    if names & {"pytest.ini", "conftest.py"} or any(TEST_FILE.fullmatch(name) for name in names):
        return True
    if "tox.ini" in names and "[pytest]" in read("tox.ini"):
        return True
    if "setup.cfg" in names and "[tool:pytest]" in read("setup.cfg"):
        return True
    if "pyproject.toml" in names and "pytest" in read("pyproject.toml"):
        return _valid_toml(read("pyproject.toml"))
    return bool(names & {"requirements-dev.txt", "requirements.txt"}) and any(
        re.search(r"(?m)^pytest\b", read(name)) for name in names & {"requirements-dev.txt", "requirements.txt"}
    )


def _valid_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return True


def _npm(names: Names, read: Read) -> str:
    if "package.json" not in names:
        return ""
    try:
        manifest = json.loads(read("package.json"))
    except (ValueError, RecursionError):
        return ""
    scripts = manifest.get("scripts") if isinstance(manifest, dict) else None
    test = scripts.get("test") if isinstance(scripts, dict) else None
    return "npm test" if isinstance(test, str) and test.strip() and NO_NPM_TEST not in test else ""


def _cargo(names: Names, _read: Read) -> str:
    return "cargo test" if "Cargo.toml" in names else ""


def _go(names: Names, _read: Read) -> str:
    return "go test ./..." if "go.mod" in names else ""


def _make(names: Names, read: Read) -> str:
    # GNU make's own order.
    makefile = next((name for name in ("GNUmakefile", "makefile", "Makefile") if name in names), "")
    return "make test" if makefile and re.search(r"(?m)^test\s*::?(?!=)", read(makefile)) else ""
