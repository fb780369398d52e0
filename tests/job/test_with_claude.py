"""The real Claude CLI with a scripted model, in the real story: as another uid, behind the key proxy."""

from pathlib import Path

import pytest

from bot.core.run import Outcome
from bot.core.secret import Secret
from bot.core.settings import Checkpoints, Checks, RepoConfig
from bot.job.brief import Task
from bot.job.session import ModelAccess, claude_session
from bot.job.work import work
from bot.job.workspace import Ground
from bot.sandbox.model import Scene, Script, bash, done, error, needs_input, serve_model, write
from tests.job.stage import Server, admission, log_of

pytestmark = pytest.mark.needs_root


def run(server: Server, ground: Ground, out: Path, *turns: object, test: str = "true") -> Outcome:
    """One run against these turns of the model."""
    task = Task(admission(server), RepoConfig(checks=Checks(test=test)), "Say hello.")
    with serve_model(Script(Scene("Add a greeting", *turns))) as model:  # type: ignore[arg-type]
        access = ModelAccess("sonnet", 5.0, api_key=Secret("sk-ant-real-key-0123456789"), base_url=model.url)
        with claude_session(access, ground) as agent:
            return work(task, server.remote, agent, ground, out=out)


def test_claude_does_the_work(server: Server, apart: Ground, tmp_path: Path) -> None:
    """It writes, runs a command, says done; we run the test, bundle, and know what it cost."""
    outcome = run(
        server, apart, tmp_path / "out", write("hello.py", "print('hello')\n"), bash("python3 hello.py"), done("Said it."),
        test="python3 hello.py | grep -q hello",
    )  # fmt: skip

    assert outcome.verdict == "done", outcome
    assert outcome.summary == "Said it."
    assert outcome.commit_oid
    assert outcome.usd > 0
    assert outcome.turns >= 2
    assert outcome.agent_version
    assert outcome.isolation.startswith("uid ")


def test_failing_tests_are_mended_in_the_same_session(server: Server, apart: Ground, tmp_path: Path) -> None:
    """The follow-up resumes the session and its result is what counts."""
    outcome = run(
        server,
        apart,
        tmp_path / "out",
        write("answer", "41\n"),
        done("I think so."),
        write("answer", "42\n"),
        done("Now it is right."),
        test="cat answer; grep -q 42 answer",
    )

    assert outcome.verdict == "done", (outcome, log_of(apart))
    assert outcome.summary == "Now it is right."


def test_a_refused_key_is_an_api_error(server: Server, apart: Ground, tmp_path: Path) -> None:
    """401 from the model's host: Blocked with its status, nothing kept because nothing was done."""
    outcome = run(server, apart, tmp_path / "out", error(401))

    assert (outcome.verdict, outcome.reason, outcome.commit_oid) == ("blocked", "api-error", "")
    assert "401" in outcome.text


def test_a_question_ends_the_run(server: Server, apart: Ground, tmp_path: Path) -> None:
    """The agent's question is in the details."""
    outcome = run(server, apart, tmp_path / "out", needs_input("Which greeting?"))

    assert (outcome.reason, outcome.details) == ("needs-input", "Which greeting?")


def test_a_run_that_stops_at_a_checkpoint_sums_up_in_its_own_session(
    server: Server, apart: Ground, tmp_path: Path
) -> None:
    """After two turns: the work is kept, the model is asked once more, what it then writes is not there."""
    config = RepoConfig(mode="interactive", checks=Checks(test="true"), checkpoints=Checkpoints(turn_interval=2))
    turns = (write("a", "1\n"), bash("echo 1 > b"), write("c", "1\n"), needs_input("More?"))
    task = Task(admission(server), config, "Say hello.")
    with serve_model(Script(Scene("Add a greeting", *turns))) as model:
        access = ModelAccess("sonnet", 5.0, api_key=Secret("sk-ant-real-key-0123456789"), base_url=model.url)
        with claude_session(access, apart) as agent:
            outcome = work(task, server.remote, agent, apart, out=tmp_path / "out")

    assert (outcome.reason, bool(outcome.commit_oid)) == ("needs-input", True), (outcome, log_of(apart))
    assert outcome.summary == "More?"
    assert "You are stopped here" in str(model.requests[-1].body["messages"])
