"""The request log: what was asked of the sandbox, by whom, and what it did not know."""

import threading
from collections import Counter
from dataclasses import dataclass

from bot.sandbox.records import TokenKind


@dataclass(frozen=True, slots=True)
class Request:
    """One request to REST, GraphQL or git."""

    door: str
    """`rest`, `graphql`, `git` or `page`."""
    method: str
    path: str
    """With the query string."""
    status: int
    """0: the connection was dropped."""
    token_kind: TokenKind
    login: str
    job: str
    """The job whose token asked (`gate`, `work`, `publish`); else empty."""
    seconds: float


class RequestLog:
    """Append-only, thread-safe. Iterate it like a list."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Request] = []
        self.unknown: list[str] = []
        """`METHOD /path` of requests that no route answers: a test should fail on any."""

    def add(self, request: Request) -> None:
        """Remember it."""
        with self._lock:
            self._all.append(request)

    def add_unknown(self, method: str, path: str) -> None:
        """Remember a request that the sandbox does not implement."""
        with self._lock:
            self.unknown.append(f"{method} {path}")

    def clear(self) -> None:
        """Forget what was asked so far."""
        with self._lock:
            self._all.clear()
            self.unknown.clear()

    def api(self) -> tuple[Request, ...]:
        """REST and GraphQL requests, oldest first."""
        with self._lock:
            return tuple(request for request in self._all if request.door in ("rest", "graphql"))

    def all(self) -> tuple[Request, ...]:
        """Everything, oldest first."""
        with self._lock:
            return tuple(self._all)

    def count(self) -> Counter[tuple[str, str]]:
        """API requests by (job, verb)."""
        return Counter((request.job, request.method) for request in self.api())
