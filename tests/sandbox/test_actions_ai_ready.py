"""Our own workflow file and action.yml in the sandbox's Actions, with a stub in place of the `ai-ready` command."""

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.sandbox.server import serve
from tests.sandbox.actions_stage import Stage, conclusions, logs, on_stage

ROOT = Path(__file__).parents[2]
ADMISSION = '{"issue": 7, "title": "it\'s }} {0} ${{ x }}", "nested": {"deep": {}}}'
STUB = f'''#!/usr/bin/env python3
"""Says what it was called with; does what the folder of the test tells it to."""
import hashlib, json, os, pathlib, signal, sys, time, urllib.error, urllib.request

step, here = sys.argv[1], pathlib.Path(__file__).parent
(here / step).write_text(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ), "stdin": os.isatty(0)}}))

def ask(method, path, body):
    request = urllib.request.Request(os.environ["GITHUB_API_URL"] + path, method=method, data=json.dumps(body).encode())
    request.add_header("Authorization", "Bearer " + os.environ["GITHUB_TOKEN"])
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code

def put(**outputs):
    with open(os.environ["GITHUB_OUTPUT"], "a") as file:
        for name, value in outputs.items():
            file.write(f"{{name}}<<mark\\n{{value}}\\nmark\\n")

repo = "/repos/" + os.environ["GITHUB_REPOSITORY"]
answers = {{
    "label": ask("POST", repo + "/labels", {{"name": "by-" + step, "color": "ffffff"}}),
    "ref": ask("POST", repo + "/git/refs", {{"ref": "refs/heads/by-" + step, "sha": os.environ["GITHUB_SHA"]}}),
    "dispatch": ask("POST", repo + "/actions/workflows/other.yml/dispatches", {{"ref": "main"}}),
}}
(here / (step + ".answers")).write_text(json.dumps(answers))
print("this is", step, flush=True)
if (here / (step + ".hang")).exists():
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    time.sleep(60)
if step == "gate":
    put(admitted=str(not (here / "refuse").exists()).lower(), issue="7", run_key="7-L1-1", job_minutes="9",
        admission={ADMISSION!r})
if step == "work":
    out = pathlib.Path(sys.argv[3]); out.mkdir(parents=True)
    (out / "outcome.json").write_text("{{}}"); (out / "work.bundle").write_bytes(b"bundle")
    put(outcome_sha256="a" * 64, bundle_sha256="b" * 64)
if step == "publish":
    print("found", sorted(path.name for path in pathlib.Path(sys.argv[3]).glob("*")))
sys.exit((here / (step + ".fail")).exists())
'''
OTHER = "name: other\non: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"


