"""Whether a repository is paused by its Actions variable: asked only when something would start, and not each time.

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

    def now(self, client: Asked, now: datetime, *, age: float) -> bool | None:
        """Whether it is paused; None: nobody knows at the moment. `age`: seconds that an answer is believed."""
        if self.read_at is None or (now - self.read_at).total_seconds() >= age:
            try:
                self.value, self.read_at = client.paused(), now
            except GitHubError as error:
                event("pause_unread", error=str(error))
                return True if self.value else None
        return self.value
