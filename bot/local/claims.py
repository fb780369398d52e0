"""The task that is under way, on disk: written before anything is done for it, gone when all of it is told.

A runner that finds a claim of its own goes on from there, wherever it was killed, and takes no other task before:

    (nothing) ──▶ claim ──────────────────────▶ claim with a result ─────────────────▶ (nothing)
              the claim in the source, the agent, landing        note, status, the session's counters
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.local.ports import Attempt, Result
from bot.local.state import StateFolder, read_record, remove_record, write_record
from bot.trackers.tracker import Task

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """One task of one agent, and its last attempt."""

    task_id: str
    agent_id: str
    locked_at: datetime
    """UTC; of the last attempt."""
    worktree_path: str
    branch_name: str
    run_key: str
    source: str
    """The type of the task source, whose task it is."""
    name: str
    title: str
    attempt: int = 1
    """Of this claim; each has a run key of its own."""
    crashes: int = 0
    """Attempts whose agent crashed: only so many are tried again."""
    guidance: str = ""
    onto: str = ""
    result: Result | None = None
    """What came of the last attempt; it is kept until the source has it."""
    hooked: bool = False
    """The hook `post_task` was started."""
    aborted: bool = False
    """A person said that the runner ends with this task."""
    version: int = VERSION

    @classmethod
    def of(cls, attempt: Attempt, task: Task, source: str) -> "Claim":
        """A first attempt at a task."""
        return cls(
            task_id=attempt.task_id,
            agent_id=attempt.agent,
            locked_at=attempt.at,
            worktree_path=str(attempt.tree),
            branch_name=attempt.branch,
            run_key=attempt.run_key,
            source=source,
            name=attempt.name,
            title=task.title,
            attempt=attempt.number,
            guidance=attempt.guidance,
            onto=attempt.onto,
        )

    def again(self, attempt: Attempt, *, crashed: bool) -> "Claim":
        """A next attempt at it."""
        fresh = replace(
            self,
            locked_at=attempt.at,
            worktree_path=str(attempt.tree),
            branch_name=attempt.branch,
            run_key=attempt.run_key,
            attempt=attempt.number,
            guidance=attempt.guidance,
            onto=attempt.onto,
        )
        return replace(fresh, crashes=self.crashes + crashed, result=None, hooked=False)

    def ended(self, result: Result) -> "Claim":
        """With what came of it."""
        plain = replace(result.outcome, metrics=dict(result.outcome.metrics))  # a read-only view can't be written
        return replace(self, result=replace(result, outcome=plain))

    def as_attempt(self) -> Attempt:
        """The attempt, exactly as it was begun."""
        return Attempt(
            task_id=self.task_id,
            name=self.name,
            agent=self.agent_id,
            run_key=self.run_key,
            branch=self.branch_name,
            tree=Path(self.worktree_path),
            at=self.locked_at,
            number=self.attempt,
            guidance=self.guidance,
            onto=self.onto,
        )


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """Where an agent's claim is."""

    path: Path

    @classmethod
    def of(cls, folder: StateFolder, agent: str) -> "ClaimFile":
        """The one of an agent."""
        return cls(folder.claim(agent))

    def read(self) -> Claim | None:
        """None: no task is under way. Raises `UnreadableState`."""
        return read_record(self.path, Claim, version=VERSION)

    def write(self, claim: Claim) -> Claim:
        """From here on this is what a next process goes on with."""
        write_record(self.path, claim)
        return claim

    def remove(self) -> None:
        """All of it is told."""
        remove_record(self.path)
