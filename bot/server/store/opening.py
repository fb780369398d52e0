"""From a database address to a store: refuse what can't be right, migrate, open."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bot.errors import AiReadyError, ConfigError
from bot.job.facts import utc_now
from bot.server.store import lanes, postgres, sqlite_file
from bot.server.store.database import Database
from bot.server.store.pace import DEFAULT_RATE, Rate
from bot.server.store.refusals import translated
from bot.server.store.sql import SqlStore

_FORMS = "sqlite:////path/to/file or postgresql://user@host/database"


def open_store(url: str, *, rate: Rate = DEFAULT_RATE, clock: Callable[[], datetime] = utc_now) -> SqlStore:
    """Open the store at `url`, migrated to what this version needs. An SQLite file is made in an existing folder.

    ConfigError says what to do: an address of another kind, a file that is not ours, damaged or in use, a database
    that does not answer or that a newer version wrote. StoreUnavailable: it is locked now, or its disk is full.
    """
    address = _parsed(url)
    if address.get_backend_name() == "sqlite":
        return SqlStore(_sqlite(address), rate, clock)
    engine = postgres.engine(address)
    _begin(engine, engine)
    return SqlStore(Database(engine, engine), rate, clock)


def _parsed(url: str) -> sa.URL:
    # The form of libpq and of most hosting; SQLAlchemy knows only the longer one.
    text = url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url
    address = None
    with suppress(sa.exc.ArgumentError, ValueError):  # they may quote the address, and with it a password
        address = sa.make_url(text)
    if address is None:
        raise ConfigError(f"AI_READY_DATABASE_URL is not a database address: {_FORMS}.")
    if address.drivername not in {"sqlite", "postgresql", "postgresql+psycopg"}:
        raise ConfigError(f"AI_READY_DATABASE_URL: {address.drivername} is not supported; {_FORMS}.")
    return address


def _sqlite(address: sa.URL) -> Database:
    if not address.database or address.database == ":memory:" or address.database.startswith("file:") or address.query:
        raise ConfigError("AI_READY_DATABASE_URL: SQLite needs the path of a file: sqlite:////path/to/file.")
    path = Path(address.database).absolute()
    lock = sqlite_file.FileLock(path)
    try:
        sqlite_file.prepare(path)
        writing, reading = sqlite_file.engines(path)
        _begin(writing, reading)
    except AiReadyError:
        lock.release()
        raise
    return Database(writing, reading, guard=lock)


def _begin(writing: sa.Engine, reading: sa.Engine) -> None:
    # Alembic takes a tenth of a second to import, and nothing but a server needs it.
    from bot.server.store.migrate import upgrade  # noqa: PLC0415

    try:
        with writing.begin() as connection:
            upgrade(connection)
            if writing is not reading:
                # One process at a time, and we hold its lock: whoever had leases is dead.
                lanes.end_leases(connection)
    except Exception as error:
        writing.dispose()
        reading.dispose()
        known = translated(error)
        if known is error:
            raise
        raise known from None
