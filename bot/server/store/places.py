"""Installations and repositories. Nothing is deleted: a repository that comes back finds its runs again."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from bot.github.ports import Place
from bot.server.ports import Lane, LaneKind
from bot.server.store import lanes
from bot.server.store.schema import AT_ONCE, installation, lane, repository
from bot.server.store.upsert import insert


def put_installation(
    connection: sa.Connection,
    installation_id: int,
    account: str,
    repositories: Sequence[Place],
    left: Collection[int] = (),
) -> None:
    """Make it so; those that are new, or back again, are due at once. Of `left` goes what is this installation's still."""
    _write_installation(connection, installation_id, account)
    places = {place.repository_id: place for place in sorted(repositories, key=lambda place: place.repository_id)}
    known = _locked(connection, installation_id, sorted(places))
    leaving = frozenset(left)
    gone = [row.id for row in known if row.living and row.installation_id == installation_id and row.id in leaving]
    if gone:
        connection.execute(sa.update(repository).where(repository.c.id.in_(gone)).values(living=False))
    if places:
        _write_repositories(connection, installation_id, places)
    living = {row.id for row in known if row.living}
    lanes.make_due(connection, {Lane(LaneKind.REPOSITORY, id_): AT_ONCE for id_ in places if id_ not in living})
    _stop(connection, gone)


def drop_installation(connection: sa.Connection, installation_id: int) -> None:
    """Stop its repositories and take the lanes from whoever works on them. Their runs stay open, for when they return."""
    connection.execute(sa.update(installation).where(installation.c.id == installation_id).values(living=False))
    ids = [row.id for row in _locked(connection, installation_id, [])]
    connection.execute(
        sa.update(repository).where(repository.c.installation_id == installation_id).values(living=False)
    )
    _stop(connection, ids)


def installations(connection: sa.Connection) -> tuple[int, ...]:
    """The living ones, by id."""
    return tuple(
        connection.execute(sa.select(installation.c.id).where(installation.c.living).order_by(installation.c.id))
        .scalars()
        .all()
    )


def place(connection: sa.Connection, repository_id: int) -> Place | None:
    """A living repository."""
    row = connection.execute(sa.select(repository).where(repository.c.id == repository_id, repository.c.living)).first()
    return _place(row) if row is not None else None


def places(connection: sa.Connection) -> tuple[Place, ...]:
    """All living ones, by id."""
    rows = connection.execute(sa.select(repository).where(repository.c.living).order_by(repository.c.id))
    return tuple(_place(row) for row in rows)


def _write_installation(connection: sa.Connection, installation_id: int, account: str) -> None:
    statement = insert(connection, installation).values(id=installation_id, account=account, living=True)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[installation.c.id], set_={"account": account, "living": True})
    )


def _write_repositories(connection: sa.Connection, installation_id: int, places: dict[int, Place]) -> None:
    statement = insert(connection, repository)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[repository.c.id],
            set_={"full_name": statement.excluded.full_name, "installation_id": installation_id, "living": True},
        ),
        [
            {
                "id": place.repository_id,
                "full_name": place.full_name,
                "installation_id": installation_id,
                "living": True,
            }
            for place in places.values()
        ],
    )


def _locked(connection: sa.Connection, installation_id: int, ids: Sequence[int]) -> Sequence[sa.Row[Any]]:
    """Repositories of the installation and those named, locked in the order of their ids."""
    rows = list(
        connection.execute(
            sa.select(repository)
            .where(repository.c.installation_id == installation_id)
            .order_by(repository.c.id)
            .with_for_update()
        )
    )
    found = {row.id for row in rows}
    others = [id_ for id_ in ids if id_ not in found]
    for start in range(0, len(others), 500):
        rows += connection.execute(
            sa.select(repository)
            .where(repository.c.id.in_(others[start : start + 500]))
            .order_by(repository.c.id)
            .with_for_update()
        )
    return rows


def _stop(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Nothing is due there, and whoever works there has lost the lane."""
    for id_ in sorted(ids):
        connection.execute(
            sa.update(lane)
            .where(lane.c.kind == LaneKind.REPOSITORY, lane.c.id == id_)
            .values(due=None, lease_until=None, fence=lane.c.fence + 1, attempts=0, error="")
        )


def _place(row: sa.Row[Any]) -> Place:
    return Place(row.id, row.full_name, row.installation_id)
