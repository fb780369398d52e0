"""What `work` is given besides its admission."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.report import Report

if TYPE_CHECKING:
    from bot.agent.process import Cancel


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the result goes, whom it is told to, and how it is stopped."""

    out: Path
    report: Report
    cancel: "Cancel"


def new_cancel() -> "Cancel":
    """Nobody has asked yet."""
    from bot.agent.process import Cancel  # noqa: PLC0415 (gate and publish, which have none, start without it)

    return Cancel()
