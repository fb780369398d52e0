"""A stage for whole stories: a served hub, one repository that uses ai-ready, Actions, and a scripted model.

The demo, the stories in tests/ and the benchmarks all play on it. What is real: the workflow files, `act`, git, the
Claude CLI, the tests of the repository. What is not: GitHub (the hub) and what the model says (the script).
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.core.names import REQUEST_LABEL
from bot.sandbox.actions import Actions
from bot.sandbox.model import Script, ScriptedModel, serve_model
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Repo, Review
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from bot.sandbox.tokens import Token

EXAMPLES = Path(__file__).parents[2] / "examples"
CALLER = EXAMPLES / "action-only.yml"
"""What a user copies into the repository."""
SERVER_CALLER = EXAMPLES / "server-mode.yml"
"""The same where a server hosts the planner."""

MODEL_KEY = "sk-ant-api03-sandbox-key-that-opens-nothing-000000000000000000000000"
"""The repository's secret ANTHROPIC_API_KEY on the stage; a canary wherever it turns up."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the repository looks like when the curtain rises."""

    repo: str = "acme/shop"
    maintainer: str = "rita"
    visitor: str = "mallory"
    """Somebody who may only read."""
    files: Mapping[str, str] = field(default_factory=dict)
    config: str | None = None
    """`.github/ai-ready.yml`; None: there is none."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Reaches every step, as a self-hosted runner's own environment does."""
    model_url: str = ""
    """Another Messages API than the scripted one."""
    model_key: str = MODEL_KEY
    slots: int = 4
    """Jobs that run at a time."""
    caller: Path = CALLER
    """The workflow file that the repository has."""


class People:
    """One repository, the verbs that people use on it, and what they see there."""

    def __init__(self, hub: Hub, repo: Repo, setting: Setting) -> None:
        self.hub = hub
        self.repo = repo
        self.setting = setting

    @property
    def maintainer(self) -> Token:
        """The person with admin, acting by hand."""
        return self.hub.person(self.setting.maintainer)

    @property
    def visitor(self) -> Token:
        """The person who may only read."""
        return self.hub.person(self.setting.visitor)

    def issue(self, title: str, body: str = "", *, by: Token | None = None) -> Issue:
        """Somebody (the maintainer) opens an issue."""
        return self.hub.issues.create(self.repo, by or self.maintainer, title=title, body=body)

    def label(self, issue: Issue, name: str = REQUEST_LABEL, *, by: Token | None = None) -> None:
        """Somebody puts a label on."""
        self.hub.issues.add_labels(issue, [name], by or self.maintainer)

    def comment(self, issue: Issue, body: str, *, by: Token | None = None) -> None:
        """Somebody comments."""
        self.hub.issues.add_comment(issue, by or self.maintainer, body)

    def review(
        self,
        pull: Issue,
        state: Literal["approved", "changes_requested", "commented"] = "changes_requested",
        body: str = "",
        comments: Iterable[tuple[str, int, str]] = (),
        *,
        by: Token | None = None,
    ) -> Review:
        """Somebody submits a review; `comments` are (path, line of the new file, text) and start conversations."""
        event = {"approved": "APPROVE", "changes_requested": "REQUEST_CHANGES", "commented": "COMMENT"}[state]
        threads = [{"path": path, "line": line, "body": text} for path, line, text in comments]
        return self.hub.reviews.submit(pull, by or self.maintainer, event=event, body=body, comments=threads)

    def ci(self, pull: Issue, conclusion: str = "failure", *, name: str = "CI", log: str = "") -> WorkflowRun:
        """The repository's own CI has run on the head of a pull request: a workflow run with one job and its log."""
        actions, head = self.hub.actions, part(pull).head
        with self.hub.lock:
            workflow = actions.workflow(pull.repo, f".github/workflows/{name.lower()}.yml")
            run = actions.create_run(
                pull.repo, workflow, event="pull_request", actor=pull.user, ref=head, title=pull.title
            )
            job = actions.add_job(run, name.lower())
            actions.append_log(job, log)
            if conclusion:
                actions.update_job(job, status="completed", conclusion=conclusion)
                actions.update_run(run, status="completed", conclusion=conclusion)
            else:
                actions.update_run(run, status="in_progress")
        return run

    def merge(self, pull: Issue, *, by: Token | None = None) -> None:
        """Somebody takes a draft pull request out of draft, approves it and merges it."""
        person = by or self.maintainer
        self.hub.pulls.set_draft(pull, person, draft=False)
        self.hub.reviews.submit(pull, person, event="APPROVE")
        self.hub.pulls.merge(pull, person)

    def pulls(self) -> list[Issue]:
        """Every pull request, oldest first."""
        return sorted((i for i in self.hub.issues.listing(self.repo) if i.pull), key=lambda issue: issue.number)

    def bot_comments(self, issue: Issue) -> list[str]:
        """What the bot said on an issue, oldest first."""
        return [c.body for c in self.hub.issues.comments(issue) if c.user.type == "Bot"]

    def verdicts(self, issue: Issue) -> list[str]:
        """The first line of each verdict comment."""
        return [body.splitlines()[0] for body in self.bot_comments(issue) if "ai-ready:verdict" in body]

    def status(self, issue: Issue) -> str:
        """The status comment's text."""
        return next((body for body in self.bot_comments(issue) if "ai-ready:status" in body), "")

    def labels(self, issue: Issue) -> set[str]:
        """Names of the issue's labels."""
        return {label.name for label in issue.labels}


class Stage(People):
    """The repository with everything around it."""

    def __init__(self, hub: Hub, repo: Repo, setting: Setting, actions: Actions, model: ScriptedModel | None) -> None:
        super().__init__(hub, repo, setting)
        self.actions = actions
        self.model = model
        self.changed = threading.Event()
        hub.subscribe(lambda _event: self.changed.set())


@contextmanager
def raise_curtain(root: Path, setting: Setting, script: Script | None) -> Iterator[Stage]:
    """Set the stage below `root` (made); everything that was started is ended afterwards.

    Without `script` there is no scripted model: `setting.model_url` (or the official API) is used.
    """
    hub = Hub(root / "hub")
    for login in (setting.maintainer, setting.visitor):
        hub.create_user(login)
    config = {".github/ai-ready.yml": setting.config} if setting.config is not None else {}
    files = {**setting.files, **config, ".github/workflows/ai-ready.yml": setting.caller.read_text()}
    repo = hub.create_repo(setting.repo, setting.maintainer, files=files)
    repo.secrets["ANTHROPIC_API_KEY"] = setting.model_key
    with ExitStack() as stack:
        model = stack.enter_context(serve_model(script, key=setting.model_key)) if script is not None else None
        address = model.url if model is not None else setting.model_url
        if address:
            repo.variables["ANTHROPIC_BASE_URL"] = address
        stack.enter_context(serve(hub))
        actions = stack.enter_context(Actions(hub, env=setting.env, slots=setting.slots))
        yield Stage(hub, repo, setting, actions, model)
