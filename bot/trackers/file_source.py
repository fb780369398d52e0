"""The task source `file`: one Markdown file a task in a folder. No account, no server; people and git read it.

Whoever writes holds the folder's lock (flock: it is gone with its process, however that ends) and puts a whole new file
in the place of the old one, so a reader sees the text of before or of after, and a kill leaves one of them.
"""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.core import titles
from bot.core.model import Standing
from bot.core.titles import Id, Keyed
from bot.trackers import task_file
from bot.trackers.folder_lock import locked
from bot.trackers.task_file import BadTask, TaskFile, quoted
from bot.trackers.tracker import (
    Listing,
    NewTask,
    NoSuchTask,
    Prerequisite,
    Priority,
    Problem,
    SourceConfigError,
    SourceUnavailable,
    Stale,
    Status,
    Task,
    TrackerError,
    Wording,
    must_be_as_read,
    must_be_free,
    must_be_ours,
)
from bot.whole_file import write_whole

LARGEST: Final = 1 << 20
"""Bytes of a task file that are read."""

_SUFFIX: Final = ".md"
_LEFT_OVER: Final = ".ai-ready-"
_ID: Final = re.compile(r"[^._/\\\\][^/\\\\]*")
"""A file's name as people give them, with spaces and in any script; it never leads out of the folder."""

_NOT_A_TASK: Final = frozenset({"readme"})


