"""One attempt at one task on a laptop: the same work and verdict as in the Action, and the landing in the user's repository.

The story: what an attempt before left is saved → where to start → a tree of its own → work → the result is handed over →
it lands on its branch (on GitHub: pushed, draft PR) → the result is put down → the tree goes. Killed anywhere and asked
for the same attempt again, it goes on where it was; whatever can be a verdict is one.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from bot.agent.anthropic_pace import Pace
from bot.agent.isolation import isolation_for
from bot.agent.launching import Isolation
from bot.config import LaptopEnv
from bot.core.names import Reason
from bot.core.run import Admission, Outcome
from bot.core.secret import Secret
from bot.core.settings import AgentSettings
from bot.errors import Blocked, ConfigError, InternalError, UsageError
from bot.job.brief import Task as JobTask
from bot.job.fetch import disk_full
from bot.job.git import GitFailed
from bot.job.handover import BUNDLE_FILE, OUTCOME_FILE, hand_over
from bot.job.redact import Redactor
from bot.job.session import Agent, ModelAccess, agent_session
from bot.job.work import work
from bot.job.workspace import Ground
from bot.local import worktrees
from bot.local.beating import beating
from bot.local.checkout import open_checkout
from bot.local.finishing import LENT, Yard, finish, landed, taken
from bot.local.landing import resumes
from bot.local.loan import Loan, lend
from bot.local.origin import origin_of
from bot.local.ports import Attempt, Result, Watch
from bot.local.results import read_result
from bot.local.roles import role_text
from bot.local.runs import put_events_aside
from bot.local.salvage import Wreck, caretaker, rescue, salvage
from bot.local.settings import LocalSettings
from bot.local.starting import Start, find_start
from bot.local.worktrees import Record, read_record
from bot.progress.events import Event, Isolated, PhaseBegan, RunBegan
from bot.progress.journal import Journal
from bot.trackers.config import LinearConfig
from bot.trackers.tracker import Task

CUT_OFF = "It was cut off while it was at work: what is there may be half done, or all that there is to do."
"""What the agent is told of such an attempt."""

Session = Callable[[ModelAccess, Ground], AbstractContextManager[Agent]]


@dataclass(frozen=True, slots=True)
class TaskRun:
    """Does attempts; see `bot.local.ports.RunTask`."""

    settings: LocalSettings
    env: LaptopEnv
    log: Callable[[str], None]
    """For the runner's log: what the commands of the repository print, and what is worth a line."""
    session: Session = field(default=agent_session)
    pace: Pace | None = None
    """Of requests to the model, over all tasks."""

    def __call__(self, task: Task, attempt: Attempt, watch: Watch) -> Result:
        """See `RunTask`."""
        os.umask(0o022)  # with a wider one the agent could write our git folder
        out = runs_folder(self.settings.state_dir) / attempt.run_key
        story = _Story(self, task, attempt, watch, out)
        try:
            out.mkdir(parents=True, exist_ok=True)
            with beating(watch.beat):
                return story.tell()
        except Blocked as blocked:
            return story.ended(blocked.code, blocked.text, blocked.details)
        except UsageError as problem:
            return story.ended(Reason.CONFIG_INVALID, str(problem))
        except InternalError as error:
            return story.ended(Reason.INTERNAL_ERROR, "Something in ai-ready itself went wrong.", str(error))
        except GitFailed as error:
            if error.disk_full:
                return story.ended(Reason.SETUP_FAILED, disk_full().text)
            return story.ended(Reason.INTERNAL_ERROR, "git failed on the way.", str(error))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return story.ended(Reason.SETUP_FAILED, disk_full().text)
        finally:
            if not attempt.tree.exists():  # else the same attempt goes on with it
                shutil.rmtree(out / LENT, ignore_errors=True)


def runs_folder(state_dir: Path) -> Path:
    """Where each attempt has a folder of its own: events, summary, outcome, result."""
    return state_dir / "runs"


def model_for(agent: AgentSettings, task: Task) -> str:
    """The task's level says it, else the highest of its labels that is a level, else the configured model."""
    words = {task.level.casefold()} if task.level else {label.casefold() for label in task.labels}
    level = next((name for name in reversed(tuple(agent.models)) if name in words), "")
    return agent.models.get(level, agent.model)


