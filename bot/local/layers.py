"""Settings that somebody gave in one place, laid over those of another: which value counts, and where it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.config import parse_setting
from bot.core.settings import RepoConfig
from bot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Given:
    """One setting that somebody gave."""

    key: str
    """Ours, with its section: `limits.usd`."""
    text: str
    origin: str
    """What the person would look for: `--tasks`, `AI_DEV_LOOP_COST_LIMIT`, `.ai-agents/config.yml, line 7`."""
    shown: str = ""
    """What the person calls the key; empty: as we do."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The config with everything laid over it."""

    config: RepoConfig
    origins: Mapping[str, str]
    """By key: where its value came from."""
    problems: tuple[str, ...]
    """One sentence each: origin, key and fix."""


def lay(config: RepoConfig, over: Iterable[Given], origins: Mapping[str, str]) -> Laid:
    """`over` on top of `config`; of two with the same key the later one counts."""
    found, problems = dict(origins), []
    for each in over:
        try:
            value = parse_setting(each.key, each.text, shown=each.shown or each.key)
        except ConfigError as error:
            problems.append(str(error) if each.origin == each.shown else f"{each.origin}: {error}")
        else:
            config, found[each.key] = _with(config, each.key, value), each.origin
    return Laid(config, found, tuple(problems))


def _with(config: RepoConfig, key: str, value: Any) -> RepoConfig:
    section, _, name = key.rpartition(".")
    if not section:
        return replace(config, **{name: value})
    return replace(config, **{section: replace(getattr(config, section), **{name: value})})
