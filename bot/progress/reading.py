"""`events.jsonl`, read back: what a run told, as far as it can be understood. Pure."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bot.progress.events import NAMES, Entry, Event, Todo, TodosChanged

_KINDS: Final[Mapping[str, type[Event]]] = {name: kind for kind, name in NAMES.items()}
_EXAMPLES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_LARGEST: Final = 1e15


def entries(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Each event; a line that is torn, or that a newer version wrote otherwise, is passed over."""
    for line in lines:
        entry = _entry(line)
        if entry is not None:
            yield entry


def _entry(line: bytes) -> Entry | None:
    try:
        said: Any = json.loads(line)
        kind = _KINDS[said["event"]]
        at, elapsed = datetime.fromisoformat(said["time"]), float(_number(said["elapsed"]))
        run, issue, event = str(said["run"]), int(_number(said["issue"])), _event(kind, said["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Entry(at, elapsed, run, issue, event) if event is not None and at.tzinfo else None


def _event(kind: type[Event], data: Mapping[str, Any]) -> Event | None:
    """The event, if every field of it is there and is what it should be."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        value = data[field.name]
        if kind is TodosChanged:
            values[field.name] = tuple(Todo(str(each["text"]), _state(each["state"])) for each in value)
            continue
        wanted = field.type if isinstance(field.type, type) else str
        if not isinstance(value, _EXAMPLES.get(wanted.__name__, (str,))):
            return None
        values[field.name] = _number(value) if isinstance(value, int | float) else value
    return kind(**values)


def _number(given: Any) -> Any:
    """JSON has numbers, and Python's reader `NaN` and `Infinity`, that no figure of a run can be and nobody can print."""
    if not -_LARGEST < given < _LARGEST:
        raise ValueError(given)
    return given


def _state(given: object) -> Any:
    if given not in ("pending", "in-progress", "completed"):
        raise ValueError(given)
    return given
