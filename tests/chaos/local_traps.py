"""Where the runner of a laptop can be killed: before and after each step that leaves something behind, and amid the agent.

Set in a process of its own (`local_process`), around the real parts; the code under test knows nothing of it.
"""

import functools
import importlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ANYWHERE = "anywhere"
"""A kill by the clock."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and where its code is called from."""

    name: str
    owner: str
    """A module, or a class in one."""
    attribute: str
    most: int = 1
    """How often one task comes by here."""


STEPS = (
    Step("the claim's file is written", "bot.local.claims.ClaimFile", "write", 3),
    Step("the source is asked for the claim", "bot.trackers.file_source.FileTracker", "claim"),
    Step("the attempt", "bot.local.task_run.TaskRun", "__call__"),
    Step("the start is looked for", "bot.local.task_run", "find_start"),
    Step("the tree is made", "bot.local.worktrees", "begin"),
    Step("the tree's record is written", "bot.local.worktrees", "write_record", 2),
    Step("the work", "bot.local.task_run", "work"),
    Step("the tree is collected", "bot.job.work", "collect"),
    Step("the commit is made", "bot.job.work", "commit_tree"),
    Step("what is left is saved", "bot.local.task_run", "salvage"),
    Step("the outcome is handed over", "bot.local.task_run", "hand_over"),
    Step("the branch is moved", "bot.local.checkout.Checkout", "move", 2),
    Step("the result is put down", "bot.local.finishing", "write_result"),
    Step("the tree is taken away", "bot.local.worktrees", "remove"),
    Step("the note is written", "bot.trackers.file_source.FileTracker", "comment"),
    Step("the status is set", "bot.trackers.file_source.FileTracker", "set_status"),
    Step("the task is counted", "bot.local.session.Book", "count"),
    Step("the claim's file is removed", "bot.local.claims.ClaimFile", "remove"),
)
BY_NAME = {step.name: step for step in STEPS}


@dataclass(frozen=True, slots=True)
class Moment:
    """One place to die."""

    step: str
    when: Literal["before", "after"]
    times: int = 1
    """When it comes by there so often."""

    def __str__(self) -> str:
        return f"{self.when} {self.step}"


MOMENTS = tuple(
    Moment(step.name, when, times)
    for step in STEPS
    for when in ("before", "after")
    for times in range(1, step.most + 1)
)


def set_trap(moment: Moment) -> None:
    """From here on this process dies there, by SIGKILL."""
    set_ambush(BY_NAME[moment.step], moment.when, moment.times, lambda: os.kill(os.getpid(), signal.SIGKILL))


def set_ambush(step: Step, when: Literal["before", "after"], times: int, act: Callable[[], None]) -> None:
    """From here on this happens when this process comes by there for the `times`-th time."""
    owner: Any = _owner(step.owner)
    real: Any = getattr(owner, step.attribute)
    left = times

    @functools.wraps(real)
    def watched(*args: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            act()
        made = real(*args, **named)
        if left == 0 and when == "after":
            act()
        return made

    setattr(owner, step.attribute, watched)


def _owner(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)
