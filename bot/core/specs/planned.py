"""A plan: the phased tasks that a spec becomes. What the words and numbers mean, and how many may be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from bot.core import titles
from bot.core.titles import Keyed

MOST_TASKS: Final = 200
MOST_TITLE: Final = 200
MOST_DESCRIPTION: Final = 8_000
MOST_ITEM: Final = 600
"""Characters of one criterion or step."""
MOST_ITEMS: Final = 40
MOST_PROJECT: Final = 100

META: Final = "META: "
"""Begins the title of the task that keeps the others together; it is never run (`bot.core.titles`)."""


META_KEY: Final = "META"
"""Stands for it where others have a key; no key is without numbers."""


class Priority(StrEnum):
    """How urgent."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Category(StrEnum):
    """What kind of work."""

    FUNCTIONAL = "functional"
    STYLE = "style"
    INFRASTRUCTURE = "infrastructure"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    BUGFIX = "bugfix"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task of a plan."""

    key: str
    """As `Keyed.label` has it: `AUTH-1.2`."""
    title: str
    """Without the key."""
    description: str
    acceptance_criteria: tuple[str, ...] = ()
    test_steps: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    category: Category = Category.FUNCTIONAL
    phase: str = ""
    """What the phase is called, without its number."""
    prerequisites: tuple[str, ...] = ()
    """Keys that come first, besides those that come first by their numbers."""

    @property
    def full_title(self) -> str:
        """`[AUTH-1.2] Limit the rate of logins`."""
        return f"[{self.key}] {self.title}"

    @property
    def place(self) -> Keyed:
        """Where it stands in the order."""
        place = keyed(self.key)
        if place is None:
            raise ValueError(f"{self.key} is no key")
        return place


@dataclass(frozen=True, slots=True)
class Phase:
    """The tasks of one prefix that have one phase number, in the plan's order."""

    prefix: str
    number: int
    name: str
    tasks: tuple[PlannedTask, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a spec asks for, as tasks."""

    project: str
    tasks: tuple[PlannedTask, ...]

    @property
    def meta_title(self) -> str:
        """The title of the task that keeps the others together."""
        return f"{META}{self.project}"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """In the order in which they first appear."""
        found: dict[tuple[str, int], list[PlannedTask]] = {}
        for task in self.tasks:
            found.setdefault((task.place.prefix, task.place.phase), []).append(task)
        return tuple(
            Phase(prefix, number, next((task.phase for task in tasks if task.phase), ""), tuple(tasks))
            for (prefix, number), tasks in found.items()
        )

    def named(self, project: str) -> "Plan":
        """The same for a project of that name."""
        return replace(self, project=project)

    def as_data(self) -> Mapping[str, Any]:
        """As JSON holds it, in the shape of an answer: `reading.read_answer` makes the same plan of it again."""
        return {
            "project": self.project,
            "tasks": [
                {
                    "key": task.key,
                    "title": task.title,
                    "description": task.description,
                    "acceptance_criteria": [*task.acceptance_criteria],
                    "test_steps": [*task.test_steps],
                    "priority": task.priority.value,
                    "category": task.category.value,
                    "phase": task.phase,
                    "prerequisites": [*task.prerequisites],
                }
                for task in self.tasks
            ],
            "problem": "",
        }


def keyed(key: str) -> Keyed | None:
    """What `AUTH-1.2` or `[AUTH-1.2]` means by the grammar of titles; None: it is no key with a prefix."""
    inside = key.strip().removeprefix("[").removesuffix("]").strip()
    found = titles.parse(f"[{inside}]")
    return found if isinstance(found, Keyed) and found.prefix else None


def key_of(title: str) -> str:
    """The key that leads a title; empty: there is none with a prefix."""
    found = titles.parse(title)
    return found.label if isinstance(found, Keyed) and found.prefix else ""
