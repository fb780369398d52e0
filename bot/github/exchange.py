"""One request to GitHub and its answer, as data: what the pure stories of this folder yield and are sent.

A *story* is a generator: it yields a `Request`, is sent the `Answer`, and returns its result. It knows nothing of
HTTP libraries, retries or clocks, so the Action's client (PyGithub) and the server's (githubkit) tell the same
stories, each with its own way of sending; tests can tell them with answers made by hand.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from bot.core.model import Json
from bot.errors import GitHubError

T = TypeVar("T")

GRAPHQL = "graphql"
"""The path that stands for the GraphQL address, which differs between github.com and GitHub Enterprise Server."""

Verb = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

_TRANSIENT_TYPES = frozenset({"INTERNAL", "SERVICE_UNAVAILABLE", "RATE_LIMITED", "TIMEOUT"})
_STATUS_OF_TYPE = {"NOT_FOUND": 404, "FORBIDDEN": 403, "UNPROCESSABLE": 422, "RATE_LIMITED": 429}


@dataclass(frozen=True, slots=True)
class Request:
    """What to send."""

    verb: Verb
    path: str
    """`/repos/o/r/…` below the API's root, with its query string; or `GRAPHQL`."""
    body: Json | None = None
    repeatable: bool = False
    """Sending it twice is the same as once: every read, and writes whose result is named by their content."""
    creates: int = 0
    """How many comments, reactions, pull requests… it creates: what GitHub's content limits count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    """HTTP status; 0: no answer (time-out, connection lost): the request may or may not have been done."""
    body: Any = None
    """Parsed JSON; None where there was none."""
    retry_after: float | None = None
    """Seconds to leave GitHub alone, where it refused for a rate limit."""
    guessed: bool = False
    """GitHub did not say how long: `retry_after` is the least it may be."""
    next_cursor: str = ""
    """Where a list with a cursor goes on; empty: it ends here."""

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def ambiguous(self) -> bool:
        """Whether a write may have been done in spite of this answer."""
        return self.status == 0 or self.status >= 500

    @property
    def undecided(self) -> bool:
        """Neither done for sure nor refused for good: no answer, or a rate limit longer than we wait for."""
        return self.ambiguous or self.retry_after is not None

    @property
    def message(self) -> str:
        """GitHub's words, one line; never anything of ours."""
        if self.status == 0:
            return "GitHub did not answer"
        if not isinstance(self.body, dict):
            return f"GitHub answered {self.status}"
        listed = self.body.get("errors")
        words = [str(self.body.get("message") or "")]
        words += [_words(error) for error in listed] if isinstance(listed, list) else []
        return "; ".join(dict.fromkeys(word for word in words if word)) or f"GitHub answered {self.status}"

    def error(self, what: str) -> GitHubError:
        """The error to raise when `what` can't be read."""
        text = f"GitHub could not {what}: {self.message}" + (
            f" ({self.status})." if self.status else "; check the network and GITHUB_API_URL."
        )
        return GitHubError(text, status=self.status, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of a GraphQL answer's `errors`."""

    path: tuple[str | int, ...]
    type: str
    message: str
    code: str = ""

    @property
    def transient(self) -> bool:
        """GitHub's own trouble: the same query may well succeed later.

        Resource limits and time-outs come without a type; their text begins like this:
        https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        return self.type in _TRANSIENT_TYPES or self.message.startswith(("Something went wrong", "Timeout"))

    @property
    def status(self) -> int:
        """The HTTP status that REST would have given."""
        return _STATUS_OF_TYPE.get(self.type, 502 if self.transient else 422)


Story = Generator[Request, Answer, T]


def query(document: str) -> Request:
    """A GraphQL read."""
    return Request("POST", GRAPHQL, {"query": document}, repeatable=True)


def get(path: str) -> Request:
    """A REST read."""
    return Request("GET", path, repeatable=True)


def problems(body: Any) -> tuple[Problem, ...]:
    """The `errors` of a GraphQL answer (or of anything else: none)."""
    listed = body.get("errors") if isinstance(body, dict) else None
    return tuple(_problem(error) for error in listed if isinstance(error, dict)) if isinstance(listed, list) else ()


def _problem(error: Json) -> Problem:
    path = error.get("path")
    extensions = error.get("extensions")
    return Problem(
        path=tuple(path) if isinstance(path, list) else (),
        type=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        code=str(extensions.get("code") or "") if isinstance(extensions, dict) else "",
    )


def _words(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or " ".join(str(error[key]) for key in ("field", "code") if key in error))
    return str(error)
