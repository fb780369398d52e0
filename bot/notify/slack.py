"""Posts to a Slack incoming webhook, within a few seconds or not at all. The only importer of slack_sdk, and late.

Every way it can fail is an answer: a Slack that is down never fails a run. The address is a secret, so no answer holds
it or anything that the other side said, but for Slack's own short words (`no_service`).
"""

import logging
import queue
import re
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from math import ceil
from typing import TYPE_CHECKING, Final
from urllib.error import URLError

from bot.core.secret import Secret
from bot.notify.message import Message

if TYPE_CHECKING:
    from slack_sdk.webhook import WebhookClient, WebhookResponse

SECONDS: Final = 5.0
"""How long Slack may take for one post, looking up its address included. It is not asked a second time."""

LONGEST_REST: Final = 3_600.0
"""Seconds: the longest `Retry-After` that is believed."""

_SLACKS_WORD: Final = re.compile(r"[a-z][a-z_]{1,60}")
_WHOLE_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a post."""

    problem: str = ""
    """Why it is not there, in words that end a sentence; empty: it is."""
    retry_after: float = 0.0
    """Seconds for which Slack wants to hear nothing more."""


def post(address: Secret, message: Message, *, seconds: float = SECONDS) -> Answer:
    """Post once. Never raises, and returns after `seconds` whatever the other side does."""
    client = _client(address, seconds)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    # In a thread of its own: neither a name that is looked up for a minute nor an answer that comes byte by byte is
    # bounded by a socket's time-out. Nobody waits for a thread that is left behind.
    threading.Thread(target=lambda: answers.put(_sent(client, message)), name="slack", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return Answer(_silent(seconds))


def load() -> None:
    """Import what posting needs (0.2 s), where there is time for it."""
    import slack_sdk.webhook  # noqa: F401, PLC0415


def _client(address: Secret, seconds: float) -> "WebhookClient":
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 (0.2 s, and most processes post nothing)

    mute = logging.Logger("slack", logging.CRITICAL)  # noqa: LOG001 (nobody hears it: the SDK logs addresses)
    client = WebhookClient(address.reveal(), timeout=ceil(seconds), logger=mute, retry_handlers=[])
    client.proxy = None  # urllib's own way with proxies then, which knows NO_PROXY
    return client


def _sent(client: "WebhookClient", message: Message) -> Answer:
    try:
        return _understood(client.send_dict(message.body()))
    except TimeoutError:
        return Answer(_silent(client.timeout))
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            return Answer(_silent(client.timeout))
        return Answer(f"no connection ({type(error.reason).__name__})")
    except (OSError, HTTPException, ValueError) as error:
        return Answer(f"no answer that can be read ({type(error).__name__})")


def _understood(response: "WebhookResponse") -> Answer:
    status, body = response.status_code, (response.body or "").strip()
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer()
    said = f" {body}" if _SLACKS_WORD.fullmatch(body) else ""
    rest = next((text for name, text in response.headers.items() if name.lower() == "retry-after"), "")
    after = min(float(rest), LONGEST_REST) if _WHOLE_SECONDS.fullmatch(str(rest)) else 0.0
    return Answer(f"HTTP {status}{said}", after if status == HTTPStatus.TOO_MANY_REQUESTS else 0.0)


def _silent(seconds: float) -> str:
    return f"no answer within {seconds:g} s"
