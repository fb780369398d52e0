"""Who sets up: a person, with the token of the environment or of `gh`."""

import re
import subprocess
from typing import Final
from urllib.parse import urlsplit

import httpx

from bot.config import PersonEnv
from bot.core.secret import Secret
from bot.errors import UsageError
from bot.github.action_client import TIMEOUT, PyGithubWire
from bot.github.answers import answer_of
from bot.github.courier import Courier, Timing
from bot.github.exchange import Answer, Request

GH_SECONDS: Final = 20
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")


def persons_token(env: PersonEnv) -> Secret:
    """GITHUB_TOKEN, else what `gh auth token` says for this GitHub. Raises `UsageError`."""
    token = env.token or _of_gh(urlsplit(env.server_url).netloc)
    if not token:
        raise UsageError("There is no token to act with: run `gh auth login`, or set GITHUB_TOKEN.")
    return token


def persons_courier(env: PersonEnv, token: Secret) -> Courier:
    """GitHub, as that person."""
    return Courier(PyGithubWire(env.api_url, token.reveal()), Timing())


def repository_name(text: str) -> str:
    """`owner/name`, checked. Raises `UsageError`."""
    if not _REPOSITORY.fullmatch(text):
        raise UsageError("--repo has to be owner/name.")
    return text


def _of_gh(host: str) -> Secret:
    try:
        done = subprocess.run(
            ("gh", "auth", "token", "--hostname", host),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=GH_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Secret("")
    return Secret(done.stdout.strip() if done.returncode == 0 else "")


class NobodysWire:
    """Sends requests without a token, once: a manifest's code and a public page need none."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url.rstrip("/")

    def send(self, request: Request) -> Answer:
        """See `courier.Wire`. A path that is an address goes there."""
        url = request.path if "://" in request.path else self._api_url + request.path
        try:
            answer = httpx.request(
                request.verb,
                url,
                headers={"Accept": "application/vnd.github+json", "User-Agent": "ai-ready-bot"},
                timeout=TIMEOUT,
                follow_redirects=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(0)
        return answer_of(answer.status_code, dict(answer.headers), answer.text)
