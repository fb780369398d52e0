"""Every REST answer parses with githubkit's full models, which know every field that GitHub documents."""

import base64
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from githubkit import GitHub

from bot.sandbox.pulls import part
from bot.sandbox.records import Comment, Hook, Installation, Issue
from bot.sandbox.runs import Artifact, Job, Step, WorkflowRun
from bot.sandbox.server import serve
from tests.sandbox.world import World, small_world

O = ("acme", "shop")  # noqa: E741 - every call begins with it


@dataclass(frozen=True, slots=True)
class Kit:
    """Clients of a person, of the App and of its installation, and the things to ask about."""

    world: World
    me: Any
    app: Any
    bot: Any
    main: str
    tree: str
    issue: Issue
    parent: Issue
    comment: Comment
    pull: Issue
    run: WorkflowRun
    job: Job
    artifact: Artifact
    hook: Hook
    installation: Installation
    clients: list[Any]
    """Kept alive: githubkit's parts hold their client weakly."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    root = tmp_path_factory.mktemp("githubkit")
    world = small_world(root / "hub", step=0.01)
    with serve(world.hub):
        yield furnished(world, root)
    assert world.hub.requests.unknown == []


def furnished(world: World, root: Any) -> Kit:
    hub, shop, ada, bob = world.hub, world.shop, world.by("ada"), world.by("bob")
    app, installation = world.app()
    hub.repos.create_milestone(shop, "M1", ada)
    issue = hub.issues.create(shop, ada, title="one", body="b", labels=["ai-ready"], assignees=["bob"], milestone=1)
    comment = hub.issues.add_comment(issue, bob, "hello")
    history(world, issue, comment)
    parent = world.issue("two")
    hub.links.block(parent, issue, ada)
    hub.links.add_child(parent, issue, ada)
    pull = world.pull(body="Closes #1")
    hub.pulls.request_reviewers(pull, ["ada"], bob)
    hub.reviews.submit(pull, ada, event="REQUEST_CHANGES", body="no", comments=[{"path": "1.txt", "body": "hm"}])
    run, job, artifact = a_run(world, root)
    shop.variables["COLOUR"] = "red"
    hook = hub.repos.add_hook(shop, "http://127.0.0.1:9/none", secret="s", events=("label",))
    main = hub.repos.branch_oid(shop, "main")

    def client(token: str) -> Any:
        return GitHub(token, base_url=hub.api_url, auto_retry=False, http_cache=False)

    tokens = (hub.tokens.personal(hub.user("ada")).value, world.app_jwt(app, seconds=600))
    clients = [client(token) for token in (*tokens, hub.tokens.for_installation(installation).value)]
    me, as_app, as_bot = (one.rest for one in clients)
    return Kit(
        world,
        me=me,
        app=as_app,
        bot=as_bot,
        main=main,
        tree=me.git.get_commit(*O, main).json()["tree"]["sha"],
        issue=issue,
        parent=parent,
        comment=comment,
        pull=pull,
        run=run,
        job=job,
        artifact=artifact,
        hook=hook,
        installation=installation,
        clients=clients,
    )


def history(world: World, issue: Issue, comment: Comment) -> None:
    """One of everything that can happen to an issue (no close: see `list_events` below)."""
    issues, ada = world.hub.issues, world.by("ada")
    issues.edit(issue, ada, title="uno", body="c")
    issues.react(comment, ada, "eyes")
    issues.react(issue, ada, "+1")
    issues.lock(issue, ada, reason="spam")
    issues.set_milestone(issue, None, ada)
    issues.unassign(issue, ["bob"], ada)
    issues.remove_label(issue, "ai-ready", ada)


def a_run(world: World, root: Any) -> tuple[WorkflowRun, Job, Artifact]:
    actions = world.hub.actions
    workflow = actions.find_workflow(world.shop, "ai.yml")
    run = actions.dispatch(world.shop, workflow, world.by("ada"), ref="main", inputs={"issue": "7"})
    job = actions.add_job(run, "gate")
    job.steps.append(Step("Look", 1))
    actions.update_job(job, status="in_progress")
    actions.append_log(job, "hello\n")
    packed = root / "out.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("outcome.json", "{}")
    digest = "sha256:" + hashlib.sha256(packed.read_bytes()).hexdigest()
    return run, job, actions.add_artifact(run, "out", packed, digest)


Call = Callable[[Kit], Any]
READS: dict[str, Call] = {
    "GET user": lambda k: k.me.users.get_authenticated(),
    "GET users/x": lambda k: k.me.users.get_by_username("bob"),
    "GET user/id": lambda k: k.me.users.get_by_id(k.world.hub.user("bob").id),
    "GET user/repos": lambda k: k.me.repos.list_for_authenticated_user(),
    "GET rate_limit": lambda k: k.me.rate_limit.get(),
    "GET repo": lambda k: k.me.repos.get(*O),
    "GET permission": lambda k: k.me.repos.get_collaborator_permission_level(*O, "tim"),
    "GET collaborators": lambda k: k.me.repos.list_collaborators(*O),
    "GET collaborator": lambda k: k.me.repos.check_collaborator(*O, "bob"),
    "GET assignees": lambda k: k.me.issues.list_assignees(*O),
    "GET assignee": lambda k: k.me.issues.check_user_can_be_assigned(*O, "bob"),
    "GET issues": lambda k: k.me.issues.list_for_repo(*O, state="all"),
    "GET issue": lambda k: k.me.issues.get(*O, 1),
    "GET issue comments": lambda k: k.me.issues.list_comments(*O, 1),
    "GET comments": lambda k: k.me.issues.list_comments_for_repo(*O),
    "GET comment": lambda k: k.me.issues.get_comment(*O, k.comment.id),
    # GitHub's published schema knows no state changes in `events`, so this issue was never closed.
    "GET events": lambda k: k.me.issues.list_events(*O, 1),
    "GET timeline": lambda k: k.me.issues.list_events_for_timeline(*O, 1),
    "GET events of a pull request": lambda k: k.me.issues.list_events(*O, k.pull.number),
    "GET repository events": lambda k: k.me.issues.list_events_for_repo(*O),
    "GET issue labels": lambda k: k.me.issues.list_labels_on_issue(*O, 1),
    "GET issue reactions": lambda k: k.me.reactions.list_for_issue(*O, 1),
    "GET comment reactions": lambda k: k.me.reactions.list_for_issue_comment(*O, k.comment.id),
    "GET blocked_by": lambda k: k.me.issues.list_dependencies_blocked_by(*O, k.parent.number),
    "GET blocking": lambda k: k.me.issues.list_dependencies_blocking(*O, 1),
    "GET sub_issues": lambda k: k.me.issues.list_sub_issues(*O, k.parent.number),
    "GET parent": lambda k: k.me.issues.get_parent(*O, 1),
    "GET labels": lambda k: k.me.issues.list_labels_for_repo(*O),
    "GET label": lambda k: k.me.issues.get_label(*O, "bug"),
    "GET milestones": lambda k: k.me.issues.list_milestones(*O),
    "GET milestone": lambda k: k.me.issues.get_milestone(*O, 1),
    "GET pulls": lambda k: k.me.pulls.list(*O),
    "GET pull": lambda k: k.me.pulls.get(*O, k.pull.number),
    "GET files": lambda k: k.me.pulls.list_files(*O, k.pull.number),
    "GET pull commits": lambda k: k.me.pulls.list_commits(*O, k.pull.number),
    "GET reviews": lambda k: k.me.pulls.list_reviews(*O, k.pull.number),
    "GET review comments": lambda k: k.me.pulls.list_review_comments(*O, k.pull.number),
    "GET requested reviewers": lambda k: k.me.pulls.list_requested_reviewers(*O, k.pull.number),
    "GET ref": lambda k: k.me.git.get_ref(*O, "heads/main"),
    "GET matching refs": lambda k: k.me.git.list_matching_refs(*O, "heads/ai/"),
    "GET git commit": lambda k: k.me.git.get_commit(*O, k.main),
    "GET tree": lambda k: k.me.git.get_tree(*O, "main", recursive="1"),
    "GET branches": lambda k: k.me.repos.list_branches(*O),
    "GET branch": lambda k: k.me.repos.get_branch(*O, "ai/issue-1"),
    "GET commits": lambda k: k.me.repos.list_commits(*O),
    "GET commit": lambda k: k.me.repos.get_commit(*O, "main"),
    "GET check runs": lambda k: k.me.checks.list_for_ref(*O, "main"),
    "GET status": lambda k: k.me.repos.get_combined_status_for_ref(*O, "main"),
    "GET pulls of a commit": lambda k: k.me.repos.list_pull_requests_associated_with_commit(*O, "ai/issue-1"),
    "GET compare": lambda k: k.me.repos.compare_commits(*O, "main...ai/issue-1"),
    "GET file": lambda k: k.me.repos.get_content(*O, "README.md"),
    "GET folder": lambda k: k.me.repos.get_content(*O, "src"),
    "GET root": lambda k: k.me.repos.get_content(*O, ""),
    "GET workflows": lambda k: k.me.actions.list_repo_workflows(*O),
    "GET workflow": lambda k: k.me.actions.get_workflow(*O, "ai.yml"),
    "GET runs": lambda k: k.me.actions.list_workflow_runs_for_repo(*O, event="workflow_dispatch"),
    "GET workflow runs": lambda k: k.me.actions.list_workflow_runs(*O, "ai.yml"),
    "GET run": lambda k: k.me.actions.get_workflow_run(*O, k.run.id),
    "GET jobs": lambda k: k.me.actions.list_jobs_for_workflow_run(*O, k.run.id),
    "GET job": lambda k: k.me.actions.get_job_for_workflow_run(*O, k.job.id),
    "GET job logs": lambda k: k.me.actions.download_job_logs_for_workflow_run(*O, k.job.id),
    "GET run logs": lambda k: k.me.actions.download_workflow_run_logs(*O, k.run.id),
    "GET artifacts": lambda k: k.me.actions.list_artifacts_for_repo(*O),
    "GET run artifacts": lambda k: k.me.actions.list_workflow_run_artifacts(*O, k.run.id),
    "GET artifact": lambda k: k.me.actions.get_artifact(*O, k.artifact.id),
    "GET artifact zip": lambda k: k.me.actions.download_artifact(*O, k.artifact.id, "zip"),
    "GET variables": lambda k: k.me.actions.list_repo_variables(*O),
    "GET variable": lambda k: k.me.actions.get_repo_variable(*O, "COLOUR"),
    "GET hooks": lambda k: k.me.repos.list_webhooks(*O),
    "GET hook": lambda k: k.me.repos.get_webhook(*O, k.hook.id),
    "GET hook deliveries": lambda k: k.me.repos.list_webhook_deliveries(*O, k.hook.id),
    "GET app": lambda k: k.app.apps.get_authenticated(),
    "GET apps/slug": lambda k: k.me.apps.get_by_slug("ai-ready"),
    "GET installations": lambda k: k.app.apps.list_installations(),
    "GET installation": lambda k: k.app.apps.get_installation(k.installation.id),
    "GET repo installation": lambda k: k.app.apps.get_repo_installation(*O),
    "GET org installation": lambda k: k.app.apps.get_org_installation("acme"),
    "GET hook config": lambda k: k.app.apps.get_webhook_config_for_app(),
    "GET app deliveries": lambda k: k.app.apps.list_webhook_deliveries(),
    "GET installation repositories": lambda k: k.bot.apps.list_repos_accessible_to_installation(),
}


@pytest.mark.parametrize("call", READS.values(), ids=READS.keys())
def test_reads_parse(kit: Kit, call: Call) -> None:
    answer = call(kit)

    assert answer.status_code in (200, 204)
    if "json" in answer.headers.get("content-type", ""):
        assert answer.parsed_data is not None


def fresh(k: Kit) -> int:
    number: int = k.me.issues.create(*O, title="new", body="x").json()["number"]
    return number


def manifest(k: Kit) -> str:
    asked = {"name": "My App", "default_permissions": {"issues": "write"}, "default_events": ["issues"]}
    return k.world.hub.app_registry.from_manifest(asked, k.world.hub.user("ada"))


def new_commit(k: Kit) -> str:
    sha: str = k.me.git.create_commit(*O, message="m", tree=k.tree, parents=[k.main]).json()["sha"]
    return sha


WRITES: dict[str, Call] = {
    "POST issue": lambda k: k.me.issues.create(*O, title="new", body="x", labels=["bug"], assignees=["bob"]),
    "PATCH issue": lambda k: k.me.issues.update(*O, fresh(k), state="closed", state_reason="not_planned", title="t"),
    "PUT lock": lambda k: k.me.issues.lock(*O, fresh(k), data={"lock_reason": "spam"}),
    "DELETE lock": lambda k: k.me.issues.unlock(*O, fresh(k)),
    "POST comment": lambda k: k.me.issues.create_comment(*O, fresh(k), body="x"),
    "PATCH comment": lambda k: k.me.issues.update_comment(*O, k.comment.id, body="y"),
    "POST labels": lambda k: k.me.issues.add_labels(*O, fresh(k), labels=["bug"]),
    "PUT labels": lambda k: k.me.issues.set_labels(*O, fresh(k), labels=["bug", "ai-ready"]),
    "DELETE labels": lambda k: k.me.issues.remove_all_labels(*O, fresh(k)),
    "POST assignees": lambda k: k.me.issues.add_assignees(*O, fresh(k), assignees=["bob"]),
    "DELETE assignees": lambda k: k.me.issues.remove_assignees(*O, fresh(k), assignees=["bob"]),
    "POST issue reaction": lambda k: k.me.reactions.create_for_issue(*O, fresh(k), content="heart"),
    "POST comment reaction": lambda k: k.me.reactions.create_for_issue_comment(*O, k.comment.id, content="rocket"),
    "POST blocked_by": lambda k: k.me.issues.add_blocked_by_dependency(*O, fresh(k), issue_id=k.issue.id),
    "POST sub_issues": lambda k: k.me.issues.add_sub_issue(
        *O, fresh(k), sub_issue_id=k.me.issues.create(*O, title="child").json()["id"]
    ),
    "POST label": lambda k: k.me.issues.create_label(*O, name="ai-done", color="00ff00"),
    "PATCH label": lambda k: k.me.issues.update_label(*O, "question", new_name="a question?"),
    "DELETE label": lambda k: k.me.issues.delete_label(*O, "documentation"),
    "POST milestone": lambda k: k.me.issues.create_milestone(*O, title="M2"),
    "PATCH milestone": lambda k: k.me.issues.update_milestone(*O, 1, state="closed"),
    "POST review": lambda k: k.me.pulls.create_review(*O, k.pull.number, event="COMMENT", body="ok"),
    "POST reply": lambda k: k.me.pulls.create_reply_for_review_comment(
        *O, k.pull.number, part(k.pull).threads[0].comments[0].id, body="ok"
    ),
    "PATCH pull": lambda k: k.me.pulls.update(*O, k.pull.number, title="x"),
    "POST ref": lambda k: k.me.git.create_ref(*O, ref="refs/heads/ai/claim-7", sha=k.main),
    "PATCH ref": lambda k: k.me.git.update_ref(*O, "heads/ai/claim-7", sha=new_commit(k), force=True),
    "DELETE ref": lambda k: k.me.git.delete_ref(*O, "heads/ai/claim-7"),
    "POST tree": lambda k: k.me.git.create_tree(
        *O, base_tree=k.main, tree=[{"path": "q", "mode": "100644", "type": "blob", "content": "q"}]
    ),
    "POST git commit": lambda k: k.me.git.create_commit(*O, message="m", tree=k.tree, parents=[k.main]),
    "POST blob": lambda k: k.me.git.create_blob(*O, content="zzz"),
    "GET blob": lambda k: k.me.git.get_blob(*O, k.me.git.create_blob(*O, content="zzz").json()["sha"]),
    "PUT file": lambda k: k.me.repos.create_or_update_file_contents(
        *O, "n.txt", message="m", branch="ai/issue-1", content=base64.b64encode(b"hi").decode()
    ),
    "POST dispatch": lambda k: k.me.actions.create_workflow_dispatch(
        *O, "ai.yml", ref="main", inputs={"issue": "1"}, return_run_details=True
    ),
    "POST cancel": lambda k: k.me.actions.cancel_workflow_run(*O, k.run.id),
    "POST rerun": lambda k: k.me.actions.re_run_workflow(*O, k.run.id),
    "POST variable": lambda k: k.me.actions.create_repo_variable(*O, name="SIZE", value="1"),
    "PATCH variable": lambda k: k.me.actions.update_repo_variable(*O, "SIZE", value="2"),
    "DELETE variable": lambda k: k.me.actions.delete_repo_variable(*O, "SIZE"),
    "POST repository dispatch": lambda k: k.me.repos.create_dispatch_event(*O, event_type="ai-ready"),
    "POST hook": lambda k: k.me.repos.create_webhook(*O, config={"url": "http://127.0.0.1:9/x"}, events=["label"]),
    "POST access token": lambda k: k.app.apps.create_installation_access_token(
        k.installation.id, repositories=["shop"], permissions={"issues": "read"}
    ),
    "POST manifest conversion": lambda k: k.app.apps.create_from_manifest(manifest(k)),
    "PUT merge": lambda k: k.me.pulls.merge(*O, k.pull.number),
    "GET merged": lambda k: k.me.pulls.check_if_merged(*O, k.pull.number),
}
"""In this order."""


def test_writes_parse(kit: Kit) -> None:
    for name, call in WRITES.items():
        answer = call(kit)

        assert answer.status_code in (200, 201, 202, 204), name
        if answer.status_code in (200, 201) and "json" in answer.headers.get("content-type", ""):
            assert answer.parsed_data is not None, name
