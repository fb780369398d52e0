"""A task's text as people and agents read it: Description, Acceptance Criteria, Test Steps; written, and read again."""

import re
from dataclasses import dataclass
from typing import Final

from bot.core.outbound import inert
from bot.core.specs.planned import MOST_DESCRIPTION, MOST_ITEM, Plan, PlannedTask
from bot.core.specs.prose import inert_prose

DESCRIPTION: Final = "description"
CRITERIA: Final = "acceptance criteria"
STEPS: Final = "test steps"

_HEADING: Final = re.compile(r"#{1,6}[ \t]+(?P<name>.*?)[ \t:#]*")
_CODE: Final = re.compile(r" {0,3}(?:```|~~~)")
_CRITERION: Final = re.compile(r"[ \t]*[-*+][ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>\S.*)")
_STEP: Final = re.compile(r"[ \t]*(?:[0-9]{1,3}[.)]|[-*+])[ \t]+(?P<text>\S.*)")


@dataclass(frozen=True, slots=True)
class Sections:
    """What a task's text says, by section; what stands under no heading that we know is not in it."""

    description: str = ""
    acceptance_criteria: tuple[str, ...] = ()
    test_steps: tuple[str, ...] = ()


def task_body(task: PlannedTask) -> str:
    """The text of a planned task. Nothing in it mentions, closes, links or commands."""
    criteria = "\n".join(f"- [ ] {inert(each, MOST_ITEM)}" for each in task.acceptance_criteria)
    steps = "\n".join(f"{number}. {inert(each, MOST_ITEM)}" for number, each in enumerate(task.test_steps, 1))
    phase = f"Phase {task.place.phase}" + (f": {inert(task.phase)}" if task.phase else "")
    parts = (
        f"## Description\n\n{inert_prose(task.description, limit=MOST_DESCRIPTION)}",
        f"## Acceptance Criteria\n\n{criteria}" if criteria else "",
        f"## Test Steps\n\n{steps}" if steps else "",
        f"{phase} · Category: {task.category.value}",
    )
    return "\n\n".join(filter(None, parts))


def meta_body(plan: Plan) -> str:
    """The text of the task that keeps the others together."""
    listed = [
        "\n".join(
            [f"Phase {phase.number}" + (f": {inert(phase.name)}" if phase.name else ""), "", *_lines(phase.tasks)]
        )
        for phase in plan.phases
    ]
    about = "This keeps the tasks of a project together. It is no work itself: nothing is ever run for it."
    return "\n\n".join((about, *listed))


def _lines(tasks: tuple[PlannedTask, ...]) -> list[str]:
    return [f"- {task.key} {inert(task.title)}" for task in tasks]


def read_body(text: str) -> Sections:
    """The sections of a task's text, by their headings of any level and case."""
    found: dict[str, list[str]] = {DESCRIPTION: [], CRITERIA: [], STEPS: []}
    lines: list[str] | None = None
    in_code = False
    for line in text.replace("\r\n", "\n").split("\n"):
        in_code ^= bool(_CODE.match(line))
        heading = None if in_code else _HEADING.fullmatch(line.strip())
        if heading:
            lines = found.get(heading["name"].casefold())
        elif lines is not None:
            lines.append(line)
    return Sections(
        "\n".join(found[DESCRIPTION]).strip(),
        tuple(match["text"].rstrip() for line in found[CRITERIA] if (match := _CRITERION.fullmatch(line))),
        tuple(match["text"].rstrip() for line in found[STEPS] if (match := _STEP.fullmatch(line))),
    )
