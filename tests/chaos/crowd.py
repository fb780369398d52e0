"""What people do in a town while its server is killed, and what they are owed for it.

Each storyline is a generator: it does something, then yields what it waits for. One turn moves every storyline on whose
time has come, and adds one more request, so that there is always something to dispatch.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.core.names import VERDICT_MARKER
from bot.sandbox.actions.instant import (
    BLOCKED,
    CANCELLED,
    DONE,
    FORCED,
    LOST,
    SILENT,
    STARTUP_FAILURE,
    TIMED_OUT,
    End,
)
from bot.sandbox.records import Comment, Event, Issue, Repo
from bot.sandbox.runs import WorkflowRun
from tests.stories.invariants import verdict_keys
from tests.stories.server_town import ServerTown

Story = Iterator[Callable[[], bool]]

ODD = (BLOCKED, CANCELLED, FORCED, SILENT, LOST, TIMED_OUT, STARTUP_FAILURE)
"""Not DELETED: a run that is deleted within seconds, while nobody has heard of it, was never there for all we can know."""
SEEN_BY_ALL = 4.0
"""Seconds after which no list is so old (weather) and no read so young (rules) that it misses what a person did."""


@dataclass(slots=True)
class Owed:
    """What one issue is owed."""

    issue: Issue
    prerequisites: tuple[Issue, ...] = ()
    """Known here by construction, not found by the planner that is tested."""
    least: int = 0
    """Requests that nobody took back: each needs a run."""
    most: int = 0
    """Requests that were ever made."""
    commands: list[Comment] = field(default_factory=list)
    """Each is answered by a reaction."""

    @property
    def refused(self) -> int:
        """Requests that were answered by a no: of an issue whose run is not over yet."""
        runs = (comment for comment in self.commands if comment.body.startswith("/ai run"))
        return sum(any(one.content == "confused" for one in comment.reactions) for comment in runs)


class Ends:
    """How runs end: an issue's first as its title says, or by luck; every later one well."""

    def __init__(self, dice: random.Random, odd: float) -> None:
        self._dice, self._odd = dice, odd
        self._lock = threading.Lock()
        self._seen: set[tuple[int, str]] = set()

    def __call__(self, run: WorkflowRun) -> End:
        """See `Instant.ends`."""
        issue = run.repo.issues[int(run.inputs["issue"])]
        with self._lock:
            first = (run.repo.id, run.inputs["issue"]) not in self._seen
            self._seen.add((run.repo.id, run.inputs["issue"]))
            odd = self._dice.random() < self._odd
            chosen = self._dice.choice(ODD)
        if not first:
            return DONE
        if "blocked at first" in issue.title:
            return BLOCKED
        return chosen if odd and "filler" in issue.title else DONE


