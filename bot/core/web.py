"""Who waits for whom, as far as somebody asks, kept while issues come and go: for `live.LiveOrder`.

What an issue names is looked up when somebody waits for it, directly or not, and then kept until that changes. Cycles
are looked for only among what is reached from issues whose ties are new: a new cycle leads through one of those. What
closes opens cycles and makes none.
"""

from bot.core.edges import Edges, Named
from bot.core.model import Ref
from bot.core.order import knots
from bot.core.series import LiveLane

Ties = tuple[frozenset[Ref], LiveLane | None, int]
"""What an issue names, and its place in a series: all that decides whom it waits for and who waits for it."""


class Web:
    """The ties of one repository's open issues. The collections are their owner's, who says what changed in them."""

    def __init__(self, edges: Edges, opened: set[int], asked: set[int], lane_of: dict[int, LiveLane]) -> None:
        self.knotted: dict[int, tuple[int, ...]] = {}
        """Who waits for itself, with a cycle; of those asked for and what they reach."""
        self._edges = edges
        self._opened, self._asked, self._lane_of = opened, asked, lane_of
        self._named: dict[int, Named] = {}
        self._ties: dict[int, Ties] = {}
        """Of those asked for and all that is reached from them."""
        self._naming: dict[Ref, set[int]] = {}
        """Who of those names it."""
        self._reached: set[LiveLane] = set()

    def named(self, number: int) -> Named:
        """What an open issue names."""
        found = self._named.get(number)
        if found is None:
            self._named[number] = found = self._edges.named(number)
        return found

    def forget(self, ref: Ref) -> set[int]:
        """Something is different about `ref`: whoever names it, which is looked at again."""
        naming = set(self._naming.get(ref, ()))
        for number in naming:
            self._named.pop(number, None)
        return naming

    def renew(self, numbers: set[int]) -> set[int]:
        """These issues came, went or changed. Returns those that came into a cycle, out of one, or have another."""
        seeds, torn = set[int](), False
        for number in numbers:
            self._named.pop(number, None)
            before, after = self._untie(number), None
            if number in self._opened and self._is_wanted(number):
                after = self._tie(number)
            if after != before:
                torn = torn or number in self.knotted
                seeds.update(() if after is None else (number,))
        if torn:
            seeds |= self.knotted.keys() & self._opened
        region, lanes = self._reach(seeds)
        found = knots({number: self.named(number)[0] for number in region}, [lane.lane() for lane in lanes])
        old, self.knotted = self.knotted, found if torn else self.knotted | found
        return {number for number in old.keys() | self.knotted.keys() if old.get(number) != self.knotted.get(number)}

    def _reach(self, seeds: set[int]) -> tuple[set[int], set[LiveLane]]:
        """All that `seeds` wait for, directly or not, with the whole series of each; those series."""
        region, lanes, frontier = set[int](), set[LiveLane](), seeds
        while frontier:
            region |= frontier
            found = set[int]()
            for number in frontier:
                if number not in self._ties:
                    self._tie(number)
                found.update(self.named(number)[0])
                lane = self._lane_of.get(number)
                if lane is not None and lane not in lanes:
                    lanes.add(lane)
                    found.update(lane.members)
            frontier = found - region
        self._reached |= lanes
        return region, lanes

    def _is_wanted(self, number: int) -> bool:
        if number in self._asked or self._lane_of.get(number) in self._reached:
            return True
        return bool(self._naming.get(Ref(self._edges.repo, number)))

    def _tie(self, number: int) -> Ties:
        lane = self._lane_of.get(number)
        refs = frozenset(link.ref for link in self._edges.mentions(number))
        self._ties[number] = ties = refs, lane, lane.groups[number] if lane is not None else 0
        for ref in refs:
            self._naming.setdefault(ref, set()).add(number)
        return ties

    def _untie(self, number: int) -> Ties | None:
        ties = self._ties.pop(number, None)
        for ref in ties[0] if ties is not None else ():
            self._naming[ref].discard(number)
        return ties
