"""REST: Actions (workflows, runs, jobs, logs, artifacts, variables) and dispatches."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse

from bot.sandbox.api.asking import Ask, Asked, answer, done, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import Json
from bot.sandbox.runs import Artifact, Job, WorkflowRun
from bot.sandbox.shapes import runs as shapes
from bot.sandbox.shapes.accounts import stamp

router = APIRouter(prefix="/repos/{owner}/{repo}")
NEW_REST = "2026-03-10"
"""From this REST version on a dispatch always answers with the run."""
MOST_FILTERED = 1000
"""Runs that a list with a filter shows at most."""

# ---------------------------------------------------------------------------------------- workflows


@router.get("/actions/workflows")
def list_workflows(ask: Asked) -> Response:
    """On the default branch."""
    repo = ask.require("actions", "read")
    found = ask.hub.actions.workflows(repo)
    return paged(ask, found, lambda one: shapes.workflow(ask.hub, repo, one), under="workflows")


@router.get("/actions/workflows/{workflow}")
def get_workflow(ask: Asked, workflow: str) -> Response:
    """By id or file name."""
    repo = ask.require("actions", "read")
    return answer(shapes.workflow(ask.hub, repo, ask.hub.actions.find_workflow(repo, workflow)))


@router.put("/actions/workflows/{workflow}/{switch}")
def switch_workflow(ask: Asked, workflow: str, switch: str) -> Response:
    """`enable` or `disable`."""
    repo = ask.require("actions", "write")
    if switch not in ("enable", "disable"):
        raise not_found()
    ask.hub.actions.find_workflow(repo, workflow).enabled = switch == "enable"
    return done()


@router.post("/actions/workflows/{workflow}/dispatches")
def dispatch(ask: Asked, workflow: str) -> Response:
    """204, or 200 with the run where `return_run_details` asks (REST 2026-03-10: always; older servers: never)."""
    repo = ask.require("actions", "write")
    details, inputs = ask.hub.actions.details, ask.body.get("inputs") or {}
    if details == "refused" and "return_run_details" in ask.body:
        raise Refused(422, 'Invalid request.\n\n"return_run_details" is not a permitted key.')
    if not isinstance(inputs, dict):
        raise Refused(422, "Invalid request.\n\ninputs is not an object.")
    found = ask.hub.actions.find_workflow(repo, workflow)
    run = ask.hub.actions.dispatch(repo, found, ask.by, ref=ask.text("ref"), inputs=inputs)
    new = ask.request.headers.get("x-github-api-version", "") >= NEW_REST
    if details != "told" or (not new and ask.body.get("return_run_details") is not True):
        return done()
    shown = shapes.run(ask.hub, run)
    return answer({"workflow_run_id": run.id, "run_url": shown["url"], "html_url": shown["html_url"]})


@router.post("/dispatches")
def repository_dispatch(ask: Asked) -> Response:
    """Contents: write is what it needs."""
    repo = ask.require("contents", "write")
    payload = ask.body.get("client_payload") or {}
    ask.hub.actions.repository_dispatch(repo, ask.by, ask.text("event_type"), payload)
    return done()


# --------------------------------------------------------------------------------------------- runs


def _runs(ask: Ask, runs: list[WorkflowRun]) -> Response:
    query = ask.query
    wanted = [
        run
        for run in runs
        if query.get("event", run.event) == run.event
        and query.get("branch", run.head_branch) == run.head_branch
        and query.get("actor", run.actor.login) == run.actor.login
        and query.get("head_sha", run.head_oid) == run.head_oid
        and ("status" not in query or query["status"] in (run.status, run.conclusion))
        and _in_span(query.get("created", ""), run.created_at.replace(microsecond=0))
    ]
    filtered = bool(set(query) & {"actor", "branch", "check_suite_id", "created", "event", "head_sha", "status"})
    shown = wanted[:MOST_FILTERED] if filtered else wanted
    return paged(ask, shown, lambda run: shapes.run(ask.hub, run), under="workflow_runs")


def _in_span(span: str, moment: datetime) -> bool:
    """`created`: `>=T`, `>T`, `<=T`, `<T`, `T..T`, or a day; T is a day or a time.

    https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax#query-for-dates
    """
    if not span:
        return True
    if ".." in span:
        first, _, last = span.partition("..")
        return (first == "*" or moment >= _bounds(first)[0]) and (last == "*" or moment <= _bounds(last)[1])
    sign = re.match(r">=|<=|>|<|", span)
    start, end = _bounds(span[sign.end() :]) if sign else _bounds(span)
    match sign.group() if sign else "":
        case ">=":
            return moment >= start
        case "<=":
            return moment <= end
        case ">":
            return moment > end
        case "<":
            return moment < start
    return start <= moment <= end


def _bounds(text: str) -> tuple[datetime, datetime]:
    """First and last second that a day or a time names. Raises `Refused` 422."""
    try:
        start = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Refused(422, f"Invalid created: {text!r} is not a date") from None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start, start if len(text) > len("2026-11-21") else start + timedelta(days=1, seconds=-1)


@router.get("/actions/runs")
def list_runs(ask: Asked) -> Response:
    """Newest first."""
    return _runs(ask, ask.hub.actions.listing(ask.require("actions", "read")))


@router.get("/actions/workflows/{workflow}/runs")
def list_workflow_runs(ask: Asked, workflow: str) -> Response:
    """Of one workflow, newest first."""
    repo = ask.require("actions", "read")
    found = ask.hub.actions.find_workflow(repo, workflow)
    return _runs(ask, [run for run in ask.hub.actions.listing(repo) if run.workflow is found])


def _run(ask: Ask, run_id: int, level: str = "read") -> WorkflowRun:
    return ask.hub.actions.get(ask.require("actions", level), run_id)


@router.get("/actions/runs/{run_id:int}")
def get_run(ask: Asked, run_id: int) -> Response:
    """One."""
    return answer(shapes.run(ask.hub, _run(ask, run_id)))


@router.delete("/actions/runs/{run_id:int}")
def delete_run(ask: Asked, run_id: int) -> Response:
    """Forget it; 403 while it is under way."""
    run = _run(ask, run_id, "write")
    if run.status != "completed":
        raise Refused(403, "Could not delete the workflow run")
    ask.hub.actions.delete(run)
    return done()


@router.post("/actions/runs/{run_id:int}/cancel")
def cancel_run(ask: Asked, run_id: int) -> Response:
    """202; 409 when it has ended."""
    ask.hub.actions.cancel(_run(ask, run_id, "write"))
    return answer({}, 202)


@router.post("/actions/runs/{run_id:int}/force-cancel")
def force_cancel_run(ask: Asked, run_id: int) -> Response:
    """202; not even `always()` runs."""
    ask.hub.actions.cancel(_run(ask, run_id, "write"), force=True)
    return answer({}, 202)


@router.post("/actions/runs/{run_id:int}/rerun")
@router.post("/actions/runs/{run_id:int}/rerun-failed-jobs")
def rerun(ask: Asked, run_id: int) -> Response:
    """Another attempt."""
    ask.hub.actions.rerun(_run(ask, run_id, "write"))
    return answer({}, 201)


@router.get("/actions/runs/{run_id:int}/jobs")
def list_jobs(ask: Asked, run_id: int) -> Response:
    """Of the latest attempt."""
    return paged(ask, _run(ask, run_id).jobs, lambda job: shapes.job(ask.hub, job), under="jobs")


@router.get("/actions/runs/{run_id:int}/logs")
def run_logs(ask: Asked, run_id: int) -> Response:
    """A zip with one text per job."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(_run(ask, run_id).jobs):
            archive.writestr(f"{number}_{job.name.replace('/', '_')}.txt", "".join(job.log))
    return Response(packed.getvalue(), media_type="application/zip")


