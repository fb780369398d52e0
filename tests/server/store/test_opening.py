"""Opening: what is refused and with which words. Nothing that is there is ever replaced by an empty database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import connect

import pytest

from bot.errors import ConfigError
from bot.server.ports import StoreUnavailable
from bot.server.store import open_store
from tests.postgres import Postgres, needs_postgres
from tests.server.store.stage import NOW, delivery

SECRET = "hunter2-hunter2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def refused(path: Path) -> str:
    """The words of the refusal, which leaves the file as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigError) as caught:
        open_store(f"sqlite:///{path}")
    assert (path.read_bytes() if path.is_file() else None) == before
    return str(caught.value)


def used(path: Path) -> None:
    """A database with a delivery in it, closed."""
    store = open_store(f"sqlite:///{path}")
    assert store.receive(delivery()).result()
    store.close()


@contextmanager
def nobody() -> Iterator[None]:
    """Not root for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_database_is_made_for_its_owner_only(path: Path) -> None:
    used(path)
    store = open_store(f"sqlite:///{path}")
    store.ping()

    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.glob("store*")} == dict.fromkeys(
        ("store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "store.sqlite3.lock"), "0o600"
    )
    store.close()


def test_commits_are_flushed_to_the_disk(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    pragmas = store._database.write(
        lambda c: [
            c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    store.close()

    assert pragmas == ["wal", 2, 1]


def test_a_second_process_is_refused(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    program = f"from bot.server.store import open_store; open_store('sqlite:///{path}')"
    second = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert f"{path} is in use by another ai-ready server. Stop that one first" in second.stderr
    assert "AI_READY_DATABASE_URL" in second.stderr
    store.ping()
    store.close()
    open_store(f"sqlite:///{path}").close()


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    assert "does not exist: create it" in refused(tmp_path / "no" / "store.sqlite3")
    assert not (tmp_path / "no").exists()


def test_a_folder_is_no_database(path: Path) -> None:
    path.mkdir()

    assert "is a folder" in refused(path)


def test_an_empty_file_is_no_new_database(path: Path) -> None:
    path.touch()

    assert "is empty, so it is not the database that it was" in refused(path)


def test_another_kind_of_file_is_refused(path: Path) -> None:
    path.write_text("dear diary\n" * 1000)

    assert "is not an SQLite database" in refused(path)


def test_another_programs_database_is_refused(path: Path) -> None:
    with connect(path) as theirs:
        theirs.execute("CREATE TABLE photo (id INTEGER)")
    theirs.close()

    assert "is another program's database" in refused(path)


def test_a_damaged_database_is_refused(path: Path) -> None:
    used(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))

    assert "is damaged" in refused(path)


def test_a_truncated_database_is_refused(path: Path) -> None:
    used(path)
    os.truncate(path, 8192)

    assert "is damaged" in refused(path)


def test_a_journal_without_its_database_is_not_thrown_away(path: Path) -> None:
    journal = path.with_name("store.sqlite3-wal")
    journal.write_bytes(b"all that is left")

    assert "its journal store.sqlite3-wal is still there" in refused(path)
    assert journal.read_bytes() == b"all that is left"


def test_a_database_out_of_reach_is_refused(path: Path) -> None:
    used(path)
    path.parent.chmod(0o500 if os.geteuid() != 0 else 0o700)
    path.chmod(0)
    with nobody(), pytest.raises(ConfigError, match="Permission denied"):
        open_store(f"sqlite:///{path}")
    path.parent.chmod(0o700)


def test_a_locked_database_says_who_to_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.server.store.sqlite_file.BUSY_SECONDS", 0.1)
    used(path)
    theirs = connect(path)
    theirs.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="Another program holds the file's lock; end it"):
        open_store(f"sqlite:///{path}")
    theirs.close()
    open_store(f"sqlite:///{path}").close()


def test_being_killed_while_the_file_is_made_leaves_no_empty_one(path: Path) -> None:
    path.with_name("store.sqlite3.new").touch()
    used(path)

    assert not path.with_name("store.sqlite3.new").exists()


def test_what_was_refused_can_be_mended_in_the_same_process(path: Path) -> None:
    """No lock is left behind."""
    path.touch()
    refused(path)
    path.unlink()

    open_store(f"sqlite:///{path}").close()


def test_after_closing_the_store_is_away(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.ping()
    with pytest.raises(StoreUnavailable):
        store.receive(delivery(at=NOW))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "store.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "sqlite+aiosqlite:////tmp/x",
        f"mysql://me:{SECRET}@db/x",
        f"postgresql+asyncpg://me:{SECRET}@db/x",
        f"postgresql://me:{SECRET}@db:port/x",
        f"postgresql:me:{SECRET}",
    ],
)
def test_other_addresses_are_refused_without_their_password(address: str) -> None:
    with pytest.raises(ConfigError, match="AI_READY_DATABASE_URL") as caught:
        open_store(address)

    assert SECRET not in str(caught.value)


def test_a_postgresql_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(ConfigError, match=r"PostgreSQL at 127\.0\.0\.1:9 can't be used") as caught:
        open_store(f"postgres://me:{SECRET}@127.0.0.1:9/store")

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__context__)


@pytest.mark.parametrize("scheme", [pytest.param(name, marks=needs_postgres) for name in ("postgres", "postgresql")])
def test_both_forms_of_a_postgresql_address_are_understood(scheme: str, postgres: Postgres) -> None:
    store = open_store(postgres.database().replace("postgresql", scheme))
    store.ping()
    store.close()
