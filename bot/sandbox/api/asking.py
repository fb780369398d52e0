"""What every REST handler gets (`Ask`: who asks, what, where) and how lists are answered (pages, Link headers)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Issue, Json, Repo
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

PER_PAGE = 30
MAX_PER_PAGE = 100
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One authenticated request."""

    hub: "Hub"
    by: Token
    request: Request
    body: Any
    """Parsed JSON; `{}` where there is none."""

    @property
    def repo(self) -> Repo:
        """The repository of the path. Raises `Refused` 404 when there is none, or not for this token; 301 for an old name.

        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        path = self.request.path_params
        name = f"{path['owner']}/{path['repo']}"
        repo = self.hub.repo(name)
        if not self.by.sees(repo):
            raise not_found()
        if repo.full_name.lower() != name.lower():
            rest = self.request.url.path.partition(name)[2]
            raise Refused(301, f"{self.hub.api_url}/repositories/{repo.id}{rest}")
        return repo

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of a repeated one."""
        return dict(self.request.query_params)

    def require(self, area: str, level: str, *, anyone: bool = False) -> Repo:
        """The repository of the path, if the token may do `level` of `area` there."""
        repo = self.repo
        self.by.require(repo, area, level, anyone=anyone)
        return repo

    def issue(self, number: int, level: str = "read", *, anyone: bool = False) -> Issue:
        """The issue of the path, if the token may read (or write) it."""
        repo = self.repo
        issue = self.hub.issues.get(repo, number)
        self.by.require_on(issue, level, anyone=anyone)
        return issue

    def pull(self, number: int, level: str = "read", *, anyone: bool = False) -> Issue:
        """The pull request of the path, if the token may read (or write) it."""
        repo = self.require("pull_requests", level, anyone=anyone)
        return self.hub.pulls.get(repo, number)

    def text(self, name: str, default: str | None = None) -> str:
        """A string of the body; 422 when it is missing without a default, or something else."""
        value = self.body.get(name, default) if isinstance(self.body, dict) else default
        if value is None and default is not None:
            value = default
        if not isinstance(value, str):
            kind = "missing_field" if value is None else "invalid"
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.', [{"field": name, "code": kind}])
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings of the body (labels may be objects with a name, or the body itself the list)."""
        value = self.body.get(name) if isinstance(self.body, dict) else self.body
        items: list[Any] = [one.get("name") if isinstance(one, dict) else one for one in value or []]
        if not all(isinstance(item, str) for item in items):
            raise Refused(422, f"Invalid request.\n\nFor '{name}', not all items are strings.")
        return items


async def _ask(request: Request) -> Ask:
    hub: Hub = request.scope["sandbox.hub"]
    token: Token = request.scope["sandbox.token"]
    raw = await request.body()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(body, dict | list):
        raise Refused(400, "Body should be a JSON object")
    return Ask(hub, token, request, body)


Asked = Annotated[Ask, Depends(_ask)]


def answer(body: Any, status: int = 200) -> JSONResponse:
    """A JSON answer."""
    return JSONResponse(body, status_code=status)


def done() -> Response:
    """204."""
    return Response(status_code=204)


def paged(
    ask: Ask, items: Sequence[_T], shape: Callable[[_T], Json], *, under: str = "", most: int = MAX_PER_PAGE
) -> JSONResponse:
    """One page of `items` with GitHub's Link header; `under` wraps it: `{"total_count": …, under: […]}`."""
    size = min(max(_number(ask.query.get("per_page"), PER_PAGE), 1), most)
    page = max(_number(ask.query.get("page"), 1), 1)
    last = max((len(items) + size - 1) // size, 1)
    if ask.hub.faults.is_empty(ask.request.url.path):
        items = ()
    shown: Any = [shape(item) for item in items[(page - 1) * size : page * size]]
    response = answer({"total_count": len(items), under: shown} if under else shown)
    wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    at_end, at_start = page >= last, page <= 1
    hidden = (("next", "last") if at_end else ()) + (("prev", "first") if at_start else ())
    links = [f'<{_page_url(ask, number)}>; rel="{rel}"' for rel, number in wanted.items() if rel not in hidden]
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


def since(ask: Ask, *, name: str = "since") -> datetime | None:
    """A time of the query, as ISO 8601; 422 when it is not one."""
    text = ask.query.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(422, f"Invalid {name}: {text!r} is not a timestamp") from None
    return moment if moment.tzinfo else moment.astimezone()


def _page_url(ask: Ask, page: int) -> str:
    query = urlencode(ask.query | {"page": str(page)})
    return f"{ask.hub.url}{ask.request.url.path}?{query}"


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default
