"""JSON of workflows, runs, jobs and artifacts."""

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.sandbox.records import Json, Repo
from bot.sandbox.repos import ZERO
from bot.sandbox.runs import Artifact, Job, Step, Workflow, WorkflowRun
from bot.sandbox.shapes.accounts import stamp, user
from bot.sandbox.shapes.pulls import pull_minimal
from bot.sandbox.shapes.repos import commit_facts, page_url, repo_url, repository_lite

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

ACTIONS_APP_ID = 15368
"""The App `github-actions`, on every GitHub."""


def workflow(hub: "Hub", repo: Repo, record: Workflow) -> Json:
    """A workflow file."""
    made = stamp(record.created_at)
    page = page_url(hub, repo)
    return {
        "id": record.id,
        "node_id": record.node_id,
        "name": record.name,
        "path": record.path,
        "state": "active" if record.enabled else "disabled_manually",
        "created_at": made,
        "updated_at": made,
        "url": f"{repo_url(hub, repo)}/actions/workflows/{record.id}",
        "html_url": f"{page}/blob/{repo.default_branch}/{record.path}",
        "badge_url": f"{page}/workflows/{record.name.replace(' ', '%20')}/badge.svg",
    }


def run(hub: "Hub", record: WorkflowRun) -> Json:
    """A run, in REST and in payloads."""
    repo = record.repo
    api = f"{repo_url(hub, repo)}/actions/runs/{record.id}"
    return {
        "id": record.id,
        "name": record.name,
        "display_title": record.display_title,
        "node_id": record.node_id,
        "check_suite_id": record.id,
        "check_suite_node_id": f"CS_{record.node_id}",
        "head_branch": record.head_branch,
        "head_sha": record.head_oid,
        "path": record.workflow.path,
        "run_number": record.run_number,
        "run_attempt": record.run_attempt,
        "referenced_workflows": [],
        "event": record.event,
        "status": record.status,
        "conclusion": record.conclusion or None,
        "workflow_id": record.workflow.id,
        "url": api,
        "html_url": f"{page_url(hub, repo)}/actions/runs/{record.id}",
        "pull_requests": _pulls(hub, record),
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "run_started_at": stamp(record.started_at or record.created_at),
        "actor": user(hub, record.actor),
        "triggering_actor": user(hub, record.actor),
        "jobs_url": f"{api}/jobs",
        "logs_url": f"{api}/logs",
        "check_suite_url": f"{repo_url(hub, repo)}/check-suites/{record.id}",
        "artifacts_url": f"{api}/artifacts",
        "cancel_url": f"{api}/cancel",
        "rerun_url": f"{api}/rerun",
        "previous_attempt_url": f"{api}/attempts/{record.run_attempt - 1}" if record.run_attempt > 1 else None,
        "workflow_url": f"{repo_url(hub, repo)}/actions/workflows/{record.workflow.id}",
        "head_commit": _head_commit(repo, record.head_oid),
        "repository": repository_lite(hub, repo),
        "head_repository": repository_lite(hub, repo),
    }


def _pulls(hub: "Hub", record: WorkflowRun) -> list[Json]:
    found = hub.pulls.open_for(record.repo, record.head_branch)
    return [pull_minimal(hub, found)] if found is not None else []


def _head_commit(repo: Repo, oid: str) -> Json:
    facts = commit_facts(repo, oid)
    people = {role: {key: facts[role][key] for key in ("name", "email")} for role in ("author", "committer")}
    shown: Json = {"id": oid, "tree_id": facts["tree"], "message": facts["message"]}
    return shown | {"timestamp": facts["committer"]["date"], **people}


def check_suite(hub: "Hub", record: WorkflowRun) -> Json:
    """The check suite of a run (one each), as payloads have it."""
    repo = record.repo
    api = f"{repo_url(hub, repo)}/check-suites/{record.id}"
    return {
        "id": record.id,
        "node_id": f"CS_{record.node_id}",
        "head_branch": record.head_branch,
        "head_sha": record.head_oid,
        "status": "completed" if record.status == "completed" else "in_progress",
        "conclusion": record.conclusion or None,
        "url": api,
        "before": ZERO,
        "after": record.head_oid,
        "pull_requests": _pulls(hub, record),
        "app": actions_app(hub),
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
        "rerequestable": True,
        "runs_rerequestable": False,
        "latest_check_runs_count": len(record.jobs),
        "check_runs_url": f"{api}/check-runs",
        "head_commit": _head_commit(repo, record.head_oid),
    }


def actions_app(hub: "Hub") -> Json:
    """The App whose checks Actions' jobs are."""
    made = stamp(hub.actions_bot.created_at)
    return {
        "id": ACTIONS_APP_ID,
        "slug": "github-actions",
        "node_id": "A_actions",
        "owner": user(hub, hub.ghost),
        "name": "GitHub Actions",
        "description": "",
        "external_url": hub.url,
        "html_url": f"{hub.url}/apps/github-actions",
        "created_at": made,
        "updated_at": made,
        "permissions": {},
        "events": [],
    }


def job(hub: "Hub", record: Job) -> Json:
    """A job of a run."""
    its_run = record.run
    api = repo_url(hub, its_run.repo)
    return {
        "id": record.id,
        "run_id": its_run.id,
        "run_url": f"{api}/actions/runs/{its_run.id}",
        "run_attempt": its_run.run_attempt,
        "node_id": record.node_id,
        "head_sha": its_run.head_oid,
        "head_branch": its_run.head_branch,
        "workflow_name": its_run.name,
        "url": f"{api}/actions/jobs/{record.id}",
        "html_url": f"{page_url(hub, its_run.repo)}/actions/runs/{its_run.id}/job/{record.id}",
        "status": record.status,
        "conclusion": record.conclusion or None,
        "created_at": stamp(record.created_at),
        "started_at": stamp(record.started_at or record.created_at),
        "completed_at": stamp(record.completed_at),
        "name": record.name,
        "steps": [_step(step) for step in record.steps],
        "check_run_url": f"{api}/check-runs/{record.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "sandbox",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    }


def _step(record: Step) -> Json:
    return {
        "name": record.name,
        "status": record.status,
        "conclusion": record.conclusion or None,
        "number": record.number,
        "started_at": stamp(record.started_at),
        "completed_at": stamp(record.completed_at),
    }


def artifact(hub: "Hub", record: Artifact) -> Json:
    """An artifact of a run."""
    api = f"{repo_url(hub, record.run.repo)}/actions/artifacts/{record.id}"
    made = stamp(record.created_at)
    repo_id = record.run.repo.id
    return {
        "id": record.id,
        "node_id": record.node_id,
        "name": record.name,
        "size_in_bytes": record.size,
        "url": api,
        "archive_download_url": f"{api}/zip",
        "expired": False,
        "digest": record.digest,
        "created_at": made,
        "updated_at": made,
        "expires_at": stamp(record.created_at + timedelta(days=90)),
        "workflow_run": {
            "id": record.run.id,
            "repository_id": repo_id,
            "head_repository_id": repo_id,
            "head_branch": record.run.head_branch,
            "head_sha": record.run.head_oid,
        },
    }
