"""From what the agent's CLI says to the run's events: counts turns, and picks of each tool's input what may be shown.

What may be shown is where a tool works, never what it writes, runs or looks for: the path of a file or folder, and of
a shell command the programs in it. The input is hostile and may hold anything.
"""

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, assert_never

from bot.agent.stream import Begun, Denied, Result, Retrying, Returned, Said, Spoke
from bot.core.run import AgentReport
from bot.core.verdict import spent
from bot.progress.events import (
    AgentBegan,
    AgentEnded,
    AgentSaid,
    ApiRetried,
    Event,
    Todo,
    TodosChanged,
    ToolDenied,
    ToolUsed,
    TurnBegan,
)

MOST_COMMANDS = 5
"""Of a line of shell, that are told."""

MOST_TODOS = 50

COMMAND_LOOKED_AT = 2_000
"""Characters of a command that are looked at."""

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
PROGRAM = re.compile(r"[A-Za-z0-9_.+\[-]{1,40}")
MODULE = re.compile(r"[A-Za-z0-9_.]{1,40}")
JOINS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "|&"})
"""What stands between two commands of a line."""


class Narrator:
    """Tells of one session with the agent, over all its attempts."""

    def __init__(self, tell: Callable[[Event], None], *, spent_usd: Callable[[], float]) -> None:
        self._tell, self._spent = tell, spent_usd
        self._workspace, self._turns_left = Path("/"), 0
        self._message, self._turn, self._up = "", 0, False
        self._todos: tuple[Todo, ...] = ()

    def attempt(self, workspace: Path, turns: int) -> None:
        """Another attempt begins, in this folder and with so many turns."""
        self._workspace, self._turns_left, self._up = workspace, turns, False

    def hear(self, said: Said) -> None:
        """Tell what one line of the CLI means."""
        match said:
            case Begun():
                if not self._up:  # once, whatever is written to its output
                    self._up = True
                    self._tell(AgentBegan(said.model, said.version, said.session_id, self._turns_left))
            case Spoke():
                self._spoke(said)
            case Denied():
                self._tell(ToolDenied(said.tool))
            case Retrying():
                self._tell(ApiRetried(said.status, said.attempt, said.most))
            case Result() | Returned():
                pass  # `ended` knows more, and of tools it is told that they are used
            case _:
                assert_never(said)

    def ended(self, report: AgentReport) -> None:
        """The attempt is over."""
        self._tell(AgentEnded(_end(report), report.turns, round(spent(report), 4), round(report.seconds, 1)))

    def _spoke(self, said: Spoke) -> None:
        if said.message_id != self._message:
            self._message = said.message_id
            self._turn += 1
            self._tell(TurnBegan(self._turn, round(self._spent(), 4)))
        if said.text:
            line = next((line for line in said.text.splitlines() if line.strip()), "")
            self._tell(AgentSaid(line if said.text.strip() == line.strip() else f"{line} …"))
        elif said.tool == "TodoWrite":
            self._listed(said.input)
        elif said.tool != "StructuredOutput":  # its answer at the end, of which `ended` tells
            self._tell(ToolUsed(said.tool, self._target(said.tool, said.input)))

    def _listed(self, arguments: Mapping[str, Any]) -> None:
        todos = todos_of(arguments)
        if todos != self._todos:
            self._todos = todos
            self._tell(TodosChanged(todos))

    def _target(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "Bash":
            return programs(_text(arguments, "command"))
        return within(self._workspace, _text(arguments, "file_path") or _text(arguments, "path"))


def todos_of(arguments: Mapping[str, Any]) -> tuple[Todo, ...]:
    """The list that TodoWrite is given."""
    todos = arguments.get("todos")
    items = [item for item in todos[:MOST_TODOS] if isinstance(item, dict)] if isinstance(todos, list) else []
    return tuple(_todo(_text(item, "content"), _text(item, "status")) for item in items)


def _todo(text: str, status: str) -> Todo:
    return Todo(text, "completed" if status == "completed" else "in-progress" if status == "in_progress" else "pending")


def within(workspace: Path, path: str) -> str:
    """`path` as seen from the repository's folder; as it is where it leads elsewhere."""
    pure = PurePosixPath(path)
    return str(pure.relative_to(workspace)) if pure.is_relative_to(workspace) else path


def programs(command: str) -> str:
    """The programs of a shell command, without what they are told: `cd … && python3 -m pytest …`.

    Arguments may hold contents and secrets, so none is shown but the module of a `python -m`. Of several lines the
    first counts: the others may be data.
    """
    line, _, more = command.strip().partition("\n")
    commands = list(islice(_simple_commands(line[:COMMAND_LOOKED_AT]), MOST_COMMANDS + 1))
    shown = " ".join(part for join, words in commands[:MOST_COMMANDS] for part in (join, _program(words)) if part)
    return f"{shown} …" if (more or len(commands) > MOST_COMMANDS) and not shown.endswith("…") else shown


def _simple_commands(line: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a line as words, each with what joins it to the one before."""
    join, words = "", list[str]()
    for word in _words(line):
        if word in JOINS:
            yield join, words
            join, words = word, []
        elif words or not ASSIGNMENT.fullmatch(word):
            words.append(word)
    yield join, words


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    with contextlib.suppress(ValueError):  # a quotation goes on in the next line
        yield from lexer


def _program(words: list[str]) -> str:
    """The first of the words, and that there are more."""
    if not words:
        return ""
    name = words[0].rpartition("/")[2]
    if not PROGRAM.fullmatch(name):
        return "…"
    named = [name]
    if name.startswith("python") and words[1:2] == ["-m"] and len(words) > 2 and MODULE.fullmatch(words[2]):
        named += words[1:3]
    return " ".join(named + ["…"] * (len(words) > len(named)))


def _end(report: AgentReport) -> str:
    if report.stopped_for:
        return report.stopped_for
    if report.results == 1 and not report.is_error and report.structured:
        return str(report.structured.get("verdict", "done"))
    return f"error {report.terminal_reason or report.subtype or report.exit_code}"


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
