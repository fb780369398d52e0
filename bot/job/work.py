"""Work: one issue, from a commit to a commit, with an agent in between that is not believed.

The story: check out → set up → ask the agent → look at what is there → run the checks → ask again while attempts are
left → judge → bundle. Whatever happens on the way, there is an outcome at the end: `work` returns one for every
`Blocked`, every failed git command and every error of ours, and the work done so far goes with it where it may.
"""

import errno
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot.agent.prompt import follow_up_prompt
from bot.core.checkpoints import at_turn_interval, may_ask_people, most_turns
from bot.core.names import Reason
from bot.core.outbound import one_line
from bot.core.paths import listed
from bot.core.run import AgentReport, Check, Outcome, Reply
from bot.core.verdict import (
    Facts,
    Refusal,
    agent_refusal,
    agents_own_words,
    cancelled,
    failed_check,
    judge,
    spent,
)
from bot.errors import AiReadyError, Blocked
from bot.job.brief import Task, bounds_of, brief
from bot.job.bundle import make_bundle
from bot.job.checks import fresh_setup_command, judging_commands, run_check, setup_command
from bot.job.collect import baseline, collect
from bot.job.commit import commit_tree
from bot.job.compare import compared
from bot.job.diary import Diary
from bot.job.fetch import disk_full
from bot.job.fresh import Place, fresh_place
from bot.job.git import GitFailed, NeverStop, Remote, Stop
from bot.job.handover import BUNDLE_FILE
from bot.job.merge import protected_conflicts, unresolved
from bot.job.parting import summarise
from bot.job.planning import make_plan
from bot.job.planning_issues import plan_issues
from bot.job.protect import inspect_change, rules_of
from bot.job.round import replies_of
from bot.job.session import Agent, Ask
from bot.job.workspace import Ground, Workspace, prepare

LEAST_SECONDS = 20
"""A follow-up with less time left than this is not begun."""

_STORIES = {"plan": make_plan, "init": plan_issues}
"""Of runs that hand over words only."""

PARTING_SECONDS = 3.0
"""What saving the work of a cancelled run may take: GitHub kills us 7.5 s after its first signal."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Stops by itself."""

    end: float

    @property
    def is_set(self) -> bool:
        """Time is up."""
        return time.monotonic() > self.end


def work(task: Task, remote: Remote, agent: Agent, ground: Ground, *, out: Path) -> Outcome:
    """Do the run; the bundle of its commit, if there is one, is at `out`/work.bundle. Always returns an outcome."""
    diary = Diary(ground.tell)
    story = _STORIES.get(task.admission.kind, _story)
    refusal = _told(ground, lambda: story(task, remote, agent, ground, diary))
    if refusal is not None and refusal.reason is Reason.CANCELLED:
        _told(ground, lambda: _last_look(task, ground, diary))
    unsealed = _told(ground, lambda: _seal(task, ground, diary, out))
    refusal = refusal or unsealed
    return _outcome(task, ground, diary, refusal)


def _story(task: Task, remote: Remote, agent: Agent, ground: Ground, diary: Diary) -> Refusal | None:
    with diary.phase("checkout"):
        workspace = diary.workspace = prepare(task.admission, remote, ground, elsewhere=task.elsewhere)
    diary.note(*workspace.notes)
    if workspace.merge and (theirs := protected_conflicts(workspace.merge, rules_of(task.config).guard)):
        return theirs  # the agent could not resolve these whatever it did: it is not asked, and not paid for
    _tell_of_merge(task, workspace, ground, diary)
    with diary.phase("setup"):
        _set_up(task, workspace, ground, diary)
    commands = judging_commands(task.config.checks, workspace.git, (workspace.start,))
    first = brief(task, workspace, commands)
    diary.note(*first.notes)
    prompt = first.prompt
    attempts = task.config.checks.attempts
    for attempt in range(1, attempts + 1):
        with diary.phase("agent", attempt, attempts):
            report = diary.ask(agent, _next_ask(task, workspace, prompt, diary))
        refusal = _look(task, ground, diary, report)
        if _stopped(refusal, report):
            diary.summary = summarise(task, agent, ground, diary)
        if refusal is None or not _mendable(refusal, diary):
            return refusal
        failed, last = _failed(diary.checks), attempt == attempts or not _time_left(task, diary)
        if failed and (attempt == 1 if may_ask_people(task.config) else last):
            refusal, broke = compared(refusal, failed[0], task, ground, diary)
            last = last or broke
        if last:
            return refusal
        prompt = follow_up_prompt(failed, diary.unresolved, fence=first.fence)
    return refusal


