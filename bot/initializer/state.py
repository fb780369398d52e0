"""What an initialization remembers beside the code: `.project_state.json` once all tasks exist, and how far it is before.

Both are written whole and atomically. A file that is torn, or of a newer version, is refused with a sentence and stays.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bot.core.specs.planned import Plan
from bot.core.specs.reading import read_answer
from bot.core.specs.spec import Spec
from bot.errors import UsageError
from bot.whole_file import write_whole

VERSION: Final = 1
MARKER: Final = ".project_state.json"
PROGRESS: Final = ".project_state.creating.json"
SHOWN: Final = ".project_state.plan.json"
"""A plan that was shown, and nobody has agreed to yet: what is agreed to then is this one."""
MOST_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Session:
    """One initialization that came to its end."""

    init: str
    at: str
    """UTC."""
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project that was initialized: the marker."""

    project_id: str
    project_name: str
    initialized_at: str
    """UTC."""
    provider_type: str
    """The task source."""
    meta_task_id: str
    total_tasks: int
    task_ids: tuple[str, ...]
    """In the plan's order, without META."""
    sessions: tuple[Session, ...]
    spec: str = ""
    """The file's name as it was given."""
    spec_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """An initialization that is under way: a plan that somebody agreed to, and what is made of it."""

    init: str
    provider_type: str
    started_at: str
    plan: Plan
    spec: str
    spec_sha256: str
    doing: str = ""
    """The key whose task is being made: whether it is there, only the source knows."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Ids by key, META's too: the tasks that this initialization made."""
    updated: tuple[str, ...] = ()


def now_text(at: datetime | None = None) -> str:
    """A time as both files have it."""
    return f"{(at or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_state(folder: Path) -> ProjectState | None:
    """The marker; None: there is none. Raises `UsageError`."""
    path = folder / MARKER
    found = _read(path)
    if found is None:
        return None
    try:
        sessions = [
            Session(**{name: _of(each, name, kind) for name, kind in _SESSION.items()})
            for each in _of(found, "sessions", list)
        ]
        return ProjectState(
            **{name: _of(found, name, str) for name in _TEXTS},
            total_tasks=_of(found, "total_tasks", int),
            task_ids=tuple(map(str, _of(found, "task_ids", list))),
            sessions=tuple(sessions),
        )
    except (KeyError, TypeError) as error:
        raise _unreadable(path, f"{error}") from None


def write_state(folder: Path, state: ProjectState) -> None:
    """Put the marker there. Raises `UsageError`."""
    _write(folder / MARKER, asdict(state), indent=2)


def read_progress(folder: Path, name: str = PROGRESS) -> Progress | None:
    """How far an initialization came that was ended; None: there is none. Raises `UsageError`."""
    path = folder / name
    found = _read(path)
    if found is None:
        return None
    try:
        plan = read_answer(_of(found, "plan", dict), Spec(""))
        made = {str(key): str(value) for key, value in _of(found, "made", dict).items()}
        updated = tuple(map(str, _of(found, "updated", list)))
        texts = {name: _of(found, name, str) for name in _PROGRESS_TEXTS}
    except (KeyError, TypeError) as error:
        raise _unreadable(path, f"{error}") from None
    if not isinstance(plan, Plan):
        raise _unreadable(path, plan.flaws[0])
    return Progress(**texts, plan=plan, made=made, updated=updated)


def write_progress(folder: Path, progress: Progress, name: str = PROGRESS) -> None:
    """Remember how far it is. Raises `UsageError`."""
    texts = {name: getattr(progress, name) for name in (*_PROGRESS_TEXTS, "made", "updated")}
    _write(folder / name, {**texts, "plan": progress.plan.as_data()})


def forget_progress(folder: Path, *names: str) -> None:
    """It has come to its end."""
    for name in names or (PROGRESS, SHOWN):
        (folder / name).unlink(missing_ok=True)


_TEXTS: Final = (
    *("project_id", "project_name", "initialized_at", "provider_type", "meta_task_id"),
    *("spec", "spec_sha256"),
)
_SESSION: Final[Mapping[str, type]] = {"init": str, "at": str, "created": int, "updated": int}
_PROGRESS_TEXTS: Final = ("init", "provider_type", "started_at", "spec", "spec_sha256", "doing")


def _of(found: Any, name: str, kind: type) -> Any:
    value = found[name]
    if type(value) is not kind:
        raise TypeError(f"`{name}` is not what it should be")
    return value


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
        found: Any = json.loads(data)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror}).") from error
    except ValueError:
        raise _unreadable(path, "it is no JSON") from None
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int or version < 1:
        raise _unreadable(path, "it has no version")
    if version > VERSION:
        raise UsageError(
            f"{path} was written by a newer ai-ready (version {version}; this one knows {VERSION}): use that one."
        )
    return dict(found)


def _write(path: Path, data: Mapping[str, Any], *, indent: int | None = None) -> None:
    text = json.dumps({"version": VERSION, **data}, ensure_ascii=False, indent=indent)
    try:
        write_whole(path, f"{text}\n".encode("utf-8", "replace"), mode=0o644)
    except OSError as error:
        raise UsageError(f"{path} can't be written ({error.strerror}): make room, or make it writable.") from error


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} can't be understood ({why[:200]}): look into it, then move it away to begin anew.")
