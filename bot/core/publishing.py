"""The end of a run, as decisions: read facts → `next_effects` → apply, until it says nothing more.

`publish` may be killed anywhere and run again: every decision is made from what is on GitHub now, so a pull request
that exists is not opened twice and a verdict that was said is not said twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.core.effects import Assign, Continue, Effect, OpenPull, PostComment, ReleaseClaim
from bot.core.ledger import DONE, Record, notes_of, records
from bot.core.messages.pull import compare_link, pull_body, pull_title
from bot.core.messages.status import status
from bot.core.messages.verdict import blocked, done
from bot.core.model import Issue, Pull, Snapshot
from bot.core.names import REQUEST_LABEL, UNPUSHED, Reason, StateLabel
from bot.core.requests import label_request
from bot.core.run import Admission, Outcome
from bot.core.settings import PullRequest
from bot.core.situation import Closed, Ended
from bot.core.verdict import Refusal
from bot.core.writing import kept_request, move_labels, put_status


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known at the end of a run, GitHub's state apart."""

    admission: Admission
    outcome: Outcome | None
    """None: `work` left none that can be trusted."""
    failure: Refusal | None = None
    """Set: the run is Blocked for this, whatever the outcome says."""
    pushed_oid: str = ""
    """The commit that is on the branch for this run; empty: nothing was pushed."""
    server: str = ""
    settings: PullRequest = PullRequest()
    attempts: int = 1
    """`limits.attempts`: how many runs a request has, where runners vanish."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next. Neither effects nor a verdict: read again."""

    effects: tuple[Effect, ...]
    verdict: Literal["", "done", "blocked"] = ""
    """Set on the step that ends the run."""
    reason: str = ""
    text: str = ""
    pull: Pull | None = None


def next_step(ending: Ending, snapshot: Snapshot) -> Step:
    """Decide the next effects; the step with a verdict is the last one."""
    admission = ending.admission
    issue = snapshot.issues.get(admission.issue)
    said = (
        next((r for r in records(issue, snapshot.own_ids) if r.run_key == admission.run_key), None) if issue else None
    )
    pull = _pull(ending, snapshot)
    if said is not None and issue is not None:
        verdict: Literal["done", "blocked"] = "done" if said.code == DONE else "blocked"
        return Step(_finish(snapshot, issue, said, ending.attempts), verdict, said.code, "", pull)
    failure = ending.failure or _judge(ending, pull)
    if failure is None and pull is None:
        return Step((_open(ending, snapshot),))
    if failure is None and pull is not None and _behind(ending, pull):
        return Step(())
    started = snapshot.claims[admission.issue].at if admission.issue in snapshot.claims else snapshot.now
    return _end(ending, snapshot, failure, pull, started)


def _judge(ending: Ending, pull: Pull | None) -> Refusal | None:
    """Blocked by what the outcome says or by what GitHub shows; None: Done as soon as the PR is there."""
    outcome = ending.outcome
    if outcome is None:
        return Refusal(Reason.INTERNAL_ERROR, "the work job left no outcome that can be trusted")
    if outcome.verdict != "done":
        return Refusal(Reason(outcome.reason), outcome.text, outcome.details)
    if not ending.pushed_oid:
        return Refusal(Reason.INTERNAL_ERROR, "the work is done but nothing was pushed")
    if pull is not None and pull.head_oid not in {"", ending.pushed_oid} and not _behind(ending, pull):
        return Refusal(Reason.BRANCH_CHANGED, f"somebody pushed to `{pull.head}` while this run was being published")
    return None


def _behind(ending: Ending, pull: Pull) -> bool:
    """The pull request still shows what the run started from: it was read before our push, or GitHub lags behind it."""
    return pull.head_oid == ending.admission.head_oid != ending.pushed_oid


def _pull(ending: Ending, snapshot: Snapshot) -> Pull | None:
    """Our open pull request for the branch, as GitHub shows it now."""
    return next((p for p in snapshot.pulls if p.head == ending.admission.branch and p.open), None)


