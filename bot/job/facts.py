"""Read everything a plan looks at: the snapshot, then the permission of each person who currently asks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from bot.core.model import Permission, Snapshot
from bot.core.survey import askers
from bot.github.ports import Reader


def utc_now() -> datetime:
    """The clock, at the edge."""
    return datetime.now(UTC)


def read_facts(
    reader: Reader,
    *,
    focus: Iterable[int] = (),
    paused: bool = False,
    clock: Callable[[], datetime] = utc_now,
    known: Mapping[int, Permission] = MappingProxyType({}),
) -> Snapshot:
    """Read a repository for planning. One request for the snapshot (small repositories) and one per asker.

    `known`: permissions read a moment ago by the same gate; not asked for again (work asks once more).
    """
    snapshot = reader.snapshot(focus=focus, now=clock())
    people = sorted(askers(snapshot), key=lambda actor: actor.id)
    fresh = {actor.id: reader.permission(actor) for actor in people if actor.id not in known}
    permissions = {**known, **fresh}
    return replace(snapshot, paused=paused, permissions=MappingProxyType(permissions))
