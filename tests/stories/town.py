"""A small town for whole stories: the served hub, a repository that uses ai-ready, a scripted model, and the three jobs.

What `act` does in the sandbox is played here in this process, a hundred times faster: a trigger event makes a workflow
run, each job gets a token with exactly the permissions of the real workflow file, and what one job writes to
GITHUB_OUTPUT is what the next one gets. git, HTTP, the Claude CLI and the repository's checks are real.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.config import ActionEnv, Step
from bot.core.names import REQUEST_LABEL
from bot.core.run import Outcome
from bot.job.admit import Gate
from bot.job.endgame import End
from bot.job.steps import gate_step, publish_step, work_step
from bot.report import Report
from bot.sandbox.actions.processes import descendants, send
from bot.sandbox.model import Script, ScriptedModel, serve_model
from bot.sandbox.records import Comment, Event, Issue, Repo
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.server import serve
from bot.sandbox.stage import CALLER, MODEL_KEY
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token

REPO = "acme/shop"
ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds after which a story says that something never happens."""
COMMAND = Path(sys.executable).with_name("ai-ready")
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ai-ready.yml").read_text())
PERMISSIONS: dict[str, dict[str, str]] = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
"""What each job's token may do, from the workflow file that users run."""

FILES = {
    "README.md": "# Shop\n",
    "greet.py": 'def greet() -> str:\n    return "hello"\n',
    "check.sh": "test ! -e broken || { cat broken; exit 1; }\n",
}
CONFIG = """\
agent: {model: sonnet, isolation: none}
limits: {usd: 1, minutes: 5}
checks: {test: "sh check.sh"}
"""
"""Without isolation: these stories are about GitHub and git. The wall around the key has tests of its own."""


