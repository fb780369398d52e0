"""Pages for people: repositories, issues, pull requests with their diff, Actions runs with their live log.

Whoever looks acts as the person chosen at the top (a cookie). Nothing active from issues, comments or logs gets into
a page, and forms of other sites are refused.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from bot.sandbox.app_pages import add_app_pages
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.page import Form, go_to, hub_of, me_of, refusal_page, show, templates
from bot.sandbox.prose import log_lines, story
from bot.sandbox.records import Issue, Repo
from bot.sandbox.repos import git
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


@cache
def pages_app() -> FastAPI:
    """The room; one for every hub."""
    app = FastAPI(openapi_url=None)
    add_app_pages(app)
    for path, page in _PAGES.items():
        app.add_api_route(path, page, methods=["GET"], response_model=None)
    app.add_api_route("/{owner}/{repo}/{kind}/{number:int}/{verb}", _act, methods=["POST"])
    app.add_api_route("/{owner}/{repo}/issues", _new_issue, methods=["POST"])
    app.add_api_route("/{owner}/{repo}/compare/{base}...{head:path}", _new_pull, methods=["POST"])
    app.add_api_route("/_become", _become, methods=["POST"])
    app.add_exception_handler(Refused, refusal_page)
    return app


# -------------------------------------------------------------------------------------------- pages


def _repo(request: Request) -> Repo:
    path = request.path_params
    repo = hub_of(request).repo(f"{path['owner']}/{path['repo']}")
    if not me_of(request).sees(repo):
        raise not_found()
    return repo


def _issue(request: Request) -> Issue:
    return hub_of(request).issues.get(_repo(request), int(request.path_params["number"]))


def _home(request: Request) -> Response:
    hub, me = hub_of(request), me_of(request)
    return show(request, "home.html", repos=[repo for repo in hub.repositories.values() if me.sees(repo)])


def _code(request: Request) -> Response:
    hub, repo = hub_of(request), _repo(request)
    ref = str(request.path_params.get("ref") or repo.default_branch)
    readme = hub.repos.read(repo, ref, "README.md") or ""
    branches = [name.removeprefix("refs/heads/") for name in hub.repos.refs(repo, "refs/heads/")]
    files = hub.repos.tree(repo, ref)
    return show(request, "code.html", repo=repo, tab="code", ref=ref, files=files, branches=branches, readme=readme)


def _blob(request: Request) -> Response:
    hub, repo, path = hub_of(request), _repo(request), request.path_params["path"]
    text = hub.repos.read(repo, request.path_params["ref"], path)
    if text is None:
        raise not_found()
    return show(request, "blob.html", repo=repo, tab="code", file=path, text=text)


def _issues(request: Request) -> Response:
    return _listing(request, "issues", lambda issue: issue.pull is None)


def _pulls(request: Request) -> Response:
    return _listing(request, "pulls", lambda issue: issue.pull is not None)


def _listing(request: Request, tab: str, fits: Callable[[Issue], bool]) -> Response:
    repo, state = _repo(request), request.query_params.get("state", "open")
    found = [issue for issue in reversed(hub_of(request).issues.listing(repo)) if fits(issue)]
    shown = [issue for issue in found if issue.open == (state == "open")]
    counts = {word: sum(issue.open == (word == "open") for issue in found) for word in ("open", "closed")}
    return show(request, "issues.html", repo=repo, tab=tab, issues=shown, state=state, counts=counts)


def _issue_page(request: Request) -> Response:
    issue = _issue(request)
    if issue.pull is not None:
        return RedirectResponse(f"/{issue.repo.full_name}/pull/{issue.number}")
    return show(request, "issue.html", repo=issue.repo, tab="issues", issue=issue, story=story(issue))


def _pull_page(request: Request) -> Response:
    hub, issue = hub_of(request), _issue(request)
    if issue.pull is None:
        return RedirectResponse(f"/{issue.repo.full_name}/issues/{issue.number}")
    runs = [run for run in hub.actions.listing(issue.repo) if run.head_branch == issue.pull.head]
    facts: dict[str, Any] = {
        "runs": runs,
        "mergeable": issue.open and hub.pulls.mergeable(issue),
        "sizes": hub.pulls.sizes(issue),
    }
    diff = _split(hub.pulls.diff(issue))
    return show(request, "pull.html", repo=issue.repo, tab="pulls", issue=issue, story=story(issue), diff=diff, **facts)


def _compare(request: Request) -> Response:
    repo, base, head = _repo(request), request.path_params["base"], request.path_params["head"]
    hub = hub_of(request)
    if not hub.repos.branch_oid(repo, base) or not hub.repos.branch_oid(repo, head):
        raise not_found()
    diff = _split(git(repo, "diff", f"refs/heads/{base}...refs/heads/{head}"))
    return show(request, "compare.html", repo=repo, tab="pulls", base=base, head=head, diff=diff)


def _split(diff: str) -> list[tuple[str, list[str]]]:
    """A unified diff as (file, its lines)."""
    files: list[tuple[str, list[str]]] = []
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            files.append((line.rpartition(" b/")[2], []))
        elif files and not line.startswith(("index ", "--- ", "+++ ")):
            files[-1][1].append(line)
    return files


def _diff(request: Request) -> Response:
    return PlainTextResponse(hub_of(request).pulls.diff(_issue(request)))


def _runs(request: Request) -> Response:
    repo = _repo(request)
    return show(request, "runs.html", repo=repo, tab="actions", runs=hub_of(request).actions.listing(repo))


def _run(request: Request) -> Response:
    repo = _repo(request)
    run = hub_of(request).actions.get(repo, int(request.path_params["run_id"]))
    return show(request, "run.html", repo=repo, tab="actions", run=run)


def _live(request: Request) -> Response:
    """What the run's page asks for again and again while it lasts."""
    hub = hub_of(request)
    run = hub.actions.get(_repo(request), int(request.path_params["run_id"]))
    with hub.lock:
        state = run.conclusion or run.status
        jobs = {str(job.id): [job.conclusion or job.status, log_lines("".join(job.log))] for job in run.jobs}
    return JSONResponse({"state": state, "over": run.status == "completed", "jobs": jobs})


