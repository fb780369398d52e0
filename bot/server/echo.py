"""What we wrote, put into what we had read: the cache stays true to our own writes without reading again. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from bot.core.boards.block import splice
from bot.core.effects import CloseIssue, DropComment, PostComment, PutBoard, PutStatus, SetLabels
from bot.core.model import Actor, Comment, Issue, Snapshot
from bot.core.names import GITHUB_ACTIONS_BOT_ID
from bot.github.ports import Applied


def echo(snapshot: Snapshot, applied: Iterable[Applied]) -> Snapshot:
    """`snapshot` as it would be read after these writes."""
    issues = dict(snapshot.issues)
    for each in applied:
        number = getattr(each.effect, "issue", 0)
        if each.ok and number in issues:
            issues[number] = _written(issues[number], each, snapshot)
    return replace(snapshot, issues=MappingProxyType(issues))


def own_bot(snapshot: Snapshot) -> int:
    """The user id of the App's bot; 0: not read."""
    return next(iter(snapshot.own_ids - {GITHUB_ACTIONS_BOT_ID}), 0)


def _written(issue: Issue, applied: Applied, snapshot: Snapshot) -> Issue:
    match applied.effect:
        case SetLabels(add=add, remove=remove):
            return replace(issue, labels=(issue.labels - set(remove)) | set(add))
        case PutStatus(body=body, comment_node_id=known) if known:
            return replace(issue, comments=tuple(_edited(comment, known, body) for comment in issue.comments))
        case PutStatus(body=body) | PostComment(body=body) if applied.node_id:
            author = Actor(own_bot(snapshot), "", is_bot=True)
            comment = Comment(0, applied.node_id, author, body, snapshot.now)
            return replace(issue, comments=(*issue.comments, comment))
        case DropComment(comment_node_id=dropped):
            return replace(issue, comments=tuple(c for c in issue.comments if c.node_id != dropped))
        case PutBoard(block=block):
            return replace(issue, body=splice(issue.body, block), body_edited_at=snapshot.now)
        case CloseIssue():
            return replace(issue, open=False, closed_at=snapshot.now)
        case _:
            return issue


def _edited(comment: Comment, node_id: str, body: str) -> Comment:
    return replace(comment, body=body) if comment.node_id == node_id else comment
