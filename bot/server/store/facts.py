"""Small facts of the server's own, and how much there is of everything."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.server.ports import Counts
from bot.server.store import lanes
from bot.server.store.schema import AT_ONCE, PLANNED, delivery, fact, installation, lane, pace, repository, run
from bot.server.store.upsert import insert


def remember(connection: sa.Connection, key: str, value: str) -> None:
    """Keep it."""
    connection.execute(
        insert(connection, fact)
        .values(key=key, value=value)
        .on_conflict_do_update(index_elements=[fact.c.key], set_={"value": value})
    )


def recall(connection: sa.Connection, key: str) -> str:
    """Empty: never kept."""
    return connection.execute(sa.select(fact.c.value).where(fact.c.key == key)).scalar_one_or_none() or ""


def counts(connection: sa.Connection, now: datetime) -> Counts:
    """Numbers for health and metrics."""
    due = sa.and_(PLANNED, now >= lanes.AVAILABLE, lanes.WORKED_ON, lanes.rested(now))
    since = sa.case((lanes.AVAILABLE > AT_ONCE, lanes.AVAILABLE), else_=None)
    waiting = connection.execute(
        sa.select(sa.func.count().label("lanes"), sa.func.min(since, type_=lane.c.due.type).label("since"))
        .select_from(lanes.LANES)
        .where(due)
    ).one()
    return Counts(
        lanes_due=waiting.lanes,
        oldest_due_seconds=(now - waiting.since).total_seconds() if waiting.since else 0.0,
        lanes_failing=_count(connection, lane, lanes.FAILING),
        repositories=_count(connection, repository, repository.c.living),
        installations=_count(connection, installation, installation.c.living),
        runs_active=_count(connection, run.join(repository), ~run.c.released & repository.c.living),
        deliveries=_count(connection, delivery, sa.true()),
        resting=_count(connection, pace, pace.c.rests_until > now),
    )


def _count(connection: sa.Connection, table: sa.FromClause, where: sa.ColumnElement[Any]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one()
