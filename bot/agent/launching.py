"""What an isolation is: how something is started under it, what it gives and takes back, how all of it ends."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from bot.agent.keyring import start_without_keys


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start something under an isolation: what to hand to `Popen`."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    keyless: bool = False
    """It must not have the kernel's keys of ours: see `start`."""

    def start(self, **options: Any) -> "subprocess.Popen[bytes]":
        """Start it; `options` are `Popen`'s."""

        def popen() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(self.argv, env=self.env, cwd=self.cwd, **options)

        return start_without_keys(popen) if self.keyless else popen()


class Launcher(Protocol):
    """Starts things, and ends what is left of them."""

    def launch(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Launch:
        """How to run `argv` with exactly `env`."""
        ...

    def kill_all(self) -> None:
        """End every process that was launched, however far it ran; returns when none is left. Raises `InternalError`."""
        ...


class Isolation(Launcher, Protocol):
    """Runs things apart from us; a context manager whose end leaves no process, file in /tmp or lock behind."""

    @property
    def name(self) -> str:
        """`uid 61007` or `none`, for the log and the pull request."""
        ...

    @property
    def uid(self) -> int:
        """Whose processes they are."""
        ...

    @property
    def trace(self) -> str:
        """By which another process of ours finds what was left of this, when we are killed (`isolation_again`)."""
        ...

    @property
    def home(self) -> Path:
        """HOME of what runs here; belongs to it and holds nothing of ours."""
        ...

    def identity(self) -> dict[str, str]:
        """The variables that say who one is: HOME, USER, LOGNAME, TMPDIR."""
        ...

    def own(self, path: Path) -> None:
        """Give the tree at `path` (only what is ours of it) to the isolated user; follows no symlink."""
        ...

    def reclaim(self, path: Path) -> None:
        """Kill everything, then take the tree at `path` (only what is theirs of it) back, readable and writable."""
        ...

    def discard(self, path: Path) -> None:
        """Kill everything, then delete the tree at `path`, whoever owns what in it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
