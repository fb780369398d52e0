"""Who asked for what: requests and unread commands, derived again each time from label events and comments.

A request is the newest of: the request label while it is on the issue (its last label event), and `/ai run`,
`/ai retry` or `/ai approve` comments that nobody edited. It is over when a run of it ended for good, when a later `/ai stop` was
accepted, when the issue was closed (reopening it does not ask again), or when the label is gone.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.commands import Approve, BadCommand, Command, Retry, Run, Stop, parse_command
from bot.core.ledger import records, request_of, verdicts
from bot.core.model import Actor, Comment, Issue, LabelEvent
from bot.core.names import REQUEST_LABEL

EXPIRES = timedelta(days=30)
"""An approval older than this starts nothing."""

UNREAD_FOR = timedelta(days=7)
"""A command older than this that we never answered stays unanswered (it predates us, or we were away)."""

_TASK_BOX = re.compile(r"^([ \t]*(?:[-*+]|\d+[.)])[ \t]+\[)[xX](\])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for a run."""

    id: str
    """`L<epoch seconds of the label event>` or `C<comment id>`: the same seen through REST, GraphQL or a webhook."""
    actor: Actor
    at: datetime
    command: Run | Retry | Approve | None = None
    """What the comment said; None for the label."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A command that we have not acknowledged yet."""

    comment: Comment
    command: Command | BadCommand


def content_sha(issue: Issue) -> str:
    """sha256 of title + newline + body, in hex: what an approval is for."""
    return hashlib.sha256(f"{issue.title}\n{issue.body}".encode("utf-8", "surrogatepass")).hexdigest()


def boxless_sha(issue: Issue) -> str:
    """Like `content_sha`, but blind to ticked task boxes: ticking one is not an edit that matters."""
    body = _TASK_BOX.sub(r"\1 \2", issue.body)
    return hashlib.sha256(f"{issue.title}\n{body}".encode("utf-8", "surrogatepass")).hexdigest()


def commands_of(issue: Issue) -> tuple[Unread, ...]:
    """Every command of a person on this issue, oldest first, acknowledged or not; edited comments never count."""
    found = []
    for comment in issue.comments:
        if comment.author.is_bot or comment.edited:
            continue
        command = parse_command(comment.body)
        if command is not None:
            found.append(Unread(comment, command))
    return tuple(found)


def unread(issue: Issue, now: datetime) -> tuple[Unread, ...]:
    """Commands that wait for an acknowledgement, oldest first."""
    return tuple(
        item for item in commands_of(issue) if not item.comment.reactions and now - item.comment.created_at < UNREAD_FOR
    )


def label_request(issue: Issue) -> Request | None:
    """The request that the label makes, while it is on the issue."""
    if REQUEST_LABEL not in issue.labels or not issue.label_events:
        return None
    event = issue.label_events[-1]
    return Request(label_request_id(event), event.actor, event.at)


def label_request_id(event: LabelEvent) -> str:
    """The id of the request that the label makes."""
    return f"L{int(event.at.timestamp())}"


def comment_request_id(comment: Comment) -> str:
    """The id of the request that a comment makes."""
    return f"C{comment.id}"


def comment_requests(issue: Issue) -> tuple[Request, ...]:
    """Requests by comment that we have not refused, oldest first."""
    return tuple(
        Request(comment_request_id(item.comment), item.comment.author, item.comment.created_at, item.command)
        for item in commands_of(issue)
        if isinstance(item.command, Run | Retry | Approve) and "confused" not in item.comment.reactions
    )


def stopped_at(issue: Issue) -> datetime | None:
    """When the last accepted `/ai stop` was said."""
    times = [
        item.comment.created_at
        for item in commands_of(issue)
        if isinstance(item.command, Stop) and "eyes" in item.comment.reactions
    ]
    return max(times, default=None)


