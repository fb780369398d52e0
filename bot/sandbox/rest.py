"""REST as one ASGI room: every route of `bot.sandbox.api`, refusals in GitHub's words, unknown routes recorded."""

from functools import cache

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.sandbox.api import actions, apps, checks, git, issues, links, pulls, repos
from bot.sandbox.door import DOCS, refused
from bot.sandbox.errors import Refused


@cache
def rest_app() -> FastAPI:
    """The room; one for every hub (the door puts the hub into the scope), because making it takes a while."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for part in (issues, links, pulls, checks, git, actions, apps, repos):
        app.include_router(part.router, prefix="/api/v3")
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(HTTPException, _unknown)
    return app


async def _refusal(request: Request, error: Exception) -> Response:  # noqa: ARG001 - FastAPI's signature
    assert isinstance(error, Refused)
    said = refused(error)
    return Response(said.body, said.status, {key.decode(): value.decode() for key, value in said.headers})


async def _unknown(request: Request, error: Exception) -> Response:  # noqa: ARG001 - FastAPI's signature
    """No such route: the sandbox lacks something, which tests must not overlook."""
    request.scope["sandbox.hub"].requests.add_unknown(request.method, request.url.path)
    return JSONResponse({"message": "Not Found", "documentation_url": DOCS, "status": "404"}, status_code=404)
