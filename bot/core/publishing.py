"""The end of a run, as decisions: read facts → `next_effects` → apply, until it says nothing more.

`publish` may be killed anywhere and run again: every decision is made from what is on GitHub now, so a pull request
that exists is not opened twice and a verdict that was said is not said twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.core.effects import Assign, Continue, Effect, OpenPull, PostComment, ReleaseClaim, ReplyInThread
from bot.core.inits.proposal import Proposal
from bot.core.ledger import DONE, MOST_SPARED, Record, notes_of, records, request_of, spared
from bot.core.messages.inits import proposed_issues
from bot.core.messages.plan import proposed
from bot.core.messages.pull import compare_link, kept_link, pull_body, pull_title
from bot.core.messages.status import status
from bot.core.messages.thread import thread_reply
from bot.core.messages.verdict import blocked, done
from bot.core.model import Issue, Pull, Snapshot
from bot.core.names import UNPUSHED, Reason, StateLabel
from bot.core.plans import is_dropped
from bot.core.requests import answered_until, asked_at, fix_requests, label_request
from bot.core.rounds import Thread, is_answered
from bot.core.run import Admission, Outcome
from bot.core.settings import PullRequest
from bot.core.situation import Closed, Ended
from bot.core.specs.diff import Diff
from bot.core.unbegun import is_next_run
from bot.core.verdict import Refusal
from bot.core.writing import end_label, kept_request, kept_tally, move_labels, noted_end, put_status


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
    kept: str = ""
    """The branch on which its work is kept, where people went on with the run's own meanwhile."""
    server: str = ""
    settings: PullRequest = PullRequest()
    attempts: int = 1
    """`limits.attempts`: how many runs a request has, where runners vanish."""
    threads: tuple[Thread, ...] = ()
    """Of a review round: the conversations that may be answered, as they were read last."""
    answered: frozenset[str] = frozenset()
    """Node ids of those that need no answer any more, whatever a list that is late says."""
    served: bool = False
    """The server admitted the run: no branch holds its claim, and nobody else need be told of its end."""
    proposal: tuple[Proposal, Diff] | None = None
    """Of an `init`: the plan of issues, and how it differs from what is there."""


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
        rest = () if _taken_over(snapshot, issue, said) else _finish(ending, snapshot, issue, said)
        return Step(rest, verdict, said.code, "", pull)
    if text := _not_ours_to_end(ending, snapshot):
        return Step((), "blocked", Reason.CANCELLED, text)
    failure = ending.failure or pull_gone(admission, snapshot) or _judge(ending, pull) or _decided(ending, snapshot)
    if failure is None and pull is None:
        return Step((_open(ending, snapshot),))
    if failure is None and pull is not None and _behind(ending, pull):
        return Step(())
    if replies := _replies(ending, failure):
        return Step(replies)
    return _end(ending, snapshot, failure, pull)


def _not_ours_to_end(ending: Ending, snapshot: Snapshot) -> str:
    """Why nothing at all is said of this run: a claim of the very same run is another's, or its key is invented."""
    admission = ending.admission
    claim, issue = snapshot.claims.get(admission.issue), snapshot.issues.get(admission.issue)
    if claim is not None and claim.run_key == admission.run_key and claim.run_id != admission.run_id:
        return f"Run {claim.run_key} is being done by another workflow run, which holds its claim."
    began = admission.kind == "fix" and not _never_began(ending.outcome)
    mends = began and any(pull.number == admission.pull for pull in snapshot.pulls)
    if ending.served and issue is not None and not is_next_run(issue, snapshot.own_ids, admission.run_key, mends=mends):
        return f"Nobody asked for a run {admission.run_key}."
    return ""


def _taken_over(snapshot: Snapshot, issue: Issue, said: Record) -> bool:
    """A later run or request has the issue's labels and status: somebody pressed *Re-run* on an old run."""
    claim, notes = snapshot.claims.get(issue.number), notes_of(issue, snapshot.own_ids)
    if claim is not None and claim.run_key != said.run_key:
        return True
    if any(record.at > said.at for record in records(issue, snapshot.own_ids)):
        return True
    if notes is None:
        return False
    other_request = notes.request_id not in {"", said.request_id}
    waits = bool(issue.labels & {StateLabel.WAITING, StateLabel.QUEUED, StateLabel.RUNNING})
    return notes.dispatched_key not in {"", said.run_key} or (other_request and waits)


