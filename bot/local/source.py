"""The task source that the settings name, opened."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.config import laptop_env
from bot.core.secret import Secret
from bot.local.hooks import hook_environment
from bot.local.ports import RunTask
from bot.local.settings import LocalSettings
from bot.local.state import StateFolder
from bot.trackers.config import BacklogConfig, GithubConfig
from bot.trackers.opening import open_tracker
from bot.trackers.tracker import SourceConfigError, Tracker


def checkout_of(folder: Path) -> Path:
    """The top of the checkout that `folder` is in; `folder` itself where it is in none."""
    here = folder.resolve()
    return next((each for each in (here, *here.parents) if (each / ".git").exists()), here)


def open_source(
    settings: LocalSettings, environ: Mapping[str, str], say: Callable[[str], None] = lambda _: None
) -> Tracker:
    """The source; nothing is read or written yet. `say` hears what it tells by itself. Raises `SourceConfigError`."""
    agent, config = settings.agent_id, settings.tracker
    try:
        if isinstance(config, GithubConfig):
            from bot.local.github_source import open_github  # noqa: PLC0415 (brings the whole job)

            runs = StateFolder(settings.state_dir)
            return open_github(config, agent=agent, environ=environ, folder=runs.run, say=say)
        if isinstance(config, BacklogConfig):  # a program of others', as hooks are
            environ = hook_environment(environ, secrets_of(settings, environ))
        return open_tracker(config, agent=agent, root=settings.root, environ=environ)
    except SourceConfigError as error:
        raise SourceConfigError(f"Could not initialize state provider: {error}") from error


def secrets_of(settings: LocalSettings, environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Everything that a runner must never show, nor hand to a hook: also what only its settings name."""
    named = Secret(environ.get(getattr(settings.tracker, "api_key_env", ""), "").strip())
    known = (*laptop_env(environ).secrets, *settings.slack.secrets, named)
    return tuple(dict.fromkeys(secret for secret in known if secret))


def own_way(source: Tracker) -> RunTask | None:
    """What runs the tasks of a source that has a way of its own (GitHub: gate, work, publish); None: `task_run` does."""
    from bot.local.github_source import GitHubTasks  # noqa: PLC0415 (the same)

    return source.run_task if isinstance(source, GitHubTasks) else None
