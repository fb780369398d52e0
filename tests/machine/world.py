"""One town for one example: GitHub, the stepped server, the post and the runs; and what people did there, noted for the judge."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.core.names import REQUEST_LABEL
from bot.sandbox.actions.instant import DONE, End
from bot.sandbox.app_server import register
from bot.sandbox.errors import Refused
from bot.sandbox.records import Comment, Issue
from bot.sandbox.server import serve
from bot.sandbox.stage import SERVER_CALLER
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token
from tests.chaos.judge import Listener
from tests.machine.clock import HandClock
from tests.machine.post import Post
from tests.machine.runs import SteppedRuns
from tests.machine.server import SteppedServer
from tests.stories.server_town import SERVER_CONFIG, ServerTown
from tests.stories.town import FILES

REPOS = ("acme/shop", "acme/tools")
PAUSED = "AI_READY_PAUSED"
LOOKS = (61.0, 61.0, 100.0, 301.0, 301.0)
"""Seconds between looks that must write nothing before everything is over: longer than anything is believed or put off."""
PATIENCE = 60
"""Looks after which that never comes."""


@dataclass(eq=False)
class Ask:
    """Somebody asks for a run: who may, if anything is owed for it."""

    issue: Issue
    at: datetime
    request: str
    """Its id: the middle of a run key."""
    by: Token
    comment: Comment | None = None
    void: str = ""
    """Why nothing is owed for it any more."""

    @property
    def now_on(self) -> Issue:
        """Where it stands: what was said moves along when an issue is transferred."""
        return self.comment.issue if self.comment is not None else self.issue


@dataclass(eq=False)
class World:
    """What rules act on. People need a second for whatever they do."""

    town: ServerTown
    clock: HandClock
    server: SteppedServer
    post: Post
    runs: SteppedRuns
    listener: Listener
    asks: list[Ask] = field(default_factory=list)
    words: dict[str, tuple[Comment, str]] = field(default_factory=dict)
    """Comments of people, by node id, and what they wrote."""
    taken: dict[str, datetime] = field(default_factory=dict)
    """People who may not ask any more, and since when."""
    acted_at: datetime | None = None
    """When a person last did anything."""

    @property
    def rita(self) -> Token:
        """Admin."""
        return self.town.maintainer

    # ---------------------------------------------------------------------------------------- people

    @contextmanager
    def by_hand(self) -> Iterator[None]:
        """A person does something; what GitHub refuses has no consequence."""
        self.clock.go_on(1)
        with suppress(Refused):
            yield
        self.acted_at = self.clock()

    def may_ask(self, by: Token) -> bool:
        """Whether GitHub says so now."""
        return self.town.repo.role(by.user) in ("admin", "maintain", "write")

    def open(self, title: str, body: str) -> Issue:
        """An issue."""
        with self.by_hand():
            return self.town.hub.issues.create(self.town.repo, self.rita, title=title, body=body)
        raise AssertionError

    def label(self, issue: Issue, by: Token) -> None:
        """Ask by the label."""
        with self.by_hand():
            is_new = not issue.has_label(REQUEST_LABEL)
            if self.town.repo.role(by.user) not in ("none", "read"):
                self.town.hub.issues.add_labels(issue, [REQUEST_LABEL], by)
                if is_new:
                    void = "" if self.may_ask(by) else "may not ask"
                    self.asks.append(Ask(issue, self.clock(), f"L{int(self.clock().timestamp())}", by, void=void))

    def comment(self, issue: Issue, body: str, by: Token) -> None:
        """Say something; a command that asks is noted."""
        with self.by_hand():
            comment = self.town.hub.issues.add_comment(issue, by, body)
            self.words[comment.node_id] = (comment, body)
            if body.startswith(("/ai run", "/ai retry", "/ai fix")):
                ask = Ask(issue, self.clock(), f"C{comment.id}", by, comment)
                owed = body.startswith("/ai run") and not issue.pull and self.may_ask(by)
                ask.void = "" if owed else "owed an answer only"
                self.asks.append(ask)
            if body.startswith("/ai stop") and self.may_ask(by):
                self.give_up(meant(issue), "/ai stop")

    def give_up(self, issue: Issue, why: str) -> None:
        """Nothing is owed any more for what was asked on this issue."""
        for ask in self.asks:
            if ask.issue is issue:
                ask.void = ask.void or why

    def drafts(self) -> list[Issue]:
        """Our open pull requests."""
        return [issue for issue in self.town.repo.issues.values() if issue.pull and issue.open]

    def review(self, pull: Issue, by: Token) -> None:
        """Changes are requested."""
        review = self.town.review(pull, "changes_requested", "Name it better.", by=by)
        self.asks.append(Ask(pull, self.clock(), f"R{review.id}", by, void="has its own cap"))

    def walt_goes_or_comes(self) -> None:
        """Walt's right is taken, or given back."""
        gone = "walt" in self.taken
        for repo in self.town.repos:
            self.town.hub.repos.set_collaborator(repo, "walt", "write" if gone else "read")
        if gone:
            del self.taken["walt"]
            return
        self.taken["walt"] = self.clock()
        for ask in self.asks:
            if ask.by.user.login == "walt":
                ask.void = ask.void or "may not ask any more"

    # --------------------------------------------------------------------------------------- progress

    def up(self) -> None:
        """The server is started, if it is down."""
        if self.server.receiver is None:
            self.server.start()

    def bring_all(self) -> None:
        """Every delivery that is on its way arrives."""
        for delivery in tuple(self.post.bag):
            self.post.bring(delivery, self.server.receiver)

    def catch_up(self) -> None:
        """Deliveries arrive and the server works until nothing is due at this moment."""
        self.up()
        for _ in range(20):
            self.bring_all()
            if not self.server.work() and not self.post.bag:
                return
        raise AssertionError("the server finds something due again and again, in no time at all")

    def advance(self, end: Callable[[], End] = lambda: DONE) -> None:
        """Every run that waits begins, every one that works ends."""
        for run in self.runs.waiting():
            self.runs.begin(run)
        self.catch_up()
        for run in self.runs.working():
            self.runs.end(run, end())
        self.catch_up()

    def writes(self) -> int:
        """How much the server has written to GitHub."""
        bot = self.town.app.bot
        return sum(event.actor is bot for event in self.town.events)

    def settle(self) -> None:
        """Everything that is under way comes to its end; then looking again, for as long as anything is put off, writes nothing."""
        self.town.hub.faults.clear()
        for repo in self.town.repos:
            repo.variables.pop(PAUSED, None)
        self.catch_up()
        still, looks = 0, 0
        while still < len(LOOKS):
            before = self.writes()
            self.advance()
            self.clock.go_on(LOOKS[still])
            self.catch_up()
            still = still + 1 if self.writes() == before and not self.runs.waiting() else 0
            looks += 1
            assert looks < PATIENCE, f"never quiet\n{self.town.told()}"


