"""REST as one ASGI room: every route of `bot.sandbox.api`, refusals in GitHub's words, unknown routes recorded."""

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.sandbox.api import actions, apps, git, issues, links, pulls, repos
from bot.sandbox.door import DOCS, refused
from bot.sandbox.errors import Refused

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def rest_app(hub: "Hub") -> FastAPI:
    """The room."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.hub = hub
    for part in (issues, links, pulls, git, actions, apps, repos):
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
    request.app.state.hub.requests.add_unknown(request.method, request.url.path)
    return JSONResponse({"message": "Not Found", "documentation_url": DOCS, "status": "404"}, status_code=404)
