"""The task source that an initialization writes to, opened; one that could not take its tasks is refused before it costs."""

from collections.abc import Mapping

from bot.local.settings import LocalSettings
from bot.local.source import open_source
from bot.trackers.config import GithubConfig, HeadlessPmConfig
from bot.trackers.tracker import SourceConfigError, Tracker


def open_for_new_tasks(settings: LocalSettings, environ: Mapping[str, str]) -> Tracker:
    """The source. Raises `SourceConfigError`."""
    match settings.tracker:
        case GithubConfig():
            raise SourceConfigError(
                "On GitHub a spec becomes issues there: put it into an issue and comment `/ai init` on that."
            )
        case HeadlessPmConfig(feature_id=0):
            raise SourceConfigError(
                "Headless PM keeps tasks in features: give the task source the `feature_id` for new ones."
            )
    return open_source(settings, environ)