class Clock:
    """The hub's clock: real time, moved by `shift` where a story needs things to have happened earlier."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    @contextmanager
    def ago(self, seconds: float) -> Iterator[None]:
        """What happens inside happened `seconds` ago."""
        before, self.shift = self.shift, -timedelta(seconds=seconds)
        try:
            yield
        finally:
            self.shift = before


@dataclass
class Town:
    """GitHub, the repository, the model, and the verbs of the people."""

    hub: Hub
    repo: Repo
    model: ScriptedModel
    folder: Path
    clock: Clock
    key: str = MODEL_KEY
    variables: dict[str, str] = field(default_factory=dict)
    """Further environment of every job."""
    events: list[Event] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    """Every job's token, for the search for leaks."""
    admitted: set[str] = field(default_factory=set)
    """Run keys."""
    laptop: Token | None = None
    """Set: a person's own token, with which jobs are done instead of a job's."""
    handled: int = 0
    """How many of `events` were looked at by `next_run`."""

    # ----------------------------------------------------------------------------------------- people

    @property
    def rita(self) -> Token:
        """The maintainer."""
        return self.hub.person("rita")

    @property
    def mallory(self) -> Token:
        """May only read."""
        return self.hub.person("mallory")

    def issue(self, title: str = "Greet the world", body: str = "Say hello to everybody.") -> Issue:
        """The maintainer opens an issue, an hour ago."""
        with self.clock.ago(3600):
            return self.hub.issues.create(self.repo, self.rita, title=title, body=body)

    def label(self, issue: Issue, name: str = REQUEST_LABEL, *, by: Token | None = None) -> None:
        """Somebody (the maintainer) puts a label on."""
        self.hub.issues.add_labels(issue, [name], by or self.rita)

    def asked(self, title: str = "Greet the world", body: str = "Say hello to everybody.") -> Issue:
        """An issue that the maintainer asks for."""
        issue = self.issue(title, body)
        self.label(issue)
        return issue

    def comment(self, issue: Issue, body: str, *, by: Token | None = None) -> Comment:
        """Somebody (the maintainer) comments."""
        return self.hub.issues.add_comment(issue, by or self.rita, body)

    def push(self, files: Mapping[str, str | None], *, branch: str = "main", message: str = "By hand") -> str:
        """A person's commit; its id."""
        return self.hub.repos.commit_files(self.repo, branch, files, self.rita, message)

    def merge(self, pull: Issue) -> None:
        """The maintainer reviews a draft and merges it."""
        self.hub.pulls.set_draft(pull, self.rita, draft=False)
        self.hub.pulls.merge(pull, self.rita)

    # ------------------------------------------------------------------------------ what is to be seen

    def labels(self, issue: Issue) -> set[str]:
        """Names of the issue's labels."""
        return {label.name for label in issue.labels}

    def pulls(self) -> list[Issue]:
        """Every pull request, oldest first."""
        return sorted((i for i in self.repo.issues.values() if i.pull), key=lambda issue: issue.number)

    def said(self, issue: Issue) -> list[str]:
        """Every comment of the bot, oldest first: made with a job's token, or on a laptop with a person's."""
        bot = self.laptop.user if self.laptop else self.hub.actions_bot
        return [c.body for c in issue.comments if c.user is bot and not c.body.startswith("/ai")]

    def verdict_bodies(self, issue: Issue) -> list[str]:
        """The verdict comments."""
        return [body for body in self.said(issue) if "ai-ready:verdict" in body]

    def verdicts(self, issue: Issue) -> list[str]:
        """The first line of each verdict comment."""
        return [body.splitlines()[0] for body in self.verdict_bodies(issue)]

    def verdict(self, issue: Issue) -> str:
        """The first line of the only verdict."""
        [line] = self.verdicts(issue)
        return line

    def status(self, issue: Issue) -> str:
        """The status comment; empty: there is none."""
        return next((body for body in self.said(issue) if "ai-ready:status" in body), "")

    def branch(self, name: str) -> str:
        """The commit a branch is at; empty: there is none."""
        return self.hub.repos.branch_oid(self.repo, name)

    def read(self, branch: str, path: str) -> str | None:
        """A file on a branch."""
        return self.hub.repos.read(self.repo, branch, path)

    def prompts(self) -> list[str]:
        """What the agent told the model, request by request."""
        return [json.dumps(one.body, ensure_ascii=False) for one in self.model.requests if one.method == "POST"]

    # ------------------------------------------------------------------------------------------- runs

    def next_run(self) -> "Run | None":
        """The run of the oldest trigger that nothing was done about yet, or of a dispatch; None: there is none."""
        while self.handled < len(self.events):
            event = self.events[self.handled]
            self.handled += 1
            if _starts(event):
                return self.start(event.name, event.payload)
        waiting = [run for run in self.hub.actions.runs.values() if run.status == "queued"]
        return self._began(min(waiting, key=lambda run: run.id)) if waiting else None

    def start(self, name: str = "schedule", payload: Mapping[str, Any] | None = None) -> "Run":
        """A workflow run that something started; the hour struck where nothing is said."""
        workflow = self.hub.actions.find_workflow(self.repo, "ai-ready.yml")
        return self._began(
            self.hub.actions.create_run(self.repo, workflow, event=name, actor=self.repo.owner, payload=payload or {})
        )

    def _began(self, record: WorkflowRun) -> "Run":
        self.hub.actions.update_run(record, status="in_progress")
        folder = self.folder / "runs" / str(record.id)
        folder.mkdir(parents=True)
        return Run(self, record, folder)

    def settle(self, rounds: int = 20) -> None:
        """Run everything that GitHub Actions would run, one after the other, until nothing is left to start."""
        for _ in range(rounds):
            run = self.next_run()
            if run is None:
                return
            run.all_jobs()
        raise AssertionError(f"not settled after {rounds} runs")

    def environ(self, token: Token, record: WorkflowRun | None, **more: str) -> dict[str, str]:
        """The environment of a job, as the runner and the workflow file make it."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GITHUB_TOKEN": token.value,
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": self.hub.url,
            "GITHUB_REPOSITORY": self.repo.full_name,
            **({"GITHUB_RUN_ID": str(record.id), "GITHUB_EVENT_NAME": record.event} if record else {}),
            **self.variables,
            **more,
        }


@dataclass
class Run:
    """A workflow run under way, job by job."""

    town: Town
    record: WorkflowRun
    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)
    """Of the jobs so far."""

    @property
    def out(self) -> Path:
        """What work hands over."""
        return self.folder / "out"

    @property
    def is_admitted(self) -> bool:
        """Gate said yes."""
        return self.outputs.get("admitted") == "true"

    def all_jobs(self) -> "Run":
        """Gate, and where it admits something work and publish."""
        self.gate()
        if self.is_admitted:
            self.work()
            self.publish()
        self.end()
        return self

    def end(self, conclusion: str = "success") -> None:
        """The run is over."""
        self.town.hub.actions.update_run(self.record, status="completed", conclusion=conclusion)

    # ---------------------------------------------------------------------------------------- the jobs

    def gate(self) -> Gate:
        """The first job."""
        with self._job("gate") as environ:
            came_to = gate_step(ActionEnv.from_environ(environ, Step.GATE), self._report(environ))
            self._take(environ)
        if self.is_admitted:
            self.town.admitted.add(self.outputs["run_key"])
        return came_to

    def work(self) -> Outcome:
        """The second job."""
        with self._job("work") as environ:
            outcome = work_step(ActionEnv.from_environ(environ, Step.WORK), self.out, self._report(environ))
            self._take(environ)
        return outcome

    def publish(self, result: str = "success") -> End:
        """The third job; `result` is how work ended."""
        with self._job("publish", AI_READY_WORK_RESULT=result) as environ:
            return publish_step(ActionEnv.from_environ(environ, Step.PUBLISH), self.out, self._report(environ))

    def process(self, job: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """The same as a process of its own, which can be killed."""
        words = {"gate": (), "work": ("--out", str(self.out)), "publish": ("--in", str(self.out))}[job]
        with (self.folder / f"{job}.log").open("ab") as log:
            return subprocess.Popen(
                (COMMAND, job, *words),
                env={**environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def killed(self, job: str, **more: str) -> Iterator[dict[str, str]]:
        """The environment for a job whose process is killed inside; its token dies with it."""
        with self._job(job, **more) as environ:
            yield environ

    @contextmanager
    def _job(self, job: str, **more: str) -> Iterator[dict[str, str]]:
        town = self.town
        token = town.laptop or town.hub.tokens.for_job(town.repo, PERMISSIONS[job], job=job, run_id=self.record.id)
        town.tokens.append(token)
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.record.payload, default=str))
        files = {
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(self.folder / f"{job}.output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / f"{job}.summary"),
        }
        try:
            yield town.environ(token, self.record, **files, **self._inputs(job), **more)
        finally:
            if not town.laptop:
                town.hub.tokens.revoke(token)

    def _inputs(self, job: str) -> dict[str, str]:
        """What the workflow file passes to a job."""
        out = self.outputs
        if job == "gate":
            inputs = self.record.inputs
            paused = self.town.repo.variables.get("AI_READY_PAUSED", "")
            return {
                "AI_READY_ISSUE": inputs.get("issue", ""),
                "AI_READY_RUN_KEY": inputs.get("run_key", ""),
                "AI_READY_PAUSED": paused,
            }
        admission = {"AI_READY_ADMISSION": out["admission"]}
        if job == "work":
            return {**admission, "ANTHROPIC_API_KEY": self.town.key, "ANTHROPIC_BASE_URL": self.town.model.url}
        digests = {f"AI_READY_{name.upper()}": out.get(name, "") for name in ("outcome_sha256", "bundle_sha256")}
        return {**admission, **digests}

    def _report(self, environ: Mapping[str, str]) -> Report:
        return Report(Path(environ["GITHUB_OUTPUT"]), Path(environ["GITHUB_STEP_SUMMARY"]), annotate=True)

    def _take(self, environ: Mapping[str, str]) -> None:
        """Read a job's outputs."""
        path = Path(environ["GITHUB_OUTPUT"])
        text = path.read_text() if path.exists() else ""
        found = re.findall(r"^([a-z0-9_]+)<<(\S+)\n(.*?)\n\2$", text, re.MULTILINE | re.DOTALL)
        self.outputs.update({name: value for name, _, value in found})


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what a process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL to a process and all that it started, as when a machine goes away."""
    pids = [*descendants(process.pid), process.pid]
    left = {folder for pid in pids if (folder := _run_folder(pid)) is not None}
    send(pids, signal.SIGKILL)
    process.wait()
    for folder in left:  # nobody else will: on a hosted runner the whole machine is thrown away
        shutil.rmtree(folder, ignore_errors=True)


def _run_folder(pid: int) -> Path | None:
    """The folder of `ai-ready work` in which a process stands; None: it stands elsewhere."""
    try:
        at = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:  # it ended meanwhile
        return None
    return next((each for each in (at, *at.parents) if each.name.startswith("ai-ready-")), None)


def _starts(event: Event) -> bool:
    """Whether examples/action-only.yml runs a job for it."""
    if event.token_kind == "job":
        return event.name == "repository_dispatch"
    match event.name, event.action:
        case "issues", "labeled":
            return bool(event.payload["label"]["name"] == REQUEST_LABEL)
        case "issues", "closed" | "reopened":
            return True
        case "issue_comment", "created":
            comment = event.payload["comment"]
            return "/ai" in comment["body"] and comment["user"]["type"] != "Bot"
    return False


STAND_IN = """\
#!/bin/sh
[ "$1" = --version ] && { echo "2.1.329 (Claude Code)"; exit; }
cat > /dev/null
{does}
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":1,\
"total_cost_usd":0.01,"structured_output":{answer}}'
"""
HELLO = """echo "print('hello')" > hello.py"""


def stand_in_agent(town: Town, does: str = HELLO, replies: Sequence[tuple[str, str]] = ()) -> None:
    """Let a small program do what the agent would, for stories in which only git and GitHub matter: 0.7 s less a run."""
    given = [{"thread": thread, "text": text} for thread, text in replies]
    answer = json.dumps({"verdict": "done", "summary": "Ok.", "reason": "", "replies": given})
    program = town.folder / "claude"
    program.write_text(STAND_IN.replace("{does}", does).replace("{answer}", answer))
    program.chmod(0o755)
    town.variables["AI_READY_CLAUDE"] = str(program)


@contextmanager
def settled_town(
    folder: Path,
    script: Script,
    *,
    config: str | None = CONFIG,
    files: Mapping[str, str] | None = FILES,
    key: str = MODEL_KEY,
) -> Iterator[Town]:
    """A town below `folder` (made). `files` None: the repository is empty. `key`: what the repository's secret holds."""
    folder.mkdir()
    clock = Clock()
    hub = Hub(folder / "hub", clock=clock)
    for login in ("rita", "mallory"):
        hub.create_user(login)
    settings = {".github/ai-ready.yml": config} if config is not None else {}
    workflow = {".github/workflows/ai-ready.yml": CALLER.read_text()}
    with clock.ago(7200):
        repo = hub.create_repo(REPO, "rita", files=None if files is None else {**files, **settings, **workflow})
    with ExitStack() as stack:
        model = stack.enter_context(serve_model(script, key=MODEL_KEY))
        stack.enter_context(serve(hub))
        town = Town(hub, repo, model, folder, clock, key=key)
        stack.callback(hub.subscribe(town.events.append))
        yield town
