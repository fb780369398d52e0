"""The second look: `work` repeats the admission right before the agent begins, reading only.

A gate's admission is held by its claim branch. The server's claim is in its ledger, which a job can't see: there the
admission itself stands for the claim, and everything in it is derived again, because anybody with write permission can
dispatch the workflow by hand with whatever they like.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from bot.core import ci
from bot.core.ledger import records, request_of
from bot.core.model import Actor, CheckSuite, Claim, Ref, Snapshot, Standing
from bot.core.names import GITHUB_ACTIONS_BOT_ID, Reason
from bot.core.plan import Plan, plan
from bot.core.requests import content_sha
from bot.core.rounds import Round
from bot.core.run import Admission
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.survey import askers
from bot.core.unbegun import disagreement, is_next_run, why_not_begun
from bot.core.view import Own
from bot.errors import Blocked
from bot.job.admit import Gatekeeper, admission_for
from bot.job.facts import read_facts, readable_comments, refuse_a_person, with_permissions
from bot.job.round import read_round

NOBODY = Actor(0, "")

_CHANGED = "the request, its prerequisites or its approval changed before the work began"


class Postponed(Blocked):
    """It does not begin now, and its request is not used up: it goes on by itself."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """What the second look saw."""

    config: RepoConfig
    snapshot: Snapshot
    comments: tuple[tuple[str, str], ...] = ()
    """Author and text of what the agent may read, oldest first."""
    round: Round | None = None
    """Of a review round: what the pull request's reviewers and its CI say."""


def recheck(keeper: Gatekeeper, admission: Admission, *, served: bool = False, dispatcher: Actor = NOBODY) -> Recheck:
    """Repeat the admission. `served`: it says that the server made it. `dispatcher`: who dispatched the run.

    Raises:
        Blocked: a fact that admitted the run no longer holds; `Postponed` when its request goes on all the same.
    """
    from_server = served and _is_server(dispatcher, admission)
    snapshot = _read(keeper, admission, served=served, from_server=from_server)
    config = keeper.parse_config(snapshot.config_text)
    if isinstance(config, ConfigProblem):
        raise Blocked(Reason.CONFIG_INVALID, config.message)
    issue = snapshot.issues.get(admission.issue)
    if issue is None or content_sha(issue) != admission.content_sha:
        raise Blocked(Reason.EDITED_AFTER_APPROVAL, "title or body changed after the approval")
    if served:
        snapshot = _as_claimed(snapshot, admission)
        if from_server:
            snapshot = replace(snapshot, standings=MappingProxyType(_as_the_server_saw(snapshot)))
    decided = plan(snapshot, config, Own(admission.run_id, admission.run_url, issue=admission.issue, admitted=True))
    if decided.admitted is None or decided.admitted.run_key != admission.run_key:
        raise _not_now(snapshot, config, admission)
    if decided.admitted.kind != admission.kind:
        raise _differs("kind")
    if served:
        _compare(snapshot, config, admission, decided)
    comments = readable_comments(keeper.github, snapshot, admission.issue)
    return Recheck(config, snapshot, comments, read_round(keeper.github, snapshot, admission))


def _read(keeper: Gatekeeper, admission: Admission, *, served: bool, from_server: bool) -> Snapshot:
    """Caps need the whole repository; the server has looked at those, and other runs of its own nobody else sees."""
    if not served:
        return read_facts(keeper.github, focus={admission.issue}, paused=keeper.paused, clock=keeper.clock)
    snapshot = keeper.github.issue_snapshot(admission.issue, now=keeper.clock())
    if from_server:
        snapshot = _as_ci_was_seen(snapshot, admission)
    return with_permissions(keeper.github, replace(snapshot, paused=keeper.paused), askers(snapshot))


def _as_claimed(snapshot: Snapshot, admission: Admission) -> Snapshot:
    """`snapshot` with the claim that the admission stands for. Raises `Blocked` where it stands for none."""
    number, key = admission.issue, admission.run_key
    refuse_a_person(snapshot, admission.server_id)
    issue = snapshot.issues[number]
    if any(record.run_key == key for record in records(issue, snapshot.own_ids)):
        raise Blocked(Reason.CANCELLED, f"run {key} has its verdict already; ask again with `/ai run`")
    if number in snapshot.claims:
        holder = snapshot.claims[number].run_id
        raise Blocked(Reason.CANCELLED, f"the workflow run {holder} holds the claim on this issue")
    if not is_next_run(issue, snapshot.own_ids, key):
        raise Blocked(Reason.CANCELLED, f"nobody asked for a run {key}")
    until = snapshot.now + timedelta(minutes=admission.minutes)
    claim = Claim(number, key, admission.run_id, snapshot.now, until, admission.usd)
    return replace(snapshot, claims=MappingProxyType({**snapshot.claims, number: claim}))


def _is_server(dispatcher: Actor, admission: Admission) -> bool:
    """Whether the App itself dispatched the run. People may, with any admission; so may their workflows."""
    same = dispatcher.id == admission.server_id != GITHUB_ACTIONS_BOT_ID
    return same and dispatcher.is_bot


def _as_ci_was_seen(snapshot: Snapshot, admission: Admission) -> Snapshot:
    """CI's word, which a job's token may not read: red, or the App, which may, had not asked for a run of this commit."""
    issue = snapshot.issues.get(admission.issue)
    feedback = issue.feedback if issue is not None else None
    if issue is None or feedback is None or request_of(admission.run_key) != ci.request_id(feedback.head_oid):
        return snapshot
    red = CheckSuite("completed", "failure", snapshot.now)
    seen = replace(issue, feedback=replace(feedback, suites=(red,)))
    return replace(snapshot, issues=MappingProxyType({**snapshot.issues, issue.number: seen}))


def _as_the_server_saw(snapshot: Snapshot) -> dict[Ref, Standing]:
    """Issues elsewhere that a job's token may not read: the App, which may, saw them closed, or it had not dispatched."""
    here = snapshot.repo.lower()
    return {
        ref: Standing.CLOSED if standing is Standing.UNREADABLE and ref.repo != here else standing
        for ref, standing in snapshot.standings.items()
    }


def _not_now(snapshot: Snapshot, config: RepoConfig, admission: Admission) -> Blocked:
    found = why_not_begun(snapshot, config, admission.issue, admission.run_key)
    if found is None:
        return Blocked(Reason.CANCELLED, _CHANGED)
    return (Postponed if found.again else Blocked)(found.reason, found.text, details=found.details)


def _compare(snapshot: Snapshot, config: RepoConfig, admission: Admission, decided: Plan) -> None:
    """Raises `Postponed` where the admission says more than the facts give; a new one is made from them."""
    assert decided.admitted is not None  # noqa: S101 (recheck saw it)
    fresh = admission_for(snapshot, config, decided.admitted, admission.base_oid)
    name = disagreement(admission, fresh)
    if name:
        raise _differs(name)


def _differs(name: str) -> Postponed:
    text = f"Nothing was done: what was admitted is not what the facts give now (`{name}`)"
    return Postponed(Reason.CANCELLED, text)
