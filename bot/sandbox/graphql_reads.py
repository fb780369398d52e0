"""GraphQL's read resolvers: one small function per field that isn't simply an attribute of a record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.sandbox.connections import Page, paginate
from bot.sandbox.errors import Refused
from bot.sandbox.graphql_fields import THING, Args, Resolver, attr, connection, fields, time, url
from bot.sandbox.graphql_records import Asker, Blob, Branch, Tree, Viewer, tips
from bot.sandbox.graphql_reviews import REVIEWS
from bot.sandbox.records import Comment, Issue, Label, Repo, Review, ReviewComment, ReviewThread, TimelineEvent
from bot.sandbox.repos import git
from bot.sandbox.shapes.accounts import association

_BLOB_LIMIT = 512_000


def readable(ask: Asker, issue: Issue) -> Issue:
    """`issue`, if the asker may read it. Raises `Refused`."""
    ask.token.require(issue.repo, "issues" if issue.pull is None else "pull_requests", "read")
    return issue


# ---------------------------------------------------------------------------------------------- root


def _repository(ask: Asker, _root: Any, args: Args) -> Repo:
    """Follows renames, as GitHub does unless told otherwise."""
    name = f"{args['owner']}/{args['name']}"
    try:
        repo = ask.hub.repo(name)
    except Refused:
        repo = None
    if repo is None or not ask.token.sees(repo):
        raise Refused(404, f"Could not resolve to a Repository with the name '{name}'.")
    return repo


def _viewer(ask: Asker, _root: Any, _args: Args) -> Viewer:
    user = ask.token.user
    return Viewer(user.node_id, user.id, user.login)


def _node(ask: Asker, _root: Any, args: Args) -> Any:
    return node(ask, args["id"])


def node(ask: Asker, node_id: str) -> Any:
    """The record with a node id, if the asker may know of it. Raises `Refused` 404."""
    found = ask.hub.node(node_id)
    issue = found.issue if isinstance(found, Comment | Review | ReviewThread) else found
    issue = found.thread.issue if isinstance(found, ReviewComment) else issue
    repo = getattr(issue, "repo", found)
    if found is None or (isinstance(repo, Repo) and not ask.token.sees(repo)):
        raise Refused(404, f"Could not resolve to a node with the global id of '{node_id}'.")
    return found


# ----------------------------------------------------------------------------------------- repository


def _default_branch(ask: Asker, repo: Repo, _args: Args) -> Branch | None:
    full = f"refs/heads/{repo.default_branch}"
    return next(iter(_branches(repo, ask.hub.repos.refs(repo, full))), None)


def _branches(repo: Repo, refs: Mapping[str, str]) -> list[Branch]:
    """Refs with their commits (one call of git for all)."""
    found = tips(repo, refs.values())
    return [Branch(repo, full, found[oid]) for full, oid in sorted(refs.items())]


def _object(ask: Asker, repo: Repo, args: Args) -> Any:
    """`HEAD:path` → the file; a revision alone → its commit; anything missing → null."""
    ask.token.require(repo, "contents", "read")
    revision, colon, path = str(args.get("expression") or args.get("oid") or "").partition(":")
    commit = ask.hub.repos.resolve(repo, revision) if revision else ""
    if not commit or not colon:
        return tips(repo, [commit])[commit] if commit else None
    listed = git(repo, "ls-tree", commit, "--", path).split()
    if len(listed) < 4 or listed[1] != "blob":
        return None
    return Blob(listed[2], (ask.hub.repos.read(repo, commit, path) or "").encode())


def _label(_ask: Asker, repo: Repo, args: Args) -> Label | None:
    return repo.labels.get(str(args["name"]).lower())


def _ref(ask: Asker, repo: Repo, args: Args) -> Branch | None:
    ask.token.require(repo, "contents", "read")
    full = str(args["qualifiedName"])
    full = full if full.startswith("refs/") else f"refs/heads/{full}"
    oid = ask.hub.repos.refs(repo).get(full)
    return _branches(repo, {full: oid})[0] if oid else None


def _refs(ask: Asker, repo: Repo, args: Args) -> Page[Branch]:
    ask.token.require(repo, "contents", "read")
    found = ask.hub.repos.refs(repo, str(args["refPrefix"]))
    return paginate(_branches(repo, found), "refs", args)


def _issue(ask: Asker, repo: Repo, args: Args) -> Issue:
    ask.token.require(repo, "issues", "read")
    issue = repo.issues.get(args["number"])
    if issue is None or issue.pull is not None:
        raise Refused(404, f"Could not resolve to an Issue with the number of {args['number']}.")
    return issue


def _issue_or_pull(ask: Asker, repo: Repo, args: Args) -> Issue:
    issue = repo.issues.get(args["number"])
    if issue is None:
        ask.token.require(repo, "issues", "read")
        raise Refused(404, f"Could not resolve to an issue or pull request with the number of {args['number']}.")
    return readable(ask, issue)


def _issues(ask: Asker, repo: Repo, args: Args) -> Page[Issue]:
    ask.token.require(repo, "issues", "read")
    wanted = args.get("filterBy") or {}
    found = [issue for issue in ask.hub.issues.listing(repo) if issue.pull is None]
    found = _with_states(found, args.get("states") or wanted.get("states"))
    found = _with_any_label(found, args.get("labels") or wanted.get("labels"))
    if wanted.get("since"):
        since = datetime.fromisoformat(wanted["since"])
        found = [issue for issue in found if issue.updated_at >= since]
    return paginate(_ordered(found, args), "issues", args)


def _pulls(ask: Asker, repo: Repo, args: Args) -> Page[Issue]:
    ask.token.require(repo, "pull_requests", "read")
    return paginate(_some_pulls(ask, repo, args), "pullRequests", args)


def _pulls_of_ref(ask: Asker, ref: Branch, args: Args) -> Page[Issue]:
    ask.token.require(ref.repo, "pull_requests", "read")
    args = {**args, "headRefName": ref.full.removeprefix("refs/heads/")}
    return paginate(_some_pulls(ask, ref.repo, args), "associatedPullRequests", args)


def _some_pulls(ask: Asker, repo: Repo, args: Args) -> list[Issue]:
    found = [(issue, issue.pull) for issue in ask.hub.issues.listing(repo) if issue.pull is not None]
    for key, field in (("headRefName", "head"), ("baseRefName", "base")):
        if args.get(key):
            found = [(issue, pull) for issue, pull in found if getattr(pull, field) == args[key]]
    shown = _with_any_label([issue for issue, _ in found], args.get("labels"))
    return _ordered(_with_states(shown, args.get("states")), args)


def _with_states(issues: list[Issue], states: Sequence[str] | None) -> list[Issue]:
    return [issue for issue in issues if not states or state(issue) in states]


def _with_any_label(issues: list[Issue], names: Sequence[str] | None) -> list[Issue]:
    """GraphQL's `labels` argument is an *or* (REST's is an *and*)."""
    return [issue for issue in issues if not names or any(issue.has_label(name) for name in names)]


def _ordered(issues: list[Issue], args: Args) -> list[Issue]:
    order = args.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Issue], Any]] = {
        "CREATED_AT": lambda issue: (issue.created_at, issue.number),
        "UPDATED_AT": lambda issue: (issue.updated_at, issue.number),
        "COMMENTS": lambda issue: (len(issue.comments), issue.number),
    }
    return sorted(issues, key=keys[order["field"]], reverse=order["direction"] == "DESC")


# --------------------------------------------------------------------------- issues and pull requests


def state(issue: Issue) -> str:
    """`OPEN`, `CLOSED` or (a pull request) `MERGED`."""
    return "MERGED" if issue.merged else "OPEN" if issue.open else "CLOSED"


def _state_reason(_ask: Asker, issue: Issue, args: Args) -> str | None:
    """A duplicate is shown as such only on request; without it GitHub says NOT_PLANNED."""
    reason = issue.state_reason.upper() or None
    return "NOT_PLANNED" if reason == "DUPLICATE" and not args.get("enableDuplicate") else reason


def _comments(ask: Asker, issue: Issue, args: Args) -> Page[Comment]:
    return paginate(ask.hub.issues.comments(issue), "comments", args)


def _timeline(_ask: Asker, issue: Issue, args: Args) -> Page[TimelineEvent]:
    kinds = {"CLOSED_EVENT": "closed", "LABELED_EVENT": "labeled", "RENAMED_TITLE_EVENT": "renamed"}
    wanted = {kinds[kind] for kind in args.get("itemTypes") or kinds}
    found = [event for event in issue.timeline if event.event in wanted]
    return paginate(found, "timelineItems", args)


def _blocked_by(ask: Asker, issue: Issue, args: Args) -> Page[Issue]:
    """Blockers in repositories that the asker can't see are left out (the summary counts them)."""
    return paginate([other for other in issue.blocked_by if ask.token.sees(other.repo)], "blockedBy", args)


