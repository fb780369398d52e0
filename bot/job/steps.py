"""The four commands of a run, wired: gate, work, publish, and all three in a row (`ai-ready run`).

Each takes what the environment said and a `Report`, builds what the story needs, and tells it. Clients and the agent
are imported where they are used: gate and publish start in a fraction of a second.
"""

import contextlib
import os
import secrets as random
import threading
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import ActionEnv, parse_repo_config
from bot.core.effects import PostComment
from bot.core.model import Issue, Permission, Snapshot
from bot.core.order import skip_line
from bot.core.run import Admission, Outcome
from bot.core.situation import Ended, Refused, Situation, Unasked, Unstartable, Waiting
from bot.core.verdict import cancelled
from bot.core.view import Own
from bot.errors import Blocked, ConfigError, GitHubError, UsageError
from bot.github.event import read_event
from bot.job.admit import Gate, Gatekeeper, GitHub, gate, recheck, why_not
from bot.job.facts import read_facts
from bot.job.handover import Digests, admission_from_json, admission_to_json, hand_over
from bot.report import Report

if TYPE_CHECKING:
    from bot.agent.process import Cancel
    from bot.job.endgame import End

MOST_COMMENTERS = 10
"""People whose permission is read to decide whether the agent sees their comments; the newest comments count first."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What `ai-ready run` came to."""

    exit_code: int
    sentence: str


def gatekeeper(env: ActionEnv, github: GitHub) -> Gatekeeper:
    """What gate and the second look of work stand on."""
    return Gatekeeper(github, parse_repo_config, env.server_url, paused=env.paused, sleep=time.sleep)


def github_of(env: ActionEnv, repo: str) -> GitHub:
    """The Action's client for one repository."""
    from bot.github.action_client import Access, ActionGitHub  # noqa: PLC0415 (0.2 s of import)

    return ActionGitHub(Access(repo, env.token.reveal(), env.api_url, env.run_id, paused=env.paused))


def run_url(env: ActionEnv) -> str:
    """The page of this workflow run; empty outside Actions."""
    return f"{env.server_url}/{env.repository}/actions/runs/{env.run_id}" if env.run_id else ""


# ----------------------------------------------------------------------------------------------- gate


def gate_step(env: ActionEnv, report: Report) -> Gate:
    """Plan the repository and admit at most one issue; sets the job outputs that the next jobs read."""
    event = read_event(env.event_name, env.event_path)
    own = Own(env.run_id, run_url(env), issue=env.issue, prefer=event.issue, approved=event.approved)
    came_to = gate(gatekeeper(env, github_of(env, env.repository)), own)
    _say_gate(came_to, env.issue or event.issue, report)
    admission = came_to.admission
    report.outputs(
        {
            "admitted": "true" if admission else "false",
            "issue": str(admission.issue) if admission else "",
            "run_key": admission.run_key if admission else "",
            "admission": admission_to_json(admission) if admission else "",
            "job_minutes": str(came_to.job_minutes),
        }
    )
    return came_to


def _say_gate(came_to: Gate, issue: int, report: Report) -> None:
    survey = came_to.plan.survey
    for waiting in survey.arrangement.waiting:
        report.log(skip_line(waiting, came_to.snapshot.issues, survey.arrangement.keys))
    for number, situation in sorted(survey.situations.items()):
        line = "" if isinstance(situation, Waiting) else why_not(situation)
        if line not in {"", "unasked", "ended"}:
            report.log(f"#{number}: {line}")
    for failed in came_to.effects_failed:
        report.log(f"GitHub refused {type(failed.effect).__name__}: {failed.message or failed.status}")
    if came_to.admission:
        report.log(f"Admitted #{came_to.admission.issue} as run {came_to.admission.run_key}.")
        report.summarise(f"### #{came_to.admission.issue} was admitted\n\nRun `{came_to.admission.run_key}`.")
    elif issue:
        report.log(f"#{issue} does not start now: {why_not(came_to.situation(issue))}.")


# ----------------------------------------------------------------------------------------------- work


def work_step(env: ActionEnv, out: Path, report: Report) -> Outcome:
    """Look again, do the work, and hand over an outcome, whatever happens."""
    admission = admission_from_json(env.admission)
    cancel = new_cancel()
    with cancel.on_signals():
        outcome = _whatever_happens(env, admission, Bench(out, report, cancel))
        _hand(outcome, out, report)
    report.log(f"Outcome: {outcome.verdict}{f' ({outcome.reason}): {outcome.text}' if outcome.reason else ''}")
    return outcome


def new_cancel() -> "Cancel":
    """Nobody has asked yet."""
    from bot.agent.process import Cancel  # noqa: PLC0415

    return Cancel()


