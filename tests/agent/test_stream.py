import json
from collections.abc import Mapping

import pytest

from bot.agent.stream import Begun, Denied, Narrator, Result, Retrying, Spoke, parse


def assistant(*blocks: Mapping[str, object], ident: str = "msg_1", model: str = "claude-opus-5-5") -> str:
    return json.dumps({"type": "assistant", "message": {"id": ident, "model": model, "content": list(blocks)}})


def call(tool: str, **arguments: object) -> dict[str, object]:
    return {"type": "tool_use", "name": tool, "input": arguments}


def test_known_events_become_values() -> None:
    """The fields we use, by the names the CLI gives them."""
    init = {"type": "system", "subtype": "init", "session_id": "s", "model": "m", "claude_code_version": "2.1.329"}
    denied = {"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "message": "no"}
    retry = {"type": "system", "subtype": "api_retry", "error_status": 529, "attempt": 1, "max_retries": 7}

    assert parse(json.dumps(init)) == (Begun("s", "m", "2.1.329"),)
    assert parse(json.dumps(denied)) == (Denied("Bash", "no"),)
    assert parse(json.dumps(retry)) == (Retrying(529, 1, 7),)
    assert parse(assistant({"type": "text", "text": "hi"}, call("Read", file_path="a"))) == (
        Spoke("msg_1", text="hi"),
        Spoke("msg_1", tool="Read", input={"file_path": "a"}),
    )


def test_a_result_holds_what_the_verdict_needs() -> None:
    """Errors, denials, cost and the structured answer."""
    said = {
        "type": "result",
        "subtype": "success",
        "is_error": True,
        "terminal_reason": "api_error",
        "api_error_status": 401,
        "errors": ["one"],
        "result": "API Error: 401",
        "permission_denials": [{"tool_name": "Bash"}, {"tool_name": "Write"}],
        "num_turns": 3,
        "total_cost_usd": 0.25,
        "structured_output": {"verdict": "done"},
    }

    assert parse(json.dumps(said)) == (
        Result(
            True,
            "success",
            "api_error",
            401,
            ("one", "API Error: 401"),
            {"verdict": "done"},
            ("Bash", "Write"),
            3,
            0.25,
        ),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not json",
        "[1, 2]",
        "null",
        '{"type": "tomorrow"}',
        '{"type": "system", "subtype": "new"}',
        '{"type": "user", "message": {"content": "tool output"}}',
        '{"type": "assistant"}',
        '{"type": "assistant", "message": {"content": 7, "model": "<synthetic>"}}',
        '{"type": "assistant", "message": {"content": [7, {"type": "thinking"}, {}]}}',
        "[" * 100_000,
    ],
)
def test_everything_else_is_passed_over(line: str) -> None:
    """New events of a newer CLI, and noise, end nothing."""
    assert parse(line) == ()


def test_a_result_of_wrong_types_is_an_error() -> None:
    """What claims nothing believable claims no success."""
    said = {
        "type": "result",
        "is_error": "no",
        "num_turns": "x",
        "total_cost_usd": "1",
        "errors": 3,
        "permission_denials": {},
    }

    assert parse(json.dumps(said)) == (Result(True, "", "", 0, (), None, (), 0, 0.0),)


def test_the_live_log_tells_what_happens() -> None:
    """Phase, tool with a hint, todos, turns, cost and time; one line each."""
    said: list[str] = []
    clock = iter([0.0, 0.5, 1.0, 62.0, 63.0, 64.0, 65.0, 66.0, 67.0])
    narrator = Narrator(said.append, spent_usd=lambda: 0.12, now=lambda: next(clock))
    todos = [
        {"content": "Read", "status": "completed"},
        {"content": "Fix", "status": "in_progress"},
        {"content": "Test"},
    ]

    for line in (
        '{"type":"system","subtype":"init","session_id":"s","model":"m","claude_code_version":"2.1.329"}',
        assistant({"type": "text", "text": "I'll look.\nThen more."}, call("Bash", command="pytest -q\nrm x")),
        assistant(call("TodoWrite", todos=todos), ident="msg_2"),
        assistant(call("Write", file_path="a.py", content="the content"), ident="msg_3"),
        '{"type":"system","subtype":"permission_denied","tool_name":"Bash","message":"no"}',
        '{"type":"system","subtype":"api_retry","error_status":null,"attempt":1,"max_retries":7}',
        '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","num_turns":3,"total_cost_usd":0.1}',
    ):
        for event in parse(line):
            narrator.tell(event)

    assert said == [
        "[0:00] Claude Code 2.1.329, m, session s",
        "[0:01 turn 1 $0.12] says: I'll look.…",
        "[1:02 turn 1 $0.12] Bash pytest -q…",
        "[1:03 turn 2 $0.12] todo: [x] Read; [>] Fix; [ ] Test;",
        "[1:04 turn 3 $0.12] Write a.py",
        "[1:05 turn 3 $0.12] denied Bash: no",
        "[1:06 turn 3 $0.12] the API said no answer; trying again (1 of 7)",
        "[1:07 turn 3 $0.12] ended: success completed, 3 turns, $0.1000",
    ]


@pytest.mark.parametrize(
    "text", ["::set-output name=x::y", "\n\n::add-mask::x", "\x1b[31m::error::x", "##[set-output name=x]y", "a\r::x::y"]
)
def test_no_line_begins_with_the_agents_words(text: str) -> None:
    """GitHub's runner obeys lines that begin with `::` or hold `##[`; and a terminal obeys control characters."""
    said: list[str] = []
    narrator = Narrator(said.append)

    for block in ({"type": "text", "text": text}, call("Bash", command=text), call(text, file_path=text)):
        for event in parse(assistant(block)):
            narrator.tell(event)

    assert len(said) == 3
    assert all(line.startswith("[0:00 turn 1") and line.isprintable() and "##[" not in line for line in said)


def test_long_arguments_are_cut() -> None:
    """A line stays a line."""
    said: list[str] = []

    for event in parse(
        assistant(call("Bash", command="x" * 100_000), call("TodoWrite", todos=[{"content": "y" * 999}] * 999))
    ):
        Narrator(said.append).tell(event)

    assert max(len(line) for line in said) < 2000
