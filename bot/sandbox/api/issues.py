"""REST: issues, comments, reactions, labels on issues, timeline."""

from typing import Any

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, done, paged, since
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Comment, Issue, TimelineEvent
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.shapes import repos as repo_shapes

router = APIRouter(prefix="/repos/{owner}/{repo}/issues")


@router.get("")
def list_issues(ask: Asked) -> Response:
    """https://docs.github.com/en/rest/issues/issues#list-repository-issues (pull requests included, as there)."""
    found = [issue for issue in ask.hub.issues.listing(ask.require("issues", "read")) if _wanted(ask, issue)]
    key = {"updated": "updated_at", "comments": "comments"}.get(ask.query.get("sort", ""), "created_at")

    def order(issue: Issue) -> tuple[Any, int]:
        value = getattr(issue, key)
        return (len(value) if key == "comments" else value, issue.number)

    found.sort(key=order, reverse=ask.query.get("direction", "desc") == "desc")
    return paged(ask, found, lambda issue: shapes.issue_full(ask.hub, issue))


def _wanted(ask: Ask, issue: Issue) -> bool:
    query, moment = ask.query, since(ask)
    state = query.get("state", "open")
    checks = (
        state == "all" or issue.open == (state == "open"),
        all(issue.has_label(name.strip()) for name in query.get("labels", "").split(",") if name.strip()),
        moment is None or issue.updated_at >= moment,
        _person_fits(query.get("assignee"), [user.login for user in issue.assignees]),
        query.get("creator", issue.user.login).lower() == issue.user.login.lower(),
        _milestone_fits(query.get("milestone"), issue),
    )
    return all(checks)


def _person_fits(wanted: str | None, logins: list[str]) -> bool:
    if wanted in (None, "*", "none"):
        return wanted is None or bool(logins) == (wanted == "*")
    return wanted in logins


def _milestone_fits(wanted: str | None, issue: Issue) -> bool:
    if wanted in (None, "*", "none"):
        return wanted is None or (issue.milestone is not None) == (wanted == "*")
    return issue.milestone is not None and str(issue.milestone.number) == wanted


@router.post("")
def create_issue(ask: Asked) -> Response:
    """https://docs.github.com/en/rest/issues/issues#create-an-issue; labels by people without triage are dropped."""
    repo = ask.require("issues", "write", anyone=True)
    full = ask.by.may(repo, "issues", "write")
    issue = ask.hub.issues.create(
        repo,
        ask.by,
        title=_title(ask),
        body=ask.text("body", ""),
        labels=ask.texts("labels") if full else (),
        assignees=_assignees(ask) if full else (),
        milestone=ask.body.get("milestone") if full else None,
    )
    return answer(shapes.issue_full(ask.hub, issue), 201)


def _title(ask: Ask) -> str:
    value = ask.body.get("title")
    if isinstance(value, int):
        return str(value)
    return ask.text("title")


def _assignees(ask: Ask) -> list[str]:
    single = ask.body.get("assignee")
    return ask.texts("assignees") + ([single] if single else [])


@router.get("/{number:int}")
def get_issue(ask: Asked, number: int) -> Response:
    """One issue or pull request; 301 when it was transferred, 410 when deleted."""
    return answer(shapes.issue_full(ask.hub, ask.issue(number)))


@router.patch("/{number:int}")
def edit_issue(ask: Asked, number: int) -> Response:
    """https://docs.github.com/en/rest/issues/issues#update-an-issue."""
    own = ask.issue(number).user is ask.by.user
    issue, issues, body = ask.issue(number, "write", anyone=own), ask.hub.issues, ask.body
    issues.edit(issue, ask.by, title=body.get("title"), body=body["body"] or "" if "body" in body else None)
    if "labels" in body:
        issues.set_labels(issue, ask.texts("labels"), ask.by)
    if "assignees" in body:
        wanted = {login.lower() for login in ask.texts("assignees")}
        issues.unassign(issue, [one.login for one in issue.assignees if one.login.lower() not in wanted], ask.by)
        issues.assign(issue, ask.texts("assignees"), ask.by)
    if "milestone" in body:
        issues.set_milestone(issue, body["milestone"], ask.by)
    _set_state(ask, issue)
    return answer(shapes.issue_full(ask.hub, issue))


def _set_state(ask: Ask, issue: Issue) -> None:
    state, reason = ask.body.get("state"), ask.body.get("state_reason")
    if state not in (None, "open", "closed"):
        raise Refused.validation("Issue", "state", "invalid")
    if state == "closed" or (state is None and reason and not issue.open):
        ask.hub.issues.close(issue, ask.by, reason=reason or "completed")
    elif state == "open":
        ask.hub.issues.reopen(issue, ask.by)


