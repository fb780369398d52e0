"""The one writer of a run's events: it stamps them, takes secrets and tricks out, keeps them, and tells them on.

Nothing of a run reaches the live log, the artifact or the summary past it. It never fails a run: a disk that is full
costs the file, not the work. What it keeps is bounded (`MOST_BYTES`), and whoever looks sees a sign of life at least
every `QUIET` seconds.
"""

import contextlib
import dataclasses
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.progress.events import AS_OFTEN_AS_IT_LIKES, Entry, Event, LogCut, StillWorking, line_of
from bot.progress.state import Progress
from bot.progress.summary import page

EVENTS_FILE = "events.jsonl"
SUMMARY_FILE = "summary.md"

QUIET = 30.0
"""Seconds without a word after which the journal says that the work goes on."""

MOST_BYTES = 5_000_000
"""Of `events.jsonl`, before only what can't be without end is kept."""

LONGEST = 256
"""Characters of a text in an event."""

LOOKED_AT = 4_096
"""Characters of a text that are searched for secrets: many more than are shown, so that none is shown by half."""

MOST_ITEMS = 50
"""Of a list in an event."""

SUMMARY_SECONDS = 5.0
"""Between two writings of the summary, where nothing important happened."""

Listener = Callable[[Entry, Progress], None]
"""Hears each event that is kept, in order, with how the run stands after it. It must not fail, and not take long."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, twice: for people, and for measuring."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic


class Journal:
    """What one run tells. Safe to use from any thread."""

    def __init__(
        self,
        run: str,
        issue: int,
        *,
        screen: Callable[[str], str],
        log: Callable[[str], None],
        listeners: tuple[Listener, ...] = (),
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`screen` takes secrets out. `log` gets plain lines. `folder`: where the files are kept; None: nowhere."""
        self._run, self._issue, self._screen, self._log = run, issue, screen, log
        self._listeners = listeners
        self._clock = clock or Clock()
        self._lock = threading.RLock()
        self._began = self._heard = self._clock.seconds()
        self._files = Files(folder, log, self._clock) if folder else None
        self._bytes = 0
        self.progress = Progress(run, issue)

    def tell(self, event: Event) -> None:
        """Add an event."""
        with self._lock:
            entry = self._entry(event)
            self.progress = self.progress.after(entry)
            cut = self._bytes > MOST_BYTES and isinstance(event, AS_OFTEN_AS_IT_LIKES)
            if not cut:
                self._keep(entry)

    def say(self, line: str) -> None:
        """A line for the live log alone, such as the output of a check; the caller has screened it."""
        with self._lock:
            self._heard = self._clock.seconds()
            self._log(line)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """While inside, a sign of life is told whenever it has been quiet for `QUIET` seconds. Then the files are closed."""
        over = threading.Event()
        heart = threading.Thread(target=self._beat, args=(over,), name="heartbeat")
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()
            if self._files:
                self._files.close()

    def _entry(self, event: Event) -> Entry:
        elapsed = self._clock.seconds() - self._began
        return Entry(self._clock.now(), elapsed, self._run, self._issue, self._sealed(event))

    def _keep(self, entry: Entry) -> None:
        line = line_of(entry)
        before, self._bytes = self._bytes, self._bytes + len(line.encode())
        self._heard = self._clock.seconds()
        if self._files:
            self._files.write(line, entry, self.progress)
        for listener in self._listeners:
            listener(entry, self.progress)
        if before <= MOST_BYTES < self._bytes:
            self.tell(LogCut(self._bytes))

    def beat(self) -> None:
        """Tell that the work goes on, if it has been quiet for long enough."""
        with self._lock:
            now, known = self._clock.seconds(), self.progress
            if now - self._heard >= QUIET:
                seconds = round(now - self._began - known.since, 1)
                self.tell(StillWorking(known.doing, seconds, known.turns, known.usd))

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(max(0.01, self._heard + QUIET - self._clock.seconds())):
            self.beat()

    def _sealed(self, event: Event) -> Event:
        """`event` with texts that are one short line without secrets, and lists that are short."""
        sealed: Event = self._value(event)
        return sealed

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._words(value)
        if isinstance(value, tuple):
            return tuple(self._value(each) for each in value[:MOST_ITEMS])
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **{name: self._value(each) for name, each in named.items()})
        return value

    def _words(self, text: str) -> str:
        looked_at = self._screen(text[:LOOKED_AT])
        # Not printable: line ends, terminal codes, half characters, and what is invisible or turns the direction.
        shown = "".join(letter if letter.isprintable() else " " for letter in looked_at[: 2 * LONGEST]).strip()
        # A runner obeys `##[name]` anywhere in a line (actions/runner, ActionCommand.cs), in whatever prints this one.
        shown = shown.replace("##[", "## [")
        return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


class Files:
    """`events.jsonl`, a whole line at a time, and `summary.md`, whole at any time: readable also after a kill."""

    def __init__(self, folder: Path, log: Callable[[str], None], clock: Clock) -> None:
        self._folder, self._log, self._clock = folder, log, clock
        self._file: int | None = None
        self._written = float("-inf")
        with self._forgiving():
            events = folder / EVENTS_FILE
            events.unlink(missing_ok=True)  # never through a link that somebody laid here
            self._file = os.open(events, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, line: str, entry: Entry, progress: Progress) -> None:
        """Keep a line, and the summary where something changed that is worth it."""
        if self._file is None:
            return
        now = self._clock.seconds()
        due = not isinstance(entry.event, AS_OFTEN_AS_IT_LIKES) or now - self._written >= SUMMARY_SECONDS
        with self._forgiving():
            self._append(line.encode())
            if due:
                self._written = now
                part = self._folder / f"{SUMMARY_FILE}.part"
                part.unlink(missing_ok=True)
                part.write_text(page(progress), encoding="utf-8")
                part.replace(self._folder / SUMMARY_FILE)

    def close(self) -> None:
        """Nothing more is kept."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: bytes) -> None:
        """All of it or nothing."""
        assert self._file is not None  # noqa: S101 (`write` looked)
        size = os.fstat(self._file).st_size
        if os.write(self._file, line) < len(line):
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        """A disk that can't be written ends the files, not the run."""
        try:
            yield
        except OSError as error:
            self._log(f"The events of this run can't be kept any more: {error.strerror}. The run goes on.")
            self.close()
