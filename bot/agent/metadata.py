"""A cloud hands its machines' credentials to whoever asks at certain addresses: refused to the agent's user.

By rules of routing for that user alone (ip-rule(8)), so that nobody else on the machine notices, nor DNS at the same address.
All other addresses stay open to it.
"""

import shutil
from typing import Final

from bot.agent.uids import SYSTEM_PATH, run_short, tool

ADDRESSES: Final = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200")
"""AWS, Azure, Google and most others; ECS; EKS; Alibaba."""
ADDRESSES6: Final = ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
"""AWS, EKS, Google."""

SCRIPT: Final = (
    'printf "%s" "$2" | "$1" -4 -force -batch - 2>/dev/null; printf "%s" "$3" | "$1" -4 -batch -; code=$?; '
    'printf "%s" "$4" | "$1" -6 -force -batch - 2>/dev/null; exit $code'
)
"""A rule that a killed run left goes first. What can't be had of IPv6 is no failure: mostly there is none."""


def refuse_metadata(become_root: tuple[str, ...], uid: int) -> str:
    """Leave `uid` no way there; why that can't be had here, or nothing."""
    ip = shutil.which("ip", path=SYSTEM_PATH)
    if ip is None:
        return f"there is no ip in {SYSTEM_PATH}"
    again = _lines("del", uid, ADDRESSES6) + _lines("add", uid, ADDRESSES6)
    lines = (_lines("del", uid, ADDRESSES), _lines("add", uid, ADDRESSES), again)
    done = run_short((*become_root, tool("sh"), "-c", SCRIPT, "metadata", ip, *lines))
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return said[0][:200] if done.returncode != 0 else ""


def reopen_metadata(become_root: tuple[str, ...], uid: int) -> None:
    """Take the rules back."""
    if ip := shutil.which("ip", path=SYSTEM_PATH):
        lines = (_lines("del", uid, ADDRESSES), "", _lines("del", uid, ADDRESSES6))
        run_short((*become_root, tool("sh"), "-c", SCRIPT, "metadata", ip, *lines))


def _lines(verb: str, uid: int, addresses: tuple[str, ...]) -> str:
    rule = f"ipproto tcp dport 80-443 uidrange {uid}-{uid} unreachable"
    return "".join(f"rule {verb} to {address} {rule}\n" for address in addresses)
