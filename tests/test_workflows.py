"""The workflow files and examples: permissions pinned, actions pinned, no injection, linters clean, inputs that match."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
REUSABLE = ROOT / ".github" / "workflows" / "ai-ready.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
CALLERS = [ROOT / "examples" / "action-only.yml", ROOT / "examples" / "server-mode.yml"]
CUSTOM = ROOT / "examples" / "custom-job.yml"
EVERY = [*WORKFLOWS, *EXAMPLES, ROOT / "action.yml"]

PERMISSIONS = {
    "gate": {"actions": "write", "contents": "write", "issues": "write", "pull-requests": "write"},
    "work": {"actions": "read", "contents": "read", "issues": "read", "pull-requests": "read"},
    "publish": {"contents": "write", "issues": "write", "pull-requests": "write"},
}
"""design.md §2."""

OUR_RELEASE = re.compile(r"OWNER/ai-ready(/\.github/workflows/ai-ready\.yml)?@0{40} # v\d")
"""What the user replaces in an example."""


def load(path: Path) -> dict[str, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def names(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def steps(path: Path) -> list[dict[str, Any]]:
    document = load(path)
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job.get("steps", ())]


@names([REUSABLE, CUSTOM])
def test_jobs_have_exactly_the_permissions_of_the_design(path: Path) -> None:
    """Gate, work and publish hold what design.md says, no more and no less."""
    assert {name: job["permissions"] for name, job in load(path)["jobs"].items()} == PERMISSIONS


def test_every_job_of_ours_has_the_permissions_written_here() -> None:
    """A right that is added anywhere has to be added here, too."""
    found = {(path.name, name): job["permissions"] for path in WORKFLOWS for name, job in load(path)["jobs"].items()}

    assert found == {
        **{("ai-ready.yml", name): permissions for name, permissions in PERMISSIONS.items()},
        ("ci.yml", "ci"): {"contents": "read"},
        ("release.yml", "build"): {"contents": "read"},
        ("release.yml", "release"): {"attestations": "write", "contents": "write", "id-token": "write"},
    }


@names([*WORKFLOWS, *EXAMPLES])
def test_nothing_is_permitted_at_the_top(path: Path) -> None:
    """Every workflow starts from no permission at all."""
    assert load(path)["permissions"] == {}


@names(CALLERS)
def test_callers_grant_what_the_called_jobs_ask_for(path: Path) -> None:
    """Too little would be a startup failure that nobody can comment on; too much is not needed."""
    [job] = load(path)["jobs"].values()
    levels = ("none", "read", "write")
    union = {
        area: max((asked.get(area, "none") for asked in PERMISSIONS.values()), key=levels.index)
        for area in set().union(*PERMISSIONS.values())
    }

    assert job["permissions"] == union


@names([*WORKFLOWS, *EXAMPLES])
def test_no_trigger_runs_foreign_code_with_our_rights(path: Path) -> None:
    """Neither pull_request_target nor workflow_run."""
    assert not set(load(path)["on"]) & {"pull_request_target", "workflow_run"}


@names([*CALLERS, REUSABLE, CUSTOM])
def test_no_event_of_a_pull_request_starts_us(path: Path) -> None:
    """S14: what a fork or Dependabot can cause by itself, no job of ours answers; a comment there is its writer's."""
    asked = {"issues", "issue_comment", "schedule", "workflow_dispatch", "repository_dispatch", "workflow_call"}

    assert set(load(path)["on"]) <= asked


@names(EVERY)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """Every `uses:` is a full commit with its version beside it, or our own checkout made one step before."""
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)

    for uses in used:
        assert (
            re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses)
            or OUR_RELEASE.fullmatch(uses)
            or uses.startswith("./.ai-ready # zizmor: ignore[self-repository]")
        ), uses


@names([REUSABLE, *EXAMPLES, ROOT / "action.yml"])
def test_nothing_is_cached(path: Path) -> None:
    """What an agent's job saves, a trusted workflow of the same repository would restore (R59)."""
    assert "actions/cache" not in path.read_text()
    setups = [step["with"] for step in steps(path) if "/setup-" in step.get("uses", "")]
    assert [given for given in setups if given.get("cache") or given["package-manager-cache"] is not False] == []


@names(EVERY)
def test_no_expression_reaches_a_shell(path: Path) -> None:
    """`run:` holds no `${{ }}`: values go through `env:`."""
    assert [step for step in steps(path) if "${{" in str(step.get("run", ""))] == []


@names([*WORKFLOWS, *EXAMPLES])
def test_checkouts_keep_no_credentials(path: Path) -> None:
    """Every checkout says persist-credentials: false."""
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]

    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_our_own_code_is_what_the_workflow_came_from() -> None:
    """Every job uses the repository and commit of this very workflow file; nothing known means a checkout that fails."""
    checkouts = [step["with"] for step in steps(REUSABLE) if step.get("uses", "").startswith("actions/checkout@")]

    assert len(checkouts) == len(PERMISSIONS)
    for given in checkouts:
        assert given["repository"].startswith("${{ job.workflow_repository || inputs.ai_ready_repository || '")
        assert given["ref"] == "${{ job.workflow_sha || inputs.ai_ready_ref }}"
        assert given["path"] == ".ai-ready"


