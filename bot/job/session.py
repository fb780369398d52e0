"""One session with an agent, as `work` sees it: ask, ask again, and what it has used so far.

`Agent` is the small interface behind which backends are interchangeable, and `agent_session` picks one: headless Claude
(`claude_session`), or the Messages API by the official SDK (`bot.job.sdk_session`), both behind the key proxy. The heavy
parts (the proxy's HTTP, the SDK) are imported when a session starts.
"""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from bot.agent.answer import Form
from bot.agent.anthropic_pace import Pace
from bot.agent.places import reachable
from bot.agent.process import environment
from bot.config import ActionEnv, LaptopEnv
from bot.core.run import AgentReport
from bot.core.secret import Secret
from bot.core.settings import AgentSettings
from bot.errors import ConfigError
from bot.job.narrator import Narrator
from bot.job.workspace import Ground

if TYPE_CHECKING:
    from bot.agent.claude_code import Cli
    from bot.agent.key_proxy import KeyProxy
    from bot.agent.mcp_proxy import McpDoor


@dataclass(frozen=True, slots=True)
class Ask:
    """One message to the agent, and what it may still use."""

    prompt: str
    workspace: Path
    seconds: float
    turns: int
    env: Mapping[str, str] = field(default_factory=dict)
    """`checks.env`: what the repository's commands get, too."""
    read_only: bool = False
    """It may look, and change nothing."""
    context: float = 1.0
    """Share of its context window at which it is stopped."""
    form: Form | None = None
    """How it has to answer; None: with a run's own verdict."""
    usd: float | None = None
    """What this ask may cost; None: what is left of the run's money."""


class Agent(Protocol):
    """An agent that keeps its memory between asks. Afterwards no process of it is alive."""

    def ask(self, ask: Ask) -> AgentReport:
        """Let it work; what happened, as facts. Costs in the report are of the whole session."""
        ...


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """How to reach the model, and how much of it a run may use."""

    model: str
    usd: float
    api_key: Secret = Secret("")
    oauth_token: Secret = Secret("")
    """Used only where there is no API key, as the CLI itself prefers."""
    base_url: str = ""
    """ANTHROPIC_BASE_URL; empty: the official host."""
    cli: str = ""
    """AI_READY_CLAUDE."""
    settings: AgentSettings = AgentSettings()
    """Which backend, and its own limits; the model is `model`."""
    linear_key: Secret = Secret("")
    """Where there is one, the Claude CLI may read in Linear with it, without having it."""
    pace: Pace | None = None
    """Of requests of the backend `anthropic-sdk`, where several sessions keep to one."""

    @classmethod
    def of(cls, env: ActionEnv | LaptopEnv, settings: AgentSettings, model: str, usd: float) -> Self:
        """With the keys and addresses of our environment."""
        return cls(model, usd, env.api_key, env.oauth_token, base_url=env.model_url, cli=env.claude, settings=settings)


@contextlib.contextmanager
def agent_session(access: ModelAccess, ground: Ground) -> Iterator[Agent]:
    """The agent that `access.settings.backend` names.

    Raises `Blocked(setup-failed)` or `ConfigError`: what the backend needs is not here.
    """
    if access.settings.backend == "anthropic-sdk":
        from bot.job.sdk_session import sdk_session  # noqa: PLC0415 (see the module's docstring)

        with sdk_session(access, ground) as agent:
            yield agent
    else:
        with claude_session(access, ground) as agent:
            yield agent


def check_agent(access: ModelAccess, *, path: str) -> None:
    """Whether the backend can be used here at all; `path` is where programs are. For those who ask before they claim.

    Raises `Blocked(setup-failed)` or `ConfigError`: what it needs is not here.
    """
    if access.settings.backend == "anthropic-sdk":
        from bot.job.sdk_session import check_sdk  # noqa: PLC0415

        check_sdk(access)
    else:
        from bot.agent.claude_code import claude_version, find_cli  # noqa: PLC0415

        claude_version(find_cli(access.cli, path=path))
        if not access.api_key and not access.oauth_token:
            raise ConfigError("API key not found: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN.")


@contextlib.contextmanager
def claude_session(access: ModelAccess, ground: Ground) -> Iterator[Agent]:
    """Headless Claude as the isolation's user, the key on our side of a loopback proxy.

    Raises `Blocked(setup-failed)` when there is no CLI that can be used.
    """
    from bot.agent.claude_code import Cli, claude_version, find_cli  # noqa: PLC0415 (see the module's docstring)
    from bot.agent.key_proxy import Credential, serve_key_proxy  # noqa: PLC0415
    from bot.agent.mcp_proxy import serve_mcp_proxy  # noqa: PLC0415

    path = reachable(find_cli(access.cli, path=ground.environ.get("PATH", "")), root=ground.root)
    cli = Cli(path, claude_version(path))
    credential = (
        Credential("api-key", access.api_key.reveal())
        if access.api_key
        else Credential("oauth", access.oauth_token.reveal())
    )
    with contextlib.ExitStack() as stack:
        uid = ground.isolation.uid
        proxy = stack.enter_context(
            serve_key_proxy(credential, budget_usd=access.usd, upstream=access.base_url, uid=uid)
        )
        narrator = Narrator(ground.tell, spent_usd=lambda: proxy.spent_usd)
        key = access.linear_key
        linear = stack.enter_context(serve_mcp_proxy(key.reveal(), uid=uid)) if key else None
        yield ClaudeSession(access, ground, cli, proxy, narrator, linear)


@dataclass(slots=True)
class ClaudeSession:
    """A conversation with the CLI: the first ask begins it, the next ones go on."""

    access: ModelAccess
    ground: Ground
    cli: "Cli"
    proxy: "KeyProxy"
    narrator: Narrator
    linear: "McpDoor | None" = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    begun: bool = False

    def ask(self, ask: Ask) -> AgentReport:
        """Spawn the CLI once."""
        from bot.agent.claude_code import AgentJob, run_claude  # noqa: PLC0415

        ground = self.ground
        job = AgentJob(
            prompt=ask.prompt,
            workspace=ask.workspace,
            model=self.access.model,
            max_turns=ask.turns,
            usd=self._most_usd(ask),
            seconds=ask.seconds,
            session_id=self.id,
            resume=self.begun,
            env=environment(ground.isolation, ground.environ, ask.env),
            read_only=ask.read_only,
            context=ask.context,
            form=ask.form,
        )
        self.begun = True
        self.narrator.attempt(ask.workspace, ask.turns)
        report = run_claude(job, self.cli, ground.isolation, self.proxy, cancel=ground.cancel, hear=self.narrator.hear)
        self.narrator.ended(report)
        return report

    def _most_usd(self, ask: Ask) -> float:
        """The CLI counts a session from its beginning."""
        return self.access.usd if ask.usd is None else min(self.access.usd, self.proxy.spent_usd + ask.usd)
