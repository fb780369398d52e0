"""A configuration → a tracker for one agent. Imports a source only when it is the one that was chosen."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.core.secret import Secret
from bot.trackers.config import BacklogConfig, FileConfig, GithubConfig, HeadlessPmConfig, LinearConfig, TrackerConfig
from bot.trackers.tracker import SourceConfigError, Tracker

HEADLESS_PM_URL: Final = "http://localhost:6969"
_API: Final = "/api/v1"
_AGENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""It goes into labels, comments and YAML."""


def open_tracker(config: TrackerConfig, *, agent: str, root: Path, environ: Mapping[str, str]) -> Tracker:
    """The tracker; nothing is read or written yet. `root`: what folders are relative to.

    Raises `SourceConfigError` for a variable that is missing, or an agent's name that a source could not hold; and for
    GitHub, whose tasks start as runs of the Action do: `bot.local.github_source.open_github`.
    """
    if not _AGENT.fullmatch(agent):
        raise SourceConfigError(
            f"An agent's name has letters, digits and . _ @ - only, 64 at most: not `{agent[:80]}`."
        )
    match config:
        case FileConfig():
            from bot.trackers.file_source import FileTracker  # noqa: PLC0415

            return FileTracker(_inside(root, config.folder), agent)
        case BacklogConfig():
            from bot.trackers.backlog import DEFAULT_NAMES, BacklogTracker  # noqa: PLC0415
            from bot.trackers.backlog_cli import BacklogCli  # noqa: PLC0415

            cli = BacklogCli(root / config.folder, config.command, environ)
            return BacklogTracker(cli, agent, {**DEFAULT_NAMES, **config.statuses})
        case HeadlessPmConfig():
            return _headless_pm(config, agent, environ)
        case LinearConfig():
            return _linear(config, agent, environ)
        case GithubConfig():
            raise SourceConfigError(
                "GitHub issues are planned on GitHub: put the spec into an issue and comment `/ai init` there."
            )


def _inside(root: Path, folder: str) -> Path:
    """The folder of tasks. One that seems to be in the checkout is there: a link that came with it leads to no other."""
    path = root / folder
    said, real = Path(os.path.normpath(root.resolve() / folder)), path.resolve()
    if said.is_relative_to(root.resolve()) and not real.is_relative_to(root.resolve()):
        raise SourceConfigError(
            f"The task folder {path} is a link out of the checkout: name {real} as `folder`, if you mean it."
        )
    return path


def _linear(config: LinearConfig, agent: str, environ: Mapping[str, str]) -> Tracker:
    from bot.trackers.http import JsonApi  # noqa: PLC0415
    from bot.trackers.linear import LinearTracker, Scope  # noqa: PLC0415
    from bot.trackers.linear_api import URL, LinearApi  # noqa: PLC0415

    key = _key(environ, config.api_key_env, "linear")
    api = LinearApi(JsonApi("Linear", URL, {"Authorization": key}), config.api_key_env)
    return LinearTracker(api, agent, Scope(config.team_id, config.project_name, config.statuses))


def _headless_pm(config: HeadlessPmConfig, agent: str, environ: Mapping[str, str]) -> Tracker:
    from bot.trackers.headless_pm import HeadlessPmTracker  # noqa: PLC0415
    from bot.trackers.http import JsonApi  # noqa: PLC0415

    url = (environ.get("HEADLESS_PM_API_URL", "").strip() or HEADLESS_PM_URL).rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise SourceConfigError("HEADLESS_PM_API_URL is not an address such as http://localhost:6969.")
    if "@" in urlsplit(url).netloc:
        raise SourceConfigError("HEADLESS_PM_API_URL carries a user name or a password: leave that out.")
    key = _key(environ, "HEADLESS_PM_API_KEY", "headless-pm")
    api = JsonApi("Headless PM", url.removesuffix(_API) + _API, {"X-API-Key": key})
    return HeadlessPmTracker(api, agent, config.role, config.level, config.feature_id)


def _key(environ: Mapping[str, str], name: str, source: str) -> Secret:
    text = environ.get(name, "").strip()
    if not text:
        raise SourceConfigError(f"API key not found: {name} is not set, and the task source {source} needs it.")
    return Secret(text)
