"""The sandbox's GraphQL: `execute` answers a document on the hub's state as GitHub would.

The schema (schema.graphql) is a subset of GitHub's own; what a document asks beyond it is refused in GitHub's words,
so a query that works here uses nothing that GitHub lacks. Resolvers are in `graphql_reads` and `graphql_writes`.
"""

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from bot.sandbox.errors import Refused
from bot.sandbox.graphql_reads import READS
from bot.sandbox.graphql_records import Asker, type_name
from bot.sandbox.graphql_writes import WRITES

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

Json = dict[str, Any]

_SCHEMA = Path(__file__).with_name("schema.graphql")
_TYPES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 410: "NOT_FOUND", 422: "UNPROCESSABLE"}
_UNKNOWN_FIELD = re.compile(r"^Cannot query field '(\w+)' on type '(\w+)'")


def execute(hub: "Hub", token: "Token", query: Any, variables: Any = None) -> Json:
    """Answer `query`: `{"data": …}` and, where something was refused, `{"errors": […]}`; always one moment's state.

    Each mutation of a document stands for itself: those before and after a refused one are done. Raises `Refused` 401
    for nobody (GitHub's GraphQL has no anonymous access) and 400 for what isn't a document.
    """
    if token.kind == "anonymous":
        raise Refused(401, "This endpoint requires you to be authenticated.")
    if not isinstance(query, str) or not query.strip():
        raise Refused(400, "A query attribute must be specified and must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise Refused(400, "Variables must be an object.")
    document = _checked(query)
    if not isinstance(document, DocumentNode):
        return {"errors": document}
    with hub.lock:
        result = execute_sync(
            schema(),
            document,
            context_value=Asker(hub, token),
            variable_values=variables,
            field_resolver=_resolve,
            type_resolver=_type_of,
        )
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [_refusal(error) for error in result.errors]
    return answer


@functools.cache
def schema() -> GraphQLSchema:
    """The schema, built once."""
    return build_schema(_SCHEMA.read_text())


@functools.lru_cache(maxsize=256)
def _checked(query: str) -> DocumentNode | list[Json]:
    """The parsed document, or GitHub's errors about it."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return [{"message": error.message, "locations": _locations(error)}]
    found = validate(schema(), document)
    return [_invalid(error) for error in found] or document


def _resolve(source: Any, info: "GraphQLResolveInfo[Any]", **args: Any) -> Any:
    """One field: by its own resolver, else the attribute (or key) of that name."""
    resolver = READS.get((info.parent_type.name, info.field_name)) or WRITES.get(info.field_name)
    if resolver is not None:
        return resolver(info.context, source, args)
    return source.get(info.field_name) if isinstance(source, dict) else getattr(source, info.field_name)


def _type_of(value: Any, _info: "GraphQLResolveInfo[Any]", _abstract: GraphQLAbstractType) -> str:
    return type_name(value)


def _refusal(error: GraphQLError) -> Json:
    """An execution error in GitHub's shape: its `type` beside `path`, `locations` and `message`."""
    refused = error.original_error
    shown: Json = {"path": error.path, "locations": _locations(error), "message": error.message}
    if isinstance(refused, Refused):
        shown["type"] = _TYPES.get(refused.status, "UNPROCESSABLE")
        shown["message"] = _message(refused)
    elif error.extensions and "type" in error.extensions:
        shown["type"] = error.extensions["type"]
    elif refused is not None:
        # The sandbox's own bug (or a field nobody wrote): loud, never GitHub's silence.
        raise refused
    return shown


def _message(refused: Refused) -> str:
    """GraphQL shows the particular reason where REST says "Validation Failed"."""
    words = [error.get("message", "") for error in refused.errors or () if isinstance(error, dict)]
    return "; ".join(word for word in words if word) or refused.message


def _invalid(error: GraphQLError) -> Json:
    """A validation error; unknown fields are told apart by their code, as on GitHub."""
    unknown = _UNKNOWN_FIELD.match(error.message)
    shown: Json = {"message": error.message, "locations": _locations(error)}
    if unknown:
        field, parent = unknown.groups()
        shown["message"] = f"Field '{field}' doesn't exist on type '{parent}'"
        shown["extensions"] = {"code": "undefinedField", "typeName": parent, "fieldName": field}
    return shown


def _locations(error: GraphQLError) -> list[Json]:
    return [{"line": place.line, "column": place.column} for place in error.locations or ()]
