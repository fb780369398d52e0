"""The task source `headless-pm`: a Headless PM server over REST.

What its API lacks is made of what it has: one task is found by listing, being blocked is a comment and `pending`, a pull
request is a comment. A dev hands a task on to QA (`dev_done`), a `qa` agent finishes it (`qa_done`).
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core.model import Json
from bot.trackers.http import Answer, JsonApi
from bot.trackers.tracker import (
    Listing,
    NewTask,
    NoRelations,
    NoSuchTask,
    Problem,
    SourceConfigError,
    Stale,
    Status,
    StatusNames,
    Taken,
    Task,
    TrackerError,
    must_be_free,
    must_be_ours,
)

ROLES: Final = ("frontend_dev", "backend_dev", "qa", "architect", "pm")
LEVELS: Final = ("junior", "senior", "principal")
SETTLE_SECONDS: Final = 0.5
"""The server looks at a lock and then sets it: two agents may both be told yes, and the later one has it."""

_READ: Final = {
    "pending": Status.BLOCKED,
    "created": Status.TODO,
    "approved": Status.TODO,
    "evaluation": Status.IN_REVIEW,
    "under_work": Status.IN_PROGRESS,
    "dev_done": Status.IN_REVIEW,
    "qa_done": Status.DONE,
    "documentation_done": Status.DONE,
    "committed": Status.DONE,
}
_WRITTEN: Final = {
    Status.TODO: "created",
    Status.IN_PROGRESS: "under_work",
    Status.IN_REVIEW: "dev_done",
    Status.BLOCKED: "pending",
}
_QA_WRITTEN: Final = {
    Status.TODO: "dev_done",
    Status.IN_PROGRESS: "under_work",
    Status.DONE: "qa_done",
    Status.BLOCKED: "pending",
}


@dataclass(frozen=True, slots=True)
class HeadlessPmTracker:
    """Tasks of a Headless PM server, as an agent of one role sees them; see `bot.trackers.tracker.Tracker`."""

    api: JsonApi
    agent: str
    role: str
    level: str
    feature_id: int = 0
    """Where new tasks go; 0: none can be made."""
    sleep: Callable[[float], None] = time.sleep

    @property
    def source(self) -> str:
        """`headless-pm`."""
        return "headless-pm"

    def check(self, needed: Collection[Status]) -> None:
        """The server takes the key, the role and the level; every status has one of its own."""
        done = "let a dev end with in_review and a qa agent with done"
        fix = f"as {self.role} it has {', '.join(self._written)}; {done}"
        StatusNames(self.source, self._written).demand(needed, fix)
        self._register()

    def list(self) -> Listing:
        """The oldest first."""
        entries = self._entries()
        problems = tuple(
            Problem(str(entry["id"]), str(entry.get("title") or ""), _unknown(entry))
            for entry in entries
            if entry.get("status") not in _READ
        )
        return Listing(tuple(self._task(entry) for entry in entries if entry.get("status") in _READ), problems)

    def get(self, task_id: str) -> Task:
        """By its number."""
        for entry in self._entries():
            if str(entry.get("id")) == task_id:
                return self._task(entry)
        raise NoSuchTask(f"There is no task {task_id} in Headless PM.")

    def claim(self, task: Task) -> Task:
        """The server's lock, then `under_work`; a lock that is ours already is one that a crash left."""
        now = self.get(task.id)
        if now.claimed_by != self.agent:
            must_be_free(now)
            if now.claimed_by:
                raise Taken(f"{now.name} is claimed by {now.claimed_by}.")
            if now.revision != task.revision:
                raise Stale(f"{now.name} was changed since it was read: reading it again.")
            self._lock(task.id)
        elif now.status is Status.IN_PROGRESS:
            return now
        self._put(task.id, Status.IN_PROGRESS)
        return self.get(task.id)

    def heartbeat(self, task: Task) -> None:
        """Register again: a lock is void half an hour after its agent last did."""
        del task
        self._register()

    def set_status(self, task: Task, status: Status) -> Task:
        """The server lets anybody set anything, so the looking is up to us."""
        must_be_ours(task, self.get(task.id), self.agent)
        self._put(task.id, status)
        return self.get(task.id)

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """A comment is added to the notes; `notes` with a status would replace them."""
        if once and once in self.get(task.id).body:
            return
        self._write("POST", f"/tasks/{task.id}/comment", {"comment": text})

    def attach(self, task: Task, url: str, title: str) -> None:
        """As a comment, once."""
        if url not in self.get(task.id).body:
            self.comment(task, f"{title}: {url}")

    def create(self, new: NewTask) -> Task:
        """For our own role and level, in the feature that is configured; a new task is pending, so it is moved on."""
        if not self.feature_id:
            raise SourceConfigError(
                "Headless PM keeps tasks in features: give the task source the `feature_id` for new ones."
            )
        role = "backend_dev" if self.role == "qa" else self.role
        fields: Json = {"feature_id": self.feature_id, "title": new.title, "description": new.body or new.title}
        fields |= {"target_role": role, "difficulty": self.level, "complexity": "major", "branch": "main"}
        made = self._write("POST", "/tasks/create", fields).data
        self._write("PUT", f"/tasks/{made['id']}/status", {"status": "created"})
        return self.get(str(made["id"]))

    def relate(self, task: Task, first: Task) -> None:
        """It has no such thing."""
        raise NoRelations(
            f"Headless PM can't hold that {first.name} comes before {task.name}: order them by titles such as [AUTH-1.2]."
        )

    # ----------------------------------------------------------------------------------------- the server

    @property
    def _written(self) -> Mapping[Status, str]:
        return _QA_WRITTEN if self.role == "qa" else _WRITTEN

    def _register(self) -> None:
        body = {"agent_id": self.agent, "role": self.role, "level": self.level, "connection_type": "client"}
        self._understood(self.api.call("POST", "/register", body=body, again=True), "register")

    def _entries(self) -> tuple[Json, ...]:
        answer = self._understood(self.api.call("GET", "/tasks", again=True), "list the tasks")
        if not isinstance(answer.data, list):
            raise TrackerError("Headless PM did not answer with a list of tasks: does its address end with /api/v1?")
        return tuple(sorted(answer.data, key=lambda entry: int(entry["id"])))

    def _lock(self, task_id: str) -> None:
        answer = self.api.call("POST", f"/tasks/{task_id}/lock", params={"agent_id": self.agent}, again=False)
        if answer.status == 409:
            holder = self.get(task_id).claimed_by
            if holder != self.agent:
                raise Taken(f"{task_id} is claimed by {holder or 'another agent'}.")
        else:
            self._understood(answer, f"lock task {task_id}")
        self.sleep(SETTLE_SECONDS)
        holder = self.get(task_id).claimed_by
        if holder != self.agent:
            raise Taken(f"{task_id} is claimed by {holder or 'another agent'}.")

    def _put(self, task_id: str, status: Status) -> None:
        if status not in self._written:
            raise SourceConfigError(f"The task source headless-pm has no status for {status.value} as {self.role}.")
        self._write("PUT", f"/tasks/{task_id}/status", {"status": self._written[status]})

    def _write(self, method: str, path: str, body: Json) -> Answer:
        again = method == "PUT"
        answer = self.api.call(method, path, params={"agent_id": self.agent}, body=body, again=again)
        return self._understood(answer, f"{method} {path}")

    def _understood(self, answer: Answer, doing: str) -> Answer:
        if answer.status < 300:
            return answer
        detail = answer.data.get("detail") if isinstance(answer.data, dict) else ""
        if answer.status == 401:
            raise SourceConfigError("Headless PM refused the API key: set HEADLESS_PM_API_KEY to one that it accepts.")
        if answer.status == 404 and _is_about_a_task(doing):
            raise NoSuchTask(f"Headless PM has no such task ({doing}).")
        raise TrackerError(f"Headless PM refused to {doing}: HTTP {answer.status} {_words(detail)}".strip())

    def _task(self, entry: Json) -> Task:
        word = str(entry.get("status"))
        if word not in _READ:
            raise TrackerError(
                f"Headless PM's task {entry.get('id')} has the status {word[:40]}, which we do not know."
            )
        status = _READ[word]
        if self.role == "qa" and word == "dev_done":
            status = Status.TODO
        name = str(entry["id"])
        parts = (entry.get("description"), f"## Notes\n\n{entry['notes']}" if entry.get("notes") else "")
        return Task(
            id=name,
            name=name,
            title=str(entry.get("title") or ""),
            status=status,
            revision=f"{entry.get('updated_at')} {word} {entry.get('locked_by')}",
            body="\n\n".join(str(part) for part in parts if part),
            series=str(entry.get("feature_id") or ""),
            claimed_by=str(entry.get("locked_by") or ""),
            eligible=self._eligible(entry, word),
            level=str(entry.get("difficulty") or ""),
            complexity=str(entry.get("complexity") or ""),
        )

    def _eligible(self, entry: Json, word: str) -> bool:
        """As `/tasks/next` has it: for our role (of QA: whatever devs are done with), not above our level, not locked."""
        difficulty = str(entry.get("difficulty") or LEVELS[0])
        fits = difficulty in LEVELS and LEVELS.index(difficulty) <= LEVELS.index(self.level)
        holder = entry.get("locked_by")
        ours = word == "dev_done" if self.role == "qa" else entry.get("target_role") == self.role
        return fits and ours and holder in (None, "", self.agent)


def _unknown(entry: Json) -> str:
    words = f"Headless PM's task {entry.get('id')} has the status {str(entry.get('status'))[:40]}, which we do not know"
    return f"{words}: move it to another one."


def _is_about_a_task(doing: str) -> bool:
    """Whether what was tried is about one task."""
    return "/tasks/" in doing or "task " in doing


def _words(detail: Any) -> str:
    """FastAPI's `detail`: a sentence, or a list of what is wrong with which field."""
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(map(str, each.get('loc', ())))}: {each.get('msg')}" for each in detail[:3])[:300]
    return str(detail or "")[:300]
