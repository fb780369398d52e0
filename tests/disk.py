"""A small disk, and a way to fill it."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes, mounted at `folder` (made). Skips where nothing can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("mounts a disk")
    folder.mkdir()
    mounting = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder)
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", folder), check=True)


def fill(path: Path) -> None:
    """Take all the space there is."""
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(file, b"0" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017
    finally:
        os.close(file)
