"""Slack hears of the runs of tasks: how each ended, and now and then how far it is. Nothing depends on it.

GitHub issues are told by `publish`, on a laptop too.
"""

import time
from dataclasses import dataclass, replace
from typing import Final

from bot.core.settings import RepoConfig
from bot.local.ports import Attempt, Result, RunTask, Watch
from bot.notify.notice import Link, Notice
from bot.notify.progress import Figures, at_work, progress_told
from bot.notify.teller import Teller
from bot.progress.events import Entry
from bot.progress.state import Progress
from bot.trackers.tracker import Task

PULL: Final = "Draft pull request"


@dataclass(frozen=True, slots=True)
class TellingSlack:
    """Does attempts as `run` does, and tells of them; see `bot.local.ports.RunTask`."""

    run: RunTask
    teller: Teller
    config: RepoConfig

    def __call__(self, task: Task, attempt: Attempt, watch: Watch) -> Result:
        """See `RunTask`."""
        began, heard = time.monotonic(), [Progress(attempt.run_key, 0)]

        def hear(_entry: Entry, progress: Progress) -> None:
            heard[0] = progress

        def how_far() -> Notice:
            known = heard[0]
            figures = Figures(time.monotonic() - began, known.usd, known.turns, known.doing)
            return Notice("working", _name(task), task.title, at_work(figures, self.config.limits.usd))

        notify = self.config.notify
        with progress_told(self.teller, notify, how_far):
            result = self.run(task, attempt, replace(watch, listeners=(*watch.listeners, hear)))
        self.teller.tell(notify, ended(task, result))
        return result


def ended(task: Task, result: Result) -> Notice:
    """What is told of a run that is over."""
    outcome = result.outcome
    done = outcome.verdict == "done"
    where = "the draft pull request is up for review" if result.pull else f"the work is on {result.branch}"
    return Notice(
        kind="done" if done else "blocked",
        issue=_name(task),
        title=task.title,
        sentence=f"Done: {where}." if done else f"Blocked ({outcome.reason}): {outcome.text}",
        pull=Link(PULL, result.pull) if result.pull else None,
        usd=outcome.usd,
        seconds=outcome.seconds,
    )


def _name(task: Task) -> Link:
    return Link(task.name, task.url)
