"""The task source `backlog`: a Backlog.md project through its own command, so its files are written by nobody else.

Backlog.md has no claim: a claimed task is in progress with the label `claimed-by:AGENT`. Runners on this machine take turns
by a lock on the project's folder while they look and claim.
"""

import hashlib
import json
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from bot.core.model import Json, Standing
from bot.trackers.backlog_cli import BacklogCli, checked_id
from bot.trackers.folder_lock import locked
from bot.trackers.tracker import (
    Listing,
    NewTask,
    NoSuchTask,
    Prerequisite,
    Priority,
    Problem,
    SourceConfigError,
    Stale,
    Status,
    StatusNames,
    Task,
    TrackerError,
    Wording,
    must_be_as_read,
    must_be_free,
    must_be_ours,
)

DEFAULT_NAMES: Final = MappingProxyType(
    {
        Status.TODO: "To Do",
        Status.IN_PROGRESS: "In Progress",
        Status.IN_REVIEW: "In Review",
        Status.BLOCKED: "Blocked",
        Status.DONE: "Done",
        Status.CANCELLED: "Cancelled",
    }
)
"""Where the configuration names no others; those that a project lacks are lacking."""

_CLAIM: Final = "claimed-by:"
_PRIORITIES: Final = {
    "urgent": Priority.URGENT,
    "critical": Priority.URGENT,
    "high": Priority.HIGH,
    "low": Priority.LOW,
}
_WRITTEN: Final = {Priority.URGENT: "high", Priority.HIGH: "high", Priority.LOW: "low"}
"""By default Backlog.md has high, medium and low only."""
_SHARED: Final = ("id", "title", "status", "priority", "labels", "assignees", "milestone", "references", "updatedAt")
"""What `task list` and `task view` both say: a revision is made of these."""


@dataclass(frozen=True, slots=True)
class BacklogTracker:
    """Tasks of a Backlog.md project; see `bot.trackers.tracker.Tracker`."""

    cli: BacklogCli
    agent: str
    names: Mapping[Status, str] = field(default_factory=lambda: DEFAULT_NAMES)
    """By status, what the project calls it."""

    @property
    def source(self) -> str:
        """`backlog`."""
        return "backlog"

    def check(self, needed: Collection[Status]) -> None:
        """The command and the project are there, and the project has the statuses; the last one is the one for done."""
        self.cli.read("task", "list", "--limit=1")
        there = [name.strip() for name in self.cli.run("config", "get", "statuses").split(",")]
        known = {name.casefold() for name in there}
        config = "`statuses` in backlog/config.yml"
        lacking = " and ".join(self.names.get(each, each.value) for each in needed if not self._has(each, known))
        mapped = {status: name for status, name in self.names.items() if name.casefold() in known}
        fix = f"add {lacking} to {config} before {there[-1]}, or say under `statuses` of the task source what they are called"
        StatusNames(self.source, mapped).demand(needed, fix)
        done = self.names.get(Status.DONE, "").casefold()
        if there[-1].casefold() != done:
            words = f"Backlog.md takes the last of its statuses, {there[-1]}, for the one that completes a task"
            raise SourceConfigError(f"{words}: put {self.names.get(Status.DONE, 'Done')} last in {config}.")

    def _has(self, status: Status, known: Collection[str]) -> bool:
        return self.names.get(status, "").casefold() in known

    def list(self) -> Listing:
        """In the project's own order. Descriptions are read by `get` only: each costs a call."""
        tasks = deque[Task]()
        problems = deque[Problem]()
        for entry in self.cli.read("task", "list").get("tasks", []):
            try:
                waits = entry.get("isReady") is False and self._status(entry) is Status.TODO
                tasks.append(self._task(self._view(entry["id"]) if waits else entry))
            except TrackerError as error:
                problems.append(Problem(str(entry.get("id")), str(entry.get("title", "")), str(error)))
        return Listing(tuple(tasks), tuple(problems))

    def get(self, task_id: str) -> Task:
        """By id: any case, with or without prefix."""
        return self._task(self._view(task_id))

    def claim(self, task: Task) -> Task:
        """Under the lock: it is still as it was read, and todo."""
        with locked(self.cli.folder):
            now = self.get(task.id)
            if now.status is Status.IN_PROGRESS and now.claimed_by == self.agent:
                return now
            must_be_free(now)
            if now.revision != task.revision:
                raise Stale(f"{now.name} was edited since it was read: reading it again.")
            return self._edited(now, f"--status={self._name(Status.IN_PROGRESS)}", f"--add-label={_CLAIM}{self.agent}")

    def heartbeat(self, task: Task) -> None:
        """A claim in a file holds until it is ended."""

    def set_status(self, task: Task, status: Status) -> Task:
        """Under the lock, too."""
        with locked(self.cli.folder):
            now = self.get(task.id)
            must_be_ours(task, now, self.agent)
            ends = now.claimed_by and status is not Status.IN_PROGRESS
            claim = (f"--remove-label={_CLAIM}{now.claimed_by}",) if ends else ()
            return self._edited(now, f"--status={self._name(status)}", *claim)

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """Into the implementation notes."""
        if not (once and once in self.get(task.id).body):
            self._edit(task.id, f"--append-notes={text}")

    def attach(self, task: Task, url: str, title: str) -> None:
        """Into the references."""
        del title
        self._edit(task.id, f"--add-ref={url}")

    def create(self, new: NewTask) -> Task:
        """With the first status of the project."""
        options = [f"--status={self._name(Status.TODO)}"]
        options += [f"--description={new.body}"] if new.body else []
        options += [f"--priority={_WRITTEN[new.priority]}"] if new.priority in _WRITTEN else []
        options += [f"--labels={label}" for label in new.labels]
        said = self.cli.run("task", "create", *options, "--", new.title)
        made = next((line.split()[2] for line in said.splitlines() if line.startswith("Created task ")), "")
        if not made:
            raise TrackerError(f"`backlog task create` did not say which task it made: {said.strip()[:200]}")
        return self.get(made)

    def relate(self, task: Task, first: Task) -> None:
        """In its dependencies, of which the command wants all at once."""
        with locked(self.cli.folder):
            before = [str(each) for each in self._view(task.id).get("dependencies") or []]
            if first.id.casefold() not in map(str.casefold, before):
                self._edit(task.id, *(f"--dep={each}" for each in (*before, first.id)))

    def rewrite(self, task: Task, wording: Wording) -> Task:
        """Title, description and priority; its other sections stay."""
        with locked(self.cli.folder):
            view = self._view(task.id)
            must_be_as_read(task, self._task(view))
            options = [f"--description={wording.text(str(view.get('description') or ''))}"]
            options += [f"--title={wording.title}"] if wording.title else []
            if wording.priority is not None:
                options += [f"--priority={_WRITTEN.get(wording.priority, 'medium')}"]
            return self._edited(task, *options)

    # ---------------------------------------------------------------------------------------- the command

    def _view(self, task_id: str) -> Json:
        task = self.cli.read("task", "view", checked_id(task_id)).get("task")
        if not isinstance(task, dict):
            raise NoSuchTask(f"There is no task {task_id} in the Backlog.md project.")
        return task

    def _edit(self, task_id: str, *options: str) -> None:
        self.cli.run("task", "edit", checked_id(task_id), *options)

    def _edited(self, task: Task, *options: str) -> Task:
        self._edit(task.id, *options)
        return self.get(task.id)

    def _name(self, status: Status) -> str:
        if status not in self.names:
            raise SourceConfigError(f"The task source backlog has no status for {status.value}.")
        return self.names[status]

    def _status(self, entry: Json) -> Status:
        name = str(entry.get("status") or "")
        for status, known in self.names.items():
            if known.casefold() == name.casefold():
                return status
        words = f"{entry.get('id')} has the status {name}, which means nothing here"
        raise TrackerError(f"{words}: say under `statuses` of the task source which one it is.")

    def _task(self, entry: Json) -> Task:
        labels = [str(label) for label in entry.get("labels") or []]
        claims = [label.removeprefix(_CLAIM) for label in labels if label.startswith(_CLAIM)]
        priority = str(entry.get("priority") or "").lower()
        shared = {key: entry.get(key) for key in _SHARED}
        return Task(
            id=str(entry["id"]),
            name=str(entry["id"]),
            title=str(entry.get("title", "")),
            status=self._status(entry),
            revision=hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest(),
            body=_body(entry),
            priority=_PRIORITIES.get(priority, Priority.NORMAL),
            labels=frozenset(label for label in labels if not label.startswith(_CLAIM)),
            series=str(entry.get("milestone") or ""),
            prerequisites=_prerequisites(entry),
            parent=str(entry.get("parentTaskId") or ""),
            claimed_by=claims[0] if claims else "",
            url=str(entry.get("path") or ""),
            pull=next((each for each in reversed(entry.get("references") or []) if "/pull/" in each), ""),
        )


