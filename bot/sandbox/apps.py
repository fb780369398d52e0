"""GitHub Apps: registering one, installing it."""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import App, Hook, Installation, Repo, User

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

MANIFEST_LIFE = timedelta(hours=1)
"""How long the code of a manifest can be turned into an App's secrets."""
LONGEST_NAME = 34
APP_ALWAYS = frozenset({"installation", "installation_repositories"})
"""Events that every App gets without asking, and must not ask for."""
EVENT_NEEDS: Mapping[str, tuple[str, ...]] = {
    "check_suite": ("checks",),
    "create": ("contents",),
    "delete": ("contents",),
    "issue_comment": ("issues", "pull_requests"),
    "issue_dependencies": ("issues",),
    "issues": ("issues",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "push": ("contents",),
    "repository": ("metadata",),
    "repository_dispatch": ("contents",),
    "sub_issues": ("issues",),
    "workflow_dispatch": ("contents",),
    "workflow_run": ("actions",),
}
"""Any of these permissions, at least to read, lets an App hear of an event; what is not named needs none."""


class Apps:
    """The verbs."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._manifests: dict[str, App] = {}

    def create(
        self,
        slug: str,
        owner: User,
        *,
        permissions: Mapping[str, str],
        events: Iterable[str] = (),
        hook_url: str = "",
        secret: str = "",
    ) -> App:
        """Register an App with a fresh key; its bot is `slug[bot]`."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 60 ms, only Apps need it
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(serialization.Encoding.PEM, form)
        with self._hub.lock:
            number, node_id = self._hub.new_node("A")
            bot = self._hub.create_user(f"{slug}[bot]", bot=True)
            hook = Hook(self._hub.new_id(), hook_url, secret, ("*",), active=bool(hook_url), app_id=number)
            app = App(
                number, node_id, slug, slug, owner, bot, public.decode(), private.decode(),
                f"Iv23li{secrets.token_hex(7)}", secrets.token_hex(20), dict(permissions), tuple(events), hook,
                self._hub.now(),
            )  # fmt: skip
            self._hub.apps[number] = self._hub.register(app)
            self._hub.emit("ping", "", None, self._hub.tokens.acting_as(owner), app=app)
            return app

    def install(self, app: App, account: User, *, repos: Iterable[Repo] | None = None) -> Installation:
        """Install it in an account, for all of its repositories or the named ones; grants what the App asks for."""
        with self._hub.lock:
            chosen = None if repos is None else list(repos)
            installation = Installation(
                self._hub.new_id(), app, account, dict(app.permissions), chosen, self._hub.now()
            )
            app.installations.append(installation)
            by = self._hub.person(account.login)
            self._hub.emit("installation", "created", None, by, installation=installation)
            return installation

    def uninstall(self, installation: Installation, by: "Token") -> None:
        """Its tokens stop working."""
        with self._hub.lock:
            self._hub.emit("installation", "deleted", None, by, installation=installation)
            installation.app.installations.remove(installation)

    def choose(self, installation: Installation, repos: Iterable[Repo], by: "Token") -> None:
        """Another choice of repositories; emits what was added and what was taken away."""
        with self._hub.lock:
            chosen = list(repos)
            before = [repo for repo in self._hub.repositories.values() if installation.covers(repo)]
            installation.repos = chosen
            added, removed = [one for one in chosen if one not in before], [one for one in before if one not in chosen]
            for action, changed in (("added", added), ("removed", removed)):
                if changed:
                    parts: dict[str, Any] = {"installation": installation, f"repositories_{action}": changed}
                    self._hub.emit("installation_repositories", action, None, by, **parts)

    def lost(self, installations: Iterable[Installation], repo: Repo, by: "Token") -> None:
        """A repository that these reached was deleted or went to another account."""
        with self._hub.lock:
            for installation in installations:
                if installation.repos is not None:
                    installation.repos = [one for one in installation.repos if one is not repo]
                parts: dict[str, Any] = {"installation": installation, "repositories_removed": [repo]}
                self._hub.emit("installation_repositories", "removed", None, by, **parts)

    def suspend(self, installation: Installation, by: "Token", *, suspended: bool = True) -> None:
        """Its tokens get 403 until it is unsuspended."""
        with self._hub.lock:
            installation.suspended_by = by.user if suspended else None
            self._hub.emit("installation", "suspend" if suspended else "unsuspend", None, by, installation=installation)

    def installation(self, installation_id: int) -> Installation:
        """Raises `Refused` 404."""
        for app in self._hub.apps.values():
            for installation in app.installations:
                if installation.id == installation_id:
                    return installation
        raise not_found()

    def covering(self, repo: Repo) -> list[Installation]:
        """Installations that reach this repository."""
        installed = (one for app in self._hub.apps.values() for one in app.installations)
        return [one for one in installed if one.covers(repo) and not one.suspended]

    def from_manifest(self, manifest: Mapping[str, Any], owner: User) -> str:
        """The person pressed "Create GitHub App": the code that `convert` takes once, within an hour."""
        hook = manifest.get("hook_attributes") or {}
        slug = slug_of(str(manifest.get("name") or "app"))
        if any(app.slug == slug for app in self._hub.apps.values()):
            raise Refused.validation("App", "name", "custom", "Name is already taken")
        app = self.create(
            slug,
            owner,
            permissions=manifest.get("default_permissions") or {},
            events=manifest.get("default_events") or (),
            hook_url=str(hook.get("url") or "") if hook.get("active", True) else "",
            secret=secrets.token_hex(20),
        )
        app.name = str(manifest.get("name") or "app")
        app.public, app.setup_url = manifest.get("public") is True, str(manifest.get("setup_url") or "")
        code = secrets.token_hex(20)
        self._manifests[code] = app
        return code

    def convert(self, code: str) -> App:
        """`POST /app-manifests/{code}/conversions`: once, within an hour. Raises `Refused` 404."""
        app = self._manifests.pop(code, None)
        if app is None or self._hub.now() - app.created_at > MANIFEST_LIFE:
            raise not_found()
        return app


def slug_of(name: str) -> str:
    """The part of an App's address that is made of its name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def checked_manifest(text: str) -> dict[str, Any]:
    """A manifest as the page for new Apps takes it. Raises `Refused` 422 with what is wrong.

    https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(422, "Invalid GitHub App configuration: the manifest is not a JSON object.")
    problems = ["Error 'url' is missing"] if not found.get("url") else []
    if "hook_attributes" in found and not (found["hook_attributes"] or {}).get("url"):
        problems.append("Error 'hook_attributes.url' is missing")
    granted = found.get("default_permissions") or {}
    events = found.get("default_events") or ()
    refused = [event for event in events if event in APP_ALWAYS or not may_hear(granted, event)]
    if refused:
        problems.append(f"Default events unsupported: {', '.join(refused)}")
    if len(str(found.get("name") or "")) > LONGEST_NAME:
        problems.append(f"Name is too long (maximum is {LONGEST_NAME} characters)")
    if problems:
        raise Refused(422, "Invalid GitHub App configuration", [{"message": problem} for problem in problems])
    return found


def may_hear(permissions: Mapping[str, str], event: str) -> bool:
    """Whether an App with these permissions may subscribe to an event.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads says which permission each one needs.
    """
    needed = EVENT_NEEDS.get(event, ())
    return not needed or any(permissions.get(area, "none") != "none" for area in needed)
