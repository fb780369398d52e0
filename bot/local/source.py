"""The task source that the settings name, opened."""

from collections.abc import Mapping
from pathlib import Path

from bot.local.settings import LocalSettings
from bot.trackers.opening import open_tracker
from bot.trackers.tracker import SourceConfigError, Tracker


def checkout_of(folder: Path) -> Path:
    """The top of the checkout that `folder` is in; `folder` itself where it is in none."""
    here = folder.resolve()
    return next((each for each in (here, *here.parents) if (each / ".git").exists()), here)


def open_source(settings: LocalSettings, environ: Mapping[str, str]) -> Tracker:
    """The source; nothing is read or written yet. Raises `SourceConfigError`."""
    try:
        return open_tracker(settings.tracker, agent=settings.agent_id, root=settings.root, environ=environ)
    except SourceConfigError as error:
        raise SourceConfigError(f"Could not initialize state provider: {error}") from error
