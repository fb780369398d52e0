"""Publish's side of `/ai init`: the plan that `work` handed over, read strictly, screened, and compared with what is there."""

import json
from typing import Final, Protocol

from bot.agent.sanitize import sanitise
from bot.core.boards.block import BODY_LIMIT
from bot.core.inits.portion import init_name
from bot.core.inits.proposal import MOST_ISSUES, Proposal, proposal_of
from bot.core.messages.inits import is_sayable
from bot.core.model import Issue
from bot.core.names import Reason
from bot.core.specs.diff import Diff, Existing, compare, is_meta
from bot.core.specs.mark import marked_body, read_mark
from bot.core.specs.planned import Plan, PlannedTask
from bot.core.specs.reading import Flawed, read_answer
from bot.core.specs.spec import read_spec
from bot.core.verdict import Refusal
from bot.job.redact import Redactor

LONGEST_TITLE: Final = 256
"""Characters of an issue's title on GitHub."""

_TOO_LONG: Final = (
    "The plan holds more text than one comment does: ask with `/ai init` for shorter texts, or split the specification"
)


class Lister(Protocol):
    """Says which issues there are."""

    def task_issues(self) -> tuple[Existing, ...]:
        """All issues that may be tasks of a plan. Raises `GitHubError`."""
        ...


def read_proposal(text: str, issue: Issue, screen: Redactor, github: Lister) -> tuple[Proposal, Diff] | Refusal:
    """What people may approve. Raises `GitHubError` when the issues can't be listed."""
    if screen.text(text) != text:
        return Refusal(Reason.SECRET_FOUND, "The plan of issues holds what looks like a secret, so it is not shown")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal(Reason.INTERNAL_ERROR, "the work job handed over no plan of issues that can be read")
    plan = read_answer(answer, read_spec(sanitise(issue.body).text), most=MOST_ISSUES)
    if isinstance(plan, Flawed):
        return Refusal(Reason.AGENT_ERROR, "The agent's plan of issues can't be used", "\n".join(plan.flaws))
    if too_long := [task.key for task in plan.tasks if not _fits(task, issue.number)]:
        return Refusal(Reason.TOO_LARGE, f"An issue of GitHub's does not hold the text of {', '.join(too_long[:5])}")
    there = github.task_issues()
    diff = compare(plan, there)
    proposal = proposal_of(plan, diff, _meta(plan, there, issue.number))
    if not is_sayable(proposal, diff):
        return Refusal(Reason.TOO_LARGE, _TOO_LONG)
    return proposal, diff


def _fits(task: PlannedTask, spec: int) -> bool:
    return len(task.full_title) <= LONGEST_TITLE and len(marked_body(task, init_name(spec))) <= BODY_LIMIT


def _meta(plan: Plan, there: tuple[Existing, ...], spec: int) -> int:
    """The open issue that keeps the others together: made of this specification before, or called so; 0: there is none."""
    metas = [each for each in there if is_meta(each) and each.settled != "closed"]
    ours = (each for each in metas if (marked := read_mark(each.body)) and marked.mark.init == init_name(spec))
    name = plan.meta_title.casefold().split()
    same = (each for each in metas if each.title.casefold().split() == name)
    found = next(ours, None) or next(same, None)
    return int(found.id) if found is not None else 0
