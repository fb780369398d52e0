"""Deliveries: many in one transaction, each stored once, each making its lane due."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from bot.core.names import RUN_KEY
from bot.github.ports import RunNews
from bot.server.ports import Lane, LaneKind, Received, RunStage
from bot.server.store import lanes
from bot.server.store.ledger import moved
from bot.server.store.schema import delivery, mark, redelivery, repository, run, said
from bot.server.store.upsert import insert

_STAGES: Final = {"in_progress": RunStage.STARTED, "completed": RunStage.COMPLETED}
"""Everything else (`queued`, `waiting`, `pending`, `requested`): it exists, and no job has begun."""
_MANY: Final = 500
"""Rows named by one statement; both databases limit the parameters of one."""


def receive(connection: sa.Connection, deliveries: Sequence[Received]) -> list[bool]:
    """Store a batch; True for each that is new (of two with one GUID: the first)."""
    first: dict[str, int] = {}
    for index, one in enumerate(deliveries):
        first.setdefault(one.guid, index)
    new = _store(connection, [deliveries[index] for _, index in sorted(first.items())])
    if new:
        _follow(connection, [one for one in deliveries if one.guid in new])
    return [one.guid in new and first[one.guid] == index for index, one in enumerate(deliveries)]


def known(connection: sa.Connection, guids: Collection[str]) -> frozenset[str]:
    """Those that are stored."""
    found: set[str] = set()
    for some in _parts(guids):
        found.update(connection.execute(sa.select(delivery.c.guid).where(delivery.c.guid.in_(some))).scalars())
    return frozenset(found)


def redelivered(connection: sa.Connection, guids: Collection[str]) -> dict[str, int]:
    """How often each was asked for; all of them are in the answer."""
    counts = dict.fromkeys(guids, 0)
    for some in _parts(guids):
        rows = connection.execute(sa.select(redelivery.c.guid, redelivery.c.times).where(redelivery.c.guid.in_(some)))
        counts.update({row.guid: row.times for row in rows})
    return counts


def count_redelivery(connection: sa.Connection, guid: str, at: datetime) -> None:
    """Once more."""
    connection.execute(
        insert(connection, redelivery)
        .values(guid=guid, times=1, at=at)
        .on_conflict_do_update(index_elements=[redelivery.c.guid], set_={"times": redelivery.c.times + 1, "at": at})
    )


def forget(connection: sa.Connection, before: datetime, *, most: int) -> int:
    """Drop at most `most` old deliveries (how many there were), and what else is only kept for as long."""
    old = sa.select(delivery.c.guid).where(delivery.c.at < before).limit(most)
    gone = connection.execute(sa.delete(delivery).where(delivery.c.guid.in_(old))).rowcount
    connection.execute(sa.delete(redelivery).where(redelivery.c.at < before))
    connection.execute(sa.delete(said).where(said.c.at < before))
    return gone


def _store(connection: sa.Connection, deliveries: Iterable[Received]) -> frozenset[str]:
    statement = insert(connection, delivery).on_conflict_do_nothing().returning(delivery.c.guid)
    rows = [
        {
            "guid": one.guid,
            "event": one.event,
            "action": one.action,
            "at": one.at,
            "installation_id": one.installation_id,
            "repository_id": one.repository_id,
            "issue": one.issue,
        }
        for one in deliveries
    ]
    return frozenset(connection.execute(statement, rows).scalars())


def _follow(connection: sa.Connection, new: Collection[Received]) -> None:
    """What new deliveries change: names, lanes and their marks, runs. Rows are locked in that order."""
    places = _places(connection, {one.repository_id for one in new if one.repository_id})
    _rename(connection, new, places)
    news = {one.guid: row for one in new if one.run and (row := _row_of(connection, one.repository_id, one.run))}
    due: dict[Lane, datetime] = {}
    marks: set[tuple[Lane, int, bool]] = set()
    for one in new:
        for name in _lanes_of(one, places.get(one.repository_id)):
            row = news.get(one.guid)
            issue = one.issue or (row.issue if row else 0)
            marks.add((name, issue if name.kind is LaneKind.REPOSITORY else 0, row is not None))
            when = one.at + timedelta(seconds=one.wait)
            due[name] = min(when, due.get(name, when))
    numbers = lanes.make_due(connection, due)
    _mark(connection, marks, numbers)
    for one in sorted((one for one in new if one.guid in news), key=lambda one: news[one.guid].run_key):
        _move(connection, news[one.guid], one)


def _lanes_of(one: Received, place: sa.Row[Any] | None) -> Iterable[Lane]:
    """Whose business it is. A repository under another installation than we know: that one is looked at too."""
    if not one.interesting:
        return
    if place is not None and place.living:
        yield Lane(LaneKind.REPOSITORY, one.repository_id)
    if one.installation_id and (place is None or place.installation_id != one.installation_id):
        yield Lane(LaneKind.INSTALLATION, one.installation_id)


def _places(connection: sa.Connection, ids: Collection[int]) -> dict[int, sa.Row[Any]]:
    found: dict[int, sa.Row[Any]] = {}
    for some in _parts(sorted(ids)):
        rows = connection.execute(sa.select(repository).where(repository.c.id.in_(some)))
        found.update({row.id: row for row in rows})
    return found


def _rename(connection: sa.Connection, new: Iterable[Received], places: Mapping[int, sa.Row[Any]]) -> None:
    names = {one.repository_id: one.repository for one in new if one.repository and one.repository_id in places}
    for repository_id, name in sorted(names.items()):
        if places[repository_id].full_name != name:
            connection.execute(sa.update(repository).where(repository.c.id == repository_id).values(full_name=name))


def _mark(connection: sa.Connection, marks: Collection[tuple[Lane, int, bool]], numbers: Mapping[Lane, int]) -> None:
    if not marks:
        return
    statement = insert(connection, mark)
    rows = [
        {"kind": name.kind, "lane_id": name.id, "issue": issue, "news": news, "number": numbers[name]}
        for name, issue, news in sorted(marks, key=lambda it: (it[0].kind, it[0].id, it[1], it[2]))
    ]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[mark.c.kind, mark.c.lane_id, mark.c.issue, mark.c.news],
            set_={"number": statement.excluded.number},
        ),
        rows,
    )


def _row_of(connection: sa.Connection, repository_id: int, news: RunNews) -> Any:
    """The ledger's row (or None) of a run: by its id, else by the run key in its name where no run is known yet."""
    rows = sa.select(run.c.repository_id, run.c.run_key, run.c.issue).where(run.c.repository_id == repository_id)
    if (row := connection.execute(rows.where(run.c.run_id == news.run_id)).first()) is not None:
        return row
    keys = RUN_KEY.findall(news.name)
    if not keys:
        return None
    return connection.execute(rows.where(run.c.run_key.in_(keys[:10]), run.c.run_id == 0)).first()


def _move(connection: sa.Connection, row: Any, one: Received) -> None:
    news = one.run
    if news is None:
        return
    stage = _STAGES.get(news.status, RunStage.DISPATCHED)
    connection.execute(
        sa.update(run)
        .where(run.c.repository_id == row.repository_id, run.c.run_key == row.run_key)
        .where(run.c.run_id.in_((0, news.run_id)))
        .values(moved(stage, run_id=news.run_id, url=news.url, conclusion=news.conclusion, at=one.at))
    )


def _parts(values: Collection[Any]) -> Iterable[list[Any]]:
    some = list(values)
    return (some[start : start + _MANY] for start in range(0, len(some), _MANY))
