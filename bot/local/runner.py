"""A runner put together from the settings, from its lock to its end. `bot.local.loop` has the story."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.agent.anthropic_pace import Pace
from bot.agent.process import Cancel
from bot.config import LaptopEnv, laptop_env
from bot.core.messages.words import counted, money
from bot.core.settings import RepoConfig
from bot.core.tasks import task_branch, task_run_key
from bot.errors import Blocked, ConfigError
from bot.job.redact import Redactor
from bot.local.carrying import Carrier, Parts
from bot.local.checkout import Checkout, open_checkout
from bot.local.choosing import ENDS, NEEDED
from bot.local.claims import ClaimFile
from bot.local.control import only_runner, runner_at
from bot.local.health import Health, claude_there, free_disk, free_memory, git_state, source_reached
from bot.local.hooks import Hooks, hook_environment
from bot.local.log import Log
from bot.local.loop import Loop, Wish
from bot.local.needs import demand_agent
from bot.local.origin import Origin, origin_of
from bot.local.patience import Patience
from bot.local.ports import Attempt, RunTask
from bot.local.prompts import Decision
from bot.local.reviews import MOVES, Place, Reviews
from bot.local.session import Book, RunnerState, Session, read_session
from bot.local.settings import LocalSettings
from bot.local.slack import TellingSlack
from bot.local.source import open_source, own_way, secrets_of
from bot.local.stacking import stacked
from bot.local.starting import demand_ground, local_default
from bot.local.state import StateFolder, UnreadableState
from bot.local.task_run import TaskRun
from bot.local.voice import Voice
from bot.local.worktrees import tree_of, worktree_base
from bot.notify.teller import Teller
from bot.progress.journal import Listener
from bot.trackers.arranging import built_on
from bot.trackers.config import FileConfig, GithubConfig
from bot.trackers.tracker import Listing, SourceConfigError, Status, Task, Tracker

FIRST_PAUSE: Final = 1.0
"""Seconds before a source that is away is asked again."""


@dataclass(frozen=True, slots=True)
class Company:
    """Who is around a runner."""

    voice: Voice
    cancel: Cancel
    listeners: tuple[Listener, ...] = ()
    decide: Callable[[str, str], Decision] | None = None
    """Asks a person at a checkpoint; None: nobody is asked."""
    show: Callable[[Listing], None] = lambda _: None
    """Is shown the tasks whenever they were read; returns at once."""


@dataclass(frozen=True, slots=True)
class Runner:
    """One agent's runner in one checkout."""

    settings: LocalSettings
    environ: Mapping[str, str]
    log: Log
    company: Company
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def run(self, wish: Wish, *, resume: bool = False) -> int:
        """Work; the exit code. Raises, before anything is claimed, what makes it impossible."""
        settings, voice = self.settings, self.company.voice
        folder = StateFolder(settings.state_dir)
        env = replace(laptop_env(self.environ), secrets=secrets_of(settings, self.environ))
        checkout = open_checkout(settings.root, env.others, redact=Redactor(env.secrets).text)
        demand_agent(settings.repo, env)
        with ExitStack() as stack:
            folder.make()
            self.log.begin()
            stack.enter_context(only_runner(folder.runner(settings.agent_id), settings.agent_id))
            tracker = open_source(settings, self.environ, voice.info)
            ends = ends_of(tracker, settings.repo.local.finished)
            if not isinstance(settings.tracker, GithubConfig):
                demand_ground(checkout)
            session = self._session(folder, tracker.source, resume=resume)
            book = Book(folder.session(settings.agent_id), session, self.now)
            hooks = self._hooks(env)
            claims = ClaimFile.of(folder, settings.agent_id)
            health = self._health(checkout, tracker, env, self._asking(hooks, claims))
            self._greet(session, tracker, resume=resume)
            for sentence in left_by_others(folder, settings.agent_id):
                voice.warning(sentence)
            health.look(self.company.cancel)
            parts = Parts(
                config=settings.repo,
                folder=folder,
                tracker=tracker,
                ends=ends,
                run_task=own_way(tracker) or self._telling_slack(self._task_run(env), env),
                begin=Naming(settings.agent_id, trees_of(settings, checkout, env), tracker.source, self.now),
                hooks=hooks,
                voice=voice,
                cancel=self.company.cancel,
                listeners=self.company.listeners,
                decide=self.company.decide,
                show=self.company.show,
            )
            patience = Patience(self.company.cancel, voice, FIRST_PAUSE)
            carrier = Carrier(parts, claims, book, patience)
            stack.enter_context(health.watched())
            origin = origin_of(checkout, env.server_url, env.token)
            onto, follow = self._stack(checkout, origin, parts), _following(origin, env, parts, patience)
            return Loop(parts, carrier, onto, wish, follow).run()

    def _session(self, folder: StateFolder, source: str, *, resume: bool) -> Session:
        now, agent = self.now(), self.settings.agent_id
        last = read_session(folder.session(agent))  # one that can't be read is never written over
        if resume and last is not None:
            return last.moved(RunnerState.RUNNING, now).noted(now, "Resumed.")
        return Session(f"{now:%Y%m%dT%H%M%SZ}", agent, source, now).noted(now, "Began.")

    def _greet(self, session: Session, tracker: Tracker, *, resume: bool) -> None:
        settings, voice = self.settings, self.company.voice
        limits = f"at most {counted(settings.local.tasks, 'task')} and {money(settings.local.usd)}"
        voice.info(f"Working through the tasks of the source {tracker.source} as {settings.agent_id}: {limits}.")
        voice.info("Ctrl-C here, or `ai-ready stop` elsewhere, ends it; nothing is lost.")
        if resume:
            done = f"{session.tasks_completed} done, {session.tasks_blocked} blocked, {money(session.total_cost)}"
            voice.info(f"The session of {session.began:%Y-%m-%d %H:%M} UTC goes on: {done}.")
        if isinstance(settings.tracker, FileConfig) and not any((settings.root / settings.tracker.folder).glob("*.md")):
            form = "a Markdown file each, with a title (`# Do this`) and what is wanted"
            voice.info(f"There are no tasks yet: write them into {settings.tracker.folder}/, {form}.")
        for note in settings.notes:
            voice.warning(note)
        if settings.repo.agent.isolation == "none":
            voice.warning("agent.isolation is none: the agent runs as you, and can read and change what you can.")

    def _task_run(self, env: LaptopEnv) -> TaskRun:
        pace = Pace(self.settings.repo.agent.requests_per_minute)
        return TaskRun(self.settings, env, self.log.write, pace=pace)

    def _hooks(self, env: LaptopEnv) -> Hooks | None:
        settings, voice = self.settings, self.company.voice
        if settings.hooks is None:
            return None
        environ = hook_environment(self.environ, env.secrets)
        hooks = Hooks(settings.hooks, settings.root, environ, voice.info, settings.local.hook_seconds)
        for problem in hooks.problems():
            voice.warning(problem)
        return hooks

    def _health(self, checkout: Checkout, tracker: Tracker, env: LaptopEnv, hook: Callable[[Cancel], None]) -> Health:
        settings = self.settings
        checks = [git_state(checkout.root, env.others), free_disk([settings.root, settings.state_dir]), free_memory()]
        if settings.repo.agent.backend != "anthropic-sdk":
            checks.append(claude_there(env.claude, self.environ.get("PATH", "")))
        checks.append(source_reached(tracker.source, lambda: tracker.check(())))
        return Health(
            checks=tuple(checks),
            warn=self.company.voice.warning,
            hook=hook,
            interval=settings.local.health_seconds,
        )

    def _asking(self, hooks: Hooks | None, claims: ClaimFile) -> Callable[[Cancel], None]:
        """The user's own health check, with the task that is under way."""

        def ask(cancel: Cancel) -> None:
            if hooks is not None:
                claim = claims.read()
                hooks.health_check(self.settings.agent_id, claim.as_attempt() if claim else None, cancel)

        return ask

    def _telling_slack(self, run: RunTask, env: LaptopEnv) -> RunTask:
        hooks = self.settings.slack
        return TellingSlack(run, Teller(hooks, Redactor(env.secrets).text, self.log.write), self.settings.repo)

    def _stack(self, checkout: Checkout, origin: Origin | None, parts: Parts) -> Callable[[Task, Listing], str]:
        """See `bot.local.stacking`. With pull requests that a task waits for, what comes before it is in the base."""
        config = parts.config
        waits = Status.IN_REVIEW in parts.ends and config.local.finished != "done"
        if (origin is not None and origin.repo and waits) or own_way(parts.tracker):
            return lambda _task, _listing: ""

        def onto(task: Task, listing: Listing) -> str:
            before = built_on(task, listing, config.order)
            branches = [task_branch(each.name, source=parts.tracker.source) for each in before]
            return stacked(checkout, branches, _base(checkout, config))

        return onto


