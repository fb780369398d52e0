"""The real Claude CLI against a scripted model: every way a run can end, as facts."""

import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.agent.claude_code import AgentJob, Cli, claude_version, find_cli, fitting, run_claude
from bot.agent.key_proxy import Credential, KeyProxy, serve_key_proxy
from bot.agent.launching import Isolation
from bot.agent.process import Cancel, environment
from bot.agent.stream import Retrying, Said, Spoke
from bot.core.run import AgentReport
from bot.errors import Blocked
from bot.sandbox.model import (
    Scene,
    Script,
    ScriptedModel,
    Tool,
    Turn,
    bash,
    done,
    error,
    needs_input,
    refusal,
    say,
    serve_model,
    structured,
    write,
)

KEY = "sk-ant-REAL-0123456789"


@dataclass
class Desk:
    """One agent at work: what a test changes, and what it looks at."""

    isolation: Isolation
    model: ScriptedModel
    proxy: KeyProxy
    job: AgentJob
    cli: Cli
    script: Script
    heard: list[Said] = field(default_factory=list)
    cancel: Cancel = field(default_factory=Cancel)

    def run(self, *turns: Turn, **changes: object) -> AgentReport:
        self.script.scenes[:] = [Scene("", *turns)]
        job = replace(self.job, **changes)  # type: ignore[arg-type]
        return run_claude(job, self.cli, self.isolation, self.proxy, cancel=self.cancel, hear=self.heard.append)

    @property
    def workspace(self) -> Path:
        return self.job.workspace


@pytest.fixture(scope="session")
def cli() -> Cli:
    """The CLI that the lock file pins."""
    path = find_cli()
    return Cli(path, claude_version(path))


