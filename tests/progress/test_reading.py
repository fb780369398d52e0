"""`events.jsonl` comes back as it was told; what can't be understood is passed over."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from bot.progress.events import AgentEnded, Entry, Event, Todo, TodosChanged, line_of
from bot.progress.reading import entries

AT = datetime(2026, 3, 4, 5, 6, 7, 123000, tzinfo=UTC)
PLAIN: dict[str, Any] = {"str": "some \u2603 words", "int": 3, "float": 1.5, "bool": True}


def example(kind: type[Event]) -> Event:
    if kind is TodosChanged:
        return TodosChanged((Todo("one", "pending"), Todo("two", "completed")))
    values: dict[str, Any] = {
        field.name: PLAIN[field.type.__name__] if isinstance(field.type, type) else "agent"
        for field in dataclasses.fields(kind)
    }
    return kind(**values)


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_is_read_back(kind: type[Event]) -> None:
    entry = Entry(AT, 12.5, "7-L1-1", 7, example(kind))

    assert list(entries([line_of(entry).encode()])) == [entry]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        json.dumps({"event": "agent-said"}).encode(),
        line_of(Entry(AT, 1, "k", 1, example(TodosChanged))).replace("pending", "perhaps").encode(),
        line_of(Entry(AT, 1, "k", 1, example(TodosChanged))).replace("todos-changed", "sung").encode(),
        line_of(Entry(AT, 1, "k", 1, example(TodosChanged))).replace('"todos":[', '"todos":[3,').encode(),
        line_of(Entry(AT, 1, "k", 1, example(TodosChanged))).replace("Z", "").encode(),
        line_of(Entry(AT, 1, "k", 1, example(get_args(Event)[2]))).replace('"seconds":1.5', '"seconds":"x"').encode(),
    ],
    ids=range(12),
)
def test_what_cannot_be_understood_is_passed_over(line: bytes) -> None:
    good = line_of(Entry(AT, 1, "k", 1, example(TodosChanged))).encode()

    assert len(list(entries([line, good]))) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
@pytest.mark.parametrize("name", ["elapsed", "issue", "seconds", "usd"])
def test_a_number_that_nobody_could_print_is_passed_over(name: str, number: str) -> None:
    told = line_of(Entry(AT, 12.5, "7-L1-1", 7, example(AgentEnded)))
    line = re.sub(rf'"{name}":[0-9.]+', f'"{name}":{number}', told)
    assert line != told

    assert list(entries([line.encode()])) == []
