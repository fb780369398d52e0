"""The queue: which lane is taken next, by whom, and what is left for later. Statements of one transaction each.

Rows are locked in the order installation, repository, lane, mark, run everywhere, several of one table in the order of
their keys, so that two replicas never wait for each other in a circle.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from bot.server.ports import Lane, LaneKind, Work
from bot.server.store.schema import AT_ONCE, PLANNED, lane, mark, pace, repository
from bot.server.store.upsert import insert

ERROR_CHARS: Final = 500

AVAILABLE: Final = sa.func.coalesce(lane.c.lease_until, lane.c.due, type_=lane.c.due.type)
"""When a lane may be taken: a leased one when its lease runs out, any other when it is due."""

_INSTALLATION: Final = sa.case(
    (lane.c.kind == LaneKind.INSTALLATION, lane.c.id),
    (lane.c.kind == LaneKind.REPOSITORY, repository.c.installation_id),
)
LANES: Final = lane.outerjoin(
    repository, (lane.c.kind == LaneKind.REPOSITORY) & (repository.c.id == lane.c.id)
).outerjoin(pace, pace.c.installation_id == _INSTALLATION)
WORKED_ON: Final = sa.or_(repository.c.id.is_(None), repository.c.living)
"""False for the lane of a repository that the App no longer reaches."""

FAILING: Final = sa.case((lane.c.lease_until.is_(None), 0), else_=1) < lane.c.attempts
"""Its last taking, apart from one that is under way, did not end well."""


def rested(now: datetime) -> sa.ColumnElement[bool]:
    """The lane's installation, if it has one, does not rest."""
    return sa.or_(pace.c.rests_until.is_(None), pace.c.rests_until <= now)


def mine(work: Work) -> sa.ColumnElement[bool]:
    """The lane's row, as long as nobody has taken it after us."""
    return sa.and_(
        lane.c.kind == work.lane.kind,
        lane.c.id == work.lane.id,
        lane.c.fence == work.fence,
        lane.c.lease_until.is_not(None),
    )


def held(connection: sa.Connection, work: Work) -> bool:
    """Whether the work is still ours; until the transaction ends it then stays so."""
    return connection.execute(sa.select(lane.c.fence).where(mine(work)).with_for_update()).first() is not None


def take(connection: sa.Connection, now: datetime, *, lease: float) -> Work | None:
    """The due lane that was served longest ago."""
    row = connection.execute(
        sa.select(lane)
        .select_from(LANES)
        .where(PLANNED, now >= AVAILABLE, WORKED_ON, rested(now))
        .order_by(lane.c.served_at, lane.c.kind, lane.c.id)
        .limit(1)
        .with_for_update(of=lane, skip_locked=True)
    ).first()
    if row is None:
        return None
    until = now + timedelta(seconds=lease)
    connection.execute(
        sa.update(lane)
        .where(lane.c.kind == row.kind, lane.c.id == row.id)
        .values(due=None, lease_until=until, served_at=now, fence=row.fence + 1, attempts=row.attempts + 1)
    )
    marks = connection.execute(
        sa.select(mark.c.issue, mark.c.news).where(mark.c.kind == row.kind, mark.c.lane_id == row.id)
    ).all()
    return Work(
        lane=Lane(LaneKind(row.kind), row.id),
        fence=row.fence + 1,
        until=until,
        marks=frozenset(found.issue for found in marks),
        attempts=row.attempts,
        news_only=bool(marks) and all(found.news for found in marks),
        last_mark=row.last_mark,
    )


def extend(connection: sa.Connection, work: Work, until: datetime) -> bool:
    """Move the end of the lease."""
    return connection.execute(sa.update(lane).where(mine(work)).values(lease_until=until)).rowcount == 1


def finish(connection: sa.Connection, work: Work, due: datetime | None) -> None:
    """Give it back; what was marked or made due since the taking stays so."""
    later = lane.c.due if due is None else _earlier(sa.literal(due, lane.c.due.type))
    done = connection.execute(
        sa.update(lane).where(mine(work)).values(due=later, lease_until=None, attempts=0, error="")
    )
    if done.rowcount == 1:
        connection.execute(
            sa.delete(mark).where(
                mark.c.kind == work.lane.kind, mark.c.lane_id == work.lane.id, mark.c.number <= work.last_mark
            )
        )


def fail(connection: sa.Connection, work: Work, error: str, due: datetime) -> None:
    """Give it back undone. It waits until `due` even where marks came meanwhile, so that a failing lane can't spin."""
    connection.execute(sa.update(lane).where(mine(work)).values(due=due, lease_until=None, error=error[:ERROR_CHARS]))


def end_leases(connection: sa.Connection) -> None:
    """All leases ran out: their holders are known to be dead."""
    connection.execute(sa.update(lane).where(lane.c.lease_until.is_not(None)).values(lease_until=AT_ONCE))


def make_due(connection: sa.Connection, lanes: Mapping[Lane, datetime]) -> dict[Lane, int]:
    """Make each due at its time, unless it is due earlier, and count a mark on it: its number."""
    if not lanes:
        return {}
    statement = insert(connection, lane)
    upsert = statement.on_conflict_do_update(
        index_elements=[lane.c.kind, lane.c.id],
        set_={"due": _earlier(statement.excluded.due), "last_mark": lane.c.last_mark + 1},
    ).returning(lane.c.kind, lane.c.id, lane.c.last_mark)
    rows: list[dict[str, Any]] = [
        {"kind": name.kind, "id": name.id, "due": lanes[name], "last_mark": 1}
        for name in sorted(lanes, key=lambda name: (name.kind, name.id))
    ]
    return {Lane(LaneKind(row.kind), row.id): row.last_mark for row in connection.execute(upsert, rows)}


def repositories_due(connection: sa.Connection, at: datetime) -> None:
    """Every living repository, in one statement; one that fails is left to its own time."""
    living = (
        sa.select(sa.literal(LaneKind.REPOSITORY.value), repository.c.id, sa.literal(at, lane.c.due.type))
        .where(repository.c.living)
        .order_by(repository.c.id)
    )
    statement = insert(connection, lane).from_select(["kind", "id", "due"], living)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[lane.c.kind, lane.c.id],
            set_={"due": statement.excluded.due},
            where=sa.or_(lane.c.due.is_(None), sa.and_(lane.c.due > statement.excluded.due, ~FAILING)),
        )
    )


def next_due(connection: sa.Connection) -> datetime | None:
    """The earliest moment at which `take` would find something."""
    when = sa.case((pace.c.rests_until > AVAILABLE, pace.c.rests_until), else_=AVAILABLE)
    found: datetime | None = connection.execute(
        sa.select(sa.func.min(when, type_=lane.c.due.type)).select_from(LANES).where(PLANNED, WORKED_ON)
    ).scalar()
    return found


def _earlier(than: sa.ColumnElement[datetime]) -> sa.ColumnElement[Any]:
    return sa.case((sa.or_(lane.c.due.is_(None), lane.c.due > than), than), else_=lane.c.due)
