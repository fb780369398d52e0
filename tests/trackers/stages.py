"""Each task source, set up for the contract: with a tracker for every agent, and everything that people see of a task."""

from pathlib import Path
from typing import Protocol

from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Status, Tracker


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
