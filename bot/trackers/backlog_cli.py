"""Calls the `backlog` command and reads its JSON; nothing else does. Its refusals become one sentence each.

An edit that meets another one of the same task is refused at once ("is being modified by another process"), so those
are tried again, each time after a wait of another length.
"""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.core.model import Json
from bot.trackers.tracker import NoSuchTask, SourceConfigError, SourceUnavailable, TrackerError

SECONDS: Final = 60.0
"""For one call; they take 0.3 s."""
ATTEMPTS: Final = 8

_BUSY: Final = "is being modified by another process"
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+(?:\.[0-9]+)*|[0-9]+(?:\.[0-9]+)*")
_INSTALL: Final = "install it with `npm install -g backlog.md` (the package is called backlog.md, not backlog)"


@dataclass(frozen=True, slots=True)
class BacklogCli:
    """One project's `backlog`."""

    folder: Path
    """Where the project is."""
    command: str
    environ: Mapping[str, str]
    sleep: Callable[[float], None] = time.sleep

    def read(self, *argv: str) -> Json:
        """The JSON of a command that only reads."""
        text = self.run(*argv, "--json")
        try:
            answer: Any = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or answer.get("schemaVersion") != 1:
            words = "answered in a format that we do not know"
            raise TrackerError(
                f"`backlog {' '.join(argv)}` {words}: use Backlog.md 1.52 or newer with schema version 1."
            )
        return answer

    def run(self, *argv: str) -> str:
        """What a command prints. Raises the `TrackerError` that fits what it says."""
        for attempt in range(ATTEMPTS):
            code, out, err = self._once(argv)
            if code == 0:
                return out
            if _BUSY not in err:
                break
            self.sleep(random.uniform(0.05, 0.2 * (attempt + 1)))  # noqa: S311 (apart from others, not secret)
        said = next((line.strip() for line in err.splitlines() if line.strip()), f"exit code {code}")[:300]
        if _BUSY in err:
            raise SourceUnavailable(f"Backlog.md: another process keeps modifying the task ({said})")
        if "No Backlog.md project" in err:
            raise SourceConfigError(f"There is no Backlog.md project in {self.folder}: run `backlog init` there.")
        if re.search(r"Task .* not found", err):
            raise NoSuchTask(f"There is no task {argv[2] if len(argv) > 2 else ''} in the Backlog.md project.")
        raise TrackerError(f"`backlog {argv[0]} {argv[1]}` failed: {said}")

    def _once(self, argv: tuple[str, ...]) -> tuple[int, str, str]:
        environ = {name: value for name, value in self.environ.items() if name != "BACKLOG_CWD"} | {"NO_COLOR": "1"}
        try:
            process = subprocess.Popen(
                (self.command, *argv),
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # it starts a second process, which a time-out has to end, too
            )
        except (FileNotFoundError, NotADirectoryError):
            if not self.folder.is_dir():
                raise SourceConfigError(f"There is no folder {self.folder} for the task source backlog.") from None
            raise SourceConfigError(f"The command `{self.command}` was not found: {_INSTALL}.") from None
        except OSError as error:
            raise SourceConfigError(f"`{self.command}` can't be run ({error.strerror}): {_INSTALL}.") from None
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise SourceUnavailable(f"`backlog {argv[0]}` said nothing for {SECONDS:g} s.") from None
        return process.returncode, out, err


def checked_id(task_id: str) -> str:
    """An id that can't be mistaken for an option; any case, with or without prefix. Raises `NoSuchTask`."""
    if not _ID.fullmatch(task_id):
        raise NoSuchTask(f"There is no task {task_id} in the Backlog.md project.")
    return task_id
