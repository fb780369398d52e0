"""Pages for people (next commit)."""

from typing import TYPE_CHECKING

from fastapi import FastAPI

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def pages_app(hub: "Hub") -> FastAPI:
    """The room."""
    app = FastAPI(openapi_url=None)
    app.state.hub = hub
    return app
