"""Which run holds an issue, and what has become of it: claim branches, the server's ledger, dispatched runs."""

from datetime import timedelta

from bot.core.ledger import Notes, Record
from bot.core.model import ActionsRun, Claim, Issue, RunState
from bot.core.names import RUN_KEY, StateLabel
from bot.core.requests import Request
from bot.core.situation import Ended, Lost, Queued, Running, Situation
from bot.core.view import View

DISPATCH_GRACE = timedelta(seconds=120)
"""How long a dispatched run may stay invisible before it is dispatched again."""

GONE = "gone"
"""Our word for the conclusion of a run that somebody deleted."""

_ALIVE = frozenset({RunState.ACTIVE, RunState.UNKNOWN})


def claimed(view: View, issue: Issue, claim: Claim, request: Request | None) -> Situation:
    """Where an issue with a claim stands. `request`: the one that counts now."""
    said = next((record for record in view.records(issue) if record.run_key == claim.run_key), None)
    if claim.ledger:
        return _in_ledger(view, claim, said, request)
    url, state, conclusion = _holder(view, claim)
    ours = view.own is not None and claim.run_id == view.own.run_id
    return Running(claim, url, ours=ours) if state in _ALIVE else _over(view, claim, said, conclusion, url)


def dispatched(view: View, issue: Issue, request: Request, notes: Notes | None) -> Situation | None:
    """Queued or running, where a dispatched run may yet come and claim it, or is at work for the server.

    The server's claims are in its ledger, where a gate of the repository's own (both are installed) can't see them:
    the run itself, known by the run key in its name, is what says that this request is taken.
    """
    own = view.own
    state = issue.labels & {StateLabel.QUEUED, StateLabel.RUNNING}
    if not state or (own is not None and own.issue == issue.number):
        return None
    alive = next(((key, run) for key, run in _named(view, issue, request) if run.state in _ALIVE), None)
    if alive is not None and StateLabel.RUNNING in state:
        key, run = alive
        at = request.at if notes is None or notes.dispatched_at is None else notes.dispatched_at
        return Running(Claim(issue.number, key, run.id, at, view.snapshot.now, view.config.limits.usd), run.url)
    if StateLabel.QUEUED not in state:
        return None
    if alive is not None:
        at = request.at if notes is None or notes.dispatched_at is None else notes.dispatched_at
        return Queued(alive[0], at, alive[1].url)
    return _not_seen_yet(view, issue, request, notes)


def left_to_the_server(view: View, issue: Issue) -> bool:
    """Whether a run is alive that a review or red CI asked for: a gate beside a server reads neither."""
    if view.own is None or not issue.labels & {StateLabel.QUEUED, StateLabel.RUNNING}:
        return False
    asked = tuple(f"{issue.number}-{kind}" for kind in "RS")
    alive = (run for run in view.snapshot.runs.values() if run.state in _ALIVE)
    return any(key.startswith(asked) for run in alive for key in RUN_KEY.findall(run.name))


def _not_seen_yet(view: View, issue: Issue, request: Request, notes: Notes | None) -> Queued | None:
    """Dispatched a moment ago: the run need not be in GitHub's list yet."""
    if notes is None or notes.dispatched_at is None or notes.request_id != request.id:
        return None
    young = view.snapshot.now - notes.dispatched_at < DISPATCH_GRACE
    named = any(key == notes.dispatched_key for key, _ in _named(view, issue, request))
    return Queued(notes.dispatched_key, notes.dispatched_at) if young and not named else None


def _named(view: View, issue: Issue, request: Request) -> list[tuple[str, ActionsRun]]:
    """Workflow runs (never our own) whose name carries a run key of this request, oldest first."""
    mine = f"{issue.number}-{request.id}-"
    own = view.own.run_id if view.own is not None else 0
    return [
        (key, run)
        for _, run in sorted(view.snapshot.runs.items())
        if run.id != own
        for key in RUN_KEY.findall(run.name)
        if key.startswith(mine)
    ]


def _in_ledger(view: View, claim: Claim, said: Record | None, request: Request | None) -> Situation:
    run = view.snapshot.runs.get(claim.run_id) if claim.run_id else None
    mine = request if request is not None and claim.run_key.startswith(f"{claim.issue}-{request.id}-") else None
    if run is None:
        unknown = claim.run_id > 0
        if said is not None and not unknown:
            return _over(view, claim, said, "", "")
        return Running(claim, "") if unknown else Queued(claim.run_key, claim.at, claim=claim, request=mine)
    if run.state not in _ALIVE:
        return _over(view, claim, said, GONE if run.state is RunState.GONE else run.conclusion, run.url)
    if said is not None or run.state is RunState.UNKNOWN:
        return Running(claim, run.url)  # its publish is about to end it, or nothing new is known
    if not run.started:
        return Queued(claim.run_key, claim.at, run.url, claim, mine)
    return Running(claim, run.url, ours=True, request=mine)


def _over(view: View, claim: Claim, said: Record | None, conclusion: str, url: str) -> Situation:
    if said is None:
        return Lost(claim, conclusion, url)
    return Ended(said, again=not said.final(view.config.limits.attempts))


def _holder(view: View, claim: Claim) -> tuple[str, RunState, str]:
    """Address, state and conclusion of the run that holds the branch of `claim`."""
    if view.own is not None and claim.run_id == view.own.run_id:
        return view.own.run_url, RunState.ACTIVE, ""
    if claim.run_id <= 0:
        return "", RunState.ACTIVE if view.snapshot.now < claim.until else RunState.ENDED, ""
    run = view.snapshot.runs.get(claim.run_id)
    if run is None:
        return "", RunState.UNKNOWN, ""
    return run.url, run.state, GONE if run.state is RunState.GONE else run.conclusion
