"""The runner for programs, by the names of the runner before: `RunnerConfig`, `AutonomousRunner`, `AutonomousRunnerSDK`.

`start()` ends when no task is ready, as it did there. What a `RunnerConfig` says wins over the files of the checkout; what
it has no word for (the task source, Slack, …) comes from them.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from bot.config import laptop_environ, parse_setting
from bot.errors import ConfigError
from bot.local.seed_config import SEED_CONFIG, read_seed_config
from bot.local.settings import Flags

_OURS: Final = {
    "backend": "agent.backend",
    "model": "agent.model",
    "max_tokens": "agent.max_tokens",
    "max_turns_per_task": "agent.max_turns",
    "max_tasks_per_session": "local.tasks",
    "rate_limit_rpm": "agent.requests_per_minute",
    "cost_limit_per_session": "local.usd",
    "execution_mode": "mode",
}
"""Field → key of ours."""


@dataclass(frozen=True)
class RunnerConfig:
    """What a runner goes by; each default is the documented one."""

    backend: str = "claude-code"
    model: str = "opus"
    max_tokens: int = 8192
    max_turns_per_task: int = 50
    max_tasks_per_session: int = 10
    rate_limit_rpm: int = 50
    cost_limit_per_session: float = 10.0
    execution_mode: str = "autonomous"
    path: Path | None = None
    """The file that it was read from; None: `.ai-agents/config.yml` of the checkout, where there is one."""

    @classmethod
    def from_yaml(cls, path: str | Path = SEED_CONFIG) -> Self:
        """What a file says. Raises `ConfigError`, with the first thing that is wrong in it."""
        found = read_seed_config(Path(path), laptop_environ(), shown=str(path))
        if found is None:
            raise ConfigError(f"Config file not found: {path}: correct the path.")
        for problem in found.problems:
            raise ConfigError(problem)
        names = {ours: name for name, ours in _OURS.items()}
        given: dict[str, Any] = {}
        for each in found.given:
            if name := names.get(each.key):
                given[name] = parse_setting(each.key, each.text, shown=each.shown)
        return cls(**given, path=Path(path))

    def flags(self, runner: str = "") -> Flags:
        """As our own command line would say it."""
        own = {_OURS[each.name]: str(getattr(self, each.name)) for each in fields(self) if each.name in _OURS}
        return Flags(runner="sdk" if runner == "sdk" else "", seed_config=self.path, settings=own)
