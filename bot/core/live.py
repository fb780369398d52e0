"""The order of one repository, kept up to date change by change: what `arrange` says, without starting again.

    issues, requests, standings ─▶ LiveOrder ─▶ who may be concerned, `place` of one, `arrangement` of all

A change touches the issue itself, those that name it, and at most the front of its series (`Web` says who that is, and
looks for cycles). `arrange` stays the definition: whatever this says is what that says of the same facts.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from types import MappingProxyType

from bot.core.edges import Edges, TextLinks, text_of
from bot.core.model import Issue, Ref, Standing
from bot.core.neighbours import Neighbours
from bot.core.order import Arrangement, Invalid, Note, Waiting, invalid_of
from bot.core.series import LiveLane, Series, group_of, rank, series_under
from bot.core.settings import OrderRules
from bot.core.titles import Keyed, Meta
from bot.core.web import Web


class LiveOrder:
    """What is ready, waits or is invalid in one repository. Not for several threads."""

    def __init__(self, rules: OrderRules, repo: str, *, text: TextLinks | None = None) -> None:
        self._rules = rules
        self._repo = repo.lower()
        self._issues: dict[int, Issue] = {}
        self._asked: set[int] = set()
        self._standings: dict[Ref, Standing] = {}
        self._titles = Neighbours()
        self._opened: set[int] = set()
        self._listed: dict[int, int] = {}
        """Open trackers and requested issues, and how each ranks."""
        self._sorted: list[tuple[int, int]] = []
        """The same, by rank and number."""
        self._lanes: dict[Series, LiveLane] = {}
        self._lane_of: dict[int, LiveLane] = {}
        facts = (self._issues, self._titles.keys, rules, self._repo, self._standings, text or text_of(self._repo))
        self._web = Web(
            Edges(*facts, self._opened, self._asked, self._lane_of), self._opened, self._asked, self._lane_of
        )
        self._dirty: set[int] = set()
        self._arrangement: Arrangement | None = None

    # ------------------------------------------------------------------------------------- changes

    def update(self, issue: Issue, *, asked: bool) -> frozenset[int]:
        """An issue (or pull request) is now so; `asked`: somebody asks for it.

        Returns whoever is concerned: every issue of which it may now be something else whether it is ready, waits (for
        what it names, or for phase order) or is invalid. Those that only wait for fewer or more of their series than
        before are not told.
        """
        return self._settled(self._change(issue.number, issue, asked=asked))

    def follow(
        self,
        issues: Mapping[int, Issue],
        candidates: Collection[int],
        standings: Mapping[Ref, Standing] = MappingProxyType({}),
    ) -> frozenset[int]:
        """All of it is now so, as `arrange` is told; cheap where most issues are the same objects as before.

        Returns what `update` does.
        """
        asked, known, concerned = set(candidates), self._issues, set[int]()
        changed = {number for number, issue in issues.items() if known.get(number) is not issue}
        for number in changed | (asked & issues.keys() ^ self._asked):
            concerned |= self._change(number, issues.get(number), asked=number in asked)
        if len(known) > len(issues):
            for number in known.keys() - issues.keys():
                concerned |= self._change(number, None, asked=False)
        for ref in dict(self._standings.items() ^ standings.items()):
            concerned |= self._web.forget(ref)
        self._standings.clear()
        self._standings.update(standings)
        return self._settled(concerned)

    # ------------------------------------------------------------------------------------- answers

    def place(self, number: int) -> Waiting | Invalid | None:
        """What a requested open issue waits for, or why it can't start; None: it is ready."""
        named, others, itself = self._web.named(number)
        problem = invalid_of(number, others, itself=itself, cycle=self._web.knotted.get(number))
        if problem is not None:
            return problem
        lane = self._lane_of.get(number)
        members, ahead = (lane.members, lane.ahead(number)) if lane is not None else ((), 0)
        if not (named or others or ahead):
            return None
        return Waiting(number, self._repo, named, others, members, ahead)

    def arrangement(self) -> Arrangement:
        """The very same as `arrange` gives for all that is known now."""
        if self._arrangement is None:
            self._arrangement = self._arranged()
        return self._arrangement

    def _arranged(self) -> Arrangement:
        keys = dict(self._titles.keys)
        places = {number: self.place(number) for _, number in self._sorted if number in self._opened}
        return Arrangement(
            keys,
            tuple(number for _, number in self._sorted),
            tuple(number for number, place in places.items() if place is None),
            tuple(place for place in places.values() if type(place) is Waiting),
            tuple(place for place in places.values() if type(place) is Invalid),
            tuple(Note(number, keys[number].note) for number in sorted(self._titles.noted)),
        )

    # ------------------------------------------------------------------------------- one issue changes

    def _change(self, number: int, issue: Issue | None, *, asked: bool) -> set[int]:
        """Take an issue out as it was and put it in as it is; who is concerned, cycles apart."""
        if self._issues.get(number) == issue and (number in self._asked) == asked:
            if issue is not None:
                self._issues[number] = issue  # the next time it is known at a glance
            return set()
        fronts = dict[LiveLane, int]()
        self._take_out(number, fronts)
        if issue is not None:
            self._issues[number] = issue
            (self._asked.add if asked else self._asked.discard)(number)
        for other in self._titles.swap(number, issue):
            if other in self._listed:
                self._unlist(other)
                self._list(other)
        if issue is not None and issue.open and not issue.is_pull:
            self._put_in(issue, fronts)
        self._dirty.add(number)
        return {number} | self._web.forget(Ref(self._repo, number)) | _moved_up(fronts)

    def _take_out(self, number: int, fronts: dict[LiveLane, int]) -> None:
        self._issues.pop(number, None)
        self._asked.discard(number)
        self._opened.discard(number)
        self._unlist(number)
        lane = self._lane_of.pop(number, None)
        if lane is not None:
            fronts[lane] = lane.front
            lane.remove(number)

    def _put_in(self, issue: Issue, fronts: dict[LiveLane, int]) -> None:
        number, title = issue.number, self._titles.keys[issue.number]
        if type(title) is Meta or number in self._asked:
            self._list(number)
        if type(title) is Meta:
            return
        self._opened.add(number)
        if type(title) is Keyed:
            lane = self._lanes.setdefault(series_under(self._rules, title, issue), LiveLane())
            fronts.setdefault(lane, lane.front)
            ranked = rank(title, issue)
            lane.add(number, ranked, group_of(ranked, serial=self._rules.within_phase == "serial"))
            self._lane_of[number] = lane

    def _list(self, number: int) -> None:
        self._listed[number] = ranked = rank(self._titles.keys[number], self._issues[number])
        insort(self._sorted, (ranked, number))

    def _unlist(self, number: int) -> None:
        ranked = self._listed.pop(number, None)
        if ranked is not None:
            del self._sorted[bisect_left(self._sorted, (ranked, number))]

    def _settled(self, concerned: set[int]) -> frozenset[int]:
        """With those that came into a cycle, or out of one."""
        if self._dirty:
            concerned |= self._web.renew(self._dirty)
            self._dirty.clear()
        if concerned:
            self._arrangement = None
        return frozenset(concerned)


def _moved_up(fronts: Mapping[LiveLane, int]) -> set[int]:
    """Of series with another front than before: whoever is there now, and whoever was."""
    moved = set[int]()
    for lane, front in fronts.items():
        if lane.front != front:
            moved.update(lane.side_by_side(front), lane.side_by_side(lane.front))
    return moved


class Following:
    """`arrange` for one who asks again and again about the same repository. Not for several threads."""

    def __init__(self) -> None:
        self._last: tuple[OrderRules, str, LiveOrder] | None = None

    def __call__(
        self,
        issues: Mapping[int, Issue],
        candidates: Collection[int],
        *,
        rules: OrderRules,
        repo: str,
        standings: Mapping[Ref, Standing] = MappingProxyType({}),
    ) -> Arrangement:
        """What `arrange` says of the same, word for word."""
        last, self._last = self._last, None  # until it is done: whoever is interrupted starts again
        live = last[2] if last is not None and last[:2] == (rules, repo) else LiveOrder(rules, repo)
        live.follow(issues, candidates, standings)
        found = live.arrangement()
        self._last = rules, repo, live
        return found
