"""Bring the schema up to date: by alembic, in one transaction, one replica at a time."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.errors import ConfigError

FOLDER: Final = Path(__file__).parent / "migrations"
REPLICAS: Final = 0x61692D7265616479
"""The advisory lock (`ai-ready`): replicas that start together migrate one after the other."""


def upgrade(connection: sa.Connection, *, to: str = "head") -> None:
    """Migrate to revision `to`. ConfigError: a newer program wrote this database."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL statement_timeout = '60s'"))
        connection.execute(sa.text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(REPLICAS)))
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            f"The database is at revision {found}, which this version of ai-ready does not know (its newest is "
            f"{scripts.get_current_head()}): a newer version wrote it. Install that version again, or restore the "
            "backup made before the upgrade; a downgrade is refused."
        )
    if found != scripts.get_current_head():
        command.upgrade(config, to)
