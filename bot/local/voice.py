"""How the runner speaks to people: `bot.local.terminal.Terminal` is one."""

from typing import Protocol


class Voice(Protocol):
    """Says lines, each with its time; what it keeps of them is the runner's log."""

    def info(self, text: str) -> None:
        """What is going on."""
        ...

    def success(self, text: str) -> None:
        """Something went well."""
        ...

    def error(self, text: str) -> None:
        """Something did not."""
        ...

    def warning(self, text: str) -> None:
        """Something deserves a look."""
        ...
