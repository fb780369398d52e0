"""Where an issue stands whose plan of issues somebody approves: refused with a reason, being made, or made. Pure.

What is approved is what is made: the plan is read from our own comment, which nobody may have edited, and the
specification may not have changed between the plan and its approval. An approval that was accepted stays one, whatever
is written into the specification afterwards.
"""

from dataclasses import replace
from enum import Enum

from bot.core.commands import Approve
from bot.core.inits.portion import MOST_TRIES, next_portion, opening, with_seen
from bot.core.inits.proposal import Proposal, proposal_in
from bot.core.inits.tally import Tally
from bot.core.ledger import Notes, Verdict, notes_of
from bot.core.model import Issue
from bot.core.plans import is_outdated, is_wanted, plan_of_issues
from bot.core.requests import Request, comment_request_id
from bot.core.situation import Made, Making
from bot.core.view import View


class Flaw(Enum):
    """Why an approval makes no issues."""

    NO_PLAN = "no plan"
    """None waits: it was dropped, or its issues are made already."""
    SPEC_EDITED = "spec edited"
    PLAN_EDITED = "plan edited"


def is_about_issues(view: View, issue: Issue, approval: str) -> bool:
    """Whether an approval is of a plan of issues."""
    return plan_of_issues(issue, view.snapshot.own_ids, approval) is not None


def flaw_of(view: View, issue: Issue, approval: str) -> Flaw | None:
    """What stands against an approval of a plan of issues; None: nothing."""
    plan = plan_of_issues(issue, view.snapshot.own_ids, approval)
    if plan is None or not is_wanted(view, issue, plan):
        return Flaw.NO_PLAN
    proposal = None if plan.comment.edited else proposal_in(plan.comment.body)
    if proposal is None:
        return Flaw.PLAN_EDITED
    notes = notes_of(issue, view.snapshot.own_ids)
    before = notes.tally if notes is not None else None
    if before is not None and before.done and before.sha == proposal.sha and before.approval != approval:
        return Flaw.NO_PLAN
    return Flaw.SPEC_EDITED if is_outdated(plan, issue) and not _accepted(issue, approval) else None


def making(view: View, issue: Issue, request: Request, notes: Notes | None) -> Making | Made | None:
    """Where an issue stands of which `request` approves the plan of issues; None: it approves none."""
    if not isinstance(request.command, Approve):
        return None
    plan = plan_of_issues(issue, view.snapshot.own_ids, request.id)
    proposal = proposal_in(plan.comment.body) if plan is not None else None
    if plan is None or proposal is None or flaw_of(view, issue, request.id) is not None:
        return None
    noted = notes.tally if notes is not None else None
    if noted is None or (noted.approval, noted.sha) != (request.id, proposal.sha):
        return Making(request, _begun(noted, request.id, proposal))
    if noted.done or noted.tries >= MOST_TRIES:
        return Made(noted, request)
    snapshot = view.snapshot
    seen = with_seen(noted, proposal, {**snapshot.closed, **snapshot.issues}, issue.number)
    portion = next_portion(proposal, seen, snapshot.now, issue.number)
    return Making(request, seen, portion, waits=portion is None)


def made_before(notes: Notes | None, last: Verdict | None) -> Made | None:
    """The issues of the plan that was said last are made, and nobody asks for anything since."""
    tally = notes.tally if notes is not None else None
    if notes is None or tally is None or last is None or notes.ended_id != tally.approval:
        return None
    return Made(tally) if last.record.kind == "init" and last.record.planned else None


def _begun(noted: Tally | None, approval: str, proposal: Proposal) -> Tally:
    """The ledger of this approval; of an earlier one of the same plan it takes over what was made."""
    if noted is None or noted.sha != proposal.sha:
        return opening(approval, proposal)
    return replace(noted, approval=approval, tries=0, refusal="", done=False)


def _accepted(issue: Issue, approval: str) -> bool:
    return any("eyes" in each.reactions for each in issue.comments if comment_request_id(each) == approval)
