"""Stories through act: the real workflow files, jobs, tokens, artifacts, cancel signals. Few, because each takes seconds."""

import json
import os
import re
import shutil
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.core.names import LABEL_LOOKS, REQUEST_LABEL
from bot.sandbox.model import Scene, Script, Turn, bash, done, structured, write
from bot.sandbox.records import Issue
from bot.sandbox.runs import Artifact, Job, WorkflowRun
from bot.sandbox.stage import Setting, Stage, raise_curtain
from tests.notify.channel import KEY, Channel, slack_channel
from tests.stories.invariants import check_end, check_secrets
from tests.stories.town import FILES, wait_until

pytestmark = pytest.mark.story

ISOLATION = "auto" if os.geteuid() == 0 else "none"
CONFIG = f"""\
agent: {{model: sonnet, isolation: {ISOLATION}}}
limits: {{usd: 1, minutes: 5, concurrent: 3}}
checks: {{test: "sh check.sh"}}
"""
HELLO = write("hello.py", "print('hello')\n")
OK = Scene("", HELLO, done("Ok."))

Raises = Callable[..., Stage]
"""`raises(script, channel, config)`: with a channel, the repository has its webhook as a secret."""


@pytest.fixture
def stages() -> Iterator[Raises]:
    """Raises the curtain; at the end everything that always holds is checked."""
    root = Path(tempfile.mkdtemp(prefix="ai-ready-story-"))
    root.chmod(0o755)  # the agent's user passes through
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        raised: list[Stage] = []

        def raise_one(script: Script, channel: Channel | None = None, config: str = CONFIG) -> Stage:
            env = {"AI_READY_SLACK_HOSTS": channel.host} if channel else {}
            setting = Setting(files=FILES, config=config, env=env)
            raised.append(stack.enter_context(raise_curtain(root, setting, script)))
            if channel:
                raised[-1].repo.secrets["SLACK_WEBHOOK_URL"] = channel.url
            return raised[-1]

        yield raise_one
        for stage in raised:
            stage.actions.wait_idle(60)
            check_end(stage.hub, stage.repo)
            check_secrets(texts(stage), stage.repo, job_tokens(stage))


@pytest.fixture
def slack() -> Iterator[Channel]:
    with slack_channel() as channel:
        yield channel


