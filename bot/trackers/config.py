"""Which task source, and where: the section `tracker` of a configuration → one frozen dataclass. Pure and strict.

`opening.open_tracker` makes a tracker of it. Keys and addresses of servers come from the environment alone: a file in a
repository, which others may change, never says where a key of yours is sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from bot.core.names import REPOSITORY
from bot.errors import ConfigError
from bot.trackers.tracker import Status

_KEYS_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"linear": ("LINEAR", "LINEAR_API_KEY"), "github": ("GITHUB", "GITHUB_TOKEN")}
)
"""What has to be in the name of a key's variable, and an example: a file in a repository names no other key of yours."""
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_NO_NAMES: Final[Mapping[Status, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FileConfig:
    """Markdown files in a folder: the default.

    tracker:
      type: file
      folder: .ai-ready/tasks
    """

    folder: str = ".ai-ready/tasks"


@dataclass(frozen=True, slots=True)
class BacklogConfig:
    """A Backlog.md project, through its command.

    tracker:
      type: backlog
      folder: .
      command: backlog
      statuses: {in_review: Review}
    """

    folder: str = "."
    command: str = "backlog"
    statuses: Mapping[Status, str] = field(default_factory=lambda: _NO_NAMES)


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """A team in Linear, or one of its projects.

    tracker:
      type: linear
      api_key_env: LINEAR_API_KEY
      team_id: ""
      project_name: ""
      statuses: {blocked: Blocked, in_review: In Review}
    """

    api_key_env: str = "LINEAR_API_KEY"
    team_id: str = ""
    """Its id or its key (`ENG`); empty: the only one there is."""
    project_name: str = ""
    statuses: Mapping[Status, str] = field(default_factory=lambda: _NO_NAMES)


@dataclass(frozen=True, slots=True)
class HeadlessPmConfig:
    """A Headless PM server.

    tracker:
      type: headless-pm
      role: backend_dev
      level: senior
      feature_id: 0
    """

    role: str = "backend_dev"
    level: str = "senior"
    feature_id: int = 0
    """Where new tasks go."""


@dataclass(frozen=True, slots=True)
class GithubConfig:
    """Issues of a GitHub repository that somebody who may ask has asked for.

    tracker:
      type: github
      repo: owner/name
      api_key_env: GITHUB_TOKEN
    """

    repo: str = ""
    """Empty: GITHUB_REPOSITORY says which."""
    api_key_env: str = "GITHUB_TOKEN"


TrackerConfig = FileConfig | BacklogConfig | LinearConfig | HeadlessPmConfig | GithubConfig

_TYPES: Final[Mapping[str, type[TrackerConfig]]] = MappingProxyType(
    {
        "file": FileConfig,
        "backlog": BacklogConfig,
        "linear": LinearConfig,
        "headless-pm": HeadlessPmConfig,
        "github": GithubConfig,
    }
)
_CHOICES: Final = MappingProxyType(
    {
        "role": ("frontend_dev", "backend_dev", "qa", "architect", "pm"),
        "level": ("junior", "senior", "principal"),
    }
)


def parse(section: Any, where: str = "tracker") -> TrackerConfig:
    """The configuration in a section as YAML loads it. Raises `ConfigError`, which names the key."""
    if section is None:
        return FileConfig()
    if not isinstance(section, dict):
        raise ConfigError(f"`{where}` must have keys of its own, the first of them `type: file`.")
    kind = section.get("type", "file")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ConfigError(f"`{where}.type` must be one of {', '.join(_TYPES)}, not {_shown(kind)}.")
    chosen = _TYPES[kind]
    known = [each.name for each in fields(chosen)]
    values: dict[str, Any] = {}
    for key, value in section.items():
        if key == "type" or value is None:
            continue
        if key not in known:
            raise ConfigError(f"`{where}.{key}` is no key of the task source {kind}{_near(str(key), known)}")
        values[key] = _value(f"{where}.{key}", str(key), value, kind)
    return chosen(**values)


def kind_of(config: TrackerConfig) -> str:
    """What `type` says in the section."""
    return next(kind for kind, chosen in _TYPES.items() if isinstance(config, chosen))


def _value(where: str, key: str, value: Any, kind: str) -> Any:
    if key == "statuses":
        return _statuses(where, value)
    if key == "feature_id":
        if type(value) is not int or value < 0:
            raise ConfigError(f"`{where}` must be a whole number, not {_shown(value)}.")
        return value
    if not isinstance(value, str) or "\0" in value or "\n" in value:
        raise ConfigError(f"`{where}` must be a text, not {_shown(value)}: put it in quotes.")
    text = value.strip()
    if key in _CHOICES and text not in _CHOICES[key]:
        raise ConfigError(f"`{where}` must be one of {', '.join(_CHOICES[key])}, not {_shown(value)}.")
    if key in ("folder", "command") and not text:
        raise ConfigError(f"`{where}` must not be empty.")
    if key == "command" and "/" in text and not text.startswith("/"):
        raise ConfigError(
            f"`{where}` must be the name of a command on PATH or a whole path, not {_shown(value)}: a file of the checkout "
            "may be an agent's."
        )
    if key == "api_key_env":
        word, example = _KEYS_NAMES[kind]
        if not (_VARIABLE.fullmatch(text) and word in text):
            raise ConfigError(f"`{where}` must be a variable's name with {word} in it, such as {example}.")
    if key == "repo" and text and not REPOSITORY.fullmatch(text):
        raise ConfigError(f"`{where}` must be a repository such as `owner/name`, not {_shown(value)}.")
    return text


def _statuses(where: str, value: Any) -> Mapping[Status, str]:
    """The source's own names, by ours."""
    if not isinstance(value, dict):
        raise ConfigError(f"`{where}` must have lines such as `blocked: Blocked`.")
    found: dict[Status, str] = {}
    for key, name in value.items():
        if key not in list(Status):
            raise ConfigError(f"`{where}.{key}` is no status; there are {', '.join(Status)}.")
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"`{where}.{key}` must be the name that the task source has for it.")
        found[Status(key)] = name.strip()
    twice = {
        name.casefold() for name in found.values() if [*map(str.casefold, found.values())].count(name.casefold()) > 1
    }
    if twice:
        raise ConfigError(f"`{where}` has {' and '.join(sorted(twice))} twice: a name can mean one status only.")
    return MappingProxyType(found)


def _near(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.75)
    return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}."


def _shown(value: Any) -> str:
    return f"`{str(value)[:40]}`"
