"""What is to be written so that every board says what is so. Pure; `bot.core.plan` asks for it last.

- A board is kept in an open META issue of somebody who belongs to the repository (or one that carries the request label
  by somebody who may ask), once anybody asked for an issue of its series: never in a stranger's issue.
- Of several for the same series the oldest has the board; the others are left alone.
- It is written only when it says something else than before; within a minute of the last edit only when an issue's
  state changed.
- When every issue is closed it is closed, once: whoever reopens it is right until another issue was closed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core import titles
from bot.core.boards.block import BODY_LIMIT, Memory, holds, recall, splice
from bot.core.boards.board import Board, closed_issues, make_board
from bot.core.boards.scope import Scope, scope_of
from bot.core.effects import CloseIssue, Effect, PostComment, PutBoard
from bot.core.markers import ours
from bot.core.messages.board import board_block, closing
from bot.core.model import Issue
from bot.core.names import BOARD_MARKER
from bot.core.settings import RepoConfig
from bot.core.situation import Hold
from bot.core.titles import Id, Keyed, Meta
from bot.core.why import Explainer

PAUSE = timedelta(minutes=1)
"""Between two edits of a board in which no issue's state changed."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A META issue, and what it is the board of."""

    meta: Issue
    scope: Scope
    memory: Memory | None
    """What its block remembers; None: it has no block."""
    asked: bool
    """Somebody who may ask put the request label on it."""


def keep_boards(explainer: Explainer) -> Iterator[Effect]:
    """The effects, board by board."""
    config = explainer.config
    if not isinstance(config, RepoConfig) or not (config.enabled and config.meta.board):
        return
    if explainer.snapshot.truncated:
        return  # who is absent need not be closed
    for kept in _boards(explainer):
        board = make_board(kept.scope, explainer, config.order, kept.memory or Memory())
        yield from _effects(kept, board, explainer, config)


def _effects(kept: _Kept, board: Board, explainer: Explainer, config: RepoConfig) -> Iterable[Effect]:
    if kept.memory is None and (board.complete or not (kept.asked or any(each.asked for each in board.members))):
        return  # nothing to keep a board of, yet
    yield from _put(kept, board, explainer)
    if kept.memory is not None and config.meta.close and board.complete:
        yield from _close(kept.meta, board, explainer.snapshot.own_ids)


def _put(kept: _Kept, board: Board, explainer: Explainer) -> Iterable[PutBoard]:
    meta, memory = kept.meta, board.memory()
    room = BODY_LIMIT - len(splice(meta.body, ""))
    block = board_block(board, memory, room)
    if not block or holds(meta.body, block):
        return
    edited, same = meta.body_edited_at, kept.memory is not None and kept.memory.states == memory.states
    if same and edited is not None and explainer.snapshot.now - edited < PAUSE:
        return
    yield PutBoard(meta.number, block)


def _close(meta: Issue, board: Board, own_ids: frozenset[int]) -> Iterable[Effect]:
    said = max((comment.created_at for comment, _ in ours(meta.comments, own_ids, BOARD_MARKER)), default=None)
    if said is None or (board.last_closed is not None and board.last_closed > said):
        return (PostComment(meta.number, closing(board)), CloseIssue(meta.number))
    if meta.closed_at is None or meta.closed_at < said:
        return (CloseIssue(meta.number),)  # it was said, and not done
    return ()  # somebody reopened it


# ------------------------------------------------------------------------------ who has a board


def _boards(explainer: Explainer) -> Iterator[_Kept]:
    """The META issues in which a board may be kept, one for each scope, oldest first."""
    snapshot = explainer.snapshot
    metas = [issue for _, issue in sorted(snapshot.issues.items()) if _may_hold(issue, explainer)]
    if not metas:
        return
    known = _prefixes(explainer)
    taken: set[Scope] = set()
    for meta in metas:
        memory = recall(meta.body)
        labels = memory.members.values() if memory else ()
        remembered = {p for past in labels if (p := _prefix(titles.parse(f"[{past.label}]")))}
        scope = scope_of(meta, known | remembered, snapshot.repo)
        if scope not in taken:
            taken.add(scope)
            yield _Kept(meta, scope, memory, _is_asked(meta, explainer))


def _may_hold(issue: Issue, explainer: Explainer) -> bool:
    key = explainer.seen.arrangement.keys.get(issue.number)
    if not isinstance(key, Meta) or not issue.open or not issue.detailed or issue.is_pull:
        return False
    mine = issue.author is not None and issue.author.id in explainer.snapshot.own_ids
    return issue.insider or mine or _is_asked(issue, explainer)


def _is_asked(meta: Issue, explainer: Explainer) -> bool:
    """Only a request by somebody who may ask puts a tracker on hold."""
    return isinstance(explainer.seen.situations.get(meta.number), Hold)


def _prefixes(explainer: Explainer) -> set[str]:
    keys: Mapping[int, titles.Title] = explainer.seen.arrangement.keys
    closed = (titles.parse(issue.title) for issue in closed_issues(explainer).values())
    return {prefix for key in (*keys.values(), *closed) if (prefix := _prefix(key))}


def _prefix(key: titles.Title) -> str:
    return key.prefix if isinstance(key, Keyed | Id) else ""
