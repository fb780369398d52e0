"""What the jobs of an instant run do, with those jobs' tokens and by their own code; what is missing is the agent.

`work` may look again at what was admitted; `publish` says the verdict: draft pull request, comment, labels. What the
agent would have changed is one file.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from bot.config import ActionEnv, Step, parse_repo_config
from bot.core.messages.making import issues_planned_text
from bot.core.messages.plan import plan_text
from bot.core.model import Actor
from bot.core.names import Reason
from bot.core.publishing import Ending, next_step
from bot.core.run import Admission, Outcome
from bot.core.specs.planned import Plan, PlannedTask
from bot.core.specs.spec import Spec, read_spec
from bot.core.verdict import cancelled
from bot.errors import AiReadyError, Blocked
from bot.github.action_client import Access, ActionGitHub
from bot.github.courier import Timing
from bot.job.admit import Gatekeeper
from bot.job.commit import commit_message
from bot.job.endgame import Publisher, publish
from bot.job.handover import Digests, admission_from_json, hand_over
from bot.job.recheck import Postponed, recheck
from bot.report import Report
from bot.sandbox.actions.sources import CHECKOUT
from bot.sandbox.runs import Job, WorkflowRun
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

USD = 0.01
"""What a run has cost."""
ROUNDS = 8
PLAN = "1. Write `done/`.\n2. Nothing else."
NEEDS_INPUT = Reason.NEEDS_INPUT.value
PAUSE = 1.0
"""Seconds until what was not, or not surely, done is looked for: as `publish` waits at first."""
_JOBS = yaml.safe_load((CHECKOUT / ".github/workflows/ai-ready.yml").read_text())["jobs"]
PERMISSIONS: dict[str, dict[str, str]] = {name: job["permissions"] for name, job in _JOBS.items()}
"""What each job's token may do, from the workflow file that users run."""

