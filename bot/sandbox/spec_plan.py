"""What a scripted model makes of a spec: a task for each line that has a key, else for each heading. No more than a show."""

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.core.specs.spec import Tag, read_spec

SAMPLE: Final = """# Greetings

## Phase 1: Core
- [HELLO-1.1] Add a function that greets somebody by name
- [HELLO-1.2] Greet the world when there is no name

## Phase 2: Polish
- [HELLO-2.1] Say in README.md how to use it
"""

_HEADING: Final = re.compile(r"#{2,6}[ \t]+(.+?)[ \t#]*")


def plan_by_lines(text: str) -> Mapping[str, Any]:
    """An answer in the form that the initializer asks for."""
    spec = read_spec(text)
    headings = [found[1] for line in text.splitlines() if (found := _HEADING.fullmatch(line))]
    tags = spec.tags or [Tag(f"TASK-1.{number}", title, "", "") for number, title in enumerate(headings[:99], 1)]
    tasks = [
        {
            "key": tag.key,
            "title": tag.title,
            "description": f"{tag.title}, as the spec has it.",
            "acceptance_criteria": [f"Done: {tag.title}"],
            "test_steps": ["Run the tests"],
            "priority": "normal",
            "category": "functional",
            "phase": tag.phase,
            "prerequisites": [],
        }
        for tag in tags
    ]
    return {"project": "", "tasks": tasks, "problem": "" if tasks else "There is no heading and no key in it."}
