"""What GraphQL's resolvers are made of: an attribute, a time, a page of a list, what all writings of people have."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.connections import paginate
from bot.sandbox.graphql_records import Asker, ReactionGroup
from bot.sandbox.issues import REACTIONS
from bot.sandbox.records import Comment, Issue

Args = dict[str, Any]
Resolver = Callable[[Asker, Any, Args], Any]
CONTENTS = {
    "THUMBS_UP": "+1", "THUMBS_DOWN": "-1", "LAUGH": "laugh", "CONFUSED": "confused",
    "HEART": "heart", "HOORAY": "hooray", "ROCKET": "rocket", "EYES": "eyes",
}  # fmt: skip
_CONTENT_OF = {word: name for name, word in CONTENTS.items()}


def url(ask: Asker, issue: Issue, _args: Args) -> str:
    """The page of an issue or pull request."""
    return f"{ask.hub.url}/{issue.repo.full_name}/{'pull' if issue.pull else 'issues'}/{issue.number}"


def attr(path: str) -> Resolver:
    """The attribute at a dotted path."""

    def read(_ask: Asker, source: Any, _args: Args) -> Any:
        for name in path.split("."):
            source = getattr(source, name)
        return source

    return read


def time(name: str) -> Resolver:
    """The attribute of that name, a moment or None."""
    return lambda _ask, source, _args: _iso(getattr(source, name))


def constant(value: Any) -> Resolver:
    """The same everywhere."""
    return lambda _ask, _source, _args: value


def connection(name: str, attribute: str) -> Resolver:
    """A page of the list at a dotted path."""
    read = attr(attribute)
    return lambda ask, source, args: paginate(read(ask, source, args), name, args)


def fields(names: Sequence[str], resolvers: dict[str, Resolver]) -> dict[tuple[str, str], Resolver]:
    """The same resolvers for several types."""
    return {(name, field): resolver for name in names for field, resolver in resolvers.items()}


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def _reaction_groups(ask: Asker, subject: Issue | Comment, _args: Args) -> list[ReactionGroup]:
    mine = {reaction.content for reaction in subject.reactions if reaction.user is ask.token.user}
    return [ReactionGroup(_CONTENT_OF[word], word in mine) for word in REACTIONS]


THING = {
    "id": attr("node_id"),
    "databaseId": attr("id"),
    "fullDatabaseId": lambda _ask, thing, _args: str(thing.id),
    "author": lambda _ask, thing, _args: None if thing.user.login == "ghost" else thing.user,
    "createdAt": time("created_at"),
    "updatedAt": time("updated_at"),
    "lastEditedAt": time("last_edited_at"),
    "reactionGroups": _reaction_groups,
}
"""What issues, pull requests, comments and reviews have in common."""
