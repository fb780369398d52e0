"""One task, from its claim on disk to the end of everything: the attempts, the hook, the verdict told and counted.

What a step needs is on disk before it begins, and each can be done again: a runner that was killed anywhere goes on from
the claim that it finds, and comes to the same end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Protocol

from bot.agent.process import Cancel
from bot.core.checkpoints import may_ask_people
from bot.core.messages.words import money
from bot.core.names import Reason
from bot.core.settings import RepoConfig
from bot.local.choosing import status_after
from bot.local.claims import Claim, ClaimFile
from bot.local.hooks import HookFailed, Hooks
from bot.local.notes import mark, one_line, verdict_note
from bot.local.patience import Patience, Stopped
from bot.local.ports import Attempt, Result, RunTask, Watch
from bot.local.prompts import Decision
from bot.local.runs import cost_of_cut_short, write_metadata
from bot.local.session import Book, RunnerState, Spent
from bot.local.state import StateFolder
from bot.local.voice import Voice
from bot.progress.journal import Listener
from bot.trackers.tracker import Listing, NoSuchTask, Stale, Status, Taken, Task, Tracker, TrackerError

HEARTBEAT: Final = 120.0
"""Seconds between two signs of life to the source."""

TRIES: Final = 3
"""How often a task that keeps changing while it is claimed or moved is read again."""


class How(StrEnum):
    """How a task came out of it."""

    DONE = "done"
    BLOCKED = "blocked"
    ABORTED = "aborted"
    """Blocked, and a person said that the runner is to end."""
    GONE = "gone"
    """Somebody else has it, or it is not there any more."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A task that was carried to an end."""

    task_id: str
    how: How
    reason: str = ""
    """Why it is Blocked; empty: it is not."""


