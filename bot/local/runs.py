"""What attempts keep in folders of their own, `runs/RUN/`: the events as they were told, a summary, and the facts.

The journal writes `events.jsonl` and `summary.md`. An attempt that a kill cut short is begun again under its own name
(`bot.local.task_run`): what the first try told is put aside as `events-1.jsonl`, and what it cost is counted here.
"""

import json
from pathlib import Path
from typing import Any, Final

from bot.local import claims
from bot.local.claims import Claim
from bot.local.state import UnreadableState, read_record, write_record
from bot.progress.journal import EVENTS_FILE

METADATA_FILE: Final = "metadata.json"
VERSION: Final = 1
_ASIDE: Final = "events-*.jsonl"
_LAST_BYTES: Final = 1 << 20
"""Of a file of events, in which the last word about money is looked for."""


def put_events_aside(folder: Path) -> None:
    """What the same attempt told before a kill stays, beside what it tells now."""
    events = folder / EVENTS_FILE
    if events.exists():
        earlier = len(list(folder.glob(_ASIDE))) + 1
        events.rename(folder / f"{events.stem}-{earlier}{events.suffix}")


def cost_of_cut_short(folder: Path) -> float:
    """US dollars that earlier tries of this attempt had spent by their last word."""
    return sum(_last_cost(each) for each in folder.glob(_ASIDE))


def write_metadata(folder: Path, claim: Claim) -> None:
    """The facts of an attempt that ended. Raises `UsageError` where the disk does not let us."""
    write_record(folder / METADATA_FILE, claim)


def pulls_opened(runs: Path, source: str) -> dict[str, str]:
    """By a task's id, the pull request that its last attempt opened which opened one. What can't be read is passed over."""
    found: list[Claim] = []
    for path in runs.glob(f"*/{METADATA_FILE}"):
        try:
            claim = read_record(path, Claim, version=claims.VERSION)
        except UnreadableState:
            continue
        if claim is not None and claim.source == source and claim.result is not None and claim.result.pull:
            found.append(claim)
    found.sort(key=lambda claim: claim.locked_at)
    return {claim.task_id: claim.result.pull for claim in found if claim.result is not None}


def _last_cost(events: Path) -> float:
    """The last `usd` that was told; a line that a kill cut in half is passed over. Where the work came to a verdict, its
    outcome has the cost already: 0.
    """
    with events.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _LAST_BYTES))
        lines = file.read().splitlines()
    for line in reversed(lines):
        try:
            said: Any = json.loads(line)
            event, usd = said["event"], said["data"].get("usd")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if event == "verdict":
            return 0.0
        if isinstance(usd, int | float) and not isinstance(usd, bool) and event != "run-began":
            return float(usd)
    return 0.0
