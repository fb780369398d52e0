"""Who we are to GitHub as an App: its private key, the JWT signed with it, and installation tokens got for that.

An installation token is asked for the one repository and the permissions that we need, kept until shortly before it
ends, and replaced once when GitHub refuses it earlier (it was revoked, or our clock is off).
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.core.secret import Secret
from bot.errors import ConfigError
from bot.github.app_wire import Reply
from bot.github.courier import Wire
from bot.github.exchange import Answer, Request

BACKDATED = timedelta(seconds=60)
JWT_LIFE = timedelta(minutes=9)
"""From now; GitHub allows ten minutes by its own clock."""
JWT_SPARE = timedelta(minutes=1)
TOKEN_SPARE = timedelta(minutes=5)
"""A token is replaced this long before it ends, so that it doesn't end in the middle of something."""
SHORTEST_USE = timedelta(minutes=1)
"""A token that seems to end at once (our clock is off) is used for this long all the same."""

PERMISSIONS: Final = MappingProxyType(
    {"actions": "write", "contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
)
"""What a pass over a repository needs."""
WELCOME: Final = MappingProxyType({"checks": "read", "actions_variables": "read"})
"""What it does without where nobody has accepted it, the last one first: an App that was made earlier goes on as it was.

`checks` is what `pull_request.fix_ci` looks at, `actions_variables` the pause.
"""
LOOK_AROUND: Final = MappingProxyType({"metadata": "read"})
"""What it takes to list an installation's repositories."""
READ_RUNS: Final = MappingProxyType({"actions": "read", "pull_requests": "read", "metadata": "read"})
"""What it takes to show what a run left."""
_LEVELS = {"read": 1, "write": 2, "admin": 3}
TRY_AGAIN = 1.0
"""Seconds after which a token is asked for again, where GitHub had no answer."""


# ------------------------------------------------------------------------------------------ private key


def app_key(text: Secret, path: Path | None = None) -> Secret:
    """The App's private key in PEM, checked: from `text`, or from the file at `path` where there is one.

    `text` may have CRLF, or a backslash and an n, for its line ends.

    Raises:
        ConfigError: one sentence on what is wrong with it; never a part of it.
    """
    where = "AI_READY_PRIVATE_KEY"
    if path is None and not text:
        raise ConfigError(f"{where} is not set, nor is {where}_PATH: give the App's private key in one of them.")
    if path is not None:
        where, text = str(path), _file_text(path)
    pem = text.reveal().replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    if "PRIVATE KEY-----" not in pem:
        wrong = "a public key or a certificate" if "-----BEGIN " in pem else "no private key in PEM format"
        raise ConfigError(f"{where} holds {wrong}: give the .pem file that GitHub made for the App, whole.")
    if "ENCRYPTED" in pem:
        raise ConfigError(f"{where} is encrypted: give the App's key without a passphrase.")
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{where} can't be read as a private key: it is damaged, or not whole.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{where} is not an RSA key: GitHub Apps have RSA keys.")
    return Secret(pem)


def _file_text(path: Path) -> Secret:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            raise ConfigError(f"{path} is a folder: name the App's .pem file in it.")
        if mode & 0o077:
            raise ConfigError(f"Others can read the App's private key (mode {mode:04o}): run `chmod 600 {path}`.")
        return Secret(path.read_text())
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a private key in PEM format.") from None
    except OSError as error:
        raise ConfigError(f"The App's private key {path} can't be read: {error.strerror}.") from None


# ------------------------------------------------------------------------------------------------- clock


class Clock:
    """Our wall clock, put right by GitHub's once they turned out to differ."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._behind = timedelta()

    def now(self) -> datetime:
        """The time by GitHub's clock, as far as we know."""
        return self._now() + self._behind

    def correct(self, theirs: datetime) -> None:
        """Take the time that GitHub says it is."""
        self._behind = theirs - self._now()


def said_at(reply: Reply) -> datetime | None:
    """When GitHub says that it answered."""
    try:
        return parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return None


# --------------------------------------------------------------------------------------------- as the App


class AppJwt:
    """The App itself (`app_wire.Credentials`). Thread-safe."""

    installation_id = 0

    def __init__(self, app_id: str, key: Secret, clock: Clock) -> None:
        self._app_id = app_id
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._made = Secret("")
        self._signed: datetime | None = None
        """By the clock of then."""

    def token(self) -> Secret:
        """A JWT that is good for at least a minute."""
        with self._lock:
            if self._signed is None or not self._signed <= self._clock.now() < self._signed + JWT_LIFE - JWT_SPARE:
                self._sign()
            return self._made

    def renew(self, refused: Secret, reply: Reply) -> Secret | None:
        """Another one, where GitHub refused `refused` for its times, and they are none by its own clock; else None."""
        untimely = any(claim in reply.text for claim in ("'Issued at'", "'Expiration time'"))
        with self._lock:
            if self._made != refused or self._signed is None:
                return self._made
            theirs = said_at(reply) if untimely else None
            if theirs is None or self._signed - BACKDATED <= theirs < self._signed + JWT_LIFE:
                return None
            self._clock.correct(theirs)
            self._sign()
            return self._made

    def _sign(self) -> None:
        now = self._clock.now()
        claims = {"iat": int((now - BACKDATED).timestamp()), "exp": int((now + JWT_LIFE).timestamp())}
        signed = jwt.encode(claims | {"iss": self._app_id}, self._key.reveal(), algorithm="RS256")
        self._made, self._signed = Secret(signed), now


# -------------------------------------------------------------------------------------- as an installation


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is to be good for."""

    installation_id: int
    repository_id: int = 0
    """0: every repository of the installation."""
    permissions: Mapping[str, str] = field(default_factory=lambda: PERMISSIONS)
    welcome: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Asked for as well, and done without where they are not granted, the last one first."""


class InstallationToken:
    """One installation, seen narrowly (`app_wire.Credentials`). Thread-safe."""

    def __init__(self, grant: Grant, app: Wire, clock: Clock) -> None:
        self._grant = grant
        self._app = app
        self._clock = clock
        self._lock = threading.Lock()
        self._made = Secret("")
        self._until: datetime | None = None

    @property
    def installation_id(self) -> int:
        """Whose limits its requests count against."""
        return self._grant.installation_id

    def token(self) -> Secret | Answer:
        """A token that is good for some minutes; an `Answer` where GitHub gives none."""
        with self._lock:
            if self._until is not None and self._clock.now() < self._until:
                return self._made
            return self._get()

    def renew(self, refused: Secret, reply: Reply) -> Secret | Answer:  # noqa: ARG002 - any 401 will do
        """Another token, as GitHub does not take `refused` (any more)."""
        with self._lock:
            return self._made if self._made != refused else self._get()

    def _get(self) -> Secret | Answer:
        self._made, self._until = Secret(""), None
        welcome = list(self._grant.welcome.items())
        answer = self._ask({**self._grant.permissions, **dict(welcome)})
        while answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and welcome:
            del welcome[-1]
            answer = self._ask({**self._grant.permissions, **dict(welcome)})
        if not answer.ok or not isinstance(answer.body, dict):
            return _in_our_words(answer)
        lacking = self._lacking(answer.body.get("permissions"))
        if lacking:
            return Answer(403, {"message": f"the App lacks the permission {lacking}: grant it, and accept it where the App is installed"})  # fmt: skip
        self._made = Secret(str(answer.body["token"]))
        ends = datetime.fromisoformat(str(answer.body["expires_at"]))
        self._until = max(ends - TOKEN_SPARE, self._clock.now() + SHORTEST_USE)
        return self._made

    def _ask(self, permissions: Mapping[str, str]) -> Answer:
        body: dict[str, object] = {"permissions": dict(permissions)}
        if self._grant.repository_id:
            body["repository_ids"] = [self._grant.repository_id]
        return self._app.send(Request("POST", f"/app/installations/{self._grant.installation_id}/access_tokens", body))

    def _lacking(self, granted: object) -> str:
        """The first permission that the token hasn't; empty: it has all of them (or doesn't say)."""
        if not isinstance(granted, dict):
            return ""
        for area, level in self._grant.permissions.items():
            if _LEVELS.get(str(granted.get(area)), 0) < _LEVELS[level]:
                return f"{area}: {level}"
        return ""


_WORDS: Final = {
    401: "GitHub does not take the App's key (check AI_READY_APP_ID and the private key)",
    404: "the App is not installed there any more",
    422: "the App may not reach this repository, or lacks a permission (accept it where the App is installed)",
}


def _in_our_words(answer: Answer) -> Answer:
    """Why there is no token, so that the sentence says what to do; GitHub's words go with it.

    Where GitHub had no answer, what the token was for was not sent, whatever it is: it may be sent a little later, as
    after a rate limit.
    """
    if answer.status in _WORDS:
        return Answer(answer.status, {"message": f"{_WORDS[answer.status]}: {answer.message}"})
    if answer.ambiguous or answer.ok:
        return Answer(503, {"message": f"no token for the App: {answer.message}"}, retry_after=TRY_AGAIN)
    return answer
