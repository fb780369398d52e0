"""The shape of the program, held: which room may import which, where the outside is touched, how big things get."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOT = ROOT / "bot"
FILES = sorted(BOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}

FOUNDATION = {"errors", "config", "report", "core", "whole_file"}
ALLOWED = {
    "core": {"core", "errors"},
    "github": FOUNDATION | {"github"},
    "agent": FOUNDATION | {"agent"},
    "progress": {"core", "report", "progress"},
    "notify": FOUNDATION | {"notify"},
    "job": FOUNDATION | {"job", "agent", "github", "notify", "progress"},
    "trackers": {"core", "errors", "github", "trackers", "whole_file"},
    "connections": {"connections"},
    "page": {"core", "errors", "report", "progress", "page", "connections"},
    "server": FOUNDATION | {"server", "connections", "job", "github", "notify", "page", "versions"},
    "local": FOUNDATION | {"local", "job", "agent", "github", "trackers", "notify", "page", "progress", "versions"},
    "initializer": FOUNDATION | {"initializer", "local", "job", "agent", "github", "trackers", "progress"},
}
"""Rooms with arrows; a room that is not named here is a door and may import everything but the sandbox."""

DOORS = {"cli", "sandbox", "__main__"}
"""Only these import the sandbox."""

CORE_LIBRARIES = {"markdown_it"}
GITHUB_LIBRARIES = {"github", "githubkit", "jwt"}
SLACK_LIBRARY = "slack_sdk"


def room(path: Path) -> str:
    if path.name == "__main__.py":
        return "__main__"  # a door, wherever it lies
    return path.relative_to(BOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "bot")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_go_one_way(path: Path) -> None:
    """core imports nothing of ours; github, agent and job import core; nobody imports the sandbox but the doors."""
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("bot.")}
    allowed = ALLOWED.get(room(path))

    assert allowed is None or ours <= allowed
    assert "sandbox" not in ours or room(path) in DOORS


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "core"], ids=lambda p: p.name)
def test_core_uses_the_standard_library_and_markdown_it_only(path: Path) -> None:

    outside = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"bot", "__future__"}

    assert outside <= CORE_LIBRARIES
    assert not imports(path) & {"os", "subprocess", "socket", "time", "random", "urllib.request"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_github_room_speaks_to_github_libraries(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imports(path)} & GITHUB_LIBRARIES

    assert not libraries or room(path) in {"github", "sandbox", "server"}


def test_one_file_speaks_to_slacks_library() -> None:
    """And imports it where it posts: most processes never do."""
    users = [path for path in FILES if any(name.split(".")[0] == SLACK_LIBRARY for name in imports(path))]
    outermost = [node for path in users for node in TREES[path].body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert [str(path.relative_to(BOT)) for path in users] == ["notify/slack.py"]
    assert not any(SLACK_LIBRARY in ast.unparse(node) for node in outermost)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_config_reads_the_environment(path: Path) -> None:
    text = path.read_text()

    assert room(path) == "config" or "stand_ins" in path.parts or not ("os.environ" in text or "os.getenv" in text)


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "core"], ids=lambda p: p.name)
def test_core_reads_no_clock(path: Path) -> None:
    assert not any(word in path.read_text() for word in ("datetime.now(", "utcnow(", "time.time(", "date.today("))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_and_modules_stay_small(path: Path) -> None:
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno + 1 > 60
    ]

    assert long == []
    assert path.read_text().count("\n") <= 420


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_take_at_most_seven_parameters(path: Path) -> None:
    many = [
        node.name
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and len(node.args.args) + len(node.args.kwonlyargs) > 8
        and room(path) not in {"sandbox", "cli"}
    ]

    assert many == []


def test_no_test_mocks_our_own_modules() -> None:
    """unittest.mock is not imported anywhere."""
    users = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if any(
            (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest.mock"))
            or (isinstance(node, ast.Import) and any(a.name.startswith("unittest.mock") for a in node.names))
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]

    assert users == []
