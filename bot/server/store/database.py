"""One database, read and written: SQLite by one writing thread, PostgreSQL by many with that thread for the inbox."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import sqlalchemy as sa

from bot.server.ports import Received
from bot.server.store.refusals import translated
from bot.server.store.writer import Receive, Write, Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class Guard(Protocol):
    """What is held for as long as the database is open."""

    def release(self) -> None:
        """Let go of it."""
        ...


class Database:
    """Transactions over one database. Everything that goes wrong comes out as `StoreUnavailable` or `ValueError`."""

    def __init__(self, writing: sa.Engine, reading: sa.Engine, *, guard: Guard | None = None) -> None:
        """`writing` is `reading`: the database has many writers (PostgreSQL)."""
        self._writing = writing
        self._reading = reading
        self._guard = guard
        self._writer = Writer(writing.begin)

    def read(self, do: Callable[[sa.Connection], T]) -> T:
        """Give back what `do` reads in one transaction that sees what was committed before."""
        return self._here(self._reading, do)

    def write(self, do: Callable[[sa.Connection], T]) -> T:
        """Give back what `do` answers, when it is committed. It may be called again where its neighbours failed."""
        if self._writing is self._reading:
            return self._here(self._writing, do)
        job = Write(do)
        self._writer.submit(job)
        return job.future.result()

    def receive(self, delivery: Received) -> "Future[bool]":
        """Store a delivery in the writer's next commit."""
        job = Receive(delivery)
        self._writer.submit(job)
        return job.future

    def close(self) -> None:
        """Write what is pending and let go of the database."""
        self._writer.close()
        self._reading.dispose()
        self._writing.dispose()
        if self._guard is not None:
            self._guard.release()

    @staticmethod
    def _here(engine: sa.Engine, do: Callable[[sa.Connection], T]) -> T:
        try:
            with engine.begin() as connection:
                return do(connection)
        except Exception as error:
            known = translated(error)
            if known is error:
                raise
            raise known from error