@router.put("/{number:int}/lock")
def lock(ask: Asked, number: int) -> Response:
    """Only people with write may comment from now on."""
    ask.hub.issues.lock(ask.issue(number, "write"), ask.by, reason=ask.text("lock_reason", ""))
    return done()


@router.delete("/{number:int}/lock")
def unlock(ask: Asked, number: int) -> Response:
    """Everybody may comment again."""
    ask.hub.issues.unlock(ask.issue(number, "write"), ask.by)
    return done()


# ------------------------------------------------------------------------------------------- comments


@router.get("/{number:int}/comments")
def list_comments(ask: Asked, number: int) -> Response:
    """Oldest first; `since` is about the last change."""
    moment = since(ask)
    found = [one for one in ask.hub.issues.comments(ask.issue(number)) if moment is None or one.updated_at >= moment]
    return paged(ask, found, lambda one: shapes.comment(ask.hub, one))


@router.post("/{number:int}/comments")
def create_comment(ask: Asked, number: int) -> Response:
    """https://docs.github.com/en/rest/issues/comments#create-an-issue-comment."""
    comment = ask.hub.issues.add_comment(ask.issue(number, "write", anyone=True), ask.by, ask.text("body"))
    return answer(shapes.comment(ask.hub, comment), 201)


@router.get("/comments")
def list_repository_comments(ask: Asked) -> Response:
    """Of every issue; `sort` created or updated, `direction`, `since`."""
    repo, moment, hub = ask.require("issues", "read"), since(ask), ask.hub
    key = "updated_at" if ask.query.get("sort") == "updated" else "created_at"
    found = [comment for issue in hub.issues.listing(repo) for comment in hub.issues.comments(issue)]
    found = [comment for comment in found if moment is None or comment.updated_at >= moment]
    found.sort(key=lambda one: (getattr(one, key), one.id), reverse=ask.query.get("direction") == "desc")
    return paged(ask, found, lambda one: shapes.comment(hub, one))


def _comment(ask: Ask, comment_id: int, level: str = "read", *, anyone: bool = False) -> Comment:
    comment = ask.hub.issues.comment(ask.repo, comment_id)
    ask.by.require_on(comment.issue, level, anyone=anyone or comment.user is ask.by.user)
    return comment


@router.get("/comments/{comment_id:int}")
def get_comment(ask: Asked, comment_id: int) -> Response:
    """One comment."""
    return answer(shapes.comment(ask.hub, _comment(ask, comment_id)))


@router.patch("/comments/{comment_id:int}")
def edit_comment(ask: Asked, comment_id: int) -> Response:
    """By its author, or by people with write."""
    comment = _comment(ask, comment_id, "write")
    ask.hub.issues.edit_comment(comment, ask.by, ask.text("body"))
    return answer(shapes.comment(ask.hub, comment))


@router.delete("/comments/{comment_id:int}")
def delete_comment(ask: Asked, comment_id: int) -> Response:
    """By its author, or by people with write."""
    ask.hub.issues.delete_comment(_comment(ask, comment_id, "write"), ask.by)
    return done()


# ------------------------------------------------------------------------------------------ reactions


def _list_reactions(ask: Ask, subject: Issue | Comment) -> Response:
    content = ask.query.get("content")
    found = [one for one in subject.reactions if content is None or one.content == content]
    return paged(ask, found, lambda one: shapes.reaction(ask.hub, one))


def _react(ask: Ask, subject: Issue | Comment) -> Response:
    reaction, new = ask.hub.issues.react(subject, ask.by, ask.text("content"))
    return answer(shapes.reaction(ask.hub, reaction), 201 if new else 200)


def _unreact(ask: Ask, subject: Issue | Comment, reaction_id: int) -> Response:
    reaction = next((one for one in subject.reactions if one.id == reaction_id), None)
    if reaction is None:
        raise not_found()
    ask.hub.issues.unreact(subject, reaction)
    return done()


@router.get("/{number:int}/reactions")
def list_issue_reactions(ask: Asked, number: int) -> Response:
    """Of an issue."""
    return _list_reactions(ask, ask.issue(number))


@router.post("/{number:int}/reactions")
def react_to_issue(ask: Asked, number: int) -> Response:
    """201, or 200 when it was there already."""
    return _react(ask, ask.issue(number, "write", anyone=True))


@router.delete("/{number:int}/reactions/{reaction_id:int}")
def unreact_to_issue(ask: Asked, number: int, reaction_id: int) -> Response:
    """Take it back."""
    return _unreact(ask, ask.issue(number, "write", anyone=True), reaction_id)


