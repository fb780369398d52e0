"""A stand-in for Actions in server mode, a hundred times faster than act: no machine, no agent, the end as told.

It walks each dispatched run from queued to completed, and on the way does what the job `publish` would do, with that
job's token and by its own code: draft pull request, verdict, labels. What the agent would have changed is one file.
Every dispatch is written down with what was true at that moment, for the invariants: nothing lost, doubled or early.
"""

import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import yaml

from bot.config import ActionEnv, Step
from bot.core.publishing import Ending, next_step
from bot.core.run import Admission, Outcome
from bot.errors import AiReadyError
from bot.github.action_client import Access, ActionGitHub
from bot.github.courier import Timing
from bot.job.endgame import Publisher, publish
from bot.job.facts import utc_now
from bot.job.handover import Digests, admission_from_json
from bot.report import Report
from bot.sandbox.actions.sources import CHECKOUT
from bot.sandbox.records import Issue
from bot.sandbox.runs import Job, WorkflowRun
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

USD = 0.01
"""What a run has cost."""
ROUNDS = 8
_THREADS = 32
_TITLE = re.compile(r"\[([A-Z]+)-(\d+)\.(\d+)\]")
_DEPENDS = re.compile(r"[Dd]epends on ((?:#\d+(?:, | and )?)+)")

Held = Literal["", "queued", "in_progress"]
STAGES: tuple[Literal["queued", "in_progress"], ...] = ("queued", "in_progress")


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends."""

    conclusion: str = "success"
    says: Literal["", "done", "blocked", "cancelled"] = ""
    """What `publish` makes of it; empty: there is no `publish`, and so no verdict."""
    stays: Held = ""
    """It never gets further than this."""
    deleted: bool = False
    """Somebody deletes it once it is over."""


DONE = End(says="done")
BLOCKED = End(says="blocked")
CANCELLED = End("cancelled", says="cancelled")
"""Somebody cancels it; `publish` still runs."""
FORCED = End("cancelled")
SILENT = End()
LOST = End("failure")
TIMED_OUT = End("timed_out")
STARTUP_FAILURE = End("startup_failure")
DELETED = End("cancelled", deleted=True)
STUCK = End("cancelled", stays="queued")
HUNG = End("cancelled", stays="in_progress")
ENDS = {
    "blocked": BLOCKED,
    "cancelled": CANCELLED,
    "deleted": DELETED,
    "done": DONE,
    "forced": FORCED,
    "hung": HUNG,
    "lost": LOST,
    "silent": SILENT,
    "startup_failure": STARTUP_FAILURE,
    "stuck": STUCK,
    "timed_out": TIMED_OUT,
}
"""By name, for other processes."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatch, and what was true when GitHub took it."""

    repo: str
    issue: int
    run_key: str
    run_id: int
    at: datetime
    open_prerequisites: tuple[int, ...]
    """Should be empty."""
    other_runs: tuple[int, ...]
    """Runs of the same issue that were under way; should be empty."""


