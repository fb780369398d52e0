"""One workflow run, from its first job to its conclusion, as GitHub decides: needs, `if:`, groups, called workflows.

Jobs run one after the other. How a single one runs is `job_run`'s business.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.sandbox.actions import contexts
from bot.sandbox.actions.act import Control
from bot.sandbox.actions.expressions import Status, condition, interpolate, resolve, truthy
from bot.sandbox.actions.groups import Ticket
from bot.sandbox.actions.job_run import Ended, Machine, run_one
from bot.sandbox.actions.problems import StartupFailure
from bot.sandbox.actions.workflow import Job, Source, read_jobs, typed_inputs
from bot.sandbox.runs import WorkflowRun, triggers


@dataclass(frozen=True, slots=True)
class Doing:
    """The job that is under way, or waits for its turn."""

    job: Job
    known: Mapping[str, Any]
    status: Status
    control: Control


class Execution:
    """A run that is under way. `execute` is the whole story; `cancel` and `lose_runner` come from other threads."""

    def __init__(self, machine: Machine, run: WorkflowRun) -> None:
        self.run = run
        self._machine = machine
        self._actions = machine.hub.actions
        self._cancelled = threading.Event()
        self._forced = threading.Event()
        self._lock = threading.Lock()
        self._doing: Doing | None = None

    # ------------------------------------------------------------------------------ from other threads

    def cancel(self, *, force: bool = False) -> None:
        """Cancel the run. A job whose `if:` still holds (`always()`) runs on, unless forced."""
        self._cancelled.set()
        if force:
            self._forced.set()
        with self._lock:
            self._end_if_unwanted()
        self._machine.groups.wake()

    def lose_runner(self) -> bool:
        """The machine of the job that runs goes away: its processes die, the job has failed, the run goes on."""
        with self._lock:
            if self._doing is not None:
                self._doing.control.end("lost")
            return self._doing is not None

    def _end_if_unwanted(self) -> None:
        doing = self._doing
        if doing is not None and self._cancelled.is_set() and not self._wanted(doing.job, doing.known, doing.status):
            doing.control.end("cancelled", force=self._forced.is_set())

    # --------------------------------------------------------------------------------------- the story

    def execute(self) -> None:
        """Run it to its conclusion. Raises `Unsupported` for what this sandbox can't do; the run has failed then."""
        conclusion = "startup_failure"
        try:
            source = self._machine.sources.of_run(self.run)
            jobs = read_jobs(source, self._machine.sources.called)
            known = contexts.of_run(self._machine.hub, self.run, source) | {"inputs": self._inputs(source)}
            conclusion = self._story(source, jobs, known)
        except StartupFailure as refusal:
            self._machine.refusals.append(f"{self.run.workflow.path}: {refusal}")
        finally:
            self._actions.update_run(self.run, status="completed", conclusion=conclusion)

    def _inputs(self, source: Source) -> dict[str, Any]:
        declared = (triggers(source.document).get("workflow_dispatch") or {}).get("inputs") or {}
        if self.run.event != "workflow_dispatch":
            return dict.fromkeys(declared)
        return typed_inputs(declared, self.run.inputs)

    def _story(self, source: Source, jobs: tuple[Job, ...], known: dict[str, Any]) -> str:
        ticket = self._ticket(source.document, known, self.cancel)
        if ticket is not None and not self._wait_for(ticket, source.document, known, self._cancelled.is_set):
            return "cancelled"
        try:
            self._actions.update_run(self.run, status="in_progress")
            done = self._jobs(jobs, known, "")
        finally:
            if ticket is not None:
                self._machine.groups.release(ticket)
        return "cancelled" if self._cancelled.is_set() else _together(done)

    def _jobs(self, jobs: tuple[Job, ...], known: dict[str, Any], prefix: str) -> dict[str, Ended]:
        done: dict[str, Ended] = {}
        for job in jobs:
            needs = {name: {"result": done[name].result, "outputs": done[name].outputs} for name in job.needs}
            done[job.id] = self._job(job, known | {"needs": needs}, _status(job, jobs, done), prefix)
        return done

    def _job(self, job: Job, known: dict[str, Any], status: Status, prefix: str) -> Ended:
        name = prefix + interpolate(job.raw.get("name", job.id), known)
        if not self._wanted(job, known, status):
            record = self._actions.add_job(self.run, name)
            self._actions.update_job(record, status="completed", conclusion="skipped")
            return Ended("skipped")
        control = Control()
        ticket = self._ticket(job.raw, known, lambda: control.end("cancelled"))
        try:
            if ticket is not None:
                self._wait_for(ticket, job.raw, known, lambda: not self._wanted(job, known, status))
            if ticket is not None and ticket.replaced:
                control.end("cancelled")
            if job.called is not None:
                return self._call(job, known, f"{name} / ")
            return self._run(Doing(job, known, status, control), name)
        finally:
            if ticket is not None:
                self._machine.groups.release(ticket)

    def _run(self, doing: Doing, name: str) -> Ended:
        with self._lock:
            self._doing = doing
            self._end_if_unwanted()
        try:
            return run_one(self._machine, self.run, doing.job, doing.known, name, doing.control)
        finally:
            with self._lock:
                self._doing = None

    def _call(self, job: Job, known: Mapping[str, Any], prefix: str) -> Ended:
        """Run the workflow that `job` calls; it knows only what it is given."""
        called = job.called
        assert called is not None
        given = {name: resolve(value, known) for name, value in (job.raw.get("with") or {}).items()}
        passed = job.raw.get("secrets") or {}
        secrets = known["secrets"] if passed == "inherit" else {k: interpolate(v, known) for k, v in passed.items()}
        inner = {"github": known["github"], "vars": known["vars"], "secrets": secrets}
        done = self._jobs(called.jobs, inner | {"inputs": typed_inputs(called.inputs, given)}, prefix)
        jobs = {name: {"result": ended.result, "outputs": ended.outputs} for name, ended in done.items()}
        outputs = {
            key: interpolate(about.get("value"), inner | {"jobs": jobs}) for key, about in called.outputs.items()
        }
        return Ended(_together(done), outputs)

    def _wanted(self, job: Job, known: Mapping[str, Any], status: Status) -> bool:
        """What the job's `if:` says now. GitHub asks again when the run is cancelled."""
        if self._cancelled.is_set():
            status = replace(status, success=False, cancelled=True)
        return not self._forced.is_set() and condition(str(job.raw.get("if", "")), known, status)

    # ------------------------------------------------------------------------------ concurrency groups

    def _ticket(self, raw: Mapping[str, Any], known: Mapping[str, Any], cancel: Callable[[], None]) -> Ticket | None:
        about = raw.get("concurrency")
        if about is None:
            return None
        group = interpolate(about["group"] if isinstance(about, Mapping) else about, known)
        return Ticket((self.run.repo.id, group.lower()), cancel)

    def _wait_for(
        self, ticket: Ticket, raw: Mapping[str, Any], known: Mapping[str, Any], stopped: Callable[[], bool]
    ) -> bool:
        about = raw["concurrency"]
        hurried = isinstance(about, Mapping) and truthy(resolve(about.get("cancel-in-progress", False), known))
        many = isinstance(about, Mapping) and about.get("queue", "single") == "max"
        return self._machine.groups.acquire(ticket, cancel_in_progress=hurried, many_wait=many, stopped=stopped)


def _status(job: Job, jobs: tuple[Job, ...], done: Mapping[str, Ended]) -> Status:
    """What the status functions say: over all jobs that this one needs, and those that they need."""
    by_id, names, left = {each.id: each for each in jobs}, set[str](), list(job.needs)
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += by_id[name].needs
    results = {done[name].result for name in names}
    return Status(success=results <= {"success"}, failure="failure" in results)


def _together(done: Mapping[str, Ended]) -> str:
    """The result of several jobs as one."""
    results = {ended.result for ended in done.values()}
    for worst in ("failure", "cancelled"):
        if worst in results:
            return worst
    return "skipped" if results == {"skipped"} else "success"
