"""Gate: look at the whole repository, write what is so, and admit at most one issue to this run.

The story: read → plan → claim → read again → plan again → write. A claim counts only when everything that
admitted it still holds in a read made after it (invariant I3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from bot.core.branches import choose_branch
from bot.core.effects import (
    Continue,
    Dispatch,
    Effect,
    MakeIssues,
    PostComment,
    PutBoard,
    PutStatus,
    React,
    ReleaseClaim,
)
from bot.core.model import Issue, Permission, Snapshot
from bot.core.names import CONFIG_PATH
from bot.core.plan import Plan, dispatch_failed, plan
from bot.core.requests import content_sha
from bot.core.rounds import Conversation, FailedJob
from bot.core.run import Admission
from bot.core.settings import ConfigProblem, RepoConfig
from bot.core.situation import Hold, Invalid, Queued, RoundsUsed, Running, Situation, Start, Waiting
from bot.core.specs.diff import Existing
from bot.core.view import Own
from bot.errors import GitHubError
from bot.github.ports import Applied, Reader, Writer
from bot.job.facts import read_facts, utc_now
from bot.job.portions import Portions
from bot.notify.notice import Tell, nobody, verdict_notice

ROUNDS = 6
"""Reads before a gate gives up; two are normal, one more for each thing that moved meanwhile."""

PATIENCE = 20
"""Seconds that a claim waits for younger ones to step back, where there is room for one of them only."""

TAKE_NONE = -1
"""`Own.issue` of a run that takes nothing (any more)."""

SAID_BESIDE = 20
"""Comments and reactions about other issues that a gate makes while its admitted run waits for it."""

SAID_ALONE = 200
"""The same of a gate that admits nothing; its job has ten minutes."""

SETUP_MINUTES = 20
"""Minutes of a `work` job on top of the agent's and the checks' own limits: checkout, installing, bundling."""


class GitHub(Reader, Writer, Protocol):
    """Both halves of the client, and what a run reads of its own issue and pull request."""

    def issue_snapshot(self, number: int, *, now: datetime, prerequisites: bool = True) -> Snapshot:
        """One issue, and (`prerequisites`) what it waits for, in one request; other issues' details are left out."""
        ...

    def conversation(self, pull: int) -> Conversation:
        """What is said of a pull request and not settled."""
        ...

    def task_issues(self) -> tuple[Existing, ...]:
        """All issues that may be tasks of a plan, open and closed."""
        ...

    def failed_jobs(self, oid: str) -> tuple[FailedJob, ...]:
        """The jobs of the repository's own CI that failed on a commit, as far as they can be read."""
        ...


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """What a gate needs from outside."""

    github: GitHub
    parse_config: Callable[[str | None], RepoConfig | ConfigProblem]
    server: str
    """Web address, for links and clones."""
    paused: bool = False
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = lambda _: None
    tell: Tell = nobody
    """Is told of the verdicts that a gate says: of runs that vanished, or can't be started."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate came to."""

    admission: Admission | None
    config: RepoConfig
    plan: Plan
    snapshot: Snapshot
    effects_failed: tuple[Applied, ...] = ()

    @property
    def job_minutes(self) -> int:
        """Time limit of the `work` job, in minutes."""
        return job_minutes(self.config, self.plan.admitted) if self.plan.admitted else SETUP_MINUTES

    def situation(self, issue: int) -> Situation | None:
        """Where `issue` stands after this gate."""
        return self.plan.survey.situations.get(issue)


