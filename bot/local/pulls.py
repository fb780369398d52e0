"""The draft pull request of a task that was done, on GitHub: opened once, and believed only when it is read back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.core.effects import OpenPull
from bot.core.model import Pull, Snapshot
from bot.core.names import Reason
from bot.errors import Blocked, GitHubError
from bot.github.ports import Writer

LOOKS = 6
"""At lists that may be late, and after answers that got lost."""


class Pulls(Writer, Protocol):
    """GitHub, as far as this needs it."""

    def open_pulls(self, branch: str) -> tuple[Pull, ...]:
        """The open pull requests from a branch of this repository. Raises GitHubError."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Where pull requests are opened."""

    github: Pulls
    repo: str
    server_url: str
    sleep: Callable[[float], None] = time.sleep


def open_draft(desk: Desk, wanted: OpenPull, commit: str) -> Pull:
    """The open pull request from the branch, which is at `commit`. One that is there already is taken as it is.

    Raises `Blocked(pr-failed)` with what to do.
    """
    told = ""
    for look in range(LOOKS):
        if look:
            desk.sleep(min(0.5 * 2**look, 8.0))
        try:
            pull = next(iter(desk.github.open_pulls(wanted.head)), None)
            if pull is None:
                pull, told = _open(desk, wanted)
            elif pull.base != wanted.base:
                raise _failed(desk, wanted, f"#{pull.number}, which is open from it, goes to {pull.base}")
            if pull is not None and pull.head_oid == commit:
                return pull
            told = told or "the open one does not show the commit that was pushed"
        except GitHubError as error:
            if not error.transient:
                raise _failed(desk, wanted, str(error)) from error
            told = str(error)
    raise _failed(desk, wanted, told)


def _open(desk: Desk, wanted: OpenPull) -> tuple[Pull | None, str]:
    """The pull request as GitHub's answer shows it; None: look (what the answer was is said). Raises `Blocked`."""
    place = Snapshot(desk.repo, datetime.now(UTC), wanted.base, {})
    answer = desk.github.apply((wanted,), place)[0]
    if not answer.ok and not answer.unsure:
        raise _failed(desk, wanted, answer.message or f"GitHub answered {answer.status}")
    made = answer.pull
    if made is None:
        return None, answer.message
    if (made.head, made.base, made.draft, made.open) != (wanted.head, wanted.base, wanted.draft, True):
        raise _failed(desk, wanted, f"#{made.number} was opened otherwise than it was asked for")
    return made, ""


def _failed(desk: Desk, wanted: OpenPull, why: str) -> Blocked:
    link = f"{desk.server_url}/{desk.repo}/compare/{wanted.base}...{wanted.head}?expand=1"
    text = (
        f"The work is pushed to {wanted.head}, but there is no pull request: {why.rstrip('.')}. Open it by hand: {link}"
    )
    return Blocked(Reason.PR_FAILED, text)
