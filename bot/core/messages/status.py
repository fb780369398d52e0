"""The status comment: one per issue, edited in place."""

from collections.abc import Mapping
from typing import Any, assert_never

from bot.core.ledger import DONE, Record
from bot.core.markers import hide
from bot.core.messages.verdict import lost_reason, lost_text
from bot.core.messages.words import clock, name, sentence
from bot.core.model import Actor, Standing
from bot.core.names import REQUEST_LABEL, STATUS_MARKER
from bot.core.order import Blocker
from bot.core.outbound import bounded, one_line
from bot.core.situation import (
    Closed,
    Ended,
    Hold,
    Invalid,
    Lost,
    PullClosed,
    PullMerged,
    Queued,
    Refused,
    Running,
    Situation,
    Start,
    Unasked,
    Unstartable,
    Waiting,
    Withdrawn,
)

SHOWN = 20
"""Prerequisites listed in a status comment; the rest is counted."""


def status(situation: Situation, *, notes: Mapping[str, Any]) -> str:
    """The status comment: what is so, why, and what a person can do. The machine block is its last line."""
    return f"{bounded(status_text(situation))}\n\n{hide(STATUS_MARKER, dict(notes))}"


def status_text(situation: Situation) -> str:
    """Where an issue stands and why, for the status comment and for `/ai why`."""
    match situation:
        case Waiting(request, on, total):
            return _waiting(on, total, request.actor)
        case Invalid(_, reason, path):
            return _invalid(reason, path)
        case Hold(_, why):
            return f"**On hold**: {why}.\n\nIt is ready otherwise and starts by itself when this has passed."
        case Start() | Queued():
            return "**Queued**: a run has been dispatched and starts as soon as a runner is free."
        case Running(claim, url):
            log = f" ([live log]({url}))" if url else ""
            return f"**Running**{log} since {clock(claim.at)}, at most ${claim.usd:.2f}.\n\n`/ai stop` ends it; the work so far is kept."
        case Ended(record):
            return ended_text(record)
        case Unstartable(_, _, reason, text):
            return f"**Blocked** ({reason}): {sentence(text)}"
        case Lost(claim, conclusion, _):
            return f"**Blocked** ({lost_reason(conclusion)}): {lost_text(claim, conclusion)}"
        case Refused(actor):
            return (
                f"**Not started**: {name(actor)} put the label on, but only people with write or admin permission "
                f"may ask{' (a bot approves nothing)' if actor.is_bot else ''}."
            )
        case Withdrawn():
            return f"**Withdrawn**: the request is gone. Label `{REQUEST_LABEL}` or `/ai run` asks again."
        case Closed(merged) if merged:
            return f"**Done**: #{merged} was merged."
        case Closed():
            return "**Closed**: the issue is closed, so there is nothing to do. Reopen it and ask again if there is."
        case PullClosed(_, pull):
            return f"**Free again**: #{pull.number} was closed without a merge. `/ai run` asks for a new attempt."
        case PullMerged(_, pull):
            return (
                f"**Merged**: #{pull.number} went into `{one_line(pull.base, limit=100)}`; the issue is closed with it."
            )
        case Unasked():
            return "Nobody asks for anything here."
        case _:
            assert_never(situation)


def ended_text(record: Record) -> str:
    """The status of an ended run; the same from `publish` and from any later plan."""
    if record.code == DONE:
        return f"**Done**: #{record.pull} is up for review."
    return f"**Blocked** ({record.code}): the verdict comment says why and what to do next."


def _waiting(on: tuple[Blocker, ...], count: int, actor: Actor) -> str:
    head = f"**Waiting** for {count} {'issue' if count == 1 else 'issues'} to close. It starts by itself then.\n"
    rows = ["| waits for | because of | state |", "|---|---|---|"]
    rows += [f"| {_ref(b)} | {_SOURCES[b.source.value]} | {_state(b)} |" for b in on[:SHOWN]]
    if count > SHOWN:
        rows.append(f"| … and {count - SHOWN} more | | |")
    foot = f"\nAsked for by {name(actor)}. Taking the label `{REQUEST_LABEL}` off, or `/ai stop`, withdraws it."
    return "\n".join([head, *rows, foot])


_SOURCES = {
    "phase": "phase order",
    "text": "named in the description",
    "native": "GitHub dependency",
    "sub-issue": "sub-issue",
}


def _ref(blocker: Blocker) -> str:
    return f"#{blocker.ref.number}" if blocker.local else str(blocker.ref)


def _state(blocker: Blocker) -> str:
    words = {
        Standing.OPEN: "open",
        Standing.UNMERGED: "closed without a merge",
        Standing.NOT_PLANNED: "closed as not planned",
        Standing.UNKNOWN: "could not be read; looked at again",
        Standing.UNREADABLE: "can't be read",
    }
    return words.get(blocker.standing, blocker.standing.value)


def _invalid(reason: str, path: tuple[str, ...]) -> str:
    chain = " → ".join(f"#{step}" if step.isdecimal() else f"`{one_line(step, limit=200)}`" for step in path[:50])
    text = {
        "cycle": f"these wait for each other: {chain}. Remove one of the dependencies",
        "self": "the issue names itself as a prerequisite. Remove that",
        "missing": f"{chain} does not exist or can't be read. Correct the reference",
        "unreadable": f"{chain} does not exist or can't be read. Correct the reference",
    }.get(reason, reason)
    return f"**Can't start**: {text}; it is looked at again by itself."