@pytest.fixture
def desk(root: Path, cli: Cli, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """As another uid where we may, as in production; else as ourselves."""
    isolation: Isolation = request.getfixturevalue("apart" if os.geteuid() == 0 else "alone")
    workspace = root / "work"
    workspace.mkdir()
    isolation.own(workspace)
    job = AgentJob(
        prompt="Do the task.",
        workspace=workspace,
        model="opus",
        max_turns=20,
        usd=5,
        seconds=60,
        session_id=str(uuid.uuid4()),
        env=environment(isolation, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, {"FROM_CHECKS": "yes"}),
    )
    script = Script()
    with (
        serve_model(script, key=KEY) as model,
        serve_key_proxy(Credential("api-key", KEY), budget_usd=5, upstream=model.url, uid=isolation.uid) as proxy,
    ):
        yield Desk(isolation, model, proxy, job, cli, script)


def is_success(report: AgentReport) -> bool:
    """The rule of claude.md."""
    return (
        report.exit_code == 0
        and report.results == 1
        and not report.is_error
        and (report.subtype, report.terminal_reason) == ("success", "completed")
        and report.structured is not None
        and not report.denials
        and not report.stopped_for
    )


# ------------------------------------------------------------------------------------------------ it works


def test_RU12_work_is_done_and_reported(desk: Desk) -> None:
    """The agent's tools really work headless, and the report holds what the CLI and the proxy counted."""
    report = desk.run(
        say("First a look.") + bash("pwd && echo hello > made-by-bash.txt"),
        write("made-by-write.txt", "content\n"),
        Turn(tools=(Tool("TodoWrite", {"todos": [{"content": "Look", "status": "completed", "activeForm": "x"}]}),)),
        done("All made."),
    )

    assert is_success(report)
    assert report.structured == {"verdict": "done", "summary": "All made.", "reason": ""}
    assert (desk.workspace / "made-by-bash.txt").read_text() == "hello\n"
    assert (desk.workspace / "made-by-write.txt").read_text() == "content\n"
    assert report.session_id == desk.job.session_id
    assert report.version == desk.cli.version
    assert report.model.startswith("claude-opus")
    assert report.turns == 4
    assert report.usd == pytest.approx(report.metered_usd)
    assert report.metered_usd > 0
    assert [said.tool for said in desk.heard if isinstance(said, Spoke) and said.tool] == [
        *("Bash", "Write", "TodoWrite", "StructuredOutput"),
    ]
    given = {tool["name"] for tool in desk.model.requests[0].body["tools"]}
    assert given >= {"Read", "Write", "Edit", "Glob", "Grep", "Bash", "TodoWrite", "StructuredOutput"}
    assert not given & {"Agent", "Task", "WebFetch", "WebSearch"}


def test_RU7_the_session_goes_on(desk: Desk) -> None:
    """A follow-up reaches the same conversation, and costs are those of the whole session."""
    first = desk.run(bash("true"), done("First."), done("Second."))
    second = run_claude(
        replace(desk.job, prompt="The tests fail.", resume=True),
        desk.cli,
        desk.isolation,
        desk.proxy,
        cancel=desk.cancel,
        hear=desk.heard.append,
    )

    assert is_success(second)
    assert second.structured == {"verdict": "done", "summary": "Second.", "reason": ""}
    assert second.session_id == first.session_id
    assert second.usd > first.usd
    assert second.metered_usd == pytest.approx(second.usd)
    last = str(desk.model.requests[-1].body["messages"])
    assert "Do the task." in last
    assert "The tests fail." in last


def test_a_question_is_a_verdict(desk: Desk) -> None:
    """What the agent says comes as it is; what it means is decided elsewhere."""
    report = desk.run(needs_input("Which colour?"))

    assert is_success(report)
    assert report.structured == {"verdict": "needs-input", "summary": "", "reason": "Which colour?"}


def test_a_big_prompt_arrives_whole(desk: Desk) -> None:
    """A 300 kB prompt, which no command line could hold, reaches the model."""
    prompt = "Do the task. " + "x" * 300_000 + " END"

    report = desk.run(done("ok"), prompt=prompt)

    assert is_success(report)
    assert prompt in str(desk.model.requests[0].body["messages"])


# ----------------------------------------------------------------------------------- how it ends otherwise


@pytest.mark.parametrize("status", [400, 429, 529])
def test_an_error_of_the_api_is_an_error(desk: Desk, status: int) -> None:
    """The CLI calls it subtype success; is_error, terminal_reason and the status say what it is."""
    report = desk.run(error(status), max_retries=0)

    assert (report.exit_code, report.results, report.is_error) == (1, 1, True)
    assert (report.terminal_reason, report.api_error_status) == ("api_error", status)
    assert not is_success(report)
    assert report.errors


def test_a_wrong_key_ends_at_once(desk: Desk) -> None:
    """Nobody waits minutes for a key that will not get right."""
    with serve_key_proxy(Credential("api-key", "wrong"), budget_usd=5, upstream=desk.model.url) as proxy:
        report = run_claude(desk.job, desk.cli, desk.isolation, proxy, cancel=desk.cancel, hear=desk.heard.append)

    assert (report.is_error, report.api_error_status) == (True, 401)
    assert len(desk.model.requests) == 1
    assert report.seconds < 10
    assert report.metered_usd == 0


def test_a_hiccup_of_the_api_is_bridged(desk: Desk) -> None:
    """An overloaded API and a broken connection are asked again, and the log says so."""
    report = desk.run(error(529), Turn(text="half an answer " * 50, cut=True), done("In the end."))

    assert is_success(report)
    assert 529 in [said.status for said in desk.heard if isinstance(said, Retrying)]


def test_a_refusal_is_an_error(desk: Desk) -> None:
    """The model's refusal is not a success."""
    report = desk.run(refusal())

    assert not is_success(report)
    assert (report.is_error, report.terminal_reason) == (True, "api_error")


def test_a_denied_tool_is_reported(desk: Desk) -> None:
    """The CLI ends with exit code 0 and success; only the list of denials tells."""
    report = desk.run(bash("rm -rf ~ / /*"), done("Cleaned."))

    assert (report.exit_code, report.is_error, report.subtype) == (0, False, "success")
    assert report.denials == ("Bash",)
    assert not is_success(report)


def test_an_ignored_schema_is_no_success(desk: Desk) -> None:
    """Prose is not a verdict."""
    report = desk.run(say("I am done!"))

    assert (report.exit_code, report.is_error, report.subtype) == (0, False, "success")
    assert report.structured is None
    assert not is_success(report)


def test_a_schema_never_met_is_an_error(desk: Desk) -> None:
    """The CLI gives up after a few wrong structured outputs."""
    report = desk.run(structured({"verdict": "maybe"}))

    assert (report.is_error, report.subtype) == (True, "error_max_structured_output_retries")


LATER = "(setsid sh -c 'sleep 0.7; kill -%s '$CLAUDE_PID > /dev/null 2>&1 &); true"


def test_a_sigterm_leaves_no_result(desk: Desk) -> None:
    """The CLI dies of it without a word."""
    report = desk.run(bash(LATER % "TERM"), Turn(text="Thinking " * 20, stall=60))

    assert (report.exit_code, report.results) == (143, 0)
    assert not is_success(report)


@pytest.mark.parametrize(
    "turns", [(bash("kill -INT $CLAUDE_PID; sleep 5"),), (bash(LATER % "INT"), Turn(text="x" * 99, stall=60))]
)
def test_a_sigint_ends_with_exit_code_zero_and_no_success(desk: Desk, turns: tuple[Turn, ...]) -> None:
    """Interrupted in a tool or in an answer, the CLI exits with 0; its result, where there is one, says aborted."""
    report = desk.run(*turns)

    assert report.exit_code == 0
    assert report.is_error or report.results == 0
    assert report.terminal_reason in {"", "aborted_tools", "aborted_streaming"}
    assert not is_success(report)


def test_LI5_turns_are_limited(desk: Desk) -> None:
    """An endless loop of tools ends at the limit."""
    report = desk.run(bash("true"), max_turns=2)

    assert (report.exit_code, report.subtype, report.turns) == (1, "error_max_turns", 2)


def test_the_budget_holds(desk: Desk) -> None:
    """After one huge answer the CLI's own look at the money ends the run."""
    report = desk.run(replace(bash("true"), usage={"output_tokens": 400_000}), done("never"), usd=0.5)

    assert (report.is_error, report.subtype) == (True, "error_max_budget_usd")
    assert report.metered_usd > 0.5


def test_the_proxy_holds_the_budget_by_itself(desk: Desk) -> None:
    """Spent is spent: the next request is refused whatever the CLI thinks, and the report says why it ended."""
    with serve_key_proxy(Credential("api-key", KEY), budget_usd=0.5, upstream=desk.model.url) as proxy:
        desk.proxy = proxy
        report = desk.run(replace(bash("true"), usage={"output_tokens": 30_000}), done("never"), usd=1000)

    assert report.stopped_for == "over-budget"
    assert len(desk.model.requests) == 1
    assert desk.model.requests[0].body["max_tokens"] == 25_000  # $0.50 of Opus 5.5's output
    assert 0.5 < report.metered_usd < 0.7


def test_a_session_that_is_not_there_is_reported(desk: Desk) -> None:
    """The CLI's words on stderr are what is left to tell."""
    report = desk.run(done("never"), resume=True)

    assert (report.exit_code, report.structured) == (1, None)
    assert "No conversation found" in report.stderr_tail + " ".join(report.errors)
    assert not is_success(report)


def test_the_clock_outside_ends_it(desk: Desk) -> None:
    """A model that falls silent does not hold the run beyond its time, and its answer is charged."""
    report = desk.run(Turn(text="Let me think " * 20, stall=60), seconds=2.5)

    assert (report.stopped_for, report.results) == ("timed-out", 0)
    assert report.seconds < 6
    assert report.metered_usd > 0


def test_a_cancel_ends_it_within_seconds(desk: Desk) -> None:
    """GitHub leaves 7.5 seconds; the agent, its tools and their children are gone before."""
    timer = threading.Timer(1.5, desk.cancel.set)
    timer.start()

    report = desk.run(bash(f"trap '' INT TERM; (setsid sleep 102.{os.getpid():07} &); sleep 60", timeout=90_000))

    timer.join()
    assert report.stopped_for == "cancelled"
    assert report.seconds < 5
    assert os.system(f"pgrep -f '^sleep 102.{os.getpid():07}' > /dev/null") != 0


def test_work_in_the_background_starts_no_second_turn(desk: Desk) -> None:
    """There is exactly one result, also when the agent leaves something running."""
    report = desk.run(bash("sleep 1", run_in_background=True), done("Left it running."), say("And it ended."))

    assert is_success(report)


# -------------------------------------------------------------------------- what the real one does not show


@pytest.fixture
def stand_in(desk: Desk, root: Path) -> Desk:
    """A CLI that misbehaves: each test writes it."""
    desk.cli = Cli(root / "claude", "2.1.329")
    return desk


def behaves(desk: Desk, script: str) -> AgentReport:
    desk.cli.path.write_text(f"#!/bin/sh\n{script}\n")
    desk.cli.path.chmod(0o755)
    return desk.run()


RESULT = (
    '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":1,'
    '"total_cost_usd":0.1,"permission_denials":[],"structured_output":{"verdict":"done","summary":"s","reason":""}}'
)


def test_a_process_that_does_not_end_after_its_result_is_ended(stand_in: Desk) -> None:
    """After the result it has half a minute (less in this test)."""
    stand_in.job = replace(stand_in.job, after_result=0.5)

    report = behaves(stand_in, f"echo '{RESULT}'; sleep 60")

    assert (report.results, report.stopped_for) == (1, "hung")
    assert report.structured is not None
    assert report.seconds < 5


def test_a_cost_that_nobody_was_asked_for_is_not_counted(stand_in: Desk) -> None:
    """A result is easily forged: by a large sum in it, no other run of the day would start."""
    report = behaves(stand_in, f"echo '{RESULT.replace('0.1,', '999999,')}'")

    assert report.usd == stand_in.proxy.meter.budget_usd


def test_a_line_beyond_all_bounds_ends_it(stand_in: Desk) -> None:
    """50 MB on one line are neither kept nor waited for."""
    report = behaves(stand_in, f"head -c 50000000 /dev/zero | tr '\\0' x; echo; echo '{RESULT}'; sleep 60")

    assert report.stopped_for == "flooded"
    assert not is_success(report)


@pytest.mark.parametrize(
    ("script", "code", "results"),
    [
        ("echo garbage; echo '{\"type\":'; echo '[1]'; echo 'null'; exit 1", 1, 0),
        ("kill -9 $$", -9, 0),
        (f"echo '{RESULT}'; echo '{RESULT}'", 0, 2),
        ('echo \'{"type":"result"}\'', 0, 1),
        ("echo 'error: unknown option' >&2; exit 1", 1, 0),
    ],
    ids=["garbage", "killed", "two results", "empty result", "bad flag"],
)
def test_a_broken_cli_is_never_a_success(stand_in: Desk, script: str, code: int, results: int) -> None:
    """Whatever comes, the report is made of what was really there."""
    report = behaves(stand_in, script)

    assert (report.exit_code, report.results) == (code, results)
    assert not is_success(report)
    assert "unknown option" not in script or "unknown option" in report.stderr_tail


def test_a_cli_that_is_not_there(stand_in: Desk) -> None:
    """It could not be started: 127."""
    report = stand_in.run()

    assert report.exit_code == 127
    assert not is_success(report)


# --------------------------------------------------------------------------- what the repository can't make it do


def test_the_repository_is_not_obeyed(desk: Desk) -> None:
    """Hooks, MCP servers, skills and instructions in the checkout do nothing by themselves."""
    tree = desk.workspace
    (tree / ".claude" / "commands").mkdir(parents=True)
    (tree / ".claude" / "commands" / "task.md").write_text("COMMAND-CANARY")
    hook = f'{{"type": "command", "command": "touch {tree}/HOOK"}}'
    hooks = ", ".join(f'"{event}": [{{"hooks": [{hook}]}}]' for event in ("SessionStart", "PreToolUse", "Stop"))
    (tree / ".claude" / "settings.json").write_text(f'{{"hooks": {{{hooks}}}, "env": {{"PLANTED": "1"}}}}')
    (tree / ".mcp.json").write_text(f'{{"mcpServers": {{"x": {{"command": "touch", "args": ["{tree}/MCP"]}}}}}}')
    for name in ("CLAUDE.md", "AGENTS.md", "CLAUDE.local.md"):
        (tree / name).write_text(f"{name}-CANARY")
    (tree / "secret.txt").write_text("MENTION-CANARY")
    desk.isolation.own(tree)

    report = desk.run(bash("env > env.txt"), done("ok"), prompt="Do the task of @secret.txt\n/task")

    assert is_success(report)
    assert not (tree / "HOOK").exists()
    assert not (tree / "MCP").exists()
    assert "PLANTED" not in (tree / "env.txt").read_text()
    assert "CANARY" not in str([request.body for request in desk.model.requests])


def test_what_an_earlier_spawn_left_at_home_is_not_obeyed(desk: Desk) -> None:
    """The agent may write its own HOME; a follow-up starts no server and no command from there."""
    config = desk.isolation.home / ".claude"
    (config / "commands").mkdir(parents=True)
    (config / "commands" / "task.md").write_text("COMMAND-CANARY")
    servers = f'{{"x": {{"command": "touch", "args": ["{desk.workspace}/MCP"]}}}}'
    (config / ".claude.json").write_text(f'{{"mcpServers": {servers}}}')
    (config / "CLAUDE.md").write_text("MEMORY-CANARY")
    desk.isolation.own(config)

    desk.run(done("ok"), prompt="/task it")

    assert not (desk.workspace / "MCP").exists()
    assert "CANARY" not in str([request.body for request in desk.model.requests])


def test_the_environment_is_ours_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's tools see the variables of the checks, this run's dummy key, and nothing of ours."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_canary")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "canary")

    desk.run(bash("env > env.txt; cat /proc/$PPID/environ | tr '\\0' '\\n' >> env.txt"), done("ok"))

    env = (desk.workspace / "env.txt").read_text()
    assert "FROM_CHECKS=yes" in env
    assert f"ANTHROPIC_API_KEY={desk.proxy.key}" in env
    assert KEY not in env
    assert "canary" not in env


