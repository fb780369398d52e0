import pytest

from bot.core.settings import Checks
from bot.job.checks import Planned, detect, judging_commands, run_check, setup_command
from bot.job.fresh import Place
from bot.job.workspace import Ground
from tests.job.stage import OpenScreen, Server, log_of, ready, standing

PROJECTS: dict[str, tuple[dict[str, str], str]] = {
    "pytest in pyproject": ({"pyproject.toml": '[dependency-groups]\ndev = ["pytest"]\n'}, "python3 -m pytest -q"),
    "pytest with uv": ({"pyproject.toml": "[tool.pytest.ini_options]\n", "uv.lock": ""}, "uv run pytest -q"),
    "pytest.ini": ({"pytest.ini": "[pytest]\n"}, "python3 -m pytest -q"),
    "tox.ini": ({"tox.ini": "[pytest]\n"}, "python3 -m pytest -q"),
    "setup.cfg": ({"setup.cfg": "[tool:pytest]\n"}, "python3 -m pytest -q"),
    "requirements": ({"requirements-dev.txt": "x\npytest==8\n"}, "python3 -m pytest -q"),
    "test files alone": ({"tests/test_a.py": "def test(): pass\n"}, "python3 -m pytest -q"),
    "a test beside the code": ({"test_a.py": "def test(): pass\n"}, "python3 -m pytest -q"),
    "npm": ({"package.json": '{"scripts": {"test": "node --test"}}'}, "npm test"),
    "npm's placeholder": (
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        "",
    ),
    "npm without tests": ({"package.json": "{}"}, ""),
    "a broken package.json": ({"package.json": "{"}, ""),
    "odd package.json": ({"package.json": '{"scripts": [1]}'}, ""),
    "cargo": ({"Cargo.toml": "[package]\n"}, "cargo test"),
    "go": ({"go.mod": "module x\n"}, "go test ./..."),
    "make": ({"Makefile": "all:\n\ttrue\ntest: all\n\ttrue\n"}, "make test"),
    "make with a variable": ({"Makefile": "test := 1\nall:\n\ttrue\n"}, ""),
    "make without test": ({"Makefile": "all:\n\ttrue\n"}, ""),
    "python comes before make": ({"Makefile": "test:\n\ttrue\n", "pytest.ini": "[pytest]\n"}, "python3 -m pytest -q"),
    "nothing": ({"README.md": "x"}, ""),
}


@pytest.mark.parametrize(("files", "command"), PROJECTS.values(), ids=PROJECTS.keys())
def test_what_is_detected(files: dict[str, str], command: str, server: Server, ground: Ground) -> None:
    """The files of the base tree say which test command there is."""
    server.git("update-ref", "-d", "refs/heads/main")
    server.commit(files)
    _, workspace = ready(server, ground)

    assert detect(workspace.git, workspace.start) == command


def test_configured_commands_are_taken_as_they_are(server: Server, ground: Ground) -> None:
    """Nothing is detected where something is configured; lint goes before test."""
    _, workspace = ready(server, ground)
    checks = Checks(setup="make deps", lint="ruff check", test="make check")

    assert setup_command(checks) == (Planned("setup", "make deps"),)
    assert judging_commands(checks, workspace.git, (workspace.start,)) == (
        Planned("lint", "ruff check"),
        Planned("test", "make check"),
    )


def test_the_agent_can_add_the_first_tests_but_not_lose_old_ones(server: Server, ground: Ground) -> None:
    """The tree of the start decides first, the resulting one only where that has no tests."""
    _, workspace = ready(server, ground)
    empty = workspace.git("hash-object", "-w", "-t", "tree", "--stdin").decode().strip()

    assert judging_commands(Checks(), workspace.git, (workspace.start, empty))[0].command == "python3 -m pytest -q"
    assert judging_commands(Checks(), workspace.git, (empty, workspace.start))[0].detected
    assert judging_commands(Checks(), workspace.git, (empty, empty)) == ()


def test_a_command_runs_in_the_tree_with_its_environment(server: Server, ground: Ground) -> None:
    """In the checkout, with checks.env and CI, both streams in the tail, and the exit code as a fact."""
    _, workspace = ready(server, ground)
    checks = Checks(env={"COLOUR": "red"})

    check = run_check(
        Planned("test", "ls; echo $COLOUR $CI; echo oops >&2; exit 3"), checks, Place(workspace.tree.path), ground
    )

    assert check.exit_code == 3
    assert not check.passed
    assert {"app.py", "red true", "oops"} <= set(check.tail.splitlines())


def test_output_is_redacted_in_log_and_tail(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A command that prints a secret prints it nowhere of ours."""
    with standing(tmp_path_factory.mktemp("run"), screen=OpenScreen(("TOPSECRET",))) as ground:
        _, workspace = ready(server, ground)

        check = run_check(Planned("test", "echo TOPSECRET"), Checks(), Place(workspace.tree.path), ground)

        assert check.tail == "[redacted]"
        assert not any("TOPSECRET" in line for line in log_of(ground))


def test_a_command_that_is_not_there_has_failed(server: Server, ground: Ground) -> None:
    """127, as the shell says it."""
    _, workspace = ready(server, ground)

    assert run_check(Planned("test", "no-such-program"), Checks(), Place(workspace.tree.path), ground).exit_code == 127


def test_a_daemon_left_behind_holds_nothing_up(server: Server, ground: Ground) -> None:
    """A test that leaves a server running with the pipes open ends when it ends (R43)."""
    _, workspace = ready(server, ground)

    check = run_check(Planned("test", "(setsid sleep 600 &) ; exit 0"), Checks(), Place(workspace.tree.path), ground)

    assert check.passed
    assert check.seconds < 30