def _asset(request: Request) -> Response:
    kinds = {"style.css": "text/css", "live.js": "text/javascript"}
    name = request.path_params["name"]
    if name not in kinds:
        raise not_found()
    text, _, _ = templates().loader.get_source(templates(), name)  # type: ignore[union-attr]
    return Response(text, media_type=kinds[name])


_PAGES: dict[str, Callable[[Request], Response]] = {
    "/": _home,
    "/_assets/{name}": _asset,
    "/{owner}/{repo}": _code,
    "/{owner}/{repo}/tree/{ref:path}": _code,
    "/{owner}/{repo}/blob/{ref}/{path:path}": _blob,
    "/{owner}/{repo}/issues": _issues,
    "/{owner}/{repo}/pulls": _pulls,
    "/{owner}/{repo}/issues/{number:int}": _issue_page,
    "/{owner}/{repo}/pull/{number:int}": _pull_page,
    "/{owner}/{repo}/pull/{number:int}.diff": _diff,
    "/{owner}/{repo}/compare/{base}...{head:path}": _compare,
    "/{owner}/{repo}/actions": _runs,
    "/{owner}/{repo}/actions/runs/{run_id:int}": _run,
    "/{owner}/{repo}/actions/runs/{run_id:int}/live": _live,
    "/{owner}/{repo}/actions/runs/{run_id:int}/job/{job_id:int}": _run,
}


# ------------------------------------------------------------------------------------------ buttons


def _become(form: Form) -> Response:
    """Act as somebody else from now on."""
    back = form.get("path", "/")
    answer = go_to(back if back.startswith("/") and not back.startswith("//") else "/")
    answer.set_cookie("person", form.get("person", ""), httponly=True, samesite="strict")
    return answer


def _new_issue(request: Request, form: Form) -> Response:
    """Open an issue."""
    repo, me = _repo(request), me_of(request)
    me.require(repo, "issues", "write", anyone=True)
    issue = hub_of(request).issues.create(repo, me, title=form.get("title", ""), body=form.get("body", ""))
    return go_to(f"/{repo.full_name}/issues/{issue.number}")


def _new_pull(request: Request, form: Form) -> Response:
    """Open a pull request of a branch."""
    repo, me = _repo(request), me_of(request)
    me.require(repo, "pull_requests", "write", anyone=True)
    ends = {"base": request.path_params["base"], "head": request.path_params["head"]}
    made = hub_of(request).pulls.create(repo, me, title=form.get("title", ""), body=form.get("body", ""), **ends)
    return go_to(f"/{repo.full_name}/pull/{made.number}")


def _act(request: Request, form: Form) -> Response:
    """A button on an issue or pull request."""
    issue, me = _issue(request), me_of(request)
    verb = request.path_params["verb"]
    if verb not in _VERBS:
        raise not_found()
    level_of, do = _VERBS[verb]
    me.require_on(issue, "write", anyone=level_of == "anyone" or issue.user is me.user)
    if level_of == "writer":
        me.require(issue.repo, "contents", "write")
    do(hub_of(request), issue, me, form)
    return go_to(f"/{issue.repo.full_name}/{'pull' if issue.pull else 'issues'}/{issue.number}")


def _review(hub: "Hub", issue: Issue, me: Token, form: dict[str, str]) -> None:
    hub.reviews.submit(issue, me, event=form.get("event", "COMMENT"), body=form.get("body", ""))


def _comment(hub: "Hub", issue: Issue, me: Token, form: dict[str, str]) -> None:
    hub.issues.add_comment(issue, me, form.get("body", ""))


_VERBS: dict[str, tuple[str, Callable[["Hub", Issue, Token, dict[str, str]], object]]] = {
    "comment": ("anyone", _comment),
    "review": ("anyone", _review),
    "label": ("triager", lambda hub, issue, me, form: hub.issues.add_labels(issue, [form.get("name", "")], me)),
    "unlabel": ("triager", lambda hub, issue, me, form: hub.issues.remove_label(issue, form.get("name", ""), me)),
    "close": (
        "triager",
        lambda hub, issue, me, form: hub.issues.close(issue, me, reason=form.get("reason", "completed")),
    ),
    "reopen": ("triager", lambda hub, issue, me, _: hub.issues.reopen(issue, me)),
    "ready": ("triager", lambda hub, issue, me, _: hub.pulls.set_draft(issue, me, draft=False)),
    "merge": ("writer", lambda hub, issue, me, _: hub.pulls.merge(issue, me)),
}
