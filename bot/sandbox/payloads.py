"""Webhook payloads, built at the moment of the change. https://docs.github.com/en/webhooks/webhook-events-and-payloads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.records import Json, Label, Milestone, Repo, User
from bot.sandbox.repos import ZERO, git
from bot.sandbox.shapes import accounts, issues, pulls, repos, runs

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

ZEN = "Keep it logically awesome."
"""What a `ping` says."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened: the event's name and action, where, by whom, and the records it was about."""

    hub: "Hub"
    name: str
    action: str
    repo: Repo | None
    by: "Token"
    parts: Mapping[str, Any]

    @property
    def where(self) -> Repo:
        """The repository, for events that always have one."""
        assert self.repo is not None
        return self.repo


def event_payload(change: Change) -> Json:
    """The payload of one event (without `installation`, which depends on who receives it)."""
    hub, repo = change.hub, change.repo
    body: Json = {"action": change.action} if change.action else {}
    body |= _BODIES[change.name](change)
    if repo is not None:
        body["repository"] = repos.repository(hub, repo)
        if repo.owner.type == "Organization":
            body["organization"] = accounts.organization(hub, repo.owner)
    return body | {"sender": accounts.user(hub, change.by.user)}


def _small(change: Change) -> Json:
    """What comes along with an action: label, assignee, milestone, changes."""
    shown: Json = {}
    for key in ("label", "assignee", "milestone", "reviewer"):
        value = change.parts.get(key)
        if isinstance(value, Label):
            shown[key] = repos.label(change.hub, change.where, value)
        elif isinstance(value, Milestone):
            shown[key] = repos.milestone(change.hub, change.where, value)
        elif isinstance(value, User):
            shown["requested_reviewer" if key == "reviewer" else key] = accounts.user(change.hub, value)
    if "changes" in change.parts:
        shown["changes"] = change.parts["changes"]
    return shown


def _issues(change: Change) -> Json:
    shown = {"issue": issues.issue(change.hub, change.parts["issue"])} | _small(change)
    for word in ("new", "old"):
        other = change.parts.get(f"{word}_issue")
        if other is not None:
            where = repos.repository(change.hub, other.repo)
            shown["changes"] = {f"{word}_issue": issues.issue(change.hub, other), f"{word}_repository": where}
    return shown


def _comment(change: Change) -> Json:
    shown = {
        "issue": issues.issue(change.hub, change.parts["issue"]),
        "comment": issues.comment(change.hub, change.parts["comment"]),
    }
    return shown | ({"changes": change.parts["changes"]} if "changes" in change.parts else {})


def _pull(change: Change) -> Json:
    issue = change.parts["issue"]
    shown = {"number": issue.number, "pull_request": pulls.pull(change.hub, issue)} | _small(change)
    return shown | {key: change.parts[key] for key in ("before", "after") if key in change.parts}


def _review(change: Change) -> Json:
    issue = change.parts["issue"]
    review = pulls.review_in_payload(change.hub, issue, change.parts["review"])
    return {"review": review, "pull_request": pulls.pull_simple(change.hub, issue)}


def _review_comment(change: Change) -> Json:
    issue, made = change.parts["issue"], change.parts["comment"]
    comment = pulls.review_comment(change.hub, issue, made.thread, made)
    return {"comment": comment, "pull_request": pulls.pull_simple(change.hub, issue)}


def _push(change: Change) -> Json:
    ref, before, after = change.parts["ref"], change.parts["before"], change.parts["oid"]
    new = [] if after == ZERO else _new_commits(change, before, after)
    forced = ZERO not in (before, after) and not change.hub.repos.is_ancestor(change.where, before, after)
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": forced,
        "base_ref": None,
        "compare": f"{repos.page_url(change.hub, change.where)}/compare/{before[:12]}...{after[:12]}",
        "commits": [repos.push_commit(change.hub, change.where, oid) for oid in new],
        "head_commit": None if after == ZERO else repos.push_commit(change.hub, change.where, after),
        "pusher": {"name": change.by.user.login, "email": change.by.user.email},
    }


