"""One line of the doctor's: passed, failed with the fix, or skipped because it can't be known."""

from dataclasses import dataclass
from enum import StrEnum

from bot.github.exchange import Answer


class State(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    SKIP = "skip"
    """It can't be known with these rights. Never a pass."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    """Stable, for machines."""
    state: State
    text: str
    fix: str = ""
    """What to do; of a failure always."""


def passed(name: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(name, State.PASS, text)


def failed(name: str, text: str, fix: str) -> Finding:
    """It isn't; `fix` says what to do."""
    return Finding(name, State.FAIL, text, fix)


def skipped(name: str, text: str, fix: str = "") -> Finding:
    """It can't be known; `fix` says how it could be."""
    return Finding(name, State.SKIP, text, fix)


def unreadable(name: str, what: str, answer: Answer, right: str) -> Finding:
    """GitHub did not show it: `right` names what the token would need."""
    return skipped(name, f"{what} can't be read ({answer.message}).", f"a token with {right} can")
