"""The rest of the disk, read-only for whatever runs isolated: each command gets a mount namespace of its own.

Another uid is no wall where everybody may write. GitHub's hosted runners have `/usr/local/bin`, `/opt` and `/usr/share`
at 0777 (https://github.com/actions/runner-images/issues/267, canonical/github-runner-operator#60), and their PATH and
sudo's secure_path begin there: a `setpriv`, `bash` or Python module that the agent leaves behind would be run by us, as
root, or by the job's next step. Shared memory of System V, which outlives its process and has no file, is the command's
own as well, and what is to be hidden from it is empty. Owns which mounts are closed, and the words that close them
(mount_namespaces(7), ipc_namespaces(7)).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

NOT_FILES = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs"),
        *("fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
    }
)
"""File systems in which nobody keeps files; they stay as they are."""

SCRIPT = (
    'set -e; while [ "$1" != -- ]; do mount --rbind "$1" "$1"; shift; done; shift; '
    'while [ "$1" != -- ]; do mount -o remount,bind,ro "$1"; shift; done; shift; '
    'while [ "$1" != -- ]; do if [ -d "$1" ]; then mount -t tmpfs -o size=4k,mode=0 none "$1"; '
    'else mount --bind /dev/null "$1"; fi; shift; done; shift; exec "$@"'
)
"""Open folders become mounts of their own, the rest is closed, some is hidden, then the command follows. Run by root."""


def closing_words(
    unshare: str, shell: str, *, keep: Iterable[Path], hide: Iterable[Path], mountinfo: str
) -> tuple[str, ...]:
    """What goes before a command so that it can write nowhere but below `keep`, and finds `hide` empty.

    `mountinfo` as in proc(5). Only root may run it. The words before the command are resolved as root, so programs are given by their full path.
    """
    real = sorted({folder.resolve() for folder in keep})
    open_ = [folder for folder in real if not any(other in folder.parents for other in real)]
    closed = dict.fromkeys(str(path) for path in _writable(mountinfo) if not _inside(path, open_))
    words = (unshare, "--mount", "--ipc", "--propagation", "private", "--", shell, "-c", SCRIPT, "closing")
    return (*words, *map(str, open_), "--", *closed, "--", *map(str, hide), "--")


def _inside(path: Path, folders: list[Path]) -> bool:
    return any(folder == path or folder in path.parents for folder in folders)


def _writable(mountinfo: str) -> Iterator[Path]:
    for line in mountinfo.splitlines():
        mount, _, kind = line.partition(" - ")
        fields = mount.split(" ")
        path = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        fuse = kind.startswith("fuse") and path != Path("/")  # somebody's own mount may shut out even root
        if kind.split(" ")[0] not in NOT_FILES and not fuse and "ro" not in fields[5].split(","):
            yield path
