"""Every key of `.ai-agents/config.yml`, the file of the runner that this one took over from. Data only.

Each has the default that was documented there, and what becomes of it here: a key of ours, a note, or a refusal where
going on would do something else than the file says.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class SeedKey:
    """One key of theirs."""

    key: str
    default: Any
    """As documented there; as YAML loads it."""
    ours: str = ""
    """The key of ours that takes its value; empty: see `said`, or it is read in a way of its own."""
    words: tuple[tuple[str, str], ...] = ()
    """Values of theirs that are called otherwise here."""
    said: str = ""
    """Of a key without one of ours: what holds here, and what to use."""
    fixed: bool = False
    """Another value than the default would promise what does not happen: it is refused with `said`."""


_SECURITY: Final = "the agent is held by isolation as another user, not by lists of commands (docs/security.md)"
_HANDOFF: Final = "what a session leaves for the next one is in the tasks and in .ai-ready/local"

KEYS: Final = (
    SeedKey("state_provider.type", "file"),
    SeedKey("state_provider.state_dir", ".ai-agents/state"),
    SeedKey("state_provider.api_key_env", None),
    SeedKey("state_provider.team_id", ""),
    SeedKey("state_provider.project_name", ""),
    SeedKey("state_provider.repo", ""),
    SeedKey("state_provider.meta_issue_label", "meta", said="a META task is known by its title, `META: …`"),
    SeedKey("autonomous.backend", "claude-code", "agent.backend", (("claude-code-sdk", "claude-code"),)),
    SeedKey("autonomous.model", "opus", "agent.model"),
    SeedKey("autonomous.max_tokens", 8192, "agent.max_tokens"),
    SeedKey(
        "autonomous.api_key_env",
        "ANTHROPIC_API_KEY",
        said="the key is taken from ANTHROPIC_API_KEY: set that variable",
        fixed=True,
    ),
    SeedKey("autonomous.system_prompt_path", "prompts/roles/software-developer.md"),
    SeedKey("autonomous.max_turns_per_task", 50, "agent.max_turns"),
    SeedKey("autonomous.max_tasks_per_session", 10, "local.tasks"),
    SeedKey("autonomous.pause_between_tasks", 5, said="there is no pause between tasks"),
    SeedKey("autonomous.rate_limit_rpm", 50, "agent.requests_per_minute"),
    SeedKey("autonomous.cost_limit_per_session", 10.0, "local.usd"),
    SeedKey("autonomous.log_level", "INFO", said="the log has one level"),
    SeedKey("autonomous.log_file", ".ai-agents/logs/autonomous.log", "local.log_file"),
    SeedKey(
        "autonomous.oauth_token_env",
        "CLAUDE_CODE_OAUTH_TOKEN",
        said="the token is taken from CLAUDE_CODE_OAUTH_TOKEN: set that variable",
        fixed=True,
    ),
    SeedKey("autonomous.linear_api_key_env", "LINEAR_API_KEY"),
    SeedKey("autonomous.project_dir", ""),
    SeedKey("execution.mode", "autonomous", "mode"),
    SeedKey("execution.checkpoints.turn_interval", 25, "checkpoints.turn_interval", (("0", "500"),)),
    SeedKey(
        "execution.checkpoints.before_new_issue",
        False,
        said="use `ai-ready start --single-task`, which ends after each task",
        fixed=True,
    ),
    SeedKey(
        "execution.checkpoints.after_issue_complete",
        False,
        said="use `ai-ready start --single-task`, which ends after each task",
        fixed=True,
    ),
    SeedKey(
        "execution.checkpoints.on_regression_failure",
        True,
        said="a task whose checks fail is always Blocked, and nothing that waits for it is started",
        fixed=True,
    ),
    SeedKey(
        "execution.checkpoints.on_blocker",
        True,
        said="a task that can't go on is always Blocked, and nothing that waits for it is started",
        fixed=True,
    ),
    SeedKey(
        "execution.checkpoints.on_uncertainty",
        False,
        said="use `execution.mode: interactive`, in which the agent may end with a question",
        fixed=True,
    ),
    SeedKey("execution.checkpoints.on_context_high", True),
    SeedKey("execution.approval.timeout_minutes", 60, "local.ask_minutes", (("0", "1440"),)),
    SeedKey(
        "execution.approval.default_action",
        "pause",
        said="a question that nobody answers pauses the task: it is Blocked, and its work is kept",
        fixed=True,
    ),
    SeedKey("execution.approval.notification.slack_webhook", ""),
    SeedKey("execution.approval.notification.email", "", said="there is no mail: use Slack", fixed=True),
    SeedKey(
        "execution.approval.notification.linear_comment", True, said="every verdict is a note of its task", fixed=True
    ),
    SeedKey("execution.limits.max_turns", 500, "local.turns"),
    SeedKey("execution.limits.context_pause_threshold", 0.85, "checkpoints.context"),
    SeedKey("progress.notification_interval", 300, "notify.interval", (("0", "86400"),)),
    SeedKey("progress.slack_webhook", ""),
    SeedKey("progress.notify_on_complete", True, "notify.on_complete"),
    SeedKey("progress.notify_on_blocked", True, "notify.on_blocked"),
    SeedKey("session.marker_file", ".ai-agents/state/session.marker", said=_HANDOFF),
    SeedKey("session.auto_handoff", True, said=_HANDOFF),
    SeedKey("session.handoff_dir", ".ai-agents/handoffs", said=_HANDOFF),
    SeedKey("security.preset", "development", said=_SECURITY, fixed=True),
    SeedKey("security.allowed_commands", [], said=_SECURITY, fixed=True),
    SeedKey("security.blocked_commands", ["rm -rf /", "sudo", "chmod 777"], said=_SECURITY, fixed=True),
    SeedKey(
        "security.allowed_patterns",
        ["npm .*", "yarn .*", "pip .*", "pytest .*", "git .*"],
        said=_SECURITY,
        fixed=True,
    ),
    SeedKey("security.blocked_patterns", ["curl .* | bash", "wget .* | sh"], said=_SECURITY, fixed=True),
)
"""In the order of the file that came with it as an example."""
