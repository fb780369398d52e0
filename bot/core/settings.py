"""The repository's config, `.github/ai-ready.yml`, as frozen data. `bot.config` reads it and checks it.

Each field's docstring is its documentation: docs/configuration.md is made from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Backend = Literal["claude-code", "claude-code-sdk", "anthropic-sdk"]


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Who does the work."""

    backend: Backend = "claude-code"
    """What runs the agent: `claude-code` is the Claude CLI (`claude-code-sdk` means the same); `anthropic-sdk` is the Messages API with a shell and an editor of ours, and needs an API key."""
    model: str = "opus"
    """Model alias or id."""
    models: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({"junior": "sonnet", "senior": "sonnet", "principal": "opus"})
    )
    """Model by level label: an issue labelled `junior`, `senior` or `principal` gets that model, of several labels the highest one's."""
    max_turns: int = 50
    """Turns the agent may take, 1 to 500."""
    isolation: Literal["auto", "none"] = "auto"
    """`auto`: run agent and checks as another user, refuse where that can't be had. `none`: run them as the runner."""
    instructions: str = ""
    """Added to every prompt."""
    max_tokens: int = 8192
    """Tokens of one answer of the model; of the backend `anthropic-sdk` alone."""
    requests_per_minute: int = 50
    """Requests to the model in a minute; of the backend `anthropic-sdk` alone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run, a day and a request may cost. Days are UTC."""

    minutes: int = 30
    """Wall-clock minutes for the agent, 1 to 300."""
    usd: float = 5.0
    """US dollars (list price) for one run."""
    usd_per_day: float = 50.0
    """US dollars for one UTC day, all runs of the repository."""
    runs_per_day: int = 20
    """Runs in one UTC day."""
    concurrent: int = 2
    """Runs at the same time."""
    attempts: int = 2
    """Runs per request: a run whose runner vanished is tried again while attempts are left."""
    review_rounds: int = 3
    """Follow-up runs per pull request; 0: none."""
    files: int = 100
    """Files a run may change."""
    patch_kb: int = 4096
    """Size of the change in KiB."""


@dataclass(frozen=True, slots=True)
class OrderRules:
    """What waits for what."""

    scope: Literal["series", "repository"] = "series"
    """Phase order holds within a series (title prefix or milestone), or over the whole repository."""
    within_phase: Literal["serial", "parallel"] = "serial"
    """`serial`: 1.3 waits for 1.1 and 1.2. `parallel`: it waits for the phases before only."""
    closed_as_not_planned: Literal["release", "hold"] = "release"
    """Whether a prerequisite closed as not planned (or duplicate) releases what waits for it."""
    on_blocked: Literal["continue", "stop-series", "stop-repository"] = "continue"
    """What a Blocked issue stops: nothing else, its series, or everything in the repository."""


@dataclass(frozen=True, slots=True)
class MetaIssues:
    """What becomes of issues titled `META: …` ([the board](board.md))."""

    board: bool = True
    """Keep the live board of its series in the text of a META issue."""
    close: bool = True
    """Close it when every issue of its series is closed."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Commands of the repository, run by us without keys."""

    setup: str = ""
    """Before the agent, and once more where the checks judge (a fresh checkout): install what they need."""
    lint: str = ""
    """After the agent; empty: none."""
    test: str = ""
    """After the agent; empty: detected (pytest, npm test, cargo test, go test, make test)."""
    attempts: int = 2
    """How often the agent may try to mend failing checks, the first try included."""
    minutes: int = 15
    """Minutes for one command."""
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Environment of these commands, and of the agent."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request a run opens."""

    base: str = ""
    """Branch it goes to; empty: the default branch."""
    draft: bool = True
    """Open it as a draft."""
    assign: Literal["approver", "none"] = "approver"
    """Whom to assign."""
    fix_ci: bool = False
    """Server mode: start a follow-up run when CI of our PR is red, at most one for each commit and within `limits.review_rounds`."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """When a run stops to ask: Blocked (needs-input), with the work kept and a summary of it."""

    turn_interval: int = 25
    """Turns after which a run stops to ask, in supervised and interactive mode."""
    context: float = 0.85
    """Share of the model's context window after which a run stops, in every mode: an agent that forgets what it read does no good work."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Posts to Slack."""

    slack_webhook_env: str = "SLACK_WEBHOOK_URL"
    """Environment variable that holds the address of the incoming webhook ([Slack](slack.md)); not set: nothing is posted."""
    interval: int = 300
    """Seconds between progress posts of a run; more than a run takes: none."""
    on_complete: bool = True
    """Post when a run is Done."""
    on_blocked: bool = True
    """Post when a run is Blocked."""


@dataclass(frozen=True, slots=True)
class Laptop:
    """The runner on a laptop ([`ai-ready start`](laptop.md)); the Action and the server pass over it. `tracker`, which task source it works through, is in [Task sources](task-sources.md)."""

    agent_id: str = ""
    """Under which name tasks are claimed; empty: your user name, the machine and the folder."""
    tasks: int = 10
    """Tasks of one session; what fails counts, too."""
    usd: float = 10.0
    """US dollars (list price) of one session: once they are used up, no further task is started."""
    turns: int = 500
    """Turns of the agent in one session, over all its tasks."""
    on_failure: Literal["continue", "stop"] = "continue"
    """After a task that ended Blocked: go on with what does not wait for it, or end the session."""
    finished: Literal["auto", "in_review", "done"] = "auto"
    """Status of a task whose run is Done. `auto`: in_review where there is a pull request to look at (later tasks wait until a person says done), else done. No branch of yours is ever moved: later tasks start from the finished work they build on."""
    idle_seconds: int = 30
    """Between two looks at a source that has nothing to do."""
    ask_minutes: int = 60
    """How long a question at the terminal waits for a person, before the task is paused: Blocked, with its work kept."""
    worktrees: str = ""
    """Folder for the work trees of tasks; empty: one of ours, outside the checkout."""
    hooks: str = ".ai-ready/hooks"
    """Folder with `pre_task`, `post_task` and `health_check`; not there: no hooks."""
    hook_seconds: int = 30
    """How long a hook may take."""
    health_seconds: int = 300
    """Between two health checks."""
    log_file: str = ""
    """Where the runner's log goes; empty: `.ai-ready/local/runner.log`."""
    linear_mcp: bool = False
    """Where the task source is Linear: let the agent read there, by Linear's MCP server (backend `claude-code`). The key stays with us and only tools that read pass; but whatever a task makes the agent read, anywhere in that Linear, it can write into its branch."""


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """`.github/ai-ready.yml`; every key is optional."""

    enabled: bool = True
    """false: nothing is started (the Actions variable AI_READY_PAUSED does the same without a commit)."""
    agent: AgentSettings = AgentSettings()
    limits: Limits = Limits()
    order: OrderRules = OrderRules()
    meta: MetaIssues = MetaIssues()
    checks: Checks = Checks()
    pull_request: PullRequest = PullRequest()
    protect: tuple[str, ...] = ()
    """Paths (globs) that no run may change, added to the built-in list."""
    allow: tuple[str, ...] = ()
    """Paths taken from the built-in list."""
    mode: Literal["autonomous", "supervised", "interactive"] = "autonomous"
    """`autonomous`: decides small things itself. `supervised`: plans first and waits for `/ai approve`. `interactive`: works at once, and may end with a question."""
    checkpoints: Checkpoints = Checkpoints()
    notify: Notify = Notify()
    local: Laptop = Laptop()


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """The config can't be used."""

    message: str
    """One sentence: file, line, key, what is wrong and what would be right."""
