"""GitHub as the server asks it: one repository, and the App itself. Narrow Protocols; `bot.github.app_client` is them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from bot.core.effects import Dispatch
from bot.core.model import ActionsRun, Snapshot
from bot.github.ports import Applied, FailedDelivery, Installation, Listed, Place, Reach, Reader, Writer


class RepositoryGitHub(Reader, Writer, Protocol):
    """One repository, read and written as the App. Raises `GitHubError`; its `retry_after` says when to come back."""

    def snapshot(self, *, focus: Iterable[int] = (), held: Iterable[int] = (), now: datetime) -> Snapshot:
        """See `Reader`; no list of runs is read for the issues in `held`, whose runs the ledger knows."""
        ...

    def candidate(self, number: int, *, now: datetime) -> Snapshot:
        """One issue in detail with its prerequisites, claims and branches, in one request: the look before a dispatch."""
        ...

    def dispatch(self, effect: Dispatch, snapshot: Snapshot) -> Applied:
        """Send one dispatch. `ok` with `run_id` where GitHub says it; `unsure`: look it up before sending it again."""
        ...

    def dispatched_runs(self, since: datetime) -> tuple[ActionsRun, ...]:
        """Workflow runs started by dispatches since then, newest first; their names carry run keys."""
        ...

    def run(self, run_id: int) -> ActionsRun:
        """One workflow run; GONE when it was deleted, UNKNOWN when GitHub would not say."""
        ...

    def paused(self) -> bool:
        """Whether the Actions variable AI_READY_PAUSED is set; False also where our rights don't show it."""
        ...


class AppGitHub(Protocol):
    """GitHub, as the App itself."""

    def installations(self) -> Listed[Installation]:
        """Every installation, suspended ones too."""
        ...

    def installation(self, installation_id: int) -> Installation | None:
        """One of them; None: it was removed."""
        ...

    def repositories(self, installation_id: int) -> Reach:
        """What an installation reaches. Raises `GitHubError` (404: it is gone)."""
        ...

    def reaches(self, place: Place) -> bool:
        """Whether its installation reaches the repository, asked for this one. Raises `GitHubError` when nobody says."""
        ...

    def repository(self, place: Place) -> RepositoryGitHub:
        """The client of one repository; cheap, kept for as long as the caller likes."""
        ...

    def failed_deliveries(self, since: datetime) -> Listed[FailedDelivery]:
        """Deliveries since then that failed and were not handed over later, oldest first, one per GUID."""
        ...

    def redeliver(self, delivery_id: int) -> bool:
        """Ask for it once more; False: GitHub refused."""
        ...
