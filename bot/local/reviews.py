"""Tasks in review: what became of their pull requests on GitHub, brought to the task source.

A task whose pull request was merged is done, and later tasks go on; one whose pull request was closed is blocked, for a
person to decide. The note comes first and is written once, then the status, where it is still the one that was read: a
kill between the two leaves a task in review, which is looked at again. A person who moves a task is never contradicted.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from bot.core.model import Ref, Standing
from bot.local.carrying import TRIES, Parts
from bot.local.notes import up_for_review
from bot.local.patience import Patience
from bot.local.runs import pulls_opened
from bot.trackers.tracker import Listing, NoSuchTask, Stale, Status, Taken, Task

MOVES: Final = frozenset({Status.IN_REVIEW, Status.DONE})
"""Statuses that a source must have for this."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")


class Standings(Protocol):
    """GitHub, as far as this needs it."""

    def standings(self, refs: Iterable[Ref]) -> dict[Ref, Standing]:
        """What is known of these pull requests, in one request; UNKNOWN while GitHub is away."""
        ...


@dataclass(frozen=True, slots=True)
class Fate:
    """What a task becomes, and why."""

    status: Status
    why: str
    """The note's first words, by which one that is there already is known."""
    advice: str = ""


def fate(number: int, standing: Standing) -> Fate | None:
    """What follows from a pull request's standing; None: nothing yet."""
    if standing is Standing.MERGED:
        return Fate(Status.DONE, f"#{number} was merged")
    if standing is Standing.UNMERGED:
        advice = " Set the task to `todo` to try again: a next run goes on from the branch."
        return Fate(Status.BLOCKED, f"#{number} was closed without being merged", advice)
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """The repository whose pull requests are looked at."""

    repo: str
    server_url: str

    def number(self, url: str) -> int:
        """Of the pull request with this address; 0: it is none of this repository's."""
        page = f"{self.server_url}/{self.repo}/pull/"
        if not url.lower().startswith(page.lower()):
            return 0
        found = _NUMBER.fullmatch(url[len(page) :])
        return int(found[0]) if found else 0

    def ref(self, number: int) -> Ref:
        """Its name."""
        return Ref(self.repo.lower(), number)


class Reviews:
    """Of one runner."""

    def __init__(self, parts: Parts, patience: Patience, github: Standings, place: Place) -> None:
        self._parts, self._patience, self._github, self._place = parts, patience, github, place
        self._next_look = float("-inf")
        self._moved: set[tuple[str, Fate]] = set()
        """Who puts a task back into review after that has a reason."""
        self._silent = False
        self._unseen: set[int] = set()

    def follow(self, listing: Listing) -> bool:
        """Move what is decided; whether the tasks are to be read again. One request, at most every `idle_seconds`."""
        waiting = [each for each in listing.tasks if each.status is Status.IN_REVIEW]
        if not waiting or time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + self._parts.config.local.idle_seconds
        opened = pulls_opened(self._parts.folder.runs, self._parts.tracker.source)
        numbers = [(task, self._place.number(self._address(task, opened.get(task.id, "")))) for task in waiting]
        ours = [(task, number) for task, number in numbers if number]
        if not ours:
            return False
        found = self._github.standings([self._place.ref(number) for _, number in ours])
        known = [(task, number, found.get(self._place.ref(number), Standing.UNKNOWN)) for task, number in ours]
        self._say_unknown(sorted({number for _, number, standing in known if standing is Standing.UNKNOWN}))
        self._say_unseen(sorted({number for _, number, standing in known if standing is Standing.UNREADABLE}))
        moved = [self._settled(task, fate(number, standing)) for task, number, standing in known]
        return any(moved)

    def _address(self, task: Task, opened: str) -> str:
        """Of the pull request that decides. `opened`: what this folder knows that we opened; a person may have linked
        another one since. Without that knowledge the link counts where a note of ours says that it was us.
        """
        if opened:
            return task.pull or opened
        if not task.pull:
            return ""
        try:
            now = self._patience.asked(lambda: self._parts.tracker.get(task.id))
        except NoSuchTask:
            return ""
        return now.pull if up_for_review(now.pull) in now.body else ""

    def _settled(self, task: Task, becomes: Fate | None) -> bool:
        if becomes is None or (task.id, becomes) in self._moved:
            return False
        tracker, asked = self._parts.tracker, self._patience.asked
        try:
            for _ in range(TRIES):
                now = asked(lambda: tracker.get(task.id))
                if now.status is not Status.IN_REVIEW:
                    return True
                asked(lambda: tracker.comment(now, f"{becomes.why}.{becomes.advice}", once=becomes.why))  # noqa: B023 (called at once)
                try:
                    asked(lambda: tracker.set_status(now, becomes.status))  # noqa: B023 (the same)
                except (Stale, Taken):
                    continue
                self._moved.add((task.id, becomes))
                say = self._parts.voice.success if becomes.status is Status.DONE else self._parts.voice.warning
                say(f"{task.name} is {becomes.status.value} now: {becomes.why}.")
                return True
        except NoSuchTask:
            pass
        return True

    def _say_unknown(self, numbers: list[int]) -> None:
        """Once, until GitHub answers again."""
        if numbers and not self._silent:
            words = (
                f"GitHub does not say what became of {_named(numbers)}: it is away, or GITHUB_TOKEN is no longer good"
            )
            self._parts.voice.warning(f"{words}. What waits for that waits on, and GitHub is asked again.")
        self._silent = bool(numbers)

    def _say_unseen(self, numbers: list[int]) -> None:
        """Once each."""
        new = [number for number in numbers if number not in self._unseen]
        self._unseen.update(new)
        if new:
            words = f"{_named(new)} can't be seen with this GITHUB_TOKEN, or is gone from {self._place.repo}"
            self._parts.voice.warning(f"{words}: set the task to done yourself when its work is merged.")


def _named(numbers: list[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)
