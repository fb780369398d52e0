"""`.ai-agents/config.yml`: every key that was documented for it means what it said, or is refused with what to use."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import parse_setting
from bot.core.settings import RepoConfig
from bot.errors import ConfigError
from bot.local.seed_keys import KEYS
from bot.local.settings import Flags, LocalSettings, read_settings, settle
from bot.trackers.config import FileConfig, LinearConfig

MINIMAL = """
state_provider:
  type: "file"

autonomous:
  backend: "claude-code"  # Uses your subscription!
  model: "opus"
  max_tasks_per_session: 10

execution:
  mode: "autonomous"
"""


def settings(root: Path, text: str, **environ: str) -> LocalSettings:
    write(root, text)
    return read_settings(Flags(), environ, root)


def problems(root: Path, text: str) -> tuple[str, ...]:
    write(root, text)
    return settle(Flags(), {}, root).problems


def write(root: Path, text: str) -> None:
    (root / ".ai-agents").mkdir(exist_ok=True)
    (root / ".ai-agents" / "config.yml").write_text(text)


def whole() -> str:
    """A file with every key at the default that was documented."""
    tree: dict[str, Any] = {}
    for each in KEYS:
        place = tree
        *sections, name = each.key.split(".")
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = each.default
    return yaml.safe_dump(tree)


def test_CF1_the_smallest_file_has_every_default(tmp_path: Path) -> None:
    found = settings(tmp_path, MINIMAL)
    agent = found.repo.agent

    assert (agent.backend, agent.model, agent.max_tokens, agent.max_turns) == ("claude-code", "opus", 8192, 50)
    assert (agent.requests_per_minute, found.local.tasks, found.local.usd) == (50, 10, 10.0)
    assert (found.repo.mode, found.repo.checkpoints.turn_interval, found.repo.checkpoints.context) == (
        "autonomous",
        25,
        0.85,
    )
    assert (found.repo.notify.interval, found.repo.notify.on_complete, found.repo.notify.on_blocked) == (
        300,
        True,
        True,
    )
    assert found.log_file == tmp_path / ".ai-agents/logs/autonomous.log"


@pytest.mark.parametrize(
    "each", [key for key in KEYS if key.ours and key.ours != "local.log_file"], ids=lambda k: k.key
)
def test_CF1_a_documented_default_is_ours(each: Any) -> None:
    text = str(each.default).lower() if isinstance(each.default, bool) else str(each.default)
    section, _, name = each.ours.rpartition(".")

    ours = getattr(getattr(RepoConfig(), section) if section else RepoConfig(), name)

    assert parse_setting(each.ours, text, shown=each.key) == ours


def test_CF1_the_example_with_every_key_can_be_used_as_it_is(tmp_path: Path) -> None:
    found = settings(tmp_path, whole())

    assert settle(Flags(), {}, tmp_path).problems == ()
    assert found.tracker == FileConfig(".ai-agents/state/tasks")
    assert [note.partition("`")[2].partition("`")[0] for note in found.notes] == [
        "autonomous.log_level",
        "autonomous.pause_between_tasks",
        "security.allowed_commands",
        "security.allowed_patterns",
        "security.blocked_commands",
        "security.blocked_patterns",
        "security.preset",
        "session.auto_handoff",
        "session.handoff_dir",
        "session.marker_file",
        "state_provider.meta_issue_label",
    ]


def test_CF1_every_key_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mine.md").write_text("Write short functions.\n")
    (tmp_path / "project").mkdir()
    text = """
state_provider: {type: linear, team_id: "${LINEAR_TEAM_ID}", project_name: My Project, state_dir: ignored}
autonomous:
  backend: claude-code-sdk
  model: claude-opus-4-5-20251101
  max_tokens: 1000
  max_turns_per_task: 150
  max_tasks_per_session: 3
  cost_limit_per_session: 2.5
  rate_limit_rpm: 10
  system_prompt_path: ../prompts/mine.md
  linear_api_key_env: MY_LINEAR_KEY
  project_dir: project
  log_file: run.log
execution:
  mode: supervised
  checkpoints: {turn_interval: 0, on_context_high: false}
  limits: {max_turns: 200}
  approval: {timeout_minutes: 0}
