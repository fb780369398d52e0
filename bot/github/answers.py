"""An HTTP answer → `Answer`: the same judgement for every client, whichever library carried it. Pure."""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.github.exchange import Answer

NO_HEADER_WAIT = 60.0
"""Seconds to wait after a rate limit that doesn't say how long."""
_NEXT = re.compile(r'<([^<>]*)>; *rel="next"')


def answer_of(status: int, headers: Mapping[str, Any], text: str) -> Answer:
    """An HTTP answer as data. 2xx that isn't JSON (a proxy's page) counts as no answer from GitHub: 502."""
    try:
        body = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return Answer(502 if status < 400 else status, {"message": f"GitHub's answer ({status}) is not JSON"})
    if status == 200 and isinstance(body, dict) and any(_limited(error) for error in body.get("errors") or ()):
        # GraphQL says so with 200: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        return _refused_for_now(429, body, headers)
    limited = status == 429 or (status == 403 and _says_limit(headers, body))
    if limited:
        return _refused_for_now(status, body, headers)
    return Answer(status, body, next_cursor=_next_cursor(str(headers.get("link") or "")))


def _next_cursor(link: str) -> str:
    """The cursor of `Link: <…?cursor=C>; rel="next"`.

    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    found = _NEXT.search(link)
    return parse_qs(urlsplit(found[1]).query).get("cursor", [""])[0] if found else ""


def _refused_for_now(status: int, body: Any, headers: Mapping[str, Any]) -> Answer:
    said = _wait(headers)
    return Answer(status, body, NO_HEADER_WAIT if said is None else said, guessed=said is None)


def _limited(error: Any) -> bool:
    return isinstance(error, dict) and error.get("type") == "RATE_LIMITED"


def _says_limit(headers: Mapping[str, Any], body: Any) -> bool:
    message = str(body.get("message") or "").lower() if isinstance(body, dict) else ""
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in message


def _wait(headers: Mapping[str, Any]) -> float | None:
    """Seconds to wait: `Retry-After`, else until the primary limit's reset; None: it doesn't say.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
    """
    try:
        if "retry-after" in headers:
            return max(0.0, float(headers["retry-after"]))
        if headers.get("x-ratelimit-remaining") == "0":
            # By GitHub's clock, not ours.
            answered = parsedate_to_datetime(headers["date"]).timestamp()
            return max(1.0, float(headers["x-ratelimit-reset"]) - answered)
    except (KeyError, ValueError):
        return None
    return None
