"""Answers of an initializer agent, plans made of them, and tasks as they then stand in a source."""

from dataclasses import replace
from typing import Any

from bot.core.specs.diff import Existing
from bot.core.specs.mark import marked_body
from bot.core.specs.planned import Plan, PlannedTask, Priority
from bot.core.specs.reading import Flawed, read_answer
from bot.core.specs.spec import Spec, read_spec

TAGGED = """# Authentication

## Phase 1: Core Authentication
- [AUTH-1.1] Create user model and database schema
- [AUTH-1.2] Implement login endpoint
- [AUTH-1.3] Add JWT token generation

## Phase 2: Enhanced Features
- [AUTH-2.1] Add password reset flow
- [AUTH-2.2] Implement email verification
"""
"""The example of the seed systems."""

PROSE = """# Requirements

## User Authentication

The system should support user authentication with:
- Login with email/password
- Password reset via email

## Dashboard

Users should see a dashboard with:
- Overview metrics
"""


def entry(key: str, title: str, **more: Any) -> dict[str, Any]:
    """One task of an answer."""
    return {
        "key": key,
        "title": title,
        "description": f"What {title} means.",
        "acceptance_criteria": ["It works.", "It is documented."],
        "test_steps": ["Run it."],
        "priority": "normal",
        "category": "functional",
        "phase": "",
        "prerequisites": [],
        **more,
    }


def answer(*tasks: Any, project: str = "Shop", problem: str = "") -> dict[str, Any]:
    """A whole answer."""
    return {"project": project, "tasks": [*tasks], "problem": problem}


def answer_to(spec: Spec) -> dict[str, Any]:
    """What a good agent says to a spec with keys."""
    return answer(*(entry(tag.key, tag.title, phase=tag.phase) for tag in spec.tags))


def plan_of(*tasks: Any, spec: str = "") -> Plan:
    """The plan of an answer that has no flaw."""
    found = read_answer(answer(*tasks), read_spec(spec))
    assert isinstance(found, Plan), found
    return found


def flaws_of(*tasks: Any, spec: str = "", **more: Any) -> tuple[str, ...]:
    """The flaws of an answer that has some."""
    found = read_answer(answer(*tasks), read_spec(spec), **more)
    assert isinstance(found, Flawed), found
    return found.flaws


def standing(task: PlannedTask, init: str = "i1", **changes: Any) -> Existing:
    """A task as it stands after it was made."""
    made = Existing(task.key, task.full_title, marked_body(task, init), task.priority, frozenset(task.prerequisites))
    return replace(made, **changes)


URGENT, LOW = Priority.URGENT, Priority.LOW
