"""The schema: what the migrations make is what the code believes in, and nothing in an old database is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import connect

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bot.errors import ConfigError
from bot.github.ports import Place
from bot.server.store import open_store
from bot.server.store.migrate import upgrade
from bot.server.store.schema import metadata
from bot.server.store.sqlite_file import APPLICATION_ID
from tests.postgres import Postgres, needs_postgres
from tests.server.store.stage import ACME, NOW, SHOP, Town, intent

ROWS_OF_0001 = """
INSERT INTO installation (id, account, living) VALUES (7, 'acme', true)
INSERT INTO repository (id, full_name, installation_id, living) VALUES (101, 'acme/shop', 7, true)
INSERT INTO lane (kind, id, due, last_mark) VALUES ('repository', 101, 5, 2)
INSERT INTO mark (kind, lane_id, issue, news, number) VALUES ('repository', 101, 5, false, 2)
INSERT INTO delivery (guid, event, action, at, installation_id, repository_id, issue) VALUES ('g1', 'issues', 'labeled', 5, 7, 101, 5)
INSERT INTO redelivery (guid, times, at) VALUES ('g0', 2, 5)
INSERT INTO run (repository_id, run_key, issue, stage, at, until, usd, sends, run_id, url, conclusion, cancelled, released, verdict) VALUES (101, '5-L500-1', 5, 0, 1795262400000000, 1795266000000000, 5.0, 0, 0, '', '', false, false, '')
INSERT INTO said (kind, lane_id, digest, at) VALUES ('repository', 101, 'd', 5)
INSERT INTO pace (installation_id, free_at, rests_until) VALUES (7, 5, 5)
INSERT INTO spent (installation_id, minute, creates) VALUES (7, 1, 3)
INSERT INTO fact (key, value) VALUES ('swept', 'then')
"""


@pytest.fixture
def old(address: str) -> Iterator[sa.Engine]:
    """A database of revision 1 with a row in every table."""
    if address.startswith("sqlite"):
        with connect(address.removeprefix("sqlite:///")) as made:
            made.execute(f"PRAGMA application_id={APPLICATION_ID}")
            made.execute("PRAGMA journal_mode=WAL")
        made.close()
    engine = sa.create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        upgrade(connection, to="0001")
        for row in ROWS_OF_0001.strip().splitlines():
            connection.exec_driver_sql(row)
    yield engine
    engine.dispose()


def test_a_database_of_the_first_revision_is_brought_up_to_date(old: sa.Engine, address: str) -> None:
    """With everything in it."""
    store = open_store(address)

    assert store.places() == (Place(101, "acme/shop", ACME),)
    assert store.claims(101) == (intent(5),)
    assert store.known(["g1"]) == {"g1"}
    assert store.redelivered(["g0"]) == {"g0": 2}
    assert store.recall("swept") == "then"
    work = store.take(NOW, lease=60)
    assert work is not None
    assert (work.lane, set(work.marks), work.last_mark) == (SHOP, {5}, 2)
    store.close()


def test_the_migrations_make_the_tables_of_the_code(town: Town) -> None:
    engine = sa.create_engine(town.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert found == []


def test_a_newer_database_is_refused_and_left_as_it_is(town: Town) -> None:
    town.write("UPDATE alembic_version SET version_num = '0999'")
    town.store.close()

    with pytest.raises(ConfigError, match=r"revision 0999.*downgrade is refused"):
        town.open()
    assert town.rows("SELECT version_num FROM alembic_version") == [("0999",)]


def test_a_migration_that_is_interrupted_leaves_nothing_half_done(tmp_path: Path) -> None:
    """All of it is one transaction, also in SQLite."""
    path = tmp_path / "store.sqlite3"
    open_store(f"sqlite:///{path}").close()
    side = connect(path)
    side.execute("PRAGMA foreign_keys=OFF")
    for (name,) in side.execute("SELECT name FROM sqlite_master WHERE type='table' AND name != 'spent'").fetchall():
        side.execute(f"DROP TABLE {name}")
    side.commit()
    side.close()

    # `spent`, which the migration makes last, is in its way.
    with pytest.raises(Exception, match="spent"):
        open_store(f"sqlite:///{path}")
    side = connect(path)
    left = side.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    side.close()
    assert left == [("spent",)]


@pytest.mark.parametrize("replicas", [pytest.param(4, marks=needs_postgres)])
def test_replicas_that_start_together_migrate_once(replicas: int, postgres: Postgres) -> None:
    address = postgres.database()
    with ThreadPoolExecutor(replicas) as pool:
        stores = list(pool.map(lambda _: open_store(address), range(replicas)))
    for store in stores:
        store.ping()
        store.close()
