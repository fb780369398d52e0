"""Programs that are started without the kernel's keys of whoever starts them.

A session keyring goes from parent to child, whatever uid the child becomes, and who possesses a key may read it: a
Kerberos ticket of the runner's, say (keyrings(7), session-keyring(7)). Owns the new, empty one for a child of ours.
"""

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from bot.errors import InternalError

T = TypeVar("T")

KEYCTL: Final = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "armv7l": 311, "ppc64le": 271, "s390x": 280}
"""The number of the system call keyctl (syscalls(2)), which the C library has no function for."""

JOIN_SESSION_KEYRING: Final = 1

NO_KEYS_HERE: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES})
"""This kernel has no keys, or this container may not use them: neither may what is started."""


def start_without_keys(start: Callable[[], T]) -> T:
    """What `start` returns, called in a thread whose children find no key of ours; our own keep theirs."""
    number = KEYCTL.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return start()

    def without() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(number, JOIN_SESSION_KEYRING, None) < 0 and ctypes.get_errno() not in NO_KEYS_HERE:
            raise InternalError(f"There can be no new session keyring: {os.strerror(ctypes.get_errno())}.")
        return start()

    # A keyring, as all credentials, is a thread's own, and goes from there to what that thread starts (credentials(7)).
    with ThreadPoolExecutor(max_workers=1) as own_thread:
        return own_thread.submit(without).result()
