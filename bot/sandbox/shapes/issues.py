"""JSON of issues, comments, reactions and the timeline."""

from collections import Counter
from typing import TYPE_CHECKING

from bot.sandbox.issues import REACTIONS
from bot.sandbox.records import Comment, Issue, Json, Label, Milestone, Reaction, TimelineEvent, User
from bot.sandbox.shapes.accounts import app, app_in_payload, association, stamp, user
from bot.sandbox.shapes.repos import label, milestone, page_url, repo_url, repository_lite

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def issue_url(hub: "Hub", record: Issue) -> str:
    """Its address in the API (pull requests have one too)."""
    return f"{repo_url(hub, record.repo)}/issues/{record.number}"


def issue_page(hub: "Hub", record: Issue) -> str:
    """Its page."""
    return f"{page_url(hub, record.repo)}/{'pull' if record.pull else 'issues'}/{record.number}"


def issue(hub: "Hub", record: Issue) -> Json:
    """An issue as webhooks carry it."""
    api, page, repo = issue_url(hub, record), issue_page(hub, record), record.repo
    shown: Json = {
        "url": api,
        "repository_url": repo_url(hub, repo),
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "timeline_url": f"{api}/timeline",
        "html_url": page,
        "id": record.id,
        "node_id": record.node_id,
        "number": record.number,
        "title": record.title,
        "user": user(hub, record.user),
        "labels": [label(hub, repo, one) for one in record.labels],
        "state": "open" if record.open else "closed",
        "locked": record.locked,
        "assignee": user(hub, record.assignees[0]) if record.assignees else None,
        "assignees": [user(hub, one) for one in record.assignees],
        "milestone": milestone(hub, repo, record.milestone) if record.milestone else None,
        "comments": len(record.comments),
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "closed_at": stamp(record.closed_at),
        "author_association": association(repo, record.user),
        "active_lock_reason": record.lock_reason or None,
        "body": record.body or None,
        "reactions": reaction_counts(f"{api}/reactions", record.reactions),
        "performed_via_github_app": app_in_payload(hub, record.app) if record.app else None,
        "state_reason": record.state_reason or None,
    }
    if record.pull is None:
        return shown | {"sub_issues_summary": sub_issues(record), "issue_dependencies_summary": dependencies(record)}
    api_pull = f"{repo_url(hub, repo)}/pulls/{record.number}"
    links = {"url": api_pull, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
    return shown | {"draft": record.pull.draft, "pull_request": links | {"merged_at": stamp(record.pull.merged_at)}}


def issue_full(hub: "Hub", record: Issue) -> Json:
    """An issue as REST shows it."""
    closer = user(hub, record.closed_by) if record.closed_by else None
    via = app(hub, record.app) if record.app else None
    return issue(hub, record) | {"closed_by": closer, "type": None, "performed_via_github_app": via}


def sub_issues(record: Issue) -> Json:
    """`sub_issues_summary`."""
    total, done = len(record.sub_issues), sum(not child.open for child in record.sub_issues)
    return {"total": total, "completed": done, "percent_completed": 100 * done // total if total else 0}


def dependencies(record: Issue) -> Json:
    """`issue_dependencies_summary`: open ones, and all."""
    return {
        "blocked_by": sum(other.open for other in record.blocked_by),
        "blocking": sum(other.open for other in record.blocking),
        "total_blocked_by": len(record.blocked_by),
        "total_blocking": len(record.blocking),
    }


def comment(hub: "Hub", record: Comment) -> Json:
    """A comment, in REST and in payloads."""
    issue_at = record.issue
    api = f"{repo_url(hub, issue_at.repo)}/issues/comments/{record.id}"
    return {
        "url": api,
        "html_url": f"{issue_page(hub, issue_at)}#issuecomment-{record.id}",
        "issue_url": issue_url(hub, issue_at),
        "id": record.id,
        "node_id": record.node_id,
        "user": user(hub, record.user),
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "author_association": association(issue_at.repo, record.user),
        "body": record.body,
        "reactions": reaction_counts(f"{api}/reactions", record.reactions),
        "performed_via_github_app": app_in_payload(hub, record.app) if record.app else None,
    }


def reaction(hub: "Hub", record: Reaction) -> Json:
    """One reaction."""
    return {
        "id": record.id,
        "node_id": record.node_id,
        "user": user(hub, record.user),
        "content": record.content,
        "created_at": stamp(record.created_at),
    }


def reaction_counts(url: str, reactions: list[Reaction]) -> Json:
    """How often each was given."""
    counts = Counter(one.content for one in reactions)
    return {"url": url, "total_count": len(reactions)} | {word: counts[word] for word in REACTIONS}


def timeline_event(hub: "Hub", record: Issue, event: TimelineEvent) -> Json:
    """One event of `events` or `timeline`."""
    commit = event.detail.get("commit_id") or None
    api = repo_url(hub, record.repo)
    shown: Json = {
        "id": event.id,
        "node_id": event.node_id,
        "url": f"{api}/issues/events/{event.id}",
        "actor": user(hub, event.actor),
        "event": event.event,
        "commit_id": commit,
        "commit_url": f"{api}/commits/{commit}" if commit else None,
        "created_at": stamp(event.created_at),
        "performed_via_github_app": None,
    }
    if event.event == "renamed":
        shown["rename"] = {"from": event.detail["before"], "to": event.detail["after"]}
    if event.event in ("closed", "reopened"):
        shown["state_reason"] = event.detail.get("state_reason") or None
    if event.event == "locked":
        shown["lock_reason"] = event.detail.get("lock_reason") or None
    return shown | _people_and_things(hub, event)


def _people_and_things(hub: "Hub", event: TimelineEvent) -> Json:
    shown: Json = {}
    for key, value in event.detail.items():
        if isinstance(value, Label):
            shown[key] = {"name": value.name, "color": value.color}
        elif isinstance(value, Milestone):
            shown[key] = {"title": value.title}
        elif isinstance(value, User):
            shown[key] = user(hub, value)
            shown["assigner" if key == "assignee" else "review_requester"] = user(hub, event.actor)
        elif isinstance(value, Issue):
            shown[key] = _reference(hub, value)
    return shown


def _reference(hub: "Hub", record: Issue) -> Json:
    state = "open" if record.open else "closed"
    shown: Json = {"number": record.number, "title": record.title, "state": state, "issue_type": None}
    return shown | {"repository": repository_lite(hub, record.repo)}


def timeline_comment(hub: "Hub", record: Comment) -> Json:
    """A comment in the timeline."""
    return comment(hub, record) | {"event": "commented", "actor": user(hub, record.user)}
