"""One spawn of headless Claude: find the CLI, start it apart from us, follow it, end it, report the facts.

Owns the command line and the environment of `claude -p`. Whether the facts mean success is `core.verdict`'s to
say. Each flag and variable below was measured on CLI 2.1.329.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.agent.answer import Form
from bot.agent.context import window_of
from bot.agent.key_proxy import KeyProxy
from bot.agent.launching import Isolation
from bot.agent.mcp_proxy import McpDoor
from bot.agent.process import Cancel, Command, Ended, Lines, Running, Tail
from bot.agent.stream import Begun, Result, Returned, Said, Spoke, parse
from bot.core.names import Reason
from bot.core.run import AgentReport
from bot.errors import Blocked

OLDEST = (2, 1, 128)
"""Below this, `--json-schema` and the fields of the result differ."""

TOOLS = "Read,Write,Edit,Glob,Grep,Bash,TodoWrite"
READING_TOOLS = "Read,Glob,Grep,TodoWrite"
"""What is left where nothing may be changed: the CLI does not know the others then, and neither does the model."""

SCHEMA = (
    '{"type":"object","properties":{"verdict":{"type":"string","enum":["done","blocked","needs-input"]},'
    '"summary":{"type":"string"},"reason":{"type":"string"},"replies":{"type":"array","items":{"type":"object",'
    '"properties":{"thread":{"type":"string"},"text":{"type":"string"}},"required":["thread","text"]}}},'
    '"required":["verdict","summary","reason"],"additionalProperties":false}'
)
"""What the agent has to say at its end. `reason`: why it is blocked, or what it asks; `replies`: to reviewers."""

MCP_KEY = "AI_READY_MCP_KEY"
"""The variable with the run's key to `mcp_proxy`."""

AFTER_RESULT = 30.0
"""Seconds the CLI may take to exit after its result: children that hold its pipes can keep it for ever."""

LONGEST_LINE = 16 << 20
"""Bytes of one line of its output; a bigger one ends the run (`flooded`)."""

LONGEST_ANSWER = 20_000
"""Characters kept of the agent's summary and reason."""

MOST_REPLIES = 100


@dataclass(frozen=True, slots=True)
class Cli:
    """A Claude CLI that can be started."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class AgentJob:
    """What one spawn is asked to do, and within which limits."""

    prompt: str
    workspace: Path
    model: str
    max_turns: int
    usd: float
    """The CLI's own look at the money, after each turn; the proxy's is the one that holds."""
    seconds: float
    session_id: str
    """A UUID of ours; the same again with `resume` goes on in that session."""
    resume: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    """`process.environment`: what the repository's commands get, the agent's Bash included."""
    max_retries: int = 7
    """How often the CLI asks the API again, in steps of 0.5 s doubled: bridges about a minute without network."""
    after_result: float = AFTER_RESULT
    read_only: bool = False
    """It gets no tool that can change anything."""
    context: float = 1.0
    """Share of the model's context window at which it is stopped (`context`), once its tools have ended."""
    form: Form | None = None
    """How it has to answer; None: by `SCHEMA`."""
    linear: McpDoor | None = None
    """Where it may read in Linear."""


def find_cli(configured: str = "", *, path: str = "") -> Path:
    """The CLI: `configured` (AI_READY_CLAUDE), else on `path`, else the one claude-agent-sdk's wheel carries.

    The SDK is looked up without importing it. Raises `Blocked(setup-failed)` when there is none.
    """
    if configured:
        if not Path(configured).is_file():
            raise Blocked(
                Reason.SETUP_FAILED, f"Claude Code CLI not found: AI_READY_CLAUDE names {configured}, which is no file."
            )
        return Path(configured).absolute()
    if path and (found := shutil.which("claude", path=path)):
        return Path(found).absolute()
    sdk = importlib.util.find_spec("claude_agent_sdk")
    for folder in (sdk.submodule_search_locations or ()) if sdk else ():
        if (bundled := Path(folder) / "_bundled" / "claude").is_file():
            return bundled
    raise Blocked(
        Reason.SETUP_FAILED,
        "Claude Code CLI not found: install `ai-ready-bot[agent]`, put `claude` on PATH, or name it in AI_READY_CLAUDE.",
    )


