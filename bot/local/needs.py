"""What a run needs of this machine: looked at once, before any task hears of it."""

from bot.agent.isolation import demand_isolation
from bot.config import LaptopEnv
from bot.core.settings import RepoConfig
from bot.errors import Blocked, ConfigError
from bot.job.session import ModelAccess, check_agent


def demand_agent(config: RepoConfig, env: LaptopEnv) -> None:
    """Raise `ConfigError` when no agent can be started here: no other user can be had; a key, the CLI, the SDK is missing."""
    env.demand_model_key()
    access = ModelAccess.of(env, config.agent, config.agent.model, config.limits.usd)
    try:
        demand_isolation(config.agent.isolation)
        check_agent(access, path=env.others.get("PATH", ""))
    except Blocked as missing:
        raise ConfigError(missing.text) from missing
