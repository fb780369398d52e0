"""GraphQL's mutations on the hub. Each checks the asker's permission, then does what the REST verb would do."""

from collections.abc import Callable
from typing import Any, TypeVar

from bot.sandbox.errors import Refused
from bot.sandbox.graphql_fields import CONTENTS
from bot.sandbox.graphql_reads import node
from bot.sandbox.graphql_records import Asker
from bot.sandbox.links import MAX_SUB_ISSUES
from bot.sandbox.records import Comment, Issue, Label, Repo, ReviewThread, User
from bot.sandbox.repos import ZERO

T = TypeVar("T")
Json = dict[str, Any]
Mutation = Callable[[Asker, Json], Json]

LONGEST_TITLE = 256
"""Characters of an issue's title."""


def _add_labels(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["labelableId"])
    _require(ask, issue)
    ask.hub.issues.add_labels(issue, [_label(ask, label_id).name for label_id in given["labelIds"]], ask.token)
    return {"labelable": issue}


def _remove_labels(ask: Asker, given: Json) -> Json:
    """What it doesn't carry is left alone in silence (REST says 404)."""
    issue = _issue(ask, given["labelableId"])
    _require(ask, issue)
    for label_id in given["labelIds"]:
        label = _label(ask, label_id)
        if issue.has_label(label.name):
            ask.hub.issues.remove_label(issue, label.name, ask.token)
    return {"labelable": issue}


def _create_label(ask: Asker, given: Json) -> Json:
    repo = node(ask, given["repositoryId"])
    ask.token.require(repo, "issues", "write")
    name, color = str(given["name"]), str(given["color"])
    if name.lower() in repo.labels:
        raise Refused(422, "Name has already been taken")
    label = ask.hub.repos.create_label(repo, name, color=color, description=str(given.get("description") or ""))
    return {"label": label}


def _add_comment(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["subjectId"])
    _require(ask, issue, anyone=True)
    comment = ask.hub.issues.add_comment(issue, ask.token, str(given["body"]))
    return {"commentEdge": {"node": comment}, "subject": issue}


def _update_comment(ask: Asker, given: Json) -> Json:
    comment = _of_type(ask, given["id"], Comment)
    _require(ask, comment.issue, anyone=comment.user is ask.token.user)
    ask.hub.issues.edit_comment(comment, ask.token, str(given["body"]))
    return {"issueComment": comment}


def _delete_comment(ask: Asker, given: Json) -> Json:
    comment = _of_type(ask, given["id"], Comment)
    _require(ask, comment.issue, anyone=comment.user is ask.token.user)
    ask.hub.issues.delete_comment(comment, ask.token)
    return {}


def _add_reaction(ask: Asker, given: Json) -> Json:
    subject = node(ask, given["subjectId"])
    if not isinstance(subject, Issue | Comment):
        raise _unresolved(given["subjectId"])
    _require(ask, subject.issue if isinstance(subject, Comment) else subject, anyone=True)
    reaction, _ = ask.hub.issues.react(subject, ask.token, CONTENTS[given["content"]])
    return {"reaction": {"id": reaction.node_id, "databaseId": reaction.id, "content": given["content"]}}


def _close_issue(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["issueId"])
    if issue.pull is not None:
        raise _unresolved(given["issueId"])
    _require(ask, issue, anyone=issue.user is ask.token.user)
    ask.hub.issues.close(issue, ask.token, reason=str(given.get("stateReason") or "COMPLETED").lower())
    return {"issue": issue}


def _create_issue(ask: Asker, given: Json) -> Json:
    """Anybody who sees a repository may open an issue in it; labels and a parent take more."""
    repo = _of_type(ask, given["repositoryId"], Repo)
    labels = [_label(ask, label_id).name for label_id in given.get("labelIds") or ()]
    parent = _issue(ask, given["parentIssueId"]) if given.get("parentIssueId") else None
    ask.token.require(repo, "issues", "write", anyone=not labels and parent is None)
    title = str(given["title"])
    if len(title) > LONGEST_TITLE:
        raise Refused(422, f"Title is too long (maximum is {LONGEST_TITLE} characters)")
    if parent is not None and len(parent.sub_issues) >= MAX_SUB_ISSUES:
        raise Refused(422, "Parent cannot have more than 100 sub-issues")
    issue = ask.hub.issues.create(repo, ask.token, title=title, body=str(given.get("body") or ""), labels=labels)
    if parent is not None:
        ask.hub.links.add_child(parent, issue, ask.token)
    return {"issue": issue}


def _add_sub_issue(ask: Asker, given: Json) -> Json:
    parent, child = _issue(ask, given["issueId"]), _issue(ask, given["subIssueId"])
    _require(ask, parent)
    ask.hub.links.add_child(parent, child, ask.token, replace=bool(given.get("replaceParent")))
    return {"issue": parent, "subIssue": child}