def meant(issue: Issue) -> Issue:
    """The issue itself; of our pull request, the one that it is for."""
    return issue if issue.pull is None else issue.repo.issues.get(int(issue.pull.head.split("-")[1]), issue)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A world below `folder` (made), its server up."""
    clock = HandClock()
    hub = Hub(folder / "hub", clock=clock)
    for login in ("rita", "mallory", "walt"):
        hub.create_user(login)
    workflow = SERVER_CALLER.read_text()
    files = {**FILES, ".github/ai-ready.yml": SERVER_CONFIG, ".github/workflows/ai-ready.yml": workflow}
    with clock.ago(7200):
        repos = [hub.create_repo(name, "rita", files=files) for name in REPOS]
        for repo in repos:
            repo.set_collaborator(hub.user("walt"), "write")
            repo.set_collaborator(hub.user("mallory"), "triage")
    app = register(hub, hub.user("rita"), repos)
    with ExitStack() as stack:
        stack.enter_context(serve(hub))
        hub.webhooks.stop()
        runs = stack.enter_context(SteppedRuns(hub))
        town = ServerTown(hub, repos, clock, app, runs)
        post = Post(hub.webhooks)
        stack.callback(post.close)
        server = SteppedServer(town, clock, folder / "server")
        listener = Listener()
        hub.subscribe(listener)
        made = World(town, clock, server, post, runs, listener)
        server.start()
        stack.callback(server.stop)
        made.catch_up()
        yield made
