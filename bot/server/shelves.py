"""The shelves of the repositories that this process has worked on, as long as the App reaches those."""

import threading
import time
from collections.abc import Callable

from bot.github.ports import Place
from bot.server.desk import Shelf
from bot.server.github_ports import AppGitHub
from bot.server.ports import Store


class Shelves:
    """Thread-safe."""

    def __init__(
        self, store: Store, github: AppGitHub, *, every: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`every`: seconds between two looks at what is no longer reached."""
        self._store = store
        self._github = github
        self._every = every
        self._monotonic = monotonic
        self._tidy_at = monotonic() + every
        self._lock = threading.Lock()
        self._shelves: dict[int, Shelf] = {}

    def of(self, place: Place) -> Shelf:
        """The one of this repository; a new one where it moved or was renamed."""
        with self._lock:
            shelf = self._shelves.get(place.repository_id)
            if shelf is None or shelf.place != place:
                shelf = self._shelves[place.repository_id] = Shelf(place, self._github.repository(place))
            return shelf

    def all(self) -> list[Shelf]:
        """Every one there is."""
        with self._lock:
            return list(self._shelves.values())

    def tidy(self) -> None:
        """Let go of repositories that the App no longer reaches, now and then. Raises `StoreUnavailable`.

        Their lanes are never served again, so nothing else would; and each holds a whole snapshot.
        """
        with self._lock:
            if self._monotonic() < self._tidy_at:
                return
            self._tidy_at = self._monotonic() + self._every
        living = {place.repository_id for place in self._store.places()}
        with self._lock:
            self._shelves = {number: shelf for number, shelf in self._shelves.items() if number in living}
