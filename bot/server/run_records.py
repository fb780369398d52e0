"""What runs left on GitHub (their log, the files of their pull request), fetched when somebody looks at one. Thread-safe.

Nobody waits for it: whoever looks first is told that it is being fetched, two threads of their own ask GitHub, and
then the page's version of that run is another one. Nothing here is known to webhooks or passes.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from bot.errors import GitHubError
from bot.github.archive import PullFile
from bot.github.ports import Place
from bot.page.told import Told, read_told
from bot.server.logs import event

EVENTS_FILE: Final = "events.jsonl"
MOST_BYTES: Final = 6_000_000
"""Of one run's events; `bot.progress.journal` keeps little more than five million."""
MOST_KEPT: Final = 16_000_000
"""Bytes of all events together that are kept here; those that nobody looked at for longest go."""
MOST_RUNS: Final = 64
MOST_WAITING: Final = 32
"""Runs that wait to be fetched; of more, the next look asks again."""
THREADS: Final = 2
FRESH: Final = 900.0
"""Seconds after which what is shown is fetched anew, when somebody looks: the pull request may have changed."""
SOON: Final = 120.0
"""The same, of a run whose log was not there."""
MOST_COUNTED: Final = 10_000
"""Runs of which is known when they were fetched."""
GRACE: Final = 3.0
"""Seconds for what is being fetched when the server ends."""


class Wanted(NamedTuple):
    """A run that has ended."""

    place: Place
    key: str
    run_id: int
    """The workflow run; 0: not known."""
    pull: int
    """Its pull request; 0: none."""


class Archive(Protocol):
    """See `bot.github.archive.Archive`."""

    def kept(self, run_id: int, name: str, member: str, *, most: int) -> bytes | None:
        """A file of an artifact; None: it is not there."""
        ...

    def changed(self, pull: int) -> tuple[PullFile, ...]:
        """What a pull request changes."""
        ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was found of one run."""

    told: Told | None = None
    """None: no log was found."""
    changed: tuple[PullFile, ...] = ()
    problems: tuple[str, ...] = ()
    """What GitHub would not say; a sentence each."""
    size: int = 0
    """Of the events, in bytes."""


@dataclass(slots=True)
class _Entry:
    record: RunRecord | None = None
    """None: it is being fetched for the first time."""
    fetching: bool = False
    until: float = 0.0
    """When it is no longer fresh."""


_Name = tuple[int, str]
"""Repository and run key."""


@dataclass(slots=True)
class RunRecords:
    """See the module. `close` it."""

    archive: Callable[[Place], Archive]
    clock: Callable[[], float] = time.monotonic
    changes: int = 0
    """Grows with each run that was fetched."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _entries: OrderedDict[_Name, _Entry] = field(default_factory=OrderedDict)
    _arrived: dict[_Name, int] = field(default_factory=dict)
    _jobs: "queue.Queue[Wanted | None]" = field(default_factory=lambda: queue.Queue(MOST_WAITING))
    _closed: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    def look(self, wanted: Wanted) -> RunRecord | None:
        """What is known of this run; where that is nothing or old, it is fetched after this. None: not known yet."""
        name = wanted.place.repository_id, wanted.key
        with self._lock:
            entry = self._entries.setdefault(name, _Entry())
            self._entries.move_to_end(name)
            if not entry.fetching and self.clock() >= entry.until:
                entry.fetching = self._ask(wanted)
            return entry.record

    def version(self, repository_id: int, key: str) -> int:
        """Another number once something of that run was fetched; the same when it was only forgotten."""
        return self._arrived.get((repository_id, key), 0)

    def close(self) -> None:
        """Fetch nothing any more, and end when what is being fetched now is there."""
        with self._lock:
            self._closed = True
            with suppress(queue.Empty):  # the threads take from it, too
                while True:
                    self._jobs.get_nowait()
            for _ in self._threads:
                self._jobs.put_nowait(None)
        for thread in self._threads:
            thread.join(GRACE)

    def _ask(self, wanted: Wanted) -> bool:
        """Whether there is room for one more."""
        if self._closed:
            return False
        try:
            self._jobs.put_nowait(wanted)
        except queue.Full:
            return False
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="page-runs", daemon=True)
            self._threads.append(thread)
            thread.start()
        return True

    def _work(self) -> None:
        while (wanted := self._jobs.get()) is not None:
            try:
                record = fetched(self.archive(wanted.place), wanted)
            except Exception as error:  # noqa: BLE001 (the door of a thread: one odd run must not cost all others their log)
                event("run_record_failed", level=logging.ERROR, trace=error, run=wanted.key)
                record = RunRecord(problems=("Its log could not be read here: see the server's log.",))
            self._keep(wanted, record)

    def _keep(self, wanted: Wanted, record: RunRecord) -> None:
        name = wanted.place.repository_id, wanted.key
        with self._lock:
            fresh = FRESH if record.told is not None and not record.problems else SOON
            self._entries[name] = _Entry(record, until=self.clock() + fresh)
            self._entries.move_to_end(name)
            while len(self._entries) > MOST_RUNS or self._size() > MOST_KEPT:
                self._entries.popitem(last=False)
            if len(self._arrived) >= MOST_COUNTED:
                self._arrived.pop(next(iter(self._arrived)))
            self.changes += 1
            self._arrived[name] = self.changes

    def _size(self) -> int:
        return sum(entry.record.size for entry in self._entries.values() if entry.record is not None)


def fetched(archive: Archive, wanted: Wanted) -> RunRecord:
    """Ask GitHub for all of it; what it would not say is among the problems."""
    events: bytes | None = None
    files: tuple[PullFile, ...] = ()
    problems = []
    try:
        if wanted.run_id:
            events = archive.kept(wanted.run_id, f"ai-ready-log-{wanted.key}", EVENTS_FILE, most=MOST_BYTES)
    except GitHubError as error:
        problems.append(str(error))
    try:
        if wanted.pull:
            files = archive.changed(wanted.pull)
    except GitHubError as error:
        problems.append(str(error))
    told = read_told(wanted.key, events.splitlines()) if events is not None else None
    return RunRecord(told, files, tuple(problems), len(events or b""))
