"""Tells beside the work: who has something to say never waits for Slack."""

import math
import queue
import threading
import time
from types import TracebackType
from typing import Final, Self

from bot.core.settings import Notify
from bot.notify.notice import Notice
from bot.notify.teller import Teller

MOST_WAITING: Final = 100
"""Notices that may wait for Slack; further ones are not said."""

PARTING: Final = 2.0
"""Seconds at the end in which a further post may still begin."""


class Herald:
    """A thread that tells one notice after the other, while entered."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._waiting: queue.Queue[tuple[Notify, Notice] | None] = queue.Queue(MOST_WAITING)
        self._until = math.inf
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def tell(self, notify: Notify, notice: Notice) -> None:
        """Say it soon; returns at once. From any thread."""
        try:
            self._waiting.put_nowait((notify, notice))
        except queue.Full:
            self._teller.log(f"Slack was not told of {notice.issue.name}: too many notices wait for it.")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say what waits, as far as there is time for it."""
        self._until = time.monotonic() + PARTING
        self._waiting.put(None)
        self._thread.join(PARTING + self._teller.seconds)

    def _run(self) -> None:
        while (due := self._waiting.get()) is not None:
            if time.monotonic() < self._until:
                self._teller.tell(*due)