def _job(ask: Ask, job_id: int) -> Job:
    repo = ask.require("actions", "read")
    for run in ask.hub.actions.runs.values():
        for job in run.jobs:
            if job.id == job_id and run.repo is repo:
                return job
    raise not_found()


@router.get("/actions/jobs/{job_id:int}")
def get_job(ask: Asked, job_id: int) -> Response:
    """One."""
    return answer(shapes.job(ask.hub, _job(ask, job_id)))


@router.get("/actions/jobs/{job_id:int}/logs")
def job_logs(ask: Asked, job_id: int) -> Response:
    """Plain text (GitHub redirects to a storage host first)."""
    return PlainTextResponse("".join(_job(ask, job_id).log))


# ---------------------------------------------------------------------------------------- artifacts


def _artifacts(ask: Ask, artifacts: list[Artifact]) -> Response:
    name = ask.query.get("name")
    found = [one for one in artifacts if name is None or one.name == name]
    return paged(ask, found, lambda one: shapes.artifact(ask.hub, one), under="artifacts")


@router.get("/actions/artifacts")
def list_artifacts(ask: Asked) -> Response:
    """Of the repository, newest first."""
    runs = ask.hub.actions.listing(ask.require("actions", "read"))
    return _artifacts(ask, [one for run in runs for one in reversed(run.artifacts)])


