"""Where effects are done, and what is known of it."""

from dataclasses import dataclass

from bot.core.model import Snapshot
from bot.github.wanted import NodeIds


@dataclass(frozen=True, slots=True)
class Place:
    """Where effects are done."""

    snapshot: Snapshot
    ids: NodeIds
    workflow: str

    @property
    def root(self) -> str:
        """REST's path of the repository."""
        return f"/repos/{self.snapshot.repo}"
