"""Who is asking and what they may do: personal, job, App (JWT) and installation tokens, with GitHub's refusals.

https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps says what each request needs.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from bot.sandbox.errors import Refused
from bot.sandbox.records import ROLES, App, Installation, Issue, Repo, Role, TokenKind, User

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

LEVELS = ("none", "read", "write", "admin")
JWT_SECONDS = 600
"""GitHub refuses App JWTs that live longer."""
CLOCK_SLACK = 60
"""Seconds by which the asker's clock may be off."""

_NEEDS: Mapping[tuple[str, str], Role] = {
    ("issues", "write"): "triage",
    ("pull_requests", "write"): "triage",
    ("contents", "write"): "write",
    ("actions", "write"): "write",
    ("variables", "write"): "write",
    ("actions_variables", "read"): "write",
    ("administration", "write"): "admin",
    ("repository_hooks", "read"): "admin",
    ("repository_hooks", "write"): "admin",
}
"""The role a person needs where it is more than `read`."""


@dataclass(eq=False, slots=True)
class Token:
    """A credential. Everything the sandbox does is done by one (`Hub.person(login)` makes one for helpers and pages)."""

    kind: TokenKind
    user: User
    value: str = field(default="", repr=False)
    permissions: dict[str, str] = field(default_factory=dict)
    """Only for `job` and `installation`: area → read | write; what is absent is none (`metadata` is always read)."""
    repo: Repo | None = None
    """`job`: the one repository."""
    repos: tuple[Repo, ...] | None = None
    """`installation`: the chosen subset."""
    app: App | None = None
    installation: Installation | None = None
    expires_at: datetime | None = None
    revoked: bool = False
    job: str = ""
    """`job`: a name for the request log, e.g. `gate`."""
    run_id: int = 0
    """`job`: the workflow run it belongs to."""

    @property
    def is_integration(self) -> bool:
        """True for tokens whose rights are a list of permissions, not a person's role."""
        return self.kind in ("job", "installation", "app")

    def ended(self, now: datetime) -> bool:
        """Revoked, expired, or its App was uninstalled."""
        gone = self.installation is not None and self.installation not in self.installation.app.installations
        return self.revoked or gone or (self.expires_at is not None and self.expires_at <= now)

    def sees(self, repo: Repo) -> bool:
        """Whether `repo` exists for this token."""
        return not repo.private or self.reaches(repo)

    def reaches(self, repo: Repo) -> bool:
        """Whether its rights are about `repo` at all (a public repository can be seen from outside too)."""
        if self.kind == "job":
            return self.repo is repo
        if self.kind == "installation" and self.installation is not None:
            return self.installation.covers(repo) and (self.repos is None or repo in self.repos)
        if self.kind in ("person", "pat"):
            return repo.role(self.user) != "none"
        return False

    def may(self, repo: Repo, area: str, level: str, *, anyone: bool = False) -> bool:
        """Whether `require` would let it pass."""
        if self.is_integration:
            if not self.reaches(repo):
                return level == "read" and self.sees(repo)
            granted = "read" if area == "metadata" else self.permissions.get(area, "none")
            return LEVELS.index(granted) >= LEVELS.index(level)
        if self.kind == "anonymous":
            return level == "read" and not repo.private and area not in ("repository_hooks", "actions_variables")
        needed: Role = "read" if anyone else _NEEDS.get((area, level), "read")
        return ROLES.index(repo.role(self.user)) >= ROLES.index(needed)

    def require(self, repo: Repo, area: str, level: str, *, anyone: bool = False) -> None:
        """Let `level` (read | write) of `area` (`issues`, `contents`, `pull_requests`, `actions`, …) pass, or refuse.

        `anyone`: what every reader may do (open an issue, comment, react, change what is theirs).
        Raises `Refused`: 404 for a repository that the token can't see, else 401 or 403 in GitHub's words.
        """
        if not self.sees(repo):
            raise Refused(404, "Not Found")
        if self.may(repo, area, level, anyone=anyone):
            return
        if self.kind == "anonymous":
            raise Refused(401, "Requires authentication")
        if self.is_integration:
            raise Refused(403, "Resource not accessible by integration")
        raise Refused(403, "Must have admin rights to Repository.")

    def require_on(self, issue: Issue, level: str, *, anyone: bool = False) -> None:
        """`require` for an issue. To read a pull request either `issues` or `pull_requests` will do; to write there, an
        integration needs the latter, whatever the documentation of the endpoints for issues says.

        https://github.com/github/rest-api-description/issues/6994
        """
        writes = level == "write" and self.is_integration
        on_pull = issue.pull is not None and (writes or self.may(issue.repo, "pull_requests", level, anyone=anyone))
        self.require(issue.repo, "pull_requests" if on_pull else "issues", level, anyone=anyone)