def _hand(outcome: Outcome, out: Path, report: Report) -> Digests:
    """Write what publish reads, and say its digests; a second time it is the same."""
    digests = hand_over(out, outcome)
    report.outputs({"outcome_sha256": digests.outcome, "bundle_sha256": digests.bundle})
    return digests


def _whatever_happens(env: ActionEnv, admission: Admission, bench: "Bench") -> Outcome:
    """The door of `work`: an outcome for every way it can end, a signal during the second look among them."""
    from bot.job.redact import Redactor  # noqa: PLC0415

    bench.out.mkdir(parents=True, exist_ok=True)
    try:
        return _work(env, admission, bench)
    except Exception as error:  # noqa: BLE001 (our own fault; it ends the run with a verdict all the same)
        bench.report.log(Redactor(env.secrets).text("".join(traceback.format_exception(error))))
        text = "Something in ai-ready itself went wrong; the log of the job has the details."
        return _ended(admission, "internal-error", text, type(error).__name__)


def _work(env: ActionEnv, admission: Admission, bench: "Bench") -> Outcome:
    # Not a daemon: an interpreter that ends while a thread still imports C extensions dies of a segmentation fault.
    threading.Thread(target=_import_ahead).start()
    try:
        with bench.cancel.interrupting():  # GitHub may take longer to answer than a cancel leaves us
            keeper = gatekeeper(env, github_of(env, admission.repo))
            looked = recheck(keeper, admission)
            comments = _readable_comments(keeper.github, looked.snapshot, admission.issue)
        return _do(env, looked, comments, bench)
    except KeyboardInterrupt:
        stopped = cancelled()
        return _ended(admission, stopped.reason, stopped.text)
    except Blocked as blocked:
        return _ended(admission, blocked.code, blocked.text, blocked.details)
    except ConfigError as problem:
        return _ended(admission, "config-invalid", str(problem))
    except GitHubError as problem:
        return _ended(admission, "setup-failed", f"GitHub could not be read for the second look: {problem}")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the result goes, whom it is told to, and how it is stopped."""

    out: Path
    report: Report
    cancel: "Cancel"


def _import_ahead() -> None:
    """Import an HTTP server and client (0.1 s) while GitHub is asked; who needs them afterwards waits for the rest."""
    with contextlib.suppress(ImportError):  # it is missed, and said, where it is used
        import bot.agent.key_proxy  # noqa: F401, PLC0415


def _do(env: ActionEnv, looked: Gate, comments: tuple[tuple[str, str], ...], bench: Bench) -> Outcome:
    from bot.agent.isolation import isolation_for, run_root  # noqa: PLC0415
    from bot.agent.prompt import Said  # noqa: PLC0415
    from bot.job.brief import Task  # noqa: PLC0415
    from bot.job.git import remote_of  # noqa: PLC0415
    from bot.job.redact import Redactor  # noqa: PLC0415
    from bot.job.session import ModelAccess, claude_session  # noqa: PLC0415
    from bot.job.work import work  # noqa: PLC0415
    from bot.job.workspace import Ground  # noqa: PLC0415

    os.umask(0o022)  # some self-hosted runners have 0, and then the agent could write our git folder
    admission, config = looked.admission, looked.config
    assert admission is not None  # noqa: S101 (recheck passed it through)
    env.model_key()
    issue = looked.snapshot.issues[admission.issue]
    task = Task(admission, config, issue.body, tuple(Said(author, text) for author, text in comments))
    access = ModelAccess(
        admission.model, admission.usd, env.api_key, env.oauth_token, base_url=env.model_url, cli=env.claude
    )
    report, screen = bench.report, Redactor(env.secrets)
    root = run_root()
    with isolation_for(config.agent.isolation, root=root, log=report.log) as isolation:
        try:
            ground = Ground(root, isolation, bench.cancel, screen, report.log, env.others)
            report.log(f"Isolation: {isolation.name}.")
            with claude_session(access, ground) as agent:
                remote = remote_of(env.server_url, admission.repo, env.token)
                outcome = work(task, remote, agent, ground, out=bench.out)
            if bench.cancel.is_set:  # tidying up may take longer than a cancel leaves us: 10 s and we are killed
                with contextlib.suppress(OSError):  # a full disk: tidying up makes room, then it is written again
                    _hand(outcome, bench.out, report)
            return outcome
        finally:
            isolation.kill_all()
            isolation.discard(root)


def _readable_comments(github: GitHub, snapshot: Snapshot, number: int) -> tuple[tuple[str, str], ...]:
    """Comments the agent may read: of people who may ask, commands and our own apart; oldest first."""
    from bot.core.access import Answer, may_ask  # noqa: PLC0415
    from bot.core.commands import parse_command  # noqa: PLC0415

    issue: Issue = snapshot.issues[number]
    permissions = dict(snapshot.permissions)
    readable = []
    for comment in reversed(issue.comments):
        author = comment.author
        if author.is_bot or author.id in snapshot.own_ids or parse_command(comment.body) is not None:
            continue
        if author.id not in permissions:
            known = len(permissions) - len(snapshot.permissions) < MOST_COMMENTERS
            permissions[author.id] = github.permission(author) if known else Permission.UNKNOWN
        if may_ask(author, permissions[author.id]) is Answer.YES:
            readable.append((author.login, comment.body))
    return tuple(reversed(readable))


def _ended(admission: Admission, reason: str, text: str, details: str = "") -> Outcome:
    """An outcome of a run that ended before the agent began."""
    return Outcome(
        admission.run_key, "blocked", reason=reason, text=text, details=details, model=admission.model, isolation=""
    )


# -------------------------------------------------------------------------------------------- publish


def publish_step(env: ActionEnv, folder: Path, report: Report) -> "End":
    """Push, open the draft pull request, say the verdict, release the claim; may be run again after a kill."""
    from bot.job.endgame import Publisher, publish  # noqa: PLC0415

    admission = admission_from_json(env.admission)
    digests = Digests(env.outcome_sha256, env.bundle_sha256)
    publisher = Publisher(github_of(env, admission.repo), env, report, folder)
    return publish(publisher, admission, digests, env.work_result)


# ------------------------------------------------------------------------------------------------ run


def run_step(env: ActionEnv, issue: int, report: Report, *, request: bool, out: Path) -> Ran:
    """Gate, work and publish in a row, on this machine.

    Raises `UsageError` when the number is no open issue.
    """
    own = Own(run_id=-random.randbelow(2**31) - 1, issue=issue)
    keeper = gatekeeper(env, github_of(env, env.repository))
    if request:
        _record_request(keeper, issue)
    cancel = new_cancel()
    with cancel.on_signals():  # from the claim on, Ctrl-C is for the agent: whatever was claimed gets its verdict
        came_to = gate(keeper, own, only=issue)
        _check_issue(came_to.snapshot, env.repository, issue)
        admission = came_to.admission
        if admission is None:
            return _not_started(came_to.situation(issue), issue, request=request)
        report.log(f"Admitted #{issue} as run {admission.run_key}.")
        handed = replace(env, admission=admission_to_json(admission))
        outcome = _whatever_happens(handed, admission, Bench(out, report, cancel))
        digests = hand_over(out, outcome)
        ready = replace(handed, outcome_sha256=digests.outcome, bundle_sha256=digests.bundle, work_result="success")
        end = publish_step(ready, out, report)
    return Ran(0 if end.verdict == "done" else 1, end.sentence)


def _record_request(keeper: Gatekeeper, issue: int) -> None:
    """`--request`: running is not asking, so ask, as the token's user."""
    snapshot = read_facts(keeper.github, focus={issue}, paused=keeper.paused, clock=keeper.clock)
    _check_issue(snapshot, snapshot.repo, issue)
    answers = keeper.github.apply((PostComment(issue, "/ai run"),), snapshot)
    if not answers[0].ok:
        raise GitHubError(f"The request could not be posted: {answers[0].message}", status=answers[0].status)


