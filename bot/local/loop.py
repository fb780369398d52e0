"""The continuous runner: task after task, until it is told to stop, a limit is reached, or there is nothing left.

The story: take up what is under way → look what is ready → ask the hook → claim on disk → carry it to its end → again.
The claim is on disk before anything is done for a task, and nothing else is taken while there is one.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.core.names import Reason
from bot.errors import AiReadyError, UsageError
from bot.local.carrying import TRIES, Carried, Carrier, How, Parts
from bot.local.choosing import choose, nobodys, ours
from bot.local.claims import Claim
from bot.local.hooks import HookFailed
from bot.local.patience import Stopped
from bot.local.session import RunnerState, limit_reached
from bot.trackers.tracker import Listing, NoSuchTask, Status, Task

NOTHING: Final = "No tasks available, waiting..."
SAID_EVERY: Final = 30.0
"""Seconds between two times that this is said."""

OF_THE_MACHINE: Final = (Reason.API_ERROR, Reason.SETUP_FAILED, Reason.CONFIG_INVALID)
"""Reasons that are hardly ever a task's own: a key that is refused, a disk that is full, a command that is not there."""

DONE, BLOCKED, NOT_READY = 0, 1, 3
"""Exit codes: as asked; a task ended Blocked, or the runner could not go on; nothing was ready."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How far to go."""

    single: bool = False
    """One task, then end."""
    exit_when_idle: bool = False
    task: str = ""
    """This one and no other: its id, or what people call it."""


class HeldBack(AiReadyError):
    """A task that waits for nothing can't be begun all the same; says why and what to do. Others go on."""


