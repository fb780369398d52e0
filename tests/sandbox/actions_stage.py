"""A hub with one repository and Actions running, and the questions the tests ask of runs."""

import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.actions import Actions
from bot.sandbox.records import Issue
from bot.sandbox.runs import Job, WorkflowRun
from bot.sandbox.state import Hub


class Stage:
    """`acme/shop` of ada, with the workflow files given to `on_stage`."""

    def __init__(self, hub: Hub, actions: Actions) -> None:
        self.hub = hub
        self.actions = actions
        self.repo = hub.repo("acme/shop")
        self.ada = hub.person("ada")

    def label(self, name: str = "bug", issue: Issue | None = None) -> Issue:
        """Somebody labels an issue (a new one when none is given)."""
        issue = issue or self.hub.issues.create(self.repo, self.ada, title="Log in")
        self.hub.issues.add_labels(issue, [name], self.ada)
        return issue

    def dispatch(self, file: str = "flow.yml", **inputs: str) -> WorkflowRun:
        """A person dispatches the workflow."""
        workflow = self.hub.actions.find_workflow(self.repo, file)
        return self.hub.actions.dispatch(self.repo, workflow, self.ada, ref="main", inputs=inputs)

    def runs(self) -> list[WorkflowRun]:
        """All runs, oldest first."""
        return sorted(self.hub.actions.runs.values(), key=lambda run: run.id)

    def finished(self, timeout: float = 30.0) -> list[WorkflowRun]:
        """All runs once nothing is under way."""
        self.actions.wait_idle(timeout)
        return self.runs()

    def wait_for_run(self) -> WorkflowRun:
        """The oldest run, as soon as there is one."""
        wait_until(lambda: bool(self.runs()), "a run starts")
        return self.runs()[0]

    def wait_for_log(self, run: WorkflowRun, text: str) -> None:
        """Wait until a job of `run` has printed `text`."""
        wait_until(lambda: text in logs(run), f"{text!r} in the log")


@contextmanager
def on_stage(
    folder: Path, files: Mapping[str, str], *, env: Mapping[str, str] | None = None, slots: int = 4
) -> Iterator[Stage]:
    """A hub whose repository holds `files` (paths below .github/workflows/), with Actions under way."""
    hub = Hub(folder / "hub")
    hub.create_user("ada")
    texts = {f".github/workflows/{name}": textwrap.dedent(text) for name, text in files.items()}
    hub.create_repo("acme/shop", "ada", files={"README.md": "# Shop\n", **texts})
    with Actions(hub, env=env, slots=slots) as actions:
        yield Stage(hub, actions)


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait for what another thread or process does."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


def logs(run: WorkflowRun) -> str:
    """Everything the run printed."""
    return "".join(piece for job in run.jobs for piece in job.log)


def job(run: WorkflowRun, name: str) -> Job:
    """The job of that name."""
    return next(each for each in run.jobs if each.name == name)


def conclusions(run: WorkflowRun) -> dict[str, str]:
    """Job name -> how it ended."""
    return {each.name: each.conclusion for each in run.jobs}
