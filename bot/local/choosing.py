"""What comes next, and what becomes of a task whose run ended. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bot.core.settings import OrderRules
from bot.trackers.arranging import arrange_tasks
from bot.trackers.tracker import Listing, Status, Task

NEEDED = (Status.IN_PROGRESS, Status.BLOCKED)
"""Statuses that a source must have, besides one of `ENDS`."""

ENDS = (Status.IN_REVIEW, Status.DONE)
"""What a task can become whose run is Done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The task to be taken, and what is to be said of the others."""

    task: Task | None
    lines: tuple[str, ...]
    """`Skipping AUTH-2.1 - blocked by: …`, and what can never start."""


def choose(listing: Listing, rules: OrderRules, *, only: str = "", passed: Collection[str] = ()) -> Choice:
    """The first task that is ready. `only`: no other one than this (an id). `passed`: not these for now."""
    arranged = arrange_tasks(listing, rules)
    ready = [each for each in arranged.ready if each.id not in passed and only in ("", each.id)]
    return Choice(ready[0] if ready else None, (*arranged.skipped, *arranged.invalid, *arranged.notes))


def ours(listing: Listing, agent: str) -> tuple[Task, ...]:
    """What the source says is under way and ours: first of all these are taken up again."""
    return tuple(each for each in listing.tasks if each.status is Status.IN_PROGRESS and each.claimed_by == agent)


def nobodys(listing: Listing) -> tuple[Task, ...]:
    """What is under way and not said whose it is: some sources tell that of one task at a time only."""
    return tuple(each for each in listing.tasks if each.status is Status.IN_PROGRESS and not each.claimed_by)


def status_after(
    verdict: str, pull: str, wish: Literal["auto", "in_review", "done"], there: Collection[Status]
) -> Status:
    """What a task becomes. `there`: which of `ENDS` the source has; `wish`: `local.finished`.

    With a pull request somebody has to look at it, and later tasks wait for that; without one later tasks start from the
    finished branch.
    """
    if verdict != "done":
        return Status.BLOCKED
    wanted = Status(wish) if wish != "auto" else Status.IN_REVIEW if pull else Status.DONE
    return wanted if wanted in there else next(each for each in ENDS if each in there)
