"""Processes of a job, read from /proc (Linux): who is whose child, the signals of a cancelled run, what was left behind.

GitHub cancels a step so: SIGINT to its entry process, 7.5 s, SIGTERM, 2.5 s, then the whole tree is killed; steps with
`if: always()` follow. act kills the step at once instead, and were the step ended before act is told, act would begin
the next one. So every step runs below a *shim* (`write_shim`): it is stopped, the step's own process gets GitHub's
signals, and when that is gone act is interrupted, kills the shim that it took for the step, and goes on as GitHub does.
"""

import signal
import time
from collections.abc import Callable, Iterator
from os import kill
from pathlib import Path

INTERRUPT_SECONDS = 7.5
TERMINATE_SECONDS = 2.5
DRAIN_SECONDS = 1.0
_POLL = 0.02
_CAT = "/bin/cat"
_SHIM = b"/shims/bash\0"
"""In the command line of a shim; act's other children are orphans that it adopted."""


def write_shim(parent: Path, bash: str) -> Path:
    """Put a `bash` into a folder below `parent`; returns the folder, to be first in PATH: act starts it for each step.

    It also takes away the terminal that act gives to steps and GitHub does not. What the step starts itself finds the
    real bash.
    """
    folder = parent / "shims"
    folder.mkdir()
    shim = folder / "bash"
    lines = (
        f"#!{bash}",
        f'PATH=${{PATH//"{folder}:"/}}',
        f'"{bash}" "$@" < /dev/null 2>&1 | {_CAT}',
        'exit "${PIPESTATUS[0]}"',
    )
    shim.write_text("\n".join(lines) + "\n")
    shim.chmod(0o755)
    return folder


def children(pid: int) -> list[int]:
    """Children of all threads of `pid`; empty when it is gone."""
    found: list[int] = []
    for task in _listing(Path(f"/proc/{pid}/task")):
        found += map(int, read(task / "children").split())
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found = children(pid)
    for child in tuple(found):
        found += descendants(child)
    return found


def ended(pid: int) -> bool:
    """It is gone, or a zombie that nobody has asked for yet."""
    state = (
        read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].strip()[:1]
    )  # its name, in parentheses, may hold anything
    return state in (b"", b"Z", b"X")


def tracked(tracking_id: str) -> list[int]:
    """Processes that a job left behind: GitHub's runner, too, knows them by RUNNER_TRACKING_ID in their environment."""
    mark = f"RUNNER_TRACKING_ID={tracking_id}\0".encode()
    entries = (entry for entry in _listing(Path("/proc")) if entry.name.isdigit())
    return [int(entry.name) for entry in entries if mark in read(entry / "environ") + b"\0"]


def send(pids: list[int], number: signal.Signals) -> None:
    """Signal those that are still there."""
    for pid in pids:
        try:
            kill(pid, number)
        except ProcessLookupError:
            continue


def cancel_step(act: int, *, hurry: Callable[[], bool]) -> None:
    """Cancel the running step of the act process `act` as GitHub does; `hurry()` true skips what is left of the waits."""
    shims = [pid for pid in children(act) if not ended(pid) and _SHIM in read(Path(f"/proc/{pid}/cmdline"))]
    send(shims, signal.SIGSTOP)
    below = [pid for shim in shims for pid in children(shim)]
    output = [pid for pid in below if read(Path(f"/proc/{pid}/cmdline")) == f"{_CAT}\0".encode()]
    entries = [pid for pid in below if pid not in output]
    for number, seconds in ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS)):
        send(entries, number)
        if _wait(entries, seconds, hurry):
            break
    send([pid for pid in descendants(act) if pid not in (*shims, *output)], signal.SIGKILL)
    _wait(output, DRAIN_SECONDS, hurry)
    send([act], signal.SIGINT)


def read(path: Path) -> bytes:
    """A file of /proc; empty when the process has ended meanwhile, or is somebody else's."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _wait(pids: list[int], seconds: float, hurry: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not all(map(ended, pids)):
        if time.monotonic() > end or hurry():
            return False
        time.sleep(_POLL)
    return True


def _listing(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return