class Begin(Protocol):
    """Names an attempt: its run key, its branch, its tree."""

    def __call__(self, task: Task, *, number: int = 1, guidance: str = "", onto: str = "") -> Attempt:
        """A new one."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a runner is made of."""

    config: RepoConfig
    folder: StateFolder
    tracker: Tracker
    ends: frozenset[Status]
    """Which of `choosing.ENDS` the source has."""
    run_task: RunTask
    begin: Begin
    hooks: Hooks | None
    voice: Voice
    cancel: Cancel
    listeners: tuple[Listener, ...] = ()
    decide: Callable[[str, str], Decision] | None = None
    """Asks a person what is to become of a run that stopped at a checkpoint."""
    show: Callable[[Listing], None] = lambda _: None
    """Is shown the tasks whenever they were read; returns at once."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries one claim at a time."""

    parts: Parts
    claims: ClaimFile
    book: Book
    patience: Patience

    def carry(self, claim: Claim) -> Carried:
        """From wherever it is to its end. Raises `Stopped`: the claim says where a next process goes on."""
        self.book.move(RunnerState.RUNNING, task=claim.name)
        fresh = claim.result is None
        task = self._claimed(claim) if fresh else None
        if fresh and task is None:
            self.claims.remove()
            if Path(claim.worktree_path).exists():
                words = f"What its run had done is in {claim.worktree_path}"
                self.parts.voice.warning(f"{words}: another run of the task in this checkout goes on from it.")
            return Carried(claim.task_id, How.GONE)
        while True:
            if task is not None:
                claim, fresh = self._attempted(claim, task), True
            claim, task = self._further(claim, fresh=fresh)
            if task is None:
                return self._concluded(claim)

    # ------------------------------------------------------------------------------------ the attempts

    def _claimed(self, claim: Claim) -> Task | None:
        """The task, claimed in the source by us; None: it can't be, and that was said."""
        tracker, left = self.parts.tracker, TRIES
        while True:
            left -= 1
            try:
                task = self.patience.asked(lambda: tracker.get(claim.task_id))
                return self.patience.asked(lambda: tracker.claim(task))  # noqa: B023 (called at once)
            except (Taken, Stale, NoSuchTask) as no:
                if isinstance(no, Stale) and left:
                    continue
                self.parts.voice.info(f"{claim.name} is not taken: {no}")
                return None

    def _attempted(self, claim: Claim, task: Task) -> Claim:
        """The claim with what came of its attempt, on disk."""
        attempt, folder = claim.as_attempt(), self.parts.folder.run(claim.run_key)
        watch = Watch(self.parts.cancel, self.parts.listeners, self._heart(task))
        result = self.patience.asked(
            lambda: self.parts.run_task(task, attempt, watch)
        )  # GitHub's publish may have to wait
        cut_short = cost_of_cut_short(folder)
        if cut_short:
            result = replace(result, outcome=replace(result.outcome, usd=result.outcome.usd + cut_short))
        claim = self.claims.write(claim.ended(result))
        write_metadata(folder, claim)
        return claim

    def _further(self, claim: Claim, *, fresh: bool) -> tuple[Claim, Task | None]:
        """A next attempt, on disk, with its task; without one the last result counts. Raises `Stopped`.

        `fresh`: the result is of this process, so whoever stopped it stopped us.
        """
        result = claim.result
        assert result is not None  # noqa: S101 (`carry` sees to it)
        reason, config, cancel = result.outcome.reason, self.parts.config, self.parts.cancel
        if claim.hooked or result.told:
            return claim, None
        if reason == Reason.CANCELLED and (cancel.is_set or not fresh):
            further = self._again(claim, result, "stopped")
            if cancel.is_set:
                raise Stopped
            return further
        if reason == Reason.AGENT_ERROR and claim.crashes + 1 < config.limits.attempts:
            self.parts.voice.warning(f"{claim.name}: {result.outcome.text} Trying again at once.")
            return self._again(claim, result, "crashed")
        if reason == Reason.NEEDS_INPUT and may_ask_people(config) and self.parts.decide and not cancel.is_set:
            decision = self.parts.decide(
                reason, f"{claim.name}: {result.outcome.text}\n{result.outcome.details}".strip()
            )
            said = f": {decision.words}" if decision.words else ""
            self.book.note(f"{claim.name}: {decision.answer} (by {decision.by}){said}")
            if decision.answer in ("continue", "redirect"):
                return self._again(claim, result, "stopped", guidance=decision.words)
            if decision.answer == "abort":
                claim = self.claims.write(replace(claim, aborted=True))
        return claim, None

    def _again(
        self, claim: Claim, result: Result, how: Literal["crashed", "stopped"], *, guidance: str = ""
    ) -> tuple[Claim, Task | None]:
        self.book.count(claim.run_key, how, _spent(result))
        tracker = self.parts.tracker
        try:
            task = self.patience.asked(lambda: tracker.get(claim.task_id))
        except NoSuchTask:
            return claim, None
        words = guidance or claim.guidance
        attempt = self.parts.begin(task, number=claim.attempt + 1, guidance=words, onto=claim.onto)
        return self.claims.write(claim.again(attempt, crashed=how == "crashed")), task

    def _heart(self, task: Task) -> Callable[[], None]:
        """Tells the source now and then that we live. It being away is no reason to stop."""
        last = time.monotonic()

        def beat() -> None:
            nonlocal last
            if time.monotonic() - last < HEARTBEAT:
                return
            last = time.monotonic()
            try:
                self.parts.tracker.heartbeat(task)
            except TrackerError as error:
                self.parts.voice.warning(str(error))

        return beat

    # ----------------------------------------------------------------------------------------- the end

    def _concluded(self, claim: Claim) -> Carried:
        """Hook, source, session: then nothing of it is left to be done."""
        result = claim.result
        assert result is not None  # noqa: S101 (`carry` sees to it)
        done = result.outcome.verdict == "done"
        status = status_after(result.outcome.verdict, result.pull, self.parts.config.local.finished, self.parts.ends)
        if not claim.hooked:
            claim = self.claims.write(replace(claim, hooked=True))  # before: a hook may do what must not be done twice
            self._post_task(claim, result)
        self._tell(claim, result, status)
        self.book.count(claim.run_key, "done" if done else "blocked", _spent(result))
        self.claims.remove()
        said = f"{one_line(claim.name, result)} ({money(result.outcome.usd)})"
        self.book.note(said)
        (self.parts.voice.success if done else self.parts.voice.error)(said)
        how = How.DONE if done else How.ABORTED if claim.aborted else How.BLOCKED
        return Carried(claim.task_id, how, "" if done else result.outcome.reason)

    def _post_task(self, claim: Claim, result: Result) -> None:
        if self.parts.hooks is None:
            return
        task = Task(claim.task_id, claim.name, claim.title, Status.IN_PROGRESS, "", claimed_by=claim.agent_id)
        try:
            self.parts.hooks.post_task(task, claim.as_attempt(), result)
        except HookFailed as problem:
            self.parts.voice.warning(f"{str(problem).rstrip('.')}. Nothing else changes by that.")

    def _tell(self, claim: Claim, result: Result, status: Status) -> None:
        """Note, pull request, status: as often as it takes until the source has them, and each of them once."""
        tracker, asked = self.parts.tracker, self.patience.asked
        if result.told:
            return
        try:
            task = asked(lambda: tracker.get(claim.task_id))
            followed = bool(result.pull) and Status.DONE in self.parts.ends
            note = verdict_note(result, status, followed=followed)
            asked(lambda: tracker.comment(task, note, once=mark(claim.run_key)))
            if result.pull:
                asked(lambda: tracker.attach(task, result.pull, "Draft pull request"))
            self._move(claim, status)
        except NoSuchTask as gone:
            self.parts.voice.warning(f"{gone} What came of it is in {self.parts.folder.run(claim.run_key)}.")

    def _move(self, claim: Claim, status: Status) -> None:
        tracker = self.parts.tracker
        for _ in range(TRIES):
            task = self.patience.asked(lambda: tracker.get(claim.task_id))
            if task.status is not Status.IN_PROGRESS or task.claimed_by not in ("", claim.agent_id):
                if task.status is not status:
                    words = f"{claim.name} is {task.status.value} now: somebody moved it meanwhile"
                    self.parts.voice.warning(f"{words}, so it is left as it is.")
                return
            try:
                self.patience.asked(lambda: tracker.set_status(task, status))  # noqa: B023 (called at once)
            except (Stale, Taken):
                continue
            else:
                return


def _spent(result: Result) -> Spent:
    return Spent(result.outcome.usd, result.outcome.turns, result.outcome.seconds)
