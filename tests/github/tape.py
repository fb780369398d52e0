"""Cassettes: what both clients say to a GitHub and what it answers, recorded off the sandbox and scrubbed.

They are a thermometer, not the house: a handful of exchanges that show whether the clients or the sandbox have changed
their ways. `AI_READY_RECORD=1 pytest tests/github/test_cassettes.py` records them anew.
"""

import json
import re
from pathlib import Path
from typing import Any

import vcr

FOLDER = Path(__file__).parents[1] / "cassettes"
_NAME = "api.github.example"
HOST = f"http://{_NAME}"
"""Where every cassette says GitHub is."""

TOKEN = re.compile(r"gh[a-z]_[A-Za-z0-9._-]{16,}|github_pat_\w+|eyJ[A-Za-z0-9._-]+")
_ANY_HOST = re.compile(r"127\.0\.0\.1(:\d+)?")
_KEPT_HEADERS = {"content-type", "link", "location", "x-github-request-id"}


def tape(path: Path, *, record: bool) -> Any:
    """`with tape(path, record=…) as cassette:` everything between goes to, or comes from, the cassette."""
    recorder = vcr.VCR(
        record_mode="all" if record else "none",
        match_on=["method", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "host", "connection", "content-length"],
        before_record_request=_scrub_request,
        before_record_response=_scrub_response,
        decode_compressed_response=True,
    )
    return recorder.use_cassette(str(path))


def _scrub_request(request: Any) -> Any:
    request.uri = _ANY_HOST.sub(_NAME, request.uri)
    return request


def _scrub_response(response: dict[str, Any]) -> dict[str, Any]:
    """No token, no port of this machine, no header that differs every time."""
    headers = {name: value for name, value in response["headers"].items() if name.lower() in _KEPT_HEADERS}
    body = response["body"]["string"]
    text = body.decode() if isinstance(body, bytes) else body
    clean = TOKEN.sub("ghs_SCRUBBED", _ANY_HOST.sub(_NAME, text)).encode()
    scrubbed = {
        name: [TOKEN.sub("ghs_SCRUBBED", _ANY_HOST.sub(_NAME, one)) for one in value] for name, value in headers.items()
    }
    return {**response, "headers": scrubbed, "body": {"string": clean}}


def shapes(cassette: Any) -> list[tuple[str, str, int, Any]]:
    """Each exchange without its values: verb, path, status and the structure of the answer."""
    found = []
    for request, response in zip(cassette.requests, cassette.responses, strict=True):
        text = response["body"]["string"]
        body = json.loads(text) if text else None
        found.append((request.method, request.path, response["status"]["code"], _shape(body)))
    return found


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value).__name__
