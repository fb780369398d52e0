"""What each title says among its neighbours: `titles.parse_all`, kept up to date title by title."""

from collections import Counter

from bot.core import near_misses, titles
from bot.core.model import Issue
from bot.core.titles import Id, Keyed, Title, Unkeyed


class Neighbours:
    """The titles of one repository."""

    def __init__(self) -> None:
        self.keys: dict[int, Title] = {}
        self.noted: set[int] = set()
        """Issues (never pull requests) whose title has a note."""
        self._alone: dict[int, Title] = {}
        """What the titles of issues say by themselves; those of pull requests have no say in what a prefix means."""
        self._keyed = Counter[str]()
        """How many issues have a key with each prefix."""
        self._ids: dict[str, set[int]] = {}
        """Those with an id, by prefix."""

    def swap(self, number: int, issue: Issue | None) -> set[int]:
        """An issue is now so (None: gone); the *other* issues whose titles mean something else by that."""
        old, title = self._alone.pop(number, None), titles.parse(issue.title) if issue is not None else None
        new = title if issue is not None and not issue.is_pull else None
        if new is not None:
            self._alone[number] = new
        if old != new:
            self._count(number, old, -1)
            self._count(number, new, 1)
        if title is None:
            self.keys.pop(number, None)
            self.noted.discard(number)
        else:
            self._say(number, title)
        prefixes = {each.prefix for each in (old, new) if isinstance(each, Keyed)} if old != new else ()
        return {
            other for prefix in prefixes for other in self._ids.get(prefix, ()) if self._say(other, self._alone[other])
        }

    def _count(self, number: int, title: Title | None, step: int) -> None:
        if isinstance(title, Keyed):
            self._keyed[title.prefix] += step
        elif isinstance(title, Id):
            among = self._ids.setdefault(title.prefix, set())
            (among.add if step > 0 else among.discard)(number)

    def _say(self, number: int, alone: Title) -> bool:
        """Read a title among its neighbours; whether it means something else than before."""
        known = number in self._alone
        among_keys = known and isinstance(alone, Id) and self._keyed[alone.prefix]
        title = Unkeyed(near_misses.ID_AMONG_KEYS) if among_keys else alone
        changed = self.keys.get(number) != title
        self.keys[number] = title
        (self.noted.add if title.note and known else self.noted.discard)(number)
        return changed
