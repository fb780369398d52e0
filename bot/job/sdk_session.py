"""A session over the Messages API: the key proxy as for the CLI, and a conversation by the official SDK."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.agent.anthropic_pace import Pace
from bot.agent.key_proxy import Credential, serve_key_proxy
from bot.agent.process import environment
from bot.agent.uids import tool
from bot.core.names import Reason
from bot.core.run import AgentReport
from bot.errors import Blocked, ConfigError
from bot.job.narrator import Narrator
from bot.job.session import Agent, Ask, ModelAccess
from bot.job.workspace import Ground

if TYPE_CHECKING:
    from bot.agent.anthropic_agent import Conversation
    from bot.agent.key_proxy import KeyProxy


@contextlib.contextmanager
def sdk_session(access: ModelAccess, ground: Ground) -> Iterator[Agent]:
    """The model with a shell and an editor of ours, which run as the isolation's user; the key stays with the proxy.

    Raises `ConfigError` without an API key, `Blocked(setup-failed)` without the SDK.
    """
    check_sdk(access)
    from bot.agent.anthropic_agent import Conversation, Line  # noqa: PLC0415 (the SDK takes a while to import)

    credential = Credential("api-key", access.api_key.reveal())
    with serve_key_proxy(credential, budget_usd=access.usd, upstream=access.base_url, uid=os.geteuid()) as proxy:
        narrator = Narrator(ground.tell, spent_usd=lambda: proxy.spent_usd)
        line = Line(
            access.model, proxy, ground.isolation, ground.cancel, narrator.hear, max_tokens=access.settings.max_tokens
        )
        pace = access.pace or Pace(access.settings.requests_per_minute)
        yield SdkSession(access, ground, proxy, narrator, Conversation(line, pace))


def check_sdk(access: ModelAccess) -> None:
    """Whether this backend can be used at all. Raises `ConfigError` or `Blocked(setup-failed)`."""
    if not access.api_key:
        only = " (CLAUDE_CODE_OAUTH_TOKEN works with the backend `claude-code` alone)" if access.oauth_token else ""
        raise ConfigError(f"API key not found: the backend `anthropic-sdk` needs ANTHROPIC_API_KEY{only}.")
    demand_sdk()


def demand_sdk() -> None:
    """Raise `Blocked(setup-failed)` without the SDK, or without a shell for the model."""
    try:
        import anthropic  # noqa: F401, PLC0415
    except ImportError:
        text = "The backend `anthropic-sdk` needs the SDK: pip install 'ai-ready-bot[sdk]'."
        raise Blocked(Reason.SETUP_FAILED, text) from None
    tool("bash")


@dataclass(frozen=True, slots=True)
class SdkSession:
    """One conversation: each ask goes on in it."""

    access: ModelAccess
    ground: Ground
    proxy: "KeyProxy"
    narrator: Narrator
    talk: "Conversation"

    def ask(self, ask: Ask) -> AgentReport:
        """Ask once."""
        from bot.agent.anthropic_agent import SdkJob  # noqa: PLC0415

        most = self.access.usd if ask.usd is None else min(self.access.usd, self.proxy.spent_usd + ask.usd)
        job = SdkJob(
            prompt=ask.prompt,
            workspace=ask.workspace,
            max_turns=ask.turns,
            usd=most,
            seconds=ask.seconds,
            env=environment(self.ground.isolation, self.ground.environ, ask.env),
            read_only=ask.read_only,
            context=ask.context,
            form=ask.form,
        )
        self.narrator.attempt(ask.workspace, ask.turns)
        report = self.talk.ask(job)
        self.narrator.ended(report)
        return report
