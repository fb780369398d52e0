"""A stand-in for Actions in server mode, a hundred times faster than act: no machine, no agent, the end as told.

It walks each dispatched run from queued to completed, and on the way does what its jobs would do (`InstantJobs`).
Every dispatch is written down with what was true at that moment, for the invariants: nothing lost, doubled or early.
"""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from bot.core.markers import reveal
from bot.core.names import STATUS_MARKER
from bot.errors import AiReadyError
from bot.sandbox.actions.instant_jobs import InstantJobs
from bot.sandbox.records import Event, Issue
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.tokens import Token

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

_THREADS = 32
_TITLE = re.compile(r"\[([A-Z]+)-(\d+)\.(\d+)\]")
_DEPENDS = re.compile(r"[Dd]epends on ((?:#\d+(?:, | and )?)+)")

Held = Literal["", "queued", "in_progress"]
STAGES: tuple[Literal["queued", "in_progress"], ...] = ("queued", "in_progress")


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends."""

    conclusion: str = "success"
    says: Literal["", "done", "blocked", "cancelled"] = ""
    """What `publish` makes of it; empty: there is no `publish`, and so no verdict."""
    stays: Held = ""
    """It never gets further than this."""
    deleted: bool = False
    """Somebody deletes it once it is over."""
    looks: bool = False
    """Its job `work` repeats the admission first, as real ones do; what stands against it then ends the run."""


DONE = End(says="done")
CAREFUL = End(says="done", looks=True)
BLOCKED = End(says="blocked")
CANCELLED = End("cancelled", says="cancelled")
"""Somebody cancels it; `publish` still runs."""
FORCED = End("cancelled")
SILENT = End()
LOST = End("failure")
TIMED_OUT = End("timed_out")
STARTUP_FAILURE = End("startup_failure")
DELETED = End("cancelled", deleted=True)
STUCK = End("cancelled", stays="queued")
HUNG = End("cancelled", stays="in_progress")
ENDS = {
    "blocked": BLOCKED,
    "cancelled": CANCELLED,
    "careful": CAREFUL,
    "deleted": DELETED,
    "done": DONE,
    "forced": FORCED,
    "hung": HUNG,
    "lost": LOST,
    "silent": SILENT,
    "startup_failure": STARTUP_FAILURE,
    "stuck": STUCK,
    "timed_out": TIMED_OUT,
}
"""By name, for other processes."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatch, and what was true when GitHub took it."""

    repo: str
    issue: int
    run_key: str
    run_id: int
    at: datetime
    open_prerequisites: tuple[int, ...]
    """Should be empty."""
    other_runs: tuple[int, ...]
    """Runs of the same issue that were under way; should be empty."""
    repository_id: int
    """The same after a rename."""


