"""REST: pull requests, their files, commits, reviews and merges."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from bot.sandbox.api.asking import Asked, answer, done, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue
from bot.sandbox.shapes import pulls as shapes
from bot.sandbox.shapes.repos import commit

router = APIRouter(prefix="/repos/{owner}/{repo}/pulls")


@router.get("")
def list_pulls(ask: Asked) -> Response:
    """https://docs.github.com/en/rest/pulls/pulls#list-pull-requests: `state`, `head` (`owner:branch`), `base`, `sort`."""
    repo, query = ask.require("pull_requests", "read"), ask.query
    found = [one for one in ask.hub.pulls.listing(repo) if _wanted(one, query)]
    key = "updated_at" if query.get("sort") == "updated" else "created_at"
    newest_first = query.get("direction", "desc") == "desc"
    found.sort(key=lambda one: (getattr(one, key), one.number), reverse=newest_first)
    return paged(ask, found, lambda one: shapes.pull_simple(ask.hub, one))


def _wanted(issue: Issue, query: dict[str, str]) -> bool:
    pull, state = part(issue), query.get("state", "open")
    head = query.get("head", "")
    return (
        (state == "all" or issue.open == (state == "open"))
        and (not head or head in (pull.head, f"{issue.repo.owner.login}:{pull.head}"))
        and query.get("base", pull.base) == pull.base
    )


@router.post("")
def create_pull(ask: Asked) -> Response:
    """https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request."""
    repo = ask.require("pull_requests", "write", anyone=True)
    made = ask.hub.pulls.create(
        repo,
        ask.by,
        title=ask.text("title"),
        head=ask.text("head"),
        base=ask.text("base"),
        body=ask.text("body", ""),
        draft=ask.body.get("draft") is True,
    )
    return answer(shapes.pull_full(ask.hub, made), 201)


@router.get("/{number:int}")
def get_pull(ask: Asked, number: int) -> Response:
    """One pull request; as a diff or patch where `Accept` asks for that."""
    issue = ask.pull(number)
    accept = ask.request.headers.get("accept", "")
    if ".diff" in accept or ".patch" in accept:
        return PlainTextResponse(ask.hub.pulls.diff(issue))
    return answer(shapes.pull_full(ask.hub, issue))


@router.patch("/{number:int}")
def edit_pull(ask: Asked, number: int) -> Response:
    """Title, body, base, state."""
    own = ask.hub.pulls.get(ask.repo, number).user is ask.by.user
    issue, body = ask.pull(number, "write", anyone=own), ask.body
    ask.hub.issues.edit(issue, ask.by, title=body.get("title"), body=body["body"] or "" if "body" in body else None)
    if body.get("base"):
        ask.hub.pulls.set_base(issue, ask.by, ask.text("base"))
    if body.get("state") == "closed":
        ask.hub.issues.close(issue, ask.by)
    elif body.get("state") == "open":
        ask.hub.issues.reopen(issue, ask.by)
    return answer(shapes.pull_full(ask.hub, issue))


@router.get("/{number:int}/files")
def list_files(ask: Asked, number: int) -> Response:
    """What it changes."""
    issue = ask.pull(number)
    return paged(ask, ask.hub.pulls.files(issue), lambda one: shapes.changed_file(ask.hub, issue, one))


@router.get("/{number:int}/commits")
def list_commits(ask: Asked, number: int) -> Response:
    """Oldest first."""
    issue = ask.pull(number)
    return paged(ask, ask.hub.pulls.commits(issue), lambda oid: commit(ask.hub, issue.repo, oid))


@router.get("/{number:int}/merge")
def is_merged(ask: Asked, number: int) -> Response:
    """204 when it was merged, 404 when not."""
    if not ask.pull(number).merged:
        raise not_found()
    return done()


@router.put("/{number:int}/merge")
def merge(ask: Asked, number: int) -> Response:
    """405 when it can't be; 409 when the head moved from `sha`."""
    repo = ask.require("contents", "write")
    issue, sha = ask.hub.pulls.get(repo, number), ask.body.get("sha")
    if sha and sha != part(issue).head_oid:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    method = ask.body.get("merge_method", "merge")
    if method not in ("merge", "squash"):
        raise Refused(405, "Rebase merges are not allowed on this repository.")
    words = "\n\n".join(filter(None, (ask.text("commit_title", ""), ask.text("commit_message", ""))))
    oid = ask.hub.pulls.merge(issue, ask.by, method=method, title=words)
    return answer({"sha": oid, "merged": True, "message": "Pull Request successfully merged"})


@router.get("/{number:int}/reviews")
def list_reviews(ask: Asked, number: int) -> Response:
    """Oldest first."""
    issue = ask.pull(number)
    return paged(ask, part(issue).reviews, lambda one: shapes.review(ask.hub, issue, one))


@router.post("/{number:int}/reviews")
def create_review(ask: Asked, number: int) -> Response:
    """`event`: APPROVE, REQUEST_CHANGES or COMMENT; `comments` start threads."""
    issue = ask.pull(number, "write", anyone=True)
    event, body = ask.text("event", "COMMENT"), ask.text("body", "")
    made = ask.hub.reviews.submit(issue, ask.by, event=event, body=body, comments=ask.body.get("comments") or ())
    return answer(shapes.review(ask.hub, issue, made))


@router.put("/{number:int}/reviews/{review_id:int}/dismissals")
def dismiss_review(ask: Asked, number: int, review_id: int) -> Response:
    """With a `message`."""
    issue = ask.pull(number, "write")
    made = ask.hub.reviews.dismiss(issue, review_id, ask.by, ask.text("message", ""))
    return answer(shapes.review(ask.hub, issue, made))


@router.get("/{number:int}/comments")
def list_review_comments(ask: Asked, number: int) -> Response:
    """On lines of the diff, thread by thread."""
    issue = ask.pull(number)
    found = [(thread, one) for thread in part(issue).threads for one in thread.comments]
    return paged(ask, found, lambda pair: shapes.review_comment(ask.hub, issue, *pair))


@router.post("/{number:int}/requested_reviewers")
def request_reviewers(ask: Asked, number: int) -> Response:
    """Ask people for a review."""
    issue = ask.pull(number, "write")
    ask.hub.pulls.request_reviewers(issue, ask.texts("reviewers"), ask.by)
    return answer(shapes.pull_simple(ask.hub, issue), 201)


@router.get("/{number:int}/requested_reviewers")
def list_requested_reviewers(ask: Asked, number: int) -> Response:
    """Who is asked and has not answered."""
    shown = shapes.pull_simple(ask.hub, ask.pull(number))
    return answer({"users": shown["requested_reviewers"], "teams": []})


@router.post("/{number:int}/comments/{comment_id:int}/replies")
def reply(ask: Asked, number: int, comment_id: int) -> Response:
    """Answer in a thread."""
    issue = ask.pull(number, "write", anyone=True)
    made = ask.hub.reviews.reply(issue, ask.by, comment_id, ask.text("body"))
    return answer(shapes.review_comment(ask.hub, issue, *made), 201)