def claude_version(path: Path) -> str:
    """What the CLI at `path` says its version is. Raises `Blocked(setup-failed)` when it can't say, or is too old."""
    try:
        done = subprocess.run(
            (str(path), "--version"),
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Blocked(Reason.SETUP_FAILED, f"The Claude CLI at {path} does not start: {error}.") from None
    found = re.match(rb"(\d+)\.(\d+)\.(\d+)", done.stdout)
    if found is None:
        raise Blocked(Reason.SETUP_FAILED, f"{path} does not say its version, so it is no Claude CLI we know.")
    if tuple(map(int, found.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Blocked(Reason.SETUP_FAILED, f"The Claude CLI is {found[0].decode()}; at least {oldest} is needed.")
    return found[0].decode()


def run_claude(
    job: AgentJob,
    cli: Cli,
    isolation: Isolation,
    proxy: KeyProxy,
    *,
    cancel: Cancel,
    hear: Callable[[Said], None],
) -> AgentReport:
    """Run the agent to its end, its limits or a cancel, and say what happened. Nothing of it is alive afterwards.

    `hear` gets what the CLI says, as it says it.
    """
    before = proxy.refused
    watch = _Watch(hear, job.model, job.form or FORM)
    command = Command(
        _argv(job, cli), job.workspace, _environment(job, isolation, proxy), job.seconds, job.prompt.encode()
    )
    running = Running(command, isolation, cancel)

    def on_line(line: str) -> None:
        if watch.take(line):
            running.hurry(job.after_result, "hung")
        elif watch.may_stop and watch.context >= job.context:
            running.stop("context")

    stderr = Tail(20)
    out = Lines(on_line, LONGEST_LINE, lambda: running.stop("flooded"))
    ended = running.run(out, Lines(stderr.add))
    metered = proxy.meter.settled_usd(seconds=2.0)
    report = watch.report(ended, stderr.text(), metered)
    # The CLI is the agent's: what it says beyond the budget, which the proxy holds, would only use up other runs' money.
    report = replace(report, usd=min(report.usd, max(metered, proxy.meter.budget_usd)))
    if proxy.refused > before and not report.stopped_for:
        return replace(report, stopped_for="over-budget")  # to the CLI, the proxy's refusal was some API error
    return report


def _argv(job: AgentJob, cli: Cli) -> tuple[str, ...]:
    session = "--resume" if job.resume else "--session-id"
    tools = READING_TOOLS if job.read_only else TOOLS
    allowed = f"{tools},mcp__linear" if job.linear else tools
    return (
        *(str(cli.path), "-p", "--output-format", "stream-json", "--verbose"),
        # Nothing of the checked-out repository is obeyed: no hooks, no MCP servers, no CLAUDE.md, no skills.
        *("--setting-sources", "user", "--strict-mcp-config", "--disable-slash-commands"),
        # With nobody to ask, every other mode denies ordinary work (`&`, curl, dotfiles) and says so only in
        # `permission_denials`. The wall is the uid, not the CLI's opinion of a command.
        *("--permission-mode", "bypassPermissions", "--tools", tools, "--allowedTools", allowed),
        *("--json-schema", (job.form or FORM).schema, "--max-turns", str(job.max_turns), "--model", job.model),
        *("--max-budget-usd", f"{job.usd:.2f}"),
        *(session, job.session_id),
        *(("--mcp-config", _mcp_config(job.linear)) if job.linear else ()),
    )


def _mcp_config(linear: McpDoor) -> str:
    """Its servers; the key travels in the environment, because everybody can read a command line."""
    headers = {"Authorization": f"Bearer ${{{MCP_KEY}}}"}
    return json.dumps({"mcpServers": {"linear": {"type": "http", "url": linear.url, "headers": headers}}})


def _environment(job: AgentJob, isolation: Isolation, proxy: KeyProxy) -> dict[str, str]:
    without_proxy = ",".join(filter(None, (job.env.get("NO_PROXY") or job.env.get("no_proxy"), "127.0.0.1,localhost")))
    # As root, the CLI refuses bypassPermissions unless told that it is in a sandbox; as another uid it has no say.
    as_root = {"IS_SANDBOX": "1"} if isolation.name == "none" and os.geteuid() == 0 else {}
    return {
        **job.env,
        **as_root,
        **({MCP_KEY: job.linear.key} if job.linear else {}),
        "NO_PROXY": without_proxy,
        "no_proxy": without_proxy,
        "ANTHROPIC_BASE_URL": proxy.url,
        "ANTHROPIC_API_KEY": proxy.key,
        "CLAUDE_CONFIG_DIR": str(isolation.home / ".claude"),
        "CLAUDE_CODE_TMPDIR": str(isolation.home / "tmp"),
        "CLAUDE_CODE_MAX_RETRIES": str(job.max_retries),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        # A task in the background that ends after the result starts another turn, with a second result.
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
        "CLAUDE_CODE_ENABLE_TASKS": "0",  # else there is no TodoWrite
        "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",  # `@/etc/passwd` in an issue attaches nothing
    }


class _Watch:
    """Keeps what the report needs of the events that pass."""

    def __init__(self, hear: Callable[[Said], None], model: str, form: Form) -> None:
        self._hear, self._form = hear, form
        self._begun = Begun("", model, "")
        self._tokens, self._tools = 0, 0
        self._between, self._ending = False, False
        self._result: Result | None = None
        self._results = 0
        self._denials: list[str] = []
        self._answers: set[str] = set()
        self._words = ""

    def take(self, line: str) -> bool:
        """Note what `line` says and hand it on; whether it was a result."""
        everything = parse(line)
        for said in everything:
            self._hear(said)
            match said:
                case Begun():
                    self._begun = said
                case Spoke():
                    self._answers.add(said.message_id)
                    self._tokens = said.tokens or self._tokens
                    self._words = said.text[:LONGEST_ANSWER] or self._words
                    self._tools += bool(said.tool)
                    self._between = False
                    self._ending = self._ending or said.tool == "StructuredOutput"
                case Returned(tools):
                    self._tools -= tools
                    self._between = self._tools <= 0
                case Result():
                    self._result = said
                    self._results += 1
                    self._denials += said.denials
                case _:
                    pass
        return any(isinstance(said, Result) for said in everything)

    @property
    def context(self) -> float:
        """How full the model's context window was in its last answer."""
        return self._tokens / window_of(self._begun.model)

    @property
    def may_stop(self) -> bool:
        """Its tools have ended, the model has not answered yet, and it is not about to end by itself."""
        return self._between and not self._ending

    def report(self, ended: Ended, stderr: str, metered_usd: float) -> AgentReport:
        """The facts."""
        result = self._result or Result(False, "", "", 0, (), None, (), 0, 0.0)
        return AgentReport(
            exit_code=ended.returncode,
            stopped_for=ended.killed,
            results=self._results,
            is_error=result.is_error,
            subtype=result.subtype,
            terminal_reason=result.terminal_reason,
            api_error_status=result.api_error_status,
            errors=result.errors,
            structured=self._form.fitting(result.structured),
            words=self._words,
            denials=tuple(self._denials),
            # Answers are what `--max-turns` counts; `num_turns` counts uses of tools (measured on CLI 2.1.329).
            turns=len(self._answers) or result.turns,
            context=self.context,
            usd=result.usd,
            metered_usd=metered_usd,
            seconds=ended.seconds,
            session_id=self._begun.session_id,
            model=self._begun.model if self._begun.session_id else "",
            version=self._begun.version,
            stderr_tail="\n".join(filter(None, (stderr, ended.problem))),
        )


def fitting(answer: Any) -> dict[str, Any] | None:
    """`answer` when it fits `SCHEMA`, its texts cut to `LONGEST_ANSWER` and its lists to `MOST_REPLIES`; else None."""
    if not isinstance(answer, dict):
        return None
    replies = answer.get("replies", [])
    answer = {name: value for name, value in answer.items() if name != "replies"}
    if set(answer) != {"verdict", "summary", "reason"} or not isinstance(replies, list):
        return None
    if not all(_is_reply(reply) for reply in replies):
        return None
    if answer["verdict"] not in ("done", "blocked", "needs-input"):
        return None
    if not all(isinstance(value, str) for value in answer.values()):
        return None
    texts = {name: value[:LONGEST_ANSWER] for name, value in answer.items()}
    cut = [{"thread": each["thread"][:100], "text": each["text"][:LONGEST_ANSWER]} for each in replies[:MOST_REPLIES]]
    return {**texts, **({"replies": cut} if cut else {})}


FORM = Form(SCHEMA, fitting)
"""A run's own."""


def _is_reply(reply: Any) -> bool:
    return isinstance(reply, dict) and isinstance(reply.get("thread"), str) and isinstance(reply.get("text"), str)
