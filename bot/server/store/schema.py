"""The tables, as the newest migration leaves them (tests/server/store holds the two against each other)."""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE: Final = EPOCH
"""Due since ever: for what is due by itself, not because something happened at a time."""


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole microseconds since 1970 UTC: exact, the same in both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """An aware datetime as a number."""
        return None if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """A number as a datetime in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = sa.MetaData()

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("guid", sa.Text, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False, index=True),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column("issue", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

redelivery = sa.Table(
    "redelivery",
    metadata,
    sa.Column("guid", sa.Text, primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("living", sa.Boolean, nullable=False),
)

repository = sa.Table(
    "repository",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("full_name", sa.Text, nullable=False),
    sa.Column("installation_id", sa.ForeignKey("installation.id"), nullable=False, index=True),
    sa.Column("living", sa.Boolean, nullable=False),
    sa.Column("starved_at", Instant),
)
"""`starved_at`: since when the cap of the installation holds something back here; empty: it does not."""

lane = sa.Table(
    "lane",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("due", Instant),
    sa.Column("lease_until", Instant),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("served_at", Instant, nullable=False, server_default=sa.text("0")),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("last_mark", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("error", sa.Text, nullable=False, server_default=sa.text("''")),
)
"""`due` is emptied by a taking and set again by whatever happens meanwhile; a lease that ran out is due by itself."""

PLANNED: Final = sa.or_(lane.c.due.is_not(None), lane.c.lease_until.is_not(None))
"""Lanes that `take` need look at, now or later; most lanes of quiet repositories are not."""

sa.Index("ix_lane_planned", lane.c.served_at, lane.c.kind, lane.c.id, sqlite_where=PLANNED, postgresql_where=PLANNED)

mark = sa.Table(
    "mark",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("lane_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("issue", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("news", sa.Boolean, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(["kind", "lane_id"], ["lane.kind", "lane.id"]),
)
"""`number` is the lane's `last_mark` when it was made, counted under the lane's row lock: a later one is greater."""

run = sa.Table(
    "run",
    metadata,
    sa.Column("repository_id", sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("run_key", sa.Text, primary_key=True),
    sa.Column("issue", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.SmallInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Column("usd", sa.Double, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("run_id", sa.BigInteger, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("conclusion", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
)
"""Rows stay for ever (but for a run that was never dispatched): a run key is used once."""

sa.Index(
    "ix_run_claim",
    run.c.repository_id,
    run.c.issue,
    unique=True,
    sqlite_where=~run.c.released,
    postgresql_where=~run.c.released,
)
sa.Index("ix_run_run_id", run.c.run_id)

said = sa.Table(
    "said",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("lane_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

pace = sa.Table(
    "pace",
    metadata,
    sa.Column("installation_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("free_at", Instant, nullable=False),
    sa.Column("rests_until", Instant, nullable=False),
)

spent = sa.Table(
    "spent",
    metadata,
    sa.Column("installation_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("creates", sa.Integer, nullable=False),
)
"""Pieces of content per minute (since 1970) of the last hour."""

fact = sa.Table(
    "fact",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
