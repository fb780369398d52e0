"""A cloud hands its machines' credentials to whoever asks at certain addresses: refused to the agent's user.

By rules of routing for that user alone (ip-rule(8)), so that nobody else on the machine notices, nor DNS at the same address.
All other addresses stay open to it.
"""

from typing import Final

ADDRESSES: Final = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200")
"""AWS, Azure, Google and most others; ECS; EKS; Alibaba."""
ADDRESSES6: Final = ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
"""AWS, EKS, Google."""

SCRIPT: Final = (
    'printf "%s" "$2" | "$1" -4 -force -batch - 2>/dev/null; printf "%s" "$3" | "$1" -4 -batch -; code=$?; '
    'printf "%s" "$4" | "$1" -6 -force -batch - 2>/dev/null; exit $code'
)
"""A rule that a killed run left goes first. What can't be had of IPv6 is no failure: mostly there is none."""


def refusing_words(ip: str, shell: str, uid: int) -> tuple[str, ...]:
    """What root runs so that `uid` finds no way there."""
    again = _lines("del", uid, ADDRESSES6) + _lines("add", uid, ADDRESSES6)
    return (shell, "-c", SCRIPT, "metadata", ip, _lines("del", uid, ADDRESSES), _lines("add", uid, ADDRESSES), again)


def opening_words(ip: str, shell: str, uid: int) -> tuple[str, ...]:
    """What root runs at the end."""
    return (shell, "-c", SCRIPT, "metadata", ip, _lines("del", uid, ADDRESSES), "", _lines("del", uid, ADDRESSES6))


def _lines(verb: str, uid: int, addresses: tuple[str, ...]) -> str:
    rule = f"ipproto tcp dport 80-443 uidrange {uid}-{uid} unreachable"
    return "".join(f"rule {verb} to {address} {rule}\n" for address in addresses)
