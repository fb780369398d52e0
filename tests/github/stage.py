"""What the client's tests share: a served shop, a client on it, and a clock that sleeping moves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.model import Ref, Snapshot
from bot.github.action_client import Access, ActionGitHub
from bot.github.courier import Timing
from bot.github.exchange import Answer, Request, Story
from bot.sandbox.records import Issue
from bot.sandbox.requests import Request as Logged
from tests.sandbox.world import World

GATE = {"contents": "write", "issues": "write", "actions": "write", "pull-requests": "write"}
WORK = {"contents": "read", "issues": "read", "actions": "read", "pull-requests": "read"}
PUBLISH = {"contents": "write", "issues": "write", "pull-requests": "write"}


@dataclass(slots=True)
class Hourglass:
    """Time that passes only by sleeping; remembers the sleeps."""

    at: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    @property
    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.at, sleep=self.sleep, dice=lambda: 0.5)


@dataclass(frozen=True, slots=True)
class Stage:
    """The sandbox's small world, served."""

    world: World
    glass: Hourglass

    @property
    def now(self) -> datetime:
        return self.world.clock.moment

    @property
    def repo(self) -> str:
        return self.world.shop.full_name

    def ref(self, number: int) -> Ref:
        return Ref(self.repo, number)

    def client(
        self, permissions: Mapping[str, str] = GATE, *, run_id: int = 0, repo: str = "", server_id: int = 0
    ) -> ActionGitHub:
        token = self.world.hub.tokens.for_job(self.world.shop, permissions, job="gate")
        return self.client_of(token.value, run_id=run_id, repo=repo, server_id=server_id)

    def client_of(self, token: str, *, run_id: int = 0, repo: str = "", server_id: int = 0) -> ActionGitHub:
        own_ids = frozenset({server_id} - {0})
        api = self.world.hub.api_url
        access = Access(repo or self.repo, token, api, run_id=run_id, workflow="ai.yml", own_ids=own_ids)
        return ActionGitHub(access, timing=self.glass.timing)

    def asked(self, title: str = "[AUTH-1.1] Log in", *, body: str = "", by: str = "ada") -> Issue:
        """An issue that somebody put the request label on."""
        issue = self.world.issue(title, body=body)
        self.world.hub.issues.add_labels(issue, ["ai-ready"], self.world.by(by))
        return issue

    def requests(self, read: Callable[[], Any]) -> tuple[Logged, ...]:
        """The API requests that `read` makes."""
        before = len(self.world.hub.requests.api())
        read()
        return self.world.hub.requests.api()[before:]


def told(story: Story[Any], answers: Iterable[Answer]) -> tuple[Any, list[Request]]:
    """Tell a story with answers made by hand: its result and what it asked."""
    asked: list[Request] = []
    waiting = iter(answers)
    try:
        asked.append(next(story))
        while True:
            asked.append(story.send(next(waiting)))
    except StopIteration as end:
        return end.value, asked


def numbers(snapshot: Snapshot, *, detailed: bool) -> set[int]:
    return {number for number, issue in snapshot.issues.items() if issue.detailed is detailed}


# ---------------------------------------------------------------------------- GraphQL answers by hand

ADA = {"__typename": "User", "login": "ada", "id": "U_1", "databaseId": 11}
AT = "2026-11-21T09:00:00Z"


def connection(*nodes: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "pageInfo": {"hasPreviousPage": False, "startCursor": None}}


def detail(**changes: Any) -> dict[str, Any]:
    """An issue as GraphQL answers it; each test changes what it is about."""
    return {
        "__typename": "Issue",
        "number": 7,
        "title": "[AUTH-1.1] Log in",
        "state": "OPEN",
        "stateReason": None,
        "labels": connection(),
        "milestone": None,
        "id": "I_7",
        "fullDatabaseId": "3000000007",
        "body": "text",
        "url": "https://github.example/acme/shop/issues/7",
        "author": ADA,
        "locked": False,
        "lastEditedAt": None,
        "repository": {"nameWithOwner": "acme/shop"},
        "timelineItems": connection(),
        "comments": connection(),
        "blockedBy": connection(),
        "issueDependenciesSummary": {"blockedBy": 0},
        "subIssues": connection(),
    } | changes
