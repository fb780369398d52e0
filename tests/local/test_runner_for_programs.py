"""`RunnerConfig` and the runners for programs, without an agent: what they take, what they refuse, what they tell."""

import asyncio
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.local import AutonomousRunner, AutonomousRunnerSDK, RunnerConfig, RunnerState
from bot.local.settings import read_settings
from bot.trackers.tracker import SourceConfigError
from tests.job.stage import git


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "--initial-branch=main")
    git(folder, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "first")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-a-key-that-opens-nothing")
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def write(checkout: Path, text: str) -> None:
    (checkout / ".ai-agents").mkdir()
    (checkout / ".ai-agents" / "config.yml").write_text(text)


def test_CL4_every_default_is_the_documented_one() -> None:
    config = RunnerConfig()

    assert (config.backend, config.model, config.max_tokens, config.max_turns_per_task) == (
        "claude-code",
        "opus",
        8192,
        50,
    )
    assert (config.max_tasks_per_session, config.cost_limit_per_session, config.rate_limit_rpm) == (10, 10.0, 50)
    assert config.execution_mode == "autonomous"


def test_CL4_from_yaml(checkout: Path) -> None:
    write(checkout, "autonomous: {model: haiku, max_tasks_per_session: 3}\nexecution: {mode: supervised}\n")

    config = RunnerConfig.from_yaml(".ai-agents/config.yml")

    assert (config.model, config.max_tasks_per_session, config.execution_mode) == ("haiku", 3, "supervised")
    assert config.cost_limit_per_session == 10.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "Config file not found: .ai-agents/config.yml"),
        ("autonomous: {modl: x}", "did you mean `autonomous.model`"),
        ("autonomous: {max_turns_per_task: 0}", "`autonomous.max_turns_per_task` takes a whole number"),
    ],
)
def test_CL4_a_file_that_can_not_be_used(checkout: Path, text: str | None, words: str) -> None:
    if text:
        write(checkout, text)

    with pytest.raises(ConfigError) as caught:
        RunnerConfig.from_yaml(".ai-agents/config.yml")
    assert words in str(caught.value)


def test_CL4_what_a_program_says_wins_over_the_files(checkout: Path) -> None:
    write(checkout, "autonomous: {model: haiku, max_tasks_per_session: 3}\n")

    settings = read_settings(RunnerConfig(model="sonnet", max_tasks_per_session=5).flags(), {}, checkout)

    assert (settings.repo.agent.model, settings.local.tasks) == ("sonnet", 5)


def test_CL4_the_sdk_runner_and_its_backend_stop_at_a_failure(checkout: Path) -> None:
    for flags in (RunnerConfig().flags("sdk"), RunnerConfig(backend="claude-code-sdk").flags()):
        assert read_settings(flags, {}, checkout).local.on_failure == "stop"


def test_CL4_a_runner_that_never_ran(checkout: Path) -> None:
    runner = AutonomousRunner()

    status = runner.get_status()

    assert (status["state"], status["tasks_completed"], status["total_cost"]) == ("idle", 0, 0.0)
    assert runner.state is RunnerState.IDLE
    assert AutonomousRunnerSDK().state is RunnerState.IDLE
    assert not (checkout / ".ai-ready").exists()


def test_CL4_GW1_nothing_to_do_is_an_end(checkout: Path) -> None:
    """And leaves no trace that git would show."""
    write(checkout, "autonomous: {model: opus}\n")
    git(checkout, "add", "--all")
    git(checkout, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first")

    assert asyncio.run(AutonomousRunnerSDK().start()) == 0
    assert AutonomousRunner().get_status()["state"] == "completed"
    assert (checkout / ".ai-agents" / "logs" / "autonomous.log").read_text()
    assert git(checkout, "status", "--porcelain", "--untracked-files=all") == ""


def test_CL4_CF3_without_the_sources_key_it_does_not_begin(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINEAR_API_KEY", raising=False)
    write(checkout, "state_provider: {type: linear}\n")

    with pytest.raises(
        SourceConfigError, match="Could not initialize state provider: API key not found: LINEAR_API_KEY"
    ):
        AutonomousRunner().start()


def test_CF3_without_a_key_for_the_model_it_does_not_begin(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("CLAUDE_CODE_OAUTH_TOKEN", raising=False)

    with pytest.raises(ConfigError, match="API key not found"):
        AutonomousRunner().start()


def test_CF3_MO5_without_the_cli_it_does_not_begin(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_READY_CLAUDE", "/nowhere/claude")

    with pytest.raises(ConfigError, match="Claude Code CLI not found"):
        AutonomousRunner().start()
    assert not (checkout / ".ai-ready" / "local" / "claims").exists()
