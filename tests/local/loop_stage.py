"""A runner with real task files, real records and a small runner of tasks that writes files and ends as it is told."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.agent.process import Cancel
from bot.core.names import Reason
from bot.core.run import Outcome
from bot.core.settings import Laptop, RepoConfig
from bot.core.tasks import task_branch, task_run_key
from bot.local.carrying import Carrier, Parts
from bot.local.claims import ClaimFile
from bot.local.loop import Loop, Wish
from bot.local.patience import Patience
from bot.local.ports import Attempt, Result, Watch
from bot.local.session import Book, Session, read_session
from bot.local.state import StateFolder
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Listing, NewTask, Status, Task, Tracker

if TYPE_CHECKING:
    from bot.local.hooks import Hooks
    from bot.local.prompts import Decision

AGENT = "ada"


class Lines:
    """A voice that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, text: str) -> None:
        self.said.append(text)

    def success(self, text: str) -> None:
        self.said.append(f"✓ {text}")

    def error(self, text: str) -> None:
        self.said.append(f"✗ {text}")

    def warning(self, text: str) -> None:
        self.said.append(f"⚠ {text}")


class Died(BaseException):
    """Stands for `kill -9`: nothing of ours runs after it."""


@dataclass
class Work:
    """Does attempts: one file each, on disk, and ends as `says` has it (default: Done)."""

    folder: Path
    says: Callable[[Task, Attempt, Watch], Result | None] = lambda _task, _attempt, _watch: None
    attempts: list[Attempt] = field(default_factory=list)
    seen: list[Task] = field(default_factory=list)

    def __call__(self, task: Task, attempt: Attempt, watch: Watch) -> Result:
        self.attempts.append(attempt)
        self.seen.append(task)
        (self.folder / attempt.run_key).write_text(task.title)
        watch.beat()
        return self.says(task, attempt, watch) or done(attempt)


def done(attempt: Attempt, *, pull: str = "", usd: float = 0.5) -> Result:
    return Result(
        Outcome(attempt.run_key, "done", summary="I did it.", usd=usd, turns=3), attempt.branch, "c" * 40, pull
    )


def blocked(
    attempt: Attempt, reason: Reason = Reason.TESTS_FAILED, text: str = "2 tests fail", usd: float = 0.5
) -> Result:
    return Result(Outcome(attempt.run_key, "blocked", reason.value, text, usd=usd), attempt.branch)


class Place:
    """A folder with tasks in which runners come and go."""

    def __init__(self, folder: Path, config: Laptop | None = None) -> None:
        self.folder = folder
        self.config = RepoConfig(local=config or Laptop(idle_seconds=1))
        self.state = StateFolder(folder / "local")
        self.state.make()
        (folder / "work").mkdir()
        self.tracker: Tracker = FileTracker(folder / "tasks", AGENT)
        self.tracker.check(())
        self.work = Work(folder / "work")
        self.voice = Lines()
        self.cancel = Cancel()
        self.hooks: Hooks | None = None
        self.decide: Callable[[str, str], Decision] | None = None
        self.kept: ClaimFile | None = None
        """Instead of `claims`."""
        self.ends = frozenset({Status.IN_REVIEW, Status.DONE})
        self.onto: Callable[[Task, Listing], str] = lambda _task, _listing: ""
        self.follow: Callable[[Parts, Patience], Callable[[Listing], bool]] = lambda _parts, _patience: lambda _: False
        self._clock = self._times()

    def _times(self) -> Iterator[datetime]:
        begin = datetime(2026, 11, 21, 12, tzinfo=UTC)
        return (begin + timedelta(seconds=number) for number in itertools.count())

    def task(self, title: str, body: str = "", status: Status = Status.TODO) -> Task:
        made = self.tracker.create(NewTask(title, body))
        return made if status is Status.TODO else self.tracker.set_status(made, status)

    def begin(self, task: Task, *, number: int = 1, guidance: str = "", onto: str = "") -> Attempt:
        at = next(self._clock)
        key, branch = task_run_key(task.name, at, number), task_branch(task.name)
        tree = self.folder / "trees" / task.name
        return Attempt(task.id, task.name, AGENT, key, branch, tree, at, number, guidance, onto)

    def loop(self, wish: Wish = Wish(exit_when_idle=True), *, resume: bool = False) -> Loop:  # noqa: B008 (frozen)
        session = read_session(self.state.session(AGENT)) if resume else None
        if session is None:
            session = Session(next(self._clock).isoformat(), AGENT, self.tracker.source, next(self._clock))
        book = Book(self.state.session(AGENT), session, lambda: next(self._clock))
        parts = Parts(
            config=self.config,
            folder=self.state,
            tracker=self.tracker,
            ends=self.ends,
            run_task=self.work,
            begin=self.begin,
            hooks=self.hooks,
            voice=self.voice,
            cancel=self.cancel,
            decide=self.decide,
        )
        patience = Patience(self.cancel, self.voice, first=0.01)
        carrier = Carrier(parts, self.kept or self.claims, book, patience)
        return Loop(parts, carrier, self.onto, wish, self.follow(parts, patience))

    def run(self, wish: Wish = Wish(exit_when_idle=True), *, resume: bool = False) -> int:  # noqa: B008 (frozen)
        return self.loop(wish, resume=resume).run()

    @property
    def claims(self) -> ClaimFile:
        return ClaimFile.of(self.state, AGENT)

    @property
    def session(self) -> Session:
        found = read_session(self.state.session(AGENT))
        assert found is not None
        return found

    def limits(self, **values: object) -> None:
        self.config = replace(self.config, local=replace(self.config.local, **values))  # type: ignore[arg-type]

    def text(self, task: Task) -> str:
        return (self.folder / "tasks" / f"{task.id}.md").read_text()

    def status(self, task: Task) -> Status:
        return self.tracker.get(task.id).status

    def worked_on(self) -> list[str]:
        return [attempt.name for attempt in self.work.attempts]
