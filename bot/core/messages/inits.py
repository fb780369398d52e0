"""The verdict of a run that planned issues (`/ai init`): the plan, for people to approve, and the line it is made from."""

from bot.core.inits.proposal import MOST_LINE, Proposal, proposal_line
from bot.core.inits.tally import META
from bot.core.ledger import Record
from bot.core.messages.making import NOT_RUN, issues_planned_text
from bot.core.messages.verdict import facts_table, to_look_at, verdict_block
from bot.core.messages.words import counted
from bot.core.names import Reason
from bot.core.outbound import COMMENT_LIMIT, bounded, one_line
from bot.core.run import Outcome
from bot.core.specs.body import task_body
from bot.core.specs.diff import Diff, Kind
from bot.core.specs.shown import plan_markdown

_AROUND = 2_000
"""Characters of a verdict besides plan, texts and line."""


def is_sayable(proposal: Proposal, diff: Diff) -> bool:
    """Whether one comment holds all that people have to read of it, and what it is made from."""
    line = len(proposal_line(proposal))
    return line <= MOST_LINE and line + len(plan_markdown(proposal.plan, diff)) <= COMMENT_LIMIT - _AROUND


def proposed_issues(
    record: Record, outcome: Outcome, proposal: Proposal, diff: Diff, issue: int, *, run_url: str = ""
) -> str:
    """`Blocked (needs-input): The plan of issues for #7 waits for approval.`; last line: the command that makes them."""
    line, shown = proposal_line(proposal), plan_markdown(proposal.plan, diff)
    room = COMMENT_LIMIT - _AROUND - len(line) - len(shown)
    meta = proposal.numbers.get(META, 0)
    under = f"#{meta}" if meta else f"a new issue `{one_line(proposal.plan.meta_title)}`"
    return bounded(
        f"Blocked ({Reason.NEEDS_INPUT}): {issues_planned_text(issue)}",
        verdict_block(record),
        shown,
        line,  # before what may be left out
        f"New issues become sub-issues of {under}. {NOT_RUN}",
        _there(proposal),
        *_texts(diff, room),
        to_look_at(outcome.notes),
        facts_table(outcome, run_url),
        "Nothing was made yet. `/ai init` and what to change asks for another plan; `/ai stop` drops it. As it is, it is "
        "approved, and its issues are made, by:",
        "/ai approve",
    )


def _there(proposal: Proposal) -> str:
    """Which issues count as those of the plan, whoever wrote them."""
    found = [f"{key} is #{number}" for key, number in proposal.there if key != META]
    return f"There already: {', '.join(found)}." if found else ""


def _texts(diff: Diff, room: int) -> list[str]:
    """The text of each issue that is written, folded; as many as there is room for, and how many are not shown."""
    found: list[str] = []
    left = 0
    for change in diff.changes:
        if change.kind not in {Kind.NEW, Kind.CHANGED}:
            continue
        text = f"<details><summary>{change.task.key}</summary>\n\n{task_body(change.task)}\n\n</details>"
        if len(text) + 2 > room:
            left += 1
            continue
        room -= len(text) + 2
        found.append(text)
    if left:
        found.append(
            f"The texts of {counted(left, 'more issue')} do not fit here; read them on the issues before you label those."
        )
    return found
