"""Requests of the App over githubkit: one pool of connections for all threads, a token for each request.

githubkit carries addresses, proxies, TLS and connections. Its typed models, cache, retries and rate limits are not used
(`courier` has patience of its own), nor its App strategies: they keep a token that GitHub no longer takes until it would have
ended, share nothing between threads, and can't be told that the clock is off.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx
from githubkit import GitHub, UnauthAuthStrategy
from githubkit.exception import RequestError

from bot.core.secret import Secret
from bot.github.answers import answer_of
from bot.github.courier import Timing
from bot.github.exchange import GRAPHQL, Answer, Request, get

TIMEOUT = 30.0
"""Seconds for one answer; GitHub itself gives up after 10."""
REDIRECTS = 3
DOWNLOAD_SECONDS = 60.0
"""For all of a file; `TIMEOUT` is for each piece of it."""


class Observer(Protocol):
    """Is told what is sent: numbers and fixed words only."""

    def request(self, kind: str, status: int) -> None:
        """GitHub was asked; `status` 0: no answer."""
        ...

    def remaining(self, installation_id: int, left: int, reset: float) -> None:
        """How many requests an installation has left until `reset` (seconds since the epoch); 0: the App itself."""
        ...

    def waited(self, seconds: float) -> None:
        """A write waited for its turn."""
        ...


class Credentials(Protocol):
    """In whose name requests go out. Thread-safe."""

    @property
    def installation_id(self) -> int:
        """Whose limits they count against; 0: the App's own."""
        ...

    def token(self) -> Secret | Answer:
        """The token to send; an `Answer` where there is none to be had."""
        ...

    def renew(self, refused: Secret, reply: "Reply") -> Secret | Answer | None:
        """After a 401: another token, or why there is none; None: another one would not help."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, unjudged. Status 0: nothing."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False)


class _Pooled(GitHub[UnauthAuthStrategy]):
    """githubkit makes a client, and with it a connection, for each request of each thread: here it is one for all."""

    def __init__(self, api_url: str) -> None:
        super().__init__(
            UnauthAuthStrategy(),
            base_url=api_url,
            user_agent="ai-ready-bot",
            timeout=TIMEOUT,
            follow_redirects=False,
            auto_retry=False,
            http_cache=False,
        )
        self._pool = self._create_sync_client()

    @contextmanager
    def get_sync_client(self) -> Generator[httpx.Client, None, None]:
        """The one client (httpx's is thread-safe); it stays open."""
        yield self._pool

    def exchange(self, verb: str, url: str, *, body: Any, authorization: str) -> httpx.Response:
        """Send it once; whatever comes back. Raises githubkit's `RequestError`."""
        return self._request(verb, url, json=body, headers={"Authorization": authorization})

    def close(self) -> None:
        self._pool.close()


class Connection:
    """The way to one GitHub. Thread-safe; `close` it."""

    def __init__(self, api_url: str, observer: Observer, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._api_url = api_url.rstrip("/")
        self._github = _Pooled(self._api_url)
        self._observer = observer

    def exchange(self, request: Request, token: Secret, *, installation_id: int) -> Reply:
        """Send a request, after redirects (a renamed repository) to where it belongs.

        A redirect was decided before anything was done, so a write goes on as the write it is; never to another host.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        # github.com has /graphql beside REST's root, an Enterprise Server /api/graphql beside /api/v3.
        url = (
            self._api_url.removesuffix("/v3") + "/graphql" if request.path == GRAPHQL else self._api_url + request.path
        )
        reply = Reply(0)
        for _ in range(1 + REDIRECTS):
            reply = self._send(request, url, token)
            self._observer.request(f"{request.verb} {kind_of(request.path)}", reply.status)
            self._note_limits(installation_id, reply.headers)
            location = reply.headers.get("location") if reply.status in (301, 302, 307, 308) else None
            target = urljoin(url, location) if location else ""
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                break
            url = target
        return reply

    def download(self, path: str, token: Secret, most: int, *, installation_id: int) -> bytes | Answer:
        """The file to which GitHub sends us on from `path`. 413: it is larger than `most`.

        It lies with somebody else, who must not see our token and has put what lets us in into the address.
        """
        request = get(path)
        reply = self._send(request, self._api_url + path, token)
        self._observer.request(f"{request.verb} {kind_of(path)}", reply.status)
        self._note_limits(installation_id, reply.headers)
        address = reply.headers.get("location") if reply.status == HTTPStatus.FOUND else None
        if address is None or urlsplit(address).scheme not in ("https", urlsplit(self._api_url).scheme):
            return answer_of(reply.status, reply.headers, reply.text) if reply.status >= 400 else Answer(0)
        return self._fetched(address, most)

    def _fetched(self, address: str, most: int) -> bytes | Answer:
        end, got = self._timing.monotonic() + DOWNLOAD_SECONDS, bytearray()
        headers = {"accept-encoding": "identity"}  # packed twice, it could be any size
        try:
            with httpx.stream("GET", address, headers=headers, timeout=TIMEOUT) as response:
                if response.status_code != HTTPStatus.OK:
                    return Answer(response.status_code)
                for piece in response.iter_raw():
                    got += piece
                    if len(got) > most:
                        return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                    if self._timing.monotonic() > end:
                        return Answer(0)
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(0)
        return bytes(got)

    def close(self) -> None:
        """Let go of the connections."""
        self._github.close()

    def _send(self, request: Request, url: str, token: Secret) -> Reply:
        asked = self._timing.monotonic()
        try:
            response = self._github.exchange(
                request.verb, url, body=request.body, authorization=f"Bearer {token.reveal()}"
            )
        except RequestError:
            return Reply(0)
        self._timing.heard(response.headers.get("date", ""), self._timing.monotonic() - asked)
        return Reply(response.status_code, response.headers, token.out_of(response.text))

    def _note_limits(self, installation_id: int, headers: Mapping[str, str]) -> None:
        left, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if left.isdecimal() and reset.isdecimal():
            self._observer.remaining(installation_id, int(left), float(reset))


class AppWire:
    """A `courier.Wire`: sends in somebody's name, with one fresh token and one more try where that is refused."""

    def __init__(self, connection: Connection, credentials: Credentials) -> None:
        self._connection = connection
        self._credentials = credentials

    def send(self, request: Request) -> Answer:
        """See `courier.Wire`. A 401 was decided before anything was done: a write may be sent again after it."""
        token = self._credentials.token()
        if isinstance(token, Answer):
            return token
        reply = self._exchange(request, token)
        if reply.status == 401:
            fresh = self._credentials.renew(token, reply)
            if isinstance(fresh, Answer):
                return fresh
            if fresh is not None:
                reply = self._exchange(request, fresh)
        return answer_of(reply.status, reply.headers, reply.text) if reply.status else Answer(0)

    def download(self, path: str, most: int) -> bytes | Answer:
        """The file behind `path`, which is not on GitHub itself; an `Answer`: why it can't be had."""
        token = self._credentials.token()
        if isinstance(token, Answer):
            return token
        return self._connection.download(path, token, most, installation_id=self._credentials.installation_id)

    def _exchange(self, request: Request, token: Secret) -> Reply:
        return self._connection.exchange(request, token, installation_id=self._credentials.installation_id)


_PLAIN = frozenset(
    [
        "access_tokens",
        "actions",
        "app",
        "artifacts",
        "assignees",
        "attempts",
        "cancel",
        "check-runs",
        "collaborators",
        "commits",
        "config",
        "deliveries",
        "dispatches",
        "files",
        "git",
        "graphql",
        "heads",
        "hook",
        "installation",
        "installations",
        "issues",
        "labels",
        "permission",
        "permissions",
        "pulls",
        "ref",
        "refs",
        "repos",
        "repositories",
        "runs",
        "users",
        "workflows",
        "zip",
    ]
)


def kind_of(path: str) -> str:
    """The path without names, numbers and query, for counting: `/repos/*/*/actions/runs/*`."""
    parts = path.partition("?")[0].strip("/").split("/")
    private = {1, 2} if parts[0] == "repos" else set[int]()
    shown = (part if part in _PLAIN and index not in private else "*" for index, part in enumerate(parts))
    return "/" + "/".join(shown)
