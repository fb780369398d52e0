"""A small GitHub for the sandbox's own tests: people with different rights, a repository, an App, a clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from bot.sandbox.records import App, Event, Installation, Issue, Repo, Role
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token

WORKFLOW = """\
name: ai-ready
on:
  workflow_dispatch:
    inputs:
      issue: {required: true}
      run_key: {default: ""}
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
APP_PERMISSIONS = {
    "issues": "write",
    "pull_requests": "write",
    "contents": "write",
    "actions": "write",
    "actions_variables": "read",
    "checks": "read",
    "metadata": "read",
}
APP_EVENTS = ("issues", "issue_comment", "pull_request", "pull_request_review", "workflow_run", "push")


class Clock:
    """Time that only moves when told, or by `step` seconds at every look."""

    def __init__(self, *, step: float = 0.0) -> None:
        self.moment = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
        self.step = timedelta(seconds=step)

    def __call__(self) -> datetime:
        self.moment += self.step
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class World:
    hub: Hub
    clock: Clock
    shop: Repo

    def events(self) -> list[Event]:
        """What happens from now on."""
        seen: list[Event] = []
        self.hub.subscribe(seen.append)
        return seen

    def by(self, login: str) -> Token:
        return self.hub.person(login)

    def issue(self, title: str = "Log in", *, body: str = "") -> Issue:
        return self.hub.issues.create(self.shop, self.by("ada"), title=title, body=body)

    def pull(self, branch: str = "ai/issue-1", *, body: str = "", draft: bool = False) -> Issue:
        self.hub.repos.commit_files(self.shop, branch, {f"{branch[-1]}.txt": "1\n"}, self.by("bob"))
        return self.hub.pulls.create(
            self.shop, self.by("bob"), title="A change", head=branch, base="main", body=body, draft=draft
        )

    def app(self, *, hook_url: str = "", secret: str = "hush") -> tuple[App, Installation]:
        app = self.hub.app_registry.create(
            "ai-ready",
            self.hub.user("ada"),
            permissions=APP_PERMISSIONS,
            events=(*APP_EVENTS, "issue_dependencies", "sub_issues"),
            hook_url=hook_url,
            secret=secret,
        )
        return app, self.hub.app_registry.install(app, self.shop.owner)

    def app_jwt(self, app: App, *, seconds: int = 540, key: str = "") -> str:
        now = int(self.clock.moment.timestamp())
        claims = {"iat": now - 30, "exp": now + seconds, "iss": str(app.id)}
        return jwt.encode(claims, key or app.private_pem, algorithm="RS256")


def small_world(root: Path, *, step: float = 0.0) -> World:
    """acme/shop with README and a workflow; ada owns, bob writes, tim triages, rob reads, eve is nobody."""
    clock = Clock(step=step)
    hub = Hub(root, clock=clock)
    for login in ("ada", "bob", "tim", "rob", "eve"):
        hub.create_user(login)
    files = {"README.md": "# Shop\n", ".github/workflows/ai.yml": WORKFLOW, "src/app.py": "print('hi')\n"}
    shop = hub.create_repo("acme/shop", "ada", files=files)
    roles: dict[str, Role] = {"bob": "write", "tim": "triage", "rob": "read"}
    for login, role in roles.items():
        hub.repos.set_collaborator(shop, login, role)
    return World(hub, clock, shop)