progress: {slack_webhook: "${MY_HOOK}", notification_interval: 0, notify_on_complete: false, notify_on_blocked: false}
"""
    found = settings(tmp_path, text, LINEAR_TEAM_ID="ENG")
    agent = found.repo.agent

    assert found.tracker == LinearConfig("MY_LINEAR_KEY", "ENG", "My Project")
    assert (agent.backend, agent.model) == ("claude-code", "claude-opus-4-5-20251101")
    assert (agent.max_tokens, agent.max_turns, agent.requests_per_minute) == (1000, 150, 10)
    assert (found.local.tasks, found.local.usd, found.local.turns, found.local.on_failure) == (3, 2.5, 200, "stop")
    assert found.local.ask_minutes == 1440
    assert agent.instructions == "Write short functions."
    assert (found.root, found.log_file) == (tmp_path / "project", tmp_path / "project" / "run.log")
    assert (found.repo.mode, found.repo.checkpoints.turn_interval, found.repo.checkpoints.context) == (
        "supervised",
        500,
        1,
    )
    assert (found.repo.notify.slack_webhook_env, found.repo.notify.interval) == ("MY_HOOK", 86400)
    assert (found.repo.notify.on_complete, found.repo.notify.on_blocked) == (False, False)
    assert found.origins is not None
    assert found.origins["agent.max_turns"] == ".ai-agents/config.yml, line 7"


def test_CF1_TS7_without_a_state_provider_tasks_are_where_they_were(tmp_path: Path) -> None:
    assert settings(tmp_path, "autonomous: {model: opus}").tracker == FileConfig(".ai-agents/state/tasks")

    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ai-ready.yml").write_text("tracker: {type: linear}\n")
    assert settings(tmp_path, "autonomous: {model: opus}").tracker == LinearConfig()


def test_CF1_it_stands_between_the_environment_and_the_repositorys_file(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ai-ready.yml").write_text("agent: {max_turns: 7, model: haiku}\ntracker: {type: linear}\n")
    (tmp_path / "wt").mkdir()

    found = settings(
        tmp_path, "state_provider: {type: file}\nautonomous: {max_turns_per_task: 9}", HEADLESS_PM_WORKTREE_BASE="wt"
    )

    assert (found.repo.agent.max_turns, found.repo.agent.model) == (9, "haiku")
    assert found.tracker == FileConfig(".ai-agents/state/tasks")
    assert found.worktrees == tmp_path / "wt"


def test_an_address_of_a_webhook_in_the_file_is_used_and_never_shown(tmp_path: Path) -> None:
    address = "https://hooks.slack.com/services/T0/B0/s3cr3t"

    found = settings(tmp_path, f'progress: {{slack_webhook: "{address}"}}')

    assert found.slack.addresses[found.repo.notify.slack_webhook_env].reveal() == address
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (
            "autonomous: {max_task_per_session: 3}",
            "line 1: there is no key `autonomous.max_task_per_session`; did you mean",
        ),
        ("autonomos: {model: opus}", "there is no key `autonomos`; did you mean `autonomous`?"),
        ("model: opus", "there is no key `model`; did you mean `autonomous.model`?"),
        (
            "autonomous: {max_turns_per_task: many}",
            "`autonomous.max_turns_per_task` takes a whole number from 1 to 500",
        ),
        ("autonomous: {backend: gpt}", "`autonomous.backend` takes `claude-code` or"),
        ("autonomous: {api_key_env: MY_KEY}", "the key is taken from ANTHROPIC_API_KEY"),
        ("autonomous: {project_dir: /nowhere}", "`autonomous.project_dir` is /nowhere, which is no folder"),
        (
            "autonomous: {system_prompt_path: nowhere.md}",
            "`autonomous.system_prompt_path` is nowhere.md, which can't be",
        ),
        ("autonomous: yes please", "`autonomous` has keys of its own"),
        ("autonomous: {model: [opus]}", "`autonomous.model` takes a single value"),
        ("autonomous: {model: opus, model: haiku}", "`autonomous.model` is there twice"),
        ("execution: {mode: yolo}", "`execution.mode` takes `autonomous` or"),
        ("execution: {checkpoints: {before_new_issue: true}}", "use `ai-ready start --single-task`"),
        ("execution: {checkpoints: {on_regression_failure: false}}", "a task whose checks fail is always Blocked"),
        ("execution: {checkpoints: {on_blocker: no}}", "a task that can't go on is always Blocked"),
        ("execution: {checkpoints: {on_context_high: maybe}}", "takes `true` or `false`, not `maybe`"),
        ("execution: {approval: {default_action: continue}}", "pauses the task"),
        ("security: {blocked_commands: [terraform]}", "the agent is held by isolation"),
        ("state_provider: {type: notion}", ".ai-agents/config.yml: `state_provider.type` must be one of"),
        ("progress: {slack_webhook: 'https://hooks.slack.com/services/...'}", "write `${SLACK_WEBHOOK_URL}`"),
        ("a: [", "this is not YAML"),
    ],
)
def test_what_can_not_be_used_is_told_with_its_place_and_what_to_use(tmp_path: Path, text: str, right: str) -> None:
    (told,) = problems(tmp_path, text)

    assert right in told
    assert ".ai-agents/config.yml" in told or "autonomous." in told


def test_every_wrong_key_is_told(tmp_path: Path) -> None:
    told = problems(tmp_path, "autonomous: {modl: x, max_turns_per_task: 0}\nexecution: {mode: yolo}\n")

    assert len(told) == 3


def test_old_tasks_are_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".ai-agents" / "state").mkdir(parents=True)
    (tmp_path / ".ai-agents" / "state" / "tasks.json").write_text("{}")

    (told,) = problems(tmp_path, MINIMAL)

    assert told.startswith(".ai-agents/state/tasks.json has tasks in the old format: `ai-ready config --import-tasks`")


def test_another_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Config file not found: nowhere\.yml"):
        read_settings(Flags(seed_config=Path("nowhere.yml")), {}, tmp_path)
