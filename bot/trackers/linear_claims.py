"""Claims in Linear, which has no compare-and-set: comments, which its server puts in one order for everybody.

Who wants a task comments "Claimed by …" and then reads the comments: the first claim wins, whoever came later sees it and
takes back its own. A claim counts against others for `SECONDS` while the task is not begun, so what a crash left behind
holds nobody up for long. All times are of Linear's own clock. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.core.model import Json

SECONDS: Final = 300.0
HURRY_SECONDS: Final = 60.0
"""Who has not come so far as to move the task by then gives up: the rest of `SECONDS` is for that one call."""
_BODY: Final = re.compile(r"Claimed by `([^`]+)` \(ai-ready\)\.?")


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One comment that claims; ordered as Linear has them."""

    at: datetime
    id: str
    agent: str


def claiming(agent: str) -> str:
    """The comment of a claim."""
    return f"Claimed by `{agent}` (ai-ready)"


def ended(agent: str, how: str) -> str:
    """What a claim's comment becomes when it is over."""
    return f"Claim of `{agent}` ended: {how}"


def claims(comments: Iterable[Json]) -> tuple[Claim, ...]:
    """Those that have not ended, the first one first."""
    found = ((each, _BODY.fullmatch(str(each["body"]).strip())) for each in comments)
    return tuple(sorted(Claim(_time(each["createdAt"]), str(each["id"]), match[1]) for each, match in found if match))


def winner(found: tuple[Claim, ...]) -> Claim | None:
    """Of the claims made together with the newest one (at most `SECONDS` before it), the first."""
    begins: Claim | None = None
    for claim in found:
        if begins is None or claim.at - begins.at > timedelta(seconds=SECONDS):
            begins = claim
    return begins


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
