"""Runs one job of a run: its token, its environment, act, and what is kept of it (log, steps, outputs, artifacts)."""

import hashlib
import shutil
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.sandbox.actions import contexts
from bot.sandbox.actions.act import Control, Order, Result, run_job
from bot.sandbox.actions.expressions import interpolate, resolve
from bot.sandbox.actions.problems import StartupFailure
from bot.sandbox.actions.sources import STAND_INS, Sources
from bot.sandbox.actions.workflow import Job as JobFile
from bot.sandbox.actions.workflow import one_job
from bot.sandbox.runs import Job, Step, WorkflowRun

if TYPE_CHECKING:
    from bot.sandbox.actions.groups import Groups
    from bot.sandbox.state import Hub

DEFAULT_TIMEOUT_MINUTES = 360
_SLOT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Machine:
    """What all runs share."""

    hub: "Hub"
    sources: Sources
    groups: "Groups"
    slots: threading.Semaphore
    """How many jobs run at a time."""
    act: Path
    folder: Path
    env: Mapping[str, str]
    refusals: list[str] = field(default_factory=list)
    """What GitHub would show of runs that ended as `startup_failure`."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job as others see it in `needs`."""

    result: str
    """success, failure, cancelled or skipped."""
    outputs: Mapping[str, str] = field(default_factory=dict)


def run_one(
    machine: Machine, run: WorkflowRun, job: JobFile, known: Mapping[str, Any], name: str, control: Control
) -> Ended:
    """Run the job when a slot is free. `control` may have ended it before."""
    actions = machine.hub.actions
    record = actions.add_job(run, name)
    conclusion = "cancelled"
    try:
        if _slot(machine, control):
            conclusion = "failure"
            try:
                ended = _run(machine, run, record, job, known, control)
            finally:
                machine.slots.release()
            conclusion = ended.result
            return ended
        return Ended("cancelled")
    finally:
        actions.update_job(record, status="completed", conclusion=conclusion)


def _slot(machine: Machine, control: Control) -> bool:
    while not control.asked.is_set():
        if machine.slots.acquire(timeout=_SLOT_SECONDS):
            return True
    return False


def _run(
    machine: Machine, run: WorkflowRun, record: Job, job: JobFile, known: Mapping[str, Any], control: Control
) -> Ended:
    hub = machine.hub
    hub.actions.update_job(record, status="in_progress")
    token = hub.tokens.for_job(run.repo, job.permissions, job=job.id, run_id=run.id)
    folder = machine.folder / "jobs" / f"{run.id}-{record.id}"
    try:
        order = _order(machine, run, job, known, folder, token.value)
        result = run_job(machine.act, order, control, lambda text: hub.actions.append_log(record, text))
    finally:
        hub.tokens.revoke(token)
        shutil.rmtree(folder, ignore_errors=True)
    _keep(hub, record, job, result)
    _keep_artifacts(hub, run, _artifacts(machine, run))
    return Ended(result.conclusion, _outputs(job, known, result, order.secrets))


def _order(
    machine: Machine, run: WorkflowRun, job: JobFile, known: Mapping[str, Any], folder: Path, token: str
) -> Order:
    filled = {name: known[name] for name in ("inputs", "needs")} | {"job": contexts.of_job_file(job.source)}
    minutes = resolve(job.raw.get("timeout-minutes", DEFAULT_TIMEOUT_MINUTES), known)
    if not isinstance(minutes, int | float):
        raise StartupFailure(f"job {job.id}: timeout-minutes is {minutes!r}")
    github = known["github"]
    sandbox = {
        "SANDBOX_ARTIFACTS": str(_artifacts(machine, run)),
        "SANDBOX_ARTIFACTS_TOOL": str(STAND_INS / "artifacts.py"),
        "SANDBOX_SOURCE": str(machine.sources.staging),
        "SANDBOX_SOURCE_REPOSITORY": job.source.repository if job.source.ours else "",
    }
    return Order(
        document=one_job(job, run.event, filled),
        job=job.id,
        event=run.event,
        payload=run.payload,
        folder=folder,
        ref=github["ref"],
        sha=github["sha"],
        actor=github["actor"],
        seconds=minutes * 60,
        env={**machine.env, **contexts.environment(github), **sandbox},
        secrets={name: value for name, value in known["secrets"].items() if value} | {"GITHUB_TOKEN": token},
        variables=known["vars"],
        actions=machine.sources.actions(job),
        tracking_id=f"sandbox-{uuid.uuid4()}",
    )


def _artifacts(machine: Machine, run: WorkflowRun) -> Path:
    folder = machine.folder / "artifacts" / str(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(hub: "Hub", record: Job, job: JobFile, result: Result) -> None:
    with hub.lock:
        record.summary = result.summary
        for index, step in enumerate(job.raw["steps"]):
            came = result.steps.get(str(step.get("id", index)))
            what = str(step.get("uses") or step.get("run", "")).partition("\n")[0]
            conclusion = (came.conclusion if came is not None else "") or "skipped"
            record.steps.append(Step(str(step.get("name") or f"Run {what}"), index + 1, "completed", conclusion))


def _keep_artifacts(hub: "Hub", run: WorkflowRun, folder: Path) -> None:
    """Tell the hub of what was uploaded; one that was written again takes the place of the older."""
    for path in sorted(folder.glob("*.zip")):
        digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        with hub.lock:
            older = next((artifact for artifact in run.artifacts if artifact.name == path.stem), None)
            if older is not None and older.digest == digest:
                continue
            if older is not None:
                run.artifacts.remove(older)
            hub.actions.add_artifact(run, path.stem, path, digest)


def _outputs(job: JobFile, known: Mapping[str, Any], result: Result, secrets: Mapping[str, str]) -> dict[str, str]:
    """The job's outputs. GitHub drops those that hold a secret; act has masked what was printed of it."""
    steps = {
        name: {"outputs": step.outputs, "outcome": step.conclusion, "conclusion": step.conclusion}
        for name, step in result.steps.items()
    }
    found = {key: interpolate(text, {**known, "steps": steps}) for key, text in (job.raw.get("outputs") or {}).items()}
    return {key: text for key, text in found.items() if not any(secret in text for secret in secrets.values())}
