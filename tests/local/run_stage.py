"""A user's checkout, a task file in it, and attempts at it: real git, real files; the agent is scripted or the real CLI."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.agent.process import Cancel
from bot.config import laptop_env
from bot.core.run import AgentReport
from bot.core.tasks import task_branch, task_run_key
from bot.job.session import Agent, Ask, ModelAccess
from bot.job.workspace import Ground
from bot.local.checkout import open_checkout
from bot.local.ports import Attempt, Result, Watch
from bot.local.settings import Flags, LocalSettings, read_settings
from bot.local.task_run import TaskRun
from bot.local.worktrees import tree_of, worktree_base
from bot.progress.events import Event
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Task
from tests.job.stage import done_report, git

CONFIG = "agent: {isolation: none}\nchecks: {test: 'true'}\n"
KEY = "sk-ant-api03-local-key-that-opens-nothing-000000000000000000000000"

Step = Callable[[Path], AgentReport | None]


@dataclass
class Scripted:
    """An agent that does what a list of functions does to the files, one for each ask."""

    steps: list[Step]
    ground: Ground | None = None
    access: ModelAccess | None = None
    asks: list[Ask] = field(default_factory=list)

    def ask(self, ask: Ask) -> AgentReport:
        step = self.steps[min(len(self.asks), len(self.steps) - 1)]
        self.asks.append(ask)
        return step(ask.workspace) or done_report()

    @contextmanager
    def session(self, access: ModelAccess, ground: Ground) -> Iterator[Agent]:
        self.access, self.ground = access, ground
        yield self


@dataclass
class Laptop:
    """Somebody's machine: a home, a checkout, a folder for work trees."""

    folder: Path
    environ: dict[str, str]
    agent: Scripted = field(default_factory=lambda: Scripted([]))
    heard: list[Event] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    flags: Flags = field(default_factory=Flags)

    @property
    def root(self) -> Path:
        return self.folder / "shop"

    def git(self, *words: str) -> str:
        return git(self.root, *words)

    def write(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(content)

    def commit(self, files: Mapping[str, str], message: str = "work") -> str:
        self.write(files)
        self.git("add", *files)
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{name}")

    def show(self, ref: str, path: str) -> str:
        return self.git("show", f"{ref}:{path}")

    @property
    def settings(self) -> LocalSettings:
        return read_settings(self.flags, self.environ, self.root)

    @property
    def tracker(self) -> FileTracker:
        return FileTracker(self.root / ".ai-ready" / "tasks", "me")

    def task(self, name: str, text: str) -> Task:
        """A task file of the user's."""
        self.write({f".ai-ready/tasks/{name}.md": text})
        return self.tracker.get(name)

    def attempt(self, task: Task, number: int = 1, **changes: object) -> Attempt:
        settings = self.settings
        checkout = open_checkout(self.root, self.environ)
        at = datetime(2026, 11, 21, 9, 0, number, tzinfo=UTC)
        base = worktree_base(
            checkout, settings.worktrees, laptop_env(self.environ).state, settings.repo.agent.isolation
        )
        made = Attempt(
            task_id=task.id,
            name=task.name,
            agent="me",
            run_key=task_run_key(task.name, at, number),
            branch=task_branch(task.name),
            tree=tree_of(base, task.name),
            at=at,
            number=number,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def runner(self) -> TaskRun:
        return TaskRun(self.settings, laptop_env(self.environ), self.lines.append, session=self.agent.session)

    def run(self, task: Task, *steps: Step, cancel: Cancel | None = None, **changes: object) -> Result:
        """One attempt with a scripted agent."""
        self.agent = Scripted(list(steps))
        return self.runner()(task, self.attempt(task, **changes), self.watch(cancel))  # type: ignore[arg-type]

    def watch(self, cancel: Cancel | None = None) -> Watch:
        return Watch(cancel or Cancel(), (lambda entry, _: self.heard.append(entry.event),))

    def trees(self) -> list[str]:
        """What is left in the folder of work trees."""
        return sorted(path.name for path in (self.folder / "trees").glob("*/*"))


def make_laptop(folder: Path, *, config: str = CONFIG) -> Laptop:
    """With a project that has one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ann Doe\n\temail = ann@example.org\n")
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "ANTHROPIC_API_KEY": KEY,
        "HEADLESS_PM_WORKTREE_BASE": str(folder / "trees"),
    }
    laptop = Laptop(folder, environ)
    laptop.root.mkdir()
    laptop.git("init", "-q", "--initial-branch=main")
    laptop.commit({"README.md": "# Shop\n", "app.py": "x = 1\n", ".github/ai-ready.yml": config}, "first")
    laptop.write({".ai-ready/local/.gitignore": "*\n"})  # as the runner makes it
    return laptop


def killed(act: Callable[[], object]) -> None:
    """Do something in a process that is killed on the way."""
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            act()
        os._exit(7)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
