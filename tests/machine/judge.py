"""What must hold in a world: after each step, and when everything has come to its end. The stories' and chaos' judges, and
what only this world knows: who asked, and what was edited.
"""

import re
from collections import Counter
from dataclasses import replace

from bot.core.ledger import request_of
from bot.core.names import REQUEST_LABEL, StateLabel
from bot.sandbox.actions.instant import open_prerequisites
from bot.sandbox.records import Issue
from bot.server.rules import Rules
from tests.machine.world import LOOKS, Ask, World, meant
from tests.stories.invariants import check_moment
from tests.stories.server_town import check_server_town

UNDER_WAY = {StateLabel.QUEUED, StateLabel.RUNNING}
NAMED = re.compile(r"#(\d+)")
BELIEVED = Rules().permission + 60
"""Seconds after which nobody is believed to be permitted who is not any more: and a pass that had begun."""


class Judge:
    """Looks at one world."""

    def __init__(self, world: World) -> None:
        self._world, self._town = world, world.town
        self._judged = 0

    # ------------------------------------------------------------------------------ after each step

    def excuse_old_lists(self, seconds: float, since: int) -> None:
        """What began since dispatch number `since` was decided by lists as of `seconds` ago, where people have acted in
        that time: titles order only what GitHub shows.
        """
        acted, found = self._world.acted_at, self._town.actions.dispatches
        if acted is not None and (self._world.clock() - acted).total_seconds() <= seconds:
            found[since:] = [replace(each, open_prerequisites=()) for each in found[since:]]

    def check_moment(self) -> None:
        """At any moment."""
        for repo in self._town.repos:
            check_moment(self._town.hub, repo)
        assert self._world.listener.doubled == [], self._world.listener.doubled
        found = self._town.actions.dispatches
        keys = Counter((each.repository_id, each.run_key) for each in found)
        assert max(keys.values(), default=1) == 1, f"dispatched twice: {keys}"
        for each in found[self._judged :]:
            assert each.open_prerequisites == (), f"{each.run_key} began while {each.open_prerequisites} were open"
            assert each.other_runs == (), f"{each.run_key} began beside {each.other_runs}"
            self._check_asked(each.issue, each.run_key)
        self._judged = len(found)
        self._check_words()

    def _check_asked(self, number: int, run_key: str) -> None:
        """Somebody asked for it who might, and has not lost that right since (longer than that is believed)."""
        world, request = self._world, request_of(run_key)
        asked = [ask for ask in world.asks if ask.request == request and meant(ask.now_on).number == number]
        assert asked, f"nobody asked for {run_key}"
        by = asked[0].by
        taken = world.taken.get(by.user.login)
        lately = taken is not None and (world.clock() - taken).total_seconds() <= BELIEVED
        assert world.may_ask(by) or lately, f"{by.user.login}, who may not, asked for {run_key}"

    def _check_words(self) -> None:
        """What people wrote stands as they wrote it."""
        there = {
            comment.node_id: comment.body
            for repo in self._town.repos
            for issue in repo.issues.values()
            for comment in issue.comments
        }
        for node_id, (comment, body) in self._world.words.items():
            living = self._town.hub.node(comment.issue.node_id) is comment.issue
            assert not living or there.get(node_id) == body, f"somebody's words were lost: {body!r}"

    # --------------------------------------------------------------------------------------- the end

    def check_end(self) -> None:
        """Everything was brought to its end: nothing owed is left, and looking again writes nothing."""
        self._world.settle()
        self.check_moment()
        before = len(self._town.events)
        for seconds in LOOKS[:2]:
            self._world.clock.go_on(seconds)
            self._world.server.look_at_everything()
            self._world.catch_up()
        bot = self._town.app.bot
        more = [(e.name, e.action) for e in self._town.events[before:] if e.actor is bot]
        assert more == [], f"looking again wrote {more}\n{self._town.told()}"
        left = [why for repo in self._town.repos for issue in repo.issues.values() if (why := self._left(issue))]
        left += [why for ask in self._world.asks if (why := self._unserved(ask))]
        left += self._unanswered()
        assert left == [], "\n".join([*left, self._town.told()])
        check_server_town(self._town)

    def _left(self, issue: Issue) -> str:
        """What is not over though nothing holds it."""
        if issue.pull or not issue.open:
            return ""
        labels = self._town.labels(issue)
        if labels & UNDER_WAY:
            return f"#{issue.number} is left {sorted(labels)}"
        if labels & {REQUEST_LABEL, StateLabel.WAITING} and not held_back(issue):
            return f"#{issue.number} waits ({sorted(labels)}) for nothing: {self._town.status(issue)[:200]}"
        return ""

    def _unserved(self, ask: Ask) -> str:
        """A request that nobody took back had a run, or waits, or was refused."""
        issue = ask.issue
        if ask.void or not issue.open or self._town.hub.node(issue.node_id) is not issue or held_back(issue):
            return ""
        if ask.comment is not None and any(one.content == "confused" for one in ask.comment.reactions):
            return ""
        mine = [each for each in self._town.actions.dispatches if each.issue == issue.number]
        if any(each.at >= ask.at for each in mine if each.repository_id == issue.repo.id):
            return ""
        return f"#{issue.number}: {ask.request} of {ask.by.user.login} at {ask.at:%H:%M:%S} was never served"

    def _unanswered(self) -> list[str]:
        """Every command on what is open has its reaction."""
        world = self._world
        return [
            f"#{comment.issue.number}: {body!r} was never answered"
            for comment, body in world.words.values()
            if body.startswith("/ai ") and comment.issue.open and not comment.reactions
            if self._town.hub.node(comment.issue.node_id) is comment.issue
        ]


def held_back(issue: Issue) -> bool:
    """Whether it has to wait, as far as GitHub shows: open prerequisites, or a reference that leads nowhere (any more)."""
    named = {int(number) for number in NAMED.findall(issue.body)}
    return bool(open_prerequisites(issue)) or bool(named - issue.repo.issues.keys()) or issue.number in named
