"""The checks judge the published tree alone: nothing that the diff does not show can make them pass."""

import py_compile
import sys
from pathlib import Path

import pytest

from bot.core.settings import Checks, RepoConfig
from tests.job.stage import Stage

PYTEST = RepoConfig(checks=Checks(test=f"{sys.executable} -m pytest -q -p no:cacheprovider"))
REAL = "mkdir -p .venv/bin; printf '#!/bin/sh\\nexit 1\\n' > .venv/bin/pytest; chmod +x .venv/bin/pytest"
BROKEN = "def test(): assert False\n"


def test_an_ignored_module_is_not_there(stage: Stage, tmp_path: Path) -> None:
    """`python3 -m pytest` would import `pytest.pyc` from the folder first."""
    (tmp_path / "lie.py").write_text("print('1 passed')\n")

    def agent(tree: Path) -> None:
        (tree / "tests" / "test_app.py").write_text(BROKEN)
        py_compile.compile(str(tmp_path / "lie.py"), cfile=str(tree / "pytest.pyc"))

    outcome = stage.run(agent, config=PYTEST)

    assert outcome.reason == "tests-failed", outcome
    assert "1 failed" in outcome.checks[0].tail


def test_the_agents_home_is_not_there(stage: Stage) -> None:
    """A `usercustomize.py` there would be imported by every Python of the user."""

    def agent(tree: Path) -> None:
        (tree / "app.py").write_text("x = 2\n")
        (stage.ground.isolation.home / "lie").write_text("")
        (stage.ground.isolation.home / "tmp" / "lie").write_text("")

    test = 'test ! -e "$HOME/lie" && test ! -e "$TMPDIR/lie" && test -w "$TMPDIR"'
    outcome = stage.run(agent, config=RepoConfig(checks=Checks(test=test)))

    assert outcome.verdict == "done", outcome.checks


def test_what_setup_made_is_made_again(stage: Stage) -> None:
    """An altered program in `.venv` shows in no diff."""

    def agent(tree: Path) -> None:
        (tree / "app.py").write_text("x = 2\n")
        (tree / ".venv" / "bin" / "pytest").write_text("#!/bin/sh\nexit 0\n")

    outcome = stage.run(agent, config=RepoConfig(checks=Checks(setup=REAL, test=".venv/bin/pytest")))

    assert outcome.reason == "tests-failed"
    assert [check.name for check in outcome.checks] == ["setup", "fresh setup", "test"]


def test_a_change_that_breaks_setup_is_sent_back_and_never_done(stage: Stage) -> None:
    """The first setup ran before the agent; the second tells what a fresh checkout of the change would."""

    def agent(tree: Path) -> None:
        (tree / "app.py").write_text("x = 2\n")
        (tree / "broken").write_text("")

    outcome = stage.run(agent, config=RepoConfig(checks=Checks(setup="test ! -e broken", test="true")))

    assert (outcome.verdict, outcome.reason) == ("blocked", "tests-failed")
    assert outcome.text.startswith("The fresh setup command")
    assert [check.name for check in outcome.checks] == ["setup", "fresh setup"]


def test_the_judged_folder_is_a_checkout_with_history_and_gone_afterwards(stage: Stage) -> None:
    """Tools that ask git find a repository; nothing of it stays."""

    def agent(tree: Path) -> None:
        (tree / "app.py").write_text("x = 2\n")

    test = "git log --oneline | grep -q . && git status --porcelain | grep -q 'M  app.py' && grep -q 2 app.py"
    outcome = stage.run(agent, config=RepoConfig(checks=Checks(test=test)))

    assert outcome.verdict == "done", outcome.checks
    assert list(stage.ground.root.glob("judge-*")) == []


@pytest.mark.parametrize("name", ["a b.py", "tab\there.py", "ümlaut.py", "new\nline.py"])
def test_odd_names_are_judged_as_they_are(stage: Stage, name: str) -> None:
    def agent(tree: Path) -> None:
        (tree / name).write_text("x = 1\n")

    outcome = stage.run(agent, config=RepoConfig(checks=Checks(test='ls | grep -c . ; test -n "$(ls)"')))

    assert outcome.verdict == "done", outcome.text
