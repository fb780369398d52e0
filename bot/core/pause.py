"""The switch that stops everything without a commit: what its value means."""

from typing import Final

VARIABLE: Final = "AI_READY_PAUSED"
"""An Actions variable of the repository or its organization; of the server, its environment's."""

_NO: Final = frozenset({"", "0", "false", "no", "off"})


def is_pause(value: str) -> bool:
    """Whether it says that nothing may start: anything but a clear no does."""
    return value.strip().lower() not in _NO
