"""Workflow runs, jobs, artifacts: the record that REST shows. Who really runs them is the driver (`ActionsDriver`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Repo, User
from bot.sandbox.workflow_files import checked_inputs, is_workflow, parse, triggers

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

__all__ = ["Actions", "ActionsDriver", "Artifact", "Job", "Step", "Workflow", "WorkflowRun", "triggers"]

Details = Literal["told", "ignored", "refused"]
"""What a GitHub does with `return_run_details`: answers with the run, answers 204 (older), refuses the field (GHES)."""
RunStatus = Literal["requested", "queued", "pending", "waiting", "in_progress", "completed"]


@dataclass(eq=False, slots=True)
class Workflow:
    """A file in `.github/workflows/` on the default branch; the id is stable per path."""

    id: int
    node_id: str
    path: str
    name: str
    created_at: datetime
    enabled: bool = True


@dataclass(eq=False, slots=True)
class Step:
    """A step of a job."""

    name: str
    number: int
    status: RunStatus = "queued"
    conclusion: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Job:
    """A job of a run. `log` grows while it runs (`Actions.append_log`)."""

    id: int
    node_id: str
    run: "WorkflowRun" = field(repr=False)
    name: str
    created_at: datetime
    status: RunStatus = "queued"
    conclusion: str = ""
    """`success failure cancelled skipped timed_out` once completed."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    steps: list[Step] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """Text as it came, in pieces."""
    summary: str = ""
    """Markdown that the job wrote to GITHUB_STEP_SUMMARY."""


@dataclass(eq=False, slots=True)
class Artifact:
    """What a run uploaded: a zip file on disk."""

    id: int
    node_id: str
    run: "WorkflowRun" = field(repr=False)
    name: str
    path: Path
    size: int
    digest: str
    """`sha256:…` of the zip."""
    created_at: datetime


@dataclass(eq=False, slots=True)
class WorkflowRun:
    """One run of a workflow."""

    id: int
    node_id: str
    repo: Repo = field(repr=False)
    workflow: Workflow
    run_number: int
    event: str
    """What started it: `issues`, `workflow_dispatch`, …"""
    head_branch: str
    head_oid: str
    actor: User
    created_at: datetime
    updated_at: datetime
    display_title: str
    """The run-name where the workflow has one (what REST also calls `display_title`)."""
    inputs: dict[str, str] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict, repr=False)
    """The event's payload, as jobs find it in GITHUB_EVENT_PATH."""
    run_attempt: int = 1
    status: RunStatus = "queued"
    conclusion: str = ""
    """`success failure cancelled skipped timed_out action_required startup_failure stale` once completed."""
    started_at: datetime | None = None
    jobs: list[Job] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    cancel_requested: bool = False

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.name


class ActionsDriver(Protocol):
    """Who runs workflows. Called under the hub's lock: note it down and return."""

    def dispatched(self, run: WorkflowRun) -> None:
        """`workflow_dispatch` made this run (queued)."""
        ...

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:
        """Somebody asked to cancel it."""
        ...

    def rerun(self, run: WorkflowRun) -> None:
        """Somebody asked for another attempt (`run_attempt` is counted up, the status queued)."""
        ...


def run_name(hub: "Hub", run: WorkflowRun) -> str:
    """The run-name as its file has it; GitHub's own choice where it has none. Raises `Unsupported`."""
    from bot.sandbox.actions.contexts import of_run  # noqa: PLC0415 - what runs workflows stands on this module
    from bot.sandbox.actions.expressions import interpolate  # noqa: PLC0415
    from bot.sandbox.actions.workflow import Source  # noqa: PLC0415

    document = hub.actions.document(run.repo, run.workflow.path, run.head_oid)
    template = document.get("run-name")
    if not template:
        return str(run.payload.get("issue", {}).get("title") or run.workflow.name)
    known = of_run(hub, run, Source(document, run.workflow.path, run.repo.full_name, run.head_oid))
    return " ".join(interpolate(template, known | {"inputs": run.inputs}).split())


