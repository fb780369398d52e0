"""What a reader is asked for, and the node ids it comes by on the way (a cache for whoever writes afterwards)."""

from dataclasses import dataclass, field
from datetime import datetime

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
