"""How often GitHub's API is asked for one issue, from the label to Done, through the real three jobs.

The workflow file runs (through `act`), every job with its own token; the sandbox counts what each of them asks.
Git's own requests (clone, push) do not count against the API's limits and are shown apart.
"""

import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.sandboxed import BODY, CONFIG, FILES, NAME, OWNER, TITLE, isolation, passed_on, put_away, script
from benchmarks.tables import goal, show
from bot.sandbox.requests import Request
from bot.sandbox.stage import Setting, Stage, raise_curtain

GOAL = 12
JOBS = ("gate", "work", "publish")
KINDS = ("GraphQL", "GET", "POST", "PATCH", "PUT", "DELETE")

CLAUDE_CODE_ACTION = 13
"""API requests of claude-code-action from the mention to its link, without progress updates; it opens no pull request."""
LEAST = 4
"""The least that can be done with: comment, one GraphQL read, pull request, comment again; no safety re-read."""

PATIENCE = 120.0


def main(_runs: int) -> None:
    """Measure and print."""
    first, asked = _stories(2)
    api = [request for request in asked if request.door != "git"]
    per = Counter((request.job, kind(request)) for request in api)
    kinds = [each for each in KINDS if any(per[job, each] for job in JOBS)]
    rows = [(job, *(str(per[job, each]) for each in kinds), str(sum(per[job, each] for each in kinds))) for job in JOBS]
    total = len(api)
    rows.append(("all", *(str(sum(per[job, each] for job in JOBS)) for each in kinds), str(total)))
    git = sum(request.door == "git" for request in asked)
    show(
        "GitHub API requests for one issue, label to Done",
        ("job", *kinds, "sum"),
        rows,
        f"goal <= {GOAL}: {goal(total, GOAL)}; beside them {git} HTTP requests of git",
        f"the first issue of a repository: {sum(request.door != 'git' for request in first)}, for its labels are made then",
        f"claude-code-action: {CLAUDE_CODE_ACTION} ({total / CLAUDE_CODE_ACTION:.2f} x), one more for each progress"
        " update, and no pull request; least possible without a second look at anything:"
        f" {LEAST} ({total / LEAST:.2f} x)",
    )
    for request in api:
        print(f"    {request.job:8} {request.method:6} {request.path}")
    assert total == sum(per.values()) == sum(per[job, each] for job in JOBS for each in kinds), per


def _stories(count: int) -> list[tuple[Request, ...]]:
    """Label an issue and wait for Done, one after the other; everything that was asked for each."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as folder:
        Path(folder).chmod(0o755)
        setting = Setting(NAME, OWNER, files=FILES, config=CONFIG % isolation(), env=passed_on())
        with raise_curtain(Path(folder), setting, script()) as stage:
            return [_story(stage) for _ in range(count)]


def _story(stage: Stage) -> tuple[Request, ...]:
    issue = stage.issue(TITLE, BODY)
    stage.hub.requests.clear()
    stage.label(issue)
    stage.actions.wait_idle(PATIENCE)
    said = stage.verdicts(issue)
    if len(said) != 1 or not said[0].startswith("Done"):
        raise SystemExit(f"The issue did not end Done: {said or stage.status(issue)}")
    assert not stage.hub.requests.unknown, stage.hub.requests.unknown
    asked = stage.hub.requests.all()
    put_away(stage.hub, stage.repo, issue)
    stage.actions.wait_idle(PATIENCE)  # closing wakes the gate
    return asked


def kind(request: Request) -> str:
    """One of `KINDS`."""
    return "GraphQL" if request.door == "graphql" else request.method
