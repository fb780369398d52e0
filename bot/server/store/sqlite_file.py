"""SQLite: one file, one process. A file that isn't surely ours and sound is refused, never replaced by an empty one."""

import errno
import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bot.errors import ConfigError
from bot.server.ports import StoreUnavailable

BUSY_SECONDS: Final = 4
"""How long to wait for a lock of another program. A delivery may wait for the batch before its own, so twice that."""
APPLICATION_ID: Final = 0x61697264
"""In the file's header: this database is ai-ready's. https://www.sqlite.org/pragma.html#pragma_application_id"""
_MAGIC: Final = b"SQLite format 3\x00"
_RESTORE: Final = "Restore a backup of it, or move it away to begin with an empty database"


class FileLock:
    """The right of one process to a database file: the operating system takes it back when the process ends."""

    def __init__(self, database: Path) -> None:
        """ConfigError: somebody else has it, or the folder can't be written to."""
        path = database.with_name(f"{database.name}.lock")
        try:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(database, error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise ConfigError(
                f"{database} is in use by another ai-ready server. Stop that one first; for several at once, keep the "
                "store in PostgreSQL (AI_READY_DATABASE_URL)."
            ) from None

    def release(self) -> None:
        """Let another process have it. The file stays: deleting it would let two in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def prepare(path: Path) -> None:
    """Make the file where there is none; refuse what isn't a sound database of ours.

    ConfigError: it is something else, damaged or out of reach. StoreUnavailable: locked, or the disk is full.
    """
    try:
        if not path.exists():
            _create(path)
        _look(path)
        path.chmod(0o600)
    except OSError as error:
        raise _unusable(path, error) from None
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"{path} can't be used now: {error}. {_advice(error)}") from None
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is damaged ({error}). {_RESTORE}.") from None


def engines(path: Path) -> tuple[sa.Engine, sa.Engine]:
    """The one that writes (of one connection) and the one that only reads."""
    return _engine(path, "BEGIN IMMEDIATE", read_only=False), _engine(path, "BEGIN", read_only=True)


def _engine(path: Path, begin: str, *, read_only: bool) -> sa.Engine:
    url = sa.URL.create("sqlite", database=str(path))
    # The driver's own BEGIN is late and deferred, which ends in "locked" without a wait: we say it ourselves.
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions
    engine = sa.create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        pool_size=8 if read_only else 1,
        max_overflow=8 if read_only else 0,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _create(path: Path) -> None:
    """Under another name first: a file of this name is never empty, however early we are killed."""
    if path.with_name(f"{path.name}-wal").exists():
        raise ConfigError(
            f"{path} is missing, but its journal {path.name}-wal is still there: put the database back beside it, or "
            "move the journal away to begin with an empty database."
        )
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    new.rename(path)


def _look(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if not start:
        raise ConfigError(f"{path} is empty, so it is not the database that it was. {_RESTORE}.")
    if start != _MAGIC:
        raise ConfigError(f"{path} is not an SQLite database. Name another file in AI_READY_DATABASE_URL.")
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ConfigError(f"{path} is another program's database. Name another file in AI_READY_DATABASE_URL.")
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise ConfigError(f"{path} is damaged ({' '.join(found.split())}). {_RESTORE}.")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _unusable(path: Path, error: OSError) -> ConfigError:
    folder = path.parent
    if error.errno == errno.ENOENT:
        return ConfigError(f"{folder} does not exist: create it, or name another place in AI_READY_DATABASE_URL.")
    if error.errno == errno.EISDIR:
        return ConfigError(f"{path} is a folder: name a file in AI_READY_DATABASE_URL.")
    words = error.strerror or str(error)
    return ConfigError(f"{path} can't be used ({words}): look at the owner, mode and free space of {folder}.")


def _advice(error: sqlite3.OperationalError) -> str:
    if "locked" in str(error):
        return "Another program holds the file's lock; end it."
    return "Look at the space on its disk and at its mode."