def _tell_of_merge(task: Task, workspace: Workspace, ground: Ground, diary: Diary) -> None:
    if workspace.merge is None:
        return
    ground.log(f"{task.admission.base} had moved on: merged into {task.admission.branch}")
    if conflicts := workspace.merge.conflicts:
        note = f"There were conflicts with {task.admission.base} to resolve in: {listed(conflicts)}"
        ground.log(note)
        diary.note(note)


def _set_up(task: Task, workspace: Workspace, ground: Ground, diary: Diary) -> None:
    """Run the setup command and note what it did to the files, so that it does not count as the agent's work."""
    for planned in setup_command(task.config.checks):
        check = run_check(planned, task.config.checks, Place(workspace.tree.path), ground)
        diary.setup = (*diary.setup, check)
        refusal = failed_check((check,))
        if refusal and workspace.merge and workspace.merge.conflicts:
            diary.setup = ()
            diary.note("The setup command did not pass while there were conflicts with the base to resolve")
        elif refusal:
            raise Blocked(refusal.reason, refusal.text, details=refusal.details)
        ground.isolation.reclaim(workspace.tree.path)
        diary.before = baseline(workspace)
        ground.isolation.own(workspace.tree.path)
        diary.note(*diary.before.notes)


def _next_ask(task: Task, workspace: Workspace, prompt: str, diary: Diary) -> Ask:
    return Ask(
        prompt,
        workspace.tree.path,
        seconds=diary.seconds_left(task),
        turns=max(1, most_turns(task.config) - diary.turns),
        env=task.config.checks.env,
        context=task.config.checkpoints.context,
    )


def _look(task: Task, ground: Ground, diary: Diary, report: AgentReport) -> Refusal | None:
    """Judge what the agent left: the change first, then the checks where they can still decide something."""
    bounds = bounds_of(task)
    if report.stopped_for == "cancelled" or ground.cancel.is_set:
        return cancelled()
    with diary.phase("collect"):
        change, changed = _collect(task, ground, diary)
    ended_well = agent_refusal(report, bounds) is None and agents_own_words(report) is None
    diary.checks = ()
    if change is None and changed and ended_well and not diary.unresolved:
        with diary.phase("checks"):
            _run_checks(task, ground, diary)
    judged = judge(Facts(report, bounds, changed, change, diary.unresolved, diary.checks))
    return at_turn_interval(judged, task.config)


def _collect(task: Task, ground: Ground, diary: Diary) -> tuple[Refusal | None, bool]:
    """What is wrong with the change as a change, and whether there is one."""
    workspace = diary.there
    diary.tree, diary.unresolved = "", ()
    ground.isolation.reclaim(workspace.tree.path)
    found = collect(workspace, diary.before)
    if not ground.cancel.is_set:  # else nobody works there any more, and every second counts
        ground.isolation.own(workspace.tree.path)
    if found.refusal:
        return found.refusal, True
    merge = workspace.merge
    base = workspace.git.line("rev-parse", f"{workspace.start}^{{tree}}")
    if found.tree == base and not (merge and (merge.conflicts or task.admission.kind == "fix")):
        diary.tree = base if task.resumes else ""
        return None, task.resumes
    inspection = inspect_change(workspace.git, workspace.start, found.tree, rules_of(task.config), ground.screen)
    diary.change_notes = inspection.notes
    if merge:
        diary.unresolved = unresolved(workspace.git, merge, found.tree, task.admission)
    if inspection.refusal is None and not diary.unresolved:
        diary.tree = found.tree
    return inspection.refusal, True


def _run_checks(task: Task, ground: Ground, diary: Diary) -> None:
    """All of them, on the judged tree alone: one follow-up can then mend all that fail."""
    workspace, checks = diary.there, task.config.checks
    commands = judging_commands(checks, workspace.git, (workspace.start, diary.tree))
    diary.checks_missing = not commands
    if not commands:
        return
    with fresh_place(workspace, diary.tree, task.admission, ground) as place:
        for planned in (*fresh_setup_command(checks), *commands):
            check = run_check(planned, checks, place, ground)
            diary.checks = (*diary.checks, check)
            if planned.name not in {"lint", "test"} and not check.passed:
                return  # without what setup makes, the others would only say that it is missing


def _last_look(task: Task, ground: Ground, diary: Diary) -> Refusal | None:
    """The work of a cancelled run, if it can be had in the seconds that are left."""
    if diary.workspace is not None and not diary.tree and diary.reports:
        hurried = replace(diary.workspace.git, stop=Deadline(time.monotonic() + PARTING_SECONDS))
        diary.workspace = replace(diary.workspace, git=hurried)
        _collect(task, ground, diary)
    return None


