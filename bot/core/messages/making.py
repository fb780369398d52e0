"""What is said of a plan of issues after its verdict: that it waits, how far making them is, and what was made."""

import json
from operator import itemgetter
from typing import Any

from bot.core.inits.tally import META, Tally
from bot.core.markers import hide
from bot.core.messages.words import counted
from bot.core.names import REQUEST_LABEL, STATUS_MARKER
from bot.core.outbound import bounded, one_line

NOT_RUN = f"None of them is worked on before somebody puts the label `{REQUEST_LABEL}` on it."


def issues_planned_text(issue: int) -> str:
    """The sentence of the verdict."""
    return f"The plan of issues for #{issue} waits for approval."


def issues_wait_text(*, outdated: bool) -> str:
    """The status of an issue whose plan of issues waits for approval."""
    edited = "\n\nTitle or body changed since the plan was made: `/ai init` makes a new one."
    return (
        "**On hold**: awaiting approval of the plan of issues, which the verdict comment has.\n\n"
        "`/ai approve` makes the issues; `/ai init` and what to change asks for another plan; `/ai stop` drops it."
        f"{edited if outdated else ''}"
    )


def making_text(tally: Tally) -> str:
    """The status of an issue whose issues are being made."""
    there = sum(key != META for key, _ in tally.made)
    meta = f" as sub-issues of #{tally.meta}" if tally.meta else ""
    return (
        f"**Making issues**: {there} of {tally.total} are there{meta}. It goes on by itself, a few at a time.\n\n"
        "`/ai stop` ends it; what is made stays."
    )


def made_text(tally: Tally) -> str:
    """The status once the issues are made, or GitHub would not have it."""
    there = sum(key != META for key, _ in tally.made)
    if not tally.done:
        return (
            f"**Stopped**: {there} of {tally.total} issues are there; GitHub refuses the next one: "
            f"{one_line(tally.refusal, 300) or 'it does not say why'}. `/ai approve` goes on."
        )
    return f"**Issues made**: #{tally.meta} keeps {counted(tally.total, 'issue')} together. {NOT_RUN}{_lost(tally)}"


def _lost(tally: Tally) -> str:
    """Between series nothing but these relations holds the order."""
    if not tally.lost:
        return ""
    return (
        f"\n\nGitHub would not take {tally.lost} *blocked by*. Compare the plan with the issues before you label "
        "them: write `Depends on #N` into those that lack it."
    )


def made_reply(tally: Tally) -> str:
    """The answer to the approval: which issues there are."""
    rows = "\n".join(f"- {key}: #{number}" for key, number in sorted(tally.made, key=itemgetter(1)) if key != META)
    return f"{made_text(tally)}\n\n{rows}" if tally.done else made_text(tally)


def tally_status(tally: Tally, rest: str) -> str:
    """The status comment with this ledger; `rest`: what else its machine block holds, as JSON."""
    held: dict[str, Any] = json.loads(rest)
    text = made_text(tally) if tally.done else making_text(tally)
    return f"{bounded(text)}\n\n{hide(STATUS_MARKER, {**held, 'init': tally.data()})}"
