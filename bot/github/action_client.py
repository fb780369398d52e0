"""GitHub for the Action and the laptop: `Reader` and `Writer` on PyGithub.

PyGithub carries addresses, authentication, proxies and connections; what is asked is in `gather`, what is done in
`apply`, patience in `courier` (PyGithub's own retries repeat every POST and sleep where no test can reach: off).
Importing PyGithub takes longer than everything else `gate` does before its first answer, so it happens at the first
request, not here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bot.core.effects import Effect
from bot.core.model import Actor, Permission, Ref, Snapshot, Standing
from bot.core.names import CALLER_WORKFLOW
from bot.errors import GitHubError
from bot.github import read
from bot.github.apply import Place, apply_effects
from bot.github.courier import Courier, Timing
from bot.github.exchange import GRAPHQL, Answer, Request, get
from bot.github.gather import read_snapshot, read_standings
from bot.github.late import import_pygithub
from bot.github.ports import Applied
from bot.github.wanted import NodeIds, Wanted

if TYPE_CHECKING:
    from github.Requester import Requester

TIMEOUT = 30
"""Seconds for one answer; GitHub itself gives up after 10."""
NO_HEADER_WAIT = 60.0
"""Seconds to wait after a secondary rate limit that doesn't say how long."""
PUBLIC_API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Access:
    """Which repository, where, as whom, and what we know about ourselves."""

    repo: str
    """`owner/repo`."""
    token: str = field(repr=False)
    api_url: str = PUBLIC_API
    """`GITHUB_API_URL`: `https://api.github.com` or `https://HOST/api/v3`."""
    run_id: int = 0
    """The workflow run this process belongs to; 0 outside Actions."""
    paused: bool = False
    """The Actions variable AI_READY_PAUSED."""
    workflow: str = CALLER_WORKFLOW
    """File name (or id) of the caller workflow that `Dispatch` starts."""


class ActionGitHub:
    """`Reader` and `Writer` (bot.github.ports). Not thread-safe; one per process."""

    def __init__(self, access: Access, *, timing: Timing | None = None) -> None:
        self._access = access
        self._ids = NodeIds()
        self._courier = Courier(PyGithubWire(access.api_url, access.token), timing or Timing())

    def snapshot(self, *, focus: Iterable[int] = (), now: datetime) -> Snapshot:
        """The whole repository, `focus` in detail: one request where it has at most 100 open issues. Raises GitHubError."""
        return self._courier.tell(read_snapshot(self._wanted(now, focus), self._ids))

    def issue_snapshot(self, number: int, *, now: datetime, prerequisites: bool = True) -> Snapshot:
        """One issue with its branches, pull requests, claim and prerequisites, and the titles of all open issues.

        Other issues' details, the day's runs and dispatched runs are left out. `prerequisites=False` (publish) leaves
        out what it waits for and the open issues too: always one request. Raises GitHubError.
        """
        wanted = self._wanted(now, (number,), everything=False, prerequisites=prerequisites)
        return self._courier.tell(read_snapshot(wanted, self._ids))

    def permission(self, actor: Actor) -> Permission:
        """What `actor` may do, by numeric id; NONE for bots, ghosts and strangers, UNKNOWN when it can't be read."""
        if actor.is_bot or not actor.id or not actor.login:
            return Permission.NONE
        login = quote(actor.login, safe="")
        answer = self._courier.send(get(f"/repos/{self._access.repo}/collaborators/{login}/permission"))
        if answer.status == 404:
            return Permission.NONE
        return read.permission(answer.body, actor) if answer.ok else Permission.UNKNOWN

    def standings(self, refs: Iterable[Ref]) -> dict[Ref, Standing]:
        """What is known of these issues or pull requests, anywhere; a hundred in one request."""
        return self._courier.tell(read_standings(tuple(refs)))

    def branch_oid(self, branch: str) -> str:
        """The commit a branch is at; empty when there is no such branch. Raises GitHubError."""
        answer = self._courier.send(get(f"/repos/{self._access.repo}/git/ref/heads/{quote(branch)}"))
        if answer.status in (404, 409):  # 409: the repository is empty
            return ""
        if not answer.ok or not isinstance(answer.body, dict):
            raise answer.error(f"read the branch {branch}")
        return str(answer.body["object"]["sha"])

    def apply(self, effects: Sequence[Effect], snapshot: Snapshot) -> tuple[Applied, ...]:
        """Do `effects` in order, neighbours in one request; one `Applied` each. Never raises for GitHub's no."""
        place = Place(snapshot, self._ids, self._access.workflow)
        return self._courier.tell(apply_effects(effects, place))

    def _wanted(
        self, now: datetime, focus: Iterable[int], *, everything: bool = True, prerequisites: bool = True
    ) -> Wanted:
        return Wanted(
            repo=self._access.repo,
            now=now.astimezone(UTC),
            focus=tuple(sorted(set(focus))),
            everything=everything,
            prerequisites=prerequisites,
            run_id=self._access.run_id,
            workflow=self._access.workflow,
            paused=self._access.paused,
        )


class PyGithubWire:
    """Sends one request through PyGithub's requester, once, and never lets a token into an error."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._requester: Requester | None = None

    def send(self, request: Request) -> Answer:
        """See `courier.Wire`."""
        from requests.exceptions import RequestException  # noqa: PLC0415 - see the module's docstring

        requester = self._open()
        url = requester.graphql_url if request.path == GRAPHQL else request.path
        try:
            status, headers, text = requester.requestJson(request.verb, url, input=request.body)
        except RequestException:
            return Answer(0)
        return answer_of(status, headers, text if isinstance(text, str) else "")

    def _open(self) -> "Requester":
        if self._requester is None:
            if not self._token:
                raise GitHubError("There is no GitHub token: set GITHUB_TOKEN.", status=401)
            pygithub = import_pygithub()
            client = pygithub.Github(
                base_url=self._api_url,
                auth=pygithub.Auth.Token(self._token),
                timeout=TIMEOUT,
                user_agent="ai-ready-bot",
                retry=None,
                seconds_between_requests=0,
                seconds_between_writes=0,
                lazy=True,
            )
            self._requester = client.requester
        return self._requester


def answer_of(status: int, headers: Mapping[str, Any], text: str) -> Answer:
    """An HTTP answer as data. 2xx that isn't JSON (a proxy's page) counts as no answer from GitHub: 502."""
    try:
        body = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return Answer(502 if status < 400 else status, {"message": f"GitHub's answer ({status}) is not JSON"})
    if status == 200 and isinstance(body, dict) and any(_limited(error) for error in body.get("errors") or ()):
        # GraphQL says so with 200: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        return Answer(429, body, _wait(headers))
    limited = status == 429 or (status == 403 and _says_limit(headers, body))
    return Answer(status, body, _wait(headers) if limited else None)


def _limited(error: Any) -> bool:
    return isinstance(error, dict) and error.get("type") == "RATE_LIMITED"


def _says_limit(headers: Mapping[str, Any], body: Any) -> bool:
    message = str(body.get("message") or "").lower() if isinstance(body, dict) else ""
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in message


def _wait(headers: Mapping[str, Any]) -> float:
    """Seconds to wait: `Retry-After`, else until the primary limit's reset, else a minute.

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
        return NO_HEADER_WAIT
    return NO_HEADER_WAIT