def _seal(task: Task, ground: Ground, diary: Diary, out: Path) -> Refusal | None:
    """Commit the tree and bundle the commit."""
    if diary.workspace is None or not diary.tree or task.admission.kind in _STORIES:
        return None
    if task.resumes and diary.tree == diary.workspace.git.line("rev-parse", f"{diary.workspace.start}^{{tree}}"):
        return None  # its commit is there already
    stop: Stop = Deadline(time.monotonic() + PARTING_SECONDS) if ground.cancel.is_set else NeverStop()
    git = replace(diary.workspace.git, stop=stop)
    with diary.phase("bundle"):
        commit = commit_tree(git, diary.tree, task.admission, merged=diary.workspace.merge is not None)
        make_bundle(git, task.admission, commit, out / BUNDLE_FILE)
    diary.commit = commit
    return None


def _told(ground: Ground, act: Callable[[], Refusal | None]) -> Refusal | None:
    """The one door of `work`: every way a step can end badly becomes a reason with a sentence."""
    try:
        return act()
    except Blocked as blocked:
        return Refusal(Reason(blocked.code), blocked.text, blocked.details)
    except Exception as error:  # noqa: BLE001 (a run always ends with an outcome; this is where ours is made)
        full = error.disk_full if isinstance(error, GitFailed) else getattr(error, "errno", 0) == errno.ENOSPC
        if full:
            return Refusal(Reason.SETUP_FAILED, disk_full().text)
        ground.log(ground.screen.text("".join(traceback.format_exception(error))))
        text = "Something in ai-ready itself went wrong; the log of the job has the details."
        details = str(error) if isinstance(error, AiReadyError) else type(error).__name__
        return Refusal(Reason.INTERNAL_ERROR, text, details)


def _outcome(task: Task, ground: Ground, diary: Diary, refusal: Refusal | None) -> Outcome:
    show = ground.screen.text
    last = diary.reports[-1] if diary.reports else AgentReport(exit_code=0)
    if ground.isolation.name == "none":
        diary.note("Nothing stood between the agent and the runner's secrets (agent.isolation: none)")
    return Outcome(
        run_key=task.admission.run_key,
        verdict="blocked" if refusal else "done",
        reason=refusal.reason.value if refusal else "",
        text=show(refusal.text) if refusal else "",
        details=show(refusal.details) if refusal else "",
        summary=show(diary.summary or str((last.structured or {}).get("summary", ""))),
        planned=diary.planned,
        proposal=diary.proposal,
        checks=(*diary.setup, *diary.checks),
        checks_missing=diary.checks_missing,
        usd=max((spent(report) for report in diary.reports), default=0.0),
        turns=sum(report.turns for report in diary.reports),
        seconds=time.monotonic() - diary.started,
        model=last.model or task.admission.model,
        session_id=last.session_id,
        agent_version=last.version,
        isolation=ground.isolation.name,
        commit_oid=diary.commit,
        replies=tuple(replace(each, text=show(each.text)) for each in _replies(task, diary)),
        notes=tuple(show(one_line(note, 500)) for note in (*diary.notes, *diary.change_notes)),
        metrics={phase: round(seconds, 3) for phase, seconds in diary.metrics.items()},
    )


def _replies(task: Task, diary: Diary) -> tuple[Reply, ...]:
    """What it said last to each conversation; asked to mend something, it need not say everything again."""
    threads = task.round.conversation.threads if task.round else ()
    said = [reply for report in diary.reports for reply in replies_of(report.structured or {}, threads)]
    return tuple({reply.thread: reply for reply in said}.values())


def _stopped(refusal: Refusal | None, report: AgentReport) -> bool:
    """It was stopped at a checkpoint before it could say how far it is."""
    return refusal is not None and refusal.reason is Reason.NEEDS_INPUT and not report.structured


def _mendable(refusal: Refusal, diary: Diary) -> bool:
    """It says that it is done, and what is left can be named."""
    return refusal.reason is Reason.TESTS_FAILED or (refusal.reason is Reason.BASE_CHANGED and bool(diary.unresolved))


def _failed(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return tuple(check for check in checks if not check.passed)


def _time_left(task: Task, diary: Diary) -> bool:
    """Whether another attempt has the time and the turns to be worth beginning."""
    return diary.seconds_left(task) >= LEAST_SECONDS and most_turns(task.config) > diary.turns