class Instant:
    """Runs what is dispatched, from now until `close` (or the end of the `with`). `ends` says how, for each run."""

    def __init__(
        self, hub: "Hub", *, ends: Callable[[WorkflowRun], End] = lambda _run: DONE, work_seconds: float = 0.0
    ) -> None:
        self._hub = hub
        self.ends = ends
        self.work_seconds = work_seconds
        """How long the job `work` takes. Real ones take longer than a server needs to say that they began."""
        self.dispatches: list[Dispatched] = []
        self.tokens: list[Token] = []
        """Every job's token, for the search for leaks."""
        self.failures: list[BaseException] = []
        """What went wrong in this stand-in itself: a test must fail on any."""
        self._hold: Held = ""
        self._changed = threading.Condition()
        self._under_way: set[int] = set()
        self._closing = False
        self._timing = Timing()
        self._pool = ThreadPoolExecutor(_THREADS, "instant")
        self._folder = hub.root / "instant"
        self._folder.mkdir()
        hub.actions.driver = self

    # --------------------------------------------------------------------- the hub's side (under its lock)

    def dispatched(self, run: WorkflowRun) -> None:
        """Write down what is true now, then run it."""
        number = int(run.inputs.get("issue") or 0)
        issue = run.repo.issues.get(number)
        others = (other for other in self._hub.actions.runs.values() if other.repo is run.repo and other is not run)
        alive = tuple(o.id for o in others if o.inputs.get("issue") == str(number) and o.status != "completed")
        waits = open_prerequisites(issue) if issue is not None else ()
        key = run.inputs.get("run_key", "")
        self.dispatches.append(Dispatched(run.repo.full_name, number, key, run.id, self._hub.now(), waits, alive))
        self._begin(run)

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:  # noqa: ARG002 - both end it
        """It ends where it is; `publish` says so."""
        with self._changed:
            self._changed.notify_all()
            if run.id not in self._under_way:
                self._begin(run, CANCELLED)

    def rerun(self, run: WorkflowRun) -> None:
        """Another attempt: its verdict is there already, so it has nothing to say."""
        self._begin(run)

    # --------------------------------------------------------------------------------------- other verbs

    def hold(self, stage: Held) -> None:
        """From now on runs stay `queued` or `in_progress` until they are let go (or cancelled); empty: let them go."""
        with self._changed:
            self._hold = stage
            self._changed.notify_all()

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Wait until every run is over, or where it stays. Raises `TimeoutError`, and what broke a run."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, timeout):
                raise TimeoutError(f"after {timeout:g} s under way: {sorted(self._under_way)}")
        if self.failures:
            raise self.failures[0]

    def close(self) -> None:
        """End every thread; runs stay where they are."""
        self._hub.actions.driver = None
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ a run

    def _begin(self, run: WorkflowRun, end: End | None = None) -> None:
        with self._changed:
            if not self._closing:
                self._under_way.add(run.id)
                self._pool.submit(self._execute, run, end)

    def _execute(self, run: WorkflowRun, end: End | None) -> None:
        try:
            self._walk(run, end or self.ends(run))
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            with self._changed:
                self._under_way.discard(run.id)
                self._changed.notify_all()

    def _walk(self, run: WorkflowRun, end: End) -> None:
        actions = self._hub.actions
        if end.conclusion == "startup_failure":
            actions.update_run(run, status="completed", conclusion=end.conclusion)
            return
        for stage in STAGES:
            actions.update_run(run, status=stage)
            if end.stays == stage or not self._let_go(run, stage):
                return
        end = CANCELLED if run.cancel_requested else end
        conclusion = end.conclusion
        try:
            if end.says:
                self._publish(run, end)
        except AiReadyError:  # the job fails; whoever started it finds that there is no verdict
            conclusion = "failure"
        actions.update_run(run, status="completed", conclusion=conclusion)
        if end.deleted:
            actions.delete(run)

    def _let_go(self, run: WorkflowRun, stage: Held) -> bool:
        """Wait as long as runs are held at this stage. False: this stand-in is closing."""
        with self._changed:
            if stage == "in_progress":
                self._changed.wait_for(lambda: self._closing or run.cancel_requested, self.work_seconds)
            self._changed.wait_for(lambda: self._closing or run.cancel_requested or self._hold != stage)
        return not self._closing

    # ---------------------------------------------------------------------------------------- publish

    def _publish(self, run: WorkflowRun, end: End) -> None:
        admission = admission_from_json(run.inputs.get("admission", ""))
        admission = replace(
            admission, run_id=run.id, run_url=f"{self._hub.url}/{run.repo.full_name}/actions/runs/{run.id}"
        )
        with self._job(run) as (job, token):
            server_id = int(json.loads(run.inputs["admission"]).get("server_id") or 0)
            own = frozenset({server_id} if server_id else ())
            access = Access(admission.repo, token.value, self._hub.api_url, run.id, own_ids=own)
            github = ActionGitHub(access, timing=self._timing)
            if end.says == "done":
                self._finish(github, run, admission, token)
                return
            env = ActionEnv.from_environ(self._environ(run, token, end), Step.PUBLISH)
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                publisher = Publisher(github, env, JobLog(job=job), Path(folder))
                publish(publisher, admission, Digests("", ""), env.work_result)

    def _finish(self, github: ActionGitHub, run: WorkflowRun, admission: Admission, token: Token) -> None:
        """What `bot.job.endgame` does once the branch is pushed; the push itself is one commit made in place."""
        files = {f"done/{admission.run_key}.txt": "done\n"}
        oid = self._hub.repos.commit_files(run.repo, admission.branch, files, token, admission.title)
        outcome = Outcome(admission.run_key, "done", usd=USD, turns=1, model=admission.model, commit_oid=oid)
        ending = Ending(admission, outcome, pushed_oid=oid, server=self._hub.url)
        for _ in range(ROUNDS):
            snapshot = github.snapshot(focus={admission.issue}, now=utc_now())
            step = next_step(ending, snapshot)
            answers = github.apply(step.effects, snapshot) if step.effects else ()
            if step.verdict and not any(answer.unsure for answer in answers):
                return
        raise AiReadyError(f"The verdict of run {admission.run_key} could not be published.")

    @contextmanager
    def _job(self, run: WorkflowRun) -> Iterator[tuple[Job, Token]]:
        hub = self._hub
        job = hub.actions.add_job(run, "ai-ready / publish")
        token = hub.tokens.for_job(run.repo, PUBLISH_PERMISSIONS, job="publish", run_id=run.id)
        self.tokens.append(token)
        try:
            yield job, token
        finally:
            hub.tokens.revoke(token)
            hub.actions.update_job(job, status="completed", conclusion="success")

    def _environ(self, run: WorkflowRun, token: Token, end: End) -> dict[str, str]:
        return {
            "GITHUB_TOKEN": token.value,
            "GITHUB_API_URL": self._hub.api_url,
            "GITHUB_SERVER_URL": self._hub.url,
            "GITHUB_REPOSITORY": run.repo.full_name,
            "GITHUB_RUN_ID": str(run.id),
            "AI_READY_ADMISSION": run.inputs["admission"],
            "AI_READY_WORK_RESULT": "cancelled" if end.says == "cancelled" else "failure",
        }


