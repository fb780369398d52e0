"""What one issue names as its prerequisites, weighed: the same for `order.arrange` and for `live.LiveOrder`."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bot.core import prerequisites
from bot.core.model import Issue, Link, Ref, Source, Standing
from bot.core.settings import OrderRules
from bot.core.titles import Meta, Title

TextLinks = Callable[[Issue], Sequence[Ref]]
"""The prerequisites that an issue's text names; a caller may cache them by (number, body)."""


def text_of(repo: str) -> TextLinks:
    """As `prerequisites` finds (and remembers) them, for issues of `repo`."""
    return lambda issue: prerequisites.of_issue(issue, repo=repo)


class Blocker(NamedTuple):
    """One thing an issue waits for. A named tuple, because each plan makes some dozens of every waiting issue."""

    ref: Ref
    source: Source
    standing: Standing
    local: bool
    """It is in the issue's own repository."""


class Group(Protocol):
    """The open keyed issues of a series, as far as edges care."""

    @property
    def groups(self) -> Mapping[int, int]:
        """Each member's group: those of smaller groups come before it, those of its own run side by side."""
        ...


Named = tuple[dict[int, Source], tuple[Blocker, ...], bool]
"""Open issues here that are named and that phase order does not give; the others that are not satisfied; whether the
issue names itself."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The facts that decide what an issue's references come to. Whoever made it may change the collections it looks at."""

    issues: Mapping[int, Issue]
    keys: Mapping[int, Title]
    rules: OrderRules
    repo: str
    """In lower case."""
    standings: Mapping[Ref, Standing]
    text: TextLinks
    opened: Container[int]
    """Open issues that are no trackers."""
    candidates: Container[int]
    lane_of: Mapping[int, Group]

    def mentions(self, number: int) -> Sequence[Link]:
        """What an issue's text and GitHub name; sub-issues count for a requested parent only."""
        issue = self.issues[number]
        links = issue.links
        if links and number not in self.candidates:
            links = tuple(link for link in links if link.source is not Source.SUB_ISSUE)
        mentioned = self.text(issue)
        return (*(Link(ref, Source.TEXT) for ref in mentioned), *links) if mentioned else links

    def named(self, number: int) -> Named:
        """What an issue's references come to. The loop makes nothing: 50,000 references are looked at in each plan."""
        repo, opened, lane = self.repo, self.opened, self.lane_of.get(number)
        groups = lane.groups if lane is not None else None
        group = groups[number] if groups is not None else 0
        found: dict[int, Source] = {}
        others: tuple[Blocker, ...] = ()
        for link in self.mentions(number):
            ref = link.ref
            target = ref.number
            if target not in opened or ref.repo != repo:
                others = self._added(others, link)
            elif target not in found and (groups is None or groups.get(target, group) >= group):
                found[target] = link.source
        itself = number in found
        if itself:
            del found[number]
        return found, others, itself

    def _added(self, others: tuple[Blocker, ...], link: Link) -> tuple[Blocker, ...]:
        """`others` and, unless it is satisfied or among them, a prerequisite that is no open issue of this repository."""
        ref, standing = link.ref, self._standing(link.ref)
        not_planned_counts = self.rules.closed_as_not_planned == "release" or link.source is Source.SUB_ISSUE
        if standing in (Standing.CLOSED, Standing.MERGED) or (standing is Standing.NOT_PLANNED and not_planned_counts):
            return others
        if any(other.ref == ref for other in others):
            return others
        return (*others, Blocker(ref, link.source, standing, local=ref.repo == self.repo))

    def _standing(self, ref: Ref) -> Standing:
        """What is known of a prerequisite; our own reading of the repository wins over `standings`."""
        issue = self.issues.get(ref.number) if ref.repo == self.repo else None
        if issue is None:
            return self.standings.get(ref, Standing.UNKNOWN)
        if type(self.keys[ref.number]) is Meta and not issue.is_pull:
            return Standing.CLOSED  # a tracker never blocks: it closes last
        if issue.open:
            return Standing.OPEN
        if issue.is_pull:
            return Standing.MERGED if issue.merged else Standing.UNMERGED
        return Standing.NOT_PLANNED if issue.state_reason in ("not_planned", "duplicate") else Standing.CLOSED
