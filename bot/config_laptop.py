"""What the runner on a laptop is told by the environment, besides its settings (`bot.local.settings`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bot.config_reader import Reader, server_url
from bot.config_slack import SlackHooks
from bot.config_variables import SECRET_NAMES
from bot.core.secret import Secret
from bot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LaptopEnv:
    """What the runner on a laptop takes from outside, besides its settings."""

    token: Secret
    """GITHUB_TOKEN, else GH_TOKEN; empty: there is none, and branches stay on this machine."""
    api_url: str
    """Without a slash at the end, as is the next."""
    server_url: str
    api_key: Secret
    oauth_token: Secret
    model_url: str
    claude: str
    state: Path
    """Where we keep what belongs to no checkout: `$XDG_STATE_HOME/ai-ready`, by default `~/.local/state/ai-ready`."""
    secrets: tuple[Secret, ...] = ()
    """Everything that must never be shown."""
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The whole environment but our secrets, for those who pick from it by name (git, the agent's commands)."""
    keys: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    """Our secrets by the names of their variables."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "LaptopEnv":
        """Read and check everything. Raises `ConfigError`, which names the variable and what to do."""
        reader = Reader(environ)
        secret = SECRET_NAMES | SlackHooks.from_environ(environ).addresses.keys() | {"GH_TOKEN"}
        api_url = reader.address("GITHUB_API_URL", "https://api.github.com")
        state = reader.path("XDG_STATE_HOME")
        if state is None or not state.is_absolute():  # a relative one is to be ignored
            state = (reader.path("HOME") or Path.home()) / ".local" / "state"
        return cls(
            token=Secret(reader.text("GITHUB_TOKEN") or reader.text("GH_TOKEN")),
            api_url=api_url,
            server_url=reader.address("GITHUB_SERVER_URL", server_url(api_url)),
            api_key=Secret(reader.text("ANTHROPIC_API_KEY")),
            oauth_token=Secret(reader.text("CLAUDE_CODE_OAUTH_TOKEN")),
            model_url=reader.address("ANTHROPIC_BASE_URL", ""),
            claude=reader.text("AI_READY_CLAUDE"),
            state=state / "ai-ready",
            secrets=tuple(Secret(text) for name in sorted(secret) if (text := reader.text(name))),
            others=MappingProxyType({name: value for name, value in environ.items() if name not in secret}),
            keys=MappingProxyType({name: Secret(reader.text(name)) for name in secret}),
        )

    def key(self, name: str) -> Secret:
        """The key in the variable that a configuration names; empty: there is none."""
        return self.keys.get(name) or Secret(self.others.get(name, "").strip())

    def demand_model_key(self) -> None:
        """Raise `ConfigError` when there is no key for the model."""
        if not (self.api_key or self.oauth_token):
            raise ConfigError(
                "API key not found: set ANTHROPIC_API_KEY (or CLAUDE_CODE_OAUTH_TOKEN, from `claude setup-token`) in the "
                "environment."
            )
