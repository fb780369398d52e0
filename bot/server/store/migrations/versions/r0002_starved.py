"""Since when a repository waits for a place among the runs of its installation."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nobody waits until a pass says so."""
    op.add_column("repository", sa.Column("starved_at", sa.BigInteger))
