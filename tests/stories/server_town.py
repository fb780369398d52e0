"""A town whose planner is the real server: hub, App, webhooks, store; Actions is the stand-in that ends runs as told.

The server is `ai-ready serve` as a process (`AppServer`: can be killed and started again), or the same parts in this
process (`InProcessServer`: short periods, the town's clock). Stories wait for what happens on GitHub (`until`), or for
the server to have looked again (`looks`) where nothing must happen.
"""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx

from bot.core.names import VERDICT_MARKER
from bot.core.secret import Secret
from bot.github.app_client import AppAccess, AppClient
from bot.github.courier import Timing
from bot.notify.notice import Tell, nobody
from bot.sandbox.actions.instant import DONE, End, Instant
from bot.sandbox.app_server import AppServer, ServerSetting, point_hook, register
from bot.sandbox.records import App, Event, Installation, Issue, Repo
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.server import serve
from bot.sandbox.stage import SERVER_CALLER, People, Setting
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token
from bot.server.metrics import Metrics
from bot.server.process import Parts, Serving, bind
from bot.server.rules import Rules
from bot.server.scheduler import Clockwork, Scheduler
from bot.server.store import SqlStore, open_store
from bot.server.store.pace import Rate
from tests.stories.invariants import BY_REQUEST, check_end, check_secrets, verdict_keys
from tests.stories.town import CONFIG, FILES, Clock

PATIENCE = 30.0
"""Seconds after which a story says that something never happens."""
HEARTBEAT = 0.2
"""Seconds after which a condition is looked at again though nothing happened on GitHub: it may be about the store."""
SERVER_CONFIG = CONFIG.replace("limits: {", "limits: {concurrent: 10, runs_per_day: 500, usd_per_day: 500, ")


class Server(Protocol):
    """Either way to run it."""

    url: str

    def start(self) -> object:
        """Come up."""
        ...

    def stop(self) -> object:
        """End in good order."""
        ...


class TownClock(Clock):
    """`shift` moves it for everybody, `ago` only for the thread inside: the server's leases are of the time it is."""

    def __init__(self) -> None:
        super().__init__()
        self._mine = threading.local()

    def __call__(self) -> datetime:
        return super().__call__() + self._moved

    @contextmanager
    def ago(self, seconds: float) -> Iterator[None]:
        """What this thread does inside happened `seconds` ago."""
        before, self._mine.shift = self._moved, -timedelta(seconds=seconds)
        try:
            yield
        finally:
            self._mine.shift = before

    @property
    def _moved(self) -> timedelta:
        return getattr(self._mine, "shift", timedelta())