@contextmanager
def bot_on_stage(folder: Path, caller: str = "action-only.yml") -> Iterator[Stage]:
    """The example caller in acme/shop, the sandbox served, and the stub as AI_READY_BIN."""
    stub = folder / "stub" / "ai-ready"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    files = {"ai-ready.yml": (ROOT / "examples" / caller).read_text(), "other.yml": OTHER}
    with on_stage(folder, files, env={"AI_READY_BIN": str(stub)}) as stage, serve(stage.hub):
        stage.repo.secrets["ANTHROPIC_API_KEY"] = "sk-ant-canary"
        stage.repo.variables |= {"AI_READY_PAUSED": "false", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/model"}
        yield stage


def call(folder: Path, step: str) -> dict[str, Any]:
    """What the stub was called with."""
    found: dict[str, Any] = json.loads((folder / "stub" / step).read_text())
    return found


def answers(folder: Path, step: str) -> dict[str, int]:
    """What the sandbox answered the stub's writes."""
    found: dict[str, int] = json.loads((folder / "stub" / f"{step}.answers").read_text())
    return found


def test_a_label_goes_through_gate_work_and_publish(tmp_path: Path) -> None:
    """Each step gets what the one before it found, its own permissions and nobody else's keys."""
    with bot_on_stage(tmp_path) as stage:
        stage.label("ai-ready")
        runs = stage.finished()

    [run] = [run for run in runs if run.workflow.path.endswith("ai-ready.yml")]
    assert (run.conclusion, logs(run).count("this is")) == ("success", 3), logs(run)
    assert list(conclusions(run)) == ["ai-ready / gate", "ai-ready / work", "ai-ready / publish"]
    assert run.display_title == "ai-ready: #1 labeled"
    gate, work, publish = (call(tmp_path, step) for step in ("gate", "work", "publish"))
    assert (gate["argv"], gate["env"]["AI_READY_ISSUE"], gate["env"]["AI_READY_PAUSED"]) == (["gate"], "", "false")
    assert work["argv"][:2] == ["work", "--out"]
    assert work["env"]["AI_READY_ADMISSION"] == ADMISSION
    assert work["env"]["ANTHROPIC_API_KEY"] == "sk-ant-canary"
    assert work["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9/model"
    assert "CLAUDE_CODE_OAUTH_TOKEN" not in work["env"]
    assert publish["argv"][:2] == ["publish", "--in"]
    assert publish["env"]["AI_READY_OUTCOME_SHA256"] == "a" * 64
    assert publish["env"]["AI_READY_BUNDLE_SHA256"] == "b" * 64
    assert publish["env"]["AI_READY_WORK_RESULT"] == "success"
    assert "found ['outcome.json', 'work.bundle']" in logs(run)
    assert "sk-ant-canary" not in json.dumps([gate, publish]) + logs(run)


def test_each_job_may_do_exactly_what_it_needs(tmp_path: Path) -> None:
    """Labels need issues: write, refs contents: write, dispatches actions: write; work has none of them."""
    with bot_on_stage(tmp_path) as stage:
        stage.label("ai-ready")
        stage.finished()

    assert answers(tmp_path, "gate")["label"] == 201
    assert answers(tmp_path, "gate")["ref"] == 201
    assert answers(tmp_path, "gate")["dispatch"] in (200, 204)
    assert answers(tmp_path, "work") == {"label": 403, "ref": 403, "dispatch": 403}
    assert answers(tmp_path, "publish") == {"label": 201, "ref": 201, "dispatch": 403}


def test_a_refusing_gate_ends_the_run(tmp_path: Path) -> None:
    """Nothing admitted: no work, no publish, and the run is green."""
    with bot_on_stage(tmp_path) as stage:
        (tmp_path / "stub" / "refuse").touch()
        stage.label("ai-ready")
        run = stage.finished()[0]

    assert run.conclusion == "success"
    assert conclusions(run) == {
        "ai-ready / gate": "success",
        "ai-ready / work": "skipped",
        "ai-ready / publish": "skipped",
    }


@pytest.mark.parametrize(("what", "result"), [("work.fail", "failure"), ("work.hang", "cancelled")])
def test_publish_tells_of_a_run_whose_work_did_not_end_well(tmp_path: Path, what: str, result: str) -> None:
    """A failed or cancelled work still reaches publish, with the result of the job and what digests there are."""
    with bot_on_stage(tmp_path) as stage:
        (tmp_path / "stub" / what).touch()
        stage.label("ai-ready")
        if result == "cancelled":
            run = stage.wait_for_run()
            stage.wait_for_log(run, "this is work\n")
            stage.hub.actions.cancel(run)
        run = stage.finished()[0]

    assert conclusions(run) == {
        "ai-ready / gate": "success",
        "ai-ready / work": result,
        "ai-ready / publish": "success",
    }
    assert call(tmp_path, "publish")["env"]["AI_READY_WORK_RESULT"] == result
    assert call(tmp_path, "publish")["env"]["AI_READY_OUTCOME_SHA256"] == ("a" * 64 if result == "failure" else "")


def test_what_is_of_no_interest_costs_no_job(tmp_path: Path) -> None:
    """Other labels, comments without a command and bots' comments end in a skipped run, without any runner."""
    with bot_on_stage(tmp_path) as stage:
        issue = stage.label("bug")
        stage.hub.issues.add_comment(issue, stage.ada, "What about /tmp?")
        app_bot = stage.hub.create_user("dependabot[bot]", bot=True)
        stage.hub.issues.add_comment(issue, stage.hub.tokens.personal(app_bot), "/ai run")
        runs = stage.finished()
        assert [(run.conclusion, len(run.jobs)) for run in runs] == [("skipped", 1)] * 3

        stage.hub.issues.add_comment(issue, stage.ada, "/ai run")
        assert stage.finished()[3].conclusion == "success"
        assert call(tmp_path, "gate")["env"]["GITHUB_EVENT_NAME"] == "issue_comment"


def test_a_dispatch_carries_issue_and_run_key(tmp_path: Path) -> None:
    """The inputs reach gate; the run is found by the key in its name."""
    with bot_on_stage(tmp_path) as stage:
        run = stage.dispatch("ai-ready.yml", issue="7", run_key="7-L1-1")
        stage.finished()

    assert run.display_title == "ai-ready #7 [7-L1-1]"
    env = call(tmp_path, "gate")["env"]
    assert (env["AI_READY_ISSUE"], env["AI_READY_RUN_KEY"]) == ("7", "7-L1-1")


def test_server_mode_has_no_gate(tmp_path: Path) -> None:
    """With an admission given, work and publish run at once with it."""
    with bot_on_stage(tmp_path, "server-mode.yml") as stage:
        run = stage.dispatch("ai-ready.yml", issue="7", run_key="7-L1-1", admission=ADMISSION)
        stage.finished()

    assert conclusions(run) == {
        "ai-ready / gate": "skipped",
        "ai-ready / work": "success",
        "ai-ready / publish": "success",
    }
    assert call(tmp_path, "work")["env"]["AI_READY_ADMISSION"] == ADMISSION
    assert call(tmp_path, "publish")["env"]["AI_READY_ADMISSION"] == ADMISSION
    assert not (tmp_path / "stub" / "gate").exists()


def test_a_caller_that_grants_too_little_does_not_start(tmp_path: Path) -> None:
    """GitHub checks the called jobs' permissions before anything runs: startup_failure, and it says which."""
    caller = yaml.safe_load((ROOT / "examples" / "action-only.yml").read_text())
    caller["jobs"]["ai-ready"]["permissions"]["contents"] = "read"
    caller["on"] = caller.pop(True)
    with on_stage(tmp_path, {"ai-ready.yml": yaml.safe_dump(caller)}) as stage:
        stage.label("ai-ready")
        [run] = stage.finished()

        assert (run.conclusion, run.jobs) == ("startup_failure", [])
        assert (
            "'gate' is requesting 'contents: write', but is only allowed 'contents: read'" in stage.actions.refusals[0]
        )
