"""One process at a time in a folder: flock on the folder itself.

There is no lock file that could be left behind or committed, and the lock is gone with its process, however that ends.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.trackers.tracker import SourceUnavailable

LOCK_SECONDS: Final = 30.0
"""How long to wait for other runners; each holds the lock for a moment."""


@contextlib.contextmanager
def locked(folder: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of a folder. Raises `SourceUnavailable` when it is not there, or others hold it for too long."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise SourceUnavailable(f"The folder {folder} can't be opened ({error.strerror}).") from None
    try:
        deadline = time.monotonic() + seconds
        while not _taken(handle):
            if time.monotonic() > deadline:
                raise SourceUnavailable(f"Another process has locked {folder} for {seconds:g} s.")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