class ServerTown(People):
    """GitHub, one or more repositories with the App, the server, and the verbs of the people."""

    def __init__(self, hub: Hub, repos: Sequence[Repo], clock: Clock, app: App, actions: Instant) -> None:
        super().__init__(hub, repos[0], Setting())
        self.repos = list(repos)
        self.clock = clock
        self.app = app
        self.actions = actions
        self.events: list[Event] = []
        self.server: Server | None = None
        self._changed = threading.Event()
        hub.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self.wake()

    @property
    def installation(self) -> Installation:
        """The App's first one."""
        return self.app.installations[0]

    # ----------------------------------------------------------------------------------------- people

    def issue(self, title: str = "Greet", body: str = "Say hello.", *, by: Token | None = None) -> Issue:
        """The maintainer opens an issue in the first repository, an hour ago."""
        return self.issue_in(self.repo, title, body, by=by)

    def issue_in(self, repo: Repo, title: str, body: str = "Say hello.", *, by: Token | None = None) -> Issue:
        """The same in another one."""
        with self.clock.ago(3600):
            return self.hub.issues.create(repo, by or self.maintainer, title=title, body=body)

    def asked(self, title: str = "Greet", body: str = "Say hello.", *, repo: Repo | None = None) -> Issue:
        """An issue that the maintainer asks for."""
        issue = self.issue_in(repo or self.repo, title, body)
        self.label(issue)
        return issue

    def close(self, issue: Issue, reason: str = "completed") -> None:
        """The maintainer closes an issue."""
        self.hub.issues.close(issue, self.maintainer, reason=reason)

    def push(self, files: dict[str, str | None], *, repo: Repo | None = None) -> str:
        """A person's commit on main; its id."""
        return self.hub.repos.commit_files(repo or self.repo, "main", files, self.maintainer, "By hand")

    def pull_of(self, issue: Issue) -> Issue | None:
        """The open pull request of the bot for an issue."""
        return self.hub.pulls.open_for(issue.repo, f"ai/issue-{issue.number}")

    @contextmanager
    def reviewing(self) -> Iterator[None]:
        """Inside, the maintainer merges every draft as soon as its verdict says Done."""
        work: queue.SimpleQueue[Issue | None] = queue.SimpleQueue()

        def heard(event: Event) -> None:
            said = event.payload.get("comment", {}).get("body", "")
            is_new = (event.name, event.action) == ("issue_comment", "created")
            if is_new and VERDICT_MARKER in said and said.startswith("Done"):
                assert event.repo is not None
                work.put(event.repo.issues[event.payload["issue"]["number"]])

        def review() -> None:
            while (issue := work.get()) is not None:
                pull = self.pull_of(issue)
                if pull is not None:
                    self.merge(pull)

        thread = threading.Thread(target=review, name="reviewer")
        thread.start()
        deaf = self.hub.subscribe(heard)
        try:
            yield
        finally:
            deaf()
            work.put(None)
            thread.join()

    # ------------------------------------------------------------------------------ what is to be seen

    def runs(self, issue: Issue | None = None) -> list[WorkflowRun]:
        """Workflow runs (of an issue), oldest first."""
        found = sorted(self.hub.actions.runs.values(), key=lambda run: run.id)
        if issue is None:
            return found
        return [r for r in found if r.repo is issue.repo and r.inputs.get("issue") == str(issue.number)]

    def order(self) -> list[int]:
        """Numbers of the issues in the order of their dispatches."""
        return [each.issue for each in self.actions.dispatches]

    def requests(self, since: int = 0) -> list[str]:
        """What the server asked of GitHub: `METHOD path`."""
        mine = [one for one in self.hub.requests.api() if one.login == self.app.bot.login]
        return [f"{one.method} {one.path}" for one in mine][since:]

    # ---------------------------------------------------------------------------------------- waiting

    def until(self, condition: Callable[[], object], what: str, timeout: float = PATIENCE) -> None:
        """Wait until it holds; looked at whenever something happens on GitHub."""
        end = time.monotonic() + timeout
        while True:
            self._changed.clear()
            if condition():
                return
            assert time.monotonic() < end, f"never: {what}\n{self.told()}"
            self._changed.wait(HEARTBEAT)

    def verdict(self, issue: Issue, number: int = 1, timeout: float = PATIENCE) -> str:
        """Wait for so many verdicts of an issue; the first line of the last."""
        self.until(lambda: len(self.verdicts(issue)) >= number, f"verdict {number} of #{issue.number}", timeout)
        return self.verdicts(issue)[-1]

    def labelled(self, issue: Issue, *names: str) -> None:
        """Wait until an issue carries exactly these labels."""
        self.until(lambda: self.labels(issue) == set(names), f"#{issue.number} labelled {sorted(names)}")

    def looks(self, rounds: int = 2) -> None:
        """Wait until the server has looked at everything so many times more: for what must *not* happen."""
        self.hub.webhooks.flush()
        if isinstance(self.server, InProcessServer):
            for _ in range(rounds + 1):  # a pass under way may have read already
                self._look_once(self.server)
        else:
            wanted = self.passes() + rounds * (len(self.repos) + 1) + 1  # the timer's own lane is one of them
            self.until(lambda: self.passes() >= wanted, f"{rounds} more rounds")
        if not self.actions.held:
            self.actions.wait_idle()

    def _look_once(self, server: "InProcessServer") -> None:
        """Without waiting for the timer."""
        wanted = server.served + len(self.repos)
        assert server.store is not None
        server.store.repositories_due(self.clock())
        self.until(lambda: server.served >= wanted, "another round")

    def wake(self) -> None:
        """Something happened that a story may wait for."""
        self._changed.set()

    def passes(self) -> int:
        """How many lanes the server has served, by its own count; 0: it is down."""
        if self.server is None or not self.server.url:
            return 0
        text = httpx.get(f"{self.server.url}/metrics", trust_env=False).text
        return sum(
            int(float(count)) for count in re.findall(r"^ai_ready_passes_total\{.*\} (\S+)$", text, re.MULTILINE)
        )

    def told(self) -> str:
        """Everything that helps to see why something did not happen."""
        lines = []
        for repo in self.repos:
            for issue in repo.issues.values():
                kind = "pull" if issue.pull else "issue"
                lines.append(f"{repo.name} {kind} #{issue.number} open={issue.open} {sorted(self.labels(issue))}")
                lines += [f"    {comment.user.login}: {comment.body[:100]!r}" for comment in issue.comments]
        lines += [f"run {r.id} {r.display_title} {r.status} {r.conclusion}" for r in self.runs()]
        log = getattr(self.server, "log", None)
        return "\n".join([*lines, log.read_text()[-4000:] if log is not None else ""])


