"""Processes of a job, read from /proc (Linux): who is whose child, the signals of a cancelled run, what was left behind.

GitHub cancels a step so: SIGINT to its entry process, 7.5 s, SIGTERM, 2.5 s, then the whole tree is killed. act kills
at once instead. So act is *stopped* first (it can neither react nor start the next step), the step's process gets
GitHub's signals, and only then act gets its own SIGINT, whereupon it goes on with the steps that have `if: always()`.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

INTERRUPT_SECONDS = 7.5
TERMINATE_SECONDS = 2.5
_POLL = 0.02


def children(pid: int) -> list[int]:
    """Children of all threads of `pid`; empty when it is gone."""
    found: list[int] = []
    for task in _listing(Path(f"/proc/{pid}/task")):
        found += map(int, _text(task / "children").split())
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found = children(pid)
    for child in found:
        found += descendants(child)
    return found


def ended(pid: int) -> bool:
    """It is gone, or a zombie that nobody has asked for yet."""
    return _state(pid) in ("", "Z", "X")


def tracked(tracking_id: str) -> list[int]:
    """Processes that a job left behind: GitHub's runner, too, knows them by RUNNER_TRACKING_ID in their environment."""
    mark = f"RUNNER_TRACKING_ID={tracking_id}\0".encode()
    entries = (entry for entry in _listing(Path("/proc")) if entry.name.isdigit())
    return [int(entry.name) for entry in entries if mark in _bytes(entry / "environ") + b"\0"]


def send(pids: list[int], number: signal.Signals) -> None:
    """Signal those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def cancel_steps(act: int, *, hurry: Callable[[], bool]) -> None:
    """Cancel the running step of the act process `act` as GitHub does; `hurry()` true skips what is left of the waits."""
    send([act], signal.SIGSTOP)
    _wait(lambda: _state(act) in ("T", "", "Z"), 1.0, hurry)
    entries = [pid for pid in children(act) if not ended(pid)]
    for number, seconds in ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS)):
        send(entries, number)
        if _wait(lambda: all(map(ended, entries)), seconds, hurry):
            break
    send(descendants(act), signal.SIGKILL)
    send([act], signal.SIGINT)
    send([act], signal.SIGCONT)


def _wait(condition: Callable[[], bool], seconds: float, hurry: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end or hurry():
            return False
        time.sleep(_POLL)
    return True


def _state(pid: int) -> str:
    """`R S D Z T …`; empty when there is no such process. Its name, in parentheses, may hold anything."""
    return _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].strip()[:1]


def _listing(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return b""