class Tokens:
    """Makes tokens and finds them again."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._by_value: dict[str, Token] = {}

    def anonymous(self) -> Token:
        """Nobody: reads public things over REST."""
        return Token("anonymous", self._hub.ghost)

    def acting_as(self, user: User) -> Token:
        """`user` by hand, or the bot behind an App or Actions (for events that nobody asked for by request)."""
        return Token("job" if user is self._hub.actions_bot else "person", user)

    def personal(self, user: User) -> Token:
        """A classic personal token: everything the person may do."""
        return self._keep(Token("pat", user, f"ghp_{secrets.token_hex(18)}"))

    def for_job(self, repo: Repo, permissions: Mapping[str, str], *, job: str = "", run_id: int = 0) -> Token:
        """A GITHUB_TOKEN with exactly `permissions` (workflow spelling works too: `pull-requests`). Revoke it after."""
        granted = {area.replace("-", "_"): level for area, level in permissions.items()}
        bot = self._hub.actions_bot
        return self._keep(Token("job", bot, _long_token(15368), granted, repo=repo, job=job, run_id=run_id, app=None))

    def for_installation(
        self,
        installation: Installation,
        *,
        repos: tuple[Repo, ...] | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> Token:
        """An installation token: one hour, at most the installation's own rights (422 beyond)."""
        for area, level in (permissions or {}).items():
            if LEVELS.index(level) > LEVELS.index(installation.permissions.get(area, "none")):
                raise Refused(422, "The permissions requested are not granted to this installation.")
        for repo in repos or ():
            if not installation.covers(repo):
                raise Refused(422, "There is at least one repository that does not exist or is not accessible.")
        granted = dict(permissions) if permissions else dict(installation.permissions)
        granted.setdefault("metadata", "read")
        return self._keep(
            Token(
                "installation",
                installation.app.bot,
                _long_token(installation.app.id),
                granted,
                repos=repos,
                app=installation.app,
                installation=installation,
                expires_at=self._hub.now() + timedelta(hours=1),
            )
        )

    def revoke(self, token: Token) -> None:
        """End it: 401 from now on."""
        token.revoked = True

    def authenticate(self, header: str | None) -> Token:
        """The token of an `Authorization` header (`token`, `bearer`, `basic`). Raises `Refused` 401 for a bad one."""
        if not header:
            return self.anonymous()
        scheme, _, rest = header.strip().partition(" ")
        value = rest.strip()
        if scheme.lower() == "basic":
            value = _basic_password(value)
        if scheme.lower() not in ("token", "bearer", "basic") or not value:
            raise Refused(401, "Bad credentials")
        if value.startswith("eyJ"):
            return self._app_token(value)
        token = self._by_value.get(value)
        if token is None or token.ended(self._hub.now()):
            raise Refused(401, "Bad credentials")
        if token.installation is not None and token.installation.suspended:
            raise Refused(403, "This installation has been suspended")
        return token

    def _keep(self, token: Token) -> Token:
        with self._hub.lock:
            self._by_value[token.value] = token
        return token

    def _app_token(self, value: str) -> Token:
        """Check an App's JWT as GitHub does: RS256 by the App's key, `exp` ≤ 10 minutes ahead, `iat` not in the future.

        https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
        """
        try:
            issuer = str(jwt.decode(value, options={"verify_signature": False}).get("iss", ""))
        except jwt.InvalidTokenError:
            raise Refused(401, "A JSON web token could not be decoded") from None
        app = next((app for app in self._hub.apps.values() if issuer in (str(app.id), app.client_id)), None)
        if app is None:
            raise Refused(401, "Integration not found")
        options = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss"]}
        try:
            claims = jwt.decode(value, app.public_pem, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            raise Refused(401, "A JSON web token could not be decoded") from None
        self._check_times(float(claims["iat"]), float(claims["exp"]))
        return Token("app", app.bot, value, app=app)

    def _check_times(self, issued: float, expires: float) -> None:
        now = self._hub.now().timestamp()
        words = "'Expiration time' claim ('exp') "
        if expires <= now:
            raise Refused(
                401, f"{words}must be a numeric value representing the future time at which the assertion expires"
            )
        if expires - now > JWT_SECONDS + CLOCK_SLACK:
            raise Refused(401, f"{words}is too far in the future")
        if issued > now + CLOCK_SLACK:
            words = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            raise Refused(401, words)


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        raise Refused(401, "Bad credentials") from None


def _long_token(app_id: int) -> str:
    """A token in the 2026 shape `ghs_<appid>_<jwt>`, about 520 characters (the JWT's content is opaque to clients)."""
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    return f"ghs_{app_id}_{header}.{secrets.token_urlsafe(95)}.{secrets.token_urlsafe(256)}"


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(UTC)