def texts(stage: Stage) -> list[str]:
    """Logs, summaries, titles and artifacts of every run."""
    runs = list(stage.hub.actions.runs.values())
    jobs = [job for run in runs for job in run.jobs]
    found = [text for job in jobs for text in ("".join(job.log), job.summary)]
    for run in runs:
        for artifact in run.artifacts:
            folder = artifact.path.with_suffix(".unpacked")
            shutil.unpack_archive(artifact.path, folder)
            found += [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    return [*found, *(run.display_title for run in runs)]


def contents(artifact: Artifact) -> list[str]:
    """Names of the files in an artifact."""
    with zipfile.ZipFile(artifact.path) as archive:
        return sorted(archive.namelist())


def events(run: WorkflowRun) -> list[dict[str, Any]]:
    """What the run told, from its artifact."""
    [log] = [artifact for artifact in run.artifacts if artifact.name.startswith("ai-ready-log-")]
    with zipfile.ZipFile(log.path) as archive:
        return [json.loads(line) for line in archive.read("events.jsonl").splitlines()]


def job_tokens(stage: Stage) -> list[str]:
    """The token of every job so far."""
    return [token.value for token in stage.hub.tokens._by_value.values() if token.kind == "job"]


def runs_with_work(stage: Stage) -> list[WorkflowRun]:
    """Runs that got further than gate, oldest first."""
    runs = sorted(stage.hub.actions.runs.values(), key=lambda run: run.id)
    return [run for run in runs if any(job.name.endswith("work") and job.conclusion != "skipped" for job in run.jobs)]


def gates(stage: Stage) -> list[Job]:
    """Every gate that GitHub began, or dropped, oldest first."""
    runs = sorted(stage.hub.actions.runs.values(), key=lambda run: run.id)
    return [each for run in runs for each in run.jobs if each.name.endswith("gate")]


def job(run: WorkflowRun, name: str) -> Job:
    """A job of a run."""
    return next(each for each in run.jobs if each.name.endswith(name))


def asked(stage: Stage, title: str = "Greet the world") -> Issue:
    """A labelled issue."""
    issue = stage.issue(title, "Say hello.")
    stage.label(issue)
    return issue


def at_work(stage: Stage, requests: int = 1) -> WorkflowRun:
    """The run whose agent has asked the model `requests` times."""
    model = stage.model
    assert model is not None
    wait_until(lambda: sum(one.method == "POST" for one in model.requests) >= requests, "the agent asks the model")
    return runs_with_work(stage)[-1]


def test_from_the_label_to_the_draft(stages: Raises, slack: Channel) -> None:
    """The files a user copies, run as GitHub runs them: three green jobs, a draft, at most 12 requests to GitHub.

    And a word in Slack: the workflow files pass its address on.
    """
    stage = stages(Script(OK), slack)
    for name in LABEL_LOOKS:
        if name != REQUEST_LABEL:  # they are made once in a repository's life, with one more request
            stage.hub.repos.create_label(stage.repo, name)
    issue = asked(stage)

    stage.actions.wait_idle(60)

    [run] = runs_with_work(stage)
    assert {each.name: each.conclusion for each in run.jobs} == {
        "ai-ready / gate": "success",
        "ai-ready / work": "success",
        "ai-ready / publish": "success",
    }
    assert stage.verdicts(issue) == ["Done: draft PR #2 is up for review."]
    handed, log = sorted(run.artifacts, key=lambda artifact: artifact.name)
    assert (handed.name, contents(handed)) == ("ai-ready-1", ["outcome.json", "work.bundle"])
    assert (log.name[:15], contents(log)) == ("ai-ready-log-1-", ["events.jsonl", "summary.md"])
    assert events(run)[-1]["event"] == "verdict"
    assert re.search(r"^##\[group\]\[0:\d\d\] test: \$ sh check\.sh$", "".join(job(run, "work").log), re.MULTILINE)
    assert "### #1 Greet the world: the work has begun" in job(run, "work").summary
    assert "**The work is done.**" in job(run, "work").summary
    assert "Done: draft PR" in job(run, "publish").summary
    assert f"/actions/runs/{run.id}" in stage.bot_comments(issue)[-1]
    asked_for = [one for one in stage.hub.requests.api() if one.job]
    assert len(asked_for) <= 12, [f"{one.job} {one.method} {one.path}" for one in asked_for]

    stage.hub.actions.rerun(run)
    stage.actions.wait_idle(60)

    assert len(stage.pulls()) == 1
    assert len(stage.verdicts(issue)) == 1
    [said] = slack.texts
    assert said.startswith("acme/shop#1 Greet the world: Done: draft PR #2")
    assert [text[:200] for text in texts(stage) if KEY in text] == []


def test_a_plan_is_made_approved_and_done(stages: Raises) -> None:
    """Supervised, by the files a user copies: two runs, and a person in between whom no runner waits for."""
    plans = Scene("You are planning the work", write("sneaky.py", "x"), done("1. Write hello.py."))
    script = Script(plans, Scene("1. Write hello.py.", HELLO, done("As planned.")))
    stage = stages(script, config=f"mode: supervised\n{CONFIG}")
    issue = asked(stage)
    stage.actions.wait_idle(60)
    assert stage.labels(issue) == {"ai-ready", "ai-waiting"}
    assert len(runs_with_work(stage)) == 1

    stage.comment(issue, "/ai approve")
    stage.actions.wait_idle(60)

    assert stage.verdicts(issue) == [
        "Blocked (needs-input): The plan for #1 waits for approval.",
        "Done: draft PR #2 is up for review.",
    ]
    assert stage.labels(issue) == {"ai-done"}
    assert stage.hub.repos.read(stage.repo, "ai/issue-1", "hello.py") == "print('hello')\n"
    assert stage.hub.repos.read(stage.repo, "ai/issue-1", "sneaky.py") is None


def test_a_specification_becomes_issues(stages: Raises) -> None:
    """`/ai init`, by the files a user copies: a run that plans, a person, and a gate that makes the issues."""
    plan = {
        "key": "SHOP-1.1",
        "title": "Log in",
        "description": "With a password.",
        "acceptance_criteria": ["It works"],
        "test_steps": [],
        "priority": "normal",
        "category": "functional",
        "phase": "",
        "prerequisites": [],
    }
    answer = structured({"project": "Shop", "tasks": [plan], "problem": ""})
    stage = stages(Script(Scene("You turn a specification into tasks", answer)))
    issue = stage.hub.issues.create(stage.repo, stage.maintainer, title="The shop", body="People log in.")
    stage.comment(issue, "/ai init")
    stage.actions.wait_idle(60)
    assert stage.labels(issue) == {"ai-waiting"}

    stage.comment(issue, "/ai approve")
    stage.actions.wait_idle(60)

    assert stage.verdicts(issue) == ["Blocked (needs-input): The plan of issues for #1 waits for approval."]
    assert [each.title for each in stage.repo.issues.values()] == ["The shop", "META: Shop", "[SHOP-1.1] Log in"]
    assert stage.repo.issues[3].parent is stage.repo.issues[2]
    assert stage.status(issue).startswith("**Issues made**: #2 keeps 1 issue together.")
    assert stage.labels(issue) == set()


def test_stop_reaches_the_agent(stages: Raises) -> None:
    """`/ai stop`: the signal goes through to Python, everything dies within 7 s, publish says Blocked (cancelled).

    Also where GitHub drops the very gate that the comment started: one was at work, and a newer one waits instead.
    """
    stage = stages(Script(Scene("", HELLO, bash("sleep 4711"))))
    issue = asked(stage)
    run = at_work(stage, requests=2)
    wait_until(lambda: bool(alive("sleep\0004711") and alive(session(stage))), "the agent's command runs")
    assert f"([live log]({stage.hub.url}/acme/shop/actions/runs/{run.id}))" in stage.status(issue)
    said = time.monotonic()
    stage.comment(issue, "/ai status")
    wait_until(lambda: len(gates(stage)) == 2, "its gate begins")
    stage.comment(issue, "/ai stop")
    wait_until(lambda: len(stage.hub.actions.runs) == 3, "its gate waits")
    stage.comment(issue, "/ai why")
    wait_until(lambda: run.cancel_requested, "a gate cancels the run")
    began = time.monotonic()
    wait_until(lambda: job(run, "work").status == "completed", "work ends")
    seconds = time.monotonic() - began
    wait_until(lambda: run.status == "completed", "the run ends")
    in_all = time.monotonic() - said

    stage.actions.wait_idle(60)

    assert seconds < 7
    assert in_all < 20
    assert [each.conclusion for each in gates(stage)] == ["success", "success", "cancelled", "success"]
    assert [[r.content for r in c.reactions] for c in issue.comments if c.body.startswith("/ai")] == [["eyes"]] * 3
    assert job(run, "work").conclusion == "cancelled"
    assert job(run, "publish").conclusion == "success"
    assert run.conclusion == "cancelled"
    assert stage.verdicts(issue) == ["Blocked (cancelled): The run was cancelled."]
    assert stage.labels(issue) == {"ai-blocked"}
    assert stage.hub.repos.read(stage.repo, "ai/issue-1", "hello.py") == "print('hello')\n"
    assert alive("sleep\0004711") == alive(session(stage)) == []
    assert (events(run)[-1]["event"], events(run)[-1]["data"]["reason"]) == ("verdict", "cancelled")


def test_a_work_that_is_killed_leaves_its_log(stages: Raises) -> None:
    """Nothing is handed over, but what was told up to then is there to be read."""
    script = Script(Scene("", HELLO, Turn(delay=60)))
    stage = stages(script)
    issue = asked(stage)
    run = at_work(stage, requests=2)
    script.scenes[:] = [OK]  # it is tried again
    ours = f"work\0--out\0{stage.hub.root.parent}/".encode()  # and nobody else's
    [process] = [path for path in Path("/proc").glob("[0-9]*/cmdline") if ours in _read(path)]
    os.kill(int(process.parent.name), signal.SIGKILL)

    stage.actions.wait_idle(90)

    assert stage.verdicts(issue)[0].startswith("Blocked (runner-lost)")
    assert "write" in str(events(run)).lower()
    assert "verdict" not in [event["event"] for event in events(run)]


def test_a_runner_that_goes_away_is_replaced(stages: Raises) -> None:
    """The machine of `work` vanishes: publish says so and asks for another look, whose run ends Done."""
    script = Script(Scene("", Turn(delay=60)))
    stage = stages(script)
    issue = asked(stage)
    run = at_work(stage)
    script.scenes[:] = [OK]
    stage.actions.lose_runner(run)

    stage.actions.wait_idle(90)

    assert [line.split(":")[0] for line in stage.verdicts(issue)] == ["Blocked (runner-lost)", "Done"]
    assert len(runs_with_work(stage)) == 2
    assert stage.labels(issue) == {"ai-done"}


def test_several_issues_labelled_at_once(stages: Raises) -> None:
    """Gates wait for each other, GitHub drops those in between; still every issue gets its run, and only one."""
    stage = stages(Script(OK))
    issues = [asked(stage, f"Greet number {number}") for number in range(3)]

    stage.actions.wait_idle(110)

    assert [[line.split(":")[0] for line in stage.verdicts(issue)] for issue in issues] == [["Done"]] * 3
    assert len(stage.pulls()) == 3


def session(stage: Stage) -> str:
    """The agent's session id, which is on its command line."""
    assert stage.model is not None
    body = next(one.body for one in stage.model.requests if "metadata" in one.body)
    return str(json.loads(body["metadata"]["user_id"])["session_id"])


def alive(words: str) -> list[str]:
    """Command lines of processes that hold these words."""
    lines = (_read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [line.decode(errors="replace") for line in lines if words.encode() in line]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
