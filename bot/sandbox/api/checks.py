"""REST: what is known of a commit's checks. Check runs are the jobs of workflow runs on it; there are no old statuses."""

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, paged
from bot.sandbox.errors import Refused
from bot.sandbox.pulls import part
from bot.sandbox.records import Json
from bot.sandbox.runs import Job
from bot.sandbox.shapes.pulls import pull_simple
from bot.sandbox.shapes.repos import repo_url, repository_lite
from bot.sandbox.shapes.runs import actions_app
from bot.sandbox.shapes.runs import job as job_shape

router = APIRouter(prefix="/repos/{owner}/{repo}")


def _oid(ask: Ask, revision: str) -> str:
    oid = ask.hub.repos.resolve(ask.repo, revision)
    if not oid:
        raise Refused(422, f"No commit found for SHA: {revision}")
    return oid


@router.get("/commits/{revision:path}/check-runs")
def list_check_runs(ask: Asked, revision: str) -> Response:
    """The jobs of every workflow run on this commit; `status`, `check_name`."""
    repo, oid, query = ask.require("checks", "read"), _oid(ask, revision), ask.query
    runs = [run for run in ask.hub.actions.listing(repo) if run.head_oid == oid]
    jobs = [job for run in runs for job in run.jobs]
    wanted = [
        job
        for job in jobs
        if query.get("status", job.status) == job.status and query.get("check_name", job.name) == job.name
    ]
    return paged(ask, wanted, lambda job: _check_run(ask, job), under="check_runs")


def _check_run(ask: Ask, job: Job) -> Json:
    shown, api = job_shape(ask.hub, job), repo_url(ask.hub, job.run.repo)
    kept = ("id", "node_id", "head_sha", "name", "status", "conclusion", "started_at", "completed_at", "html_url")
    output = {"title": None, "summary": None, "text": None, "annotations_count": 0}
    return {key: shown[key] for key in kept} | {
        "external_id": job.node_id,
        "url": f"{api}/check-runs/{job.id}",
        "details_url": shown["html_url"],
        "output": output | {"annotations_url": f"{api}/check-runs/{job.id}/annotations"},
        "check_suite": {"id": job.run.id},
        "app": actions_app(ask.hub),
        "pull_requests": [],
    }


@router.get("/commits/{revision:path}/status")
def combined_status(ask: Asked, revision: str) -> Response:
    """Always pending without statuses, as GitHub says of a commit that has none."""
    repo, oid = ask.require("statuses", "read"), _oid(ask, revision)
    api = f"{repo_url(ask.hub, repo)}/commits/{oid}"
    shown = {
        "state": "pending",
        "statuses": [],
        "sha": oid,
        "total_count": 0,
        "commit_url": api,
        "url": f"{api}/status",
    }
    return answer(shown | {"repository": repository_lite(ask.hub, repo)})


@router.get("/commits/{revision:path}/pulls")
def list_pulls_of_commit(ask: Asked, revision: str) -> Response:
    """Pull requests whose head or merge commit this is."""
    repo, oid = ask.require("pull_requests", "read"), _oid(ask, revision)
    found = [one for one in ask.hub.pulls.listing(repo) if oid in (part(one).head_oid, part(one).merge_commit_oid)]
    return paged(ask, found, lambda one: pull_simple(ask.hub, one))