class Loop:
    """One runner at work."""

    def __init__(
        self,
        parts: Parts,
        carrier: Carrier,
        onto: Callable[[Task, Listing], str],
        wish: Wish,
        follow: Callable[[Listing], bool] = lambda _: False,
    ) -> None:
        """`onto`: the commit with finished work that a task builds on and its base does not have; empty: there is none.
        Raises `HeldBack`. `follow`: moves tasks whose review is over; whether the tasks are to be read again.
        """
        self._parts, self._carrier, self._onto, self._wish = parts, carrier, onto, wish
        self._follow = follow
        self._passed: set[str] = set()
        """Not before the next look around."""
        self._tries = Counter[str]()
        self._shown: tuple[str, ...] = ()
        self._waiting_since = float("-inf")
        self._blocked = False
        self._last = ""
        """Why the last task ended Blocked."""

    def run(self) -> int:
        """Work until there is a reason to end; the exit code. Raises what a door has to say; that is in the session, too."""
        book = self._carrier.book
        try:
            return self._worked()
        except Stopped:
            claim = self._carrier.claims.read()
            left = f" {claim.name} is left under way: `ai-ready start --resume` takes it up again." if claim else ""
            return self._ended(RunnerState.STOPPED, f"Stopped.{left}", DONE)
        except (AiReadyError, OSError) as error:
            book.move(RunnerState.ERROR, why=str(error))
            raise

    # ------------------------------------------------------------------------------------------ the story

    def _worked(self) -> int:
        only = self._only()
        ended = self._recovered()
        while True:
            if ended is not None and (code := self._over(ended, only)) is not None:
                return code
            if self._parts.cancel.is_set:
                raise Stopped
            if why := limit_reached(self._carrier.book.session, self._parts.config.local):
                return self._ended(RunnerState.COMPLETED, why, DONE)
            listing = self._carrier.patience.asked(self._parts.tracker.list)
            if self._follow(listing):
                listing = self._carrier.patience.asked(self._parts.tracker.list)
            self._parts.show(listing)
            choice = choose(listing, self._parts.config.order, only=only, passed=self._passed)
            self._say_new(choice.lines)
            if choice.task is not None:
                ended = self._taken(choice.task, listing)
                continue
            ended = None
            if (code := self._nothing()) is not None:
                return code

    def _only(self) -> str:
        """The id of the one task that is wished for."""
        if not self._wish.task:
            return ""
        tracker = self._parts.tracker
        try:
            return self._carrier.patience.asked(lambda: tracker.get(self._wish.task)).id
        except NoSuchTask as missing:
            raise UsageError(str(missing)) from missing

    def _recovered(self) -> Carried | None:
        """What was under way: on disk, else as the source says. None: nothing was."""
        asked, tracker, voice = self._carrier.patience.asked, self._parts.tracker, self._parts.voice
        claim = self._carrier.claims.read()
        if claim is not None:
            if claim.source != tracker.source:
                where = f"{self._carrier.claims.path}: {claim.name} of the task source {claim.source} is under way"
                raise UsageError(
                    f"{where}, and the task source is {tracker.source} now: end it with the settings of before, "
                    "or move that file away."
                )
            how = "its run was cut short" if claim.result is None else "its run has ended, and was not told to the end"
            voice.info(f"Taking up {claim.name} again: {how}.")
            return self._carrier.carry(claim)
        listing = asked(tracker.list)
        agent = self._carrier.book.session.agent_id
        unsure = [asked(lambda: tracker.get(each.id)) for each in nobodys(listing)]  # noqa: B023 (called at once)
        for task in (*ours(listing, agent), *ours(Listing(tuple(unsure)), agent)):
            voice.info(f"Taking up {task.name} again: the task source says that it is under way, and ours.")
            try:
                attempt = self._parts.begin(task, onto=self._onto(task, listing))
            except HeldBack as held:
                raise HeldBack(f"{task.name} is under way, and ours; but {held}") from held
            carried = self._carrier.carry(self._carrier.claims.write(Claim.of(attempt, task, tracker.source)))
            if carried.how is not How.GONE:
                return carried
        return None

    def _taken(self, task: Task, listing: Listing) -> Carried | None:
        """Carry one that is ready to its end; None: it was not taken."""
        tracker, voice = self._parts.tracker, self._parts.voice
        self._tries[task.id] += 1
        if self._tries[task.id] >= TRIES:  # it seems ready, and can't be claimed
            self._passed.add(task.id)
        try:
            task = self._carrier.patience.asked(lambda: tracker.get(task.id))
            attempt = self._parts.begin(task, onto=self._onto(task, listing))
            if self._parts.hooks is not None:
                self._parts.hooks.pre_task(task, attempt, self._parts.cancel)
        except (HeldBack, HookFailed, NoSuchTask) as no:
            self._passed.add(task.id)
            if not self._parts.cancel.is_set:
                voice.warning(f"{task.name} is not taken: {no}")
            return None
        claim = self._carrier.claims.write(Claim.of(attempt, task, tracker.source))
        voice.info(f"Starting {task.name}: {task.title}")
        return self._carrier.carry(claim)

    # ---------------------------------------------------------------------------------- what comes of it

    def _over(self, ended: Carried, only: str) -> int | None:
        """Whether that was the end: its exit code."""
        if ended.how is How.GONE:
            return None
        failed = ended.how is not How.DONE
        self._blocked = self._blocked or failed
        again, self._last = failed and ended.reason == self._last, ended.reason
        if ended.how is How.ABORTED:
            return self._ended(RunnerState.STOPPED, "Stopped: that was decided at the checkpoint.", BLOCKED)
        if failed and self._parts.config.local.on_failure == "stop":
            why = "A task ended Blocked, and `local.on_failure` is stop: nothing else is started."
            return self._ended(RunnerState.ERROR, why, BLOCKED)
        if again and ended.reason in OF_THE_MACHINE:
            why = f"Two tasks in a row ended Blocked ({ended.reason}), and a next one would, too: mend that, then start again."
            return self._ended(RunnerState.ERROR, why, BLOCKED)
        if (self._wish.single and not only) or (only and ended.task_id == only):
            return self._ended(RunnerState.COMPLETED, "That was the one task.", BLOCKED if failed else DONE)
        return None

    def _nothing(self) -> int | None:
        """There is nothing to do: the exit code, or None after a while."""
        if self._wish.task or self._wish.single:
            self._parts.voice.warning(self._not_ready() if self._wish.task else "No task is ready to be started.")
            return self._ended(RunnerState.COMPLETED, "Nothing was started.", NOT_READY)
        if self._wish.exit_when_idle:
            return self._ended(RunnerState.COMPLETED, "No task is ready: done.", BLOCKED if self._blocked else DONE)
        self._carrier.book.move(RunnerState.WAITING)
        if time.monotonic() - self._waiting_since >= SAID_EVERY:
            self._waiting_since = time.monotonic()
            self._parts.voice.info(NOTHING)
        self._carrier.patience.rest(self._parts.config.local.idle_seconds)
        self._passed.clear()
        self._tries.clear()
        return None

    def _not_ready(self) -> str:
        """Why the one task that was wished for can't be started, as far as its waiting lines do not say it."""
        tracker = self._parts.tracker
        task = self._carrier.patience.asked(lambda: tracker.get(self._wish.task))
        if task.status is Status.TODO:
            return f"{task.name} is not ready to be started."
        by = f" by {task.claimed_by}" if task.claimed_by else ""
        return f"{task.name} is {task.status.value}{by}: only a task that is todo can be started."

    def _say_new(self, lines: tuple[str, ...]) -> None:
        """Only what was not said the last time."""
        for line in lines:
            if line not in self._shown:
                self._parts.voice.info(line)
        self._shown = lines

    def _ended(self, state: RunnerState, why: str, code: int) -> int:
        self._carrier.book.move(state, why=why)
        self._parts.voice.info(why)
        return code
