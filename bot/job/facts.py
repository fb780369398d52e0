"""Read everything a plan looks at: the snapshot, then the permission of each person who currently asks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from bot.core.access import Answer, may_ask
from bot.core.commands import parse_command
from bot.core.model import Actor, Issue, Permission, Snapshot
from bot.core.survey import askers
from bot.errors import UsageError
from bot.github.ports import Reader

MOST_COMMENTERS = 10
"""People whose permission is read to decide whether the agent sees their comments; the newest comments count first."""


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
    snapshot = replace(reader.snapshot(focus=focus, now=clock()), paused=paused)
    return with_permissions(reader, snapshot, askers(snapshot), known=known)


def with_permissions(
    reader: Reader,
    snapshot: Snapshot,
    people: Iterable[Actor],
    *,
    known: Mapping[int, Permission] = MappingProxyType({}),
) -> Snapshot:
    """`snapshot` with what each of `people` may do: one request for each who is not `known`."""
    unknown = sorted((actor for actor in people if actor.id not in known), key=lambda actor: actor.id)
    permissions = {**known, **{actor.id: reader.permission(actor) for actor in unknown}}
    return replace(snapshot, permissions=MappingProxyType(permissions))


def refuse_a_person(snapshot: Snapshot, server_id: int) -> None:
    """Whose comments count as ours must be a bot's: anybody with write may dispatch by hand. Raises `UsageError`."""
    for issue in snapshot.issues.values():
        if any(each.author.id == server_id and not each.author.is_bot for each in issue.comments):
            raise UsageError("AI_READY_ADMISSION names a person as the server's bot.")


def readable_comments(reader: Reader, snapshot: Snapshot, number: int) -> tuple[tuple[str, str], ...]:
    """Comments the agent may read: of people who may ask, commands and our own apart; oldest first."""
    issue: Issue = snapshot.issues[number]
    permissions = dict(snapshot.permissions)
    readable = []
    for comment in reversed(issue.comments):
        author = comment.author
        if author.is_bot or author.id in snapshot.own_ids or parse_command(comment.body) is not None:
            continue
        if author.id not in permissions:
            known = len(permissions) - len(snapshot.permissions) < MOST_COMMENTERS
            permissions[author.id] = reader.permission(author) if known else Permission.UNKNOWN
        if may_ask(author, permissions[author.id]) is Answer.YES:
            readable.append((author.login, comment.body))
    return tuple(reversed(readable))
