"""Plans that were made for an issue (`mode: supervised`, `/ai init`), and which requests go on from one. Pure.

A plan is a verdict comment of ours. It waits while the request behind it stands: its label is on the issue, its comment
is there, nobody said `/ai stop`. The next command after it approves it: `/ai approve`, or `/ai run` and `/ai retry`
with what to change. Later, `/ai retry` goes on from whatever the run before it was admitted with.

A plan of issues (`/ai init`) is none to work by: `/ai approve` right after it makes the issues (`bot.core.inits`),
any other command passes it over.
"""

from dataclasses import replace

from bot.core.commands import Approve, BadCommand, Command, Init, Retry, Run, parse_command
from bot.core.ledger import Record, Verdict, notes_of, request_of, verdicts
from bot.core.model import Issue
from bot.core.names import Reason, RunKind
from bot.core.requests import (
    Request,
    asked_at,
    boxless_sha,
    comment_request_id,
    is_withdrawn,
    label_request,
    round_of,
    stopped_at,
)
from bot.core.view import View

_NOTHING_DONE = frozenset({Reason.CONFIG_INVALID, Reason.EDITED_AFTER_APPROVAL})
"""Verdicts of runs that ended before they began."""


def kind_of(view: View, issue: Issue, request_id: str) -> RunKind:
    """What a run of this request is for: supervised, everything but a review round begins with a plan."""
    if round_of(request_id, issue, notes_of(issue, view.snapshot.own_ids)):
        return "fix"
    if isinstance(_said_in(request_id, issue), Init):
        return "init"
    supervised = view.config.mode == "supervised"
    return "plan" if supervised and approved_plan(view, issue, request_id) is None else "work"


def plan_of(issue: Issue, own_ids: frozenset[int], request_id: str) -> Verdict | None:
    """The newest plan that was made for this very request."""
    plans = (said for said in reversed(verdicts(issue, own_ids)) if said.record.planned)
    return next((plan for plan in plans if plan.record.request_id == request_id), None)


def approved_plan(view: View, issue: Issue, request_id: str) -> Verdict | None:
    """The plan that a request approves, or goes on from; None: its run has none to go by."""
    last = last_verdict(issue, view.snapshot.own_ids, request_id)
    if last is not None and last.record.planned:
        return last if _stands(view, issue, last.record.request_id) else None
    return _went_by(issue, view.snapshot.own_ids, request_id)


def plan_of_issues(issue: Issue, own_ids: frozenset[int], request_id: str) -> Verdict | None:
    """The plan of issues that a comment is about: what was said last before it, review rounds apart, was one."""
    said = reversed(verdicts(_before(issue, request_id), own_ids))
    last = next((each for each in said if _began(each.record) and each.record.kind != "fix"), None)
    return last if last is not None and last.record.kind == "init" and last.record.planned else None


def is_wanted(view: View, issue: Issue, plan: Verdict) -> bool:
    """Whether what a plan was made for is still asked for."""
    return _stands(view, issue, plan.record.request_id)


def waits_for(view: View, issue: Issue, approval: str) -> bool:
    """Whether a plan waits for this approval, by its id: once the work on it has ended, nothing is left to approve."""
    said = asked_at(approval, issue)
    if said is None or approved_plan(view, issue, approval) is None:
        return False
    if edited_unseen(view, issue, approval):
        return False
    others = (each for each in view.records(issue) if each.request_id != approval and each.kind == "work")
    return not any(_tells(other) and other.at >= said for other in others)


def edited_unseen(view: View, issue: Issue, approval: str) -> bool:
    """Whether the issue was edited since the plan was made, by whomever, and nobody told that to whoever approves it."""
    said = next((each for each in issue.comments if comment_request_id(each) == approval), None)
    plan, notes = approved_plan(view, issue, approval), notes_of(issue, view.snapshot.own_ids)
    claim = view.snapshot.claims.get(issue.number)
    judged = said is not None and (said.reactions or (claim is not None and request_of(claim.run_key) == approval))
    if said is None or judged or plan is None:
        return False
    return is_outdated(plan, issue) and (notes is None or notes.edited != boxless_sha(issue))


def is_outdated(plan: Verdict, issue: Issue) -> bool:
    """Whether title or body changed since somebody asked for the plan."""
    edits = (at for at in (issue.body_edited_at, issue.renamed_at) if at is not None)
    return any(at >= plan.record.requested_at for at in edits)


