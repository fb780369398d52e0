"""GitHub's JSON → facts. Pure: what was asked for is in `queries`, when it is asked in `gather`.

Everything that comes in is copied field by field; nothing of GitHub's JSON goes further than this file and `gather`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.core.model import (
    ActionsRun,
    Actor,
    Comment,
    Issue,
    Json,
    LabelEvent,
    Link,
    Permission,
    Pull,
    Ref,
    RunState,
    Source,
    Standing,
)
from bot.core.names import LABEL_LOOKS, REQUEST_LABEL, issue_branch

GHOST = Actor(0, "ghost")
"""Who GitHub names when the account is gone. Nobody: id 0 is never anyone's."""

HIDDEN = Ref("(unreadable)", 0)
"""A native prerequisite that GitHub counts and does not show us (a private repository's)."""

ISSUE_PREFIX = issue_branch(0).removesuffix("0")
_OURS = {str(name).casefold(): str(name) for name in LABEL_LOOKS}
_NOT_STARTED = frozenset({"queued", "waiting", "pending", "requested", "action_required"})
_INSIDERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_REACTIONS = {"EYES": "eyes", "CONFUSED": "confused"}


def actor(data: Any) -> Actor:
    """A GraphQL `Actor`. Organizations and enterprise accounts have no id here: they are nobody who can ask."""
    if not isinstance(data, dict):
        return GHOST
    login, bot = str(data.get("login") or ""), data.get("__typename") == "Bot"
    return Actor(int(data.get("databaseId") or 0), login, is_bot=bot)


def labels(data: Any) -> frozenset[str]:
    """Label names; ours in our spelling, whatever case the repository gave them (GitHub compares without case)."""
    found = (str(node["name"]) for node in nodes(data))
    return frozenset(_OURS.get(name.casefold(), name) for name in found)


def is_foreign(data: Json) -> bool:
    """Whether an issue's author has no part in the repository (`By`): a bot has, as somebody gave it access."""
    bot = (data.get("author") or {}).get("__typename") == "Bot"
    return data.get("authorAssociation") not in _INSIDERS and not bot


def light_issue(data: Json) -> Issue:
    """An issue of the list of all open ones."""
    return Issue(
        number=int(data["number"]),
        title=str(data["title"]),
        open=data["state"] == "OPEN",
        state_reason=str(data.get("stateReason") or "").lower(),
        labels=labels(data["labels"]),
        milestone=str((data.get("milestone") or {}).get("title") or ""),
        foreign=is_foreign(data),
    )


def closed_issue(data: Json) -> Issue:
    """A closed issue of the list of those touched last (`Over`)."""
    return Issue(
        number=int(data["number"]),
        title=str(data["title"]),
        open=False,
        state_reason=str(data.get("stateReason") or "").lower(),
        milestone=str((data.get("milestone") or {}).get("title") or ""),
        closed_at=when(data["closedAt"]) if data.get("closedAt") else None,
        foreign=is_foreign(data),
    )


def full_issue(data: Json) -> Issue:
    """An issue or pull request read in detail (`Detail` or `DetailPull`)."""
    pull_state = data.get("pullState")
    events = nodes(data.get("timelineItems"))
    return Issue(
        number=int(data["number"]),
        title=str(data["title"]),
        body=str(data["body"] or ""),
        open=(pull_state or data.get("state")) == "OPEN",
        state_reason=str(data.get("stateReason") or "").lower(),
        labels=labels(data.get("labels")),
        is_pull=pull_state is not None,
        merged=pull_state == "MERGED",
        milestone=str((data.get("milestone") or {}).get("title") or ""),
        node_id=str(data["id"]),
        id=int(data.get("fullDatabaseId") or 0),
        url=str(data["url"]),
        author=actor(data["author"]),
        insider=data.get("authorAssociation") in _INSIDERS,
        foreign=pull_state is None and is_foreign(data),
        locked=bool(data["locked"]),
        body_edited_at=when(data["lastEditedAt"]) if data.get("lastEditedAt") else None,
        renamed_at=_last(events, "RenamedTitleEvent"),
        closed_at=_last(events, "ClosedEvent"),
        label_events=_label_events(events),
        comments=tuple(sorted(map(comment, nodes(data["comments"])), key=lambda one: (one.created_at, one.id))),
        links=links(data),
        detailed=True,
    )


def _last(events: Iterable[Json], kind: str) -> datetime | None:
    return max((when(event["createdAt"]) for event in events if event["__typename"] == kind), default=None)


def _label_events(events: Iterable[Json]) -> tuple[LabelEvent, ...]:
    found = [
        LabelEvent(str(event["id"]), actor(event["actor"]), when(event["createdAt"]))
        for event in events
        if event["__typename"] == "LabeledEvent" and event["label"]["name"].casefold() == REQUEST_LABEL
    ]
    return tuple(sorted(found, key=lambda event: event.at))


def people(node: Json) -> Iterable[Json]:
    """Everybody an issue's answer names."""
    found = [node.get("author")]
    found += [event.get("actor") for event in nodes(node.get("timelineItems"))]
    found += [remark.get("author") for remark in nodes(node.get("comments"))]
    return (who for who in found if isinstance(who, dict))


def comment(data: Json) -> Comment:
    """A `Remark`."""
    mine = {str(group["content"]) for group in data.get("reactionGroups") or () if group["viewerHasReacted"]}
    return Comment(
        id=int(data.get("fullDatabaseId") or 0),
        node_id=str(data["id"]),
        author=actor(data["author"]),
        body=str(data["body"]),
        created_at=when(data["createdAt"]),
        edited=data.get("lastEditedAt") is not None,
        reactions=frozenset(_REACTIONS[content] for content in mine & _REACTIONS.keys()),
    )


