"""What a reader is asked for, and the node ids it comes by on the way (a cache for whoever writes afterwards)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.core.names import CALLER_WORKFLOW


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read, and what the reader knows already."""

    repo: str
    now: datetime
    focus: tuple[int, ...] = ()
    everything: bool = True
    """False: only what concerns `focus` (its branches, pull requests, prerequisites)."""
    prerequisites: bool = True
    """False: nobody asks what the issues wait for; only the issues themselves."""
    run_id: int = 0
    """The workflow run we are: active, nobody need ask."""
    workflow: str = CALLER_WORKFLOW
    paused: bool = False
    repository_id: int = 0
    """The number that the repository of this name must have; 0: any."""
    own_ids: frozenset[int] = frozenset()
    """User ids whose comments are ours, besides our own account's."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which repository a client is for, and what it knows of itself."""

    repo: str
    """`owner/repo`."""
    run_id: int = 0
    paused: bool = False
    workflow: str = CALLER_WORKFLOW
    repository_id: int = 0
    own_ids: frozenset[int] = frozenset()

    def wanted(
        self, now: datetime, focus: Iterable[int], *, everything: bool = True, prerequisites: bool = True
    ) -> Wanted:
        """What to read this time."""
        return Wanted(
            repo=self.repo,
            now=now.astimezone(UTC),
            focus=tuple(sorted(set(focus))),
            everything=everything,
            prerequisites=prerequisites,
            run_id=self.run_id,
            workflow=self.workflow,
            paused=self.paused,
            repository_id=self.repository_id,
            own_ids=self.own_ids,
        )


@dataclass(slots=True)
class NodeIds:
    """GraphQL's ids of what we may write to, as far as they were read. A cache: a missing one is looked up."""

    repository: str = ""
    tree: str = ""
    """The tree of the default branch's newest commit: what a claim's commit is made of."""
    labels: dict[str, str] = field(default_factory=dict)
    issues: dict[int, str] = field(default_factory=dict)
    """Of issues and pull requests, by number."""
    users: dict[str, str] = field(default_factory=dict)
    """By lower-cased login."""
    claims: dict[int, str] = field(default_factory=dict)
    """The commit of each issue's claim, as read or as made by us."""
