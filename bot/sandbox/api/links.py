"""REST: native dependencies and sub-issues. https://docs.github.com/en/rest/issues/issue-dependencies."""

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Issue
from bot.sandbox.shapes.issues import issue_full
from bot.sandbox.shapes.repos import repository

router = APIRouter(prefix="/repos/{owner}/{repo}/issues/{number:int}")


def _list(ask: Ask, issues: list[Issue]) -> Response:
    visible = [one for one in issues if ask.by.sees(one.repo)]
    return paged(ask, visible, lambda one: issue_full(ask.hub, one) | {"repository": repository(ask.hub, one.repo)})


def _named(ask: Ask, field: str) -> Issue:
    """The issue whose *database id* the body names; 404 when the token may not see it."""
    value = ask.body.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(422, f'Invalid request.\n\n"{field}" is not an integer.')
    issue = ask.hub.issues.by_id(value)
    if not ask.by.sees(issue.repo):
        raise not_found()
    return issue


@router.get("/dependencies/blocked_by")
def list_blockers(ask: Asked, number: int) -> Response:
    """What blocks this issue."""
    return _list(ask, ask.issue(number).blocked_by)


@router.get("/dependencies/blocking")
def list_blocked(ask: Asked, number: int) -> Response:
    """What this issue blocks."""
    return _list(ask, ask.issue(number).blocking)


@router.post("/dependencies/blocked_by")
def add_blocker(ask: Asked, number: int) -> Response:
    """Body: `{"issue_id": <database id>}`."""
    issue = ask.issue(number, "write")
    ask.hub.links.block(issue, _named(ask, "issue_id"), ask.by)
    return answer(issue_full(ask.hub, issue), 201)


@router.delete("/dependencies/blocked_by/{issue_id:int}")
def remove_blocker(ask: Asked, number: int, issue_id: int) -> Response:
    """By database id."""
    issue = ask.issue(number, "write")
    ask.hub.links.unblock(issue, ask.hub.issues.by_id(issue_id), ask.by)
    return answer(issue_full(ask.hub, issue))


@router.get("/sub_issues")
def list_sub_issues(ask: Asked, number: int) -> Response:
    """Its children, in order."""
    return _list(ask, ask.issue(number).sub_issues)


@router.post("/sub_issues")
def add_sub_issue(ask: Asked, number: int) -> Response:
    """Body: `{"sub_issue_id": <database id>, "replace_parent": false}`."""
    parent = ask.issue(number, "write")
    replace = ask.body.get("replace_parent") is True
    ask.hub.links.add_child(parent, _named(ask, "sub_issue_id"), ask.by, replace=replace)
    return answer(issue_full(ask.hub, parent), 201)


@router.delete("/sub_issue")
def remove_sub_issue(ask: Asked, number: int) -> Response:
    """Body: `{"sub_issue_id": <database id>}`."""
    parent = ask.issue(number, "write")
    ask.hub.links.remove_child(parent, _named(ask, "sub_issue_id"), ask.by)
    return answer(issue_full(ask.hub, parent))


@router.get("/parent")
def get_parent(ask: Asked, number: int) -> Response:
    """404 when it has none."""
    parent = ask.issue(number).parent
    if parent is None or not ask.by.sees(parent.repo):
        raise not_found()
    return answer(issue_full(ask.hub, parent))
