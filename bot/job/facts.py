"""Read everything a plan looks at: the snapshot, then the permission of each person who currently asks."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from bot.core.model import Snapshot
from bot.core.survey import askers
from bot.github.ports import Reader


def utc_now() -> datetime:
    """The clock, at the edge."""
    return datetime.now(UTC)


def read_facts(
    reader: Reader, *, focus: Iterable[int] = (), paused: bool = False, clock: Callable[[], datetime] = utc_now
) -> Snapshot:
    """Read a repository for planning. One request for the snapshot (small repositories) and one per asker."""
    snapshot = reader.snapshot(focus=focus, now=clock())
    people = sorted(askers(snapshot), key=lambda actor: actor.id)
    permissions = {actor.id: reader.permission(actor) for actor in people}
    return replace(snapshot, paused=paused, permissions=MappingProxyType(permissions))
