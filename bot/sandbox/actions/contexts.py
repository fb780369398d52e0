"""What a run knows of itself: the `github`, `vars`, `secrets` and `job` contexts, and the same as environment."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.sandbox.actions.expressions import Partial
from bot.sandbox.actions.workflow import Source
from bot.sandbox.runs import WorkflowRun

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def of_run(hub: "Hub", run: WorkflowRun, source: Source) -> dict[str, Any]:
    """The contexts of the workflow that was started (called ones get their own `inputs` and `secrets`)."""
    repo = run.repo
    with hub.lock:
        return {
            "github": {
                "event_name": run.event,
                "event": run.payload,
                "repository": repo.full_name,
                "repository_owner": repo.owner.login,
                "repository_id": str(repo.id),
                "actor": run.actor.login,
                "actor_id": str(run.actor.id),
                "triggering_actor": run.actor.login,
                "ref": f"refs/heads/{run.head_branch}",
                "ref_name": run.head_branch,
                "ref_type": "branch",
                "sha": run.head_oid,
                "run_id": str(run.id),
                "run_number": str(run.run_number),
                "run_attempt": str(run.run_attempt),
                "workflow": str(source.document.get("name") or source.path),
                "workflow_ref": f"{repo.full_name}/{source.path}@refs/heads/{run.head_branch}",
                "workflow_sha": run.head_oid,
                "server_url": hub.url,
                "api_url": hub.api_url,
                "graphql_url": hub.graphql_url,
            },
            "vars": {**repo.owner.variables, **repo.variables},
            "secrets": dict(repo.secrets),
        }


def of_job_file(source: Source) -> Partial:
    """The `job` context as far as it tells where the job's workflow file came from; act knows the rest of it."""
    return Partial(
        workflow_repository=source.repository,
        workflow_sha=source.sha,
        workflow_file_path=source.path,
        workflow_ref=f"{source.repository}/{source.path}@{source.sha}",
    )


def environment(github: Mapping[str, Any]) -> dict[str, str]:
    """GitHub's own variables that act does not set, or sets to what is not ours."""
    names = (
        "actor_id", "api_url", "graphql_url", "ref", "repository", "repository_id", "repository_owner", "run_attempt",
        "run_id", "run_number", "server_url", "triggering_actor", "workflow", "workflow_ref", "workflow_sha",
    )  # fmt: skip
    return {f"GITHUB_{name.upper()}": str(github[name]) for name in names}