def _sub_issues(ask: Asker, issue: Issue, args: Args) -> Page[Issue]:
    return paginate([child for child in issue.sub_issues if ask.token.sees(child.repo)], "subIssues", args)


def _dependencies(_ask: Asker, issue: Issue, _args: Args) -> dict[str, int]:
    def still_open(issues: Iterable[Issue]) -> int:
        return sum(other.open for other in issues)

    return {
        "blockedBy": still_open(issue.blocked_by),
        "blocking": still_open(issue.blocking),
        "totalBlockedBy": len(issue.blocked_by),
        "totalBlocking": len(issue.blocking),
    }


def _sub_summary(_ask: Asker, issue: Issue, _args: Args) -> dict[str, int]:
    total, done = len(issue.sub_issues), sum(not child.open for child in issue.sub_issues)
    return {"total": total, "completed": done, "percentCompleted": 100 * done // total if total else 0}


_ACCOUNT = {
    "id": attr("node_id"),
    "databaseId": attr("id"),
    "login": attr("graphql_login"),
    "url": lambda ask, user, _args: f"{ask.hub.url}/{user.graphql_login}",
}
_BOTH = {
    **THING,
    "state": lambda _ask, issue, _args: state(issue),
    "repository": attr("repo"),
    "closedAt": time("closed_at"),
    "url": url,
    "labels": connection("labels", "labels"),
    "assignees": connection("assignees", "assignees"),
    "comments": _comments,
}
_EVENT = {"id": attr("node_id"), "createdAt": time("created_at"), "actor": attr("actor")}

READS: dict[tuple[str, str], Resolver] = {
    **REVIEWS,
    **fields(["Query"], {"viewer": _viewer, "repository": _repository, "node": _node}),
    **fields(["User", "Bot", "Mannequin", "Organization"], _ACCOUNT),
    **fields(["Issue", "PullRequest"], _BOTH),
    **fields(["IssueComment"], {**THING, "url": lambda ask, one, args: f"{url(ask, one.issue, args)}#issuecomment-{one.id}"}),
    **fields(["Label", "Milestone", "Reaction"], {"id": attr("node_id"), "databaseId": attr("id")}),
    **fields(["ClosedEvent"], _EVENT),
    **fields(["LabeledEvent"], {**_EVENT, "label": lambda _ask, event, _args: event.detail["label"]}),
    **fields(["RenamedTitleEvent"], {**_EVENT, "currentTitle": lambda _ask, event, _args: event.detail["after"],
                                      "previousTitle": lambda _ask, event, _args: event.detail["before"]}),
    **fields(["Repository"], {
        "id": attr("node_id"), "databaseId": attr("id"), "nameWithOwner": attr("full_name"),
        "isPrivate": attr("private"), "isEmpty": lambda ask, repo, _args: not ask.hub.repos.refs(repo),
        "defaultBranchRef": _default_branch, "object": _object, "label": _label, "ref": _ref, "refs": _refs,
        "issue": _issue, "issueOrPullRequest": _issue_or_pull, "issues": _issues, "pullRequests": _pulls,
    }),
    **fields(["Issue"], {
        "authorAssociation": lambda _ask, issue, _args: association(issue.repo, issue.user),
        "stateReason": _state_reason, "timelineItems": _timeline, "blockedBy": _blocked_by, "subIssues": _sub_issues,
        "issueDependenciesSummary": _dependencies, "subIssuesSummary": _sub_summary,
    }),
    **fields(["PullRequest"], {
        "fullDatabaseId": lambda _ask, issue, _args: str(issue.pull.id),
        "merged": attr("pull.merged"), "isDraft": attr("pull.draft"), "headRefName": attr("pull.head"),
        "headRefOid": attr("pull.head_oid"), "baseRefName": attr("pull.base"),
        "isCrossRepository": lambda _ask, _issue, _args: False,
    }),
    **fields(["Ref"], {
        "id": attr("node_id"), "name": lambda _ask, ref, _args: ref.full.removeprefix("refs/heads/"),
        "prefix": lambda _ask, _ref, _args: "refs/heads/",
        "target": attr("tip"), "associatedPullRequests": _pulls_of_ref,
    }),
    **fields(["Commit", "Tree", "Blob"], {"id": attr("oid")}),
    **fields(["Commit"], {"committedDate": time("committed"), "tree": lambda _ask, tip, _args: Tree(tip.tree)}),
    **fields(["Blob"], {
        "text": lambda _ask, blob, _args: blob.data[:_BLOB_LIMIT].decode(errors="replace"),
        "isTruncated": lambda _ask, blob, _args: len(blob.data) > _BLOB_LIMIT,
        "isBinary": lambda _ask, blob, _args: b"\0" in blob.data,
        "byteSize": lambda _ask, blob, _args: len(blob.data),
    }),
}  # fmt: skip
