"""Each task source, set up for the contract: with a tracker for every agent, and everything that people see of a task."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bot.core.secret import Secret
from bot.trackers.backlog import BacklogTracker
from bot.trackers.backlog_cli import BacklogCli
from bot.trackers.file_source import FileTracker
from bot.trackers.headless_pm import HeadlessPmTracker
from bot.trackers.http import JsonApi
from bot.trackers.linear import LinearTracker, Scope
from bot.trackers.linear_api import LinearApi
from bot.trackers.tracker import Status, Tracker
from tests.npm import installed
from tests.trackers import headless_pm_server, linear_server
from tests.trackers.headless_pm_server import HeadlessPm
from tests.trackers.linear_server import Linear


class Stage(Protocol):
    """One source that is empty at first."""

    review: Status
    """What a run that succeeded sets."""
    lacking: Status | None
    """A status that the source has no name for."""
    relations: bool

    def tracker(self, agent: str) -> Tracker: ...

    def seen(self, task_id: str) -> str:
        """All text that people can see of a task."""
        ...


class FileStage:
    review = Status.IN_REVIEW
    lacking: Status | None = None
    relations = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tasks"
        self.tracker("setup").check(())

    def tracker(self, agent: str) -> Tracker:
        return FileTracker(self.folder, agent)

    def seen(self, task_id: str) -> str:
        return (self.folder / f"{task_id}.md").read_text()


class BacklogStage:
    """The real command, from npm."""

    review = Status.DONE
    lacking: Status | None = Status.IN_REVIEW
    relations = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.command = str(installed("backlog.md", "1.52.0").parent / ".bin" / "backlog")
        subprocess.run(("git", "init", "-q"), cwd=self.folder, check=True, timeout=60)
        self.run("init", "Demo", "--defaults", "--agent-instructions", "none")
        self.statuses("To Do", "In Progress", "Blocked", "Done")

    def run(self, *argv: str) -> str:
        return subprocess.run(
            (self.command, *argv), cwd=self.folder, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def statuses(self, *names: str) -> None:
        config = self.folder / "backlog" / "config.yml"
        lines = [line for line in config.read_text().splitlines() if not line.startswith("statuses:")]
        quoted = ", ".join(f'"{name}"' for name in names)
        config.write_text("\n".join([*lines, f"statuses: [{quoted}]", ""]))

    def tracker(self, agent: str) -> BacklogTracker:
        return BacklogTracker(BacklogCli(self.folder, self.command, os.environ), agent)

    def seen(self, task_id: str) -> str:
        return self.run("task", "view", task_id, "--plain")


class HeadlessPmStage:
    review = Status.IN_REVIEW
    lacking: Status | None = Status.DONE
    relations = False

    def __init__(self, url: str, server: HeadlessPm) -> None:
        self.url = url
        self.server = server

    def tracker(self, agent: str, role: str = "backend_dev", level: str = "senior") -> HeadlessPmTracker:
        api = JsonApi("Headless PM", f"{self.url}/api/v1", {"X-API-Key": Secret(headless_pm_server.KEY)})
        tracker = HeadlessPmTracker(api, agent, role, level, feature_id=1, sleep=lambda _: None)
        tracker.check(())
        return tracker

    def seen(self, task_id: str) -> str:
        row = self.server.rows[int(task_id)]
        return f"{row.title}\n{row.description}\n{row.notes}"


class LinearStage:
    review = Status.IN_REVIEW
    lacking: Status | None = None
    relations = True

    def __init__(self, url: str, server: Linear) -> None:
        self.url = url
        self.server = server
        self.waits: list[float] = []

    def tracker(
        self,
        agent: str,
        scope: Scope | None = None,
        key: str = linear_server.KEY,
        running: Callable[[], float] = time.monotonic,
    ) -> LinearTracker:
        http = JsonApi("Linear", f"{self.url}/graphql", {"Authorization": Secret(key)}, sleep=self.waits.append)
        api = LinearApi(http, "LINEAR_API_KEY", clock=self.server.now.timestamp)
        return LinearTracker(api, agent, scope or Scope(), running)

    def seen(self, task_id: str) -> str:
        issue = self.server.found(task_id)
        comments = [comment.body for comment in issue.its_comments]
        return "\n".join([issue.title, issue.description, *comments, *issue.attachments])
