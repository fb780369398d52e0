"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _inbox()
    _places()
    _lanes()
    _ledger()
    _pace()


def _inbox() -> None:
    op.create_table(
        "delivery",
        sa.Column("guid", sa.Text, primary_key=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("installation_id", sa.BigInteger, nullable=False),
        sa.Column("repository_id", sa.BigInteger, nullable=False),
        sa.Column("issue", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_at", "delivery", ["at"])
    op.create_table(
        "redelivery",
        sa.Column("guid", sa.Text, primary_key=True),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "fact",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _places() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("living", sa.Boolean, nullable=False),
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("installation_id", sa.BigInteger, sa.ForeignKey("installation.id"), nullable=False),
        sa.Column("living", sa.Boolean, nullable=False),
    )
    op.create_index("ix_repository_installation_id", "repository", ["installation_id"])


def _lanes() -> None:
    op.create_table(
        "lane",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("fence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("served_at", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_mark", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("error", sa.Text, nullable=False, server_default=sa.text("''")),
    )
    planned = sa.text("due IS NOT NULL OR lease_until IS NOT NULL")
    op.create_index(
        "ix_lane_planned", "lane", ["served_at", "kind", "id"], sqlite_where=planned, postgresql_where=planned
    )
    op.create_table(
        "mark",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("lane_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("issue", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("news", sa.Boolean, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["kind", "lane_id"], ["lane.kind", "lane.id"]),
    )
    op.create_table(
        "said",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("lane_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _ledger() -> None:
    op.create_table(
        "run",
        sa.Column(
            "repository_id", sa.BigInteger, sa.ForeignKey("repository.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("run_key", sa.Text, primary_key=True),
        sa.Column("issue", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("conclusion", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
    )
    active = sa.text("NOT released")
    op.create_index(
        "ix_run_claim", "run", ["repository_id", "issue"], unique=True, sqlite_where=active, postgresql_where=active
    )
    op.create_index("ix_run_run_id", "run", ["run_id"])


def _pace() -> None:
    op.create_table(
        "pace",
        sa.Column("installation_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("free_at", sa.BigInteger, nullable=False),
        sa.Column("rests_until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "spent",
        sa.Column("installation_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("creates", sa.Integer, nullable=False),
    )
