"""One conversation by the real SDK with a scripted model: what the tests of the second backend work at."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.agent.anthropic_agent import Conversation, Line, SdkJob
from bot.agent.anthropic_pace import Pace
from bot.agent.key_proxy import Credential, KeyProxy, serve_key_proxy
from bot.agent.launching import Isolation
from bot.agent.process import Cancel, environment
from bot.agent.stream import Said
from bot.core.run import AgentReport
from bot.core.verdict import Bounds, agent_refusal
from bot.sandbox.model import Scene, Script, ScriptedModel, Tool, Turn, serve_model

KEY = "sk-ant-REAL-0123456789"


@dataclass
class Desk:
    """One conversation: what a test changes, and what it looks at."""

    isolation: Isolation
    model: ScriptedModel
    proxy: KeyProxy
    job: SdkJob
    script: Script
    heard: list[Said] = field(default_factory=list)
    cancel: Cancel = field(default_factory=Cancel)
    talk: Conversation | None = None
    max_tokens: int = 8192
    requests_per_minute: int = 1000

    def run(self, *turns: Turn, **changes: object) -> AgentReport:
        if turns:
            self.script.scenes[:] = [Scene("", *turns)]
            self.script._at.clear()
        line = Line("opus", self.proxy, self.isolation, self.cancel, self.heard.append, self.max_tokens)
        self.talk = self.talk or Conversation(line, Pace(self.requests_per_minute))
        return self.talk.ask(replace(self.job, **changes))  # type: ignore[arg-type]

    @property
    def workspace(self) -> Path:
        return self.job.workspace

    @property
    def results(self) -> list[str]:
        """What the model was told of its tools, oldest first."""
        last: Any = self.model.requests[-1].body["messages"]
        blocks = [block for said in last if said["role"] == "user" for block in said["content"]]
        return [str(block["content"]) for block in blocks if block["type"] == "tool_result"]


@contextmanager
def at_a_desk(root: Path, isolation: Isolation) -> Iterator[Desk]:
    """In a workspace of its own."""
    workspace = Path(tempfile.mkdtemp(dir=root))
    workspace.chmod(0o755)
    isolation.own(workspace)
    env = environment(isolation, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, {"FROM_CHECKS": "yes"})
    job = SdkJob("Do the task.", workspace, max_turns=20, usd=5, seconds=60, env=env)
    script = Script()
    with (
        serve_model(script, key=KEY) as model,
        serve_key_proxy(Credential("api-key", KEY), budget_usd=5, upstream=model.url, uid=os.geteuid()) as proxy,
    ):
        yield Desk(isolation, model, proxy, job, script)


def tool(name: str, **asked: object) -> Turn:
    return Turn(tools=(Tool(name, asked),))


def verdict(report: AgentReport) -> str:
    """The reason that the one verdict gives for this end; empty: it ended well."""
    refusal_ = agent_refusal(report, Bounds(usd=5, minutes=1, max_turns=20))
    return refusal_.reason.value if refusal_ else ""
