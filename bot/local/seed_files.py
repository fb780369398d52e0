"""What `.ai-agents/config.yml` points to: the file itself, the checkout, words for the agent, a webhook, old tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.config import SlackHooks
from bot.errors import ConfigError
from bot.local.seed_config import SEED_CONFIG, TASKS, SeedConfig, read_seed_config
from bot.local.seed_keys import KEYS
from bot.trackers.config import FileConfig, TrackerConfig

OLD_TASKS: Final = "tasks.json"
"""All tasks of the runner that this one took over from, in the folder `state_dir` of its config."""

LONGEST_PROMPT: Final = 20_000
"""Characters of a file with words for the agent."""

_PROMPT: Final = next(each.default for each in KEYS if each.key == "autonomous.system_prompt_path")


def chosen(path: Path | None, environ: Mapping[str, str], root: Path) -> SeedConfig:
    """The file in the checkout, or the one at `path`. Never raises."""
    found = read_seed_config(path or root / SEED_CONFIG, environ, shown=str(path or SEED_CONFIG))
    if found is None and path:
        return SeedConfig(problems=(f"Config file not found: {path}: correct the path, or leave it out.",))
    return found or SeedConfig()


def project(seed: SeedConfig, root: Path) -> Path:
    """The checkout to work in, which may be another one than the file's. Raises `ConfigError`."""
    if not seed.project_dir:
        return root
    folder = root / Path(seed.project_dir).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"`autonomous.project_dir` is {seed.project_dir}, which is no folder: correct it, or take it out."
        )
    return folder


def instructions(seed: SeedConfig, root: Path) -> str:
    """The words for the agent. Raises `ConfigError`."""
    if not seed.instructions:
        return ""
    try:
        return (root / Path(seed.instructions).expanduser()).read_text(encoding="utf-8")[:LONGEST_PROMPT].strip()
    except FileNotFoundError:
        if seed.instructions == _PROMPT:
            return ""  # it stands in the example, whether there is such a file or not
        why = "it is not there"
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it is not UTF-8 text"
    raise ConfigError(f"`autonomous.system_prompt_path` is {seed.instructions}, which can't be read: {why}.")


def webhooks(seed: SeedConfig, environ: Mapping[str, str]) -> SlackHooks:
    """Of the environment, and the one whose address stands in the file. Raises `ConfigError`."""
    if not seed.webhook:
        return SlackHooks.from_environ(environ)
    hooks = SlackHooks.from_environ({**environ, "SLACK_WEBHOOK_URL": seed.webhook.reveal()})
    if hooks.stray:
        raise ConfigError(
            f"{SEED_CONFIG}: `progress.slack_webhook` holds no address of a Slack webhook "
            "(https://hooks.slack.com/services/…): put it into SLACK_WEBHOOK_URL and write `${SLACK_WEBHOOK_URL}`."
        )
    return hooks


def old_tasks(seed: SeedConfig, root: Path) -> tuple[Path, Path] | None:
    """The old file with all tasks, and the folder where ours belong; None: there is no such file."""
    tracker = seed.tracker or seed.default
    if not tracker or tracker["type"] != "file":
        return None
    folder = root / tracker["folder"]
    old = folder.parent / OLD_TASKS
    return (old, folder) if old.is_file() else None


def refuse_old_tasks(tracker: TrackerConfig, root: Path) -> None:
    """Raise `ConfigError` for tasks that nobody would see any more."""
    if not isinstance(tracker, FileConfig):
        return
    folder = Path(tracker.folder)
    if folder.name == TASKS and (root / folder.parent / OLD_TASKS).is_file() and not (root / folder).is_dir():
        old = folder.parent / OLD_TASKS
        raise ConfigError(f"{old} has tasks in the old format: `ai-ready config --import-tasks` makes a file of each.")
