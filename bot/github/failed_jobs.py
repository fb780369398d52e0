"""The story of reading red CI: which jobs of the repository's own workflows failed on a commit.

With `actions: read` alone: checks of other services are shown on the pull request, but a job's token may not read them.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from bot.core.ci import RED
from bot.core.model import Json
from bot.core.rounds import FailedJob
from bot.github.exchange import Story, get

MOST_RUNS, MOST_JOBS = 5, 5
MOST_LINES = 80
"""Lines of a log that are kept: where it ends is where it failed."""

_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)


def read_failed_jobs(repo: str, oid: str, *, workflow: str) -> Story[tuple[tuple[int, FailedJob], ...]]:
    """The failed jobs of `oid`'s newest runs with their ids, our own `workflow`'s apart; none where GitHub says none."""
    base = f"/repos/{repo}/actions"
    answer = yield get(f"{base}/runs?head_sha={oid}&per_page=100")
    listed = answer.body.get("workflow_runs") if answer.ok and isinstance(answer.body, dict) else None
    found: list[tuple[int, FailedJob]] = []
    for run in _failed_runs(listed or (), workflow)[:MOST_RUNS]:
        answer = yield get(f"{base}/runs/{int(run['id'])}/jobs?filter=latest&per_page=100")
        jobs = answer.body.get("jobs") if answer.ok and isinstance(answer.body, dict) else None
        for job in jobs or ():
            if job.get("conclusion") in RED and len(found) < MOST_JOBS:
                found.append((int(job["id"]), _failed(run, job)))
    return tuple(found)


def _failed_runs(listed: Iterable[Json], workflow: str) -> list[Json]:
    """The newest run of each workflow and event, where it failed. GitHub lists the newest first.

    Anybody can open a pull request from a fork whose branch is at our commit: what CI says of that is not of ours.
    """
    newest: dict[tuple[object, object], Json] = {}
    for run in listed:
        if _of_a_fork(run):
            continue
        if not str(run.get("path") or "").partition("@")[0].endswith(f"/{workflow}"):
            newest.setdefault((run.get("workflow_id"), run.get("event")), run)
    return [run for run in newest.values() if run.get("conclusion") in RED]


def _of_a_fork(run: Json) -> bool:
    """Its branch is in another repository, or that is gone."""
    return (run.get("head_repository") or {}).get("id") != (run.get("repository") or {}).get("id")


def with_log(job: FailedJob, text: str) -> FailedJob:
    """`job` with the end of its log `text`, without the times that GitHub puts before each line."""
    lines = _STAMP.sub("", text).rstrip().splitlines()[-MOST_LINES:]
    return replace(job, log="\n".join(lines))


def _failed(run: Json, job: Json) -> FailedJob:
    steps = tuple(str(step["name"]) for step in job.get("steps") or () if step.get("conclusion") in RED)
    return FailedJob(str(run.get("name") or ""), str(job["name"]), str(job["conclusion"]), steps)
