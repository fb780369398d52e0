"""How the repositories of one installation share its runs: who may start how many now, and who waits for a place.

A repository *starves* while the installation's cap holds something back in it. A free place is kept for the starving
repository that has the fewest runs, of several for the one that has gone longest without a place; so one with many
issues can't keep the others out, and no place stays empty. One whose lane keeps failing could not take a place: none is kept for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from bot.server.ports import Lane, LaneKind, Share, Work
from bot.server.store import lanes
from bot.server.store.schema import lane, repository, run

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ACTIVE: Final = sa.func.count(run.c.run_key)
_WITH_RUNS: Final = repository.outerjoin(run, (run.c.repository_id == repository.c.id) & ~run.c.released)


class _Side(NamedTuple):
    """A repository; the smaller one gets the next place."""

    active: int
    starved_at: datetime
    id: int


def share(connection: sa.Connection, repository_id: int, *, most: int) -> Share:
    """What a repository may have of the `most` runs of its installation."""
    mine = connection.execute(
        sa.select(repository.c.installation_id, repository.c.starved_at, _ACTIVE.label("active"))
        .select_from(_WITH_RUNS)
        .where(repository.c.id == repository_id, repository.c.living)
        .group_by(repository.c.id)
    ).first()
    if mine is None:
        return Share()
    taken = connection.execute(
        sa.select(_ACTIVE)
        .select_from(_WITH_RUNS)
        .where(repository.c.installation_id == mine.installation_id, repository.c.living)
    ).scalar_one()
    others = [side for side in _starving(connection, mine.installation_id) if side.id != repository_id]
    me = _Side(mine.active, mine.starved_at or _NEVER, repository_id)
    return Share(_room(most - taken, me, others), starving=mine.starved_at is not None)


def lock(connection: sa.Connection, repository_id: int) -> None:
    """Keep others from changing a repository's row. Its key stays free: runs may be inserted that name it."""
    row = sa.select(repository.c.id).where(repository.c.id == repository_id)
    connection.execute(row.with_for_update(key_share=True)).all()


def starve(connection: sa.Connection, work: Work, since: datetime | None) -> bool:
    """Note since when it starves; False: the lane was lost."""
    lock(connection, work.lane.id)
    if not lanes.held(connection, work):
        return False
    connection.execute(sa.update(repository).where(repository.c.id == work.lane.id).values(starved_at=since))
    return True


def fed(connection: sa.Connection, repository_id: int, at: datetime) -> None:
    """It got a place: if it starves for more, it does so from now on. Its row is locked already."""
    connection.execute(
        sa.update(repository)
        .where(repository.c.id == repository_id, repository.c.starved_at.is_not(None))
        .values(starved_at=at)
    )


def feed(connection: sa.Connection, installation_id: int, at: datetime) -> None:
    """Whoever starves in this installation looks again."""
    lanes.make_due(
        connection, {Lane(LaneKind.REPOSITORY, side.id): at for side in _starving(connection, installation_id)}
    )


def _room(free: int, me: _Side, others: Sequence[_Side]) -> int:
    """How many of the free places are mine, when one is kept for each of the `others` that comes before me."""
    room = 0
    while free - room > sum(other < me._replace(active=me.active + room) for other in others):
        room += 1
    return room


def _starving(connection: sa.Connection, installation_id: int) -> list[_Side]:
    rows = connection.execute(
        sa.select(_ACTIVE.label("active"), repository.c.starved_at, repository.c.id)
        .select_from(_WITH_RUNS.join(lane, (lane.c.kind == LaneKind.REPOSITORY) & (lane.c.id == repository.c.id)))
        .where(repository.c.installation_id == installation_id, repository.c.living)
        .where(repository.c.starved_at.is_not(None), ~lanes.FAILING)
        .group_by(repository.c.id)
    )
    return [_Side(row.active, row.starved_at, row.id) for row in rows]
