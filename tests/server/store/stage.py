"""A store, and what to put into it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa

from bot.github.ports import Place, RunNews
from bot.server.ports import Lane, LaneKind, LedgerRun, Received, RunStage, Work
from bot.server.store import SqlStore, open_store

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACME = 7
"""An installation."""
SHOP, MILL, FARM = (Lane(LaneKind.REPOSITORY, number) for number in (101, 102, 103))
PLACES = (Place(101, "acme/shop", ACME), Place(102, "acme/mill", ACME), Place(103, "acme/farm", ACME))

_guids = count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def guid() -> str:
    return f"00000000-0000-4000-8000-{next(_guids):012}"


def delivery(lane: Lane = SHOP, issue: int = 0, **fields: Any) -> Received:
    """A delivery of a repository."""
    known = {place.repository_id: place.full_name for place in PLACES}
    values: dict[str, Any] = {
        "guid": guid(),
        "event": "issues",
        "action": "labeled",
        "at": NOW,
        "installation_id": ACME,
        "repository_id": lane.id,
        "repository": known.get(lane.id, "acme/other"),
        "issue": issue,
    }
    return Received(**{**values, **fields})


def news(run_id: int, status: str, *, key: str = "", conclusion: str = "", **fields: Any) -> Received:
    """A delivery about a workflow run."""
    name = f"ai-ready #5 [{key}]" if key else "CI"
    run = RunNews(run_id, status, conclusion, name, f"https://ci.example/{run_id}")
    return delivery(event="workflow_run", action=status, run=run, **fields)


def intent(issue: int, key: str = "", *, lane: Lane = SHOP) -> LedgerRun:
    """A run as it is before anything was sent."""
    return LedgerRun(
        repository_id=lane.id,
        issue=issue,
        run_key=key or f"{issue}-L{issue}00-1",
        stage=RunStage.INTENDED,
        at=NOW,
        until=after(3600),
        usd=5.0,
    )


class Town:
    """One database, opened as often as a test likes, and looked into from the side."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = ExitStack()
        self._side = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self.store = self.open()

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def open(self, **options: Any) -> SqlStore:
        store = open_store(self.url, **options)
        self._open.callback(store.close)
        return store

    def reopened(self) -> SqlStore:
        """As after a restart."""
        self.store.close()
        self.store = self.open()
        return self.store

    def settle(self) -> SqlStore:
        """With three repositories, none of them due."""
        self.store.put_installation(ACME, "acme", PLACES)
        while (work := self.store.take(after(-3600), lease=60)) is not None:
            self.store.finish(work)
        return self.store

    def taken(self, lane: Lane, now: datetime = NOW, *, lease: float = 60) -> Work:
        """Work on this lane, which is the only one that is due."""
        self.store.make_due([lane], now)
        work = self.store.take(now, lease=lease)
        assert work is not None
        assert work.lane == lane
        return work

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What is in the database."""
        with self._side.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def write(self, sql: str) -> None:
        with self._side.begin() as connection:
            connection.execute(sa.text(sql))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody else holds what every write needs."""
        with self._side.connect() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE" if self.is_sqlite else "LOCK TABLE delivery, fact, lane")
            yield
            connection.rollback()

    def close(self) -> None:
        self._side.dispose()
        self._open.close()