@dataclass(frozen=True, slots=True)
class Plan:
    """What a town is like."""

    repos: tuple[str, ...] = ("acme/shop",)
    config: str = SERVER_CONFIG
    ends: Callable[[WorkflowRun], End] = field(default=lambda _run: DONE)
    work_seconds: float = 0.3
    """How long a run is in progress before it publishes."""
    webhooks: bool = True
    reconcile: int = 5
    """Seconds; of the process, at least 5."""
    database_url: str = ""
    """Empty: a SQLite file."""


@contextmanager
def server_town(folder: Path, plan: Plan) -> Iterator[ServerTown]:
    """A town below `folder` (made) without a server yet; everything is ended afterwards."""
    clock = TownClock()
    hub = Hub(folder / "hub", clock=clock)
    for login in ("rita", "mallory"):
        hub.create_user(login)
    files = {**FILES, ".github/ai-ready.yml": plan.config, ".github/workflows/ai-ready.yml": SERVER_CALLER.read_text()}
    with clock.ago(7200):
        repos = [hub.create_repo(name, "rita", files=files) for name in plan.repos]
    app = register(hub, hub.user("rita"), repos)
    with ExitStack() as stack:
        stack.enter_context(serve(hub))
        actions = stack.enter_context(Instant(hub, ends=plan.ends, work_seconds=plan.work_seconds, status_within=5.0))
        yield ServerTown(hub, repos, clock, app, actions)


@contextmanager
def process_town(folder: Path, plan: Plan | None = None) -> Iterator[ServerTown]:
    """A town with `ai-ready serve` as a process (`town.server`, an `AppServer`), up and running."""
    plan = plan or Plan()
    with server_town(folder, plan) as town:
        server = AppServer(town.hub, town.app, server_setting(folder, plan))
        town.server = server
        with server:
            yield town


def server_setting(folder: Path, plan: Plan) -> ServerSetting:
    """How a plan's server is run."""
    return ServerSetting(
        folder / "server",
        database_url=plan.database_url,
        reconcile_seconds=plan.reconcile,
        webhooks=plan.webhooks,
    )


QUICK = Rules(reconcile=0.5, settle=1.5, again=0.2, refresh=2.0, sweep=3600.0, idle=0.01)
"""A server in a hurry, for stories."""
BY_WEBHOOKS = replace(QUICK, reconcile=600.0)
"""The same without its timer: what happens, a webhook made happen."""
UNPACED = Rate(per_second=10_000.0, burst=10_000, per_hour=1_000_000)


