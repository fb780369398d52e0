"""What the runner's parts ask of each other: one attempt at one task, what came of it, and who does it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.agent.process import Cancel
from bot.core.run import Outcome
from bot.progress.journal import Listener
from bot.trackers.tracker import Task


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one task: on disk, whole, before anything is done for it."""

    task_id: str
    """What the source's own calls take."""
    name: str
    """What people call it."""
    agent: str
    """Who claims: the runner's id."""
    run_key: str
    """Names this attempt, everywhere and for ever. A runner that was killed asks for the same attempt once more, with the
    same key; one that was stopped (`cancel`) or whose agent crashed asks for a next one, with another key."""
    branch: str
    tree: Path
    """Where it works: a folder that is there from the attempt's begin until its work is safe elsewhere."""
    at: datetime
    """UTC."""
    number: int = 1
    """Of this task in this session; a crash makes a next one."""
    guidance: str = ""
    """What a person said when the attempt before stopped to ask: the agent reads it (`/ai retry …` on GitHub)."""
    onto: str = ""
    """Commit that the work starts from where its branch is not there yet: finished work that the task builds on and that
    the base does not have. Empty: the base."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt, once everything of it is where it will stay."""

    outcome: Outcome
    branch: str = ""
    """Holds the work, in the user's repository; empty: there is none, or it may not leave the tree."""
    commit: str = ""
    pull: str = ""
    """Address of the draft pull request that was read back."""
    kept: Path | None = None
    """A tree with work that is nowhere else."""
    told: bool = False
    """The source has it already: note, status and link (of GitHub issues: `publish` says the verdict). Nothing is left to
    be written there."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of an attempt while it is under way, and how it is ended."""

    cancel: Cancel
    listeners: tuple[Listener, ...] = ()
    """Hear what the attempt's journal tells: the terminal (`bot.local.terminal.Terminal` is one), the page."""
    beat: Callable[[], None] = lambda: None
    """Called every few seconds while the attempt lasts: heartbeats, health, the line that says that it is alive."""


class RunTask(Protocol):
    """Does attempts.

    Of the source github it is gate, work and publish, as in the Action: `bot.local.github_source.open_github` gives the
    tracker and what runs its tasks as one object, and claiming a task there is what the gate does. All other sources
    have `bot.local.task_run`.
    """

    def __call__(self, task: Task, attempt: Attempt, watch: Watch) -> Result:
        """From a claimed task to a result: work, verdict, landing. Raises nothing that a verdict could say.

        What an earlier attempt left in the tree is saved first, and this one goes on from it. The same attempt again
        (the runner was killed) does nothing twice: a commit of it that has landed is found, and so is its pull request.
        Told to stop, it saves the work and returns an outcome that is Blocked (cancelled).
        """
        ...
