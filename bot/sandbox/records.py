"""The sandbox's nouns: what GitHub stores, as plain mutable records. Who changes them: `issues`, `pulls`, `reviews`, `repos`, `runs`.

Every record with a `node_id` can be found by `Hub.node(node_id)`. Times are aware UTC datetimes. Change records only
through the hub's verbs (they write the timeline, emit the events and keep what stale lists show).
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

Json = dict[str, Any]

Role = Literal["admin", "maintain", "write", "triage", "read", "none"]
ROLES: tuple[Role, ...] = ("none", "read", "triage", "write", "maintain", "admin")
"""Weakest first."""


@dataclass(eq=False, slots=True)
class User:
    """An account: a person (`User`), an app's or Actions' bot (`Bot`) or an `Organization`."""

    id: int
    node_id: str
    login: str
    """REST's spelling; a bot's ends in `[bot]` (GraphQL leaves that away: `graphql_login`)."""
    type: Literal["User", "Bot", "Organization"]
    name: str
    email: str
    created_at: datetime
    variables: dict[str, str] = field(default_factory=dict)
    """An organization's Actions variables, shared with all its repositories; names upper-cased."""

    @property
    def graphql_login(self) -> str:
        """The login as GraphQL shows it."""
        return self.login.removesuffix("[bot]")


@dataclass(eq=False, slots=True)
class Label:
    """A label of a repository; unique by lower-cased name."""

    id: int
    node_id: str
    name: str
    color: str = "ededed"
    description: str = ""


@dataclass(eq=False, slots=True)
class Milestone:
    """A milestone; `number` counts per repository."""

    id: int
    node_id: str
    number: int
    title: str
    creator: User
    created_at: datetime
    updated_at: datetime
    description: str = ""
    open: bool = True
    due_on: datetime | None = None
    closed_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Reaction:
    """One person's reaction to an issue or comment."""

    id: int
    node_id: str
    user: User
    content: str
    """REST's words: `+1 -1 laugh confused heart hooray rocket eyes`."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Edit:
    """An earlier text of a body."""

    editor: User
    at: datetime
    before: str


@dataclass(eq=False, slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    node_id: str
    issue: "Issue" = field(repr=False)
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    app: "App | None" = None
    last_edited_at: datetime | None = None
    editor: User | None = None
    edits: list[Edit] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class TimelineEvent:
    """Something that happened to an issue: `labeled`, `unlabeled`, `renamed`, `closed`, `reopened`, `assigned`, …"""

    id: int
    node_id: str
    event: str
    actor: User
    created_at: datetime
    detail: Json = field(default_factory=dict)
    """`label`: Label, `before`/`after`: titles, `state_reason`, `commit_id`, `milestone`, `assignee`, `source`, …"""


@dataclass(eq=False, slots=True)
class Review:
    """A person's review of a pull request."""

    id: int
    node_id: str
    user: User
    body: str
    state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]
    commit_id: str
    submitted_at: datetime
    issue: "Issue" = field(repr=False)


@dataclass(eq=False, slots=True)
class ReviewComment:
    """One comment in a review thread."""

    id: int
    node_id: str
    thread: "ReviewThread" = field(repr=False)
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    review_id: int = 0
    in_reply_to: int = 0


@dataclass(eq=False, slots=True)
class ReviewThread:
    """A conversation on one line of the diff."""

    id: int
    node_id: str
    issue: "Issue" = field(repr=False)
    path: str
    line: int
    """On the head's side, now; 0: that line was changed since (the conversation is outdated)."""
    original_line: int
    commit_id: str
    """The head when it began."""
    diff_hunk: str = ""
    comments: list[ReviewComment] = field(default_factory=list)
    resolved_by: User | None = None


@dataclass(eq=False, slots=True)
class Pull:
    """What makes an issue a pull request. Heads live in the same repository (no forks here)."""

    id: int
    node_id: str
    head: str
    """Branch name."""
    head_oid: str
    base: str
    base_oid: str
    draft: bool = False
    merged: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_oid: str = ""
    reviews: list[Review] = field(default_factory=list)
    threads: list[ReviewThread] = field(default_factory=list)
    requested_reviewers: list[User] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Issue:
    """An issue, or a pull request where `pull` is set."""

    id: int
    node_id: str
    repo: "Repo" = field(repr=False)
    number: int
    title: str
    body: str
    """Empty stands for GitHub's null as well."""
    user: User
    created_at: datetime
    updated_at: datetime
    open: bool = True
    state_reason: str = ""
    """`completed`, `not_planned`, `duplicate`, `reopened` or empty."""
    closed_at: datetime | None = None
    closed_by: User | None = None
    locked: bool = False
    lock_reason: str = ""
    app: "App | None" = None
    milestone: Milestone | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    timeline: list[TimelineEvent] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    last_edited_at: datetime | None = None
    """When the body was last edited; title changes are `renamed` timeline events."""
    editor: User | None = None
    edits: list[Edit] = field(default_factory=list)
    blocked_by: "list[Issue]" = field(default_factory=list, repr=False)
    blocking: "list[Issue]" = field(default_factory=list, repr=False)
    parent: "Issue | None" = field(default=None, repr=False)
    sub_issues: "list[Issue]" = field(default_factory=list, repr=False)
    pull: Pull | None = None
    past: "list[tuple[datetime, Issue]]" = field(default_factory=list, repr=False)
    """Copies as they were, for stale lists; oldest first."""

    @property
    def merged(self) -> bool:
        """A pull request that was merged."""
        return self.pull is not None and self.pull.merged

    def has_label(self, name: str) -> bool:
        """Whether it carries the label (any case)."""
        return any(label.name.lower() == name.lower() for label in self.labels)


