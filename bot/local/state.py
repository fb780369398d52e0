"""The runner's own folder in a checkout, and the records in it: versioned JSON, written whole, refused where torn.

- `.gitignore`: `*`, so that `git status` stays as it was
- `claims/AGENT.json`: the task that is under way (`bot.local.claims`)
- `sessions/AGENT.json`: what the runner did so far (`bot.local.session`)
- `runners/AGENT.json`: which process it is, while it lives (`bot.local.control`)
- `runs/RUN/`: what each attempt told
- `runner.log`: what was said
"""

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.errors import UsageError
from bot.whole_file import write_whole

Record = TypeVar("Record")

MOST_BYTES = 4 << 20
"""Of a record; a longer file is none of ours."""


class UnreadableState(UsageError):
    """A record of the runner is torn, or of a newer version. It is left as it is. Exit 2."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """`.ai-ready/local`, or where the settings say."""

    path: Path

    def make(self) -> None:
        """Make it, hidden from git. Raises `UsageError` where that can't be."""
        try:
            for name in ("claims", "sessions", "runners", "runs"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                write_whole(ignore, b"*\n", mode=0o644)
        except OSError as error:
            raise UsageError(f"{self.path} can't be written ({error.strerror}): make it writable.") from error

    def claim(self, agent: str) -> Path:
        """Where an agent's claim is."""
        return self.path / "claims" / f"{agent}.json"

    def session(self, agent: str) -> Path:
        """Where an agent's session is."""
        return self.path / "sessions" / f"{agent}.json"

    def runner(self, agent: str) -> Path:
        """Where an agent's process says that it lives."""
        return self.path / "runners" / f"{agent}.json"

    @property
    def runs(self) -> Path:
        """Where all attempts keep what they told."""
        return self.path / "runs"

    def run(self, run_key: str) -> Path:
        """Where one does."""
        return self.runs / run_key

    def agents(self) -> tuple[str, ...]:
        """Every agent that ever worked here."""
        found = (each.stem for name in ("sessions", "claims", "runners") for each in (self.path / name).glob("*.json"))
        return tuple(sorted(each for each in set(found) if not each.startswith(".")))


def read_record(path: Path, kind: type[Record], *, version: int) -> Record | None:
    """The record at `path`; None: there is none. Raises `UnreadableState`."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableState(f"{path} can't be read ({error.strerror}).") from error
    try:
        found: Any = json.loads(data)
    except ValueError:
        raise _unreadable(path, "it is no JSON") from None
    there = found.get("version") if isinstance(found, dict) else None
    if type(there) is not int or there < 1:
        raise _unreadable(path, "it has no version")
    if there > version:
        raise UnreadableState(
            f"{path} was written by a newer ai-ready (version {there} of the file, this one knows {version}): use that one."
        )
    return _parsed(path, kind, data)


def write_record(path: Path, record: Any) -> None:
    """Put `record` in the place of what is at `path`. Raises `UsageError` where the disk does not let us."""
    text = json.dumps(dataclasses.asdict(record), default=_plain, ensure_ascii=False, indent=1)
    data = f"{text}\n".encode("utf-8", "replace")  # a lone surrogate would make it unreadable
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"{path} can't be written ({error.strerror}): make room, or make it writable.") from error


def remove_record(path: Path) -> None:
    """There is none any more, nor what a killed write left beside it."""
    path.unlink(missing_ok=True)
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def _plain(value: object) -> str:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _parsed(path: Path, kind: type[Record], data: bytes) -> Record:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 (takes a while; `ai-ready --help` does without)

    try:
        return TypeAdapter(kind).validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _unreadable(path, f"`{where}`: {first['msg']}") from None


def _unreadable(path: Path, why: str) -> UnreadableState:
    return UnreadableState(f"{path} can't be understood ({why[:200]}): look into it, then move it away to begin anew.")
