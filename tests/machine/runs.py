"""Runs that begin and end when a rule says so; what their jobs do is the jobs' own code, over HTTP."""

from typing import TYPE_CHECKING

from bot.errors import AiReadyError
from bot.sandbox.actions.instant import CANCELLED, End, Instant
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.state import Hub

if TYPE_CHECKING:
    from bot.core.run import Outcome


class SteppedRuns(Instant):
    """The stand-in for Actions without its threads."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._looked: dict[int, Outcome | None] = {}
        """What stood against each run that began."""

    def _begin(self, run: WorkflowRun, end: End | None = None) -> None:
        """Nothing by itself."""

    def waiting(self) -> list[WorkflowRun]:
        """Not begun."""
        return self._at("queued")

    def working(self) -> list[WorkflowRun]:
        """Begun and not over."""
        return self._at("in_progress")

    def _at(self, status: str) -> list[WorkflowRun]:
        return [run for run in self._hub.actions.runs.values() if run.inputs and run.status == status]

    def begin(self, run: WorkflowRun) -> None:
        """A runner takes it: its job `work` repeats the admission before the agent starts."""
        self._hub.actions.update_run(run, status="in_progress")
        looks = run.repo.issues.get(int(run.inputs["issue"])) is not None and not run.cancel_requested
        try:
            self._looked[run.id] = self._jobs.look_again(run) if looks else None
        except AiReadyError:  # the job fails
            self._looked[run.id] = None
            self.end(run, End("failure"))

    def end(self, run: WorkflowRun, end: End) -> None:
        """`publish` says what came of it, where the end has one."""
        end = CANCELLED if run.cancel_requested else end
        refused, conclusion = self._looked.pop(run.id, None), end.conclusion
        try:
            if refused is not None and end.says not in ("", "cancelled"):
                self._jobs.say(run, refused)
            elif end.says == "done":
                self._jobs.finish(run)
            elif end.says:
                self._jobs.say_nothing_came(run, "cancelled" if end.says == "cancelled" else "failure")
        except AiReadyError:  # the job fails; whoever started it finds that there is no verdict
            conclusion = "failure"
        self._hub.actions.update_run(run, status="completed", conclusion=conclusion)
        if end.deleted:
            self._hub.actions.delete(run)
