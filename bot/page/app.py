"""The page's addresses. Everything is rendered here, once for each version of what it shows, and only ever read.

| address | shows |
|---|---|
| `/` | every project |
| `/p/ID` | one: graph, queue, runs, budget |
| `/p/ID/issues`, `/p/ID/runs` | all of them, by state or verdict, searched, page by page |
| `/p/ID/runs/KEY` | one run: timeline, checks, log |
| `/p/ID/charts`, `/p/ID/figures.csv`, `/p/ID/figures.json` | what it came to, day by day |
| `/health`, `/status.json` | how the bot is; all of it for machines |
| `/live` | events: something changed |
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from importlib.resources import files
from math import ceil
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.errors import AiReadyError
from bot.page.access import Access, Application, Gate
from bot.page.arrows import HIGH, WIDE
from bot.page.figures import as_csv, as_json, charts, days
from bot.page.graph import draw
from bot.page.live import Live
from bot.page.rendered import Page, Rendered, tagged
from bot.page.shown import Issue, Link, Project, Source
from bot.page.status import status
from bot.page.words import FILTERS

T = TypeVar("T")

PAGE: Final = 50
"""Issues or runs of one page."""
LATEST: Final = 10
"""Runs on the page of a project."""
LINES: Final = 200
"""Of a log, on one page."""
SEATS: Final = 4
"""Pages that are made at a time. Each may hold a connection of the store's pool, which webhooks and passes need, too."""
STATIC: Final = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


NO_PROJECT: Final = "There is no such project, or it was not looked at yet"


@dataclass(frozen=True, slots=True)
class Named:
    """A project, as far as its name."""

    id: str
    name: Link


@dataclass(frozen=True, slots=True)
class Cut:
    """One page of a list."""

    items: Sequence[Any]
    at: int
    of: int
    total: int
    query: str
    """What else the address asks for, to be put before `page=`."""


def page_app(source: Source, access: Access, live: Live, *, now: Callable[[], datetime] | None = None) -> Application:
    """The whole page, behind its gate."""
    pages = Pages(source, live, now or (lambda: datetime.now(UTC)))
    app = Starlette(routes=pages.routes(), exception_handlers={HTTPException: pages.refused, AiReadyError: pages.away})
    return Gate(app, access)


