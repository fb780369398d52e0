"""Waiting: for a task source that is away, for something to do. A runner that is told to stop waits no longer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from bot.agent.process import Cancel
from bot.local.voice import Voice
from bot.trackers.tracker import SourceUnavailable

LONGEST: Final = 60.0
"""Seconds between two tries."""

LOOK: Final = 0.1
"""Seconds between two looks whether we are to stop: `Cancel` can't be waited for, as it is set by signal handlers."""

Answer = TypeVar("Answer")


class Stopped(Exception):
    """We were told to stop. What is on disk says where a next process goes on."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Of one runner."""

    cancel: Cancel
    voice: Voice
    first: float = 1.0
    """Seconds before a second try."""

    def rest(self, seconds: float) -> None:
        """Do nothing for so long. Raises `Stopped`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.cancel.is_set:
                raise Stopped
            time.sleep(min(LOOK, left))

    def asked(self, call: Callable[[], Answer]) -> Answer:
        """What a call to the source says, however long it is away. Tried at least once. Raises `Stopped`."""
        pause = self.first
        while True:
            try:
                return call()
            except SourceUnavailable as away:
                wait = max(pause, away.retry_after)
                self.voice.warning(f"{away} Trying again in {wait:.0f} s.")
                self.rest(wait)
                pause = min(2 * pause, LONGEST)
