"""What the runner on a laptop goes by: flags over environment over `.ai-agents/config.yml` over `.github/ai-ready.yml`.

Each of them may leave out what it likes. On a laptop the files of the work tree count, as a person edits them there.
"""

import getpass
import hashlib
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from bot.config import SlackHooks, parse_repo_config, parse_tracker_section
from bot.core.names import CONFIG_PATH
from bot.core.settings import ConfigProblem, Laptop, RepoConfig
from bot.errors import ConfigError
from bot.local.layers import Given, lay
from bot.local.seed_config import SEED_CONFIG, SeedConfig
from bot.local.seed_files import chosen, instructions, project, refuse_old_tasks, webhooks
from bot.trackers.config import BacklogConfig, FileConfig, HeadlessPmConfig, TrackerConfig
from bot.trackers.config import parse as parse_tracker

T = TypeVar("T")

STATE: Final = ".ai-ready/local"
ROLES: Final = ("backend_dev", "frontend_dev", "fullstack_dev", "qa", "architect", "pm")
OURS: Final = (".ai-ready/**", ".ai-agents/**")
"""What steers the runner itself: a run may not change it, as it may not change `.github/`."""

_ANY: TrackerConfig = FileConfig()
"""Stands for a task source that could not be read, until the problems are told."""

_LONGEST: Final = 300 * 60
"""Seconds for one task, as `limits.minutes` has it."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said; None and empty: nothing."""

    agent_id: str = ""
    role: str = ""
    task: str = ""
    hooks: str = ""
    runner: Literal["", "cli", "sdk"] = ""
    """`sdk`: as the backend `claude-code-sdk` of `.ai-agents/config.yml`, which stops at a failure."""
    source: str = ""
    """The type of the task source where no file says one."""
    task_seconds: int = 0
    """For one task, where no variable says how long; 0: `limits.minutes`."""
    seed_config: Path | None = None
    """Instead of `.ai-agents/config.yml`."""
    settings: Mapping[str, str] | None = None
    """Further settings by our keys, such as `local.tasks`: what the programmatic API was given."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Everything the runner goes by. Keys stay in the environment."""

    root: Path
    """The checkout."""
    repo: RepoConfig
    """What a run goes by, with all layers in it."""
    tracker: TrackerConfig
    agent_id: str
    """Who claims."""
    role: str
    """Which role's instructions the agent gets; empty: none."""
    level: str
    """junior, senior or principal: up to which level tasks are taken, where the source has levels."""
    task: str
    """The one task to be done; empty: whatever the order says."""
    task_seconds: int
    """Wall-clock seconds for the agent on one task; `repo.limits.minutes` is the same, rounded up."""
    state_dir: Path
    """Where the runner keeps what it must remember; its own `.gitignore` hides it."""
    log_file: Path
    worktrees: Path | None
    """Folder for the work trees; None: one of ours, outside the checkout."""
    hooks: Path | None
    """Folder with the hooks, which is there; None: no hooks."""
    slack: SlackHooks
    """Addresses of webhooks, of the environment and of `.ai-agents/config.yml`; `repo.notify` says which one counts."""
    notes: tuple[str, ...] = ()
    """What stands in `.ai-agents/config.yml` and is not used, with what holds instead."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """By key: where a setting came from that is not at its default."""

    @property
    def local(self) -> Laptop:
        """Limits of the session, pauses, time-outs: the section `local`."""
        return self.repo.local


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of reading everything."""

    settings: LocalSettings | None
    """None: it can't be used."""
    problems: tuple[str, ...]
    """One sentence each: where, which key, what to do."""


def read_settings(flags: Flags, environ: Mapping[str, str], root: Path) -> LocalSettings:
    """What counts in this checkout. Raises `ConfigError`, which names file (or variable, or flag), key and fix."""
    settled = settle(flags, environ, root)
    if settled.settings is None:
        first, *others = settled.problems
        more = f" (And {len(others)} more: `ai-ready config` says all of them.)" if others else ""
        raise ConfigError(first + more)
    return settled.settings


