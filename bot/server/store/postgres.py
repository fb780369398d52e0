"""PostgreSQL by psycopg 3: several replicas, and no call that waits longer than a delivery may."""

from typing import Final

import sqlalchemy as sa

from bot.errors import ConfigError
from bot.server.store.refusals import said_by

CONNECT_SECONDS: Final = 3
LOCK_SECONDS: Final = 3
"""How long to wait for a lock of somebody else."""


def _session() -> str:
    """Limits of each statement; and a replica that froze in the middle of a transaction gives up its locks."""
    lock = round(LOCK_SECONDS * 1000)
    return f"-c lock_timeout={lock} -c statement_timeout={lock + 1000} -c idle_in_transaction_session_timeout=10000"


def engine(url: sa.URL) -> sa.Engine:
    """An engine whose connections are looked at before use, so that a restarted database is found again.

    ConfigError: nobody answers there; names host and port, never the password.
    """
    made = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": _session(),
            "application_name": "ai-ready",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 4000,
        },
        pool_size=8,
        max_overflow=8,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    encoding = problem = ""
    try:
        with made.connect() as connection:
            encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    except sa.exc.DBAPIError as error:
        problem = said_by(error)  # psycopg's own error holds the password: it goes nowhere from here
    if problem:
        made.dispose()
        raise ConfigError(
            f"PostgreSQL at {_where(url)} can't be used ({problem}). Start it, or correct AI_READY_DATABASE_URL."
        )
    if encoding != "UTF8":
        made.dispose()
        raise ConfigError(f"The database at {_where(url)} has the encoding {encoding}; make one with UTF8.")
    return made


def _where(url: sa.URL) -> str:
    host = url.host or url.query.get("host") or "the local socket"
    return f"{host if isinstance(host, str) else host[0]}:{url.port or 5432}"
