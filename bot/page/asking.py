"""Asks a page that is up for its figures, and says them in a terminal."""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.core.messages.words import money
from bot.core.outbound import one_line
from bot.core.secret import Secret
from bot.errors import AiReadyError

SECONDS: Final = 15.0
MOST_BYTES: Final = 50_000_000


class NoAnswer(AiReadyError):
    """The page does not answer, or not us."""


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the password along, wherever it leads."""

    def redirect_request(self, *_: object) -> None:
        """Not even on the same host."""


def ask(address: str, password: Secret) -> Mapping[str, Any]:
    """What `status.json` of the page at `address` says. Raises `NoAnswer`."""
    request = urllib.request.Request(f"{address}/status.json")  # noqa: S310 (the address is ours: http)
    if password:
        given = base64.b64encode(b":" + password.reveal().encode()).decode()
        request.add_header("Authorization", f"Basic {given}")
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Here())
    found: Any = None
    try:
        with straight.open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read(MOST_BYTES))
        trouble = ""
    except urllib.error.HTTPError as error:
        with error:
            why = "set AI_READY_PAGE_PASSWORD to its password" if error.code == 401 else "is that the page of ai-ready?"
        trouble = f"{address} answers {error.code}: {why}."
    except (OSError, ValueError, http.client.HTTPException) as error:
        # What else answered may have repeated the password: its words, and errors that hold them, go nowhere from here.
        because = error.reason if isinstance(error, urllib.error.URLError) else type(error).__name__
        trouble = f"No page answers at {address} ({because}): is `ai-ready serve` up, and with its page?"
    if trouble:
        raise NoAnswer(trouble)
    if not isinstance(found, dict) or found.get("v") != 1:
        raise NoAnswer(f"{address} answers, but not as the page of this ai-ready does.")
    return found


def is_failing(found: Mapping[str, Any]) -> bool:
    """Whether something is not as it should be."""
    return bool(found["health"]["word"] == "failing")


def as_text(found: Mapping[str, Any]) -> str:
    """For people."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"The server is {found['health']['word']}."
    for each in found["health"]["vitals"]:
        yield f"  {'' if each['good'] else '! '}{each['words']}: {one_line(each['value'])}"
    for project in found["projects"]:
        yield ""
        yield one_line(project["name"])
        if project["looked_at"] is None:
            yield "  It was not looked at yet since that process began."
            continue
        yield f"  Issues: {', '.join(f'{count:,} {state}' for state, count in project['issues'].items()) or 'none'}"
        if (today := project["today"]) is not None:
            runs = (
                f"{today['runs']} of {today['runs_limit']} runs, {today['active']} of {today['active_limit']} at work"
            )
            yield f"  Today: {money(today['usd'])} of {money(today['usd_limit'])}, {runs}"
        for problem in project["problems"]:
            yield f"  ! {one_line(problem)}"