def pull_gone(admission: Admission, snapshot: Snapshot) -> Refusal | None:
    """A review round whose pull request is not open any more: no other one is opened for it."""
    if admission.kind != "fix" or any(pull.number == admission.pull and pull.open for pull in snapshot.pulls):
        return None
    return Refusal(Reason.CANCELLED, "The pull request was merged or closed before this review round could end")


def _replies(ending: Ending, failure: Refusal | None) -> tuple[Effect, ...]:
    """Answers to the conversations that have none of this run, where what they speak of is to be seen."""
    outcome = ending.outcome
    if outcome is None or (failure is not None and failure.reason is not Reason.NO_CHANGES):
        return ()
    texts = {reply.thread: reply.text for reply in outcome.replies}
    key, commit = ending.admission.run_key, ending.pushed_oid if failure is None else ""
    return tuple(
        ReplyInThread(thread.id, thread_reply(texts[thread.id], key, commit))
        for thread in ending.threads
        if thread.id in texts and thread.id not in ending.answered and not is_answered(thread, key)
    )


def _judge(ending: Ending, pull: Pull | None) -> Refusal | None:
    """Blocked by what the outcome says or by what GitHub shows; None: Done as soon as the PR is there."""
    outcome = ending.outcome
    if outcome is None:
        return Refusal(Reason.INTERNAL_ERROR, "the work job left no outcome that can be trusted")
    if outcome.verdict == "done" and ending.admission.kind in {"plan", "init"}:
        return Refusal(Reason.INTERNAL_ERROR, "a run that was only to plan says that the work is done")
    if outcome.verdict != "done":
        return Refusal(Reason(outcome.reason), outcome.text, outcome.details, outcome.again)
    if not ending.pushed_oid:
        return Refusal(Reason.INTERNAL_ERROR, "the work is done but nothing was pushed")
    if pull is not None and pull.head_oid not in {"", ending.pushed_oid} and not _behind(ending, pull):
        return Refusal(Reason.BRANCH_CHANGED, f"somebody pushed to `{pull.head}` while this run was being published")
    return None


def _decided(ending: Ending, snapshot: Snapshot) -> Refusal | None:
    """People have closed or merged the pull request meanwhile: a run never begins on a branch with one that is closed.

    Another one from that branch would show again what they have decided on.
    """
    pulls = [pull for pull in snapshot.pulls if pull.head == ending.admission.branch]
    if not pulls or any(pull.open for pull in pulls):
        return None
    last = max(pulls, key=lambda pull: pull.number)
    done = "merged" if last.merged else "closed"
    return Refusal(Reason.CANCELLED, f"Its pull request was {done} while this run was at work")


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


def _end(ending: Ending, snapshot: Snapshot, failure: Refusal | None, pull: Pull | None) -> Step:
    admission, outcome = ending.admission, ending.outcome
    record = _record(ending, snapshot, failure, pull)
    if failure is None:
        assert pull is not None  # noqa: S101 (next_step saw it)
        assert outcome is not None  # noqa: S101 (_judge saw it)
        goes_on = admission.head_oid != admission.base_oid
        body = done(record, pull, outcome, run_url=admission.run_url, goes_on=goes_on)
    elif record.planned and outcome is not None and ending.proposal is not None:
        proposal, diff = ending.proposal
        body = proposed_issues(record, outcome, proposal, diff, admission.issue, run_url=admission.run_url)
    elif record.planned and outcome is not None:
        body = proposed(record, outcome, admission.issue, run_url=admission.run_url)
    else:
        shown = replace(outcome, details=failure.details) if outcome else None
        link = _link(ending, failure, pull)
        body = blocked(record, failure.text, outcome=shown, link=link, run_url=admission.run_url)
    said = PostComment(admission.issue, body)
    assign: tuple[Effect, ...] = ()
    if failure is None and pull is not None and ending.settings.assign == "approver":
        assign = (Assign(pull.number, admission.approver_login),)
    issue, claim = snapshot.issues.get(admission.issue), snapshot.claims.get(admission.issue)
    rest: tuple[Effect, ...] = (ReleaseClaim(admission.issue),)
    if issue is not None:
        others = claim is not None and claim.run_key != record.run_key
        rest = () if others else _finish(ending, snapshot, issue, record)
    verdict: Literal["done", "blocked"] = "blocked" if failure else "done"
    return Step((*assign, said, *rest), verdict, record.code, failure.text if failure else "", pull)


