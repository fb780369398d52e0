"""The rules: what people, GitHub, runners and the machine room may do, in any order Hypothesis thinks of."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from bot.core.names import REQUEST_LABEL
from bot.sandbox.actions.instant import (
    BLOCKED,
    CANCELLED,
    DELETED,
    DONE,
    FORCED,
    LOST,
    SILENT,
    STARTUP_FAILURE,
    TIMED_OUT,
)
from bot.sandbox.records import Issue
from tests.machine.judge import Judge
from tests.machine.server import STEPS
from tests.machine.world import PAUSED, World, world

TITLES = ("Greet", "[P-1.1] One", "[P-1.2] Two", "[P-2.1] Three", "[Q-1.1] Other")
ENDS = {
    "done": DONE,
    "blocked": BLOCKED,
    "cancelled": CANCELLED,
    "forced": FORCED,
    "silent": SILENT,
    "lost": LOST,
    "timed out": TIMED_OUT,
}
COMMANDS = ("/ai run", "/ai retry", "/ai stop", "/ai why", "/ai status", "/ai nonsense", "Just words.")
FAULTS = ("lost dispatch", "lost comment", "bad gateway", "cut", "rate limit", "no dispatch")
MEANWHILE = ("links", "edits", "unlabelled", "turns")
PEOPLE = st.sampled_from(("rita", "walt"))
INDEX = st.integers(0, 9)


class Machine(RuleBasedStateMachine):
    """One world an example."""

    issues: Bundle[Issue] = Bundle("issues")

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="ai-ready-machine-"))
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self.world: World = self._stack.enter_context(world(self._folder))
        self.judge = Judge(self.world)
        self.hub = self.world.town.hub

    def teardown(self) -> None:
        """The end of an example, unless something broke before."""
        with self._stack:
            if sys.exc_info()[0] is None:
                self.judge.check_end()

    @invariant()
    def holds(self) -> None:
        """See `Judge.check_moment`."""
        self.judge.check_moment()

    # ---------------------------------------------------------------------------------- people: issues

    @initialize(target=issues, titles=st.lists(st.sampled_from(TITLES), min_size=2, max_size=4), by=PEOPLE)
    def begins_with(self, titles: list[str], by: str) -> MultipleResults[Issue]:
        """There are some from the beginning, most of them asked for."""
        made = [self.world.open(title, "Do it.") for title in titles]
        for issue in made[1:]:
            self.world.label(issue, self.hub.person(by))
        return multiple(*made)

    @rule(target=issues, title=st.sampled_from(TITLES), by=PEOPLE)
    def opens(self, title: str, by: str) -> Issue:
        """One more, asked for at once."""
        issue = self.world.open(title, "Do it.")
        self.world.label(issue, self.hub.person(by))
        return issue

    @rule(target=issues, on=issues, by=PEOPLE)
    def opens_behind(self, on: Issue, by: str) -> Issue:
        """One more, which depends on another in words, and is asked for."""
        issue = self.world.open("Behind", f"Do it.\n\nDepends on #{on.number}.")
        self.world.label(issue, self.hub.person(by))
        return issue

    @rule(issue=issues, by=PEOPLE)
    def labels(self, issue: Issue, by: str) -> None:
        """Asked for; or, where it is already, not any more, and then again."""
        if issue.has_label(REQUEST_LABEL):
            self.unlabels(issue)
        self.world.label(issue, self.hub.person(by))

    def unlabels(self, issue: Issue) -> None:
        """Not wanted any more."""
        with self.world.by_hand():
            self.hub.issues.remove_label(issue, REQUEST_LABEL, self.world.rita)
            self.world.give_up(issue, "unlabelled")

    @rule(issue=issues, text=st.sampled_from(COMMANDS), by=PEOPLE)
    def comments(self, issue: Issue, text: str, by: str) -> None:
        """A command, or words."""
        self.world.comment(issue, text, self.hub.person(by))

    @rule(issue=issues, how=st.sampled_from(("completed", "not_planned", "unlabelled", "by a stranger")))
    def turns(self, issue: Issue, how: str) -> None:
        """Closed by hand, or opened again (who still wants it asks again); taken back; wanted by who may not ask."""
        if how == "unlabelled":
            self.unlabels(issue)
        elif how == "by a stranger":
            self.world.label(issue, self.world.town.visitor)
            self.world.comment(issue, "/ai run", self.world.town.visitor)
        else:
            with self.world.by_hand():
                self.world.give_up(issue, "closed")
                if issue.open:
                    self.hub.issues.close(issue, self.world.rita, reason=how)
                else:
                    self.hub.issues.reopen(issue, self.world.rita)

    @rule(issue=issues, on=issues, title=st.none() | st.sampled_from(TITLES))
    def edits(self, issue: Issue, on: Issue, title: str | None) -> None:
        """Another key, or none; or the body names another prerequisite (none, where it is the same issue)."""
        body = None if title else "Do it." if on is issue else f"Do it.\n\nDepends on #{on.number}."
        with self.world.by_hand():
            self.world.give_up(issue, "edited")
            self.hub.issues.edit(issue, self.world.rita, title=title, body=body)

    @rule(issue=issues, on=issues, child=st.booleans())
    def links(self, issue: Issue, on: Issue, child: bool) -> None:
        """Blocked by another, or its parent; or not any more."""
        links = self.hub.links
        with self.world.by_hand():
            if child and on in issue.sub_issues:
                links.remove_child(issue, on, self.world.rita)
            elif child:
                links.add_child(issue, on, self.world.rita)
            elif on in issue.blocked_by:
                links.unblock(issue, on, self.world.rita)
            else:
                links.block(issue, on, self.world.rita)

    @rule(issue=consumes(issues), transferred=st.booleans())
    def goes(self, issue: Issue, transferred: bool) -> None:
        """Deleted or transferred."""
        with self.world.by_hand():
            if transferred:
                self.hub.issues.transfer(issue, self.world.town.repos[1], self.world.rita)
            else:
                self.hub.issues.delete(issue, self.world.rita)

    # ------------------------------------------------------------------------------ people: our drafts

    @precondition(lambda self: self.world.drafts())
    @rule(
        which=INDEX, how=st.sampled_from(("merged", "closed", "reviewed", "/ai fix the names", "/ai stop")), by=PEOPLE
    )
    def looks_at_a_draft(self, which: int, how: str, by: str) -> None:
        """It is good, or not wanted, or to be changed."""
        drafts, person = self.world.drafts(), self.hub.person(by)
        pull = drafts[which % len(drafts)]
        if how.startswith("/ai"):
            self.world.comment(pull, how, person)
            return
        with self.world.by_hand():
            if how == "merged":
                self.world.town.merge(pull)
            elif how == "closed":
                self.hub.issues.close(pull, self.world.rita)
            else:
                self.world.review(pull, person)

    # ------------------------------------------------------------------------------ people: the house

    @rule(pause=st.booleans())
    def has_news(self, pause: bool) -> None:
        """The Actions variable, on or off; or Walt's right is taken, or given back."""
        with self.world.by_hand():
            if pause:
                variables = self.world.town.repo.variables
                if variables.pop(PAUSED, None) is None:
                    variables[PAUSED] = "true"
            else:
                self.world.walt_goes_or_comes()

    # ----------------------------------------------------------------------------------------- GitHub

    @precondition(lambda self: self.world.post.bag)
    @rule(which=INDEX, how=st.sampled_from(("once", "twice", "lost")))
    def delivers(self, which: int, how: str) -> None:
        """One of the deliveries, out of order, or twice, or never."""
        bag = self.world.post.bag
        delivery = bag[which % len(bag)]
        if how == "lost":
            self.world.post.lose(delivery)
        else:
            self.world.post.bring(delivery, self.world.server.receiver, times=1 + (how == "twice"))

    @precondition(lambda self: self.world.server.receiver)
    @rule(fault=st.sampled_from(FAULTS))
    def falters(self, fault: str) -> None:
        """GitHub answers badly while the server catches up."""
        faults = self.hub.faults
        {
            "lost dispatch": lambda: faults.drop_after("POST .*/dispatches"),
            "no dispatch": lambda: faults.fail("POST .*/dispatches", 500),
            "lost comment": lambda: faults.drop_after("/graphql.*(addComment|updateIssueComment)"),
            "bad gateway": lambda: faults.bad_gateway_after("POST"),
            "cut": lambda: faults.drop("", times=3),
            "rate limit": lambda: faults.secondary_rate_limit("", retry_after=30),
        }[fault]()
        self.world.catch_up()
        faults.clear()

    @precondition(lambda self: self.world.server.receiver)
    @rule(seconds=st.sampled_from((2.0, 20.0, 60.0)))
    def is_old(self, seconds: float) -> None:
        """GitHub's lists are old while the server catches up."""
        since = len(self.world.town.actions.dispatches)
        self.hub.faults.stale(seconds)
        self.world.catch_up()
        self.hub.faults.clear()
        self.judge.excuse_old_lists(seconds, since)

    @rule(seconds=st.sampled_from((1.0, 5.0, 61.0, 100.0, 301.0)))
    def time_passes(self, seconds: float) -> None:
        """Nobody does anything."""
        self.world.clock.go_on(seconds)

    # ------------------------------------------------------------------------------------------- runs

    @precondition(lambda self: self.world.runs.waiting())
    @rule(which=INDEX, fails=st.booleans())
    def begins(self, which: int, fails: bool) -> None:
        """A runner takes a run; or GitHub finds that it can't start."""
        waiting = self.world.runs.waiting()
        run = waiting[which % len(waiting)]
        if fails and which == 0:
            self.world.runs.end(run, STARTUP_FAILURE)
        else:
            self.world.runs.begin(run)

    @precondition(lambda self: self.world.runs.working())
    @rule(which=INDEX, end=st.sampled_from(sorted(ENDS)))
    def ends(self, which: int, end: str) -> None:
        """A run is over."""
        working = self.world.runs.working()
        self.world.runs.end(working[which % len(working)], ENDS[end])

    @precondition(lambda self: self.world.runs.working())
    @rule()
    def is_deleted(self) -> None:
        """A run that the server has heard of ends, and is deleted."""
        self.world.catch_up()
        for run in self.world.runs.working()[:1]:
            self.world.runs.end(run, DELETED)

    # ------------------------------------------------------------------------------------- the server

    @rule()
    def catches_up(self) -> None:
        """Everything arrives, and the server does what is due."""
        self.world.catch_up()

    @rule()
    def goes_on(self) -> None:
        """Runs begin and end well, one after another."""
        self.world.catch_up()
        self.world.advance()

    @precondition(lambda self: self.world.server.receiver)
    @rule(lanes=st.integers(1, 2))
    def works(self, lanes: int) -> None:
        """The server gets only as far as this."""
        self.world.server.work(lanes)

    @precondition(lambda self: self.world.server.receiver)
    @rule(step=st.sampled_from(("s6", "s5")), issue=issues, on=issues, how=st.sampled_from(MEANWHILE))
    def is_overtaken(self, step: str, issue: Issue, on: Issue, how: str) -> None:
        """Somebody asks, and people go on amid the pass that hears of it: after the claim, too."""
        self.world.label(issue, self.world.rita)
        self.world.bring_all()
        acts = {
            "turns": lambda: self.turns(issue, "completed"),
            "unlabelled": lambda: self.turns(issue, "unlabelled"),
            "edits": lambda: self.edits(issue, on, None),
            "links": lambda: self.links(issue, on, child=False),
        }
        self.world.server.work_meanwhile(step, 1, acts[how])

    @precondition(lambda self: self.world.server.receiver)
    @rule(step=st.sampled_from(STEPS), times=st.integers(1, 2), arrived=st.booleans())
    def is_killed(self, step: str, times: int, arrived: bool) -> None:
        """Amid a pass, where there is one; otherwise between two."""
        if arrived:
            self.world.bring_all()
        self.world.server.work_until_killed(step, times)

    @precondition(lambda self: not self.world.server.receiver)
    @rule()
    def comes_up(self) -> None:
        """Up again."""
        self.world.up()