def last_verdict(issue: Issue, own_ids: frozenset[int], request_id: str) -> Verdict | None:
    """The last verdict that was there when a comment asked for a run; None for a label, which asks for a new start.

    Runs that never began, those that mend what a review of the pull request asks, and plans of issues are passed over.
    """
    said = reversed(verdicts(_before(issue, request_id), own_ids))
    return next((each for each in said if _tells(each.record)), None)


def _tells(record: Record) -> bool:
    return _began(record) and record.kind not in {"fix", "init"}


def _began(record: Record) -> bool:
    return not (record.again or record.withdrawn or record.code in _NOTHING_DONE)


def _before(issue: Issue, request_id: str) -> Issue:
    """The issue as it was when a comment asked."""
    at = next((n for n, each in enumerate(issue.comments) if comment_request_id(each) == request_id), 0)
    return replace(issue, comments=issue.comments[:at])


def _went_by(issue: Issue, own_ids: frozenset[int], request_id: str) -> Verdict | None:
    """The plan by which a run of this request was admitted, whatever became of that request since."""
    last = last_verdict(issue, own_ids, request_id)
    if last is None or last.record.planned:
        return last
    if last.record.kind == "plan" or not isinstance(_said_in(request_id, issue), Retry):
        return None
    return _went_by(_before(issue, request_id), own_ids, last.record.request_id)


def options_of(issue: Issue, own_ids: frozenset[int], request: Request) -> Run:
    """The options that a run has to keep to; of an approval those of the command that asked for the plan."""
    command: Command | BadCommand | None = request.command
    if isinstance(command, Approve):
        last = last_verdict(issue, own_ids, request.id)
        command = _said_in(last.record.request_id, issue) if last is not None else None
    return command if isinstance(command, Run) else Run()


def is_dropped(request_id: str, issue: Issue, own_ids: frozenset[int]) -> bool:
    """Whether nobody asks for it any more; an approval goes with what asked for the plan."""
    ids = {request_id}
    if isinstance(_said_in(request_id, issue), Approve):
        last = last_verdict(issue, own_ids, request_id)
        ids |= {last.record.request_id} if last is not None else set()
    return any(is_withdrawn(each, issue) for each in ids)


def _said_in(request_id: str, issue: Issue) -> Command | BadCommand | None:
    """What the comment behind a request asks for; None for a label, and for a comment that is gone or was edited."""
    found = next((each for each in issue.comments if comment_request_id(each) == request_id), None)
    return parse_command(found.body) if found is not None and not found.edited else None


def _stands(view: View, issue: Issue, request_id: str) -> bool:
    """Whether somebody still asks for what a plan was made for; that runs of others ended since changes nothing."""
    asked, label = asked_at(request_id, issue), label_request(issue)
    if asked is None or (request_id.startswith("L") and (label is None or label.id != request_id)):
        return False
    if request_id.startswith("C") and _said_in(request_id, issue) is None:
        return False
    ends = (stopped_at(issue), view.stop_just_said(issue), issue.closed_at)
    return all(asked > end for end in ends if end is not None)


def last_words(issue: Issue, own_ids: frozenset[int], request_id: str, *, continued: bool) -> str:
    """The body of the verdict that a run goes on from; empty: there is none.

    `continued`: it goes on from work on the branch, so whatever was said of that counts, however it was asked for; a
    review round may have ended with the question that is answered now.
    """
    last = last_verdict(issue, own_ids, request_id)
    said = reversed(verdicts(issue, own_ids))
    newest = next((each for each in said if _began(each.record) and not each.record.planned), None)
    found = newest if continued else last
    return "" if found is None or found.record.planned else found.comment.body


def earlier_guidance(issue: Issue, own_ids: frozenset[int], request_id: str) -> tuple[str, ...]:
    """What was said with the requests that this one goes on from, oldest first: an approval or a retry adds to it."""
    said, last = _said_in(request_id, issue), last_verdict(issue, own_ids, request_id)
    goes_on = last is not None and (isinstance(said, Retry | Approve) or last.record.planned)
    if last is None or not goes_on:
        return ()
    before = _before(issue, request_id)
    told = _said_in(last.record.request_id, before)
    words = told.guidance if isinstance(told, Run | Retry | Approve) else ""
    return (*earlier_guidance(before, own_ids, last.record.request_id), *([words] if words else []))
