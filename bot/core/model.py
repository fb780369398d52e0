"""Facts: what was read of GitHub (or of another task source), frozen and typed.

Everything here is plain data that `bot.core` decides on. Times are aware UTC datetimes. Numbers are GitHub's
issue numbers; `Ref` names an issue in any repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

# ---------------------------------------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Actor:
    """A GitHub account. The numeric id is the identity; the login is only for reading (it can be renamed)."""

    id: int
    login: str
    is_bot: bool = False


class Permission(StrEnum):
    """What the permission endpoint says of a person (`maintain` reads as write, `triage` as read)."""

    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    NONE = "none"
    UNKNOWN = "unknown"
    """It could not be read. Unknown is not yes."""


# ---------------------------------------------------------------------------------------------- issues


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """An issue somewhere: `owner/repo#number`. `repo` is the lower-cased `owner/repo`."""

    repo: str
    number: int

    def __str__(self) -> str:
        return f"{self.repo}#{self.number}"


class Standing(StrEnum):
    """What is known of a possible prerequisite."""

    OPEN = "open"
    CLOSED = "closed"
    """Closed as completed (or an old issue without a reason)."""
    NOT_PLANNED = "not_planned"
    """Closed as not planned or as a duplicate."""
    MERGED = "merged"
    """A pull request that was merged."""
    UNMERGED = "unmerged"
    """A pull request that was closed without a merge: not satisfied."""
    UNREADABLE = "unreadable"
    """404, 410 or 403: invalid; we do not say which, so that nothing private is confirmed."""
    UNKNOWN = "unknown"
    """Not read, or the read failed for now: waiting."""


class Source(StrEnum):
    """Where a prerequisite comes from."""

    PHASE = "phase"
    TEXT = "text"
    NATIVE = "native"
    SUB_ISSUE = "sub-issue"


@dataclass(frozen=True, slots=True)
class Link:
    """`issue` names `ref` as a prerequisite, in its text or natively (never phase order: that is derived)."""

    ref: Ref
    source: Source


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """Somebody put the request label on an issue."""

    id: str
    """The timeline event's id as text (REST's number or GraphQL's node id); part of the run key."""
    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    node_id: str
    author: Actor
    body: str
    created_at: datetime
    edited: bool = False
    """Somebody changed its text after it was posted."""
    reactions: frozenset[str] = frozenset()
    """Our own reactions to it, in REST's words: `eyes`, `confused`."""


@dataclass(frozen=True, slots=True)
class Review:
    """A submitted review that approves, or requests changes, or did so before it was dismissed."""

    id: int
    author: Actor
    state: str
    """`approved`, `changes_requested` or `dismissed`."""
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckSuite:
    """What one App's checks (of Actions: one workflow run's) say of a commit."""

    status: str
    """`completed`, or how far it is."""
    conclusion: str
    """`success`, `failure`, `action_required`, … once it is completed."""
    at: datetime
    """When it was last changed."""
    from_actions: bool = True
    caller: bool = False
    """It is a run of our own caller workflow."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What people and CI say on our open pull request for an issue."""

    pull: int
    head_oid: str = ""
    head_run: str = ""
    """The run key that the newest commit names; empty: it is not ours."""
    comments: tuple[Comment, ...] = ()
    """Oldest first."""
    reviews: tuple[Review, ...] = ()
    """Oldest first; read where a server hosts the planner, else empty."""
    suites: tuple[CheckSuite, ...] = ()
    """Of the newest commit; read by the server only."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue (or pull request: `is_pull`) as far as we read it.

    Light reads (of issues that nobody requested) leave everything after `foreign` at its default.
    """

    number: int
    title: str
    body: str = ""
    open: bool = True
    state_reason: str = ""
    """`completed`, `not_planned`, `duplicate`, `reopened` or empty; lower case."""
    labels: frozenset[str] = frozenset()
    is_pull: bool = False
    merged: bool = False
    milestone: str = ""
    foreign: bool = False
    """Its author has no part in the repository: anybody may open issues."""
    # Read only of requested issues:
    node_id: str = ""
    id: int = 0
    """Database id: what the dependencies API takes."""
    url: str = ""
    author: Actor | None = None
    insider: bool = False
    """Its author belongs to the repository: owner, member of its organization, or collaborator."""
    locked: bool = False
    body_edited_at: datetime | None = None
    renamed_at: datetime | None = None
    closed_at: datetime | None = None
    """When it was closed last, also if it is open again."""
    label_events: tuple[LabelEvent, ...] = ()
    """Every time the request label was put on, oldest first."""
    comments: tuple[Comment, ...] = ()
    """Oldest first; at least the newest 100."""
    links: tuple[Link, ...] = ()
    """Native and sub-issue prerequisites as GitHub lists them (text is parsed from `body` by the planner)."""
    detailed: bool = False
    """True when the fields below `milestone` were read."""
    feedback: Feedback | None = None
    """Of our open pull request for it, where there is one."""


