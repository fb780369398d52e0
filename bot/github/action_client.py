"""GitHub for the Action and the laptop: `Reader` and `Writer` on PyGithub.

PyGithub carries addresses, authentication, proxies and connections; what is asked is in `gather`, what is done in
`apply`, patience in `courier` (PyGithub's own retries repeat every POST and sleep where no test can reach: off).
Importing PyGithub takes longer than everything else `gate` does before its first answer, so it happens at the first
request, not here.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.core.names import CALLER_WORKFLOW
from bot.core.rounds import FailedJob
from bot.core.secret import Secret
from bot.errors import GitHubError
from bot.github.answers import answer_of
from bot.github.courier import Courier, Timing
from bot.github.exchange import GRAPHQL, Answer, Request
from bot.github.failed_jobs import read_failed_jobs, with_log
from bot.github.job_log import end_of_log
from bot.github.late import import_pygithub
from bot.github.repository_client import RepositoryClient
from bot.github.wanted import Scope

if TYPE_CHECKING:
    from github.Requester import Requester

TIMEOUT = 30
"""Seconds for one answer; GitHub itself gives up after 10."""
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
    own_ids: frozenset[int] = frozenset()
    """User ids whose comments are ours, besides the token's own: the server's bot, where a server hosts the planner."""


class ActionGitHub(RepositoryClient):
    """One repository, with a job's or a person's token. Not thread-safe; one per process."""

    def __init__(self, access: Access, *, timing: Timing | None = None) -> None:
        scope = Scope(
            access.repo,
            run_id=access.run_id,
            paused=access.paused,
            workflow=access.workflow,
            own_ids=access.own_ids,
            reviews=bool(access.own_ids),
        )
        super().__init__(scope, Courier(PyGithubWire(access.api_url, access.token), timing or Timing()))
        self._access = access

    def failed_jobs(self, oid: str) -> tuple[FailedJob, ...]:
        """The jobs of the repository's own CI that failed on a commit, as far as GitHub lets us see them."""
        found = self._courier.tell(read_failed_jobs(self._repo, oid, workflow=self._access.workflow))
        return tuple(with_log(failed, self._end_of_log(job)) for job, failed in found)

    def _end_of_log(self, job: int) -> str:
        address = f"{self._access.api_url.rstrip('/')}/repos/{self._repo}/actions/jobs/{job}/logs"
        return end_of_log(address, Secret(self._access.token))


class PyGithubWire:
    """Sends one request through PyGithub's requester, once, and never lets a token into an error."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = Secret(token)
        self._requester: Requester | None = None

    def send(self, request: Request) -> Answer:
        """See `courier.Wire`."""
        from requests.exceptions import RequestException  # noqa: PLC0415 - see the module's docstring

        requester = self._open()
        url = requester.graphql_url if request.path == GRAPHQL else request.path
        try:
            status, headers, text = requester.requestJson(request.verb, url, input=request.body)
        except (RequestException, RuntimeError):  # PyGithub's RuntimeError: GitHub's address leads somewhere else
            return Answer(0)
        return answer_of(status, headers, self._token.out_of(text) if isinstance(text, str) else "")

    def _open(self) -> "Requester":
        if self._requester is None:
            if not self._token:
                raise GitHubError("There is no GitHub token: set GITHUB_TOKEN.", status=401)
            if not self._token.is_sendable:
                raise GitHubError("GITHUB_TOKEN has characters that no token has: set it anew.", status=401)
            pygithub = import_pygithub()
            client = pygithub.Github(
                base_url=self._api_url,
                auth=pygithub.Auth.Token(self._token.reveal()),
                timeout=TIMEOUT,
                user_agent="ai-ready-bot",
                retry=None,
                seconds_between_requests=0,
                seconds_between_writes=0,
                lazy=True,
            )
            self._requester = client.requester
        return self._requester