# ------------------------------------------------------------------------------------------- finding the CLI


def test_the_cli_is_found_in_order(tmp_path: Path) -> None:
    """AI_READY_CLAUDE, then PATH, then the SDK's wheel, which is not imported."""
    ours, path = tmp_path / "ours", tmp_path / "bin" / "claude"
    path.parent.mkdir()
    for program in (ours, path):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)

    assert find_cli(str(ours), path=str(path.parent)) == ours
    assert find_cli(path=f"/nowhere:{path.parent}") == path
    assert find_cli(path="/nowhere").parts[-3:] == ("claude_agent_sdk", "_bundled", "claude")
    with pytest.raises(Blocked, match="AI_READY_CLAUDE names"):
        find_cli(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo '2.1.127 (Claude Code)'", "at least 2.1.128 is needed"),
        ("echo '1.0.0 (Claude Code)'", "at least 2.1.128 is needed"),
        ("echo hello", "does not say its version"),
        ("exit 1", "does not say its version"),
    ],
)
def test_an_unfit_cli_is_refused(tmp_path: Path, script: str, problem: str) -> None:
    """Too old or something else altogether: the run ends before it costs anything."""
    program = tmp_path / "claude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    with pytest.raises(Blocked, match=problem) as refusal:
        claude_version(program)

    assert refusal.value.code == "setup-failed"


