"""The stream's shape: every event, as a line, fits the published schema."""

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args

import jsonschema  # type: ignore[import-untyped]
import pytest

from bot.progress.events import NAMES, Event, LogCut, Verdict, line_of
from tests.progress.told import WHOLE, told

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "events.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ALL = (*WHOLE, LogCut(5_000_000), Verdict("done", "", "", 1, 0.1, 2.0))


def lines() -> list[dict[str, object]]:
    return [json.loads(line_of(entry)) for entry in told(ALL).entries]


def test_every_event_fits_the_schema() -> None:
    """And the tale that is told here has each of them."""
    for line in lines():
        VALIDATOR.validate(line)

    assert {line["event"] for line in lines()} == set(NAMES.values())
    assert set(NAMES) == set(get_args(Event))


def test_a_line_says_which_run_and_when() -> None:
    """The names that every line has, and one event's data."""
    first = lines()[1]

    assert first == {
        "time": "2026-11-21T09:00:01.000Z",
        "elapsed": 1.0,
        "run": "7-L1-1",
        "issue": 7,
        "event": "phase-began",
        "data": {"phase": "look", "attempt": 0, "attempts": 0},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"event": "tool-ended"},
        {"data": {}},
        {"data": {"tool": "Read", "target": "a", "output": "b"}},
        {"data": {"tool": 7, "target": "a"}},
        {"issue": "7"},
        {"more": 1},
        {"time": "yesterday"},
    ],
)
def test_the_schema_refuses_what_is_no_event(change: dict[str, object]) -> None:
    """A schema that takes everything would prove nothing."""
    good = next(line for line in lines() if line["event"] == "tool-used")

    assert VALIDATOR.is_valid(good)
    assert not VALIDATOR.is_valid({**good, **change})


def test_no_event_has_room_for_contents() -> None:
    """No field is called after what tools give or get: a new one has to be thought about."""
    names = {field.name for kind in NAMES for field in fields(kind)}

    assert names == {
        *("repo", "title", "branch", "model", "usd", "minutes", "run_url", "issue_url", "phase", "attempt", "attempts"),
        *("seconds", "isolation", "version", "session", "turns", "turn", "text", "tool", "target", "todos", "status"),
        *("end", "name", "command", "detected", "exit_code", "doing", "bytes", "verdict", "reason", "task"),
    }
