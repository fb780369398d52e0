"""What runs that were killed have left on this machine, which the next one's agent must neither read nor meet.

A run clears up after itself; one whose process was killed can't. What it left is known by its uid: nobody holds that
uid's lock any more.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.agent.uids import ALL_UIDS, living_uids, lock_of

RUN_FOLDER = "ai-ready-"
"""How the name of a run's folder begins (`places.run_root`)."""


@contextlib.contextmanager
def leftovers(ours: int, folders: Iterable[str]) -> Iterator[dict[int, list[Path]]]:
    """The uids of runs that are no more, each with what it left right in `folders`: run folders and files of its own.

    While inside, no new run gets one of these uids. `ours`: the uid whose lock we hold, which has nothing of ours yet.
    """
    found: dict[int, list[Path]] = {uid: [] for uid in living_uids() if uid in ALL_UIDS}
    for path, uid in _owned(folders):
        found.setdefault(uid, []).append(path)
    with contextlib.ExitStack() as stack:
        for uid in [uid for uid in found if uid != ours]:
            lock = lock_of(uid)
            if lock is None:
                del found[uid]
            else:
                stack.enter_context(lock)
        yield found


def _owned(folders: Iterable[str]) -> Iterator[tuple[Path, int]]:
    """A tree of files that belongs to a laptop's task lies deeper, and is not looked for."""
    for folder in map(Path, folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            uid = _owner(path)
            if uid == os.geteuid() and path.name.startswith(RUN_FOLDER):
                uid = _owner(path / "home")
            if uid in ALL_UIDS:
                yield path, uid


def _owner(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return -1
    return -1 if stat.S_ISLNK(found.st_mode) and found.st_uid == os.geteuid() else found.st_uid
