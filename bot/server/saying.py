"""Saying a thing once, though what GitHub lists may be older than what we said.

Only what creates a comment is guarded: labels, edits and reactions are the same twice as once. Before a comment is
posted its digest is committed; the same digest is not posted again until every list must have caught up.
"""

import hashlib

from bot.core.effects import Effect, MakeIssues, PostComment, PutBoard, PutStatus, React
from bot.core.markers import reveal
from bot.core.names import REPLY_MARKER, VERDICT_MARKER


def digest(effect: Effect) -> str:
    """What makes two comments the same; empty: doing this twice does no harm."""
    match effect:
        case PutStatus(issue=issue, comment_node_id=""):
            return f"status:{issue}"
        case PostComment(issue=issue, body=body):
            verdict, reply = reveal(VERDICT_MARKER, body), reveal(REPLY_MARKER, body)
            if verdict is not None:
                return f"verdict:{verdict.get('run')}"
            if reply is not None:
                return f"reply:{issue}:{reply.get('to')}"
            return f"comment:{issue}:{hashlib.sha256(body.encode()).hexdigest()}"
        case _:
            return ""


def says(effect: Effect) -> int:
    """How many pieces of content it creates, as GitHub's content limits count them."""
    if isinstance(effect, MakeIssues):
        return 2 + len(effect.portion.new) + len(effect.portion.updates)
    return int(isinstance(effect, PutStatus | PutBoard | PostComment | React))
