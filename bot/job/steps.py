"""The four commands of a run, wired: gate, work, publish, and all three in a row (`ai-ready run`).

Each takes what the environment said and a `Report`, builds what the story needs, and tells it. Clients and the agent
are imported where they are used: gate and publish start in a fraction of a second.
"""

import contextlib
import errno
import secrets as random
import threading
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import ActionEnv, parse_repo_config
from bot.core.effects import PostComment
from bot.core.model import Snapshot
from bot.core.order import skip_line
from bot.core.run import Admission, Outcome
from bot.core.situation import Ended, Refused, Situation, Unasked, Unstartable, Waiting
from bot.core.verdict import cancelled
from bot.core.view import Own
from bot.errors import Blocked, ConfigError, GitHubError, UsageError
from bot.github.event import read_event
from bot.job.admit import Gate, Gatekeeper, GitHub, gate, why_not
from bot.job.bench import Bench, at_bench, new_cancel
from bot.job.facts import read_facts
from bot.job.handover import Digests, admission_from_json, admission_to_json, digests_of, hand_over
from bot.job.recheck import Postponed, recheck
from bot.job.telling import teller, telling
from bot.notify.notice import Tell, nobody
from bot.report import Report

if TYPE_CHECKING:
    from bot.job.endgame import End


@dataclass(frozen=True, slots=True)
class Ran:
    """What `ai-ready run` came to."""

    exit_code: int
    sentence: str


def gatekeeper(env: ActionEnv, github: GitHub, tell: Tell = nobody) -> Gatekeeper:
    """What gate and the second look of work stand on."""
    return Gatekeeper(github, parse_repo_config, env.server_url, paused=env.paused, sleep=time.sleep, tell=tell)


def github_of(env: ActionEnv, repo: str, server_id: int = 0) -> GitHub:
    """The Action's client for one repository; comments of the server's bot (0: there is none) are ours as well."""
    from bot.github.action_client import Access, ActionGitHub  # noqa: PLC0415 (0.2 s of import)

    own_ids = frozenset({server_id} - {0})
    access = Access(repo, env.token.reveal(), env.api_url, env.run_id, paused=env.paused, own_ids=own_ids)
    return ActionGitHub(access)


def run_url(env: ActionEnv) -> str:
    """The page of this workflow run; empty outside Actions."""
    return f"{env.server_url}/{env.repository}/actions/runs/{env.run_id}" if env.run_id else ""


# ----------------------------------------------------------------------------------------------- gate


def gate_step(env: ActionEnv, report: Report) -> Gate:
    """Plan the repository and admit at most one issue; sets the job outputs that the next jobs read."""
    event = read_event(env.event_name, env.event_path)
    own = Own(env.run_id, run_url(env), issue=env.issue, prefer=event.issue, approved=event.approved)
    with telling(env, report) as tell:
        came_to = gate(gatekeeper(env, github_of(env, env.repository), tell), own)
    _say_gate(came_to, env.issue or event.issue, report, env.server_url)
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


def _say_gate(came_to: Gate, issue: int, report: Report, server: str) -> None:
    survey = came_to.plan.survey
    for waiting in survey.arrangement.waiting:
        report.log(skip_line(waiting, came_to.snapshot.issues, survey.arrangement.keys))
    for number, situation in sorted(survey.situations.items()):
        line = "" if isinstance(situation, Waiting) else why_not(situation)
        if line not in {"", "unasked", "ended"}:
            report.log(f"#{number}: {line}")
    if came_to.config.pull_request.fix_ci:
        report.log("`pull_request.fix_ci` needs the App server: without one, only `/ai fix` starts a review round.")
    for failed in came_to.effects_failed:
        report.log(f"GitHub refused {type(failed.effect).__name__}: {failed.message or failed.status}")
    if came_to.admission:
        report.log(f"Admitted #{came_to.admission.issue} as run {came_to.admission.run_key}.")
        _summarise(came_to.admission, server, report)
    elif issue:
        line = f"#{issue} is not started by this run: {why_not(came_to.situation(issue))}."
        report.log(line)
        report.summarise(line)


