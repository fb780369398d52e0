"""What the App is: its rights, its events, and the manifest from which GitHub makes it. Pure.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bot.core.model import Json
from bot.core.secret import Secret
from bot.errors import GitHubError, UsageError

PERMISSIONS: Final = {
    "actions": "write",
    "actions_variables": "read",
    "checks": "read",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
"""`checks` is there for `pull_request.fix_ci`, `actions_variables` (*Variables* in the settings) for the pause."""

EVENTS: Final = (
    "check_suite",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "pull_request",
    "pull_request_review",
    "repository",
    "sub_issues",
    "workflow_run",
)
"""`installation` and `installation_repositories` come by themselves; a manifest that names them is refused."""

LONGEST_NAME: Final = 34
"""GitHub's limit, and no two Apps of one GitHub may have the same name."""

WEBHOOK_PATH: Final = "/webhook"
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def manifest(name: str, public_url: str, redirect_url: str, homepage: str) -> Json:
    """The manifest. Without a `public_url` the App has no webhook: the server polls.

    GitHub wants `hook_attributes.url` whenever there are hook attributes, also when they say that it is not active; and
    events without a webhook mean nothing. So both are left out then.
    """
    made: Json = {
        "name": name,
        "url": homepage,
        "redirect_url": redirect_url,
        "description": "Runs headless Claude on issues whose prerequisites have closed, and opens draft pull requests.",
        "public": False,
        "default_permissions": PERMISSIONS,
    }
    if public_url:
        made["hook_attributes"] = {"url": public_url + WEBHOOK_PATH, "active": True}
        made["default_events"] = list(EVENTS)
    return made


def checked_url(text: str, api_url: str) -> str:
    """The public address of the server, without a slash at the end. Raises `UsageError`."""
    url = text.strip().rstrip("/").removesuffix(WEBHOOK_PATH)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"--url has to be an address such as https://bot.example.com, not {text!r}.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or port == 0:
        raise UsageError(f"--url has to be an address such as https://bot.example.com, not {text!r}.")
    if parts.username or parts.password:
        raise UsageError("--url carries a user name or a password; leave that out, the webhook is signed.")
    local = urlsplit(api_url).hostname in _LOOPBACK
    if not local and parts.hostname in _LOOPBACK:
        raise UsageError(
            f"GitHub can't reach {parts.hostname}: give the server's public address, or leave --url out and poll."
        )
    if not local and parts.scheme != "https":
        raise UsageError("--url has to begin with https://: the deliveries carry the text of private issues.")
    return url


def checked_name(text: str) -> str:
    """The App's name. Raises `UsageError`."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"--name takes 1 to {LONGEST_NAME} characters.")
    return name


def checked_organization(text: str) -> str:
    """An organization's login. Raises `UsageError`."""
    if text and not _LOGIN.fullmatch(text):
        raise UsageError("--org has to be an organization's name as in its address on GitHub.")
    return text


# ------------------------------------------------------------------------------- what GitHub answers


@dataclass(frozen=True, slots=True)
class NewApp:
    """The App that GitHub made."""

    id: int
    name: str
    html_url: str
    client_id: str
    private_key: Secret
    webhook_secret: Secret
    """Empty: GitHub made none."""

    @property
    def install_url(self) -> str:
        """Where a person installs it."""
        return f"{self.html_url}/installations/new"


def converted(body: Any) -> NewApp:
    """The answer to `POST /app-manifests/{code}/conversions`. Raises `GitHubError` for any other shape."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), int):
        raise GitHubError("GitHub's answer does not describe an App; look for it in GitHub's settings, and delete it.")
    pem, secret = body.get("pem"), body.get("webhook_secret")
    if not isinstance(pem, str) or "PRIVATE KEY" not in pem:
        raise GitHubError("GitHub's answer holds no private key; make one in the App's settings, on GitHub.")
    return NewApp(
        id=body["id"],
        name=str(body.get("name") or ""),
        html_url=str(body.get("html_url") or ""),
        client_id=str(body.get("client_id") or ""),
        private_key=Secret(pem),
        webhook_secret=Secret(secret if isinstance(secret, str) else ""),
    )