class Instant:
    """Runs what is dispatched, from now until `close` (or the end of the `with`). `ends` says how, for each run."""

    def __init__(
        self,
        hub: "Hub",
        *,
        ends: Callable[[WorkflowRun], End] = lambda _run: DONE,
        work_seconds: float = 0.0,
        status_within: float = 0.0,
    ) -> None:
        self._hub = hub
        self.ends = ends
        self.work_seconds = work_seconds
        """How long the job `work` takes."""
        self.status_within = status_within
        """How long it waits besides for its issue's status comment: no real one is over before the server said that."""
        self.dispatches: list[Dispatched] = []
        self.failures: list[BaseException] = []
        """What went wrong in this stand-in itself: a test must fail on any."""
        self._hold: Held = ""
        self._changed = threading.Condition()
        self._under_way: set[int] = set()
        self._closing = False
        self._jobs = InstantJobs(hub, hub.root / "instant")
        self._pool = ThreadPoolExecutor(_THREADS, "instant")
        hub.actions.driver = self
        self._deaf = hub.subscribe(self._on_event)

    # --------------------------------------------------------------------- the hub's side (under its lock)

    def _on_event(self, event: Event) -> None:
        if event.name == "issue_comment":
            with self._changed:
                self._changed.notify_all()

    def dispatched(self, run: WorkflowRun) -> None:
        """Write down what is true now, then run it."""
        number = int(run.inputs.get("issue") or 0)
        issue = run.repo.issues.get(number)
        others = (other for other in self._hub.actions.runs.values() if other.repo is run.repo and other is not run)
        alive = tuple(o.id for o in others if o.inputs.get("issue") == str(number) and o.status != "completed")
        waits = open_prerequisites(issue) if issue is not None else ()
        key = run.inputs.get("run_key", "")
        self.dispatches.append(
            Dispatched(run.repo.full_name, number, key, run.id, self._hub.now(), waits, alive, run.repo.id)
        )
        self._begin(run)

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:  # noqa: ARG002 - both end it
        """It ends where it is; `publish` says so."""
        with self._changed:
            self._changed.notify_all()
            if run.id not in self._under_way:
                self._begin(run, CANCELLED)

    def rerun(self, run: WorkflowRun) -> None:
        """Another attempt: its verdict is there already, so it has nothing to say."""
        self._begin(run)

    # --------------------------------------------------------------------------------------- other verbs

    @property
    def tokens(self) -> list[Token]:
        """Every job's token, for the search for leaks."""
        return self._jobs.tokens

    def hold(self, stage: Held) -> None:
        """From now on runs stay `queued` or `in_progress` until they are let go (or cancelled); empty: let them go."""
        with self._changed:
            self._hold = stage
            self._changed.notify_all()

    @property
    def held(self) -> Held:
        """Where runs stay now."""
        return self._hold

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Wait until every run is over, or where it stays. Raises `TimeoutError`, and what broke a run."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, timeout):
                raise TimeoutError(f"after {timeout:g} s under way: {sorted(self._under_way)}")
        if self.failures:
            raise self.failures[0]

    def close(self) -> None:
        """End every thread; runs stay where they are."""
        self._hub.actions.driver = None
        self._deaf()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ a run

    def _begin(self, run: WorkflowRun, end: End | None = None) -> None:
        with self._changed:
            if not self._closing:
                self._under_way.add(run.id)
                self._pool.submit(self._execute, run, end)

    def _execute(self, run: WorkflowRun, end: End | None) -> None:
        try:
            self._walk(run, end or self.ends(run))
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            with self._changed:
                self._under_way.discard(run.id)
                self._changed.notify_all()

    def _walk(self, run: WorkflowRun, end: End) -> None:
        actions = self._hub.actions
        if end.conclusion == "startup_failure":
            actions.update_run(run, status="completed", conclusion=end.conclusion)
            return
        refused, begun = None, False
        for stage in STAGES:
            begun = stage == "in_progress" and not run.cancel_requested
            actions.update_run(run, status=stage)
            if stage == "in_progress" and end.looks and not run.cancel_requested:
                refused = self._jobs.look_again(run)
            if end.stays == stage or not self._let_go(run, stage):
                return
        end = CANCELLED if run.cancel_requested else end
        conclusion = end.conclusion
        try:
            if refused is not None and end.says != "cancelled":
                self._jobs.say(run, refused)
            elif end.says == "done":
                self._jobs.finish(run)
            elif begun and run.cancel_requested:
                self._jobs.say_it_was_stopped(run)
            elif end.says:
                self._jobs.say_nothing_came(run, "cancelled" if end.says == "cancelled" else "failure")
        except AiReadyError:  # the job fails; whoever started it finds that there is no verdict
            conclusion = "failure"
        actions.update_run(run, status="completed", conclusion=conclusion)
        if end.deleted:
            actions.delete(run)

    def _let_go(self, run: WorkflowRun, stage: Held) -> bool:
        """Wait as long as runs are held at this stage. False: this stand-in is closing."""
        with self._changed:
            if stage == "in_progress":
                self._changed.wait_for(lambda: self._closing or run.cancel_requested, self.work_seconds)
                self._changed.wait_for(
                    lambda: self._closing or run.cancel_requested or _has_status(run), self.status_within
                )
            self._changed.wait_for(lambda: self._closing or run.cancel_requested or self._hold != stage)
        return not self._closing


def _has_status(run: WorkflowRun) -> bool:
    issue = run.repo.issues.get(int(run.inputs.get("issue") or 0))
    return issue is not None and any(reveal(STATUS_MARKER, comment.body) for comment in issue.comments)


def open_prerequisites(issue: Issue) -> tuple[int, ...]:
    """What `issue` really waits for, in its own repository: found without the planner, which is what is tested.

    Reads what stories write: `[PREFIX-P.T]` at the start of titles, `Depends on #1, #2` in bodies, native links.
    """
    named = {int(number) for found in _DEPENDS.findall(issue.body) for number in re.findall(r"\d+", found)}
    linked = [*issue.blocked_by, *issue.sub_issues]
    siblings = [other for other in issue.repo.issues.values() if _comes_before(other, issue)]
    textual = [issue.repo.issues[number] for number in named if number in issue.repo.issues]
    return tuple(sorted({other.number for other in (*linked, *siblings, *textual) if other.open}))


def _comes_before(other: Issue, issue: Issue) -> bool:
    mine, theirs = _TITLE.match(issue.title), _TITLE.match(other.title)
    if mine is None or theirs is None or mine[1] != theirs[1] or other.pull is not None:
        return False
    return (int(theirs[2]), int(theirs[3])) < (int(mine[2]), int(mine[3]))