@dataclass(frozen=True, slots=True)
class _Read:
    """One file: its task, or its problem."""

    id: str
    path: Path
    raw: bytes
    file: TaskFile | None
    problem: Problem | None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FileTracker:
    """Tasks in a folder; see `bot.trackers.tracker.Tracker`."""

    folder: Path
    agent: str
    now: Callable[[], datetime] = _now

    @property
    def source(self) -> str:
        """`file`."""
        return "file"

    def check(self, needed: Collection[Status]) -> None:
        """The folder is there and can be written; files have every status."""
        del needed
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder):
                for left_over in self.folder.glob(f"{_LEFT_OVER}*"):
                    left_over.unlink(missing_ok=True)  # of a write that was killed
                handle, name = tempfile.mkstemp(prefix=_LEFT_OVER, dir=self.folder)
                os.close(handle)
                Path(name).unlink()
        except OSError as error:
            words = f"The task folder {self.folder} can't be used ({error.strerror}): make it writable, or name another"
            raise SourceConfigError(f"{words} as `folder`.") from None

    def list(self) -> Listing:
        """By name."""
        reads = self._reads()
        tasks = [_task(each.id, each.path, each.raw, each.file, reads) for each in reads if each.file is not None]
        return Listing(tuple(tasks), tuple(each.problem for each in reads if each.problem is not None))

    def get(self, task_id: str) -> Task:
        """By the file's name without `.md`, or by the key in the title."""
        there = task_id in self._ids()
        reads = () if there else self._reads()
        found = _read(self.folder, task_id) if there else _found(task_id, reads)
        if found is None:
            raise NoSuchTask(f"There is no task {task_id} in {self.folder}.")
        if found.file is None:
            raise TrackerError(found.problem.text if found.problem else f"{found.path} can't be read.")
        if there and found.file.depends_on:  # only then do the others matter
            reads = self._reads()
        return _task(found.id, found.path, found.raw, found.file, reads)

    def claim(self, task: Task) -> Task:
        """Under the lock: it is still as it was read, and todo."""
        with locked(self.folder):
            now = self.get(task.id)
            if now.status is Status.IN_PROGRESS and now.claimed_by == self.agent:
                return now
            must_be_free(now)
            if now.revision != task.revision:
                raise Stale(f"{now.name} was edited since it was read: reading it again.")
            return self._edited(task.id, {"status": Status.IN_PROGRESS.value, "claimed_by": quoted(self.agent)})

    def heartbeat(self, task: Task) -> None:
        """A claim in a file holds until it is ended."""

    def set_status(self, task: Task, status: Status) -> Task:
        """People may have edited the text meanwhile; only the status and the claim have to be as they were read."""
        with locked(self.folder):
            must_be_ours(task, self.get(task.id), self.agent)
            claim = quoted(self.agent) if status is Status.IN_PROGRESS else ""
            return self._edited(task.id, {"status": status.value, "claimed_by": claim})

    def comment(self, task: Task, text: str, *, once: str = "") -> None:
        """At the file's end, under `## Notes`."""
        with locked(self.folder):
            found = self._one(task.id)
            if once and once in found.text:
                return
            heading = f"{self.agent}, {self.now().astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            self._write(self._path(task.id), found.noted(heading, text).encode())

    def attach(self, task: Task, url: str, title: str) -> None:
        """As the key `pull_request`."""
        del title
        with locked(self.folder):
            self._edited(task.id, {"pull_request": quoted(url)})

    def create(self, new: NewTask) -> Task:
        """The file is named by the title's key, else by its words; a name that is taken gets a number."""
        labels = f"[{', '.join(quoted(label) for label in new.labels)}]" if new.labels else ""
        title = " ".join(new.title.split())
        if not title:
            raise TrackerError("A task needs a title.")
        values = {"status": Status.TODO.value, "priority": _priority(new.priority), "labels": labels}
        with locked(self.folder):
            name, names = _name(title), {each.casefold() for each in self._ids()}
            number = 2
            while name.casefold() in names:
                name, number = f"{_name(title)}-{number}", number + 1
            self._write(self._path(name), task_file.new_text(title, new.body, values).encode())
            return self.get(name)

    def relate(self, task: Task, first: Task) -> None:
        """In `depends_on`."""
        with locked(self.folder):
            now = self.get(task.id)
            if any(each.id == first.id for each in now.prerequisites):
                return
            names = (*self._one(task.id).depends_on, first.id)
            self._edited(task.id, {"depends_on": f"[{', '.join(quoted(name) for name in names)}]"})

    def rewrite(self, task: Task, wording: Wording) -> Task:
        """The heading, what is below it, and the key `priority`."""
        with locked(self.folder):
            must_be_as_read(task, self.get(task.id))
            now = self._one(task.id)
            title = " ".join(wording.title.split()) or now.title
            text = now.reworded(title, wording.text(now.body))
            if wording.priority is not None:
                text = task_file.parse(text).edited({"priority": _priority(wording.priority)})
            self._write(self._path(task.id), text.encode())
            return self.get(task.id)

    # -------------------------------------------------------------------------------------------- the disk

    def _path(self, task_id: str) -> Path:
        if not _may_be(task_id):
            raise NoSuchTask(f"There is no task {task_id} in {self.folder}.")
        return self.folder / f"{task_id}{_SUFFIX}"

    def _ids(self) -> tuple[str, ...]:
        """Of all tasks, sorted."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder) if entry.is_file())
        except OSError as error:
            raise SourceUnavailable(f"The task folder {self.folder} can't be read ({error.strerror}).") from None
        ids = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
        return tuple(each for each in ids if _may_be(each) and each.lower() not in _NOT_A_TASK)

    def _reads(self) -> tuple[_Read, ...]:
        found = (_read(self.folder, each) for each in self._ids())
        return tuple(each for each in found if each is not None)

    def _one(self, task_id: str) -> TaskFile:
        read = _read(self.folder, self._path(task_id).stem)
        if read is None:
            raise NoSuchTask(f"There is no task {task_id} in {self.folder}.")
        if read.file is None:
            raise TrackerError(read.problem.text if read.problem else f"{read.path} can't be read.")
        return read.file

    def _edited(self, task_id: str, values: Mapping[str, str]) -> Task:
        self._write(self._path(task_id), self._one(task_id).edited(values).encode())
        return self.get(task_id)

    def _write(self, path: Path, raw: bytes) -> None:
        """All of it or nothing, also when the machine goes down."""
        try:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
            write_whole(path, raw, mode=mode, prefix=_LEFT_OVER)
        except OSError as error:
            raise SourceUnavailable(f"The task {path} can't be written ({error.strerror}).") from None


# ------------------------------------------------------------------------------------------------ reading


def _read(folder: Path, task_id: str) -> _Read | None:
    """One file; None: it is gone."""
    path = folder / f"{task_id}{_SUFFIX}"
    try:
        with open(path, "rb", opener=_no_link) as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            words = f"{path} is a link, which may lead to anything of yours: a task is a file in this folder."
            return _Read(task_id, path, b"", None, Problem(task_id, "", words))
        return _Read(task_id, path, b"", None, Problem(task_id, "", f"{path} can't be read ({error.strerror})."))
    text = raw.decode(errors="replace")
    title = task_file.title_of(text)
    if len(raw) > LARGEST:
        words = f"{path}, line 1: larger than {LARGEST >> 20} MB; keep the task short and link to the rest."
        return _Read(task_id, path, raw, None, Problem(task_id, title, words))
    try:
        return _Read(task_id, path, raw, task_file.parse(raw.decode()), None)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _Read(
            task_id, path, raw, None, Problem(task_id, title, f"{path}, line {line}: not UTF-8; save it as UTF-8.")
        )
    except BadTask as error:
        end = "" if error.text.endswith("?") else "."
        words = f"{path}, line {error.line}: {error.text}{end}"
        return _Read(task_id, path, raw, None, Problem(task_id, title, words))


def _no_link(path: str, flags: int) -> int:
    """What a link leads to would be shown to an agent, and copied into the repository when the task is claimed."""
    return os.open(path, flags | os.O_NOFOLLOW)


def _may_be(task_id: str) -> bool:
    return task_id.isprintable() and _ID.fullmatch(task_id) is not None


def _task(task_id: str, path: Path, raw: bytes, file: TaskFile, reads: tuple[_Read, ...]) -> Task:
    return Task(
        id=task_id,
        name=task_id,
        title=file.title,
        status=file.status,
        revision=hashlib.sha256(raw).hexdigest(),
        body=file.body,
        priority=file.priority,
        labels=file.labels,
        series=file.milestone,
        prerequisites=tuple(_prerequisite(name, reads) for name in file.depends_on),
        claimed_by=file.claimed_by,
        url=path.resolve().as_uri(),
        pull=file.pull_request,
    )


def _prerequisite(name: str, reads: tuple[_Read, ...]) -> Prerequisite:
    found = _found(name, reads)
    if found is None:
        return Prerequisite(name, name, Standing.UNREADABLE)
    if found.file is None:
        return Prerequisite(found.id, name, Standing.UNKNOWN)
    gone = Standing.NOT_PLANNED if found.file.status is Status.CANCELLED else Standing.CLOSED
    return Prerequisite(found.id, name, Standing.OPEN if found.file.status.open else gone)


def _found(name: str, reads: tuple[_Read, ...]) -> _Read | None:
    """The file of that name; else the only one whose title has that key."""
    for each in reads:
        if each.id == name:
            return each
    wanted = name.casefold()
    keyed = [each for each in reads if wanted in (each.id.casefold(), _key(each).casefold())]
    return keyed[0] if len(keyed) == 1 else None


def _key(read: _Read) -> str:
    title = titles.parse(read.file.title if read.file else read.problem.title if read.problem else "")
    return title.label if isinstance(title, Keyed | Id) else ""


def _priority(priority: Priority) -> str:
    return "" if priority is Priority.NORMAL else priority.name.lower()


def _name(title: str) -> str:
    """A file's name for a new task."""
    key = titles.parse(title)
    text = key.label if isinstance(key, Keyed | Id) else title
    words = re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII).strip("-._+")
    name = words[:60].rstrip("-._+") or "task"
    return f"{name}-task" if name.lower() in _NOT_A_TASK else name
