"""JSON of pull requests, their files, reviews and review comments."""

from typing import TYPE_CHECKING

from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Json, Review, ReviewComment, ReviewThread, User
from bot.sandbox.shapes.accounts import association, stamp, user
from bot.sandbox.shapes.issues import issue, issue_page
from bot.sandbox.shapes.repos import page_url, repo_url, repository

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

_SHARED = [
    "id",
    "node_id",
    "number",
    "state",
    "locked",
    "title",
    "user",
    "body",
    "labels",
    "milestone",
    "created_at",
    "updated_at",
    "closed_at",
    "assignee",
    "assignees",
    "author_association",
    "active_lock_reason",
    "comments_url",
]
"""What a pull request has from its issue half, word for word."""


def pull_url(hub: "Hub", record: Issue) -> str:
    """Its address in the API."""
    return f"{repo_url(hub, record.repo)}/pulls/{record.number}"


def pull_simple(hub: "Hub", record: Issue) -> Json:
    """A pull request in a list or in a review's payload."""
    half, pull, api, page = issue(hub, record), part(record), pull_url(hub, record), issue_page(hub, record)
    return {key: half[key] for key in _SHARED} | {
        "url": api,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": half["url"],
        "commits_url": f"{api}/commits",
        "review_comments_url": f"{api}/comments",
        "review_comment_url": f"{repo_url(hub, record.repo)}/pulls/comments{{/number}}",
        "statuses_url": f"{repo_url(hub, record.repo)}/statuses/{pull.head_oid}",
        "merged_at": stamp(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_oid or None,
        "requested_reviewers": [user(hub, one) for one in pull.requested_reviewers],
        "requested_teams": [],
        "draft": pull.draft,
        "auto_merge": None,
        "head": _end(hub, record, pull.head, pull.head_oid),
        "base": _end(hub, record, pull.base, pull.base_oid),
        "_links": _links(hub, record),
    }


def pull(hub: "Hub", record: Issue) -> Json:
    """A pull request as webhooks carry it: mergeability not yet computed."""
    return pull_simple(hub, record) | _sizes(hub, record) | {
        "merged": part(record).merged,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": _maybe(hub, part(record).merged_by),
        "comments": len(record.comments),
        "review_comments": sum(len(thread.comments) for thread in part(record).threads),
        "maintainer_can_modify": False,
    }  # fmt: skip


def pull_full(hub: "Hub", record: Issue) -> Json:
    """`GET pulls/{number}`: mergeability really tried."""
    if not record.open:
        return pull(hub, record)
    fits = hub.pulls.mergeable(record)
    state = "dirty" if not fits else "draft" if part(record).draft else "clean"
    return pull(hub, record) | {"mergeable": fits, "rebaseable": fits, "mergeable_state": state}


def changed_file(hub: "Hub", record: Issue, entry: Json) -> Json:
    """An entry of `pulls/{number}/files`."""
    oid, path = part(record).head_oid, entry["filename"]
    page = page_url(hub, record.repo)
    return entry | {
        "blob_url": f"{page}/blob/{oid}/{path}",
        "raw_url": f"{page}/raw/{oid}/{path}",
        "contents_url": f"{repo_url(hub, record.repo)}/contents/{path}?ref={oid}",
    }


def review(hub: "Hub", record: Issue, one: Review) -> Json:
    """A review as REST shows it."""
    html = f"{issue_page(hub, record)}#pullrequestreview-{one.id}"
    return {
        "id": one.id,
        "node_id": one.node_id,
        "user": user(hub, one.user),
        "body": one.body,
        "state": one.state,
        "html_url": html,
        "pull_request_url": pull_url(hub, record),
        "author_association": association(record.repo, one.user),
        "_links": {"html": {"href": html}, "pull_request": {"href": pull_url(hub, record)}},
        "submitted_at": stamp(one.submitted_at),
        "commit_id": one.commit_id,
    }


def review_in_payload(hub: "Hub", record: Issue, one: Review) -> Json:
    """A review in a webhook: its state is lower case there, an empty body null."""
    return review(hub, record, one) | {"state": one.state.lower(), "body": one.body or None}


def review_comment(hub: "Hub", record: Issue, thread: ReviewThread, one: ReviewComment) -> Json:
    """A comment on a line of the diff."""
    api = f"{repo_url(hub, record.repo)}/pulls/comments/{one.id}"
    html = f"{issue_page(hub, record)}#discussion_r{one.id}"
    links = {"self": {"href": api}, "html": {"href": html}, "pull_request": {"href": pull_url(hub, record)}}
    shown: Json = {
        "url": api,
        "pull_request_review_id": one.review_id or None,
        "id": one.id,
        "node_id": one.node_id,
        "diff_hunk": thread.diff_hunk,
        "path": thread.path,
        "commit_id": part(record).head_oid if thread.line else thread.commit_id,
        "original_commit_id": thread.commit_id,
        "user": user(hub, one.user),
        "body": one.body,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "html_url": html,
        "pull_request_url": pull_url(hub, record),
        "author_association": association(record.repo, one.user),
        "_links": links,
        "line": thread.line or None,
        "original_line": thread.original_line,
        "side": "RIGHT",
    }
    return shown | ({"in_reply_to_id": one.in_reply_to} if one.in_reply_to else {})


def pull_minimal(hub: "Hub", record: Issue) -> Json:
    """A pull request of a workflow run."""
    where = {"id": record.repo.id, "url": repo_url(hub, record.repo), "name": record.repo.name}
    ends = {"head": (part(record).head, part(record).head_oid), "base": (part(record).base, part(record).base_oid)}
    shown: Json = {"id": record.id, "number": record.number, "url": pull_url(hub, record)}
    return shown | {end: {"ref": ref, "sha": oid, "repo": where} for end, (ref, oid) in ends.items()}


def _sizes(hub: "Hub", record: Issue) -> Json:
    commits, files, added, removed = hub.pulls.sizes(record)
    return {"commits": commits, "changed_files": files, "additions": added, "deletions": removed}


def _end(hub: "Hub", record: Issue, branch: str, oid: str) -> Json:
    repo = record.repo
    return {
        "label": f"{repo.owner.login}:{branch}",
        "ref": branch,
        "sha": oid,
        "user": user(hub, repo.owner),
        "repo": repository(hub, repo),
    }


def _links(hub: "Hub", record: Issue) -> Json:
    api, half = pull_url(hub, record), f"{repo_url(hub, record.repo)}/issues/{record.number}"
    return {
        "self": {"href": api},
        "html": {"href": issue_page(hub, record)},
        "issue": {"href": half},
        "comments": {"href": f"{half}/comments"},
        "review_comments": {"href": f"{api}/comments"},
        "review_comment": {"href": f"{repo_url(hub, record.repo)}/pulls/comments{{/number}}"},
        "commits": {"href": f"{api}/commits"},
        "statuses": {"href": f"{repo_url(hub, record.repo)}/statuses/{part(record).head_oid}"},
    }


def _maybe(hub: "Hub", who: User | None) -> Json | None:
    return None if who is None else user(hub, who)
