"""Tells now and then how a run stands, while it is at work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bot.core.messages.words import counted, money
from bot.core.run import Admission
from bot.core.settings import Notify
from bot.notify.message import minutes
from bot.notify.notice import Link, Notice
from bot.notify.slack import load
from bot.notify.teller import Teller

PARTING: Final = 1.0
"""Seconds for a post that is under way when the work ends: a cancelled job has few left, and the verdict comes after."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a run stands."""

    seconds: float
    """Since it began."""
    usd: float = 0.0
    turns: int = 0
    """Of the agent."""
    doing: str = ""
    """What is under way, in a word or two."""


def progress_notice(admission: Admission, server_url: str, figures: Figures) -> Notice:
    """What Slack is told of a run under way."""
    return Notice(
        kind="working",
        issue=Link(f"{admission.repo}#{admission.issue}", f"{server_url}/{admission.repo}/issues/{admission.issue}"),
        title=admission.title,
        sentence=at_work(figures, admission.usd),
        log=admission.run_url,
    )


def at_work(figures: Figures, most_usd: float) -> str:
    """How far a run is that may spend `most_usd`."""
    turns = counted(figures.turns, "turn") if figures.turns else ""
    usd = f"{money(figures.usd)} of at most ${most_usd:.2f}"
    so_far = ", ".join(part for part in (figures.doing, turns, usd if figures.usd else "") if part)
    return f"At work for {minutes(figures.seconds)}{f': {so_far}' if so_far else ''}."


@contextmanager
def progress_told(teller: Teller, notify: Notify, ask: Callable[[], Notice]) -> Iterator[None]:
    """While inside, tell what `ask` says every `notify.interval` seconds, and less often where Slack wishes that."""
    if not teller.reaches(notify):
        yield
        return
    over = threading.Event()

    def tell() -> None:
        load()  # now, while nothing waits for it
        rest = 0.0
        while not over.wait(max(notify.interval, rest)):
            rest = teller.tell(notify, ask())

    thread = threading.Thread(target=tell, name="slack-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PARTING)
