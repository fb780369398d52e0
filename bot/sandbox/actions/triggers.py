"""Which events start a workflow. Pure. https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows"""

import fnmatch
from collections.abc import Mapping
from typing import Any

from bot.sandbox.actions.problems import Unsupported
from bot.sandbox.records import Event

_DEFAULT_TYPES: Mapping[str, tuple[str, ...]] = {"pull_request": ("opened", "synchronize", "reopened")}
"""Activity types when the workflow names none; every type for other events."""

TRIGGERS = frozenset(
    (
        "create",
        "delete",
        "issue_comment",
        "issues",
        "label",
        "milestone",
        "public",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "push",
        "repository_dispatch",
        "watch",
        "workflow_run",
    )
)
"""Hub events that can start a workflow by themselves. `workflow_dispatch` and `schedule` come by other doors;
`issue_dependencies` and `sub_issues` are webhooks of Apps only."""


def starts(on: Mapping[str, Any], event: Event) -> bool:
    """Whether `on` (event name -> filters) lets `event` start the workflow. Raises `Unsupported` for unknown filters."""
    if event.name not in TRIGGERS or event.name not in on:
        return False
    filters = on[event.name] or {}
    known = {"push": {"branches", "branches-ignore", "tags"}, "pull_request": {"types", "branches", "branches-ignore"}}
    unknown = sorted(set(filters) - known.get(event.name, {"types"}))
    if unknown:
        raise Unsupported(f"on.{event.name}: {', '.join(unknown)}")
    if event.name == "push":
        return _pushed(filters, event.ref)
    if event.name == "pull_request" and not _branch(filters, str(_base(event.payload))):
        return False
    types = filters.get("types") or _DEFAULT_TYPES.get(event.name) or (event.action,)
    return event.action in ((types,) if isinstance(types, str) else types)


def _pushed(filters: Mapping[str, Any], ref: str) -> bool:
    if ref.startswith("refs/tags/"):
        wanted = filters.get("tags", () if filters else ("**",))
        return any(fnmatch.fnmatchcase(ref.removeprefix("refs/tags/"), pattern) for pattern in wanted)
    if "tags" in filters and not set(filters) & {"branches", "branches-ignore"}:
        return False
    return _branch(filters, ref.removeprefix("refs/heads/"))


def _branch(filters: Mapping[str, Any], branch: str) -> bool:
    if any(fnmatch.fnmatchcase(branch, pattern) for pattern in filters.get("branches-ignore", ())):
        return False
    return any(fnmatch.fnmatchcase(branch, pattern) for pattern in filters.get("branches", ("**",)))


def _base(payload: Mapping[str, Any]) -> Any:
    return payload.get("pull_request", {}).get("base", {}).get("ref", "")