class Pages:
    """Renders. Endpoints that are plain functions run in Starlette's threads: the event loop stays free."""

    def __init__(self, source: Source, live: Live, now: Callable[[], datetime]) -> None:
        self._source = source
        self._live = live
        self._now = now
        self._rendered = Rendered()
        self._seats = threading.BoundedSemaphore(SEATS)
        self._templates = Environment(
            loader=PackageLoader("bot.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(FILTERS)
        self._templates.globals.update({"WIDE": WIDE, "HIGH": HIGH})
        folder = files("bot.page") / "static"
        self._static = {name: (folder / name).read_bytes() for name in STATIC}

    def routes(self) -> list[Route]:
        """Every address there is."""

        def seated(endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
            @wraps(endpoint)
            def waiting(request: Request) -> Response:
                with self._seats:
                    return endpoint(request)

            return waiting

        return [
            Route("/", seated(self.overview)),
            Route("/p/{project}", seated(self.project)),
            Route("/p/{project}/issues", seated(self.issues)),
            Route("/p/{project}/runs", seated(self.runs)),
            Route("/p/{project}/runs/{key}", seated(self.run)),
            Route("/p/{project}/charts", seated(self.charts)),
            Route("/p/{project}/figures.csv", seated(self.figures_csv)),
            Route("/p/{project}/figures.json", seated(self.figures_json)),
            Route("/health", seated(self.health)),
            Route("/status.json", seated(self.status)),
            Route("/live", self.live),
            Route("/static/{name}", self.static),
        ]

    # ---------------------------------------------------------------------------------------- pages

    def overview(self, request: Request) -> Response:
        """Every project."""
        projects = self._source.overview()  # first: which there are may make another version of it
        return self._page(request, "overview.html", "", lambda: {"projects": projects})

    def project(self, request: Request) -> Response:
        """One of them."""
        ident = request.path_params["project"]

        def context() -> dict[str, Any]:
            project = self._project(ident)
            opened = tuple(request.query_params.getlist("open"))
            queue = sorted((each for each in project.issues if each.place), key=lambda each: each.place)
            cut = _cut(request, queue)
            return {
                "project": project,
                "drawing": draw(project, opened),
                "opened": opened,
                "queue": cut,
                "why": self._source.why(ident, [each.id for each in cut.items]),
                "runs": self._source.runs(ident, LATEST),
            }

        return self._page(request, "project.html", ident, context)

    def issues(self, request: Request) -> Response:
        """All issues of a project."""
        ident = request.path_params["project"]

        def context() -> dict[str, Any]:
            project, asked = self._project(ident), request.query_params
            state, words = asked.get("state", ""), asked.get("q", "")
            found = [each for each in project.issues if _fits(each, state, words)]
            cut = _cut(request, found)
            why = self._source.why(ident, [each.id for each in cut.items])
            return {"project": project, "issues": cut, "why": why, "state": state, "q": words}

        return self._page(request, "issues.html", ident, context)

    def runs(self, request: Request) -> Response:
        """All runs of a project."""
        ident = request.path_params["project"]

        def context() -> dict[str, Any]:
            project, verdict = self._named(ident), request.query_params.get("verdict", "")
            runs = self._source.runs(ident)
            verdicts = sorted({run.verdict for run in runs if run.verdict})
            found = [run for run in runs if not verdict or run.verdict == verdict]
            return {"project": project, "runs": _cut(request, found), "verdict": verdict, "verdicts": verdicts}

        return self._page(request, "runs.html", ident, context)

    def run(self, request: Request) -> Response:
        """One run."""
        ident, key = request.path_params["project"], request.path_params["key"]

        def context() -> dict[str, Any]:
            project, detail = self._named(ident), self._source.run(ident, key)
            if detail is None:
                raise HTTPException(404, "There is no such run")
            words = request.query_params.get("q", "").casefold()
            numbered = [(at, line) for at, line in enumerate(detail.log, 1) if words in line.text.casefold()]
            log = _cut(request, numbered, LINES)
            return {"project": project, "detail": detail, "log": log, "q": request.query_params.get("q", "")}

        return self._page(request, "run.html", f"{ident}/{key}", context)

    def charts(self, request: Request) -> Response:
        """What the runs came to."""
        ident = request.path_params["project"]

        def context() -> dict[str, Any]:
            project, counted = self._named(ident), days(self._source.runs(ident), self._now())
            return {"project": project, "days": counted, "charts": charts(counted)}

        return self._page(request, "charts.html", ident, context)

    def health(self, request: Request) -> Response:
        """How the bot is: as of now, so it is never kept."""
        body = self._render("health.html", {"health": self._source.health(), "version": self._source.version()})
        return _html(request, tagged(0, body))

    # ----------------------------------------------------------------------------------- for machines

    def figures_csv(self, request: Request) -> Response:
        """The charts' figures."""
        ident = request.path_params["project"]
        self._named(ident)
        text = as_csv(days(self._source.runs(ident), self._now()))
        return Response(text, media_type="text/csv", headers={"cache-control": "no-store"})

    def figures_json(self, request: Request) -> Response:
        """The same."""
        ident = request.path_params["project"]
        self._named(ident)
        return JSONResponse(as_json(days(self._source.runs(ident), self._now())), headers={"cache-control": "no-store"})

    def status(self, request: Request) -> Response:  # noqa: ARG002 (an endpoint takes one)
        """All of it."""
        return JSONResponse(status(self._source, self._now()), headers={"cache-control": "no-store"})

    async def live(self, request: Request) -> Response:
        """Events."""
        if self._live.full:
            raise HTTPException(503, "Too many pages are kept up to date at this moment", {"retry-after": "30"})
        project, since = request.query_params.get("of", ""), request.query_params.get("since", "")
        number = int(since) if since.isascii() and since.isdigit() and len(since) < 20 else None
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._live.stream(project, number), media_type="text/event-stream", headers=headers)

    async def static(self, request: Request) -> Response:
        """Style and script; with their content's digest in the address they may be kept for ever."""
        name = request.path_params["name"]
        if name not in self._static:
            raise HTTPException(404, "There is no such file")
        return Response(self._static[name], media_type=STATIC[name], headers={"cache-control": "no-cache"})

    async def refused(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 (a handler takes both)
        """404, 405 and the like as a page."""
        assert isinstance(error, HTTPException)  # noqa: S101 (it is registered for these)
        words = "There is no such page" if error.detail == "Not Found" else error.detail
        body = self._render("refused.html", {"words": words, "version": 0, "away": False})
        return Response(body, error.status_code, {"cache-control": "no-store", **(error.headers or {})}, "text/html")

    async def away(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 (a handler takes both)
        """What is shown can't be read now."""
        body = self._render("refused.html", {"words": str(error), "version": 0, "away": True})
        return Response(body, 503, {"cache-control": "no-store"}, "text/html")

    # ---------------------------------------------------------------------------------------- small

    def _project(self, ident: str) -> Project:
        project = self._source.project(ident)
        if project is None:
            raise HTTPException(404, NO_PROJECT)
        return project

    def _named(self, ident: str) -> Named:
        """What pages need that don't show its issues, which may be many."""
        name = self._source.name(ident)
        if name is None:
            raise HTTPException(404, NO_PROJECT)
        return Named(ident, name)

    def _page(
        self, request: Request, template: str, project: str, context: Callable[[], Mapping[str, Any]]
    ) -> Response:
        """The page as it was rendered for this version of what it shows, or as it is rendered now."""
        if project:
            self._named(project.partition("/")[0])  # what may no longer be shown is not shown as it was kept, either
        version = self._source.version(project)
        address = f"{self._now():%Y-%m-%d} {request.url.path}?{request.url.query}"

        def render() -> bytes:
            return self._render(template, {**context(), "version": version, "of": project})

        return _html(request, self._rendered.get(address, version, render))

    def _render(self, template: str, context: Mapping[str, Any]) -> bytes:
        return self._templates.get_template(template).render({"of": "", **context}).encode()


def _html(request: Request, page: Page) -> Response:
    """Whoever has it already is told so."""
    headers = {"etag": page.tag, "cache-control": "no-cache, private"}
    if request.headers.get("if-none-match") == page.tag:
        return Response(status_code=304, headers=headers)
    return Response(page.body, media_type="text/html", headers=headers)


def _cut(request: Request, items: Sequence[T], most: int = PAGE) -> Cut:
    """The page of `items` that the address asks for; the nearest one there is."""
    asked = request.query_params.get("page", "1")
    pages = max(1, ceil(len(items) / most))
    at = min(max(1, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 1), pages)
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != "page"]
    query = f"{urlencode(rest)}&" if rest else ""
    return Cut(items[(at - 1) * most : at * most], at, pages, len(items), query)


def _fits(issue: Issue, state: str, words: str) -> bool:
    """Whether it is in that state and one of its names has those words in it."""
    names = (issue.title, issue.label, issue.name.text)
    return state in ("", issue.state.value) and any(words.casefold() in name.casefold() for name in names)
