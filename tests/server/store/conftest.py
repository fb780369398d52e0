"""Every test of this folder that asks for a `town` runs on SQLite, and on PostgreSQL where there is one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, needs_postgres, postgres
from tests.server.store.stage import Town

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.database()


@pytest.fixture
def town(address: str) -> Iterator[Town]:
    made = Town(address)
    yield made
    made.close()
