"""The verdict of a run that planned: the plan, for people to approve; and the plan again, out of that comment."""

import re

from bot.core.ledger import Record
from bot.core.messages.verdict import facts_table, verdict_block
from bot.core.names import REQUEST_LABEL, Reason
from bot.core.outbound import bounded, fence
from bot.core.run import Outcome

MOST_PLAN = 20_000
"""Characters of a plan that are shown, and handed on."""

_HEADING = "The agent's plan:"
_PLAN = re.compile(rf"^{_HEADING}\n\n(?P<bar>`{{3,}})text\n(?P<plan>.*?)\n(?P=bar)$", re.DOTALL | re.MULTILINE)


def plan_text(issue: int) -> str:
    """The sentence of the verdict."""
    return f"The plan for #{issue} waits for approval."


def proposed(record: Record, outcome: Outcome, issue: int, *, run_url: str = "") -> str:
    """`Blocked (needs-input): The plan for #7 waits for approval.`; last line: the command that approves it."""
    return bounded(
        f"Blocked ({Reason.NEEDS_INPUT}): {plan_text(issue)}",
        verdict_block(record),
        f"{_HEADING}\n\n{fence(outcome.summary, limit=MOST_PLAN)}",
        facts_table(outcome, run_url),
        "Nothing was changed yet. `/ai run` and what to change starts the work with that; taking the label "
        f"`{REQUEST_LABEL}` off, or `/ai stop`, drops the plan. As it is, it is approved, and the work started, by:",
        "/ai approve",
    )


def plan_in(body: str) -> str:
    """The plan that `proposed` put into a comment; empty: there is none."""
    found = _PLAN.search(body.replace("\r\n", "\n"))
    return found["plan"] if found else ""