@router.get("/actions/runs/{run_id:int}/artifacts")
def list_run_artifacts(ask: Asked, run_id: int) -> Response:
    """Of one run."""
    return _artifacts(ask, _run(ask, run_id).artifacts)


def _artifact(ask: Ask, artifact_id: int, level: str = "read") -> Artifact:
    repo, found = ask.require("actions", level), None
    for run in ask.hub.actions.runs.values():
        if run.repo is repo:
            found = next((one for one in run.artifacts if one.id == artifact_id), found)
    if found is None:
        raise not_found()
    return found


@router.get("/actions/artifacts/{artifact_id:int}")
def get_artifact(ask: Asked, artifact_id: int) -> Response:
    """One."""
    return answer(shapes.artifact(ask.hub, _artifact(ask, artifact_id)))


@router.delete("/actions/artifacts/{artifact_id:int}")
def delete_artifact(ask: Asked, artifact_id: int) -> Response:
    """Forget it."""
    found = _artifact(ask, artifact_id, "write")
    found.run.artifacts.remove(found)
    return done()


@router.get("/actions/artifacts/{artifact_id:int}/zip")
def download_artifact(ask: Asked, artifact_id: int) -> Response:
    """302 to a download that needs no token, as on GitHub."""
    found = _artifact(ask, artifact_id)
    return RedirectResponse(f"{ask.hub.url}/_sandbox/artifacts/{found.node_id}.zip", status_code=302)


def artifact_file(found: Artifact) -> Response:
    """The zip itself."""
    return FileResponse(found.path, media_type="application/zip", filename=f"{found.name}.zip")


# ---------------------------------------------------------------------------------------- variables


def _variable(ask: Ask, name: str, value: str) -> Json:
    made = stamp(ask.repo.created_at)
    return {"name": name, "value": value, "created_at": made, "updated_at": made}


@router.get("/actions/variables")
def list_variables(ask: Asked) -> Response:
    """By name."""
    found = sorted(ask.require("actions_variables", "read").variables.items())
    return paged(ask, found, lambda pair: _variable(ask, *pair), under="variables")


@router.get("/actions/organization-variables")
def list_shared_variables(ask: Asked) -> Response:
    """Those of the owner, by name; at most 30 in a page."""
    found = sorted(ask.require("actions_variables", "read").owner.variables.items())
    return paged(ask, found, lambda pair: _variable(ask, *pair), under="variables", most=30)


@router.post("/actions/variables")
def create_variable(ask: Asked) -> Response:
    """409 when it exists."""
    repo, name = ask.require("actions_variables", "write"), ask.text("name").upper()
    if name in repo.variables:
        raise Refused(409, "Already exists - Variable already exists")
    repo.variables[name] = ask.text("value")
    return answer({}, 201)


@router.get("/actions/variables/{name}")
def get_variable(ask: Asked, name: str) -> Response:
    """404 when there is none."""
    repo = ask.require("actions_variables", "read")
    if name.upper() not in repo.variables:
        raise not_found()
    return answer(_variable(ask, name.upper(), repo.variables[name.upper()]))


@router.patch("/actions/variables/{name}")
def edit_variable(ask: Asked, name: str) -> Response:
    """A new value."""
    repo = ask.require("actions_variables", "write")
    if name.upper() not in repo.variables:
        raise not_found()
    repo.variables[name.upper()] = ask.text("value")
    return done()


@router.delete("/actions/variables/{name}")
def delete_variable(ask: Asked, name: str) -> Response:
    """404 when there is none."""
    if ask.require("actions_variables", "write").variables.pop(name.upper(), None) is None:
        raise not_found()
    return done()
