"""Runs that have not begun: what the facts say of one now, and whether its admission is what they would give. Pure."""

from dataclasses import replace
from types import MappingProxyType

from bot.core.ledger import request_of
from bot.core.model import Issue, Snapshot
from bot.core.names import Reason, StateLabel
from bot.core.requests import asked_at, next_attempt
from bot.core.run import Admission
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Hold, Invalid, Situation, Unstartable, Waiting
from bot.core.survey import survey
from bot.core.verdict import Refusal, still_waits

_AT_WORK = frozenset({StateLabel.QUEUED, StateLabel.RUNNING})


def why_not_begun(snapshot: Snapshot, config: RepoConfig | ConfigProblem, issue: int, run_key: str) -> Refusal | None:
    """What stands against beginning this run now; None: nothing that the facts show, or its request is gone.

    What it has to wait for, or is held by, is no end of its request (`again`), except for a pause: whoever dispatched
    need not know of that.
    """
    found = _without_the_run(snapshot, config, issue)
    if getattr(getattr(found, "request", None), "id", "") != request_of(run_key):
        return None
    match found:
        case Waiting() | Invalid():
            return still_waits(found)
        case Hold(_, why):
            return Refusal(Reason.CANCELLED, f"Nothing was done: {why}", again=not snapshot.paused)
        case Unstartable(_, _, reason, text):
            return Refusal(Reason(reason), text)
        case _:
            return None


def why_taken_back(snapshot: Snapshot, config: RepoConfig | ConfigProblem, issue: int, run_key: str) -> Refusal | None:
    """The same of a run that somebody cancelled before it said anything.

    None: no reason of ours, it was a person. A hold is none: what has been dispatched has its room.
    """
    found = why_not_begun(snapshot, config, issue, run_key)
    held = isinstance(_without_the_run(snapshot, config, issue), Hold)
    return None if held else found


def _without_the_run(snapshot: Snapshot, config: RepoConfig | ConfigProblem, issue: int) -> Situation | None:
    """Where the issue would stand if the run were not."""
    claims = {number: claim for number, claim in snapshot.claims.items() if number != issue}
    free = replace(snapshot.issues[issue], labels=snapshot.issues[issue].labels - _AT_WORK)
    issues = MappingProxyType({**snapshot.issues, issue: free})
    return survey(replace(snapshot, claims=MappingProxyType(claims), issues=issues), config).situations.get(issue)


def disagreement(admission: Admission, fresh: Admission) -> str:
    """In what an admission says more than the facts give; empty: in nothing. `fresh`: what they give now.

    The base's commit is not compared: it may have got newer ones since. That the work still belongs on top of them is
    checked where it is pushed.
    """
    same = (
        *("kind", "pull", "branch", "base", "head_oid", "title", "model", "guidance"),
        *("approver_id", "approver_login", "content_sha"),
    )
    for name in same:
        if getattr(admission, name) != getattr(fresh, name):
            return name
    if not 0 < admission.usd <= fresh.usd:
        return "usd"
    return "" if 0 < admission.minutes <= fresh.minutes else "minutes"


def is_next_run(issue: Issue, own_ids: frozenset[int], run_key: str, *, mends: bool = False) -> bool:
    """Whether `run_key` names the next run of a request that was really made on this issue.

    `mends`: it is a review round that was at work. What asked for it may be gone by now, with its pull request or with
    the commit that was red.
    """
    request_id, attempt = request_of(run_key), int(run_key.rsplit("-", 1)[1])
    made = mends or asked_at(request_id, issue) is not None
    return made and attempt == next_attempt(request_id, issue, own_ids)