def settle(flags: Flags, environ: Mapping[str, str], root: Path) -> Settled:
    """The same with every problem there is, and raising nothing."""
    problems: list[str] = []
    collect = _Collector(problems)
    base, section = collect(lambda: _repository(root), (RepoConfig(), None))
    seed = chosen(flags.seed_config, environ, root)
    root = collect(lambda: project(seed, root), root)
    laid = lay(base, (*seed.given, *_from_environment(environ), *_from_flags(flags)), dict(_said(base)))
    problems += [*seed.problems, *laid.problems]
    other = {"type": flags.source} if flags.source else None
    where = ("state_provider", SEED_CONFIG) if seed.tracker else ("tracker", CONFIG_PATH)
    tracker = collect(lambda: _tracker(seed.tracker or section or other or seed.default, *where, flags), _ANY)
    collect(lambda: refuse_old_tasks(tracker, root), None)
    seconds = collect(lambda: _seconds(environ, flags.task_seconds or laid.config.limits.minutes * 60), 1)
    hooks = collect(lambda: _hooks(laid.config, flags, root), None)
    slack = collect(lambda: webhooks(seed, environ), SlackHooks())
    role = collect(lambda: _role(flags.role), "")
    words = collect(lambda: instructions(seed, root), "")
    if problems:
        return Settled(None, tuple(problems))
    local = laid.config.local
    config = replace(
        laid.config,
        limits=replace(laid.config.limits, minutes=-(-seconds // 60)),
        agent=replace(
            laid.config.agent, instructions="\n\n".join(filter(None, (laid.config.agent.instructions, words)))
        ),
        protect=(*laid.config.protect, *OURS, *_inside(hooks, root)),
    )
    settings = LocalSettings(
        root=root,
        repo=config,
        tracker=tracker,
        agent_id=local.agent_id or default_agent_id(root),
        role=role or (tracker.role if isinstance(tracker, HeadlessPmConfig) else ""),
        level=tracker.level if isinstance(tracker, HeadlessPmConfig) else "",
        task=flags.task or _asked(tracker, environ),
        task_seconds=seconds,
        state_dir=root / STATE,
        log_file=_path(local.log_file, root) or root / STATE / "runner.log",
        worktrees=_path(local.worktrees, root),
        hooks=hooks,
        slack=slack,
        notes=seed.notes,
        origins={**laid.origins, **dict(_behind(seed, section, environ))},
    )
    return Settled(settings, ())


def _behind(seed: SeedConfig, section: Any, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where that came from which is no single key of the config."""
    if seed.tracker or section is not None:
        yield "tracker", SEED_CONFIG if seed.tracker else CONFIG_PATH
    if seed.project_dir:
        yield "root", SEED_CONFIG
    if names := [name for name in TIMES if environ.get(name, "").strip()]:
        yield "task_seconds", " and ".join(names)


@dataclass(frozen=True, slots=True)
class _Collector:
    problems: list[str]

    def __call__(self, read: Callable[[], T], otherwise: T) -> T:
        """What `read` gives; or `otherwise`, and one more problem."""
        try:
            return read()
        except ConfigError as error:
            self.problems.append(str(error))
            return otherwise


def default_agent_id(root: Path) -> str:
    """The same for the same person, machine and folder, and another one else: two checkouts are two agents."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a uid without a name
        user = "agent"
    where = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    words = re.sub(r"[^A-Za-z0-9@._-]+", "-", f"{user}@{socket.gethostname().partition('.')[0]}")
    return f"{words.lstrip('@._-')[:50] or 'agent'}-{where}"


# -------------------------------------------------------------------------------------- each layer


def _repository(root: Path) -> tuple[RepoConfig, Any]:
    path = root / CONFIG_PATH
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return RepoConfig(), None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{CONFIG_PATH} can't be read: {why}.") from error
    config = parse_repo_config(text)
    if isinstance(config, ConfigProblem):
        raise ConfigError(config.message)
    return config, parse_tracker_section(text)


def _said(config: RepoConfig) -> Iterator[tuple[str, str]]:
    """What the repository's file changes."""
    for part in fields(config):
        mine, default = getattr(config, part.name), getattr(RepoConfig(), part.name)
        if not is_dataclass(mine):
            if mine != default:
                yield part.name, CONFIG_PATH
        else:
            for each in fields(mine):
                if getattr(mine, each.name) != getattr(default, each.name):
                    yield f"{part.name}.{each.name}", CONFIG_PATH


_VARIABLES: Final[Mapping[str, str]] = {
    "AI_DEV_LOOP_COST_LIMIT": "limits.usd",
    "HEADLESS_PM_WORKTREE_BASE": "local.worktrees",
    "HEADLESS_PM_HOOK_TIMEOUT": "local.hook_seconds",
    "HEADLESS_PM_HEALTH_CHECK_INTERVAL": "local.health_seconds",
}
TIMES: Final = ("AI_DEV_LOOP_TIME_LIMIT", "HEADLESS_PM_CLAUDE_TIMEOUT")


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    for name, key in _VARIABLES.items():
        text = environ.get(name, "").strip()
        if text:
            yield Given(key, text, name, name)


def _from_flags(flags: Flags) -> Iterator[Given]:
    if flags.agent_id:
        yield Given("local.agent_id", flags.agent_id, "--agent-id", "--agent-id")
    if flags.hooks:
        yield Given("local.hooks", flags.hooks, "--hooks-dir", "--hooks-dir")
    if flags.runner == "sdk":
        yield Given("agent.backend", "claude-code", "--runner", "--runner")
        yield Given("local.on_failure", "stop", "--runner", "--runner")
    for key, text in (flags.settings or {}).items():
        yield Given(key, text, "what the call gave", key)


def _seconds(environ: Mapping[str, str], default: int) -> int:
    """For one task. Both variables are limits: where both are set, both hold."""
    given = [(name, text) for name in TIMES if (text := environ.get(name, "").strip())]
    for name, text in given:
        if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= _LONGEST):
            raise ConfigError(f"{name} takes a whole number of seconds from 1 to {_LONGEST:,}, not `{text[:40]}`.")
    return min((int(text) for _, text in given), default=default)


def _tracker(section: Any, name: str, file: str, flags: Flags) -> TrackerConfig:
    try:
        tracker = parse_tracker(section, name)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    if not isinstance(tracker, HeadlessPmConfig) or not flags.role:
        return tracker
    if flags.role == "fullstack_dev":
        raise ConfigError(
            "Headless PM has no role fullstack_dev: start one runner as backend_dev, one as frontend_dev."
        )
    return replace(tracker, role=flags.role)


def _role(role: str) -> str:
    if role and role not in ROLES:
        raise ConfigError(f"--role takes one of {', '.join(ROLES)}, not `{role[:40]}`.")
    return role


def _hooks(config: RepoConfig, flags: Flags, root: Path) -> Path | None:
    folder = _path(config.local.hooks, root)
    if folder is None or folder.is_dir():
        return folder
    if flags.hooks or config.local.hooks != Laptop().hooks:
        shown = "--hooks-dir" if flags.hooks else "`local.hooks`"
        raise ConfigError(f"{shown} is {config.local.hooks}, which is no folder: make it, or correct the path.")
    return None


def _asked(tracker: TrackerConfig, environ: Mapping[str, str]) -> str:
    return environ.get("BACKLOG_TASK_ID", "").strip() if isinstance(tracker, BacklogConfig) else ""


def _path(text: str, root: Path) -> Path | None:
    return root / Path(text).expanduser() if text.strip() else None


def _inside(folder: Path | None, root: Path) -> tuple[str, ...]:
    """The pattern that keeps a run from changing what is executed for the person."""
    if folder is None or not folder.resolve().is_relative_to(root.resolve()):
        return ()
    relative = folder.resolve().relative_to(root.resolve()).as_posix()
    return (f"/{relative}/**",)
