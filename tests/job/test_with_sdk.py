"""The whole work step on the second backend: the real SDK, a scripted model, real git, another uid."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.run import Outcome
from bot.core.secret import Secret
from bot.core.settings import AgentSettings, Checks, RepoConfig
from bot.errors import Blocked, ConfigError
from bot.job.brief import Task
from bot.job.session import ModelAccess, agent_session, check_agent
from bot.job.work import work
from bot.job.workspace import Ground
from bot.sandbox.model import Scene, Script, ScriptedModel, Turn, bash, done, needs_input, read, say, serve_model, write
from tests.job.stage import Server, admission, log_of

KEY = "sk-ant-real-key-0123456789"
SETTINGS = AgentSettings(backend="anthropic-sdk")
CONFIG = RepoConfig(agent=SETTINGS, checks=Checks(test="python3 test.py"))
TEST = "import app\nassert app.hello() == 'hi'\n"


def run(
    server: Server, ground: Ground, out: Path, *turns: Turn, config: RepoConfig = CONFIG, **changes: object
) -> tuple[Outcome, ScriptedModel]:
    made = admission(server, **changes)
    with serve_model(Script(Scene("Add a greeting", *turns)), key=KEY) as model:
        access = ModelAccess("sonnet", made.usd, api_key=Secret(KEY), base_url=model.url, settings=config.agent)
        with agent_session(access, ground) as agent:
            outcome = work(Task(made, config, "Say hi."), server.remote, agent, ground, out=out)
    return outcome, model


def test_done_after_a_check_that_failed(server: Server, apart: Ground, tmp_path: Path) -> None:
    """What it wrote fails our check, it mends it in the same conversation, and what it did to .git is not kept."""
    mark = Path("/tmp", f"{tmp_path.name}-mark")  # git ran it: in their shell, as them
    outcome, model = run(
        server,
        apart,
        tmp_path / "out",
        say("I'll write it.") + write("app.py", "def hello():\n    return 'hello'\n"),
        write("test.py", TEST),
        bash(f"git config core.fsmonitor 'id -u >> {mark} #'; git status -s"),
        done("Greets."),
        read("app.py"),
        write("app.py", "def hello():\n    return 'hi'\n"),
        done("Greets rightly."),
    )

    assert outcome.verdict == "done", (outcome, log_of(apart))
    assert (outcome.summary, outcome.model, outcome.turns) == ("Greets rightly.", "claude-sonnet-5-5", 7)
    assert outcome.agent_version.startswith("anthropic ")
    assert outcome.isolation.startswith("uid ")
    assert outcome.usd > 0
    assert "These did not pass" in json.dumps(model.requests[-1].body["messages"])
    assert {f"uid {uid}" for uid in mark.read_text().split()} == {outcome.isolation}
    lines = "\n".join(log_of(apart))
    assert "Bash" in lines
    assert "def hello" not in lines


def test_blocked_by_the_checks(server: Server, apart: Ground, tmp_path: Path) -> None:
    config = replace(CONFIG, checks=Checks(test="false", attempts=1))

    outcome, _ = run(server, apart, tmp_path / "out", write("app.py", "x = 2\n"), done("Done."), config=config)

    assert (outcome.verdict, outcome.reason, bool(outcome.commit_oid)) == ("blocked", "tests-failed", True)


def test_over_budget_keeps_the_work(server: Server, apart: Ground, tmp_path: Path) -> None:
    dear = replace(write("app.py", "x = 2\n"), usage={"output_tokens": 600_000})

    outcome, model = run(server, apart, tmp_path / "out", dear, done("Done."))

    assert (outcome.reason, bool(outcome.commit_oid), len(model.requests)) == ("over-budget", True, 1), outcome


def test_timed_out_keeps_the_work(server: Server, apart: Ground, tmp_path: Path) -> None:
    """In the middle of a command; nothing of it is alive."""
    turns = (write("app.py", "x = 2\n"), bash("setsid sleep 1000 & sleep 1000"))

    outcome, _ = run(server, apart, tmp_path / "out", *turns, minutes=0.1)

    assert (outcome.reason, bool(outcome.commit_oid)) == ("timed-out", True), outcome


def test_a_checkpoint_sums_up_in_the_same_conversation(server: Server, apart: Ground, tmp_path: Path) -> None:
    full = replace(write("a", "1\n"), usage={"input_tokens": 900_000})

    outcome, model = run(server, apart, tmp_path / "out", full, needs_input("More?"))

    assert (outcome.reason, outcome.summary, bool(outcome.commit_oid)) == ("needs-input", "More?", True), outcome
    assert "You are stopped here" in str(model.requests[-1].body["messages"])
    assert "bash" not in [tool["name"] for tool in model.requests[-1].body["tools"]]


def test_a_plan_changes_nothing(server: Server, apart: Ground, tmp_path: Path) -> None:
    turns = (read("app.py"), write("app.py", "x = 3\n"), done("1. Add hello()."))

    outcome, _ = run(server, apart, tmp_path / "out", *turns, kind="plan")

    assert (outcome.reason, outcome.planned, outcome.commit_oid) == ("needs-input", True, ""), outcome
    assert outcome.summary == "1. Add hello()."


# ------------------------------------------------------------------------------------------- what it needs


def test_MO2_only_an_api_key_opens_this_backend(apart: Ground) -> None:
    for access in (
        ModelAccess("sonnet", 5.0, settings=SETTINGS),
        ModelAccess("sonnet", 5.0, oauth_token=Secret("oat"), settings=SETTINGS),
    ):
        with pytest.raises(ConfigError, match="API key not found"):
            check_agent(access, path="")
        with pytest.raises(ConfigError, match="API key not found"), agent_session(access, apart):
            pass


def test_MO2_without_the_sdk_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)

    with pytest.raises(Blocked, match=r"pip install 'ai-ready-bot\[sdk\]'"):
        check_agent(ModelAccess("sonnet", 5.0, api_key=Secret(KEY), settings=SETTINGS), path="")


def test_MO3_claude_code_sdk_is_the_cli_with_either_key(tmp_path: Path) -> None:
    """Its carrier's wheel brings the CLI; a token will do."""
    settings = AgentSettings(backend="claude-code-sdk")
    check_agent(ModelAccess("opus", 5.0, oauth_token=Secret("oat"), settings=settings), path="")
    check_agent(ModelAccess("opus", 5.0, api_key=Secret(KEY), settings=settings), path="")

    with pytest.raises(ConfigError, match="API key not found"):
        check_agent(ModelAccess("opus", 5.0, settings=settings), path="")


def test_MO5_without_the_cli_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on PATH nor in the wheel that carries it, or not where it is said to be."""
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    for cli in ("", str(tmp_path / "none")):
        with pytest.raises(Blocked, match=r"^Claude Code CLI not found: "):
            check_agent(ModelAccess("opus", 5.0, api_key=Secret(KEY), cli=cli), path=str(tmp_path))
