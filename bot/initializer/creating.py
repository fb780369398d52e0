"""A plan that somebody agreed to → tasks, so that a kill at any moment loses nothing and makes nothing twice.

Task sources have no idempotency keys. So the intent is on disk before each task is made, and the id after it; where a
kill, or an answer that got lost, leaves it open whether a task is there, the source is looked through for its key first.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.core.specs.diff import Change, Diff, Kind, compare
from bot.core.specs.mark import marked_body, marked_meta_body
from bot.core.specs.planned import META_KEY, Priority
from bot.core.specs.rewriting import rewritten, rewritten_meta
from bot.initializer.looking import PRIORITIES, Seen, look
from bot.initializer.state import Progress
from bot.trackers.tracker import (
    NewTask,
    NoRelations,
    Rewriting,
    SourceUnavailable,
    Stale,
    Status,
    Task,
    Tracker,
    Wording,
)

WAITS: Final = (1.0, 5.0, 20.0)
"""Seconds before a source that was away is looked at again."""

_AS_IT_IS: Final = "left as it is"


@dataclass(frozen=True, slots=True)
class Made:
    """What there is now."""

    progress: Progress
    meta_task_id: str
    task_ids: tuple[str, ...]
    """In the plan's order."""
    notes: tuple[str, ...] = ()
    """What was left as it is, and why."""


class Creation:
    """Makes one plan's tasks in one source."""

    def __init__(
        self,
        tracker: Tracker,
        progress: Progress,
        *,
        keep: Callable[[Progress], None],
        tell: Callable[[str], None],
        wait: Callable[[float], None],
    ) -> None:
        """`keep` puts the progress on disk before it returns. `tell` hears of each task."""
        self._tracker, self._progress = tracker, progress
        self._keep, self._tell, self._wait = keep, tell, wait
        self._notes: dict[str, None] = {}

    def carry_out(self) -> Made:
        """META first, then the tasks in the plan's order, then what comes before what. Raises `TrackerError`."""
        plan = self._progress.plan
        seen = look(self._tracker)
        self._settle(seen)
        diff = compare(plan, seen.existing)
        meta = self._meta(seen)
        tasks = {change.task.key: self._task(change, seen) for change in diff.changes}
        self._relate(diff, tasks)
        self._notes |= dict.fromkeys(_left(diff))
        return Made(self._progress, meta.id, tuple(tasks[task.key].id for task in plan.tasks), tuple(self._notes))

    # ------------------------------------------------------------------------------------- one task

    def _settle(self, seen: Seen) -> None:
        """A task that was being made when the process was ended is there or is not."""
        if self._progress.doing:
            self._found(self._progress.doing, seen)

    def _found(self, key: str, seen: Seen) -> Task | None:
        task = seen.meta(self._progress.plan.meta_title) if key == META_KEY else seen.keyed(key)
        if task is not None:
            self._is_made(key, task)
        return task

    def _is_made(self, key: str, task: Task) -> None:
        """Headless PM makes a task and then offers it: a kill between the two leaves it held back."""
        if task.status is Status.BLOCKED:
            self._tracker.set_status(task, Status.TODO)
        self._remember(doing="", made={**self._progress.made, key: task.id})

    def _meta(self, seen: Seen) -> Task:
        plan = self._progress.plan
        there = seen.meta(plan.meta_title)
        if there is None:
            return self._create(META_KEY, NewTask(plan.meta_title, marked_meta_body(plan, self._progress.init)))
        body = rewritten_meta(plan, there.body, self._progress.init)
        if body is not None:
            init = self._progress.init
            self._rewrite(there, Wording(lambda text: rewritten_meta(plan, text, init) or text))
        return there

    def _task(self, change: Change, seen: Seen) -> Task:
        task = change.task
        if change.existing is None:
            new = NewTask(task.full_title, marked_body(task, self._progress.init), PRIORITIES[task.priority])
            return self._create(task.key, new)
        if change.kind is Kind.CHANGED:
            self._update(change, seen.tasks[change.existing.id])
        return seen.tasks[change.existing.id]

    def _create(self, key: str, new: NewTask) -> Task:
        self._remember(doing=key)
        for seconds in (*WAITS, None):
            try:
                made = self._tracker.create(new)
                break
            except SourceUnavailable as error:
                if seconds is None:
                    raise
                # Its answer may have got lost: the task may be there.
                self._wait(max(seconds, error.retry_after))
                if (found := self._found(key, look(self._tracker))) is not None:
                    return found
        self._remember(doing="", made={**self._progress.made, key: made.id})
        self._tell(f"Made {made.name}: {new.title}")
        return made

    def _update(self, change: Change, task: Task) -> None:
        init = self._progress.init
        now = rewritten(change, task.body, init)
        if now is None:
            self._notes[f"{change.task.key} is {_AS_IT_IS}: it changed meanwhile."] = None
            return
        priority = PRIORITIES[now.priority] if isinstance(now.priority, Priority) else None

        def text(before: str) -> str:
            after = rewritten(change, before, init)
            if after is None:
                raise Stale(f"{task.name} was changed meanwhile: leaving it as it is.")
            return after.body

        before = self._progress.updated
        self._remember(updated=(*before, change.task.key))  # first: what it waits for is still to be written after it
        if not self._rewrite(task, Wording(text, now.title, priority)):
            self._remember(updated=before)
        else:
            self._tell(f"Updated {task.name}: {', '.join(change.fields)}")

    def _rewrite(self, task: Task, wording: Wording) -> bool:
        if not isinstance(self._tracker, Rewriting):
            self._notes[f"{task.name} is {_AS_IT_IS}: {self._tracker.source} can't rewrite a task."] = None
            return False
        try:
            self._tracker.rewrite(task, wording)
        except Stale as error:
            self._notes[str(error)] = None
            return False
        return True

    # ----------------------------------------------------------------------------------- between them

    def _relate(self, diff: Diff, tasks: Mapping[str, Task]) -> None:
        """Of the tasks that this initialization made or gave a new prerequisite: saying it twice changes nothing."""
        ours = {*self._progress.made, *(each.task.key for each in diff.changes if "prerequisites" in each.fields)}
        ours |= set(self._progress.updated)
        wanted = [(change.task.key, first) for change in diff.changes for first in change.task.prerequisites]
        for key, first in wanted:
            if key not in ours:
                continue
            try:
                self._tracker.relate(tasks[key], tasks[first])
            except NoRelations as error:
                self._notes[str(error)] = None
                return

    def _remember(self, **changes: object) -> None:
        self._progress = replace(self._progress, **changes)  # type: ignore[arg-type]
        self._keep(self._progress)


def _left(diff: Diff) -> Iterator[str]:
    for change in diff.changes:
        if change.left:
            yield f"{change.task.key} is {_AS_IT_IS} in {', '.join(change.left)}: {change.why}."
    for gone in diff.gone:
        yield f"{gone.title} is not in the plan any more, and {_AS_IT_IS}."
    for key in diff.twice:
        yield f"Several tasks have the key {key}: the first one counts."
