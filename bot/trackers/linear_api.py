"""Linear's GraphQL, call by call: its pages, and its refusals, which come with HTTP 200 as well."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.core.model import Json
from bot.trackers.http import LONGEST_WAIT, Answer, JsonApi, too_many
from bot.trackers.tracker import NoSuchTask, SourceConfigError, SourceUnavailable, TrackerError

URL: Final = "https://api.linear.app/graphql"
_TRIES: Final = 3
_LONGEST_REST: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class LinearApi:
    """One key's view of Linear."""

    http: JsonApi
    key_name: str
    """The variable that holds the key, for messages."""
    clock: Callable[[], float] = time.time

    def ask(self, query: str, **variables: Any) -> Json:
        """The data of a query. Raises the `TrackerError` that fits Linear's errors."""
        return self._asked(query, variables, again=True)

    def do(self, mutation: str, *, again: bool, **variables: Any) -> Json:
        """What a mutation (called `done`) answers; `again`: it may happen twice."""
        done = self._asked(mutation, variables, again=again).get("done")
        if not isinstance(done, dict) or done.get("success") is not True:
            raise TrackerError("Linear did not do what it was asked to, and did not say why: look at the issue there.")
        return done

    def pages(self, query: str, *path: str, **variables: Any) -> Iterator[Json]:
        """All nodes of a connection, page by page; `path`: where it is in the data."""
        after: str | None = None
        while True:
            found: Any = self.ask(query, after=after, **variables)
            for step in path:
                found = found[step]
            yield from found["nodes"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]

    def _asked(self, query: str, variables: Json, *, again: bool) -> Json:
        for attempt in range(1, _TRIES + 1):
            answer = self.http.call("POST", body={"query": query, "variables": variables}, again=again)
            busy = self._busy(answer)
            if busy is None:
                return self._data(answer)
            if attempt == _TRIES or busy.retry_after > LONGEST_WAIT:
                raise busy
            self.http.sleep(max(1.0, busy.retry_after))
        raise AssertionError

    def _busy(self, answer: Answer) -> SourceUnavailable | None:
        """Over the limit: the mutation was not begun, so it may be sent again."""
        if not any(_code(error) == "RATELIMITED" for error in _errors(answer)):
            return None
        reset = next((v for k, v in answer.headers.items() if k.lower() == "x-ratelimit-requests-reset"), "")
        rest = float(reset) / 1000 - self.clock() if reset.isascii() and reset.isdigit() else 0.0
        return too_many("Linear", min(max(rest, 0.0), _LONGEST_REST))

    def _data(self, answer: Answer) -> Json:
        errors = _errors(answer)
        if answer.status in (401, 403) or any(_code(error) == "AUTHENTICATION_ERROR" for error in errors):
            raise SourceConfigError(f"Linear refused the API key: set {self.key_name} to one of your workspace.")
        if errors:
            said = str(errors[0].get("message", "no reason"))[:300]
            if "not found" in said.lower():
                raise NoSuchTask(f"Linear has no such thing: {said}")
            raise TrackerError(f"Linear refused: {said}")
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        if answer.status != 200 or not isinstance(data, dict):
            raise TrackerError(f"Linear answered with HTTP {answer.status} and without data.")
        return data


def _errors(answer: Answer) -> tuple[Json, ...]:
    found = answer.data.get("errors") if isinstance(answer.data, dict) else None
    return tuple(error for error in found or () if isinstance(error, dict))


def _code(error: Json) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code", "")) if isinstance(extensions, dict) else ""
