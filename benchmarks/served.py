"""The place of the server's measurements: a hub with an App, `ai-ready serve` as a process, and what is seen of both.

Actions is the stand-in that ends runs as told; here its runs stay queued unless somebody lets them go.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx

from benchmarks.sandboxed import OWNER
from bot.core.names import REQUEST_LABEL
from bot.sandbox.actions.instant import Held, Instant
from bot.sandbox.app_server import AppServer, ServerSetting, register
from bot.sandbox.records import App, Event, Issue, Repo, User
from bot.sandbox.requests import Request
from bot.sandbox.server import serve
from bot.sandbox.stage import SERVER_CALLER
from bot.sandbox.state import Hub

CONFIG = "limits: {concurrent: 50, runs_per_day: 500, usd_per_day: 500}\n"
"""Nothing is held back by a cap."""
PATIENCE = 120.0
LOOK_EVERY = 0.02
QUIET = 0.3
"""Seconds without a request after which the server has nothing in hand. A write waits for its turn longer than that, so
whoever asks for quiet waits for what it writes last as well.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the place is like."""

    repos: Sequence[str] = ("acme/shop",)
    hold: Held = "queued"
    """How far runs get."""
    reconcile: int = 3600
    """Seconds between two looks at everything: never, as far as a measurement goes."""
    database_url: str = ""
    """Empty: a SQLite file."""
    env: Mapping[str, str] = field(default_factory=dict)


class Served:
    """The hub, the server (not started yet), and clocks on what happens between them."""

    def __init__(self, folder: Path, hub: Hub, repos: Sequence[Repo], app: App, server: AppServer) -> None:
        self.folder, self.hub, self.app, self.server = folder, hub, app, server
        self.repos = list(repos)
        self._dispatched: dict[tuple[int, int], float] = {}
        self._changed = threading.Condition()
        self._client = httpx.Client(trust_env=False, timeout=PATIENCE)
        hub.subscribe(self._on_event)

    @property
    def repo(self) -> Repo:
        """The first one."""
        return self.repos[0]

    def _on_event(self, event: Event) -> None:
        with self._changed:
            if event.name == "workflow_dispatch" and event.repo is not None:
                key = (event.repo.id, int(event.payload["inputs"]["issue"]))
                self._dispatched.setdefault(key, time.perf_counter())
            self._changed.notify_all()

    # ----------------------------------------------------------------------------------------- people

    def issue(self, title: str = "Greet", body: str = "Say hello.", *, repo: Repo | None = None) -> Issue:
        """The owner opens an issue."""
        return self.hub.issues.create(repo or self.repo, self.hub.person(OWNER), title=title, body=body)

    def person(self, login: str) -> User:
        """Somebody else who may ask."""
        user = self.hub.create_user(login)
        self.hub.repos.set_collaborator(self.repo, login, "write")
        return user

    def label(self, issue: Issue, by: User | None = None) -> float:
        """Ask for an issue over REST; the moment (`perf_counter`) at which that request has been answered."""
        token = self.hub.tokens.personal(by or self.hub.user(OWNER))
        url = f"{self.hub.api_url}/repos/{issue.repo.full_name}/issues/{issue.number}/labels"
        words = {"authorization": f"Bearer {token.value}"}
        self._client.post(url, json={"labels": [REQUEST_LABEL]}, headers=words).raise_for_status()
        return time.perf_counter()

    @contextmanager
    def ago(self, age: timedelta) -> Iterator[None]:
        """What people do inside, they did so long ago."""
        clock = self.hub.now
        self.hub.now = lambda: clock() - age
        try:
            yield
        finally:
            self.hub.now = clock

    # ----------------------------------------------------------------------------------- what is seen

    def dispatched(self, issue: Issue) -> float:
        """Wait for its first dispatch; the moment at which GitHub took it."""
        key = (issue.repo.id, issue.number)
        self.until(lambda: key in self._dispatched, f"the dispatch of #{issue.number}")
        return self._dispatched[key]

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until it holds; looked at whenever something happens on GitHub."""
        with self._changed:
            if not self._changed.wait_for(condition, PATIENCE):
                raise SystemExit(f"This never came: {what}.\n{self.server.log.read_text()[-3000:]}")

    def has(self, issue: Issue, label: str) -> None:
        """Wait until an issue carries a label."""
        self.until(lambda: label in {each.name for each in issue.labels}, f"#{issue.number} {label}")

    def passes(self) -> int:
        """How often a lane was served."""
        return int(self.metric("ai_ready_passes_total"))

    def passed(self, count: int) -> None:
        """Wait until lanes were served so often."""
        end = time.monotonic() + PATIENCE
        while self.passes() < count:
            if time.monotonic() > end:
                raise SystemExit(f"The server never finished its work.\n{self.server.log.read_text()[-3000:]}")
            time.sleep(LOOK_EVERY)

    def quiet(self) -> None:
        """Wait until the server asks nothing more."""
        count = -1
        while count != (count := len(self.hub.requests.api())):
            time.sleep(QUIET)

    def requests(self, since: int = 0) -> list[Request]:
        """API requests of the server, but for the first `since` of all."""
        return [one for one in self.hub.requests.api()[since:] if one.token_kind in ("app", "installation")]

    def count(self) -> int:
        """API requests so far, whoever's."""
        return len(self.hub.requests.api())

    def metric(self, name: str) -> float:
        """A figure of `/metrics`; the sum over its labels."""
        text = self._client.get(f"{self.server.url}/metrics").text
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

    def cpu(self) -> float:
        """CPU seconds of the server's process so far, in steps of 10 ms."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident bytes of the server's process now."""
        return self.metric("process_resident_memory_bytes")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


@contextmanager
def served(folder: Path, plan: Plan | None = None) -> Iterator[Served]:
    """Set it up below `folder`; the server is not started yet, and is stopped at the end."""
    plan = plan or Plan()
    hub = Hub(folder / "hub")
    hub.create_user(OWNER)
    files = {".github/ai-ready.yml": CONFIG, ".github/workflows/ai-ready.yml": SERVER_CALLER.read_text()}
    repos = [hub.create_repo(name, OWNER, files=files) for name in plan.repos]
    app = register(hub, hub.user(OWNER), repos)
    setting = ServerSetting(
        folder / "server",
        database_url=plan.database_url,
        reconcile_seconds=plan.reconcile,
        env={"AI_READY_CONCURRENT": "1000", **plan.env},
    )
    with ExitStack() as stack:
        stack.enter_context(serve(hub))
        actions = stack.enter_context(Instant(hub))
        actions.hold(plan.hold)
        server = AppServer(hub, app, setting)
        place = Served(folder, hub, repos, app, server)
        stack.callback(place.close)
        stack.callback(lambda: server.stop() if server.running else None)
        yield place