@router.get("/comments/{comment_id:int}/reactions")
def list_comment_reactions(ask: Asked, comment_id: int) -> Response:
    """Of a comment."""
    return _list_reactions(ask, _comment(ask, comment_id))


@router.post("/comments/{comment_id:int}/reactions")
def react_to_comment(ask: Asked, comment_id: int) -> Response:
    """201, or 200 when it was there already."""
    return _react(ask, _comment(ask, comment_id, "write", anyone=True))


@router.delete("/comments/{comment_id:int}/reactions/{reaction_id:int}")
def unreact_to_comment(ask: Asked, comment_id: int, reaction_id: int) -> Response:
    """Take it back."""
    return _unreact(ask, _comment(ask, comment_id, "write", anyone=True), reaction_id)


# ----------------------------------------------------------------------------------- labels, people


def _labels(ask: Ask, issue: Issue) -> Response:
    return paged(ask, issue.labels, lambda one: repo_shapes.label(ask.hub, issue.repo, one))


@router.get("/{number:int}/labels")
def list_labels(ask: Asked, number: int) -> Response:
    """Of an issue."""
    return _labels(ask, ask.issue(number))


@router.post("/{number:int}/labels")
def add_labels(ask: Asked, number: int) -> Response:
    """Body: `{"labels": […]}` or the list itself."""
    issue = ask.issue(number, "write")
    ask.hub.issues.add_labels(issue, ask.texts("labels"), ask.by)
    return _labels(ask, issue)


@router.put("/{number:int}/labels")
def set_labels(ask: Asked, number: int) -> Response:
    """Exactly these."""
    issue = ask.issue(number, "write")
    ask.hub.issues.set_labels(issue, ask.texts("labels"), ask.by)
    return _labels(ask, issue)


@router.delete("/{number:int}/labels")
def clear_labels(ask: Asked, number: int) -> Response:
    """None any more."""
    ask.hub.issues.set_labels(ask.issue(number, "write"), [], ask.by)
    return done()


@router.delete("/{number:int}/labels/{name:path}")
def remove_label(ask: Asked, number: int, name: str) -> Response:
    """404 "Label does not exist" when it is not on the issue."""
    issue = ask.issue(number, "write")
    ask.hub.issues.remove_label(issue, name, ask.by)
    return _labels(ask, issue)


@router.post("/{number:int}/assignees")
def add_assignees(ask: Asked, number: int) -> Response:
    """People who can't be assigned are left out in silence."""
    issue = ask.issue(number, "write")
    ask.hub.issues.assign(issue, ask.texts("assignees"), ask.by)
    return answer(shapes.issue_full(ask.hub, issue), 201)


@router.delete("/{number:int}/assignees")
def remove_assignees(ask: Asked, number: int) -> Response:
    """Take people off."""
    issue = ask.issue(number, "write")
    ask.hub.issues.unassign(issue, ask.texts("assignees"), ask.by)
    return answer(shapes.issue_full(ask.hub, issue))


# ----------------------------------------------------------------------------------------- timeline


@router.get("/events")
def list_repository_events(ask: Asked) -> Response:
    """Of every issue, newest first, each with its issue."""
    repo, hub = ask.require("issues", "read"), ask.hub
    found = [(issue, event) for issue in hub.issues.listing(repo) for event in issue.timeline]
    found.sort(key=lambda pair: -pair[1].id)

    def shape(pair: tuple[Issue, TimelineEvent]) -> dict[str, Any]:
        return shapes.timeline_event(hub, *pair) | {"issue": shapes.issue_full(hub, pair[0])}

    return paged(ask, found, shape)


@router.get("/{number:int}/events")
def list_events(ask: Asked, number: int) -> Response:
    """What happened, without comments."""
    issue = ask.issue(number)
    return paged(ask, issue.timeline, lambda one: shapes.timeline_event(ask.hub, issue, one))


@router.get("/{number:int}/timeline")
def list_timeline(ask: Asked, number: int) -> Response:
    """What happened and what was said, oldest first."""
    issue = ask.issue(number)
    entries: list[TimelineEvent | Comment] = [*issue.timeline, *ask.hub.issues.comments(issue)]
    entries.sort(key=lambda one: (one.created_at, one.id))

    def shape(one: TimelineEvent | Comment) -> dict[str, Any]:
        if isinstance(one, Comment):
            return shapes.timeline_comment(ask.hub, one)
        return shapes.timeline_event(ask.hub, issue, one)

    return paged(ask, entries, shape)
