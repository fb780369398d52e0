"""What tasks are called in folders, branches and run keys."""

import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.tasks import TASK_BRANCH, TASK_RUN_KEY, task_branch, task_run_key, task_slug
from bot.job.push import OURS

AT = datetime(2026, 11, 21, 9, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("ENG-12", "ENG-12"),
        ("task-23.2", "task-23.2"),
        ("fix_it", "fix_it"),
        ("a..b", "a-b-"),
        ("x.lock", "x-lock-"),
        ("../../etc/passwd", "etc-passwd-"),
        ("☂", "task-"),
        ("Write the docs, then rest", "Write-the-docs-then-rest-"),
        ("n" * 100, f"{'n' * 40}-"),
    ],
)
def test_a_slug_is_the_name_or_readable_with_a_digest(name: str, slug: str) -> None:
    found = task_slug(name)

    assert found == slug if not slug.endswith("-") else found.startswith(slug) and len(found) == len(slug) + 10


@given(st.text(max_size=70), st.text(max_size=70))
def test_two_names_never_share_a_slug_and_every_name_has_a_branch_of_ours(one: str, other: str) -> None:
    assert (task_slug(one) == task_slug(other)) == (one == other)
    assert TASK_BRANCH.fullmatch(task_branch(one))
    assert OURS.fullmatch(task_branch(one))
    assert TASK_RUN_KEY.fullmatch(task_run_key(one, AT, 1))
    assert OURS.fullmatch(f"ai/kept-{task_run_key(one, AT, 1)}")


@pytest.mark.parametrize("name", ["ENG-12", "a..b", "x.lock", "-x", ".x", "x.", "@{", "a b", "\u202e", "a/b", ""])
def test_GW5_every_task_has_a_branch_that_git_takes(name: str) -> None:
    """It is `ai/task-…`."""
    assert subprocess.run(("git", "check-ref-format", "--branch", task_branch(name)), check=False).returncode == 0


def test_an_attempt_is_named_by_its_claim() -> None:
    assert task_run_key("ENG-12", AT, 2) == "ENG-12-T1795251600123-2"


def test_nothing_else_is_ours_to_write() -> None:
    for branch in (
        "main",
        "ai/x",
        "ai/task-",
        "ai/task-a/b",
        "ai/task-a..b",
        "ai/task-a\n",
        "ai/kept-a",
        "feature/task-1",
    ):
        assert not OURS.fullmatch(branch), branch
