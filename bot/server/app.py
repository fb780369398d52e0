"""Everything that is answered over HTTP: `/webhook` by itself, the rest by FastAPI.

`/healthz`, `/readyz` and `/metrics` are open to whoever reaches the port: they hold numbers and fixed words.
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.server.health import Health
from bot.server.metrics import CONTENT_TYPE, Metrics
from bot.server.receive import Receive, Receiver, Scope, Send

READ = ["GET", "HEAD"]


class App:
    """The ASGI application."""

    def __init__(self, receiver: Receiver | None, health: Health, metrics: Metrics) -> None:
        self._receiver = receiver
        self._pages = _pages(health, metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Webhooks don't go through a framework's layers: they are the many, and each layer costs."""
        if self._receiver is not None and scope["path"] == "/webhook":
            await self._receiver(scope, receive, send)
        else:
            await self._pages(scope, receive, send)


def _pages(health: Health, metrics: Metrics) -> FastAPI:
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages.add_exception_handler(HTTPException, _refused)

    @pages.api_route("/healthz", methods=READ)
    async def healthz() -> JSONResponse:
        """The process is alive and its event loop turns; 503 where a thread has died, which only a restart mends."""
        return JSONResponse(
            {"status": "alive"} if health.alive else {"status": "crippled"}, 200 if health.alive else 503
        )

    @pages.api_route("/readyz", methods=READ)
    async def readyz() -> JSONResponse:
        """It can do its work; 503 names what is wrong."""
        seen = await health.vitals()
        return JSONResponse({"status": seen.word, "failing": seen.failing}, 503 if seen.failing else 200)

    @pages.api_route("/metrics", methods=READ)
    async def show_metrics() -> Response:
        """For Prometheus."""
        seen = await health.vitals()
        return Response(metrics.render(seen.counts, seen.reconcile_age), headers={"content-type": CONTENT_TYPE})

    return pages


async def _refused(_request: Request, error: Exception) -> Response:
    """404 and 405 in our shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 (it is registered for these)
    return JSONResponse({"error": f"{error.detail}."}, error.status_code, headers=error.headers)