def test_newer_versions_are_taken(tmp_path: Path) -> None:
    """2.2 and 10.0 are newer than 2.1.128."""
    program = tmp_path / "claude"
    for version in ("2.1.128", "2.2.0", "10.0.1"):
        program.write_text(f"#!/bin/sh\necho '{version} (Claude Code)'\n")
        program.chmod(0o755)
        assert claude_version(program) == version


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "done",
        [],
        {"verdict": "done"},
        {"verdict": "yes", "summary": "", "reason": ""},
        {"verdict": "done", "summary": 1, "reason": ""},
        {"verdict": ["done"], "summary": "", "reason": ""},
        {"verdict": "done", "summary": "", "reason": "", "branch": "main"},
    ],
)
def test_only_what_fits_the_schema_counts(answer: object) -> None:
    """The CLI is reachable by hostile code, so its word on the schema is not taken."""
    assert fitting(answer) is None


def test_long_answers_are_cut() -> None:
    """A summary can't fill the pull request."""
    kept = fitting({"verdict": "done", "summary": "x" * 1_000_000, "reason": ""})

    assert kept is not None
    assert len(kept["summary"]) == 20_000


def test_answers_to_reviewers_are_taken_where_they_are_some() -> None:
    """They are optional, bounded, and of their own form or the whole answer does not fit."""
    answer = {"verdict": "done", "summary": "s", "reason": ""}
    many = [{"thread": f"thread-{number}", "text": "x" * 1_000_000} for number in range(1_000)]

    assert fitting({**answer, "replies": []}) == answer
    kept = fitting({**answer, "replies": many})
    assert kept is not None
    assert [(each["thread"], len(each["text"])) for each in kept["replies"]][:1] == [("thread-0", 20_000)]
    assert len(kept["replies"]) == 100
    for odd in ("x", [1], [{"thread": "thread-1"}], [{"thread": 1, "text": "x"}]):
        assert fitting({**answer, "replies": odd}) is None


