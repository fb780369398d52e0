"""`INSERT … ON CONFLICT` in the words of whichever database it is; SQLAlchemy has it per dialect, spelled the same."""

from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that has `on_conflict_do_nothing`, `on_conflict_do_update` and `excluded`."""
    return _insert(connection.dialect.name, table)


@cache
def _insert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """One for each table: making `excluded` costs as much as running the statement, and a statement never changes."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
