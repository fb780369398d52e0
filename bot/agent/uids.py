"""The user ids and processes of this machine: a uid nobody else has, what lives under it, our own short commands.

Owns the lock on a uid and the reading of /proc; `isolation` builds on it.
"""

import contextlib
import pwd
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.core.names import Reason
from bot.errors import Blocked

FIRST_UID, LAST_UID = 61000, 61183
"""Ids that nobody hands out: systemd's homed ends at 60577 and its dynamic users start at 61184
(https://systemd.io/UIDS-GIDS/), distributions' own users end at 60000."""

ALL_UIDS = range(FIRST_UID, LAST_UID + 1)

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where setpriv, sudo and chown may come from; never the run's PATH, which the repository may have a say in, nor
/usr/local/bin, where everybody may write on GitHub's hosted runners (see `closing`)."""


def take_uid(uids: range = ALL_UIDS) -> tuple[int, socket.socket]:
    """A uid of `uids` that no run on this machine has, with the lock that keeps it so.

    The lock is an abstract unix socket (unix(7)): no file to own or clean, freed by the kernel when we die. We
    start anywhere in the range, so that what an earlier run left behind rarely meets its uid again.
    """
    start = random.randrange(len(uids))  # noqa: S311 (spreads, protects nothing)
    for uid in (*uids[start:], *uids[:start]):
        if has_name(uid):
            continue
        if lock := lock_of(uid):
            return uid, lock
    raise Blocked(
        Reason.SETUP_FAILED, f"All {len(uids)} user ids for agents are in use on this machine; try again later."
    )


def lock_of(uid: int) -> socket.socket | None:
    """The lock on a uid; None: somebody has it."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0ai-ready-uid-{uid}")
    except OSError:
        lock.close()
        return None
    return lock


def has_name(uid: int) -> bool:
    """Whether somebody on this machine goes by `uid`."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def alive(uid: int) -> bool:
    """Whether a process with `uid` as real, effective, saved or file-system id lives (zombies do not)."""
    # Twice: one that is handed on from child to child may once be where the look has been, when numbers begin anew.
    return any(uid in _uids(entry) for _ in range(2) for entry in _processes())


def living_uids() -> set[int]:
    """The ids of every process that lives."""
    return {uid for entry in _processes() for uid in _uids(entry)}


def _processes() -> Iterator[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _uids(process: Path) -> set[int]:
    """Whose it is; nobody's when it is dead. One whose first thread has ended looks like a zombie, and goes on with the
    others.

    Reads `status`, not the owner of /proc/PID, which is root for a process that made itself undumpable (proc(5)).
    """
    try:
        text = (process / "status").read_text(errors="replace")
    except OSError:
        return set()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    dead = fields.get("State", "")[:1] in {"Z", "X"} and fields.get("Threads", "1").strip() in {"0", "1"}
    return set() if dead else set(map(int, fields.get("Uid", "").split()))


def marked_processes(mark: bytes) -> Iterator[int]:
    """Processes that inherited `mark`; none where there is no /proc (macOS), where group kill has to do."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes().split(b"\0"):
                yield int(entry.parent.name)


def tool(name: str) -> str:
    """The full path of a program of the system: sudo would look for a bare name in /usr/local/bin first.

    Raises `Blocked(setup-failed)` when it is not there.
    """
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise Blocked(Reason.SETUP_FAILED, f"There is no {name} in {SYSTEM_PATH}; the agent can't be isolated.")
    return found


def run_short(argv: Sequence[str], *, seconds: float = 30) -> subprocess.CompletedProcess[str]:
    """Run one of our own short commands; a bad exit code is the caller's to judge."""
    return subprocess.run(
        argv,
        env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
        start_new_session=True,  # Ctrl-C at the terminal is for us, not for a chown half-way
    )