def _prerequisites(entry: Json) -> tuple[Prerequisite, ...]:
    """Files name a dependency in any case; the graph has the ids as `task list` says them."""
    nodes = (entry.get("dependencyGraph") or {}).get("nodes") or []
    ids = {str(node["id"]).casefold(): str(node["id"]) for node in nodes}
    readiness = entry.get("readiness") or {}
    blocking = {name.casefold() for name in readiness.get("blockingDependencies") or []}
    missing = {name.casefold() for name in readiness.get("missingDependencies") or []}

    def prerequisite(name: str) -> Prerequisite:
        known = ids.get(name, name)
        away = Standing.UNREADABLE if name in missing else Standing.CLOSED
        return Prerequisite(known, known, Standing.OPEN if name in blocking else away)

    return tuple(prerequisite(name) for name in dict.fromkeys(map(str.casefold, entry.get("dependencies") or [])))


def _body(entry: Json) -> str:
    """What `backlog task view` shows, in its own order; all criteria, checked or not."""
    parts = [("", entry.get("description"))]
    parts += [("Acceptance Criteria", _criteria(entry.get("acceptanceCriteria")))]
    parts += [("Definition of Done", _criteria(entry.get("definitionOfDone")))]
    parts += [("Implementation Plan", entry.get("implementationPlan"))]
    parts += [("Implementation Notes", entry.get("implementationNotes"))]
    said = [f"{each.get('author') or 'somebody'}: {each.get('body', '')}" for each in entry.get("comments") or []]
    parts += [("Comments", "\n\n".join(said))]
    return "\n\n".join(f"## {name}\n\n{text}" if name else str(text) for name, text in parts if text)


def _criteria(entries: Any) -> str:
    return "\n".join(f"- [{'x' if each.get('checked') else ' '}] {each.get('text', '')}" for each in entries or [])