WorkResult = Literal["success", "failure", "cancelled"]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a job has while it runs."""

    job: Job
    token: Token
    github: ActionGitHub
    """As the token sees it."""


class InstantJobs:
    """The jobs of runs that the server admitted. Everything but `look_again` raises `AiReadyError`: that job fails."""

    def __init__(self, hub: "Hub", folder: Path) -> None:
        folder.mkdir()
        self.tokens: list[Token] = []
        """Every job's token."""
        self._hub = hub
        self._folder = folder
        self._timing = Timing(now=hub.now)

    def look_again(self, run: WorkflowRun) -> Outcome | None:
        """What `work` does before the agent begins; the outcome of a run that ends there."""
        admission = _admission(run)
        with self._job(run, "work") as at:
            try:
                keeper = Gatekeeper(at.github, parse_repo_config, self._hub.url, clock=self._hub.now)
                actor = Actor(run.actor.id, run.actor.login, is_bot=run.actor.login.endswith("[bot]"))
                recheck(keeper, admission, served=True, dispatcher=actor)
            except Blocked as blocked:
                again, key = isinstance(blocked, Postponed), admission.run_key
                return Outcome(key, "blocked", blocked.code, blocked.text, blocked.details, again=again)
        return None

    def finish(self, run: WorkflowRun) -> None:
        """What `publish` does once the branch is pushed; the push itself is one commit made in place. A plan is words."""
        admission = self._with_page(run)
        if admission.kind == "init":
            spec = read_spec(run.repo.issues[admission.issue].body)
            text, planned = issues_planned_text(admission.issue), json.dumps(_planned(spec))
            key = admission.run_key
            self.say(
                run, Outcome(key, "blocked", NEEDS_INPUT, text, summary=PLAN, planned=True, usd=USD, proposal=planned)
            )
            return
        if admission.kind == "plan":
            text = plan_text(admission.issue)
            self.say(run, Outcome(admission.run_key, "blocked", NEEDS_INPUT, text, summary=PLAN, planned=True, usd=USD))
            return
        with self._job(run, "publish") as at:
            files = {f"done/{admission.run_key}.txt": "done\n"}
            oid = self._hub.repos.commit_files(run.repo, admission.branch, files, at.token, commit_message(admission))
            outcome = Outcome(admission.run_key, "done", usd=USD, turns=1, model=admission.model, commit_oid=oid)
            ending = Ending(admission, outcome, pushed_oid=oid, server=self._hub.url, served=True)
            for _ in range(ROUNDS):
                snapshot = at.github.issue_snapshot(admission.issue, now=self._hub.now(), prerequisites=False)
                step = next_step(ending, snapshot)
                answers = at.github.apply(step.effects, snapshot) if step.effects else ()
                if step.verdict and not any(answer.unsure for answer in answers):
                    return
                if not all(answer.ok for answer in answers):
                    self._timing.sleep(PAUSE)
        raise AiReadyError(f"The verdict of run {admission.run_key} could not be published.")

    def say(self, run: WorkflowRun, outcome: Outcome, result: WorkResult = "success") -> None:
        """`publish`, of a run that has words to hand over and nothing else."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            digests = hand_over(Path(folder), outcome)
            self._publish(run, Path(folder), digests, result)

    def say_it_was_stopped(self, run: WorkflowRun) -> None:
        """`publish`, where `work` was cancelled in the middle and had the seconds to say so."""
        why = cancelled()
        key = _admission(run).run_key
        self.say(run, Outcome(key, "blocked", why.reason, why.text, usd=USD, turns=1), "cancelled")

    def say_nothing_came(self, run: WorkflowRun, result: WorkResult) -> None:
        """`publish`, where `work` ended like that and left nothing."""
        self._publish(run, self._folder, Digests("", ""), result)

    def _publish(self, run: WorkflowRun, folder: Path, digests: Digests, result: WorkResult) -> None:
        with self._job(run, "publish") as at:
            environ = {
                "GITHUB_TOKEN": at.token.value,
                "GITHUB_API_URL": self._hub.api_url,
                "GITHUB_SERVER_URL": self._hub.url,
                "GITHUB_REPOSITORY": run.repo.full_name,
                "GITHUB_RUN_ID": str(run.id),
                "AI_READY_ADMISSION": run.inputs["admission"],
                "AI_READY_WORK_RESULT": result,
            }
            env = ActionEnv.from_environ(environ, Step.PUBLISH)
            publisher = Publisher(at.github, env, JobLog(job=at.job), folder, self._hub.now, served=True)
            publish(publisher, self._with_page(run), digests, result)

    def _with_page(self, run: WorkflowRun) -> Admission:
        return replace(_admission(run), run_url=f"{self._hub.url}/{run.repo.full_name}/actions/runs/{run.id}")

    @contextmanager
    def _job(self, run: WorkflowRun, name: str) -> Iterator[Bench]:
        hub = self._hub
        job = hub.actions.add_job(run, f"ai-ready / {name}")
        token = hub.tokens.for_job(run.repo, PERMISSIONS[name], job=name, run_id=run.id)
        self.tokens.append(token)
        own_ids = frozenset({_admission(run).server_id} - {0})
        access = Access(run.repo.full_name, token.value, hub.api_url, run.id, own_ids=own_ids)
        try:
            yield Bench(job, token, ActionGitHub(access, timing=self._timing))
        finally:
            hub.tokens.revoke(token)
            hub.actions.update_job(job, status="completed", conclusion="success")


def _planned(spec: Spec) -> dict[str, object]:
    """A plan of what the specification names, each task after the one named before it."""
    before = ("", *(tag.key for tag in spec.tags))
    tasks = tuple(
        PlannedTask(tag.key, tag.title, f"Do: {tag.text.strip()}.", ("It is done.",), ("Look at it.",), phase=tag.phase)
        for tag in spec.tags
    )
    linked = (
        replace(task, prerequisites=(first,) if first else ()) for task, first in zip(tasks, before, strict=False)
    )
    return dict(Plan("Town", tuple(linked)).as_data())


def _admission(run: WorkflowRun) -> Admission:
    """What the server admitted, as the run's jobs know it."""
    return replace(admission_from_json(run.inputs.get("admission", "")), run_id=run.id)


@dataclass(frozen=True, slots=True)
class JobLog(Report):
    """What the job prints is the job's log, not this process's output."""

    job: Job | None = None

    def log(self, line: str) -> None:
        """See `Report`."""
        if self.job is not None:
            self.job.log.append(f"{line}\n")

    def error(self, sentence: str) -> None:
        """See `Report`."""
        self.log(sentence)