def links(data: Json) -> tuple[Link, ...]:
    """Native prerequisites, with `HIDDEN` for what GitHub counts as blocking and does not list."""
    found = [Link(linked_ref(node), Source.NATIVE) for node in nodes(data.get("blockedBy"))]
    found += [Link(linked_ref(node), Source.SUB_ISSUE) for node in nodes(data.get("subIssues"))]
    if _hides_a_blocker(data):
        found.append(Link(HIDDEN, Source.NATIVE))
    return tuple(found)


def _hides_a_blocker(data: Json) -> bool:
    listed = [data.get(key) or {} for key in ("blockedBy", "subIssues")]
    if any(None in (connection.get("nodes") or ()) for connection in listed):
        return True
    counted = int((data.get("issueDependenciesSummary") or {}).get("blockedBy") or 0)
    still_open = [node for node in nodes(listed[0]) if node["state"] == "OPEN"]
    return counted > len(still_open)


def linked(data: Json) -> dict[Ref, Standing]:
    """What the same answer says about an issue's native prerequisites."""
    found = {linked_ref(node): standing(node) for key in ("blockedBy", "subIssues") for node in nodes(data.get(key))}
    if _hides_a_blocker(data):
        found[HIDDEN] = Standing.UNREADABLE
    return found


def linked_ref(data: Json) -> Ref:
    """Where an issue or pull request really is (a transferred one is somewhere else than it was looked for)."""
    return Ref(str(data["repository"]["nameWithOwner"]).lower(), int(data["number"]))


def standing(data: Json) -> Standing:
    """The standing of a `Linked`, `Change` or `Stands` node."""
    pull_state = data.get("pullState")
    if pull_state is not None:
        by_state = {"OPEN": Standing.OPEN, "MERGED": Standing.MERGED, "CLOSED": Standing.UNMERGED}
        return by_state.get(pull_state, Standing.UNKNOWN)
    if data.get("state") == "OPEN":
        return Standing.OPEN
    return Standing.NOT_PLANNED if data.get("stateReason") in ("NOT_PLANNED", "DUPLICATE") else Standing.CLOSED


def pull(data: Json) -> Pull:
    """A `Change`."""
    return Pull(
        number=int(data["number"]),
        head=str(data["headRefName"]),
        base=str(data["baseRefName"]),
        open=data["pullState"] == "OPEN",
        merged=data["pullState"] == "MERGED",
        draft=bool(data["isDraft"]),
        head_oid=str(data["headRefOid"]),
        url=str(data["url"]),
        node_id=str(data["id"]),
        title=str(data["title"]),
        author_id=actor(data["author"]).id,
        closed_at=when(data["closedAt"]) if data.get("closedAt") else None,
    )


def rest_pull(data: Json) -> Pull:
    """A pull request as REST answers it when it is opened."""
    return Pull(
        number=int(data["number"]),
        head=str(data["head"]["ref"]),
        base=str(data["base"]["ref"]),
        open=data["state"] == "open",
        merged=bool(data.get("merged_at")),
        draft=bool(data.get("draft")),
        head_oid=str(data["head"]["sha"]),
        url=str(data["html_url"]),
        node_id=str(data["node_id"]),
        title=str(data["title"]),
        author_id=int((data.get("user") or {}).get("id") or 0),
        closed_at=when(data["closed_at"]) if data.get("closed_at") else None,
    )


def run(data: Json) -> ActionsRun:
    """A workflow run as REST answers it. `name` is its run-name: REST calls it `display_title`.

    https://docs.github.com/en/rest/actions/workflow-runs
    """
    ended = data.get("status") == "completed"
    return ActionsRun(
        id=int(data["id"]),
        state=RunState.ENDED if ended else RunState.ACTIVE,
        conclusion=str(data.get("conclusion") or "") if ended else "",
        name=str(data.get("display_title") or data.get("name") or ""),
        url=str(data.get("html_url") or ""),
        started=data.get("status") not in _NOT_STARTED and data.get("conclusion") != "action_required",
    )


def permission(data: Any, who: Actor) -> Permission:
    """The permission endpoint's answer about `who`: only if it is about the same *id* (a login can be re-used).

    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    try:
        if int(data["user"]["id"]) != who.id:
            return Permission.NONE
        said = str(data["permission"])
        return Permission(said) if said in ("admin", "write", "read", "none") else Permission.UNKNOWN
    except (KeyError, TypeError, ValueError):
        return Permission.UNKNOWN


def issue_of_branch(head: str) -> int:
    """The issue whose run wrote the branch `ai/issue-7` or `ai/issue-7-2`; 0 for any other branch."""
    number = head.removeprefix(ISSUE_PREFIX).partition("-")[0] if head.startswith(ISSUE_PREFIX) else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else 0


def nodes(connection: Any) -> list[Json]:
    """A connection's nodes, without those that GitHub would not show (null)."""
    listed: Iterable[Any] = connection.get("nodes") or () if isinstance(connection, Mapping) else ()
    return [node for node in listed if isinstance(node, dict)]


def when(text: str) -> datetime:
    """GitHub's time, aware, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def prepend(node: Json, page: Json | None, name: str) -> None:
    """Put an earlier page of `name` before what is there."""
    earlier = (page or {}).get(name) or {"nodes": [], "pageInfo": {"hasPreviousPage": False}}
    node[name] = {"pageInfo": earlier["pageInfo"], "nodes": [*earlier["nodes"], *node[name]["nodes"]]}
