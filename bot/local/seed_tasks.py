"""`tasks.json` of the runner that this one took over from → one task file each. The old file stays as it is."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bot.errors import UsageError
from bot.trackers.task_file import new_text, quoted
from bot.trackers.tracker import Priority, Status
from bot.whole_file import write_whole

_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def import_tasks(old: Path, folder: Path) -> tuple[str, ...]:
    """Write every task of `old` into `folder`; the names of those that were not there yet. Raises `UsageError`."""
    tasks = [_task(name, each, old) for name, each in _read(old).items()]
    folder.mkdir(parents=True, exist_ok=True)
    new = [(name, text) for name, text in tasks if not (folder / f"{name}.md").exists()]
    for name, text in new:
        write_whole(folder / f"{name}.md", text.encode(), mode=0o644)
    return tuple(name for name, _ in new)


def _read(old: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(old.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{old} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{old} is no JSON that can be read: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{old} holds no tasks by their id, such as TASK-001.")
    return found


def _task(name: str, task: Any, old: Path) -> tuple[str, str]:
    title = str(task.get("title", "")).strip() if isinstance(task, dict) else ""
    if not title or not name or set(name) - _SAFE or name.startswith("."):
        raise UsageError(f"{old}: `{name[:40]}` is no task with an id such as TASK-001 and a title: correct it.")
    values = {"status": _status(name, task, old), "priority": _priority(task), "labels": _labels(task)}
    return name, new_text(" ".join(title.split()), "\n\n".join(_parts(task)), values)


def _status(name: str, task: Mapping[str, Any], old: Path) -> str:
    """A task that was under way is to be done: whoever had it is gone."""
    text = str(task.get("status") or "todo")
    if text not in list(Status):
        raise UsageError(f"{old}: {name} has the status `{text[:40]}`; there are {', '.join(Status)}.")
    return Status.TODO.value if text == Status.IN_PROGRESS else text


def _priority(task: Mapping[str, Any]) -> str:
    number = task.get("priority")
    return Priority(number).name.lower() if isinstance(number, int) and number in list(Priority) else ""


def _labels(task: Mapping[str, Any]) -> str:
    """Their category is one more label."""
    given = task.get("labels")
    labels = [str(each) for each in given] if isinstance(given, list) else []
    category = str(task.get("category") or "")
    words = dict.fromkeys([*labels, *([category] if category else [])])
    return f"[{', '.join(quoted(word) for word in words)}]" if words else ""


def _parts(task: Mapping[str, Any]) -> Iterator[str]:
    if text := str(task.get("description") or "").strip():
        yield text
    if criteria := _texts(task, "acceptance_criteria"):
        yield "## Acceptance Criteria\n\n" + "\n".join(f"- [ ] {each}" for each in criteria)
    if steps := _texts(task, "test_steps"):
        yield "## Test Steps\n\n" + "\n".join(f"{number}. {each}" for number, each in enumerate(steps, 1))


def _texts(task: Mapping[str, Any], key: str) -> list[str]:
    given = task.get(key)
    return [" ".join(str(each).split()) for each in given] if isinstance(given, list) else []
