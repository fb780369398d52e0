"""Issues touched lately, where there are more than one look reads: the next look goes on where this one ended.

What was touched today is read in detail, for the day's runs and for commands nobody has answered. A bot that edits
thousands of issues must not end the day's work: each look reads a part, oldest touch first, and remembers which issues
matter, so that the rest need not be read again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.model import Json
from bot.github import queries, read

OVERLAP = timedelta(seconds=60)
"""Changes are asked for from this long before the newest one that was seen: lists may be a little behind."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What a look that could not read all of it, and those after it, leave for the next one."""

    since: datetime
    """Touches from then on are still to be read."""
    flood: datetime
    """The touch at which a look last had to stop: once that is long past, everything is read as always."""
    matter: frozenset[int]
    """Issues touched before `since` that are read each time."""


class Lately:
    """One look's part of them. `begin`: how far back they matter."""

    def __init__(self, begin: datetime, before: Recent | None) -> None:
        self._before = before if before is not None and before.flood >= begin else None
        self._begin = begin
        self._newest: datetime | None = None
        self._taken: set[int] = set()
        self.cut = False
        """There is more than this look reads."""

    @property
    def since(self) -> datetime:
        """Read those touched since then, oldest touch first."""
        return self._before.since if self._before is not None else self._begin

    @property
    def matter(self) -> frozenset[int]:
        """Read these besides."""
        return self._before.matter if self._before is not None else frozenset()

    def take(self, nodes: Iterable[Json]) -> None:
        """A page of them was read."""
        for node in nodes:
            touched = read.when(node["updatedAt"])
            self._newest = max(touched, self._newest or touched)
            self._taken.add(int(node["number"]))

    def after(self, details: Mapping[int, Json], own_ids: frozenset[int]) -> Recent | None:
        """For the next look; None: that one reads everything."""
        newest = self._newest or self.since
        if self.cut:
            since = flood = newest
        elif self._before is not None:
            since, flood = max(newest - OVERLAP, self._before.since), self._before.flood
        else:
            return None
        read_now = {number: details[number] for number in self._taken | self.matter if number in details}
        return Recent(since, flood, frozenset(n for n, node in read_now.items() if self._matters(node, own_ids)))

    def _matters(self, node: Json, own_ids: frozenset[int]) -> bool:
        """Whether there is anything on it for a plan: a label of ours, what we said lately, an unanswered command."""
        return bool(read.labels(node["labels"]) & set(queries.OUR_LABELS)) or any(
            self._speaks(remark, own_ids) for remark in read.nodes(node["comments"])
        )

    def _speaks(self, remark: Json, own_ids: frozenset[int]) -> bool:
        if (remark.get("author") or {}).get("databaseId") in own_ids:
            return read.when(remark["createdAt"]) >= self._begin
        return "/ai" in str(remark["body"]) and not any(
            group["viewerHasReacted"] for group in remark.get("reactionGroups") or ()
        )
