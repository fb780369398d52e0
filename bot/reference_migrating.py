"""docs/migrating.md: what became of every word of the systems that ai-ready took over from."""

from collections.abc import Iterable
from typing import Any, Final

from bot.config_variables import LAPTOP_VARIABLES
from bot.local.seed_keys import KEYS, SeedKey
from bot.reference_table import MADE_BY, table

SUBSTITUTIONS: Final = (
    ("python -m scripts.autonomous.runner_sdk", "python -m bot.local.runner_sdk"),
    ("python -m scripts.autonomous", "python -m bot.local"),
    ("python scripts/autonomous/headless_runner.py", "python -m bot.local.headless_runner"),
    ("python agents/client/advanced_runner/advanced_agent_runner.py", "python -m bot.local.advanced_agent_runner"),
    ("from scripts.autonomous.runner import", "from bot.local import"),
    ("from scripts.autonomous.runner_sdk import", "from bot.local import"),
    (
        "from scripts.autonomous import ProjectInitializer, AutonomousRunner",
        "from bot.initializer import ProjectInitializer, InitializerConfig",
    ),
    (
        "from scripts.autonomous import InitializerConfig, RunnerConfig",
        "from bot.local import AutonomousRunner, RunnerConfig",
    ),
    ("from claude_code_sdk import ClaudeCodeOptions", "from claude_agent_sdk import ClaudeAgentOptions"),
)
"""What has to be replaced in what was documented there, and with what: with that, every block of it runs."""

_READ: Final = {
    "state_provider.type": "`tracker.type`: `file`, `linear` or `github`",
    "state_provider.state_dir": "`tracker.folder`, with `/tasks` behind it: tasks are Markdown files there",
    "state_provider.api_key_env": "`tracker.api_key_env`",
    "state_provider.team_id": "`tracker.team_id`; `${NAME}` stands for a variable",
    "state_provider.project_name": "`tracker.project_name`",
    "state_provider.repo": "`tracker.repo`",
    "autonomous.system_prompt_path": "`agent.instructions`: the file's text is added to it",
    "autonomous.linear_api_key_env": "`tracker.api_key_env`, where `state_provider` says no other",
    "autonomous.project_dir": "the checkout to work in",
    "execution.checkpoints.on_context_high": "`false`: `checkpoints.context` is 1",
    "execution.approval.notification.slack_webhook": "as `progress.slack_webhook`",
    "progress.slack_webhook": "`${NAME}`: `notify.slack_webhook_env` is that name; else the address itself",
}
"""What is read in a way of its own."""


_COMMANDS: Final = """## Commands

| before | now | in the old words |
|---|---|---|
| `python -m scripts.autonomous start`, `--resume`, `--config FILE` | `ai-ready start` | `python -m bot.local start` |
| `python -m scripts.autonomous start --runner sdk`, `python -m scripts.autonomous.runner_sdk` | `ai-ready start` with `local.on_failure: stop` | `python -m bot.local start --runner sdk` |
| `python -m scripts.autonomous status`, `stop`, `resume`, `tasks`, `config` | `ai-ready status`, `stop`, `resume`, `tasks`, `config` | `python -m bot.local status`, … |
| `python -m scripts.autonomous logs --tail 100` | `ai-ready logs --tail 100` | `python -m bot.local logs --tail 100` |
| `python -m scripts.autonomous init --spec FILE`, `--project-name`, `--force` | `ai-ready init --spec FILE` | `python -m bot.local init --spec FILE` |
| `BACKLOG_TASK_ID=task-7 python scripts/autonomous/headless_runner.py`, `--task task-7` | `ai-ready start --single-task --task task-7` with `tracker: {type: backlog}` | `python -m bot.local.headless_runner` |
| `python agents/client/advanced_runner/advanced_agent_runner.py --role R --agent-id ID`, `--single-task`, `--hooks-dir D` | `ai-ready start --role R --agent-id ID` with `tracker: {type: headless-pm}` | `python -m bot.local.advanced_agent_runner` |
"""

_PATHS: Final = """## Paths

| before | now |
|---|---|
| `.ai-agents/state/tasks.json` | `.ai-agents/state/tasks/*.md`, one file a task: `ai-ready config --import-tasks` makes them; the old file stays |
| `.ai-agents/state/runner-state.json`, `progress.json`, `session.marker` | `.ai-ready/local/sessions/` |
| `~/.headless-pm/locks/`, `~/.headless-pm-lock-AGENT.json` | `.ai-ready/local/claims/AGENT.json`, with the same keys |
| `/tmp/headless-pm-worktrees`, `.worktrees/task-ID` | `local.worktrees` or `HEADLESS_PM_WORKTREE_BASE`; by default a folder outside the checkout |
| branch `feature/task-ID` | `ai/task-ID` |
| `logs/ai-dev-loop/` | `.ai-ready/local/runs/RUN/`: `events.jsonl`, `summary.md` |
| `hooks/pre_task.py`, `post_task.py`, `health_check.py` | the same names in `.ai-ready/hooks`, `local.hooks` or `--hooks-dir` |
| `.project_state.json` | the same |
"""


def key_rows() -> Iterable[tuple[str, ...]]:
    """Every key of `.ai-agents/config.yml`: its default, and what it is here."""
    for each in KEYS:
        yield f"`{each.key}`", _default(each.default), _here(each)


def variable_rows() -> Iterable[tuple[str, ...]]:
    """Every variable of theirs that we read."""
    for each in LAPTOP_VARIABLES:
        yield f"`{each.name}`", each.meaning


def _default(value: Any) -> str:
    if value in (None, ""):
        return "–"
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value) or "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _here(key: SeedKey) -> str:
    if key.ours:
        more = "".join(f"; `{theirs}` means `{ours}`" for theirs, ours in key.words)
        return f"`{key.ours}`{more}"
    if key.fixed:
        return f"another value is refused: {key.said}"
    return _READ.get(key.key, f"not used: {key.said}")


def migrating_page() -> str:
    """docs/migrating.md."""
    return f"""{MADE_BY}

# Migrating

ai-ready took over from four kinds of runner: a headless one on Backlog.md tasks (called 000 here), the autonomous runner
(001), the same with two agents (002), and the advanced runner of Headless PM (003, 004). What you wrote for them goes on
to work, in their words or in ours. [What they promised](seeds.md), row by row, has its tests.

On a laptop, flags win over the environment, that over `.ai-agents/config.yml`, and that over `.github/ai-ready.yml`.
`ai-ready config` says what counts, where it came from, and everything that is wrong.

{_COMMANDS}
## `.ai-agents/config.yml`

A key that is not here is an error with the nearest name. A list or a number that promised something ai-ready does in
another way is refused with what to use instead, so that nothing is believed to hold which does not.

{table(("key", "default", "here"), key_rows())}

The file keeps two defaults of its own: tasks are in `.ai-agents/state/tasks`, the log in
`.ai-agents/logs/autonomous.log`. The backend `claude-code-sdk` is `claude-code`, and stops at a failure.

## The environment

{table(("variable", "meaning"), variable_rows())}

`GITHUB_TOKEN`, `ANTHROPIC_API_KEY`, `CLAUDE_CODE_OAUTH_TOKEN` and `SLACK_WEBHOOK_URL` mean what they meant.

{_PATHS}
## Word for word

With these replaced, every command and every program of their documentation runs as it stands there (`tests/seeds`).
`AutonomousRunner.start()` and the old commands end when nothing is ready, as they did; `ai-ready start` waits.

{table(("before", "now"), ((f"`{old}`", f"`{new}`") for old, new in SUBSTITUTIONS))}
"""
