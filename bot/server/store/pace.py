"""GitHub's limits on creating content, per installation and for all replicas: a turn is taken before it is used.

Two rules at once. Turns lie 1 / `per_second` apart (so 80 a minute can't be reached at the default of one a second),
of which `burst` may come together. And at most `per_hour` pieces in any hour, counted per minute of the clock and
rounded to the careful side, so an hour here is up to 61 minutes long.
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from bot.server.store.schema import EPOCH, pace, spent
from bot.server.store.upsert import insert

_HOUR = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast content may be created in one installation."""

    per_second: float = 1.0
    burst: int = 1
    per_hour: int = 500


DEFAULT_RATE: Final = Rate()


def minute_of(at: datetime) -> int:
    """Whole minutes since 1970."""
    return (at - EPOCH) // timedelta(minutes=1)


def hour_allows(spent_by_minute: Mapping[int, int], creates: int, at: datetime, rate: Rate) -> datetime:
    """The first moment from `at` on at which `creates` more pieces stay under the hour's limit."""
    creates = min(creates, rate.per_hour)
    counted = sorted(minute for minute, pieces in spent_by_minute.items() if pieces)
    while sum(spent_by_minute[minute] for minute in counted if minute >= minute_of(at) - _HOUR) + creates > (
        rate.per_hour
    ):
        oldest = next(minute for minute in counted if minute >= minute_of(at) - _HOUR)
        at = max(at, EPOCH + timedelta(minutes=oldest + _HOUR + 1))
    return at


def turn(connection: sa.Connection, installation_id: int, creates: int, now: datetime, rate: Rate) -> float:
    """Take the next free turn; seconds until it comes."""
    connection.execute(
        insert(connection, pace)
        .values(installation_id=installation_id, free_at=now, rests_until=EPOCH)
        .on_conflict_do_nothing()
    )
    row = connection.execute(sa.select(pace).where(pace.c.installation_id == installation_id).with_for_update()).one()
    step = timedelta(seconds=1 / rate.per_second)
    start = max(now, row.free_at - (rate.burst - 1) * step, row.rests_until)
    start = hour_allows(_spent(connection, installation_id, now), creates, start, rate)
    free_at = max(row.free_at, start) + creates * step
    connection.execute(sa.update(pace).where(pace.c.installation_id == installation_id).values(free_at=free_at))
    _spend(connection, installation_id, minute_of(start + (creates - 1) * step), creates)
    return (start - now).total_seconds()


def rest(connection: sa.Connection, installation_id: int, until: datetime) -> None:
    """Rest at least until then."""
    statement = insert(connection, pace).values(installation_id=installation_id, free_at=EPOCH, rests_until=until)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[pace.c.installation_id], set_={"rests_until": until}, where=pace.c.rests_until < until
        )
    )


def resting(connection: sa.Connection, installation_id: int, now: datetime) -> float:
    """Seconds that are left of the rest."""
    until = connection.execute(
        sa.select(pace.c.rests_until).where(pace.c.installation_id == installation_id)
    ).scalar_one_or_none()
    return max(0.0, (until - now).total_seconds()) if until is not None else 0.0


def _spent(connection: sa.Connection, installation_id: int, now: datetime) -> dict[int, int]:
    """Per minute, of the hour until now and of turns that are still to come; what is older is dropped."""
    connection.execute(
        sa.delete(spent).where(spent.c.installation_id == installation_id, spent.c.minute < minute_of(now) - _HOUR)
    )
    rows = connection.execute(
        sa.select(spent.c.minute, spent.c.creates).where(spent.c.installation_id == installation_id)
    )
    return {row.minute: row.creates for row in rows}


def _spend(connection: sa.Connection, installation_id: int, minute: int, creates: int) -> None:
    statement = insert(connection, spent).values(installation_id=installation_id, minute=minute, creates=creates)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[spent.c.installation_id, spent.c.minute],
            set_={"creates": spent.c.creates + statement.excluded.creates},
        )
    )
