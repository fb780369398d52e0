import json
from collections.abc import Mapping

import pytest

from bot.agent.stream import Begun, Denied, Result, Retrying, Spoke, parse


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
        '{"type": "assistant", "message": {"content": 7}}',
        '{"type": "assistant", "message": {"content": "text"}}',
        '{"type": "assistant", "message": {"content": [{"type": "text"}], "model": "<synthetic>"}}',
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
