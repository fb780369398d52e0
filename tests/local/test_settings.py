"""What the runner goes by: four layers, every problem at once, each with its place and its fix."""

from pathlib import Path

import pytest

from bot.core.settings import RepoConfig
from bot.errors import ConfigError
from bot.local.settings import Flags, default_agent_id, read_settings, settle
from bot.trackers.config import FileConfig, HeadlessPmConfig


def write_config(root: Path, text: str) -> None:
    (root / ".github").mkdir(exist_ok=True)
    (root / ".github" / "ai-ready.yml").write_text(text)


def test_nothing_said_is_the_defaults(tmp_path: Path) -> None:
    settings = read_settings(Flags(), {}, tmp_path)

    assert settings.local == RepoConfig().local
    assert settings.tracker == FileConfig(".ai-ready/tasks")
    assert settings.task_seconds == 1800
    assert settings.state_dir == tmp_path / ".ai-ready" / "local"
    assert settings.log_file == settings.state_dir / "runner.log"
    assert (settings.hooks, settings.worktrees, settings.role, settings.task) == (None, None, "", "")
    assert settings.origins == {}


def test_flags_over_environment_over_the_repositorys_file(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "mine").mkdir()
    write_config(tmp_path, "local: {hooks: hooks, hook_seconds: 5, tasks: 3}\nlimits: {usd: 2}\n")
    environ = {"HEADLESS_PM_HOOK_TIMEOUT": "7", "AI_DEV_LOOP_COST_LIMIT": "2.5"}

    settings = read_settings(Flags(hooks="mine", agent_id="dev_001"), environ, tmp_path)

    assert settings.hooks == tmp_path / "mine"
    assert settings.agent_id == "dev_001"
    assert (settings.local.hook_seconds, settings.local.tasks, settings.repo.limits.usd) == (7, 3, 2.5)
    assert settings.origins == {
        "local.hooks": "--hooks-dir",
        "local.agent_id": "--agent-id",
        "local.hook_seconds": "HEADLESS_PM_HOOK_TIMEOUT",
        "limits.usd": "AI_DEV_LOOP_COST_LIMIT",
        "local.tasks": ".github/ai-ready.yml",
    }


def test_what_is_said_last_counts(tmp_path: Path) -> None:
    write_config(tmp_path, "local: {hook_seconds: 5}\n")
    environ = {"HEADLESS_PM_HOOK_TIMEOUT": "7"}

    assert read_settings(Flags(), {}, tmp_path).local.hook_seconds == 5
    assert read_settings(Flags(), environ, tmp_path).local.hook_seconds == 7
    assert read_settings(Flags(settings={"local.hook_seconds": "9"}), environ, tmp_path).local.hook_seconds == 9


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    environ = {"HEADLESS_PM_HOOK_TIMEOUT": "abc", "AI_DEV_LOOP_TIME_LIMIT": "-3"}

    settled = settle(Flags(role="boss", hooks="nowhere"), environ, tmp_path)

    assert settled.settings is None
    assert settled.problems == (
        "`HEADLESS_PM_HOOK_TIMEOUT` takes a whole number from 1 to 3,600, not `abc`.",
        "AI_DEV_LOOP_TIME_LIMIT takes a whole number of seconds from 1 to 18,000, not `-3`.",
        "--hooks-dir is nowhere, which is no folder: make it, or correct the path.",
        "--role takes one of backend_dev, frontend_dev, fullstack_dev, qa, architect, pm, not `boss`.",
    )
    with pytest.raises(
        ConfigError, match=r"^`HEADLESS_PM_HOOK_TIMEOUT` takes .* \(And 3 more: `ai-ready config` says all of them\.\)$"
    ):
        read_settings(Flags(role="boss", hooks="nowhere"), environ, tmp_path)


def test_the_shorter_of_two_time_limits_holds(tmp_path: Path) -> None:
    environ = {"AI_DEV_LOOP_TIME_LIMIT": "90", "HEADLESS_PM_CLAUDE_TIMEOUT": "600"}

    settings = read_settings(Flags(), environ, tmp_path)

    assert (settings.task_seconds, settings.repo.limits.minutes) == (90, 2)


def test_headless_pm_takes_the_role_it_has(tmp_path: Path) -> None:
    write_config(tmp_path, "tracker: {type: headless-pm, level: junior}\n")

    settings = read_settings(Flags(role="qa"), {}, tmp_path)

    assert settings.tracker == HeadlessPmConfig("qa", "junior")
    assert (settings.role, settings.level) == ("qa", "junior")
    with pytest.raises(ConfigError, match="no role fullstack_dev"):
        read_settings(Flags(role="fullstack_dev"), {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tracker: {type: jira}", "`tracker.type` must be one of"),
        ("tracker: {type: file, foldr: x}", "did you mean `folder`?"),
        ("local: {taks: 3}", "did you mean `tasks`?"),
        ("local: {agent_id: 'a b'}", "letters, digits"),
        ("tracker: {}\ntracker: {}", "there twice"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    write_config(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        read_settings(Flags(), {}, tmp_path)

    assert ".github/ai-ready.yml" in str(caught.value)
    assert words in str(caught.value)


def test_two_checkouts_are_two_agents(tmp_path: Path) -> None:
    one, other = default_agent_id(tmp_path / "one"), default_agent_id(tmp_path / "other")

    assert one != other
    assert one == default_agent_id(tmp_path / "one")


def test_what_steers_the_runner_is_protected(tmp_path: Path) -> None:
    (tmp_path / "tools" / "hooks").mkdir(parents=True)
    write_config(tmp_path, "local: {hooks: tools/hooks}\nprotect: [docs/**]\n")

    settings = read_settings(Flags(), {}, tmp_path)

    assert settings.repo.protect == ("docs/**", ".ai-ready/**", ".ai-agents/**", "/tools/hooks/**")


def test_the_sdk_runner_stops_at_a_failure(tmp_path: Path) -> None:
    settings = read_settings(Flags(runner="sdk"), {}, tmp_path)

    assert (settings.repo.agent.backend, settings.local.on_failure) == ("claude-code", "stop")