class Actions:
    """The verbs. Without a driver, dispatched runs stay queued and a cancel ends a run at once."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.driver: ActionsDriver | None = None
        self.runs: dict[int, WorkflowRun] = {}
        self.details: Details = "told"
        """How old this GitHub is, as dispatches show it."""
        self._workflows: dict[tuple[int, str], Workflow] = {}
        self._ids: dict[int, str] = {}

    # ------------------------------------------------------------------------------------ workflows

    def workflows(self, repo: Repo) -> list[Workflow]:
        """Those on the default branch, by path."""
        listing = self._hub.repos.tree(repo, repo.default_branch)
        return [self.workflow(repo, path) for path in sorted(listing) if is_workflow(path)]

    def workflow(self, repo: Repo, path: str) -> Workflow:
        """The record for a path (made on first use; the name is read from the default branch's file)."""
        with self._hub.lock:
            key = (repo.id, path)
            if key not in self._workflows:
                self._workflows[key] = Workflow(*self._hub.new_node("W"), path, path, self._hub.now())
            found = self._workflows[key]
            document = self.document(repo, path, repo.default_branch)
            found.name = str(document.get("name") or path)
            return found

    def find_workflow(self, repo: Repo, id_or_file: str) -> Workflow:
        """By numeric id, file name or path. Raises `Refused` 404."""
        for workflow in self.workflows(repo):
            if id_or_file in (str(workflow.id), workflow.path, workflow.path.rpartition("/")[2]):
                return workflow
        raise not_found()

    def document(self, repo: Repo, path: str, revision: str) -> dict[str, Any]:
        """The parsed YAML of a workflow file at a revision; empty where it is missing or broken. `on` is a plain key."""
        return parse(self._hub.repos.read(repo, revision, path) or "")

    # ----------------------------------------------------------------------------------------- runs

    def get(self, repo: Repo, run_id: int) -> WorkflowRun:
        """Raises `Refused` 404."""
        run = self.runs.get(run_id)
        if run is None or run.repo is not repo:
            raise not_found()
        return run

    def listing(self, repo: Repo) -> list[WorkflowRun]:
        """Newest first, as lists show them (late where the stale fault is on)."""
        moment = self._hub.faults.listed_at()
        runs = (run for run in self.runs.values() if run.repo is repo)
        return sorted((run for run in runs if moment is None or run.created_at <= moment), key=lambda r: -r.id)

    def create_run(
        self,
        repo: Repo,
        workflow: Workflow,
        *,
        event: str,
        actor: User,
        payload: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        ref: str = "",
        title: str = "",
        status: RunStatus = "queued",
    ) -> WorkflowRun:
        """A new run record (the driver's business, except for dispatches). `ref`: branch; default branch when empty."""
        with self._hub.lock:
            now, branch = self._hub.now(), ref.removeprefix("refs/heads/") or repo.default_branch
            count = sum(run.workflow is workflow for run in self.runs.values())
            run = WorkflowRun(
                *self._hub.new_node("WFR"), repo, workflow, count + 1, event, branch,
                self._hub.repos.branch_oid(repo, branch), actor, now, now, title or workflow.name,
                dict(inputs or {}), dict(payload or {}), status=status,
            )  # fmt: skip
            if not title:
                run.display_title = run_name(self._hub, run)
            self.runs[run.id] = self._hub.register(run)
            self._hub.emit("workflow_run", "requested", repo, self._by(actor), run=run)
            return run

    def update_run(
        self, run: WorkflowRun, *, status: RunStatus | None = None, conclusion: str = "", title: str = ""
    ) -> None:
        """Move a run; emits `workflow_run` in_progress or completed."""
        with self._hub.lock:
            run.updated_at = self._hub.now()
            run.display_title = title or run.display_title
            if status is None or status == run.status:
                return
            run.status, run.conclusion = status, conclusion
            if status == "in_progress":
                run.started_at = run.started_at or run.updated_at
            if status in ("in_progress", "completed"):
                self._hub.emit("workflow_run", status, run.repo, self._by(run.actor), run=run)
            if status == "completed":
                self._hub.emit("check_suite", "completed", run.repo, self._by(run.actor), run=run)

    def add_job(self, run: WorkflowRun, name: str) -> Job:
        """A job of the run, queued."""
        with self._hub.lock:
            job = Job(*self._hub.new_node("CR"), run, name, self._hub.now())
            run.jobs.append(self._hub.register(job))
            return job

    def update_job(self, job: Job, *, status: RunStatus, conclusion: str = "") -> None:
        """Move a job."""
        with self._hub.lock:
            now = self._hub.now()
            job.status, job.conclusion = status, conclusion
            if status == "in_progress":
                job.started_at = job.started_at or now
            if status == "completed":
                job.started_at, job.completed_at = job.started_at or now, now

    def append_log(self, job: Job, text: str) -> None:
        """More output of a job."""
        with self._hub.lock:
            job.log.append(text)

    def add_artifact(self, run: WorkflowRun, name: str, path: Path, digest: str) -> Artifact:
        """An uploaded zip at `path`; one per name and run (409)."""
        with self._hub.lock:
            if any(artifact.name == name for artifact in run.artifacts):
                raise Refused(409, "an artifact with this name already exists on the workflow run")
            size, now = path.stat().st_size, self._hub.now()
            artifact = Artifact(*self._hub.new_node("MDg"), run, name, path, size, digest, now)
            run.artifacts.append(self._hub.register(artifact))
            return artifact

    # -------------------------------------------------------------------------------- what REST asks

    def dispatch(
        self, repo: Repo, workflow: Workflow, by: "Token", *, ref: str, inputs: Mapping[str, Any] | None = None
    ) -> WorkflowRun:
        """`workflow_dispatch`: checks what GitHub checks (trigger, ref, inputs), makes the run, tells the driver."""
        with self._hub.lock:
            branch = ref.removeprefix("refs/heads/")
            if not self._hub.repos.branch_oid(repo, branch):
                raise Refused(422, f"No ref found for: {ref}")
            if not workflow.enabled:
                raise Refused(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
            started_by = triggers(self.document(repo, workflow.path, branch))
            if "workflow_dispatch" not in started_by:
                raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
            given = checked_inputs((started_by["workflow_dispatch"] or {}).get("inputs") or {}, inputs or {})
            payload = {"inputs": given, "ref": f"refs/heads/{branch}", "workflow": workflow.path}
            event = self._hub.emit("workflow_dispatch", "", repo, by, **payload)
            run = self.create_run(
                repo,
                workflow,
                event="workflow_dispatch",
                actor=by.user,
                payload=event.payload,
                inputs=given,
                ref=branch,
            )
            if self.driver is not None:
                self.driver.dispatched(run)
            return run

    def repository_dispatch(self, repo: Repo, by: "Token", event_type: str, client_payload: Mapping[str, Any]) -> None:
        """Emits `repository_dispatch` with `action` = the event type; the driver starts what listens."""
        with self._hub.lock:
            if not event_type or len(event_type) > 100:
                raise Refused(422, "Invalid request.\n\nevent_type is not a string of at most 100 characters.")
            if len(client_payload) > 10:
                raise Refused(422, "No more than 10 properties are allowed; client_payload")
            self._hub.emit("repository_dispatch", event_type, repo, by, client_payload=dict(client_payload))

    def cancel(self, run: WorkflowRun, *, force: bool = False) -> None:
        """Ask for its end; 409 when it has ended. Without a driver it ends at once."""
        with self._hub.lock:
            if run.status == "completed":
                raise Refused(409, "Cannot cancel a workflow run that is completed.")
            run.cancel_requested = True
            if self.driver is not None:
                self.driver.cancelled(run, force=force)
            else:
                self.update_run(run, status="completed", conclusion="cancelled")

    def rerun(self, run: WorkflowRun) -> None:
        """Another attempt of an ended run; 403 while it runs."""
        with self._hub.lock:
            if run.status != "completed":
                raise Refused(403, "This workflow is already running")
            run.run_attempt += 1
            run.status, run.conclusion, run.started_at, run.cancel_requested = "queued", "", None, False
            run.jobs, run.artifacts = [], []
            if self.driver is not None:
                self.driver.rerun(run)

    def delete(self, run: WorkflowRun) -> None:
        """Forget a run: 404 from now on."""
        with self._hub.lock:
            del self.runs[run.id]
            self._hub.forget(run.node_id)

    def _by(self, actor: User) -> "Token":
        return self._hub.tokens.acting_as(actor)
