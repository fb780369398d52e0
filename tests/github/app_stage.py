"""What the tests of the App's client share: an App installed in the stage's repository, and clients of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.core.secret import Secret
from bot.errors import GitHubError
from bot.github.app_auth import app_key
from bot.github.app_client import AppAccess, AppClient, AppRepository
from bot.github.courier import Timing
from bot.github.ports import Place
from bot.sandbox.records import App, Installation
from bot.sandbox.requests import Request as Logged
from bot.server.store import SqlStore
from tests.github.stage import Stage


@dataclass(slots=True)
class Seen:
    """An `Observer` that remembers."""

    requests: list[tuple[str, int]] = field(default_factory=list)
    left: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def request(self, kind: str, status: int) -> None:
        self.requests.append((kind, status))

    def remaining(self, installation_id: int, left: int, reset: float) -> None:
        assert reset > 0
        self.left[installation_id] = left

    def waited(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class AppStage:
    """See the module."""

    stage: Stage
    app: App
    installation: Installation
    store: SqlStore
    opened: list[AppClient] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    slept: list[float] = field(default_factory=list)

    def client(self, *, pem: str = "", now: Callable[[], datetime] | None = None) -> AppClient:
        """One more client of the same App (as in another process): time is the sandbox's, and passes by sleeping."""
        access = AppAccess(
            str(self.app.id),
            app_key(Secret(pem or self.app.private_pem)),
            self.stage.world.hub.api_url,
            workflow="ai.yml",
        )
        clock = self.stage.world.clock

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            clock.advance(seconds)

        timing = Timing(sleep=sleep, dice=lambda: 0.0, now=now or (lambda: clock.moment))
        made = AppClient(access, self.store, self.seen, timing=timing)
        self.opened.append(made)
        return made

    @property
    def place(self) -> Place:
        shop = self.stage.world.shop
        return Place(shop.id, shop.full_name, self.installation.id)

    def shop(self, **changes: str) -> AppRepository:
        """A client of the stage's repository."""
        return self.client().repository(replace(self.place, **changes))  # type: ignore[arg-type]

    @property
    def now(self) -> datetime:
        return self.stage.now

    def pass_time(self, **parts: float) -> None:
        self.stage.world.clock.advance(timedelta(**parts).total_seconds())

    def requests(self, asked: Callable[[], object]) -> tuple[Logged, ...]:
        """What `asked` asks of GitHub, tokens included."""
        return self.stage.requests(asked)

    def tokens_asked(self) -> int:
        return sum(kind.endswith("/access_tokens") for kind, _ in self.seen.requests)


def refused(asked: Callable[[], object]) -> GitHubError:
    """The error that `asked` ends with."""
    try:
        asked()
    except GitHubError as error:
        return error
    raise AssertionError("nothing was refused")