@names([REUSABLE, CUSTOM])
def test_groups_let_stop_through(path: Path) -> None:
    """One gate at a time per repository, one work per issue, none around both, nothing cancels what runs."""
    document = load(path)
    groups = {name: job.get("concurrency", {}) for name, job in document["jobs"].items()}

    assert "concurrency" not in document
    assert groups["gate"] == {"group": "ai-ready-gate", "cancel-in-progress": False}
    assert groups["work"]["group"].startswith("ai-ready-work-${{ needs.gate.outputs.issue")
    assert groups["work"]["cancel-in-progress"] is False
    assert "issue" not in groups["publish"].get("group", "")


@names([REUSABLE, CUSTOM])
def test_publish_always_runs_once_gate_admitted(path: Path) -> None:
    """The job and each of its steps run whatever became of work."""
    publish = load(path)["jobs"]["publish"]

    assert publish["if"].startswith("${{ always() && ")
    assert "needs.gate.outputs.admitted == 'true'" in publish["if"]
    assert all(step["if"].startswith("${{ always()") for step in publish["steps"])


def uploads(path: Path) -> list[dict[str, Any]]:
    found = [step for step in steps(path) if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert all(each["with"]["path"].count("steps.work.outputs.directory") == 2 for each in found)
    return found


def named(step: dict[str, Any]) -> list[str]:
    """Names of the files that a step uploads."""
    return [line.rpartition("/")[2] for line in step["with"]["path"].splitlines()]


@names([REUSABLE, CUSTOM])
def test_the_log_of_a_run_is_kept_whatever_became_of_it(path: Path) -> None:
    """Under a name of its own, which nobody downloads; what publish takes has only what publish reads."""
    handed, log = uploads(path)
    taken = [step["with"]["name"] for step in steps(path) if "download-artifact" in step.get("uses", "")]

    assert log["if"] == "${{ always() }}"
    assert named(log) == ["events.jsonl", "summary.md"]
    assert log["with"]["name"].startswith("ai-ready-log-${{ needs.gate.outputs.run_key")
    assert log["with"]["if-no-files-found"] == "ignore"
    assert named(handed) == ["outcome.json", "work.bundle"]
    assert taken == [handed["with"]["name"]]


@names([REUSABLE, CUSTOM])
def test_keys_reach_work_alone(path: Path) -> None:
    """No job but work has a key of the model in it; the others have Slack's address at most."""
    jobs = load(path)["jobs"].items()
    having = {name: {secret.lower() for secret in re.findall(r"secrets\.(\w+)", str(job))} for name, job in jobs}

    assert having["gate"] == having["publish"] == {"slack_webhook_url"}
    assert "anthropic_api_key" in having["work"]


@names([REUSABLE, CUSTOM])
def test_steps_pass_only_inputs_that_the_action_has(path: Path) -> None:
    """`with:` of our steps names inputs of action.yml; `steps.….outputs.…` names its outputs."""
    action = load(ROOT / "action.yml")
    ours = [step for step in steps(path) if "step" in step.get("with", {})]

    assert [step["with"]["step"] for step in ours] == ["gate", "work", "publish"]
    for step in ours:
        assert set(step["with"]) <= set(action["inputs"])
    read = set(re.findall(r"steps\.(?:gate|work)\.outputs\.([\w-]+)", path.read_text()))
    assert read <= set(action["outputs"])


@names(CALLERS)
def test_callers_pass_only_what_the_reusable_workflow_takes(path: Path) -> None:
    """Inputs and secrets of the call exist; what a dispatch passes is declared."""
    [job] = load(path)["jobs"].values()
    call = load(REUSABLE)["on"]["workflow_call"]
    dispatched = load(path)["on"]["workflow_dispatch"]["inputs"]

    assert set(job["with"]) <= set(call["inputs"])
    assert set(job["secrets"]) == set(call["secrets"])
    assert set(re.findall(r"inputs\.(\w+)", path.read_text())) <= set(dispatched)
    assert {"issue", "run_key"} <= set(dispatched)


def test_needs_of_jobs_are_met() -> None:
    """What a job reads of another is an output that the other has."""
    for path in (REUSABLE, CUSTOM):
        jobs = load(path)["jobs"]
        for other, name in re.findall(r"needs\.(\w+)\.outputs\.(\w+)", path.read_text()):
            assert name in jobs[other]["outputs"], f"{path.name}: {other}.{name}"


@names([*CALLERS, CUSTOM])
def test_the_run_key_is_in_the_run_name(path: Path) -> None:
    """A dispatched run can be found again by its key in brackets."""
    run_name = load(path)["run-name"]

    assert "inputs.run_key" in run_name
    assert "[{1}]" in run_name or "[${{ inputs.run_key }}]" in run_name


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_zizmor_finds_nothing() -> None:
    """The strictest persona, offline, over everything a user might copy."""
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--persona", "pedantic", "--no-progress", *map(str, EVERY)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("vendor.github-workflows", [*WORKFLOWS, *EXAMPLES]), ("vendor.github-actions", [ROOT / "action.yml"])],
    ids=["workflows", "actions"],
)
def test_the_files_fit_githubs_schema(schema: str, paths: list[Path]) -> None:
    """check-jsonschema knows every key."""
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", schema, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
