"""What a task on a laptop gets of its backend: the real SDK from the settings to the branch, and Linear to read."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agent.anthropic_pace import Pace
from bot.config import laptop_env
from bot.core.secret import Secret
from bot.core.settings import AgentSettings, RepoConfig
from bot.errors import ConfigError
from bot.local.checkup import look_over
from bot.local.needs import demand_agent
from bot.local.settings import Flags
from bot.local.task_run import TaskRun
from bot.sandbox.model import Scene, Script, done, serve_model, write
from tests.job.stage import writes
from tests.local.run_stage import CONFIG, Laptop, make_laptop

TEXT = "---\nstatus: todo\n---\n# [ENG-1.1] Add a greeting\n\nSay hello.\n"
LINEAR = "tracker: {type: linear, api_key_env: OUR_LINEAR}\n"


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return make_laptop(tmp_path / "ann")


def test_MO2_a_task_on_the_backend_anthropic_sdk(laptop: Laptop) -> None:
    """From `agent.backend` in the config to a commit on the task's branch, its cost counted."""
    config = CONFIG.replace("isolation: none", "isolation: none, backend: anthropic-sdk, model: haiku")
    laptop.commit({".github/ai-ready.yml": config})
    task = laptop.task("greet", TEXT)
    with serve_model(Script(Scene("Say hello", write("hello.py", "print('hello')\n"), done("Greets.")))) as model:
        laptop.environ["ANTHROPIC_BASE_URL"] = model.url
        run = TaskRun(laptop.settings, laptop_env(laptop.environ), laptop.lines.append)
        result = run(task, laptop.attempt(task), laptop.watch())

    assert result.outcome.verdict == "done", (result, laptop.lines)
    assert laptop.show(result.commit, "hello.py") == "print('hello')"
    assert (result.outcome.model, result.outcome.turns) == ("claude-haiku-5-5", 2)
    assert result.outcome.usd > 0


def test_LI6_the_pace_is_kept_over_all_tasks(laptop: Laptop) -> None:
    """Another task's first request does not begin a minute of its own."""
    laptop.commit(
        {".github/ai-ready.yml": CONFIG.replace("isolation: none", "isolation: none, backend: anthropic-sdk")}
    )
    pace = Pace(2)
    for name in ("one", "two"):
        task = laptop.task(name, TEXT)
        with serve_model(Script(Scene("Say hello", done("Nothing to do.")))) as model:
            laptop.environ["ANTHROPIC_BASE_URL"] = model.url
            run = TaskRun(laptop.settings, laptop_env(laptop.environ), laptop.lines.append, pace=pace)
            run(task, laptop.attempt(task), laptop.watch())

    assert 0 < pace.wait(time.monotonic()) <= 60


def test_MO2_without_an_api_key_the_task_is_blocked_and_says_so(laptop: Laptop) -> None:
    laptop.commit(
        {".github/ai-ready.yml": CONFIG.replace("isolation: none", "isolation: none, backend: anthropic-sdk")}
    )
    task = laptop.task("greet", TEXT)
    env = replace(laptop_env(laptop.environ), api_key=Secret(""), oauth_token=Secret("oat"))

    result = TaskRun(laptop.settings, env, laptop.lines.append)(task, laptop.attempt(task), laptop.watch())

    assert (result.outcome.verdict, result.outcome.reason) == ("blocked", "config-invalid")
    assert "API key not found" in result.outcome.text


def test_MO2_config_tells_that_the_sdk_is_missing(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything starts, and what to install; the CLI is not asked for."""
    laptop.commit(
        {".github/ai-ready.yml": CONFIG.replace("isolation: none", "isolation: none, backend: anthropic-sdk")}
    )
    environ = {**laptop.environ, "ANTHROPIC_API_KEY": "sk-ant-x", "AI_READY_CLAUDE": "/nowhere"}
    assert look_over(Flags(), environ, laptop.root).problems == ()

    monkeypatch.setitem(sys.modules, "anthropic", None)

    [problem] = look_over(Flags(), environ, laptop.root).problems
    assert "pip install 'ai-ready-bot[sdk]'" in problem


@pytest.mark.parametrize(
    ("agent", "wrong"),
    [
        (AgentSettings(backend="anthropic-sdk"), "API key not found"),
        (AgentSettings(), "Claude Code CLI not found"),
        (AgentSettings(backend="claude-code-sdk"), "Claude Code CLI not found"),
    ],
)
def test_MO5_what_an_agent_needs_is_asked_for_before_any_task(laptop: Laptop, agent: AgentSettings, wrong: str) -> None:
    """A token opens the CLI only, and there is none where the variable says."""
    env = replace(
        laptop_env(laptop.environ), api_key=Secret(""), oauth_token=Secret("oat"), claude=str(laptop.folder / "none")
    )

    with pytest.raises(ConfigError, match=f"^{wrong}"):
        demand_agent(RepoConfig(agent=agent), env)


@pytest.mark.parametrize(
    ("config", "given"),
    [
        (LINEAR + "local: {linear_mcp: true}\n", "lin_key"),
        (LINEAR, ""),
        ("local: {linear_mcp: true}\n", ""),
    ],
)
def test_RU11_linear_to_read_for_those_who_ask_for_it(laptop: Laptop, config: str, given: str) -> None:
    """Off by default, and for tasks of Linear's alone: a task can read whatever the agent can."""
    laptop.commit({".github/ai-ready.yml": CONFIG + config})
    laptop.environ["OUR_LINEAR"] = "lin_key"
    task = laptop.task("greet", TEXT)

    laptop.run(task, writes({"hello.py": "x"}))

    assert laptop.agent.access is not None
    assert laptop.agent.access.linear_key.reveal() == given
