"""Pages for people: repositories, issues, pull requests with their diff, Actions runs with their live log.

Whoever looks acts as the person chosen at the top (a cookie). Nothing active from issues, comments or logs gets into
a page, and forms of other sites are refused.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from bot.sandbox.door import refused
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.prose import log_lines, rendered, story, told
from bot.sandbox.records import Comment, Issue, Repo, Review, TimelineEvent, User
from bot.sandbox.repos import git
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@cache
def pages_app() -> FastAPI:
    """The room; one for every hub."""
    app = FastAPI(openapi_url=None)
    for path, page in _PAGES.items():
        app.add_api_route(path, page, methods=["GET"], response_model=None)
    app.add_api_route("/{owner}/{repo}/{kind}/{number:int}/{verb}", _act, methods=["POST"])
    app.add_api_route("/{owner}/{repo}/issues", _new_issue, methods=["POST"])
    app.add_api_route("/{owner}/{repo}/compare/{base}...{head:path}", _new_pull, methods=["POST"])
    app.add_api_route("/_become", _become, methods=["POST"])
    app.add_exception_handler(Refused, _refusal)
    return app


@cache
def _templates() -> Environment:
    loader = PackageLoader("bot.sandbox", "templates")
    made = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"log_lines": log_lines, "told": told, "ago": lambda moment: moment.strftime("%d %b %H:%M:%S")}
    made.tests |= {
        "comment": lambda one: isinstance(one, Comment),
        "review": lambda one: isinstance(one, Review),
        "happening": lambda one: isinstance(one, TimelineEvent),
    }
    return made


# ------------------------------------------------------------------------------------------- asking


def _hub(request: Request) -> "Hub":
    hub: Hub = request.scope["sandbox.hub"]
    return hub


def _people(hub: "Hub") -> list[User]:
    return [user for user in hub.users.values() if user.type == "User" and user is not hub.ghost]


def _me(request: Request) -> Token:
    """Who looks: the person of the cookie, else the first one."""
    hub = _hub(request)
    wanted = request.cookies.get("person", "")
    people = _people(hub)
    if not people:
        return hub.tokens.anonymous()
    return hub.person(next((one.login for one in people if one.login == wanted), people[0].login))


def _repo(request: Request) -> Repo:
    path = request.path_params
    repo = _hub(request).repo(f"{path['owner']}/{path['repo']}")
    if not _me(request).sees(repo):
        raise not_found()
    return repo


def _issue(request: Request) -> Issue:
    return _hub(request).issues.get(_repo(request), int(request.path_params["number"]))


def _page(request: Request, template: str, **facts: Any) -> HTMLResponse:
    hub = _hub(request)
    with hub.lock:
        common = {"hub": hub, "me": _me(request).user, "people": _people(hub), "path": request.url.path, "md": rendered}
        html = _templates().get_template(template).render(common | facts)
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if error.status == 301:
        said = refused(error)
        return Response(status_code=301, headers={key.decode(): value.decode() for key, value in said.headers})
    page = _page(request, "refused.html", status=error.status, message=error.message, errors=error.errors or [])
    page.status_code = error.status
    return page


# -------------------------------------------------------------------------------------------- pages


def _home(request: Request) -> Response:
    hub, me = _hub(request), _me(request)
    return _page(request, "home.html", repos=[repo for repo in hub.repositories.values() if me.sees(repo)])


def _code(request: Request) -> Response:
    hub, repo = _hub(request), _repo(request)
    ref = str(request.path_params.get("ref") or repo.default_branch)
    readme = hub.repos.read(repo, ref, "README.md") or ""
    branches = [name.removeprefix("refs/heads/") for name in hub.repos.refs(repo, "refs/heads/")]
    files = hub.repos.tree(repo, ref)
    return _page(request, "code.html", repo=repo, tab="code", ref=ref, files=files, branches=branches, readme=readme)


def _blob(request: Request) -> Response:
    hub, repo, path = _hub(request), _repo(request), request.path_params["path"]
    text = hub.repos.read(repo, request.path_params["ref"], path)
    if text is None:
        raise not_found()
    return _page(request, "blob.html", repo=repo, tab="code", file=path, text=text)


def _issues(request: Request) -> Response:
    return _listing(request, "issues", lambda issue: issue.pull is None)


def _pulls(request: Request) -> Response:
    return _listing(request, "pulls", lambda issue: issue.pull is not None)


def _listing(request: Request, tab: str, fits: Callable[[Issue], bool]) -> Response:
    repo, state = _repo(request), request.query_params.get("state", "open")
    found = [issue for issue in reversed(_hub(request).issues.listing(repo)) if fits(issue)]
    shown = [issue for issue in found if issue.open == (state == "open")]
    counts = {word: sum(issue.open == (word == "open") for issue in found) for word in ("open", "closed")}
    return _page(request, "issues.html", repo=repo, tab=tab, issues=shown, state=state, counts=counts)


def _issue_page(request: Request) -> Response:
    issue = _issue(request)
    if issue.pull is not None:
        return RedirectResponse(f"/{issue.repo.full_name}/pull/{issue.number}")
    return _page(request, "issue.html", repo=issue.repo, tab="issues", issue=issue, story=story(issue))


def _pull_page(request: Request) -> Response:
    hub, issue = _hub(request), _issue(request)
    if issue.pull is None:
        return RedirectResponse(f"/{issue.repo.full_name}/issues/{issue.number}")
    runs = [run for run in hub.actions.listing(issue.repo) if run.head_branch == issue.pull.head]
    facts = {"runs": runs, "mergeable": issue.open and hub.pulls.mergeable(issue), "sizes": hub.pulls.sizes(issue)}
    diff = _split(hub.pulls.diff(issue))
    return _page(
        request, "pull.html", repo=issue.repo, tab="pulls", issue=issue, story=story(issue), diff=diff, **facts
    )


def _compare(request: Request) -> Response:
    repo, base, head = _repo(request), request.path_params["base"], request.path_params["head"]
    hub = _hub(request)
    if not hub.repos.branch_oid(repo, base) or not hub.repos.branch_oid(repo, head):
        raise not_found()
    diff = _split(git(repo, "diff", f"refs/heads/{base}...refs/heads/{head}"))
    return _page(request, "compare.html", repo=repo, tab="pulls", base=base, head=head, diff=diff)


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
    return PlainTextResponse(_hub(request).pulls.diff(_issue(request)))


def _runs(request: Request) -> Response:
    repo = _repo(request)
    return _page(request, "runs.html", repo=repo, tab="actions", runs=_hub(request).actions.listing(repo))


def _run(request: Request) -> Response:
    repo = _repo(request)
    run = _hub(request).actions.get(repo, int(request.path_params["run_id"]))
    return _page(request, "run.html", repo=repo, tab="actions", run=run)


def _live(request: Request) -> Response:
    """What the run's page asks for again and again while it lasts."""
    hub = _hub(request)
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
    text, _, _ = _templates().loader.get_source(_templates(), name)  # type: ignore[union-attr]
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


