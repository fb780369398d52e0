"""Telling that a part of a run begins, and that it is over."""

import contextlib
import time
from collections.abc import Callable, Iterator

from bot.progress.events import Event, Phase, PhaseBegan, PhaseEnded


@contextlib.contextmanager
def in_phase(tell: Callable[[Event], None], phase: Phase, attempt: int = 0, attempts: int = 0) -> Iterator[None]:
    """What happens inside is `phase`; it is told to be over however it ends."""
    tell(PhaseBegan(phase, attempt, attempts))
    begun = time.monotonic()
    try:
        yield
    finally:
        tell(PhaseEnded(phase, round(time.monotonic() - begun, 3)))
