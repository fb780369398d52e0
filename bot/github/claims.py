"""What the commit behind `ai/claim-<n>` says: written once when a run claims its issue, read by every later plan."""

import json
from datetime import UTC, datetime, timedelta

from bot.core.effects import MakeClaim
from bot.core.model import Claim

PREFIX = "ai/claim-"
_UNREADABLE_FOR = timedelta(hours=6)
"""How long a claim that nobody can read stands (the longest job GitHub runs), counted from its commit."""


def claim_message(effect: MakeClaim, at: datetime) -> str:
    """The commit message: a line for people, then one line of JSON. The same claim gives the same text."""
    facts = {
        "issue": effect.issue,
        "run_key": effect.run_key,
        "run_id": effect.run_id,
        "at": stamp(at),
        "until": stamp(effect.until),
        "usd": effect.usd,
    }
    return f"ai-ready: run {effect.run_key} of issue #{effect.issue}\n\n{json.dumps(facts)}\n"


def read_claim(branch: str, oid: str, message: str, committed: datetime) -> Claim | None:
    """The claim behind a branch; None when the branch is no claim's.

    A claim whose message can't be read (somebody else made the branch) still stands for a while: an unknown holder is a
    holder.
    """
    number = branch.removeprefix(PREFIX)
    if not branch.startswith(PREFIX) or not (number.isascii() and number.isdigit()):
        return None
    issue = int(number)
    try:
        facts = json.loads(message.rpartition("\n\n")[2])
        return Claim(
            issue=issue,
            run_key=str(facts["run_key"]),
            run_id=int(facts["run_id"]),
            at=datetime.fromisoformat(facts["at"]).astimezone(UTC),
            until=datetime.fromisoformat(facts["until"]).astimezone(UTC),
            usd=float(facts["usd"]),
            oid=oid,
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return Claim(issue, run_key="", run_id=0, at=committed, until=committed + _UNREADABLE_FOR, usd=0.0, oid=oid)


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second, as GitHub writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