def _check_issue(snapshot: Snapshot, repo: str, number: int) -> None:
    issue = snapshot.issues.get(number)
    if issue is None:
        raise UsageError(f"There is no issue #{number} in {repo}.")
    if issue.is_pull:
        raise UsageError(f"#{number} in {repo} is a pull request; give the number of an issue.")
    if not issue.open:
        raise UsageError(f"Issue #{number} in {repo} is closed; reopen it first.")


def _not_started(situation: Situation | None, issue: int, *, request: bool) -> Ran:
    match situation:
        case Unasked() if request:
            return Ran(3, f"#{issue}: the request was refused; the reply to it on the issue says why.")
        case Unstartable(_, _, reason, text):
            return Ran(1, f"Blocked ({reason}): {text}.")
        case Refused(actor):
            return Ran(3, f"#{issue}: {actor.login} may not ask; only people with write or admin permission may.")
        case Ended(record):
            return Ran(
                3, f"#{issue}: its last run ended ({record.code}); ask again with --request, the label or `/ai run`."
            )
        case None:
            return Ran(3, f"Nobody asked for #{issue}: label it `ai-ready`, comment `/ai run`, or pass --request.")
        case _:
            line = why_not(situation)
            asked = "Nobody asked for it: pass --request, or label it `ai-ready`" if line == "unasked" else line
            return Ran(3, f"#{issue} does not start now. {asked[:1].upper()}{asked[1:]}.")