async def _form(request: Request) -> dict[str, str]:
    """The form's fields, if it came from our own pages."""
    origin = request.headers.get("origin", _hub(request).url)
    if origin != _hub(request).url:
        raise Refused(403, "Forms of other sites are refused.")
    fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}


Form = Annotated[dict[str, str], Depends(_form)]


def _become(form: Form) -> Response:
    """Act as somebody else from now on."""
    back = form.get("path", "/")
    answer = _back(back if back.startswith("/") and not back.startswith("//") else "/")
    answer.set_cookie("person", form.get("person", ""), httponly=True, samesite="strict")
    return answer


def _new_issue(request: Request, form: Form) -> Response:
    """Open an issue."""
    repo, me = _repo(request), _me(request)
    me.require(repo, "issues", "write", anyone=True)
    issue = _hub(request).issues.create(repo, me, title=form.get("title", ""), body=form.get("body", ""))
    return _back(f"/{repo.full_name}/issues/{issue.number}")


def _new_pull(request: Request, form: Form) -> Response:
    """Open a pull request of a branch."""
    repo, me = _repo(request), _me(request)
    me.require(repo, "pull_requests", "write", anyone=True)
    ends = {"base": request.path_params["base"], "head": request.path_params["head"]}
    made = _hub(request).pulls.create(repo, me, title=form.get("title", ""), body=form.get("body", ""), **ends)
    return _back(f"/{repo.full_name}/pull/{made.number}")


def _act(request: Request, form: Form) -> Response:
    """A button on an issue or pull request."""
    issue, me = _issue(request), _me(request)
    verb = request.path_params["verb"]
    if verb not in _VERBS:
        raise not_found()
    level_of, do = _VERBS[verb]
    me.require_on(issue, "write", anyone=level_of == "anyone" or issue.user is me.user)
    if level_of == "writer":
        me.require(issue.repo, "contents", "write")
    do(_hub(request), issue, me, form)
    return _back(f"/{issue.repo.full_name}/{'pull' if issue.pull else 'issues'}/{issue.number}")


def _review(hub: "Hub", issue: Issue, me: Token, form: dict[str, str]) -> None:
    hub.pulls.review(issue, me, event=form.get("event", "COMMENT"), body=form.get("body", ""))


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


def _back(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
