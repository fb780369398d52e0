"""One thread that writes, many writes in one commit: a commit costs a flush of the disk, a write costs next to nothing.

SQLite has one writer at a time anyway; whoever waits for its lock by polling waits long. With this thread nobody does.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from bot.server.ports import Received, StoreUnavailable
from bot.server.store import inbox
from bot.server.store.refusals import translated

T = TypeVar("T")

BATCH: Final = 1000
"""Jobs in one commit at most."""


@dataclass(slots=True, eq=False)
class Write(Generic[T]):
    """One write; a part of a transaction, and done again alone where its neighbours' transaction failed."""

    do: Callable[[sa.Connection], T]
    future: "Future[T]" = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class Receive:
    """A delivery: all those of one batch are stored by the same few statements."""

    delivery: Received
    future: "Future[bool]" = field(default_factory=Future)


Job = Write[Any] | Receive


class Writer:
    """The thread. A future is done only when what it stands for is committed, or surely failed."""

    def __init__(self, begin: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """`begin` opens a transaction that is committed at its end; each failure of it is one of the batch."""
        self._begin = begin
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have it written; its future tells. Raises StoreUnavailable after `close`."""
        with self._door:
            if self._closed:
                raise StoreUnavailable("The database was closed: the server is stopping.")
            self._jobs.put(job)

    def close(self) -> None:
        """Write what is pending, then end the thread."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            self._write([job for job in batch if job.future.set_running_or_notify_cancel()])

    def _next(self) -> list[Job]:
        """Wait for a job, then take all that came; empty: closed and nothing left."""
        batch: list[Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == BATCH or self._jobs.empty():
                return batch
            job = self._jobs.get()
        if batch:
            self._jobs.put(None)
        return batch

    def _write(self, batch: Sequence[Job]) -> None:
        if not batch:
            return
        try:
            answers = self._commit(batch)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            self._failed(batch, translated(error))
        else:
            for job, answer in zip(batch, answers, strict=True):
                job.future.set_result(answer)

    def _commit(self, batch: Sequence[Job]) -> list[Any]:
        deliveries = [job.delivery for job in batch if isinstance(job, Receive)]
        with self._begin() as connection:
            new = iter(inbox.receive(connection, deliveries) if deliveries else ())
            return [next(new) if isinstance(job, Receive) else job.do(connection) for job in batch]

    def _failed(self, batch: Sequence[Job], error: Exception) -> None:
        """One bad job must not fail its neighbours, so each gets a transaction of its own; but when the database
        itself refuses, waiting for it once per job would keep everybody waiting for ever.
        """
        if len(batch) == 1 or isinstance(error, StoreUnavailable):
            for job in batch:
                job.future.set_exception(error)
        else:
            for job in batch:
                self._write([job])