@dataclass(frozen=True, slots=True)
class Naming:
    """See `bot.local.carrying.Begin`."""

    agent: str
    trees: Path
    source: str
    now: Callable[[], datetime]

    def __call__(self, task: Task, *, number: int = 1, guidance: str = "", onto: str = "") -> Attempt:
        """A new attempt, named."""
        at = self.now()
        return Attempt(
            task_id=task.id,
            name=task.name,
            agent=self.agent,
            run_key=task_run_key(task.name, at, number),
            branch=task_branch(task.name, source=self.source),
            tree=tree_of(self.trees, task.name),
            at=at,
            number=number,
            guidance=guidance,
            onto=onto,
        )


def left_by_others(folder: StateFolder, agent: str) -> Iterator[str]:
    """Tasks that are under way for agents whose runner is gone: perhaps ours, when this machine had another name."""
    gone = (each for each in folder.agents() if each != agent and runner_at(folder.runner(each)) is None)
    for other in gone:
        try:
            claim = ClaimFile.of(folder, other).read()
        except UnreadableState as torn:
            yield str(torn)
            continue
        if claim is not None:
            words = f"{claim.name} was left under way by the runner {other}"
            yield f"{words}: `ai-ready start --resume --agent-id {other}` takes it up again."


def ends_of(tracker: Tracker, wish: str) -> frozenset[Status]:
    """Which of `choosing.ENDS` the source has. Raises `SourceConfigError` for a status that is needed and lacking."""
    tracker.check(NEEDED)
    if wish != "auto":
        tracker.check((Status(wish),))
    there = [each for each in ENDS if _has(tracker, (each,))]
    if not there:
        tracker.check(ENDS)
    return frozenset(there)