@dataclass(slots=True)
class RepoSettings:
    """What a repository's settings page decides."""

    actions_may_create_pulls: bool = True
    """"Allow GitHub Actions to create and approve pull requests"."""
    draft_pulls: bool = True
    """False: private repository on a free plan."""
    delete_branch_on_merge: bool = False


@dataclass(eq=False, slots=True)
class Hook:
    """A repository webhook (`app_id` 0) or an App's hook."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    """`*`: everything."""
    active: bool = True
    app_id: int = 0


@dataclass(eq=False, slots=True)
class Repo:
    """A repository: a bare git repository on disk (`path`) and what GitHub keeps around it."""

    id: int
    node_id: str
    owner: User
    name: str
    path: Path
    created_at: datetime
    private: bool = False
    default_branch: str = "main"
    description: str = ""
    settings: RepoSettings = field(default_factory=RepoSettings)
    collaborators: dict[int, tuple[User, Role]] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    """By lower-cased name."""
    milestones: dict[int, Milestone] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    """Issues and pull requests by number."""
    gone: dict[int, "Issue | None"] = field(default_factory=dict)
    """Numbers that were deleted (None) or transferred (to that issue)."""
    next_number: int = 1
    variables: dict[str, str] = field(default_factory=dict)
    """Actions variables, names upper-cased."""
    secrets: dict[str, str] = field(default_factory=dict)
    """Actions secrets; never shown by the API."""
    hooks: list[Hook] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def role(self, user: User) -> Role:
        """What `user` may do here; everybody may read a public repository."""
        if user.id == self.owner.id:
            return "admin"
        found = self.collaborators.get(user.id)
        if found is not None:
            return found[1]
        return "none" if self.private else "read"

    def set_collaborator(self, user: User, role: Role) -> None:
        """Give `user` a role; `none` takes it away."""
        if role == "none":
            self.collaborators.pop(user.id, None)
        else:
            self.collaborators[user.id] = (user, role)


@dataclass(eq=False, slots=True)
class Installation:
    """An App in an account."""

    id: int
    app: "App" = field(repr=False)
    account: User
    permissions: dict[str, str]
    repos: list[Repo] | None
    """None: every repository of the account."""
    created_at: datetime
    suspended_by: User | None = None

    @property
    def suspended(self) -> bool:
        """Its tokens get 403."""
        return self.suspended_by is not None

    def covers(self, repo: Repo) -> bool:
        """Whether the installation reaches `repo`."""
        return repo.owner is self.account and (self.repos is None or repo in self.repos)


@dataclass(eq=False, slots=True)
class App:
    """A GitHub App. `bot` is who acts; `public_pem` checks its JWTs."""

    id: int
    node_id: str
    slug: str
    name: str
    owner: User
    bot: User
    public_pem: str
    private_pem: str
    """Kept so that tests and the demo can act as the App."""
    client_id: str
    client_secret: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    hook: Hook
    created_at: datetime
    installations: list[Installation] = field(default_factory=list)
    public: bool = False
    """False: only its owner's account can install it."""
    setup_url: str = ""
    """Where whoever installed it is sent; empty: to the installation's page."""


TokenKind = Literal["anonymous", "person", "pat", "job", "app", "installation"]


@dataclass(frozen=True, slots=True)
class Event:
    """One change, as webhooks and workflow triggers see it. `payload` is a copy made at that moment."""

    name: str
    """`issues`, `issue_comment`, `push`, `pull_request`, `issue_dependencies`, `workflow_run`, …"""
    action: str
    """`labeled`, `closed`, …; empty for `push`, `create`, `delete`; the event type for `repository_dispatch`."""
    repo: Repo | None
    actor: User
    payload: Json
    token_kind: TokenKind
    """What the actor used. `job`: starts no workflow except workflow_dispatch and repository_dispatch."""
    at: datetime
    ref: str = ""
    """`push`: the full ref."""
    oid: str = ""
    """The commit that a workflow run started by this would be on."""
