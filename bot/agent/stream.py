"""What the Claude CLI says while it works: its stream-json lines as typed values.

Owns the meaning of those lines (https://docs.claude.com/en/docs/claude-code/sdk/sdk-headless). Everything in them
comes from a process that hostile code can reach, so shapes are checked and unknown ones are passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Begun:
    """`system/init`: the CLI is up."""

    session_id: str
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Spoke:
    """Part of one answer of the model: words, or the call of a tool."""

    message_id: str
    text: str = ""
    tool: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 0
    """What the model had before it when it answered."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Tools of an answer have ended."""

    tools: int


@dataclass(frozen=True, slots=True)
class Denied:
    """The CLI refused a tool."""

    tool: str
    why: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The API answered with an error; the CLI tries again."""

    status: int
    attempt: int
    most: int


@dataclass(frozen=True, slots=True)
class Result:
    """The last word of a run."""

    is_error: bool
    subtype: str
    terminal_reason: str
    api_error_status: int
    errors: tuple[str, ...]
    structured: Any
    """`structured_output` as it came; None when absent."""
    denials: tuple[str, ...]
    turns: int
    usd: float


Said = Begun | Spoke | Returned | Denied | Retrying | Result


def parse(line: str) -> tuple[Said, ...]:
    """What one line of output says; empty for what is not JSON, not known or not of interest."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(said, dict):
        return ()
    match said.get("type"), said.get("subtype"):
        case "system", "init":
            return (Begun(_str(said, "session_id"), _str(said, "model"), _str(said, "claude_code_version")),)
        case "system", "permission_denied":
            return (Denied(_str(said, "tool_name"), _str(said, "message")),)
        case "system", "api_retry":
            return (Retrying(_int(said, "error_status"), _int(said, "attempt"), _int(said, "max_retries")),)
        case "assistant", _:
            return _spoken(said)
        case "user", _:
            return _returned(said)
        case "result", _:
            return (_result(said),)
    return ()


def _spoken(said: Mapping[str, Any]) -> tuple[Said, ...]:
    message = said.get("message")
    # A message of the CLI itself ("API Error: …") carries the model `<synthetic>`; the result repeats it.
    if not isinstance(message, dict) or message.get("model") == "<synthetic>":
        return ()
    ident, tokens, spoken = _str(message, "id"), _tokens(message.get("usage")), []
    for block in _blocks(message):
        if isinstance(block, dict) and block.get("type") == "text":
            spoken.append(Spoke(ident, text=_str(block, "text"), tokens=tokens))
        elif isinstance(block, dict) and block.get("type") == "tool_use":
            arguments = block.get("input")
            given = arguments if isinstance(arguments, dict) else {}
            spoken.append(Spoke(ident, tool=_str(block, "name"), input=given, tokens=tokens))
    return tuple(spoken)


def _blocks(message: Mapping[str, Any]) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _tokens(usage: Any) -> int:
    """Of a whole prompt, however much of it was cached."""
    if not isinstance(usage, dict):
        return 0
    return sum(_int(usage, f"{kind}input_tokens") for kind in ("", "cache_read_", "cache_creation_"))


def _returned(said: Mapping[str, Any]) -> tuple[Said, ...]:
    message = said.get("message")
    blocks = _blocks(message) if isinstance(message, dict) else []
    tools = sum(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)
    return (Returned(tools),) if tools else ()


def _result(said: Mapping[str, Any]) -> Result:
    errors = said.get("errors")
    said_errors = [error for error in errors if isinstance(error, str)] if isinstance(errors, list) else []
    if said.get("is_error") and isinstance(said.get("result"), str):
        said_errors.append(said["result"])
    denials = said.get("permission_denials")
    names = (
        [_str(denial, "tool_name") for denial in denials if isinstance(denial, dict)]
        if isinstance(denials, list)
        else []
    )
    usd = said.get("total_cost_usd")
    return Result(
        is_error=said.get("is_error") is not False,
        subtype=_str(said, "subtype"),
        terminal_reason=_str(said, "terminal_reason"),
        api_error_status=_int(said, "api_error_status"),
        errors=tuple(error[:2000] for error in said_errors[:MOST_ERRORS]),
        structured=said.get("structured_output"),
        denials=tuple(names[:100]),
        turns=_int(said, "num_turns"),
        usd=float(usd) if isinstance(usd, int | float) and 0 <= usd < 1e6 else 0.0,
    )


def _str(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _int(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else 0