# ------------------------------------------------------------------------------------------- activity


class RunState(StrEnum):
    """What GitHub Actions says of a workflow run."""

    ACTIVE = "active"
    ENDED = "ended"
    GONE = "gone"
    """404: deleted."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ActionsRun:
    """A workflow run."""

    id: int
    state: RunState
    conclusion: str = ""
    """`success`, `failure`, `cancelled`, `timed_out`, `startup_failure`, … once it has ended."""
    name: str = ""
    """Its run-name, which carries the run key of a dispatched run."""
    url: str = ""
    started: bool = True
    """False: it waits for a runner (or for somebody's approval), so none of its jobs has begun."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One active run of one issue: the branch `ai/claim-<issue>` and what its commit's message says, or (server mode)
    a row of the server's ledger.
    """

    issue: int
    run_key: str
    run_id: int
    """The workflow run that holds it; negative (and random) for a run outside Actions."""
    at: datetime
    until: datetime
    """When a holder outside Actions is taken for dead."""
    usd: float
    """What the run may spend: reserved until it is settled."""
    oid: str = ""
    ledger: bool = False
    """A row of the server's ledger: whoever plans with it (the server) says what is so of this run."""
    cancelled: bool = False
    """The server asked GitHub to cancel it."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request whose head is one of our branches, in this repository."""

    number: int
    head: str
    base: str
    open: bool
    merged: bool
    draft: bool
    head_oid: str
    url: str
    node_id: str = ""
    title: str = ""
    author_id: int = 0
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """What the server that plans allows, whatever the repository's config says. As it is: no more than the config."""

    paused: bool = False
    """Whoever runs it set its AI_READY_PAUSED."""
    concurrent: int = 0
    """Runs at a time in all repositories of the installation; 0: it sets no such cap."""
    here: int = 0
    """How many of those this repository may have now, the ones that it has included; only with `concurrent`."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a plan looks at, read at about one time. `plan(snapshot)` needs nothing else."""

    repo: str
    """`owner/repo` as GitHub spells it."""
    now: datetime
    default_branch: str
    issues: Mapping[int, Issue]
    """Every open issue (light), and every requested or recently active one (detailed), by number."""
    closed: Mapping[int, Issue] = field(default_factory=lambda: MappingProxyType({}))
    """Of the closed issues touched last: title, milestone, reason and time of closing."""
    standings: Mapping[Ref, Standing] = field(default_factory=lambda: MappingProxyType({}))
    """Prerequisites that are not open issues in `issues`: closed ones, PRs, other repositories."""
    permissions: Mapping[int, Permission] = field(default_factory=lambda: MappingProxyType({}))
    """By user id, for those who ask."""
    own_ids: frozenset[int] = frozenset()
    """User ids whose comments are ours (markers of anybody else's are ignored)."""
    claims: Mapping[int, Claim] = field(default_factory=lambda: MappingProxyType({}))
    runs: Mapping[int, ActionsRun] = field(default_factory=lambda: MappingProxyType({}))
    """By workflow run id: those that hold a claim and those that a dispatch started."""
    pulls: tuple[Pull, ...] = ()
    branches: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """`ai/…` branches → commit id."""
    head_oid: str = ""
    """The default branch's newest commit; empty for an empty repository."""
    config_text: str | None = None
    """`.github/ai-ready.yml` on the default branch; None: there is none."""
    paused: bool = False
    """The Actions variable AI_READY_PAUSED."""
    host: Host = Host()
    labels: frozenset[str] = frozenset()
    """Of `bot.core.names`' labels, those that exist in the repository."""
    truncated: bool = False
    """Some list could not be read to its end: caps count as reached, absent issues as unknown."""


Json = dict[str, Any]
"""A JSON object at an edge; never past `webhook.py` and `read.py`."""
