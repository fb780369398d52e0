"""JSON over HTTP to a task source's server: time-outs, second tries, and one sentence for every way it can fail.

Tried again are reads, and calls that the server certainly did not begin (no connection, "too many requests"). A write
that may have happened is not repeated: its sender looks first.
"""

import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bot.core.secret import Secret
from bot.trackers.tracker import SourceConfigError, SourceUnavailable, TrackerError

SECONDS: Final = 30.0
"""For one call."""
ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 20.0
"""Seconds: a server that wants a longer rest gets it from whoever catches `SourceUnavailable`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, unless it was broken or busy."""

    status: int
    data: Any
    """JSON; None where there is none."""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JsonApi:
    """One server. Answers below 500 (but 429) are given to the caller; all others are tried again, then raised."""

    name: str
    """In messages: `Linear`."""
    url: str
    headers: Mapping[str, Secret]
    sleep: Callable[[float], None] = time.sleep
    client: httpx.Client = field(default_factory=lambda: _client())  # noqa: PLW0108 (it stands further down)

    def call(
        self, method: str, path: str = "", *, params: Mapping[str, str] | None = None, body: Any = None, again: bool
    ) -> Answer:
        """Call once, or several times; `again`: it may happen twice. Raises `SourceUnavailable`."""
        for attempt in range(1, ATTEMPTS + 1):
            answer, failure, begun = self._once(method, path, params, body)
            if answer is not None:
                return answer
            rest = failure.retry_after
            if attempt == ATTEMPTS or rest > LONGEST_WAIT or (begun and not again):
                break
            self.sleep(max(rest, random.uniform(0.5, 1.0) * 2 ** (attempt - 1) / 2))  # noqa: S311 (not secret)
        raise failure

    def _once(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Any
    ) -> tuple[Answer | None, SourceUnavailable, bool]:
        """An answer, or why there is none and whether the server may have begun."""
        if not all(secret.is_sendable for secret in self.headers.values()):
            raise SourceConfigError(f"{self.name}: its key has characters that no key has: set it anew.")
        headers = {name: secret.reveal() for name, secret in self.headers.items()}
        nothing = SourceUnavailable(f"{self.name} can't be reached at {self.url}: is it running?")
        try:
            response = self.client.request(method, self.url + path, params=params, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
            return None, nothing, False
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise SourceConfigError(f"{self.name}: its address has characters that it can't have.") from None
        except httpx.TimeoutException:
            return None, SourceUnavailable(f"{self.name} gave no answer within {SECONDS:g} s."), True
        except httpx.HTTPError as error:
            return None, SourceUnavailable(f"{self.name} broke the connection off ({type(error).__name__})."), True
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            rest = _seconds(response.headers.get("retry-after", ""))
            return None, too_many(self.name, rest), False
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return None, SourceUnavailable(f"{self.name} answered with HTTP {response.status_code}."), True
        return Answer(response.status_code, self._json(response), response.headers), nothing, True

    def _json(self, response: httpx.Response) -> Any:
        if not response.content:
            return None
        text = response.text
        for secret in self.headers.values():
            text = secret.out_of(text)
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
        # Not within an `except`: a `JSONDecodeError` holds all that was said.
        words = f"{self.name} answered with HTTP {response.status_code} and something that is no JSON"
        raise TrackerError(f"{words}: is {self.url} the right address?")


def _client() -> httpx.Client:
    """No connection is kept: one that the server has closed meanwhile would leave it open whether a write happened."""
    return httpx.Client(timeout=SECONDS, follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0))


def too_many(name: str, rest: float = 0.0) -> SourceUnavailable:
    """What to say of a server that wants a rest."""
    wait = f" and wants to be left alone for {rest:.0f} s" if rest else ""
    return SourceUnavailable(f"{name} had too many requests{wait}: it is asked again later.", retry_after=rest)


def _seconds(text: str) -> float:
    return min(float(text), 3_600.0) if text.isascii() and text.isdigit() else 0.0