def _add_blocked_by(ask: Asker, given: Json) -> Json:
    issue, blocker = _issue(ask, given["issueId"]), _issue(ask, given["blockingIssueId"])
    _require(ask, issue)
    ask.hub.links.block(issue, blocker, ask.token)
    return {"issue": issue, "blockingIssue": blocker}


def _update_issue(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["id"])
    if issue.pull is not None:
        raise _unresolved(given["id"])
    _require(ask, issue, anyone=issue.user is ask.token.user)
    ask.hub.issues.edit(issue, ask.token, title=given.get("title"), body=given.get("body"))
    return {"issue": issue}


def _update_pull(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["pullRequestId"])
    if issue.pull is None:
        raise _unresolved(given["pullRequestId"])
    ask.token.require(issue.repo, "pull_requests", "write", anyone=issue.user is ask.token.user)
    ask.hub.issues.edit(issue, ask.token, title=given.get("title"), body=given.get("body"))
    return {"pullRequest": issue}


def _add_assignees(ask: Asker, given: Json) -> Json:
    issue = _issue(ask, given["assignableId"])
    _require(ask, issue)
    ask.hub.issues.assign(issue, [_of_type(ask, user_id, User).login for user_id in given["assigneeIds"]], ask.token)
    return {"assignable": issue}


def _reply_in_thread(ask: Asker, given: Json) -> Json:
    thread = _of_type(ask, given["pullRequestReviewThreadId"], ReviewThread)
    ask.token.require(thread.issue.repo, "pull_requests", "write", anyone=True)
    return {"comment": ask.hub.reviews.answer(thread, ask.token, str(given["body"]))}


def _resolve_thread(ask: Asker, given: Json) -> Json:
    thread = _of_type(ask, given["threadId"], ReviewThread)
    ask.token.require(thread.issue.repo, "pull_requests", "write")
    ask.hub.reviews.resolve(thread, ask.token)
    return {"thread": thread}


def _update_refs(ask: Asker, given: Json) -> Json:
    """All or nothing: every `beforeOid` must hold before anything changes."""
    repo = _of_type(ask, given["repositoryId"], Repo)
    ask.token.require(repo, "contents", "write")
    current = ask.hub.repos.refs(repo)
    for update in given["refUpdates"]:
        before = update.get("beforeOid")
        if before is not None and current.get(update["name"], ZERO) != before:
            raise Refused(422, f"Reference cannot be updated: {update['name']} is not at {before}")
    for update in given["refUpdates"]:
        name, after = str(update["name"]), str(update["afterOid"])
        if after == ZERO:
            ask.hub.repos.delete_ref(repo, name, ask.token)
        elif name in current:
            ask.hub.repos.update_ref(repo, name, after, ask.token, force=bool(update.get("force")))
        else:
            ask.hub.repos.create_ref(repo, name, after, ask.token)
    return {}


def _require(ask: Asker, issue: Issue, *, anyone: bool = False) -> None:
    """Write access to an issue, or to a pull request's conversation."""
    ask.token.require_on(issue, "write", anyone=anyone)


def _issue(ask: Asker, node_id: str) -> Issue:
    return _of_type(ask, node_id, Issue)


def _label(ask: Asker, node_id: str) -> Label:
    return _of_type(ask, node_id, Label)


def _of_type(ask: Asker, node_id: str, kind: type[T]) -> T:
    found = node(ask, node_id)
    if not isinstance(found, kind):
        raise _unresolved(node_id)
    return found


def _unresolved(node_id: str) -> Refused:
    return Refused(404, f"Could not resolve to a node with the global id of '{node_id}'")


def _named(mutation: Mutation) -> Callable[[Asker, Any, Json], Json]:
    """A resolver: unpacks `input` and hands `clientMutationId` back."""

    def resolve(ask: Asker, _root: Any, args: Json) -> Json:
        given = args["input"]
        return {"clientMutationId": given.get("clientMutationId"), **mutation(ask, given)}

    return resolve


WRITES: dict[str, Callable[[Asker, Any, Json], Json]] = {
    "addAssigneesToAssignable": _named(_add_assignees),
    "addBlockedBy": _named(_add_blocked_by),
    "addComment": _named(_add_comment),
    "addLabelsToLabelable": _named(_add_labels),
    "addReaction": _named(_add_reaction),
    "addSubIssue": _named(_add_sub_issue),
    "closeIssue": _named(_close_issue),
    "createIssue": _named(_create_issue),
    "createLabel": _named(_create_label),
    "deleteIssueComment": _named(_delete_comment),
    "addPullRequestReviewThreadReply": _named(_reply_in_thread),
    "removeLabelsFromLabelable": _named(_remove_labels),
    "resolveReviewThread": _named(_resolve_thread),
    "updateIssue": _named(_update_issue),
    "updateIssueComment": _named(_update_comment),
    "updatePullRequest": _named(_update_pull),
    "updateRefs": _named(_update_refs),
}
"""By field of `Mutation`; no other type has fields of these names."""
