"""The tools that the model gets over the Messages API, and who does what it asks: never we ourselves.

Owns their definitions, their names in the run's events, and the answer that the model gives at its end. `bash` and the
editor are of the types that the model was trained on; where nothing may be changed there are two that only read.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from anthropic import transform_schema
from anthropic.lib.tools import BetaAsyncBuiltinFunctionTool, ToolError
from anthropic.types.beta import BetaToolUnionParam

from bot.agent.answer import Form
from bot.agent.anthropic_editor import edit, text_of, view
from bot.agent.anthropic_hands import CannotTouch, Hands
from bot.agent.anthropic_shell import Shell
from bot.agent.claude_code import FORM
from bot.agent.launching import Isolation
from bot.agent.process import Cancel

LONGEST_COMMAND = 600.0
"""Seconds that one command may take."""

MOST_MISFITS = 5
"""Answers in a wrong form before the run ends."""

ANSWER: Final = "StructuredOutput"
EDITOR: Final = "str_replace_based_edit_tool"

BASH: BetaToolUnionParam = {"type": "bash_20250124", "name": "bash"}
TEXT_EDITOR: BetaToolUnionParam = {"type": "text_editor_20250728", "name": EDITOR}
READ: BetaToolUnionParam = {
    "name": "Read",
    "description": "Read a file, with the numbers of its lines, or list a folder two levels deep.",
    "input_schema": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Relative to the repository's root, or absolute."},
            "view_range": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "The first and the last line to read, such as [1, 50]; -1 as the last is the end.",
            },
        },
        "required": ["path"],
    },
}
GREP: BetaToolUnionParam = {
    "name": "Grep",
    "description": "Find lines that match an extended regular expression (grep -E) in all files below a path.",
    "input_schema": {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "path": {"type": "string", "description": "Where to look; `.` is the repository's root."},
        },
        "required": ["pattern", "path"],
    },
}
TODOS: BetaToolUnionParam = {
    "name": "TodoWrite",
    "description": "Keep the list of what you have to do, which people follow: give all of it each time.",
    "input_schema": {
        "type": "object",
        "properties": {
            "todos": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "content": {"type": "string"},
                        "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
                    },
                    "required": ["content", "status"],
                },
            }
        },
        "required": ["todos"],
    },
}


def answer_tool(schema: str) -> BetaToolUnionParam:
    """The tool with which the model ends; strict, so that its input has this form."""
    return {
        "name": ANSWER,
        "description": "Give your final answer. Call it once, when you are finished or can't go on.",
        "input_schema": transform_schema(json.loads(schema)),  # `strict` takes less than all of JSON Schema
        "strict": True,
    }


class Tool(BetaAsyncBuiltinFunctionTool):
    """A definition, and what is done when the model calls it."""

    def __init__(
        self,
        definition: BetaToolUnionParam,
        act: Callable[[Mapping[str, Any]], str],
        failed: Callable[[Exception], None],
    ) -> None:
        """`act` gives what the model is told, or raises `CannotTouch`; of anything else that it raises `failed` hears."""
        self._definition, self._act, self._failed = definition, act, failed

    @property
    def name(self) -> str:
        """As the model calls it."""
        return str(dict(self._definition)["name"])

    def to_dict(self) -> BetaToolUnionParam:
        """The definition."""
        return self._definition

    async def call(self, input: object) -> str:  # noqa: A002 (the SDK's name)
        """Do it. Nothing else happens meanwhile: what is done looks at the time and at a cancel by itself."""
        try:
            return self._act(input if isinstance(input, dict) else {})
        except CannotTouch as problem:
            raise ToolError(str(problem)) from None
        except Exception as failure:  # noqa: BLE001 (the SDK would log it and go on; it is raised once we are out of there)
            self._failed(failure)
            raise ToolError("This failed.") from None


class Toolbox:
    """The tools of one ask."""

    def __init__(
        self,
        isolation: Isolation,
        env: Mapping[str, str],
        folder: Path,
        cancel: Cancel,
        seconds_left: Callable[[], float],
        form: Form | None = None,
    ) -> None:
        """Whose hands, where, for how long, and how it ends."""
        self._shell = Shell(isolation, env, folder, cancel)
        self._hands = Hands(isolation, env, folder, cancel)
        self._cancel, self._seconds_left = cancel, seconds_left
        self._form = form or FORM
        self.answer: Mapping[str, Any] | None = None
        """What the model said at its end."""
        self.misfits = 0
        """Answers that did not fit."""
        self.failures: list[Exception] = []
        """What went wrong in a tool by no fault of the model's."""

    def tools(self, *, read_only: bool) -> list[Tool]:
        """All of them, or those that change nothing."""
        reading = ((READ, self._read), (GREP, self._grep))
        working = ((BASH, self._bash), (TEXT_EDITOR, self._edit))
        always = ((TODOS, _noted), (answer_tool(self._form.schema), self._take_answer))
        offered = (*(reading if read_only else working), *always)
        return [Tool(definition, act, self.failures.append) for definition, act in offered]

    def end(self) -> None:
        """Nothing that they started stays alive."""
        self._shell.end()

    def _bash(self, asked: Mapping[str, Any]) -> str:
        self._check()
        if asked.get("restart") is True:
            self._shell.end()
            return "The shell is a new one."
        command = text_of(asked, "command")
        if not command.strip() or "\0" in command:
            raise CannotTouch("`command` is missing, or holds a NUL.")
        ran = self._shell.run(command, seconds=min(LONGEST_COMMAND, self._seconds_left()))
        code = f"[exit code {ran.exit_code}]" if ran.exit_code else ""
        return "\n".join(filter(None, (ran.output.strip("\n"), code, ran.note))) or "(no output)"

    def _edit(self, asked: Mapping[str, Any]) -> str:
        self._check()
        return edit(self._hands, asked)

    def _read(self, asked: Mapping[str, Any]) -> str:
        self._check()
        return view(self._hands, text_of(asked, "path"), asked.get("view_range"))

    def _grep(self, asked: Mapping[str, Any]) -> str:
        self._check()
        return self._hands.search(text_of(asked, "pattern"), text_of(asked, "path")) or "(nothing found)"

    def _take_answer(self, asked: Mapping[str, Any]) -> str:
        self.answer = self._form.fitting(dict(asked))
        if self.answer is None:
            self.misfits += 1
            raise CannotTouch("This answer does not fit the schema; give it again.")
        return "Received."

    def _check(self) -> None:
        if self._cancel.is_set or self._seconds_left() <= 0:
            raise CannotTouch("The run is over; this was not done.")


def _noted(_asked: Mapping[str, Any]) -> str:
    return "Noted."


def told(name: str, asked: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A call as the run's events tell of it: by the names that the Claude CLI has for the same tools."""
    if name == "bash":
        return "Bash", asked
    if name == EDITOR:
        command = asked.get("command")
        return {"view": "Read", "create": "Write"}.get(str(command), "Edit"), asked
    return name, asked