class Crowd:
    """The people of one town."""

    def __init__(self, town: ServerTown, dice: random.Random) -> None:
        self.town = town
        self.dice = dice
        self.owed: dict[tuple[str, int], Owed] = {}
        self._fillers: list[Issue] = []
        self._waiting: list[tuple[Callable[[], bool], Story]] = []

    # ---------------------------------------------------------------------------------------- turns

    def begin(self, stories: Sequence[Callable[[], Story]]) -> None:
        """From the next turn on these happen, too."""
        self._waiting += [(lambda: True, story()) for story in stories]

    def move_on(self) -> None:
        """Drafts are reviewed, and everybody whose time has come does the next thing."""
        self._review()
        waiting, self._waiting = self._waiting, []
        for ready, story in waiting:
            if not ready():
                self._waiting.append((ready, story))
                continue
            following = next(story, None)
            if following is not None:
                self._waiting.append((following, story))

    def turn(self, *, ask: bool) -> None:
        """Whatever is due; and one more request, or at least a word that makes a delivery."""
        self.move_on()
        if ask or not self._fillers:
            self.filler()
        else:
            issue = self.dice.choice(self._fillers)
            self.town.hub.issues.add_comment(issue, self.town.maintainer, "How is it going?")

    def filler(self) -> None:
        """Somebody asks for something that waits for nothing."""
        issue = self.open(self.dice.choice(self.town.repos), f"A filler {len(self._fillers) + 1}")
        self._fillers.append(issue)
        if self.dice.random() < 0.3:
            self.command(issue, "/ai run please")
        else:
            self.ask(issue)

    def _review(self) -> None:
        """The maintainer merges what is Done, which closes its issue."""
        for owed in list(self.owed.values()):
            said = [comment.body for comment in owed.issue.comments if VERDICT_MARKER in comment.body]
            pull = self.town.pull_of(owed.issue)
            if pull is not None and said and said[-1].startswith("Done"):
                self.town.merge(pull)

    @property
    def all_told(self) -> bool:
        """Whether every storyline is at its end."""
        return not self._waiting

    # ---------------------------------------------------------------------------------------- verbs

    def open(self, repo: Repo, title: str, *, on: Sequence[Issue] = (), body: str = "") -> Issue:
        """Open an issue that depends on others."""
        names = [f"#{one.number}" if one.repo is repo else f"{one.repo.full_name}#{one.number}" for one in on]
        text = body or "Do it." + (f"\n\nDepends on {', '.join(names)}." if names else "")
        issue = self.town.hub.issues.create(repo, self.town.maintainer, title=title, body=text)
        self.owed[repo.full_name, issue.number] = Owed(issue, tuple(on))
        return issue

    def ask(self, issue: Issue) -> None:
        """Put the label on: a run is owed."""
        owed = self.of(issue)
        owed.least += 1
        owed.most += 1
        self.town.label(issue)

    def take_back(self, issue: Issue) -> None:
        """Take the label off before anything ran."""
        self.of(issue).least -= 1
        self.town.hub.issues.remove_label(issue, "ai-ready", self.town.maintainer)

    def command(self, issue: Issue, text: str) -> None:
        """Write a command."""
        owed = self.of(issue)
        if text.startswith("/ai run"):
            owed.least += 1
            owed.most += 1
        owed.commands.append(self.town.hub.issues.add_comment(issue, self.town.maintainer, text))

    def of(self, issue: Issue) -> Owed:
        """What it is owed."""
        return self.owed[issue.repo.full_name, issue.number]

    # ------------------------------------------------------------------------------------ storylines

    def storylines(self) -> tuple[Callable[[], Story], ...]:
        """Everything that happens in every town."""
        return (
            self.phases,
            self.diamond,
            self.label_taken_off,
            self.reopened,
            self.run_twice,
            self.stopped,
            self.closed_while_waiting,
            self.link_added,
            self.changed_mind,
        )

    def phases(self) -> Story:
        """Three phases, asked for at once and in the wrong order."""
        shop = self.town.repo
        issues: list[Issue] = []
        for title in ("[P-1.1] First", "[P-1.2] Second", "[P-2.1] Third"):
            issue = self.open(shop, title)
            self.of(issue).prerequisites = tuple(issues)
            issues.append(issue)
        # What is in no list yet can hold nobody back: titles order only what GitHub shows.
        yield self.later(SEEN_BY_ALL)
        for issue in reversed(issues):
            self.ask(issue)
        yield lambda: all(not issue.open for issue in issues)

    def diamond(self) -> Story:
        """One, two beside each other, one after both; and one in another repository after that."""
        shop, other = self.town.repos
        top = self.open(shop, "Diamond top")
        sides = [self.open(shop, f"Diamond {side}", on=[top]) for side in ("left", "right")]
        bottom = self.open(shop, "Diamond bottom", on=sides)
        beyond = self.open(other, "Beyond the diamond", on=[bottom])
        for issue in (beyond, bottom, *sides, top):
            self.ask(issue)
        yield lambda: not beyond.open

    def label_taken_off(self) -> Story:
        """Asked for, waiting, and then not wanted any more: nothing may ever run."""
        anchor = self.open(self.town.repo, "An anchor")
        issue = self.open(self.town.repo, "Not wanted", on=[anchor])
        self.ask(issue)
        yield lambda: "ai-waiting" in self.town.labels(issue)
        self.take_back(issue)
        yield self.later(SEEN_BY_ALL)
        self.town.close(anchor)

    def reopened(self) -> Story:
        """A prerequisite opens again while another one is still open: both have to close."""
        shop = self.town.repo
        first, second = self.open(shop, "Reopened"), self.open(shop, "Still open")
        self.town.close(first)
        issue = self.open(shop, "After both", on=[first, second])
        self.ask(issue)
        yield lambda: "ai-waiting" in self.town.labels(issue)
        self.town.hub.issues.reopen(first, self.town.maintainer)
        yield self.later(SEEN_BY_ALL)
        self.town.close(second)
        yield self.later(SEEN_BY_ALL)
        self.town.close(first)

    def run_twice(self) -> Story:
        """`/ai run`, Blocked, and `/ai run` again."""
        issue = self.open(self.town.repo, "Twice, blocked at first")
        self.command(issue, "/ai run")
        yield lambda: bool(verdict_keys(issue))
        self.command(issue, "/ai run once more")

    def stopped(self) -> Story:
        """`/ai stop` as soon as there is a run."""
        issue = self.open(self.town.repos[1], "Stopped")
        self.ask(issue)
        yield lambda: bool(self.town.runs(issue))
        self.command(issue, "/ai stop")

    def closed_while_waiting(self) -> Story:
        """Closed by hand while it waits: nothing is owed any more."""
        anchor = self.open(self.town.repos[1], "Another anchor")
        issue = self.open(self.town.repos[1], "Closed early", on=[anchor])
        self.ask(issue)
        yield lambda: "ai-waiting" in self.town.labels(issue)
        self.of(issue).least -= 1
        self.town.close(issue, "not_planned")
        yield self.later(SEEN_BY_ALL)
        self.town.close(anchor)

    def link_added(self) -> Story:
        """A native "blocked by" comes when the issue waits already."""
        shop = self.town.repo
        first, second = self.open(shop, "Named"), self.open(shop, "Linked later")
        issue = self.open(shop, "After a link", on=[first])
        self.ask(issue)
        yield lambda: "ai-waiting" in self.town.labels(issue)
        self.town.hub.links.block(issue, second, self.town.maintainer)
        self.of(issue).prerequisites += (second,)
        yield self.later(SEEN_BY_ALL)
        self.town.close(first)
        yield self.later(SEEN_BY_ALL)
        self.town.close(second)

    def changed_mind(self) -> Story:
        """Label on and off at once, and on again a little later."""
        issue = self.open(self.town.repos[1], "Changed mind")
        self.ask(issue)
        self.take_back(issue)
        yield self.later(SEEN_BY_ALL)
        if not self.town.runs(issue):
            self.ask(issue)

    def slow_pass(self, starts: int = 5) -> Story:
        """Many are ready at once and GitHub takes its time: the last one's prerequisite opens again meanwhile.

        What was read before the first dispatch is old when the last one's turn comes, so it has to be read again.
        """
        town = self.town
        shop = town.repo
        gate = self.open(shop, "The gate")
        town.close(gate)
        early = [self.open(shop, f"Ready {number}") for number in range(starts)]
        last = self.open(shop, "Behind the gate", on=[gate])

        def heard(event: Event) -> None:
            if (event.name, event.action) == ("workflow_run", "requested") and gate.number not in reopened:
                reopened.add(gate.number)
                town.hub.issues.reopen(gate, town.maintainer)

        reopened: set[int] = set()
        deaf = town.hub.subscribe(heard)
        town.hub.faults.delay(0.4, r"POST .*/dispatches", times=starts)
        usual, town.actions.work_seconds = town.actions.work_seconds, starts * 0.8
        with town.hub.lock:  # all at one moment, as a person who marks them in a list does
            for issue in (*early, last):
                self.ask(issue)
        yield lambda: bool(reopened) and all(verdict_keys(issue) for issue in early)
        deaf()
        town.hub.faults.clear()
        town.actions.work_seconds = usual
        town.close(gate)
        yield lambda: bool(verdict_keys(last))

    @staticmethod
    def later(seconds: float) -> Callable[[], bool]:
        """True once so much time has gone by."""
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end