def _new_commits(change: Change, before: str, after: str) -> list[str]:
    """At most 20, oldest first; of a new branch those that the default branch has not."""
    default = f"refs/heads/{change.where.default_branch}"
    known = before if before != ZERO else change.hub.repos.branch_oid(change.where, change.where.default_branch)
    if not known or (before == ZERO and change.parts["ref"] == default):
        return git(change.where, "rev-list", "--reverse", "--max-count=20", after).split()
    return git(change.where, "rev-list", "--reverse", "--max-count=20", f"{known}..{after}").split()


def _create(change: Change) -> Json:
    master = {"master_branch": change.where.default_branch, "description": change.where.description or None}
    return _delete(change) | master


def _delete(change: Change) -> Json:
    _, kind, name = change.parts["ref"].split("/", 2)
    return {"ref": name, "ref_type": "branch" if kind == "heads" else "tag", "pusher_type": "user"}


def _workflow_run(change: Change) -> Json:
    record = change.parts["run"]
    return {
        "workflow": runs.workflow(change.hub, record.repo, record.workflow),
        "workflow_run": runs.run(change.hub, record),
    }


def _check_suite(change: Change) -> Json:
    return {"check_suite": runs.check_suite(change.hub, change.parts["run"])}


def _ping(change: Change) -> Json:
    app = change.parts["app"]
    return {"zen": ZEN, "hook_id": app.hook.id, "hook": accounts.app_hook(change.hub, app)}


def _workflow_dispatch(change: Change) -> Json:
    return {key: change.parts[key] for key in ("inputs", "ref", "workflow")}


def _repository_dispatch(change: Change) -> Json:
    return {"branch": change.where.default_branch, "client_payload": change.parts["client_payload"]}


def _dependencies(change: Change) -> Json:
    blocked, blocker = change.parts["blocked"], change.parts["blocker"]
    return {
        "blocked_issue_id": blocked.id,
        "blocked_issue": issues.issue_full(change.hub, blocked),
        "blocked_issue_repo": repos.repository(change.hub, blocked.repo),
        "blocking_issue_id": blocker.id,
        "blocking_issue": issues.issue_full(change.hub, blocker),
        "blocking_issue_repo": repos.repository(change.hub, blocker.repo),
    }


def _sub_issues(change: Change) -> Json:
    parent, child = change.parts["parent"], change.parts["child"]
    return {
        "parent_issue_id": parent.id,
        "parent_issue": issues.issue_full(change.hub, parent),
        "parent_issue_repo": repos.repository(change.hub, parent.repo),
        "sub_issue_id": child.id,
        "sub_issue": issues.issue_full(change.hub, child),
        "sub_issue_repo": repos.repository(change.hub, child.repo),
    }


def _installation(change: Change) -> Json:
    record = change.parts["installation"]
    shown: Json = {"installation": accounts.installation(change.hub, record)}
    for word in ("added", "removed"):
        if f"repositories_{word}" in change.parts:
            shown |= {
                "repositories_added": [],
                "repositories_removed": [],
                "repository_selection": shown["installation"]["repository_selection"],
                "requester": None,
                f"repositories_{word}": [_named(one) for one in change.parts[f"repositories_{word}"]],
            }
            return shown
    return shown | {"repositories": [_named(one) for one in change.hub.repositories.values() if record.covers(one)]}


def _named(repo: Repo) -> Json:
    return {
        "id": repo.id,
        "node_id": repo.node_id,
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }


_BODIES: dict[str, Callable[[Change], Json]] = {
    "issues": _issues,
    "issue_comment": _comment,
    "pull_request": _pull,
    "pull_request_review": _review,
    "pull_request_review_comment": _review_comment,
    "push": _push,
    "create": _create,
    "delete": _delete,
    "check_suite": _check_suite,
    "ping": _ping,
    "workflow_run": _workflow_run,
    "workflow_dispatch": _workflow_dispatch,
    "repository": lambda change: {"changes": change.parts["changes"]} if "changes" in change.parts else {},
    "repository_dispatch": _repository_dispatch,
    "issue_dependencies": _dependencies,
    "sub_issues": _sub_issues,
    "installation": _installation,
    "installation_repositories": _installation,
}
