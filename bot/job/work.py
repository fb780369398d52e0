"""Work: one issue, from a commit to a commit, with an agent in between that is not believed.

The story: check out → set up → ask the agent → look at what is there → run the checks → ask again while attempts are
left → judge → bundle. Whatever happens on the way, there is an outcome at the end: `work` returns one for every
`Blocked`, every failed git command and every error of ours, and the work done so far goes with it where it may.
"""

import errno
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.agent.prompt import follow_up_prompt
from bot.core.names import Reason
from bot.core.outbound import one_line
from bot.core.run import AgentReport, Check, Outcome
from bot.core.verdict import (
    Bounds,
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
from bot.job.brief import Task, brief
from bot.job.bundle import make_bundle
from bot.job.checks import fresh_setup_command, judging_commands, run_check, setup_command
from bot.job.collect import Baseline, baseline, collect
from bot.job.commit import commit_tree
from bot.job.fetch import disk_full
from bot.job.fresh import Place, fresh_place
from bot.job.git import GitFailed, NeverStop, Remote, Stop
from bot.job.handover import BUNDLE_FILE
from bot.job.merge import unresolved
from bot.job.protect import inspect_change, rules_of
from bot.job.session import Agent, Ask
from bot.job.workspace import Ground, Workspace, prepare
from bot.progress.events import Event, Phase
from bot.progress.phases import in_phase

LEAST_SECONDS = 20
"""A follow-up with less time left than this is not begun."""

PARTING_SECONDS = 3.0
"""What saving the work of a cancelled run may take: GitHub kills us 7.5 s after its first signal."""


@dataclass(slots=True)
class Diary:
    """What is known so far; whatever ends the run, the outcome is made of it."""

    tell: Callable[[Event], None]
    started: float = field(default_factory=time.monotonic)
    workspace: Workspace | None = None
    before: Baseline = Baseline()
    reports: list[AgentReport] = field(default_factory=list)
    setup: tuple[Check, ...] = ()
    checks: tuple[Check, ...] = ()
    checks_missing: bool = False
    tree: str = ""
    """The tree of the last look that found nothing forbidden; empty: there is none, or it equals the start's."""
    unresolved: tuple[str, ...] = ()
    """Where the last look found conflicts with the base that are left."""
    notes: dict[str, None] = field(default_factory=dict)
    """In order, each once."""
    change_notes: tuple[str, ...] = ()
    commit: str = ""
    metrics: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, phase: Phase, attempt: int = 0, attempts: int = 0) -> Iterator[None]:
        """Tell that `phase` begins and ends, and add what happens inside to its seconds."""
        begun = time.monotonic()
        try:
            with in_phase(self.tell, phase, attempt, attempts):
                yield
        finally:
            self.metrics[phase] = self.metrics.get(phase, 0.0) + time.monotonic() - begun


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
    refusal = _told(ground, lambda: _story(task, remote, agent, ground, diary))
    if refusal is not None and refusal.reason is Reason.CANCELLED:
        _told(ground, lambda: _last_look(task, ground, diary))
    unsealed = _told(ground, lambda: _seal(task, ground, diary, out))
    refusal = refusal or unsealed
    return _outcome(task, ground, diary, refusal)


def _story(task: Task, remote: Remote, agent: Agent, ground: Ground, diary: Diary) -> Refusal | None:
    with diary.phase("checkout"):
        workspace = diary.workspace = prepare(task.admission, remote, ground)
    _note(diary, *workspace.notes)
    with diary.phase("setup"):
        _set_up(task, workspace, ground, diary)
    commands = judging_commands(task.config.checks, workspace.git, (workspace.start,))
    first = brief(task, workspace, commands)
    _note(diary, *first.notes)
    prompt = first.prompt
    for attempt in range(1, task.config.checks.attempts + 1):
        with diary.phase("agent", attempt, task.config.checks.attempts):
            report = _ask(task, agent, workspace, prompt, diary)
        refusal = _look(task, ground, diary, report)
        if not _mendable(refusal, diary) or not _time_left(task, diary):
            return refusal
        prompt = follow_up_prompt(_failed(diary.checks), diary.unresolved, fence=first.fence)
    return refusal


