"""Pages for people (next commit)."""

from functools import cache

from fastapi import FastAPI


@cache
def pages_app() -> FastAPI:
    """The room."""
    return FastAPI(openapi_url=None)
