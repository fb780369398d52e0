"""What a run needs of this machine: looked at once, before any task hears of it."""

from pathlib import Path

from bot.agent.isolation import isolation_for, run_root
from bot.config import LaptopEnv
from bot.core.settings import RepoConfig
from bot.errors import Blocked, ConfigError
from bot.job.session import ModelAccess, check_agent


def demand_agent(config: RepoConfig, env: LaptopEnv) -> None:
    """Raise `ConfigError` when no agent can be started here: a key, the CLI, the SDK is missing."""
    env.demand_model_key()
    access = ModelAccess(
        config.agent.model,
        config.limits.usd,
        env.api_key,
        env.oauth_token,
        base_url=env.model_url,
        cli=env.claude,
        settings=config.agent,
    )
    try:
        check_agent(access, path=env.others.get("PATH", ""))
    except Blocked as missing:
        raise ConfigError(missing.text) from missing


def demand_isolation(config: RepoConfig) -> None:
    """Raise `ConfigError` when `agent.isolation` asks for another user, and none can be had here."""
    if config.agent.isolation == "none":
        return
    try:
        root = run_root()
        try:
            with isolation_for("auto", root=root, log=lambda _: None) as isolation:
                isolation.discard(root)
        finally:
            _remove(root)
    except Blocked as problem:
        raise ConfigError(problem.text) from problem


def _remove(root: Path) -> None:
    if root.exists():  # nobody else ever had it
        root.rmdir()