def gate(keeper: Gatekeeper, own: Own, *, only: int = 0) -> Gate:
    """Plan the repository, apply it, and admit at most one issue. `only`: write nothing about any other issue.

    Raises:
        GitHubError: GitHub could not be read. Nothing was started; the next event or the schedule looks again.
    """
    focus = {number for number in (own.issue, own.prefer) if number > 0}
    claimed = 0
    known: dict[int, Permission] = {}
    failed: tuple[Applied, ...] = ()
    rounds, waited, portions = 0, 0, Portions(keeper.sleep)
    while rounds < ROUNDS:
        rounds += 1
        snapshot = read_facts(keeper.github, focus=focus, paused=keeper.paused, clock=keeper.clock, known=known)
        known = {person: may for person, may in snapshot.permissions.items() if may is not Permission.UNKNOWN}
        config = keeper.parse_config(snapshot.config_text)
        decided = plan(snapshot, config, own)
        rules = RepoConfig() if isinstance(config, ConfigProblem) else config
        base_oid = _base_oid(keeper, snapshot, rules) if decided.claim or decided.admitted else ""
        if (decided.claim or decided.admitted) and not base_oid:
            decided = plan(snapshot, _no_base(rules), own)
        if claimed and claimed not in snapshot.claims:
            keeper.sleep(1.0)  # A stale read: what we just created is not visible yet.
            continue
        if decided.claim is not None:
            answer = keeper.github.apply((decided.claim,), snapshot)[0]
            if answer.ok:
                claimed = decided.claim.issue
            elif not answer.unsure:
                own = replace(own, issue=_nobody(answer), prefer=0)  # Somebody else holds it: theirs to run.
            continue
        if _is_crowded(decided):
            own = replace(own, patient=waited < PATIENCE)
            rounds, waited = rounds - 1, waited + 1
            keeper.sleep(1.0)
            continue
        goes_on = portions.go_on(decided, only)
        effects = _portion(decided, snapshot, only, later=decided.making and not (goes_on or portions.refused))
        answers = _apply(keeper, snapshot, rules, effects)
        failed = tuple(answer for answer in answers if not answer.ok)
        # A board that could not be written keeps nobody waiting: the next gate writes it.
        doubtful = any(answer.unsure for answer in failed if not isinstance(answer.effect, PutBoard))
        told = _report_dispatches(keeper, snapshot, rules, failed)
        if _stepped_back(decided, own):
            own, claimed = replace(own, issue=TAKE_NONE, prefer=0), 0
            continue
        if goes_on:
            rounds -= 1
            portions.heard(decided, answers)
            continue
        if doubtful or told or (decided.again and not failed):
            continue  # Not known whether `ai-running` was said, say: look again before starting.
        if decided.admitted is None:
            return Gate(None, rules, decided, snapshot, failed)
        admission = admission_for(snapshot, rules, decided.admitted, base_oid, run_id=own.run_id, run_url=own.run_url)
        return Gate(admission, rules, decided, snapshot, failed)
    if claimed:
        keeper.github.apply((ReleaseClaim(claimed),), snapshot)
    return Gate(None, rules, decided, snapshot, failed)


def _apply(
    keeper: Gatekeeper, snapshot: Snapshot, config: RepoConfig, effects: Sequence[Effect]
) -> tuple[Applied, ...]:
    """Do effects, and tell of the verdicts among them."""
    answers = keeper.github.apply(effects, snapshot) if effects else ()
    for answer in answers:
        if answer.ok and (notice := verdict_notice(answer.effect, snapshot)):
            keeper.tell(config.notify, notice)
    return answers


def _nobody(refused: Applied) -> int:
    """`TAKE_NONE` when the claim is somebody else's. Raises `GitHubError` when it could not be made for another reason."""
    if refused.status == HTTPStatus.UNPROCESSABLE_ENTITY and "already exists" in refused.message:
        return TAKE_NONE
    raise GitHubError(
        f"GitHub refused the branch ai/claim-{getattr(refused.effect, 'issue', 0)}, without which nothing can start: "
        f"{refused.message or refused.status}. The job needs contents: write, and no rule may forbid branches ai/**.",
        status=refused.status,
    )


def _portion(decided: Plan, snapshot: Snapshot, only: int, *, later: bool = False) -> tuple[Effect, ...]:
    """What one gate writes: its admitted issue first, then the others, up to what can be said in the job's time.

    Comments are paced at one a second (GitHub's limit); a hundred labelled issues must not keep an admitted run
    waiting. What is cut off is the next gate's, for which this one asks; so it does where issues are left to make
    (`later`).
    """
    if only:
        return tuple(effect for effect in decided.effects if _about(effect, snapshot.issues.get(only)))
    admitted = snapshot.issues.get(decided.admitted.issue) if decided.admitted else None
    more = (Continue(),) if later else ()
    mine = [effect for effect in decided.effects if _about(effect, admitted)]
    rest = [effect for effect in decided.effects if not _about(effect, admitted)]
    most = SAID_BESIDE if admitted else SAID_ALONE
    said = 0
    for index, effect in enumerate(rest):
        said += isinstance(effect, PutStatus | PutBoard | PostComment | React | MakeIssues)
        if said > most:
            return (*mine, *rest[:index], Continue())
    return (*mine, *rest, *more)


