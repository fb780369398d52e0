"""`/_sandbox/…`: what other processes may do to the sandbox itself (faults, webhooks, the request log) and downloads.

Not part of GitHub; the sandbox listens on 127.0.0.1 only.
"""

from dataclasses import asdict
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from bot.sandbox.api.actions import artifact_file
from bot.sandbox.errors import Refused
from bot.sandbox.runs import Artifact

_KNOBS = frozenset(
    {"fail", "drop", "drop_after", "bad_gateway_after", "delay", "rate_limit", "secondary_rate_limit", "stale"}
)

_WEBHOOKS = frozenset({"drop_share", "lose_share", "double_share", "delay_seconds", "scatter_seconds"})


@cache
def control_app() -> FastAPI:
    """The room, as ASGI; one for every hub."""
    app = FastAPI(openapi_url=None)
    app.add_api_route("/_sandbox/faults", _add_fault, methods=["POST"])
    app.add_api_route("/_sandbox/faults", _clear_faults, methods=["DELETE"])
    app.add_api_route("/_sandbox/webhooks", _set_webhooks, methods=["PATCH"])
    app.add_api_route("/_sandbox/runs", _set_runs, methods=["PATCH"])
    app.add_api_route("/_sandbox/dispatches", _list_dispatches, methods=["GET"])
    app.add_api_route("/_sandbox/requests", _list_requests, methods=["GET"])
    app.add_api_route("/_sandbox/artifacts/{node_id}.zip", _download, methods=["GET"])
    return app


async def _add_fault(request: Request) -> Response:
    """Body: `{"fault": "fail", …}` with the arguments of that method of `Faults`."""
    body: dict[str, Any] = await request.json()
    name = body.pop("fault", None)
    if name not in _KNOBS:
        return JSONResponse({"message": f"fault is one of {', '.join(sorted(_KNOBS))}"}, status_code=422)
    try:
        getattr(request.scope["sandbox.hub"].faults, name)(**body)
    except TypeError as error:
        return JSONResponse({"message": str(error)}, status_code=422)
    return Response(status_code=204)


async def _clear_faults(request: Request) -> Response:
    """Everything works again."""
    request.scope["sandbox.hub"].faults.clear()
    return Response(status_code=204)


async def _set_webhooks(request: Request) -> Response:
    """Body: any of `Webhooks`' shares (0 to 1) and seconds, e.g. `{"drop_share": 1.0}`."""
    body: dict[str, Any] = await request.json()
    if not set(body) <= _WEBHOOKS or not all(isinstance(value, int | float) for value in body.values()):
        return JSONResponse({"message": f"numbers for any of {', '.join(sorted(_WEBHOOKS))}"}, status_code=422)
    for name, value in body.items():
        setattr(request.scope["sandbox.hub"].webhooks, name, float(value))
    return Response(status_code=204)


async def _set_runs(request: Request) -> Response:
    """Body: `{"end": "done"}` (a name of `instant.ENDS`, for every run from now on), `{"hold": "queued"}`."""
    from bot.sandbox.actions.instant import ENDS, STAGES, Instant  # noqa: PLC0415 - it brings the jobs' own code

    body: dict[str, Any] = await request.json()
    driver = request.scope["sandbox.hub"].actions.driver
    end, hold = body.get("end", "done"), body.get("hold", "")
    if not isinstance(driver, Instant) or end not in ENDS or hold not in ("", *STAGES):
        return JSONResponse({"message": f"end is one of {', '.join(ENDS)}; hold one of {', '.join(STAGES)}"}, 422)
    if "end" in body:
        driver.ends = lambda _run: ENDS[end]
    if "hold" in body:
        driver.hold(hold)
    return Response(status_code=204)


async def _list_dispatches(request: Request) -> Response:
    """What was dispatched, and what was true then (`instant.Dispatched`)."""
    dispatches = getattr(request.scope["sandbox.hub"].actions.driver, "dispatches", [])
    return JSONResponse([asdict(one) | {"at": one.at.isoformat()} for one in dispatches])


async def _list_requests(request: Request) -> Response:
    """The log: `requests`, and `unknown` ones that no route answered."""
    log = request.scope["sandbox.hub"].requests
    fields = ("door", "method", "path", "status", "token_kind", "login", "job", "seconds")
    shown = [{name: getattr(one, name) for name in fields} for one in log.all()]
    return JSONResponse({"requests": shown, "unknown": log.unknown})


async def _download(request: Request, node_id: str) -> Response:
    """An artifact's zip, for whoever was sent here."""
    found = request.scope["sandbox.hub"].node(node_id)
    if not isinstance(found, Artifact):
        raise Refused(404, "Not Found")
    return artifact_file(found)
