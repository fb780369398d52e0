"""The server's claims: at most one unreleased run per issue, a run key once for ever, stages only forward."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from bot.core.model import ActionsRun, RunState
from bot.server.ports import LedgerRun, RunStage, Work
from bot.server.store import lanes, shares
from bot.server.store.schema import installation, repository, run, said
from bot.server.store.upsert import insert

_STAGES: Final = tuple(RunStage)


def rank(stage: RunStage) -> int:
    """How far a stage is: what the column holds."""
    return _STAGES.index(stage)


def moved(stage: RunStage, *, run_id: int, url: str, conclusion: str, at: datetime) -> dict[str, Any]:
    """New values of a run's row, heard of at `at`: never back, and nothing known is forgotten."""
    ended = stage is RunStage.COMPLETED
    first = run.c.stage < rank(stage)
    return {
        "stage": sa.case((first, rank(stage)), else_=run.c.stage),
        "run_id": sa.case((run.c.run_id == 0, run_id), else_=run.c.run_id),
        "url": sa.literal(url) if url else run.c.url,
        "conclusion": sa.case((first, conclusion), else_=run.c.conclusion) if ended else run.c.conclusion,
        "ended_at": sa.case((first, sa.literal(at, run.c.ended_at.type)), else_=run.c.ended_at)
        if ended
        else run.c.ended_at,
    }


_SENT: Final = rank(RunStage.DISPATCHED)


def claims(connection: sa.Connection, repository_id: int) -> tuple[LedgerRun, ...]:
    """The unreleased runs of a repository, oldest first."""
    rows = connection.execute(
        sa.select(run)
        .where(run.c.repository_id == repository_id, ~run.c.released)
        .order_by(run.c.at, run.c.issue, run.c.run_key)
    )
    return tuple(ledger_run(row) for row in rows)


def intend(connection: sa.Connection, work: Work, wanted: LedgerRun, *, most: int) -> bool:
    """Claim the issue, if nothing speaks against it."""
    place = connection.execute(sa.select(repository).where(repository.c.id == wanted.repository_id)).first()
    if place is None or not place.living:
        return False
    # Workers of two repositories count one after the other, or both would find the last free slot.
    connection.execute(
        sa.select(installation.c.id).where(installation.c.id == place.installation_id).with_for_update()
    ).all()
    shares.lock(connection, wanted.repository_id)
    if not lanes.held(connection, work):
        return False
    if shares.share(connection, wanted.repository_id, most=most).room < 1:
        return False
    statement = insert(connection, run).values(
        repository_id=wanted.repository_id,
        run_key=wanted.run_key,
        issue=wanted.issue,
        stage=rank(wanted.stage),
        at=wanted.at,
        until=wanted.until,
        usd=wanted.usd,
        sent_at=wanted.sent_at,
        sends=wanted.sends,
        run_id=wanted.run_id,
        url=wanted.url,
        conclusion=wanted.conclusion,
        ended_at=wanted.ended_at,
        cancelled=wanted.cancelled,
        released=False,
        verdict="",
    )
    # Not `rowcount`: psycopg has none where SQLAlchemy fetches what it inserted.
    claimed = connection.execute(statement.on_conflict_do_nothing().returning(run.c.run_key)).first() is not None
    if claimed:
        shares.fed(connection, wanted.repository_id, wanted.at)
    return claimed


def sending(connection: sa.Connection, work: Work, run_key: str, at: datetime) -> bool:
    """Count a sending, before it."""
    return _change(connection, work, run_key, {"sent_at": at, "sends": run.c.sends + 1})


def dispatched(connection: sa.Connection, work: Work, run_key: str, run_id: int, url: str) -> bool:
    """What GitHub answered: its word on which run it is goes before what a name said."""
    values: dict[str, Any] = {"stage": sa.case((run.c.stage < _SENT, _SENT), else_=run.c.stage)}
    values |= {"run_id": run_id} if run_id else {}
    values |= {"url": url} if url else {}
    return _change(connection, work, run_key, values)


def seen(connection: sa.Connection, work: Work, run_key: str, found: ActionsRun, *, at: datetime) -> bool:
    """What a read said. A deleted run is completed with the conclusion `gone`; an unreadable one moves nothing."""
    if found.state is RunState.UNKNOWN:
        return _change(connection, work, run_key, {"url": run.c.url})
    ended = found.state is not RunState.ACTIVE
    stage = RunStage.COMPLETED if ended else RunStage.STARTED if found.started else RunStage.DISPATCHED
    conclusion = RunState.GONE.value if found.state is RunState.GONE else found.conclusion
    values = moved(stage, run_id=found.id, url=found.url, conclusion=conclusion, at=at)
    return _change(connection, work, run_key, values)


def cancelling(connection: sa.Connection, work: Work, run_key: str) -> bool:
    """Note that GitHub was asked."""
    return _change(connection, work, run_key, {"cancelled": True})


def withdraw(connection: sa.Connection, work: Work, run_key: str) -> bool:
    """Take an intent back. Not where a workflow run of this key was heard of: then it was dispatched after all."""
    if not lanes.held(connection, work):
        return False
    gone = connection.execute(sa.delete(run).where(_of(work, run_key), ~run.c.released, run.c.run_id == 0))
    return gone.rowcount == 1


def release(connection: sa.Connection, work: Work, run_key: str, *, verdict: str, usd: float) -> bool:
    """Free the claim; a released one keeps its first verdict."""
    if not lanes.held(connection, work):
        return False
    connection.execute(
        sa.update(run).where(_of(work, run_key), ~run.c.released).values(released=True, verdict=verdict, usd=usd)
    )
    return True


def about_to_say(connection: sa.Connection, work: Work, digest: str, *, since: datetime, now: datetime) -> bool:
    """Note it, unless it was said after `since`."""
    if not lanes.held(connection, work):
        return False
    statement = insert(connection, said).values(kind=work.lane.kind, lane_id=work.lane.id, digest=digest, at=now)
    upsert = statement.on_conflict_do_update(
        index_elements=[said.c.kind, said.c.lane_id, said.c.digest], set_={"at": now}, where=said.c.at <= since
    )
    return connection.execute(upsert.returning(said.c.digest)).first() is not None


def not_said(connection: sa.Connection, work: Work, digest: str) -> None:
    """Take the note back, if the lane is still ours."""
    if lanes.held(connection, work):
        connection.execute(
            sa.delete(said).where(
                said.c.kind == work.lane.kind, said.c.lane_id == work.lane.id, said.c.digest == digest
            )
        )


def _of(work: Work, run_key: str) -> sa.ColumnElement[bool]:
    return sa.and_(run.c.repository_id == work.lane.id, run.c.run_key == run_key)


def _change(connection: sa.Connection, work: Work, run_key: str, values: dict[str, Any]) -> bool:
    if not lanes.held(connection, work):
        return False
    return connection.execute(sa.update(run).where(_of(work, run_key), ~run.c.released).values(values)).rowcount == 1


def ledger_run(row: sa.Row[Any]) -> LedgerRun:
    """A row of the table."""
    return LedgerRun(
        repository_id=row.repository_id,
        issue=row.issue,
        run_key=row.run_key,
        stage=_STAGES[row.stage],
        at=row.at,
        until=row.until,
        usd=row.usd,
        sent_at=row.sent_at,
        sends=row.sends,
        run_id=row.run_id,
        url=row.url,
        conclusion=row.conclusion,
        ended_at=row.ended_at,
        cancelled=row.cancelled,
    )