class InProcessServer:
    """The same server in this process: short periods, no pace, the town's clock. Can be stopped and started again."""

    def __init__(
        self, town: ServerTown, folder: Path, plan: Plan, *, rules: Rules = QUICK, rate: Rate = UNPACED
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._town = town
        self._database = plan.database_url or f"sqlite:///{folder / 'ai-ready.sqlite3'}"
        self._rules = replace(rules, webhooks=plan.webhooks)
        self._rate = rate
        self._serving: Serving | None = None
        self._thread: threading.Thread | None = None
        self.clock: Callable[[], datetime] = town.clock
        """What it takes for the time; set it before the start."""
        self.trace: Callable[[str], None] = lambda _step: None
        """Called at each step of a dispatch (`s4` … `s10`); the same."""
        self.tell: Tell = nobody
        """Is told of the verdicts that the server says; the same."""
        self._counting = threading.Lock()
        self.served = 0
        """Lanes served without a failure since it was made."""
        self.store: SqlStore | None = None
        """To look into."""
        self.url = ""

    def start(self) -> None:
        """Come up."""
        app, hub, clock = self._town.app, self._town.hub, self.clock
        store = self.store = open_store(self._database, rate=self._rate, clock=clock)
        metrics = Metrics()
        access = AppAccess(str(app.id), Secret(app.private_pem), hub.api_url)
        github = AppClient(access, store, metrics, timing=Timing(now=clock))
        scheduler = Scheduler(store, github, self._rules, metrics, Clockwork(clock, self._traced), self.tell)
        secrets = (Secret(app.hook.secret),) if self._rules.webhooks else ()
        parts = Parts(store, scheduler, metrics, secrets, self._rules.reconcile, lambda: (app.bot.id,), clock=clock)
        serving = self._serving = Serving(parts, bind("127.0.0.1", 0))

        def run() -> None:
            try:
                serving.run()
            finally:
                github.close()

        self._thread = threading.Thread(target=run, name="server")
        self._thread.start()
        assert serving.up.wait(PATIENCE)
        self.url = serving.url
        if self._rules.webhooks:
            point_hook(app, self.url)

    def _traced(self, step: str) -> None:
        self.trace(step)
        if step == "s10":
            with self._counting:
                self.served += 1
            self._town.wake()

    def stop(self) -> None:
        """End in good order."""
        if self._serving is not None and self._thread is not None:
            self._serving.stop()
            self._thread.join(timeout=PATIENCE)
            assert not self._thread.is_alive()
        self._serving, self.url = None, ""


@contextmanager
def quick_town(
    folder: Path, plan: Plan | None = None, *, rules: Rules = QUICK, rate: Rate = UNPACED
) -> Iterator[ServerTown]:
    """A town with the server in this process, up and running."""
    plan = plan or Plan()
    with server_town(folder, plan) as town:
        server = InProcessServer(town, folder / "server", plan, rules=rules, rate=rate)
        town.server = server
        server.start()
        try:
            yield town
        finally:
            server.stop()


def check_server_town(town: ServerTown, printed: Sequence[str] = ()) -> None:
    """Every invariant of a town whose runs are all over (design.md §5), by what GitHub shows and what was written down."""
    town.hub.faults.clear()
    for repo in town.repos:
        check_end(town.hub, repo)
    check_dispatches(town)
    check_refs(town)
    log = getattr(town.server, "log", None)
    texts = [*printed, *([log.read_text()] if log is not None else [])]
    secrets = [
        town.app.private_pem.splitlines()[1],
        town.app.hook.secret,
        *(each.value for each in town.actions.tokens),
    ]
    for repo in town.repos:
        check_secrets(texts, repo, secrets)


def check_dispatches(town: ServerTown) -> None:
    """Nothing early, nothing doubled, and each run that began has exactly one verdict."""
    found = town.actions.dispatches
    assert [each for each in found if each.open_prerequisites] == []
    assert [each for each in found if each.other_runs] == []
    keys = [(each.repository_id, each.run_key) for each in found]
    assert len(keys) == len(set(keys)), keys
    said = {(repo.id, key) for repo in town.repos for issue in repo.issues.values() for key in verdict_keys(issue)}
    # What was deleted or transferred took its verdicts along.
    there = {(repo.id, number) for repo in town.repos for number in repo.issues}
    assert {key for key, each in zip(keys, found, strict=True) if (each.repository_id, each.issue) in there} <= said


def check_refs(town: ServerTown) -> None:
    """The bot wrote no ref but its own branches."""
    by_bot = [
        e
        for e in town.events
        if e.name in ("push", "create", "delete") and e.token_kind in (*BY_REQUEST, "installation")
    ]
    assert [e.ref for e in by_bot if not e.ref.removeprefix("refs/heads/").startswith("ai/")] == []
