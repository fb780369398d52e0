"""Caps: what has been used today and whether there is room for one more run. A cap that can't be read is reached."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from bot.core.ledger import Record
from bot.core.model import Claim, Host
from bot.core.settings import Limits


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts against the caps."""

    active: int
    """Runs at work or dispatched."""
    runs_today: int
    usd_today: float
    """Settled by verdicts of this UTC day, plus what active runs have reserved."""
    complete: bool = True
    """False: some of it could not be read."""

    def with_one_more(self, usd: float) -> "Usage":
        """After one more run that may spend `usd` has started."""
        return replace(self, active=self.active + 1, runs_today=self.runs_today + 1, usd_today=self.usd_today + usd)


def usage(records: Iterable[Record], claims: Collection[Claim], now: datetime, *, complete: bool) -> Usage:
    """Add up the ended runs of this UTC day and the claims of active ones (claims count in full: reserved)."""
    day = now.astimezone(UTC).date()
    today = [record for record in records if record.at.astimezone(UTC).date() == day]
    return Usage(
        active=len(claims),
        runs_today=len(today) + len(claims),
        usd_today=sum(record.usd for record in today) + sum(claim.usd for claim in claims),
        complete=complete,
    )


NO_HOST: Final = Host()
"""Nobody but the repository sets caps."""


class Cap(StrEnum):
    """What holds a run back, by its key under `limits:` in the config."""

    UNREAD = "unread"
    """What ran today could not be read to the end."""
    CONCURRENT = "concurrent"
    RUNS = "runs_per_day"
    USD = "usd_per_day"
    HOST = "host"
    """Not of the config: the server's own cap on the runs of all repositories of the installation together."""


def cap_reached(used: Usage, limits: Limits, usd: float, host: Host = NO_HOST) -> Cap | None:
    """Which cap keeps one more run that may spend `usd` from starting now; None: there is room.

    The repository's own caps come first: those its people can raise.
    """
    if not used.complete:
        return Cap.UNREAD
    if used.active >= limits.concurrent:
        return Cap.CONCURRENT
    if used.runs_today >= limits.runs_per_day:
        return Cap.RUNS
    if used.usd_today + usd > limits.usd_per_day:
        return Cap.USD
    return Cap.HOST if host.concurrent and used.active >= host.here else None


def hold_reason(used: Usage, limits: Limits, usd: float, host: Host = NO_HOST) -> str:
    """Why one more run that may spend `usd` can't start now; empty: it can. One sentence for the status comment.

    It names no figure that changes with every run: each issue on hold would have its comment edited each time.
    """
    match cap_reached(used, limits, usd, host):
        case None:
            return ""
        case Cap.HOST:
            return (
                f"the server allows {host.concurrent} run{'s' * (host.concurrent > 1)} at a time in all repositories of "
                "this installation, and no place is free for this one (`AI_READY_CONCURRENT`: whoever runs the server "
                "can raise it)"
            )
        case Cap.UNREAD:
            return "what ran today could not be read to the end, so the caps count as reached; it is looked at again"
        case Cap.CONCURRENT:
            return f"{used.active} of {limits.concurrent} runs are at work (`limits.concurrent`)"
        case Cap.RUNS:
            used_up = "the only run" if limits.runs_per_day == 1 else f"all {limits.runs_per_day} runs"
            verb = "is" if limits.runs_per_day == 1 else "are"
            return f"{used_up} of this UTC day {verb} used (`limits.runs_per_day`); goes on tomorrow"
        case Cap.USD:
            return (
                f"less than the ${usd:.2f} that a run may cost is left of the ${limits.usd_per_day:.2f} for this UTC day "
                "(`limits.usd_per_day`); goes on tomorrow, or when a run has cost less than was reserved for it"
            )
