"""Where attempts work, and what may stand there."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bot.agent.isolation import SameUser
from bot.core.run import Admission
from bot.errors import Blocked
from bot.local.checkout import open_checkout
from bot.local.worktrees import (
    RECORD,
    Record,
    begin,
    keep,
    put_aside,
    read_record,
    remove,
    sweep,
    tree_of,
    worktree_base,
)
from tests.job.stage import git

ADMISSION = Admission(
    issue=0, repo="shop", run_key="x-T1-1", title="X", branch="ai/task-x", base="main", base_oid="a" * 40,
    head_oid="a" * 40, approver_id=0, approver_login="", model="opus", usd=5.0, minutes=30, content_sha="", task="x",
)  # fmt: skip
RECORDED = Record(1, ADMISSION, "/out")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "trees" / "shop-12345678"


def shop(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    return folder


def test_GW3_two_projects_never_meet_in_the_folder_that_was_chosen(tmp_path: Path) -> None:
    """The same task of two checkouts with the same name."""
    one, other = (open_checkout(shop(tmp_path / name / "shop"), {}) for name in ("a", "b"))
    bases = [worktree_base(each, tmp_path / "chosen", tmp_path / "state", "none") for each in (one, other)]

    assert tree_of(bases[0], "x") != tree_of(bases[1], "x")
    assert all(tree_of(each, "x").name == "task-x" for each in bases)
    assert all(each.parent == tmp_path / "chosen" for each in bases)


def test_by_default_another_user_can_pass(tmp_path: Path) -> None:
    """In our state folder, or where homes are closed, in /var/tmp."""
    checkout = open_checkout(shop(tmp_path / "shop"), {})
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)

    assert worktree_base(checkout, None, closed / "state", "none") == closed / "state" / "worktrees" / checkout.key
    apart = worktree_base(checkout, None, closed / "state", "auto")
    assert apart == Path(f"/var/tmp/ai-ready-{os.geteuid()}/worktrees") / checkout.key


def test_a_folder_appears_whole_and_goes_whole(base: Path, tmp_path: Path) -> None:
    tree = tree_of(base, "x")
    assert read_record(tree) is None
    begin(tree, RECORDED, "none")

    assert read_record(tree) == RECORDED
    assert tree.stat().st_mode & 0o777 == 0o711
    (tmp_path / "care").mkdir()
    remove(tree, SameUser(tmp_path / "care"))
    assert list(base.iterdir()) == []


def test_what_a_kill_left_is_swept_and_nothing_else(base: Path, tmp_path: Path) -> None:
    """A half-made folder of a process that is gone, a half-deleted one; not one that is being made."""
    ended = subprocess.Popen(("true",))
    ended.wait()
    begin(tree_of(base, "x"), RECORDED, "none")
    for name in (f".new-{ended.pid}-a", ".gone-b", f".new-{os.getpid()}-c"):
        (base / name).mkdir()
    (tmp_path / "care").mkdir()
    sweep(base, SameUser(tmp_path / "care"))

    assert sorted(path.name for path in base.iterdir()) == [f".new-{os.getpid()}-c", "task-x"]


def test_a_kept_folder_is_put_aside_under_a_name_of_its_own(base: Path) -> None:
    tree = tree_of(base, "x")
    for number in (1, 2):
        begin(tree, RECORDED, "none")
        keep(tree, RECORDED, "secret-found")
        assert put_aside(tree, RECORDED).name == f"task-x-kept-{number}"


@pytest.mark.parametrize("text", ["", "{", json.dumps({"version": 1}), None])
def test_a_record_that_cannot_be_read_is_nobodys_to_clear(base: Path, text: str | None) -> None:
    """Torn, another's, missing: refused with what to do, and left as it is."""
    tree = tree_of(base, "x")
    begin(tree, RECORDED, "none")
    (tree / RECORD).unlink() if text is None else (tree / RECORD).write_text(text)
    with pytest.raises(Blocked, match="may hold the work of an earlier attempt"):
        read_record(tree)


def test_a_record_of_a_newer_version_is_refused(base: Path) -> None:
    tree = tree_of(base, "x")
    begin(tree, Record(2, ADMISSION, "/out"), "none")
    with pytest.raises(Blocked, match="newer version"):
        read_record(tree)


def test_a_folder_that_others_may_write_or_cannot_pass_is_refused(tmp_path: Path) -> None:
    open_ = tmp_path / "open"
    open_.mkdir()
    open_.chmod(0o777)
    with pytest.raises(Blocked, match="others may write there"):
        begin(open_ / "task-x", RECORDED, "none")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Blocked, match="who can't pass there"):
        begin(closed / "task-x", RECORDED, "auto")