def _open(ending: Ending, snapshot: Snapshot) -> OpenPull:
    admission, outcome = ending.admission, ending.outcome
    assert outcome is not None  # noqa: S101 (_judge saw it)
    body = pull_body(
        admission.issue,
        outcome,
        base_is_default=admission.base == snapshot.default_branch,
        run_url=admission.run_url,
        run_key=admission.run_key,
    )
    title = pull_title(admission.title, admission.issue)
    return OpenPull(admission.branch, admission.base, title, body, ending.settings.draft)


def _end(ending: Ending, snapshot: Snapshot, failure: Refusal | None, pull: Pull | None, started: datetime) -> Step:
    admission, outcome = ending.admission, ending.outcome
    record = Record(
        run_key=admission.run_key,
        code=failure.reason if failure else DONE,
        usd=outcome.usd if outcome else admission.usd,
        at=snapshot.now,
        requested_at=started,
        pull=pull.number if pull and not failure else 0,
    )
    if failure is None:
        assert pull is not None  # noqa: S101 (next_step saw it)
        assert outcome is not None  # noqa: S101 (_judge saw it)
        body = done(record, pull, outcome, run_url=admission.run_url)
    else:
        shown = replace(outcome, details=failure.details) if outcome else None
        link = _link(ending, failure, pull)
        body = blocked(record, failure.text, outcome=shown, link=link, run_url=admission.run_url)
    said = PostComment(admission.issue, body)
    assign: tuple[Effect, ...] = ()
    if failure is None and pull is not None and ending.settings.assign == "approver":
        assign = (Assign(pull.number, admission.approver_login),)
    issue = snapshot.issues.get(admission.issue)
    rest = _finish(snapshot, issue, record, ending.attempts) if issue else (ReleaseClaim(admission.issue),)
    verdict: Literal["done", "blocked"] = "blocked" if failure else "done"
    return Step((*assign, said, *rest), verdict, record.code, failure.text if failure else "", pull)


def _link(ending: Ending, failure: Refusal, pull: Pull | None) -> str:
    if not ending.pushed_oid or failure.reason in UNPUSHED:
        return ""
    if pull is not None:
        return f"The work is on the branch of #{pull.number}."
    admission = ending.admission
    return compare_link(ending.server, admission.repo, admission.base, admission.branch)


def _finish(snapshot: Snapshot, issue: Issue, record: Record, attempts: int) -> tuple[Effect, ...]:
    """Status, labels, claim: what is left once the verdict has been said. Equal to what a later plan would do."""
    label = StateLabel.DONE if record.code == DONE else StateLabel.BLOCKED
    request = label_request(issue)
    again = issue.open and not record.final(attempts)
    keep = issue.open and request is not None and (request.at > record.requested_at or again)
    notes = notes_of(issue, snapshot.own_ids)
    body = status(Ended(record) if issue.open else Closed(), notes={"v": 1, **kept_request(notes)})
    effects: list[Effect] = [
        *put_status(issue, body, notes),
        *move_labels(issue, label if issue.open else None, keep_request=keep),
    ]
    claim = snapshot.claims.get(issue.number)
    if claim is not None and claim.run_key == record.run_key:
        effects.append(ReleaseClaim(issue.number))
    asked_again = keep and REQUEST_LABEL in issue.labels
    if effects and (again or asked_again or _others_on_hold(snapshot, issue.number)):
        effects.append(Continue())
    return tuple(effects)


def _others_on_hold(snapshot: Snapshot, number: int) -> bool:
    """Whether another issue was ready but held, and so may have waited for this run's slot."""
    for n, other in snapshot.issues.items():
        if n != number and other.open and StateLabel.WAITING in other.labels:
            notes = notes_of(other, snapshot.own_ids)
            if notes is not None and notes.hold:
                return True
    return False
