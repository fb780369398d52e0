"""`Actions`: listens to the hub, starts the workflows that an event starts, runs them in threads, ends them cleanly."""

import shutil
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from bot.sandbox.actions.groups import Groups
from bot.sandbox.actions.job_run import Machine
from bot.sandbox.actions.problems import Unsupported
from bot.sandbox.actions.processes import write_shim
from bot.sandbox.actions.run import Execution
from bot.sandbox.actions.sources import Sources
from bot.sandbox.actions.triggers import TRIGGERS, starts
from bot.sandbox.records import Event, Repo
from bot.sandbox.runs import Workflow, WorkflowRun, triggers

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

_MOST_RUNS = 200
"""Runs under way at a time, those included that wait for a group."""


class Actions:
    """GitHub Actions for a hub, from now until `close` (or the end of the `with`).

    `env` reaches every step, as a self-hosted runner's own environment does (e.g. `AI_READY_BIN`,
    `ANTHROPIC_BASE_URL`); the rest of this process's environment does not. `slots`: jobs that run at a time.
    """

    def __init__(self, hub: "Hub", *, env: Mapping[str, str] | None = None, slots: int = 4) -> None:
        self._machine = _machine(hub, env or {}, slots)
        self._hub = hub
        self._lock = threading.Lock()
        self._pending: set[Future[None]] = set()
        self._executions: dict[int, Execution] = {}
        self._closing = False
        self._starter = ThreadPoolExecutor(1, "actions-start")
        self._runners = ThreadPoolExecutor(_MOST_RUNS, "actions-run")
        self._unsubscribe = hub.subscribe(self._on_event)
        hub.actions.driver = self

    @property
    def refusals(self) -> list[str]:
        """Why runs ended as `startup_failure`, oldest first."""
        return self._machine.refusals

    # --------------------------------------------------------------------- the hub's side (under its lock)

    def dispatched(self, run: WorkflowRun) -> None:
        """`workflow_dispatch` made this run."""
        self._begin(run)

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:
        """Somebody asked to cancel it."""
        execution = self._executions.get(run.id)
        if execution is not None:
            execution.cancel(force=force)

    def rerun(self, run: WorkflowRun) -> None:
        """Another attempt."""
        self._begin(run)

    def _on_event(self, event: Event) -> None:
        if event.name in TRIGGERS and event.repo is not None:
            self._submit(self._starter, self._start_workflows, event)

    # ------------------------------------------------------------------------------------ other verbs

    def tick(self, repo: Repo) -> None:
        """The hour has come: start every workflow of `repo` that has a `schedule`."""
        for workflow in self._hub.actions.workflows(repo):
            crons = triggers(self._hub.actions.document(repo, workflow.path, repo.default_branch)).get("schedule")
            if workflow.enabled and crons:
                payload = {"schedule": crons[0]["cron"], "workflow": workflow.path}
                self._start(repo, workflow, "schedule", payload)

    def lose_runner(self, run: WorkflowRun) -> bool:
        """Kill what the run's present job runs, as when its machine goes away. False: no job is running."""
        execution = self._executions.get(run.id)
        return execution is not None and execution.lose_runner()

    def wait_idle(self, timeout: float = 60.0) -> None:
        """Wait until no event is unanswered and no run is under way. Raises what a run could not do (`Unsupported`),
        and `TimeoutError` naming the runs that are left.
        """
        end = monotonic() + timeout
        while pending := self._unfinished():
            done, _ = wait(pending, timeout=max(0.0, end - monotonic()), return_when=FIRST_COMPLETED)
            if not done:
                left = [f"{each.run.display_title} ({each.run.status})" for each in self._executions.values()]
                raise TimeoutError(f"after {timeout:g} s not idle: {', '.join(left) or 'events'}")
            with self._lock:
                self._pending -= done
            for future in done:
                future.result()

    def close(self) -> None:
        """Kill what runs and end every thread. Nothing that was started lives on. Raises what a run could not do."""
        self._closing = True
        self._unsubscribe()
        self._hub.actions.driver = None
        self._starter.shutdown()
        for execution in tuple(self._executions.values()):
            execution.cancel(force=True)
        self._runners.shutdown()
        for future in self._unfinished():
            future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---------------------------------------------------------------------------------------- starting

    def _start_workflows(self, event: Event) -> None:
        repo = event.repo
        assert repo is not None
        by_job = event.token_kind == "job"  # noqa: S105 - no password
        if by_job and event.name not in ("repository_dispatch", "pull_request"):
            return  # https://docs.github.com/en/actions/concepts/security/github_token
        branch = _branch(event, repo)
        if not self._hub.repos.branch_oid(repo, branch):
            return
        for workflow in self._hub.actions.workflows(repo):
            on = triggers(self._hub.actions.document(repo, workflow.path, branch))
            if not workflow.enabled or not starts(on, event):
                continue
            if by_job and event.name == "pull_request":
                self._wait_for_approval(repo, workflow, event, branch)
            else:
                self._start(repo, workflow, event.name, event.payload, event=event, branch=branch)

    def _start(
        self,
        repo: Repo,
        workflow: Workflow,
        name: str,
        payload: Mapping[str, Any],
        *,
        event: Event | None = None,
        branch: str = "",
    ) -> None:
        actor = event.actor if event is not None else repo.owner
        with self._hub.lock:
            run = self._hub.actions.create_run(repo, workflow, event=name, actor=actor, payload=payload, ref=branch)
            self._begin(run)

    def _wait_for_approval(self, repo: Repo, workflow: Workflow, event: Event, branch: str) -> None:
        """Pull requests made with GITHUB_TOKEN get runs that wait for a person's click."""
        run = self._hub.actions.create_run(
            repo, workflow, event=event.name, actor=event.actor, payload=event.payload, ref=branch
        )
        self._hub.actions.update_run(run, status="completed", conclusion="action_required")

    def _begin(self, run: WorkflowRun) -> None:
        execution = Execution(self._machine, run)
        with self._lock:
            self._executions[run.id] = execution
        self._submit(self._runners, self._execute, execution)

    def _execute(self, execution: Execution) -> None:
        try:
            execution.execute()
        finally:
            with self._lock:
                if self._executions.get(execution.run.id) is execution:
                    del self._executions[execution.run.id]

    def _submit(self, pool: ThreadPoolExecutor, work: Any, argument: Any) -> None:
        with self._lock:
            if not self._closing:
                self._pending.add(pool.submit(work, argument))

    def _unfinished(self) -> set[Future[None]]:
        with self._lock:
            return set(self._pending)


def _machine(hub: "Hub", env: Mapping[str, str], slots: int) -> Machine:
    here, folder = Path(sys.executable).parent, hub.root / "actions"
    path = env.get("PATH", f"{here}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    act, bash = shutil.which("act", path=f"{here}:{path}"), shutil.which("bash", path=path)
    if act is None or bash is None:
        raise Unsupported("act (the extra `demo` carries it) and bash are needed")
    command = {"AI_READY_BIN": str(here / "ai-ready")} if (here / "ai-ready").exists() else {}
    sources = Sources(hub, folder / "ai-ready")
    inside = {**command, **env, "PATH": f"{write_shim(folder, bash)}:{path}"}
    return Machine(hub, sources, Groups(), threading.Semaphore(slots), Path(act), folder, inside)


def _branch(event: Event, repo: Repo) -> str:
    """Whose workflow files count: the pushed branch's, the pull request's head's, else the default branch's."""
    if event.name == "push":
        return event.ref.removeprefix("refs/heads/")
    if event.name == "pull_request":
        return str(event.payload["pull_request"]["head"]["ref"])
    return repo.default_branch
