"""What a task's work starts from, in a real repository."""

from pathlib import Path

import pytest

from bot.local.checkout import open_checkout
from bot.local.loop import HeldBack
from bot.local.stacking import stacked
from tests.job.stage import git


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        git(root, "init", "-q", "--initial-branch=main")
        self.commit({"base.txt": "base\n"}, "first")

    def commit(self, files: dict[str, str], message: str) -> str:
        for name, text in files.items():
            (self.root / name).write_text(text)
        git(self.root, "add", ".")
        git(self.root, "commit", "-q", "-m", message)
        return git(self.root, "rev-parse", "HEAD")

    def branch(self, name: str, start: str, files: dict[str, str]) -> str:
        git(self.root, "checkout", "-q", "-b", name, start)
        made = self.commit(files, name)
        git(self.root, "checkout", "-q", "main")
        return made

    def onto(self, *branches: str) -> str:
        checkout = open_checkout(self.root, {"PATH": "/usr/bin:/bin", "HOME": str(self.root.parent)})
        return stacked(checkout, branches, checkout.branch("main"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def test_the_newest_of_branches_that_build_on_each_other(repository: Repository) -> None:
    repository.branch("ai/task-1", "main", {"1.txt": "1"})
    second = repository.branch("ai/task-2", "ai/task-1", {"2.txt": "2"})

    assert repository.onto("ai/task-1", "ai/task-2") == second
    assert repository.onto("ai/task-2", "ai/task-gone") == second


def test_nothing_where_the_base_has_all_of_it(repository: Repository) -> None:
    repository.branch("ai/task-1", "main", {"1.txt": "1"})
    git(repository.root, "merge", "-q", "ai/task-1")

    assert repository.onto("ai/task-1") == ""
    assert repository.onto() == ""


def test_what_was_merged_as_one_new_commit_is_not_built_on_again(repository: Repository) -> None:
    """By squashing, or by hand: the base has all of its changes."""
    repository.branch("ai/task-1", "main", {"1.txt": "1"})
    repository.commit({"1.txt": "1"}, "squashed")

    assert repository.onto("ai/task-1") == ""


def test_branches_that_go_two_ways_are_merged(repository: Repository) -> None:
    one = repository.branch("ai/task-1", "main", {"1.txt": "1"})
    two = repository.branch("ai/task-2", "main", {"2.txt": "2"})
    before = git(repository.root, "for-each-ref")

    whole = repository.onto("ai/task-1", "ai/task-2")

    assert git(repository.root, "ls-tree", "--name-only", whole).split() == ["1.txt", "2.txt", "base.txt"]
    assert git(repository.root, "log", "-1", "--format=%P", whole).split() == [one, two]
    assert git(repository.root, "for-each-ref") == before
    assert git(repository.root, "status", "--porcelain") == ""


def test_branches_that_git_cant_merge_hold_the_task_back(repository: Repository) -> None:
    repository.branch("ai/task-1", "main", {"same.txt": "1"})
    repository.branch("ai/task-2", "main", {"same.txt": "2"})

    with pytest.raises(HeldBack, match="builds on ai/task-1 and ai/task-2, and git can't merge them by itself"):
        repository.onto("ai/task-1", "ai/task-2")