# --------------------------------------------------------------------------- it may only look; it is stopped


def test_an_agent_that_may_only_look_changes_nothing(desk: Desk) -> None:
    """The model calls the tools all the same: the CLI has none of them, and the agent goes on to its answer."""
    report = desk.run(
        write("made-by-write.txt", "x"),
        bash("touch made-by-bash.txt"),
        Turn(tools=(Tool("Edit", {"file_path": "a", "old_string": "", "new_string": "x"}),)),
        Turn(tools=(Tool("NotebookEdit", {"notebook_path": "a.ipynb", "new_source": "x"}),)),
        Turn(tools=(Tool("Task", {"description": "x", "prompt": "touch y", "subagent_type": "general-purpose"}),)),
        done("The plan."),
        read_only=True,
    )

    assert is_success(report)
    assert report.structured is not None
    assert report.structured["summary"] == "The plan."
    assert list(desk.workspace.iterdir()) == []
    offered = {tool["name"] for tool in desk.model.requests[0].body["tools"]}
    assert not offered & {"Write", "Edit", "Bash", "NotebookEdit", "Task", "WebFetch"}


def test_a_context_that_is_too_full_stops_the_agent_after_its_tool(desk: Desk) -> None:
    """What the tool did is there, the model is not asked again, and the session can be resumed."""
    report = desk.run(
        bash("true"),
        Turn(tools=bash("sleep 0.2; echo x > made.txt").tools, usage={"cache_read_input_tokens": 900_000}),
        bash("touch too-late.txt"),
        done("Never said."),
        context=0.85,
    )
    resumed = run_claude(
        replace(desk.job, prompt="Say how far you are.", resume=True, read_only=True),
        desk.cli, desk.isolation, desk.proxy, cancel=desk.cancel, hear=desk.heard.append,
    )  # fmt: skip

    assert (report.stopped_for, report.results) == ("context", 0)
    assert 0.9 <= report.context < 0.91
    assert {path.name for path in desk.workspace.iterdir()} == {"made.txt"}
    assert resumed.results == 1
    assert "Do the task." in str(desk.model.requests[-1].body["messages"])


def test_an_agent_that_is_about_to_end_is_let_end(desk: Desk) -> None:
    last = Turn(tools=done("Just in time.").tools, usage={"input_tokens": 990_000})

    assert is_success(desk.run(last, context=0.85))
