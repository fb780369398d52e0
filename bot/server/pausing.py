"""Whether a repository is paused by its Actions variable: asked once in a while, not each time that something would start.

Unknown is not yes (design.md §2.7): while GitHub does not say, nothing starts. What our rights don't show is no pause
here: `work` looks at the variable again, with `vars`, before the agent starts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.errors import GitHubError
from bot.server.logs import event


class Asked(Protocol):
    """Whoever can read the variable (`bot.server.github_ports.RepositoryGitHub`)."""

    def paused(self) -> bool:
        """What it says now. Raises `GitHubError`."""
        ...


@dataclass(slots=True)
class Pause:
    """What is known of one repository's variable."""

    value: bool = False
    read_at: datetime | None = None

    def forget(self) -> None:
        """Ask again before anything is started."""
        self.read_at = None

    def now(self, client: Asked, now: datetime, *, no: float, yes: float) -> bool | None:
        """Whether it is paused; None: nobody knows at the moment. `no`, `yes`: seconds that the answer is believed."""
        if self.read_at is None or (now - self.read_at).total_seconds() >= (yes if self.value else no):
            try:
                self.value, self.read_at = client.paused(), now
            except GitHubError as error:
                event("pause_unread", error=str(error))
                return True if self.value else None
        return self.value
