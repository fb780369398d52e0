"""GraphQL connections: cursors, `first`/`last`, and GitHub's refusals of pages without bounds or beyond 100."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import GraphQLError

T = TypeVar("T")

PAGE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PageInfo:
    """GraphQL's `PageInfo`; field names are the schema's."""

    hasNextPage: bool  # noqa: N815
    hasPreviousPage: bool  # noqa: N815
    startCursor: str | None  # noqa: N815
    endCursor: str | None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a connection; field names are the schema's."""

    nodes: Sequence[T]
    totalCount: int  # noqa: N815
    pageInfo: PageInfo  # noqa: N815


def paginate(items: Sequence[T], name: str, args: dict[str, Any]) -> Page[T]:
    """The page that `args` (`first`, `last`, `after`, `before`) ask for of the connection called `name`.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit
    """
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        words = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise GraphQLError(words, extensions={"type": "MISSING_PAGINATION_BOUNDARIES"})
    for bound, count in (("first", first), ("last", last)):
        if count is not None and not 0 <= count <= PAGE_LIMIT:
            words = (
                f"Requesting {count} records on the `{name}` connection exceeds the `{bound}` limit of "
                f"{PAGE_LIMIT} records."
            )
            raise GraphQLError(words, extensions={"type": "EXCESSIVE_PAGINATION"})
    start = _position(items, args["after"]) + 1 if args.get("after") else 0
    end = _position(items, args["before"]) if args.get("before") else len(items)
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    shown = items[start:end]
    info = PageInfo(
        hasNextPage=end < len(items),
        hasPreviousPage=start > 0,
        startCursor=_cursor(shown[0], start) if shown else None,
        endCursor=_cursor(shown[-1], end - 1) if shown else None,
    )
    return Page(shown, len(items), info)


def _cursor(item: Any, index: int) -> str:
    """Opaque to clients: the item, and where it was in case it has gone meanwhile."""
    return base64.b64encode(f"cursor:v2:{index}:{getattr(item, 'node_id', '')}".encode()).decode()


def _position(items: Sequence[Any], cursor: str) -> int:
    try:
        _, _, index, node_id = base64.b64decode(cursor, validate=True).decode().split(":", 3)
        expected = int(index)
    except ValueError:
        words = f"`{cursor}` does not appear to be a valid cursor."
        raise GraphQLError(words, extensions={"type": "INVALID_CURSOR_ARGUMENTS"}) from None
    if node_id:
        found = (at for at, item in enumerate(items) if getattr(item, "node_id", None) == node_id)
        return next(found, expected)
    return expected
