"""The runner's log: what was said, with dates, in a file that does not grow without end."""

import os
import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from bot.core.outbound import clean
from bot.errors import UsageError

MOST_BYTES: Final = 10_000_000
"""A log that is longer is put aside as `runner.log.1`, in the place of the one before."""

LOOK: Final = 0.3
"""Seconds between two looks at a log that is followed."""

_CHUNK: Final = 1 << 16


class Log:
    """Adds lines to a file. Safe to use from any thread."""

    def __init__(self, path: Path, screen: Callable[[str], str]) -> None:
        """`screen` takes secrets out."""
        self._path, self._screen = path, screen
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Make sure that there is a log, before anything is done. Raises `UsageError` where the file can't be written.

        A folder that is made for it is hidden from git: `git status` stays as it was.
        """
        path = self._path
        try:
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
                path.parent.joinpath(".gitignore").write_text("*\n", encoding="utf-8")
            with path.open("ab"):
                pass
        except OSError as error:
            raise UsageError(
                f"The log {path} can't be written ({error.strerror}): correct `local.log_file`."
            ) from error

    def write(self, line: str) -> None:
        """Add a line, as plain words: what a command printed goes on in lines that are no entries of their own.

        A disk that is full costs the line, not the work.
        """
        words = self._screen(clean(line)).replace("\n", "\n  ")
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {words}\n".encode("utf-8", "replace")
        with self._lock:
            try:
                if self._path.exists() and self._path.stat().st_size > MOST_BYTES:
                    self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                with self._path.open("ab") as file:
                    file.write(text)
            except OSError:
                return


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a log; none where there is no log."""
    try:
        with path.open("rb") as file:
            at, data = file.seek(0, os.SEEK_END), b""
            while at > 0 and data.count(b"\n") <= lines:
                step = min(_CHUNK, at)
                at -= step
                file.seek(at)
                data = file.read(step) + data
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError(f"The log {path} can't be read ({error.strerror}).") from error
    return tuple(data.decode("utf-8", "replace").splitlines()[-lines:]) if lines > 0 else ()


def follow(path: Path, goes_on: Callable[[], bool]) -> Generator[str, None, None]:
    """Lines that are added from now on, also to a log that is put aside meanwhile; until `goes_on` says no."""
    first = _opened(path)
    if first is not None:
        first.seek(0, os.SEEK_END)
    return _added(path, first, goes_on)


def _added(path: Path, file: BinaryIO | None, goes_on: Callable[[], bool]) -> Generator[str, None, None]:
    held = b""
    try:
        while goes_on():
            data = file.read() if file is not None else b""
            if data:
                *whole, held = (held + data).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in whole)
            elif not _is_still(path, file) and (newer := _opened(path)) is not None:
                if file is not None:
                    file.close()
                file = newer
            else:
                time.sleep(LOOK)
    finally:
        if file is not None:
            file.close()


def _is_still(path: Path, file: BinaryIO | None) -> bool:
    """Whether `file` is what is at `path`."""
    try:
        return file is not None and path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