PUBLISH_PERMISSIONS: dict[str, str] = yaml.safe_load((CHECKOUT / ".github/workflows/ai-ready.yml").read_text())["jobs"][
    "publish"
]["permissions"]


@dataclass(frozen=True, slots=True)
class JobLog(Report):
    """What the job prints is the job's log, not this process's output."""

    job: Job | None = None

    def log(self, line: str) -> None:
        """See `Report`."""
        if self.job is not None:
            self.job.log.append(f"{line}\n")

    def error(self, sentence: str) -> None:
        """See `Report`."""
        self.log(sentence)


def open_prerequisites(issue: Issue) -> tuple[int, ...]:
    """What `issue` really waits for, in its own repository: found without the planner, which is what is tested.

    Reads what stories write: `[PREFIX-P.T]` at the start of titles, `Depends on #1, #2` in bodies, native links.
    """
    named = {int(number) for found in _DEPENDS.findall(issue.body) for number in re.findall(r"\d+", found)}
    linked = [*issue.blocked_by, *issue.sub_issues]
    siblings = [other for other in issue.repo.issues.values() if _comes_before(other, issue)]
    textual = [issue.repo.issues[number] for number in named if number in issue.repo.issues]
    return tuple(sorted({other.number for other in (*linked, *siblings, *textual) if other.open}))


def _comes_before(other: Issue, issue: Issue) -> bool:
    mine, theirs = _TITLE.match(issue.title), _TITLE.match(other.title)
    if mine is None or theirs is None or mine[1] != theirs[1] or other.pull is not None:
        return False
    return (int(theirs[2]), int(theirs[3])) < (int(mine[2]), int(mine[3]))
