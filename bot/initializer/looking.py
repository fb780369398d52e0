"""What a task source holds, in the words that a plan is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.core.specs.diff import Existing, is_meta
from bot.core.specs.mark import read_mark
from bot.core.specs.planned import META_KEY, Priority, key_of
from bot.trackers.tracker import Priority as TaskPriority
from bot.trackers.tracker import Status, Task, Tracker

_WITHOUT_RELATIONS: Final = frozenset({"headless-pm"})
_WITHOUT_PRIORITIES: Final = frozenset({"headless-pm"})

PRIORITIES: Final[Mapping[Priority, TaskPriority]] = {
    Priority.URGENT: TaskPriority.URGENT,
    Priority.HIGH: TaskPriority.HIGH,
    Priority.NORMAL: TaskPriority.NORMAL,
    Priority.LOW: TaskPriority.LOW,
}
_WORDS: Final = {theirs: ours for ours, theirs in PRIORITIES.items()}


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is there."""

    tasks: Mapping[str, Task]
    """By id, in the source's order."""
    existing: tuple[Existing, ...]

    def keyed(self, key: str) -> Task | None:
        """The first task that has this key, by its title or else by our marker."""
        found = [each for each in self.existing if key_of(each.title) == key] or [
            each for each in self.existing if (marked := read_mark(each.body)) and marked.mark.key == key
        ]
        return self.tasks[found[0].id] if found else None

    def meta(self, title: str) -> Task | None:
        """The task that keeps a project's tasks together, by its title or else by our marker."""
        metas = [each for each in self.existing if is_meta(each)]
        found = [each for each in metas if each.title.strip().casefold() == title.casefold()] or [
            each
            for each in metas
            if (marked := read_mark(each.body)) and (marked.mark.key, marked.mark.title) == (META_KEY, title)
        ]
        return self.tasks[found[0].id] if found else None


def look(tracker: Tracker) -> Seen:
    """Read everything. Where a listing has no texts, each task is asked for its own."""
    tasks = [task if task.body else tracker.get(task.id) for task in tracker.list().tasks]
    keys = {task.id: key_of(task.title) for task in tasks}
    return Seen({task.id: task for task in tasks}, tuple(_existing(task, tracker.source, keys) for task in tasks))


def _existing(task: Task, source: str, keys: Mapping[str, str]) -> Existing:
    first = frozenset(key for each in task.prerequisites if (key := keys.get(each.id, "")))
    return Existing(
        task.id,
        task.title,
        task.body,
        None if source in _WITHOUT_PRIORITIES else _priority(task, source),
        None if source in _WITHOUT_RELATIONS else first,
        "" if task.status in (Status.TODO, Status.BLOCKED) else task.status.value,
    )


def _priority(task: Task, source: str) -> Priority:
    """Backlog.md has nothing above high: there, what we wrote as urgent is urgent."""
    marked = read_mark(task.body)
    urgent = source == "backlog" and marked is not None and marked.mark.priority == Priority.URGENT
    return Priority.URGENT if urgent and task.priority is TaskPriority.HIGH else _WORDS[task.priority]