def trees_of(settings: LocalSettings, checkout: Checkout, env: LaptopEnv) -> Path:
    """The folder of this checkout's work trees."""
    try:
        return worktree_base(checkout, settings.worktrees, env.state, settings.repo.agent.isolation)
    except Blocked as problem:
        raise ConfigError(problem.text) from problem


def _following(origin: Origin | None, env: LaptopEnv, parts: Parts, patience: Patience) -> Callable[[Listing], bool]:
    """See `bot.local.reviews`. GitHub's issues are closed by their pull requests."""
    if origin is None or not origin.repo or not parts.ends >= MOVES or own_way(parts.tracker):
        return lambda _: False
    from bot.github.action_client import Access, ActionGitHub  # noqa: PLC0415 (as `bot.local.finishing`)
    from bot.github.courier import Timing  # noqa: PLC0415 (the same)

    access = Access(origin.repo, env.token.reveal(), env.api_url)
    github = ActionGitHub(access, timing=Timing(sleep=patience.rest))
    return Reviews(parts, patience, github, Place(origin.repo, env.server_url)).follow


def _has(tracker: Tracker, statuses: Collection[Status]) -> bool:
    try:
        tracker.check(statuses)
    except SourceConfigError:
        return False
    return True


def _base(checkout: Checkout, config: RepoConfig) -> str:
    """The commit that work is meant for, as far as this machine knows; empty: none."""
    name = config.pull_request.base or local_default(checkout)
    return checkout.branch(name) or checkout.oid(f"refs/remotes/origin/{name}") if name else ""