@dataclass(slots=True)
class _Story:
    """One call."""

    run: TaskRun
    task: Task
    attempt: Attempt
    watch: Watch
    out: Path
    notes: tuple[str, ...] = ()
    cut_off: bool = False
    """Work was saved that an earlier attempt could not bring to an end."""

    def tell(self) -> Result:
        """From whatever is there to a result."""
        settings, env = self.run.settings, self.run.env
        screen = Redactor(env.secrets)
        if (known := read_result(self.out)) is not None:
            self._clear(known)
            return known
        checkout = open_checkout(settings.root, env.others, redact=screen.text)
        origin = origin_of(checkout, env.server_url, env.token)
        yard = Yard(settings.repo, env, screen, checkout, lend(checkout, self.out / LENT), origin)
        if (record := read_record(self.attempt.tree)) is not None:
            ended = self._take_up(yard, record)
            if ended is not None:
                return ended
        env.demand_model_key()
        return self._work(yard)

    def ended(self, reason: str, text: str, details: str = "") -> Result:
        """What could not be brought to its end; the tree waits for the next attempt, which saves what is in it."""
        kept = self.attempt.tree if (self.attempt.tree / worktrees.WORKED).exists() else None
        return Result(replace(_blocked(self.attempt, reason, text, details), notes=self.notes), kept=kept)

    def _take_up(self, yard: Yard, record: Record) -> Result | None:
        """Save what an earlier attempt left; its result, where it is this very one and was over."""
        tree = self.attempt.tree
        same = record.admission.run_key == self.attempt.run_key
        if record.kept and not same:
            self._put_aside(record)
            return None
        wreck = Wreck(tree, record, yard.loan.git)
        with worktrees.held(tree), caretaker(tree, record, self.run.log) as isolation:
            if not (Path(record.out) / OUTCOME_FILE).exists():
                salvage(wreck, isolation)
            received = taken(record)
            if same and received.outcome.reason != Reason.RUNNER_LOST:
                with self._journal(record.admission, yard.screen) as journal:
                    return finish(yard, tree, record, isolation, journal, url=self.task.url)
            there = landed(yard, record, received)
            if there.stays:
                isolation.reclaim(tree)
                worktrees.keep(tree, record, there.outcome.reason)
                self._put_aside(record)
            else:
                worktrees.remove(tree, isolation)
            if there.commit and there.branch == record.admission.branch:
                self.cut_off = True
                self._note("The runner was killed during an earlier attempt; this one went on from its work")
            elif there.branch:
                self._note(f"Work of an earlier attempt, which was killed, is on the branch {there.branch} alone")
        return None

    def _put_aside(self, record: Record) -> None:
        aside = worktrees.put_aside(self.attempt.tree, record)
        self._note(f"Work of an earlier attempt that may not leave its folder is kept in {aside}")

    def _note(self, text: str) -> None:
        """For the task, and at once for the log: an attempt that is stopped tells the task nothing."""
        self.notes += (text,)
        self.run.log(text)

    def _work(self, yard: Yard) -> Result:
        settings, attempt = self.run.settings, self.attempt
        asking = Loan(replace(yard.loan.git, stop=self.watch.cancel))  # a server may take long to answer
        start = find_start(yard.checkout, asking, yard.origin, attempt, settings.repo.pull_request.base)
        self.notes += start.notes
        admission = self._admission(yard, start)
        role = role_text(settings.role, settings.root)
        job = JobTask(
            admission,
            settings.repo,
            self.task.body,
            earlier=CUT_OFF if self.cut_off else "",
            role=role,
            builds_on=start.builds_on,
            resumes=resumes(admission) and not start.builds_on,
        )
        record = Record(worktrees.VERSION, admission, str(self.out), onto=attempt.onto if start.builds_on else "")
        for name in (
            OUTCOME_FILE,
            BUNDLE_FILE,
        ):  # of this attempt before a kill: it landed, and says nothing of what comes
            (self.out / name).unlink(missing_ok=True)
        worktrees.begin(attempt.tree, record, settings.repo.agent.isolation)
        with (
            worktrees.held(attempt.tree),
            self._journal(admission, yard.screen) as journal,
            self._isolation(journal) as isolation,
        ):
            worktrees.sweep(attempt.tree.parent, isolation)
            record = replace(record, trace=isolation.trace)
            worktrees.write_record(attempt.tree, record)
            journal.tell(Isolated(isolation.name))
            outcome = self._outcome(yard, job, isolation, journal)
            outcome = rescue(Wreck(attempt.tree, record, yard.loan.git), isolation, outcome)
            hand_over(self.out, replace(outcome, notes=tuple(dict.fromkeys((*self.notes, *outcome.notes)))))
            return finish(yard, attempt.tree, record, isolation, journal, url=self.task.url)

    def _outcome(self, yard: Yard, job: JobTask, isolation: Isolation, journal: Journal) -> Outcome:
        env, tree, admission = self.run.env, self.attempt.tree, job.admission

        def tell(event: Event) -> None:
            if isinstance(event, PhaseBegan) and event.phase == "agent":
                (tree / worktrees.WORKED).touch()
            journal.tell(event)

        ground = Ground(tree, isolation, self.watch.cancel, yard.screen, journal.say, tell, env.others)
        access = ModelAccess.of(env, job.config.agent, admission.model, admission.usd)
        access = replace(access, linear_key=self._linear_key(), pace=self.run.pace)
        try:
            with self.run.session(access, ground) as agent:
                return work(job, yard.loan.remote, agent, ground, out=self.out)
        except Blocked as blocked:
            return _blocked(self.attempt, blocked.code, blocked.text, blocked.details)
        except ConfigError as problem:
            return _blocked(self.attempt, Reason.CONFIG_INVALID, str(problem))

    def _linear_key(self) -> Secret:
        """With which the agent may read in Linear; empty: it may not."""
        tracker = self.run.settings.tracker
        if not (isinstance(tracker, LinearConfig) and self.run.settings.local.linear_mcp):
            return Secret("")
        return self.run.env.key(tracker.api_key_env)

    @contextlib.contextmanager
    def _isolation(self, journal: Journal) -> Iterator[Isolation]:
        """Where there can be none, the tree goes again: nothing was started in it."""
        tree = self.attempt.tree
        try:
            isolation = isolation_for(self.run.settings.repo.agent.isolation, root=tree, log=journal.say)
        except Blocked:
            shutil.rmtree(tree)
            raise
        with isolation:
            yield isolation

    @contextlib.contextmanager
    def _journal(self, admission: Admission, screen: Redactor) -> Iterator[Journal]:
        put_events_aside(self.out)
        journal = Journal(
            admission.run_key,
            admission.issue,
            screen=screen.text,
            log=self.run.log,
            listeners=self.watch.listeners,
            folder=self.out,
        )
        with journal.open():
            journal.tell(RunBegan.of(admission, self.run.env.server_url))
            yield journal

    def _admission(self, yard: Yard, start: Start) -> Admission:
        settings, task, attempt = self.run.settings, self.task, self.attempt
        return Admission(
            issue=0,
            repo=(yard.origin.repo if yard.origin else "") or yard.checkout.name,
            run_key=attempt.run_key,
            title=task.title,
            branch=attempt.branch,
            base=start.base,
            base_oid=start.base_oid,
            head_oid=start.head_oid,
            approver_id=0,
            approver_login="",
            model=model_for(settings.repo.agent, task),
            usd=settings.repo.limits.usd,
            minutes=settings.repo.limits.minutes,
            content_sha=sha256(f"{task.title}\n{task.body}".encode("utf-8", "surrogatepass")).hexdigest(),
            guidance=attempt.guidance,
            task=attempt.name,
            asker=yard.checkout.asker,
            seconds=settings.task_seconds,
        )

    def _clear(self, known: Result) -> None:
        """The result was put down, and a kill came before the tree was taken away."""
        record = None if known.kept else read_record(self.attempt.tree)
        if record is None or record.kept or record.admission.run_key != self.attempt.run_key:
            return
        with caretaker(self.attempt.tree, record, self.run.log) as isolation:
            worktrees.remove(self.attempt.tree, isolation)


def _blocked(attempt: Attempt, reason: str, text: str, details: str = "") -> Outcome:
    return Outcome(attempt.run_key, "blocked", reason=Reason(reason).value, text=text, details=details)