def _set_up(task: Task, workspace: Workspace, ground: Ground, diary: Diary) -> None:
    """Run the setup command and note what it did to the files, so that it does not count as the agent's work."""
    for planned in setup_command(task.config.checks):
        check = run_check(planned, task.config.checks, Place(workspace.tree.path), ground)
        diary.setup = (*diary.setup, check)
        refusal = failed_check((check,))
        if refusal:
            raise Blocked(refusal.reason, refusal.text, details=refusal.details)
        ground.isolation.reclaim(workspace.tree.path)
        diary.before = baseline(workspace)
        ground.isolation.own(workspace.tree.path)
        _note(diary, *diary.before.notes)


def _ask(task: Task, agent: Agent, workspace: Workspace, prompt: str, diary: Diary) -> AgentReport:
    report = agent.ask(
        Ask(
            prompt,
            workspace.tree.path,
            seconds=_seconds_left(task, diary),
            turns=max(1, task.config.agent.max_turns - sum(earlier.turns for earlier in diary.reports)),
            env=task.config.checks.env,
        )
    )
    diary.reports.append(report)
    return report


def _look(task: Task, ground: Ground, diary: Diary, report: AgentReport) -> Refusal | None:
    """Judge what the agent left: the change first, then the checks where they can still decide something."""
    bounds = _bounds(task)
    if report.stopped_for == "cancelled" or ground.cancel.is_set:
        return cancelled()
    with diary.phase("collect"):
        change, changed = _collect(task, ground, diary)
    ended_well = agent_refusal(report, bounds) is None and agents_own_words(report) is None
    diary.checks = ()
    if change is None and changed and ended_well and not diary.unresolved:
        with diary.phase("checks"):
            _run_checks(task, ground, diary)
    return judge(Facts(report, bounds, changed, change, diary.unresolved, diary.checks))


def _collect(task: Task, ground: Ground, diary: Diary) -> tuple[Refusal | None, bool]:
    """What is wrong with the change as a change, and whether there is one."""
    workspace = _there(diary)
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
        return None, False
    inspection = inspect_change(workspace.git, workspace.start, found.tree, rules_of(task.config), ground.screen)
    diary.change_notes = inspection.notes
    if merge:
        diary.unresolved = unresolved(workspace.git, merge, found.tree, task.admission)
    if inspection.refusal is None and not diary.unresolved:
        diary.tree = found.tree
    return inspection.refusal, True


def _run_checks(task: Task, ground: Ground, diary: Diary) -> None:
    """All of them, on the judged tree alone: one follow-up can then mend all that fail."""
    workspace, checks = _there(diary), task.config.checks
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
    if diary.workspace is None or not diary.tree:
        return None
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
        _note(diary, "Nothing stood between the agent and the runner's secrets (agent.isolation: none)")
    return Outcome(
        run_key=task.admission.run_key,
        verdict="blocked" if refusal else "done",
        reason=refusal.reason.value if refusal else "",
        text=show(refusal.text) if refusal else "",
        details=show(refusal.details) if refusal else "",
        summary=show(str((last.structured or {}).get("summary", ""))),
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
        notes=tuple(show(one_line(note, 500)) for note in (*diary.notes, *diary.change_notes)),
        metrics={phase: round(seconds, 3) for phase, seconds in diary.metrics.items()},
    )


def _bounds(task: Task) -> Bounds:
    return Bounds(task.admission.usd, task.admission.minutes, task.config.agent.max_turns)


def _mendable(refusal: Refusal | None, diary: Diary) -> bool:
    """It says that it is done, and what is left can be named."""
    if refusal is None:
        return False
    return refusal.reason is Reason.TESTS_FAILED or (refusal.reason is Reason.BASE_CHANGED and bool(diary.unresolved))


def _failed(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return tuple(check for check in checks if not check.passed)


def _seconds_left(task: Task, diary: Diary) -> float:
    return task.admission.minutes * 60 - sum(report.seconds for report in diary.reports)


def _time_left(task: Task, diary: Diary) -> bool:
    """Whether another attempt has the time and the turns to be worth beginning."""
    turns = task.config.agent.max_turns - sum(report.turns for report in diary.reports)
    return _seconds_left(task, diary) >= LEAST_SECONDS and turns >= 1


def _there(diary: Diary) -> Workspace:
    assert diary.workspace is not None  # noqa: S101 (the story sets it first)
    return diary.workspace


def _note(diary: Diary, *notes: str) -> None:
    diary.notes.update(dict.fromkeys(notes))
