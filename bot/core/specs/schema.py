"""The form in which the agent has to answer: a JSON Schema. What it can't say, `reading` checks."""

import json
from collections.abc import Mapping
from typing import Any, Final

from bot.core.specs.planned import Category, Priority

_TEXT: Final[Mapping[str, Any]] = {"type": "string"}
_TEXTS: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "string"}}

_TASK: Final[Mapping[str, Any]] = {
    "key": {"type": "string", "description": "PREFIX-PHASE.TASK, such as AUTH-1.2"},
    "title": {"type": "string", "description": "Without the key"},
    "description": _TEXT,
    "acceptance_criteria": _TEXTS,
    "test_steps": _TEXTS,
    "priority": {"type": "string", "enum": [each.value for each in Priority]},
    "category": {"type": "string", "enum": [each.value for each in Category]},
    "phase": {"type": "string", "description": "What the phase is called, without its number"},
    "prerequisites": {**_TEXTS, "description": "Keys of tasks of this plan"},
}
TASK_FIELDS: Final = tuple(_TASK)
FIELDS: Final = ("project", "tasks", "problem")

SCHEMA: Final = json.dumps(
    {
        "type": "object",
        "properties": {
            "project": _TEXT,
            "tasks": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": _TASK,
                    "required": [*TASK_FIELDS],
                    "additionalProperties": False,
                },
            },
            "problem": {"type": "string", "description": "Why there can be no plan; empty: there is one"},
        },
        "required": [*FIELDS],
        "additionalProperties": False,
    },
    separators=(",", ":"),
)
