"""What the pages promise exists: links, pictures, make targets, commands, the tests that the security model names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli.commands import app

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def links(page: Path) -> Iterator[tuple[str, str]]:
    """File and anchor of each relative link; inline code and code blocks hold none."""
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(page: Path) -> set[str]:
    """The ids GitHub gives to headings: https://github.com/gjtorikian/html-pipeline (toc_filter)."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(page.read_text()))
    return {each.strip().replace(" ", "-") for each in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """To a file that git has, and to a heading in it."""
    for file, anchor in links(page):
        found = (page.parent / file) if file else page
        assert found.exists(), file
        assert not anchor or anchor in anchors(found), f"{file}#{anchor}"


def test_every_picture_is_shown_and_small() -> None:
    """None is left over, and none is 150 kB or more."""
    shown = {(page.parent / file).resolve() for page in PAGES for file, _ in links(page) if file.endswith(".png")}

    assert shown == set((ROOT / "docs" / "img").iterdir())
    assert [picture.name for picture in shown if picture.stat().st_size >= 150_000] == []


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_listed_and_written_out(target: str) -> None:
    """In `make help`, and in docs/contributing.md."""
    assert re.search(rf"^{target}:.*## \S", MAKEFILE, re.MULTILINE)
    assert f"`make {target}`" in (ROOT / "docs" / "contributing.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """With its name in code in docs/laptop.md."""
    assert re.search(rf"`ai-ready {command}[` ]", (ROOT / "docs" / "laptop.md").read_text())


def test_the_readme_begins_with_two_commands_that_exist() -> None:
    """`make demo` and `make test`, in the first block that a newcomer is asked to type."""
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    typed = block[1].splitlines()

    assert typed == ["make demo", "make test"]
    assert {line.split()[1] for line in typed} <= set(TARGETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_call_and_path_of_ours_exists(page: Path) -> None:
    """`make X` in code is a target; a path in code below tests/, bot/, docs/ or examples/ is a file of ours."""
    text = page.read_text()
    for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert target in TARGETS, target
    for path in re.findall(r"`((?:tests|bot|docs|examples)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def test_every_threat_names_its_test() -> None:
    """Each row of the security model ends with test files (that they exist is seen above)."""
    rows = re.findall(r"^\| (?!threat|---)(.+) \|$", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE)

    assert rows
    assert [row for row in rows if not re.search(r"\| `tests/[\w/]+\.py`(, `tests/[\w/]+\.py`)*$", row)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_merge_is_left_open(page: Path) -> None:
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", page.read_text(), re.MULTILINE)