def live_requests(issue: Issue, own_ids: frozenset[int], attempts: int) -> tuple[Request, ...]:
    """Requests that are not over, newest first; whether their authors may ask is not looked at here."""
    over = {record.request_id for record in records(issue, own_ids) if record.final(attempts)}
    ends = [at for at in (stopped_at(issue), issue.closed_at) if at is not None]
    label = label_request(issue)
    candidates = [*comment_requests(issue), *([label] if label else [])]
    alive = [
        request
        for request in candidates
        if request.id not in over
        and not _ended_by_its_author(request, issue, attempts)
        and all(request.at > end for end in ends)
        and not _overtaken(request, issue, own_ids)
    ]
    return tuple(sorted(alive, key=_age, reverse=True))


def _age(request: Request) -> tuple[datetime, bool, str]:
    """Of one second, what a comment asks is newer than what a label does: it may be about what that came to."""
    return request.at, not request.id.startswith("L"), request.id


def _ended_by_its_author(request: Request, issue: Issue, attempts: int) -> bool:
    """`ai-ready run` on a laptop speaks as its user: for this one request its verdict is as good as ours."""
    return any(
        record.request_id == request.id and record.final(attempts)
        for record in records(issue, frozenset({request.actor.id}))
    )


def _overtaken(request: Request, issue: Issue, own_ids: frozenset[int]) -> bool:
    """A newer request already ended, so this older one was answered by it."""
    return any(
        record.requested_at >= request.at
        and record.request_id != request.id
        and not (record.planned and _follows(request, said, issue))
        for said, record in verdicts(issue, own_ids)
    )


def _follows(request: Request, said: Comment, issue: Issue) -> bool:
    """Whether a request was made by a comment after another: GitHub's times are of whole seconds, ours are not."""
    ids = [comment_request_id(comment) for comment in issue.comments]
    return request.id in ids[ids.index(comment_request_id(said)) :]


def is_withdrawn(request_id: str, issue: Issue) -> bool:
    """Whether nobody asks for it any more: its label was taken off, its comment deleted, or `/ai stop` said since."""
    label, asked = label_request(issue), asked_at(request_id, issue)
    if asked is None or (request_id.startswith("L") and (label is None or label.id != request_id)):
        return True
    return any(
        isinstance(item.command, Stop) and item.comment.created_at >= asked
        for item in commands_of(issue)
        if "confused" not in item.comment.reactions
    )


def attempt_of(request: Request, issue: Issue, own_ids: frozenset[int]) -> int:
    """Which attempt a new run of `request` would be, from 1."""
    return next_attempt(request.id, issue, own_ids)


def next_attempt(request_id: str, issue: Issue, own_ids: frozenset[int]) -> int:
    """The number of the next run of a request, from 1; runs that never began are counted, too."""
    return 1 + sum(record.request_id == request_id for record in records(issue, own_ids))


def asked_at(request_id: str, issue: Issue) -> datetime | None:
    """When a request was made, by its id; None: there is no such event or comment (any more)."""
    times = [event.at for event in issue.label_events if label_request_id(event) == request_id]
    times += [comment.created_at for comment in issue.comments if comment_request_id(comment) == request_id]
    return max(times, default=None)


def answered_until(run_key: str, at: datetime, issue: Issue) -> datetime:
    """Requests up to then are answered by this run, which was claimed `at`: by a clock that need not be GitHub's."""
    return max(at, asked_at(request_of(run_key), issue) or at)


def run_key(issue: int, request: Request, attempt: int) -> str:
    """`7-L1763715000-1`: the name of a run, the same wherever it is made."""
    return f"{issue}-{request.id}-{attempt}"


def unchanged_since(issue: Issue, request: Request, approved_shas: frozenset[str]) -> bool:
    """Whether title and body are still what `request` approved.

    Told by GitHub's own times: the last edit and the last rename lie before the request (strictly, as they have a
    resolution of one second). Otherwise only by a hash recorded when the request was made: `approved_shas` holds
    `boxless_sha` values from the event's payload or from our status comment.
    """
    edits = [at for at in (issue.body_edited_at, issue.renamed_at) if at is not None]
    return all(at < request.at for at in edits) or boxless_sha(issue) in approved_shas
