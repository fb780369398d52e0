"""Whether this machine and the task source are fit to go on: looked at now and then, also while a long task runs.

What fails is a warning that names itself; nothing is ever stopped by it.
"""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.agent.claude_code import find_cli
from bot.agent.process import Cancel
from bot.core.messages.words import counted
from bot.errors import AiReadyError, Blocked
from bot.trackers.tracker import TrackerError

INTERVAL: Final = 300.0
"""Seconds between two looks, where nothing else is said."""

LEAST_DISK: Final = 10**9
"""Bytes that have to be free."""

LEAST_MEMORY: Final = 5 * 10**8
"""Bytes that have to be available: what the CLI and a small test suite take."""

PARTING: Final = 5.0
"""Seconds that a look under way has to end when the watch does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    ok: bool
    text: str
    """One sentence or figure."""


Check = Callable[[], Finding]
"""Looks at one thing. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Health:
    """The checks of one runner."""

    checks: tuple[Check, ...]
    warn: Callable[[str], None]
    """Gets a line for each check that fails."""
    hook: Callable[[Cancel], None] = lambda _: None
    """The user's own `health_check`. What it raises is a warning, as of a check that fails."""
    interval: float = INTERVAL

    def look(self, cancel: Cancel) -> tuple[Finding, ...]:
        """Look at everything once, the user's hook last."""
        findings = [check() for check in self.checks]
        try:
            self.hook(cancel)
        except (AiReadyError, OSError) as problem:
            if not cancel.is_set:
                findings.append(Finding("health_check", ok=False, text=str(problem)))
        for finding in findings:
            if not finding.ok:
                self.warn(f"Health: {finding.name}: {finding.text}")
        return tuple(findings)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While inside, look every `interval` seconds, beside whatever is done meanwhile."""
        over, cancel = threading.Event(), Cancel()

        def watch() -> None:
            while not over.wait(self.interval):
                self.look(cancel)

        thread = threading.Thread(target=watch, name="health", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            cancel.set()
            thread.join(PARTING)


# ------------------------------------------------------------------------------------------- the checks


def git_state(checkout: Path, environ: Mapping[str, str]) -> Check:
    """The checkout can be read by git; what is changed in it is said, and no failure: agents work elsewhere."""

    def look() -> Finding:
        asked = ("git", "--no-optional-locks", "status", "--porcelain")
        try:
            told = subprocess.run(asked, cwd=checkout, env=dict(environ), capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Finding("git", ok=False, text=f"`git status` in {checkout} did not end well ({error}).")
        if told.returncode != 0:
            why = told.stderr.decode("utf-8", "replace").strip()[:300]
            return Finding("git", ok=False, text=f"`git status` in {checkout} failed: {why}")
        changed = len(told.stdout.splitlines())
        left = f"{counted(changed, 'changed file')} in the checkout, left alone" if changed else "clean"
        return Finding("git", ok=True, text=left)

    return look


def free_disk(folders: Sequence[Path]) -> Check:
    """Every one of `folders` has room."""

    def look() -> Finding:
        try:
            rooms = [(shutil.disk_usage(_there(folder)).free, folder) for folder in folders]
        except OSError as error:
            return Finding("disk", ok=False, text=f"{error.filename} can't be looked at ({error.strerror}).")
        least, where = min(rooms, default=(0, Path()))
        room = f"{least / 1e9:.1f} GB free at {where}"
        if least < LEAST_DISK:
            return Finding("disk", ok=False, text=f"only {room}; {LEAST_DISK / 1e9:.0f} GB is needed.")
        return Finding("disk", ok=True, text=room)

    return look


def free_memory() -> Check:
    """There is memory for one more agent."""

    def look() -> Finding:
        try:
            import psutil  # noqa: PLC0415 (of the extra `laptop`)
        except ImportError:
            missing = "not looked at: psutil is missing (pip install 'ai-ready-bot[laptop]')"
            return Finding("memory", ok=True, text=missing)
        available = psutil.virtual_memory().available
        room = f"{available / 1e9:.1f} GB available"
        if available < LEAST_MEMORY:
            return Finding("memory", ok=False, text=f"only {room}; {LEAST_MEMORY / 1e9:.1f} GB is needed.")
        return Finding("memory", ok=True, text=room)

    return look


def claude_there(configured: str, path: str) -> Check:
    """There is a Claude CLI: `configured` (AI_READY_CLAUDE), else one on `path`, else the one that we bring."""

    def look() -> Finding:
        try:
            return Finding("claude", ok=True, text=str(find_cli(configured, path=path)))
        except Blocked as missing:
            return Finding("claude", ok=False, text=missing.text)

    return look


def source_reached(source: str, reach: Callable[[], object]) -> Check:
    """The task source answers. `reach` asks it something small and raises `TrackerError`."""

    def look() -> Finding:
        try:
            reach()
        except TrackerError as error:
            return Finding(source, ok=False, text=str(error))
        return Finding(source, ok=True, text="reached")

    return look


def _there(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists already."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