def _record(ending: Ending, snapshot: Snapshot, failure: Refusal | None, pull: Pull | None) -> Record:
    admission, outcome = ending.admission, ending.outcome
    issue = snapshot.issues.get(admission.issue)
    earlier = spared(issue, snapshot.own_ids, admission.run_key) if issue else 0
    gone = issue is not None and is_dropped(request_of(admission.run_key), issue, snapshot.own_ids)
    cancelled = failure is not None and failure.reason is Reason.CANCELLED
    return Record(
        run_key=admission.run_key,
        code=failure.reason if failure else DONE,
        usd=outcome.usd if outcome else admission.usd,
        at=snapshot.now,
        requested_at=_started(ending, snapshot),
        pull=admission.pull or (pull.number if pull and not failure else 0),
        again=failure is not None and failure.again and earlier < MOST_SPARED,
        spared=earlier,
        withdrawn=ending.served and cancelled and gone and _never_began(outcome),
        kind=admission.kind,
        planned=_has_planned(ending, failure),
    )


def _has_planned(ending: Ending, failure: Refusal | None) -> bool:
    """It was to plan, and did: any other end ends its request as ever."""
    asked = failure is not None and failure.reason is Reason.NEEDS_INPUT
    if ending.admission.kind == "init":
        return asked and ending.proposal is not None
    return asked and ending.admission.kind == "plan" and ending.outcome is not None and ending.outcome.planned


def _never_began(outcome: Outcome | None) -> bool:
    """Nothing is known of any work: to its readers the run was queued."""
    return outcome is None or not (outcome.commit_oid or outcome.turns or outcome.usd)


def _started(ending: Ending, snapshot: Snapshot) -> datetime:
    """Requests made before this are answered by this run, those made after it are not."""
    key, claim = ending.admission.run_key, snapshot.claims.get(ending.admission.issue)
    if claim is not None:
        return claim.at
    issue = snapshot.issues.get(ending.admission.issue)
    if not ending.served or issue is None:
        return snapshot.now
    notes = notes_of(issue, snapshot.own_ids)
    at = notes.dispatched_at if notes is not None and notes.dispatched_key == key else None
    return answered_until(key, at, issue) if at else asked_at(request_of(key), issue) or snapshot.now


def _link(ending: Ending, failure: Refusal, pull: Pull | None) -> str:
    if ending.kept:
        return kept_link(ending.server, ending.admission.repo, ending.admission.branch, ending.kept)
    if not ending.pushed_oid or failure.reason in UNPUSHED:
        return ""
    if pull is not None:
        return f"The work is on the branch of #{pull.number}."
    admission = ending.admission
    return compare_link(ending.server, admission.repo, admission.base, admission.branch)


def _finish(ending: Ending, snapshot: Snapshot, issue: Issue, record: Record) -> tuple[Effect, ...]:
    """Status, labels, claim: what is left once the verdict has been said. Equal to what a later plan would do."""
    label = end_label(record)
    request = label_request(issue)
    again = issue.open and not record.final(ending.attempts)
    newer = request is not None and request.at > record.requested_at
    keep = issue.open and request is not None and (newer or again)
    notes = notes_of(issue, snapshot.own_ids)
    block = {"v": 1, **noted_end(record, ending.attempts, notes), **kept_tally(notes), **kept_request(notes)}
    body = status(Ended(record) if issue.open else Closed(), notes=block)
    # Of a server's run only the server makes the status comment: two who both see none would make two.
    makes_none = ending.served and notes is None
    effects: list[Effect] = [
        *(() if makes_none else put_status(issue, body, notes)),
        *move_labels(issue, label if issue.open else None, keep_request=keep),
    ]
    claim = snapshot.claims.get(issue.number)
    if claim is not None and claim.run_key == record.run_key:
        effects.append(ReleaseClaim(issue.number))
    goes_on = (again and not record.planned) or (keep and newer) or _round_waits(snapshot, issue, record)
    if effects and not ending.served and (goes_on or _others_on_hold(snapshot, issue.number)):
        effects.append(Continue())
    return tuple(effects)


def _round_waits(snapshot: Snapshot, issue: Issue, record: Record) -> bool:
    """Whether a review round was asked for while this run was at work."""
    asked = fix_requests(issue, snapshot.own_ids) if issue.open else ()
    return any(request.at > record.requested_at and request.id != record.request_id for request in asked)


def _others_on_hold(snapshot: Snapshot, number: int) -> bool:
    """Whether another issue was ready but held, and so may have waited for this run's slot."""
    for n, other in snapshot.issues.items():
        if n != number and other.open and StateLabel.WAITING in other.labels:
            notes = notes_of(other, snapshot.own_ids)
            if notes is not None and notes.hold:
                return True
    return False