def _about(effect: Effect, issue: Issue | None) -> bool:
    """Whether an effect is about this issue, or our open pull request for it."""
    if issue is None:
        return False
    on_pull = issue.feedback.comments if issue.feedback else ()
    if isinstance(effect, React):
        return any(comment.node_id == effect.comment_node_id for comment in (*issue.comments, *on_pull))
    return getattr(effect, "issue", 0) in {issue.number, issue.feedback.pull if issue.feedback else issue.number}


def _is_crowded(decided: Plan) -> bool:
    """Our claim has to wait for younger ones to step back."""
    return any(isinstance(s, Running) and s.crowded for s in decided.survey.situations.values())


def _stepped_back(decided: Plan, own: Own) -> bool:
    """Our claim did not stand: it was released, and the issue has to be told so."""
    return any(
        isinstance(s, Running) and s.claim.run_id == own.run_id and not s.confirmed
        for s in decided.survey.situations.values()
    )


def _report_dispatches(keeper: Gatekeeper, snapshot: Snapshot, config: RepoConfig, failed: tuple[Applied, ...]) -> bool:
    """A dispatch that GitHub refuses for good (no such workflow, no such input) ends as Blocked, not in a loop.

    Whether any verdict was said: the next look brings status and labels in line with it.
    """
    refused = [(a.effect, a.message) for a in failed if isinstance(a.effect, Dispatch) and not a.unsure]
    effects = [dispatch_failed(snapshot, effect, message) for effect, message in refused]
    return any(answer.ok for answer in _apply(keeper, snapshot, config, effects))


def _base_oid(keeper: Gatekeeper, snapshot: Snapshot, config: RepoConfig) -> str:
    """Where the branch is that the work is meant for; empty: it does not exist. Asked for before anything is claimed."""
    base = config.pull_request.base
    return keeper.github.branch_oid(base) if base not in {"", snapshot.default_branch} else snapshot.head_oid


def _no_base(config: RepoConfig) -> ConfigProblem:
    return ConfigProblem(f"{CONFIG_PATH}: `pull_request.base`: there is no branch `{config.pull_request.base}` here")


def admission_for(
    snapshot: Snapshot,
    config: RepoConfig,
    start: Start,
    base_oid: str,
    *,
    run_id: int = 0,
    run_url: str = "",
    server_id: int = 0,
) -> Admission:
    """What `work` and `publish` are told of a start, from facts alone. Pure.

    Args:
        snapshot: What the start was decided on.
        config: The repository's, by the same read.
        start: Says what may be spent, and for whom.
        base_oid: The newest commit of the branch that the work is meant for (`pull_request.base`, else the default one).
        run_id: The workflow run; 0: the server admits, and the run itself fills it in.
        run_url: The page of that run.
        server_id: User id of the server's bot.
    """
    issue = snapshot.issues[start.issue]
    branch = choose_branch(snapshot, start.issue)
    command = start.request.command
    return Admission(
        issue=start.issue,
        repo=snapshot.repo,
        run_key=start.run_key,
        title=issue.title,
        branch=branch.name,
        base=config.pull_request.base or snapshot.default_branch,
        base_oid=base_oid,
        head_oid=branch.head_oid or base_oid,
        approver_id=start.request.actor.id,
        approver_login=start.request.actor.login,
        model=start.model,
        usd=start.usd,
        minutes=start.minutes,
        content_sha=content_sha(issue),
        guidance=command.guidance if command else "",
        run_id=run_id,
        run_url=run_url,
        kind=start.kind,
        pull=start.pull,
        server_id=server_id,
    )


def job_minutes(config: RepoConfig, start: Start) -> int:
    """Time limit of the `work` job, in minutes."""
    before, compared = 1, 2  # setup; and setup and one check where the run started, to tell a regression
    return start.minutes + SETUP_MINUTES + config.checks.minutes * (before + 3 * config.checks.attempts + compared)


def why_not(situation: Situation | None) -> str:
    """One sentence for the log when an issue was not admitted."""
    match situation:
        case Waiting(_, on, _):
            return "waiting for " + ", ".join(str(blocker.ref) for blocker in on[:10])
        case Invalid(_, reason, path):
            return f"can't start: {reason} ({' → '.join(path)})"
        case Hold(_, why):
            return f"on hold: {why}"
        case RoundsUsed(_, request, rounds):
            return f"#{request.pull} has had its {rounds} review rounds"
        case Running(_, url):
            return "another run is at work on it" + (f": {url}" if url else "")
        case Queued(_, _, url):
            return "another run has been dispatched for it" + (f": {url}" if url else "")
        case None:
            return "nobody asks for it"
        case _:
            return type(situation).__name__.lower()
