"""The server's log: one line of JSON per event, on stderr, written by a thread of its own.

    event("delivery", delivery=guid, repository=7, issue=3, seconds=0.002)

Ids and names, never bodies. Whatever could hold free text goes through the redactor. A reader that stands still costs log
lines (their number is said later), never a delivery.
"""

import json
import logging
import math
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, TextIO

from bot.core.secret import Secret
from bot.job.redact import Redactor

NAME: Final = "ai_ready"
"""Our loggers' common root; a module's own is below it (`ai_ready.scheduler`)."""

MOST_WAITING: Final = 10_000
"""Lines that may wait for the reader of stderr."""
QUIET: Final = ("uvicorn", "httpx", "httpcore", "githubkit", "sqlalchemy", "alembic", "asyncio", "hishel", "psycopg")
"""Libraries that are heard from WARNING upwards: some of them tell every request, with its address."""

REQUESTS: Final = "uvicorn.error"
"""Who tells of requests that are none, and of answers that nobody takes, one by one."""
SAY_EVERY: Final = 60.0
"""Seconds between two lines about rubbish of one kind: who sends us that must not fill the log."""

_SHAPED: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "delivery": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "hook": re.compile(r"[a-z_]{1,40}"),
        "action": re.compile(r"[a-z_]{1,40}"),
        "result": re.compile(r"[a-z_]{1,40}"),
        "full_name": re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}"),
    }
)
"""Fields of the events that come thousands of times: what looks like this is not searched for secrets."""

log = logging.getLogger(NAME)


def event(
    name: str, *, level: int = logging.INFO, trace: BaseException | None = None, **fields: str | float | None
) -> None:
    """Say that something happened; fields that are None, empty or 0 are left out. `trace`: what went wrong, in full."""
    if log.isEnabledFor(level):
        log.log(level, name, exc_info=trace, extra={"fields": fields})


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        super().__init__()
        self._redact = Redactor(secrets).text

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, fields; a traceback as the last of them."""
        fields: Mapping[str, Any] | None = getattr(record, "fields", None)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if fields is None:
            line |= {"event": "log", "logger": record.name, "message": self._redact(record.getMessage())}
        else:
            line["event"] = record.getMessage()
            line |= {name: self._shown(name, value) for name, value in fields.items() if value or value is False}
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = self._redact("".join(traceback.format_exception(record.exc_info[1])))
        return json.dumps(line, ensure_ascii=True, default=str)

    def _shown(self, name: str, value: object) -> object:
        if isinstance(value, float):
            return round(value, 6)
        if not isinstance(value, str):
            return value
        shape = _SHAPED.get(name)
        return value if shape is not None and shape.fullmatch(value) else self._redact(value)


class _Seldom(logging.Filter):
    """Of what is said again and again, one line a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """By its words without what is filled in, and by the kind of exception: they are a few."""
        now, about = time.monotonic(), (str(record.msg), record.exc_info and record.exc_info[0])
        seldom = now - self._told.get(about, -math.inf) >= SAY_EVERY
        if seldom:
            self._told[about] = now
        return seldom


class _Waiting(QueueHandler):
    """Hands records over as they are; formatting them is the other thread's work."""

    lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.lost:
            told = logging.makeLogRecord(
                {"name": NAME, "levelno": logging.WARNING, "levelname": "WARNING", "msg": "log_lines_lost"}
            )
            told.fields = {"lines": self.lost}
            try:
                self.queue.put_nowait(told)
                self.lost = 0
            except queue.Full:
                pass  # said with the next one
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


def _thread_died(died: threading.ExceptHookArgs) -> None:
    """A thread ended by an exception that nobody caught: our own fault, and said like everything else."""
    if died.exc_value is not None and not isinstance(died.exc_value, SystemExit):
        name = died.thread.name if died.thread else "?"
        event("thread_died", level=logging.ERROR, trace=died.exc_value, thread=name)


class Logging:
    """While this is entered, everything that is logged in this process goes out as lines of JSON."""

    def __init__(self, secrets: Iterable[Secret], stream: TextIO | None = None) -> None:
        writer = logging.StreamHandler(stream or sys.stderr)
        writer.setFormatter(Lines(secrets))
        self._handler = _Waiting(queue.Queue(MOST_WAITING))
        self._listener = QueueListener(self._handler.queue, writer)
        self._seldom = _Seldom()
        self._before: list[tuple[logging.Logger, int]] = []
        self._hook_before = threading.excepthook

    def __enter__(self) -> Self:
        root = logging.getLogger()
        levels = [(root, logging.INFO), *((logging.getLogger(name), logging.WARNING) for name in QUIET)]
        self._before = [(logger, logger.level) for logger, _ in levels]
        for logger, level in levels:
            logger.setLevel(level)
        root.addHandler(self._handler)
        logging.getLogger(REQUESTS).addFilter(self._seldom)
        self._listener.start()
        self._hook_before, threading.excepthook = threading.excepthook, _thread_died
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, then be as before."""
        threading.excepthook = self._hook_before
        logging.getLogger(REQUESTS).removeFilter(self._seldom)
        logging.getLogger().removeHandler(self._handler)
        for logger, level in self._before:
            logger.setLevel(level)
        self._listener.stop()
        self._handler.close()
