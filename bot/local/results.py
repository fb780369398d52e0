"""The result of an attempt, on disk before its tree goes: the same attempt, asked for again after a kill, gets it there."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.core.names import Reason
from bot.core.run import Outcome
from bot.errors import Blocked
from bot.local.ports import Result
from bot.whole_file import write_whole

FILE = "result.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class _Stored:
    version: int
    outcome: Outcome
    branch: str
    commit: str
    pull: str
    kept: str


def write_result(folder: Path, result: Result) -> None:
    """Put it down, whole."""
    outcome = replace(result.outcome, metrics=dict(result.outcome.metrics))
    kept = str(result.kept) if result.kept else ""
    stored = _Stored(VERSION, outcome, result.branch, result.commit, result.pull, kept)
    write_whole(folder / FILE, TypeAdapter(_Stored).dump_json(stored, indent=1))


def read_result(folder: Path) -> Result | None:
    """The result that was put down in `folder`; None: there is none.

    Raises `Blocked(setup-failed)` for one that can't be read: the attempt is over, and doing it again would do it twice.
    """
    try:
        stored = TypeAdapter(_Stored).validate_json((folder / FILE).read_bytes(), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _unreadable(folder) from error
    if stored.version > VERSION:
        raise _unreadable(folder)
    kept = Path(stored.kept) if stored.kept else None
    return Result(stored.outcome, stored.branch, stored.commit, stored.pull, kept)


def _unreadable(folder: Path) -> Blocked:
    text = f"{folder / FILE} says how this attempt ended, but can't be read: it is torn, or of a newer version of ai-ready."
    return Blocked(Reason.SETUP_FAILED, text)