def _summarise(admission: Admission, server: str, report: Report) -> None:
    from bot.progress.events import RunBegan  # noqa: PLC0415 (most gates admit nothing)
    from bot.progress.state import Progress  # noqa: PLC0415
    from bot.progress.summary import opening  # noqa: PLC0415

    progress = Progress(admission.run_key, admission.issue, RunBegan.of(admission, server))
    report.summarise(opening(progress, "admitted"))


# ----------------------------------------------------------------------------------------------- work


def work_step(env: ActionEnv, out: Path, report: Report) -> Outcome:
    """Look again, do the work, and hand over an outcome, whatever happens. Raises `UsageError`: that is no admission."""
    handed = _handed(env)
    cancel = new_cancel()
    with cancel.on_signals(), at_bench(env, handed.admission, out, report, cancel) as bench:
        outcome = _whatever_happens(env, handed, bench)
        hand_in(outcome, out, report)
    return outcome


@dataclass(frozen=True, slots=True)
class Handed:
    """The admission that this job was given."""

    admission: Admission
    """With the run that does it."""
    served: bool
    """The server made it, before there was a run."""


def _handed(env: ActionEnv) -> Handed:
    """Raises `ConfigError`: it is another repository's."""
    admission = admission_from_json(env.admission)
    if admission.repo.lower() != env.repository.lower():
        raise ConfigError(f"AI_READY_ADMISSION is of {admission.repo}, but this run is in {env.repository}.")
    if admission.run_id:
        return Handed(admission, served=False)
    return Handed(replace(admission, run_id=env.run_id, run_url=run_url(env)), served=True)


def hand_in(outcome: Outcome, out: Path, report: Report) -> None:
    """The last word of `work`. On a full disk the work itself goes, which makes room for a few words."""
    try:
        _hand(outcome, out, report)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        from bot.job.fetch import disk_full  # noqa: PLC0415 (git, which gate does without)

        full = disk_full()
        _hand(replace(outcome, verdict="blocked", reason=full.code, text=full.text, commit_oid=""), out, report)


def _hand(outcome: Outcome, out: Path, report: Report) -> Digests:
    """Write what publish reads, and say its digests; a second time it is the same."""
    digests = hand_over(out, outcome)
    report.outputs({"outcome_sha256": digests.outcome, "bundle_sha256": digests.bundle})
    return digests


def _whatever_happens(env: ActionEnv, handed: Handed, bench: Bench) -> Outcome:
    """The door of `work`: an outcome for every way it can end, a signal during the second look among them."""
    try:
        return _work(env, handed, bench)
    except Exception as error:  # noqa: BLE001 (our own fault; it ends the run with a verdict all the same)
        from bot.job.redact import Redactor  # noqa: PLC0415

        bench.journal.say(Redactor(env.secrets).text("".join(traceback.format_exception(error))))
        text = "Something in ai-ready itself went wrong; the log of the job has the details."
        return _ended(bench, handed.admission, "internal-error", text, type(error).__name__)


def _work(env: ActionEnv, handed: Handed, bench: Bench) -> Outcome:
    # Not a daemon: an interpreter that ends while a thread still imports C extensions dies of a segmentation fault.
    threading.Thread(target=_import_ahead).start()
    from bot.progress.phases import in_phase  # noqa: PLC0415

    admission = handed.admission
    try:
        # GitHub may take longer to answer than a cancel leaves us
        with in_phase(bench.journal.tell, "look"), bench.cancel.interrupting():
            keeper = gatekeeper(env, github_of(env, admission.repo, admission.server_id))
            looked = recheck(keeper, admission, served=handed.served, dispatcher=env.actor)
        from bot.job.working import do_the_work  # noqa: PLC0415 (git, the agent: nothing of the second look)

        return do_the_work(env, admission, looked, bench, lambda outcome: _hand(outcome, bench.out, bench.report))
    except KeyboardInterrupt:
        stopped = cancelled()
        return _ended(bench, admission, stopped.reason, stopped.text)
    except Blocked as blocked:
        again = isinstance(blocked, Postponed)
        return _ended(bench, admission, blocked.code, blocked.text, blocked.details, again=again)
    except ConfigError as problem:
        return _ended(bench, admission, "config-invalid", str(problem))
    except GitHubError as problem:
        return _ended(bench, admission, "setup-failed", f"GitHub could not be read for the second look: {problem}")


