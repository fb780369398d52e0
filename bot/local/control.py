"""Which process is the runner: the lock that holds while it lives, and how another terminal tells it to stop.

The lock is flock's, which is gone with its process, however that ends. What is written into the file says which process
has it; a number that the system gave to somebody else meanwhile has another beginning, and is never signalled.
"""

import contextlib
import errno
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bot.errors import UsageError

VERSION: Final = 1
LOOK_SECONDS: Final = 0.1
"""Between two looks whether a runner that was told to stop has ended."""

PATIENCE: Final = 1.0
"""Seconds for which a lock may be held by somebody who only looks."""


class AlreadyRunning(UsageError):
    """Another process works for this agent in this checkout."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A runner's process."""

    pid: int
    """0: it has only just begun, and did not say yet."""
    began: str
    """When the process began, in the system's own words."""
    since: str
    """The same for people, in UTC."""


@contextlib.contextmanager
def only_runner(path: Path, agent: str) -> Iterator[None]:
    """Be the runner of an agent in this checkout. Raises `AlreadyRunning`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise UsageError(f"{path} is a symbolic link, which no runner makes: remove it.") from None
    try:
        end = time.monotonic() + PATIENCE
        while not _locked(handle, fcntl.LOCK_EX):
            if time.monotonic() < end:
                time.sleep(LOOK_SECONDS / 10)
                continue
            there = _read(handle)
            who = f" (process {there.pid}, since {there.since})" if there.pid else ""
            raise AlreadyRunning(
                f"A runner of {agent} is at work in this checkout already{who}: `ai-ready stop` ends it, "
                "`ai-ready status` says what it does, --agent-id gives another one a name of its own."
            )
        _write(handle)
        yield
    finally:
        os.close(handle)


def runner_at(path: Path) -> Alive | None:
    """The runner that has the lock; None: there is none, whatever the file says."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(handle, fcntl.LOCK_SH) else _read(handle)
    finally:
        os.close(handle)


def stop_runner(path: Path, *, seconds: float, waiting: Callable[[Alive], None]) -> bool:
    """Tell the runner to stop, and wait until it has. False: it goes on after so many seconds. True also if there is none.

    `waiting` is called once, when it was told.
    """
    end = time.monotonic() + seconds
    told = False
    while (there := runner_at(path)) is not None:
        if not told and there.pid and process_began(there.pid) == there.began:
            with contextlib.suppress(ProcessLookupError):
                os.kill(there.pid, signal.SIGTERM)
            told = True
            waiting(there)
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def process_began(pid: int) -> str:
    """When a process began, in the system's own words; empty: there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            words = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return words[19]  # field 22, starttime: proc(5)
    asked = ("ps", "-o", "lstart=", "-p", str(pid))
    return subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False).stdout.strip()


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(handle: int) -> None:
    pid = os.getpid()
    said = {
        "version": VERSION,
        "pid": pid,
        "began": process_began(pid),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(said).encode(), 0)


def _read(handle: int) -> Alive:
    try:
        said: Any = json.loads(os.pread(handle, 4096, 0))
        return Alive(int(said["pid"]), str(said["began"]), str(said["since"]))
    except (ValueError, KeyError, TypeError):
        return Alive(0, "", "")
