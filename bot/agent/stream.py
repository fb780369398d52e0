"""What the Claude CLI says while it works: its stream-json lines as typed values, and a live log for people.

Owns the meaning of those lines (https://docs.claude.com/en/docs/claude-code/sdk/sdk-headless). Everything in them
comes from a process that hostile code can reach, so shapes are checked and unknown events are passed over.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

MOST_ERRORS = 10
HINT = 120
"""Characters of a tool's argument, or of the agent's words, that the live log shows."""
LONGEST = 1200
"""Characters of a line of the live log."""


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


Event = Begun | Spoke | Denied | Retrying | Result


def parse(line: str) -> tuple[Event, ...]:
    """The events in one line of output; empty for what is not JSON, not known or not of interest."""
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
        case "result", _:
            return (_result(said),)
    return ()


def _spoken(said: Mapping[str, Any]) -> tuple[Event, ...]:
    message = said.get("message")
    # A message of the CLI itself ("API Error: …") carries the model `<synthetic>`; the result repeats it.
    if not isinstance(message, dict) or message.get("model") == "<synthetic>":
        return ()
    ident, events = _str(message, "id"), []
    for block in message.get("content") or ():
        if isinstance(block, dict) and block.get("type") == "text":
            events.append(Spoke(ident, text=_str(block, "text")))
        elif isinstance(block, dict) and block.get("type") == "tool_use":
            arguments = block.get("input")
            events.append(
                Spoke(ident, tool=_str(block, "name"), input=arguments if isinstance(arguments, dict) else {})
            )
    return tuple(events)


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


class Narrator:
    """Turns events into lines that a person can follow: what it does, never what came out of it."""

    def __init__(
        self,
        log: Callable[[str], None],
        *,
        spent_usd: Callable[[], float] = lambda: 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._spent, self._now = log, spent_usd, now
        self._started = now()
        self._message, self._turn = "", 0

    def tell(self, event: Event) -> None:
        """Say one event."""
        match event:
            case Begun():
                self._say(f"Claude Code {event.version}, {event.model}, session {event.session_id}")
            case Spoke():
                self._count(event)
                self._say(f"says: {_hint(event.text)}" if event.text else self._call(event))
            case Denied():
                self._say(f"denied {event.tool}: {_hint(event.why)}")
            case Retrying():
                status = event.status or "no answer"
                self._say(f"the API said {status}; trying again ({event.attempt} of {event.most})")
            case Result():
                words = "error" if event.is_error else event.subtype
                self._say(f"ended: {words} {event.terminal_reason}, {event.turns} turns, ${event.usd:.4f}")
            case _:
                assert_never(event)

    def _count(self, event: Spoke) -> None:
        if event.message_id != self._message:
            self._message = event.message_id
            self._turn += 1

    def _call(self, event: Spoke) -> str:
        if event.tool == "TodoWrite":
            return f"todo: {_todos(event.input)}"
        return f"{event.tool} {_hint(_argument(event))}".rstrip()

    def _say(self, words: str) -> None:
        seconds = int(self._now() - self._started)
        turn = f" turn {self._turn} ${self._spent():.2f}" if self._turn else ""
        # One line, and not from its start: `::set-output` there would be a command to GitHub's runner, and the older
        # spelling `##[set-output` anywhere (actions/runner, ActionCommand.cs).
        self._log(f"[{seconds // 60}:{seconds % 60:02}{turn}] {_printable(words[:LONGEST]).replace('##[', '## [')}")


ARGUMENT = {"Bash": "command", "Glob": "pattern", "Grep": "pattern", "StructuredOutput": "verdict"}
"""The argument that says best what a tool is asked; else it is `file_path`."""


def _argument(event: Spoke) -> str:
    return _str(event.input, ARGUMENT.get(event.tool, "file_path"))


def _todos(arguments: Mapping[str, Any]) -> str:
    todos = arguments.get("todos")
    marks = {"completed": "x", "in_progress": ">"}
    items = [todo for todo in todos if isinstance(todo, dict)] if isinstance(todos, list) else []
    return " ".join(
        f"[{marks.get(_str(item, 'status'), ' ')}] {_hint(_str(item, 'content'), 50)};" for item in items[:20]
    )


def _hint(text: str, length: int = HINT) -> str:
    """The first line of `text`, printable and short."""
    line = next((line for line in text.splitlines() if line.strip()), "").strip()
    shown = _printable(line[: length + 1])
    return shown if len(shown) <= length and text.strip() == line else shown[:length] + "…"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _str(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _int(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