def _import_ahead() -> None:
    """Import an HTTP server and client (0.1 s) while GitHub is asked; who needs them afterwards waits for the rest."""
    with contextlib.suppress(ImportError):  # it is missed, and said, where it is used
        import bot.agent.key_proxy  # noqa: F401, PLC0415


def _ended(
    bench: Bench, admission: Admission, reason: str, text: str, details: str = "", *, again: bool = False
) -> Outcome:
    """The outcome of a run that ended before the agent began, told."""
    key, model = admission.run_key, admission.model
    outcome = Outcome(key, "blocked", reason=reason, text=text, details=details, model=model, again=again)
    bench.conclude(outcome)
    return outcome


# -------------------------------------------------------------------------------------------- publish


def publish_step(env: ActionEnv, folder: Path, report: Report) -> "End":
    """Push, open the draft pull request, say the verdict, release the claim; may be run again after a kill."""
    from bot.job.endgame import Publisher, publish  # noqa: PLC0415

    handed = _handed(env)
    digests = Digests(env.outcome_sha256, env.bundle_sha256)
    github = github_of(env, handed.admission.repo, handed.admission.server_id)
    publisher = Publisher(github, env, report, folder, served=handed.served, tell=teller(env, report.log).tell)
    return publish(publisher, handed.admission, digests, env.work_result)


# ------------------------------------------------------------------------------------------------ run


def run_step(env: ActionEnv, issue: int, report: Report, *, request: bool, out: Path) -> Ran:
    """Gate, work and publish in a row, on this machine.

    Raises `UsageError` when the number is no open issue.
    """
    own = Own(run_id=-random.randbelow(2**31) - 1, issue=issue)
    keeper = gatekeeper(env, github_of(env, env.repository), teller(env, report.log).tell)
    if request:
        _record_request(keeper, issue)
    cancel = new_cancel()
    with cancel.on_signals():  # from the claim on, Ctrl-C is for the agent: whatever was claimed gets its verdict
        came_to = gate(keeper, own, only=issue)
        _check_issue(came_to.snapshot, env.repository, issue)
        admission = came_to.admission
        if admission is None:
            return not_started(came_to.situation(issue), issue, request=request)
        report.log(f"Admitted #{issue} as run {admission.run_key}.")
        with at_bench(env, admission, out, report, cancel) as bench:
            work_here(env, admission, bench)
        end = publish_here(env, admission, out, report)
    return Ran(0 if end.verdict == "done" else 1, end.sentence)


def work_here(env: ActionEnv, admission: Admission, bench: Bench) -> Outcome:
    """Work, of a run that this process admitted; what it came to is in the bench's folder."""
    handed = replace(env, admission=admission_to_json(admission))
    outcome = _whatever_happens(handed, Handed(admission, served=False), bench)
    hand_over(bench.out, outcome)
    return outcome


def publish_here(env: ActionEnv, admission: Admission, out: Path, report: Report) -> "End":
    """Publish what `work_here` left in `out`, on the machine where it was done; may be run again after a kill."""
    digests = digests_of(out)
    ready = replace(
        env,
        admission=admission_to_json(admission),
        outcome_sha256=digests.outcome,
        bundle_sha256=digests.bundle,
        work_result="success",
    )
    return publish_step(ready, out, report)


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


def not_started(situation: Situation | None, issue: int, *, request: bool = False) -> Ran:
    """Why an issue that was to be run is not, and what to do. `request`: it was asked for just now."""
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
