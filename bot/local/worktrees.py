"""Where attempts work: a folder of ours for each task, with all that is known of the attempt in a file of its own.

    BASE/PROJECT-1a2b3c4d/task-ENG-12/
        .attempt.json   ours: which attempt, from where, who hears its result; written before anything else is there
        store.git/ PROJECT/ home/    see `bot.job.workspace`

A folder appears whole and goes whole: it is renamed before it is deleted, so that one that stands in its place always
holds an attempt whose work may be nowhere else.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from bot.agent.launching import Isolation
from bot.agent.places import passable
from bot.core.names import Reason
from bot.core.run import Admission
from bot.core.tasks import task_slug
from bot.errors import Blocked
from bot.local.checkout import Checkout
from bot.whole_file import write_whole

RECORD = ".attempt.json"
LOCK = ".lock"
WORKED = ".agent-began"
"""An empty file: from here on there may be work."""
GONE = ".gone-"
NEW = ".new-"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an attempt while its folder stands."""

    version: int
    admission: Admission
    out: str
    """Folder where its result is handed over."""
    trace: str = ""
    """Of its isolation (`Isolation.trace`); empty: nothing was started yet."""
    onto: str = ""
    """Finished work of other tasks on which the branch was begun; empty: it was there before, or begins at the base."""
    kept: str = ""
    """Why the folder stays although the attempt is over; empty: it is not over."""


def worktree_base(checkout: Checkout, chosen: Path | None, state: Path, isolation: Literal["auto", "none"]) -> Path:
    """The folder of this checkout's work trees: in the one that was chosen, else in our state folder.

    Another user must be able to pass to it; where homes are closed to others, it is in /var/tmp. Raises
    `Blocked(setup-failed)` when somebody else has taken that.
    """
    if chosen is not None:
        return chosen / checkout.key
    place = state / "worktrees"
    there = next(folder for folder in (place, *place.parents) if folder.is_dir())
    if isolation == "auto" and not passable(there):
        ours = Path(f"/var/tmp/ai-ready-{os.geteuid()}")  # noqa: S108 (somebody else's is refused)
        if ours.exists() and ours.lstat().st_uid != os.geteuid():
            raise _unusable(ours, "it belongs to somebody else")
        place = ours / "worktrees"
    return place / checkout.key


def tree_of(base: Path, name: str) -> Path:
    """The folder of the task that people call `name`."""
    return base / f"task-{task_slug(name)}"


def begin(tree: Path, record: Record, isolation: Literal["auto", "none"]) -> None:
    """Make the folder with its record, whole. Raises `Blocked(setup-failed)` where no such folder can be."""
    try:
        tree.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        found = tree.parent.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o002:
            raise _unusable(tree.parent, "it belongs to somebody else, or others may write there")
        if isolation == "auto" and not passable(tree.parent):
            raise _unusable(
                tree.parent, "the agent runs as another user, who can't pass there (chmod o+x on each folder)"
            )
        new = Path(tempfile.mkdtemp(prefix=f"{NEW}{os.getpid()}-", dir=tree.parent))
        new.chmod(0o711)
        write_record(new, record)
        new.rename(tree)
    except OSError as error:
        raise _unusable(tree.parent, error.strerror or type(error).__name__) from error


def read_record(tree: Path) -> Record | None:
    """What is known of the attempt in `tree`; None: there is no such folder.

    Raises `Blocked(setup-failed)` when it can't be read: the folder may hold work, so it is nobody's to clear.
    """
    try:
        data = (tree / RECORD).read_bytes()
    except FileNotFoundError:
        if not tree.exists():
            return None
        raise _unreadable(tree, "it is missing") from None
    except OSError as error:
        raise _unreadable(tree, error.strerror or "it can't be opened") from error
    try:
        record = TypeAdapter(Record).validate_json(data, strict=True)
    except ValidationError as error:
        raise _unreadable(tree, "it is torn, or not ours") from error
    if record.version > VERSION:
        raise _unreadable(tree, "a newer version of ai-ready wrote it")
    return record


def write_record(tree: Path, record: Record) -> None:
    """Put down what is known, whole."""
    write_whole(tree / RECORD, TypeAdapter(Record).dump_json(record, indent=1))


def keep(tree: Path, record: Record, why: str) -> None:
    """The attempt is over, and its folder stays: it holds what may go nowhere else."""
    write_record(tree, replace(record, kept=why))


@contextlib.contextmanager
def held(tree: Path) -> Iterator[None]:
    """Nobody else works in this folder, or takes it for left behind, while inside; the kernel sees to the end of it.

    Raises `Blocked(setup-failed)` where somebody does.
    """
    with (tree / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"Another runner is at work in {tree}: let it end, or stop it with `ai-ready stop`."
            raise Blocked(Reason.SETUP_FAILED, text) from None
        yield


def put_aside(tree: Path, record: Record) -> Path:
    """Make room for another attempt beside one that was kept; where that is now."""
    for number in range(1, 1000):
        aside = tree.with_name(f"{tree.name}-kept-{number}")
        if not aside.exists():
            tree.rename(aside)
            return aside
    raise _unusable(tree.parent, f"there are a thousand kept folders of {record.admission.task}")


def remove(tree: Path, isolation: Isolation) -> None:
    """Take the folder away, whoever owns what in it; its work is safe elsewhere."""
    gone = Path(tempfile.mkdtemp(prefix=GONE, dir=tree.parent)) / "tree"
    tree.rename(gone)
    isolation.discard(gone.parent)


def sweep(base: Path, isolation: Isolation) -> None:
    """Delete what a kill kept from being deleted."""
    for left in _left(base):
        isolation.discard(left)


def _left(base: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from base.glob(f"{GONE}*")
        yield from (new for new in base.glob(f"{NEW}*") if not _alive(new.name.removeprefix(NEW).partition("-")[0]))


def _alive(pid: str) -> bool:
    """Whether somebody of this machine goes by that number."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _unusable(folder: Path, why: str) -> Blocked:
    text = f"There can be no work tree in {folder}: {why}. Set `local.worktrees` to another folder."
    return Blocked(Reason.SETUP_FAILED, text)


def _unreadable(tree: Path, why: str) -> Blocked:
    text = f"{tree} may hold the work of an earlier attempt, but its {RECORD} can't be used ({why}): look what is in it, then move it away."
    return Blocked(Reason.SETUP_FAILED, text)
