"""What the page asks of the store: runs that were, the last delivery, deliveries that never came. Only reads."""

from datetime import datetime

import sqlalchemy as sa

from bot.server.ports import PastRun
from bot.server.store.ledger import ledger_run
from bot.server.store.schema import delivery, redelivery, run


def runs(connection: sa.Connection, repository_id: int, *, most: int) -> tuple[PastRun, ...]:
    """The newest runs of a repository, newest first."""
    rows = connection.execute(
        sa.select(run)
        .where(run.c.repository_id == repository_id)
        .order_by(run.c.at.desc(), run.c.run_key.desc())
        .limit(most)
    )
    return tuple(PastRun(ledger_run(row), row.released, row.verdict) for row in rows)


def last_delivery(connection: sa.Connection) -> datetime | None:
    """When the newest one came; None: none is kept."""
    newest = sa.select(delivery.c.at).order_by(delivery.c.at.desc()).limit(1)
    return connection.execute(newest).scalar_one_or_none()


def undelivered(connection: sa.Connection, since: datetime) -> int:
    """How many deliveries GitHub was asked for again since then, and have not come."""
    came = sa.exists().where(delivery.c.guid == redelivery.c.guid)
    asked = sa.select(sa.func.count()).select_from(redelivery).where(redelivery.c.at >= since, ~came)
    return connection.execute(asked).scalar_one()
