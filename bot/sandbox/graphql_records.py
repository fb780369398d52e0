"""What GraphQL's resolvers hand on besides the hub's own records: who asks, refs, commits and files read from git."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.sandbox.records import (
    Comment,
    Issue,
    Label,
    Reaction,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
    TimelineEvent,
    User,
)
from bot.sandbox.repos import git
from bot.sandbox.runs import Job, WorkflowRun

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the context of every resolver."""

    hub: "Hub"
    token: "Token"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The asker's own account. GitHub calls a bot a `User` here and writes its login as REST does."""

    node_id: str
    id: int
    graphql_login: str


@dataclass(frozen=True, slots=True)
class Tip:
    """A commit, read from git."""

    repo: Repo
    oid: str
    tree: str
    committed: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A ref and the commit it points to."""

    repo: Repo
    full: str
    tip: Tip

    @property
    def node_id(self) -> str:
        """Made of the repository's and the name, as on GitHub."""
        return f"REF_{self.repo.node_id}:{self.full}"


@dataclass(frozen=True, slots=True)
class PullCommit:
    """A commit of a pull request."""

    issue: Issue
    tip: Tip

    @property
    def node_id(self) -> str:
        """Made of both, as on GitHub."""
        return f"PURC_{self.issue.node_id}:{self.tip.oid}"


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree: only its id is shown."""

    oid: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content."""

    oid: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ReactionGroup:
    """All reactions of one kind to a comment or issue."""

    content: str
    viewerHasReacted: bool  # noqa: N815 - the schema's name


def type_name(value: Any) -> str:
    """The GraphQL type of a record, where a field's type is an interface or union."""
    if isinstance(value, Issue):
        return "Issue" if value.pull is None else "PullRequest"
    if isinstance(value, User):
        return value.type
    if isinstance(value, TimelineEvent):
        return {"closed": "ClosedEvent", "labeled": "LabeledEvent", "renamed": "RenamedTitleEvent"}[value.event]
    names: dict[type, str] = {
        Branch: "Ref", Tip: "Commit", Tree: "Tree", Blob: "Blob", Repo: "Repository", Label: "Label", Comment: "IssueComment", Reaction: "Reaction",
        Review: "PullRequestReview", ReviewThread: "PullRequestReviewThread", ReviewComment: "PullRequestReviewComment",
        WorkflowRun: "WorkflowRun", Job: "CheckRun", PullCommit: "PullRequestCommit",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)


def tips(repo: Repo, oids: Iterable[str]) -> dict[str, Tip]:
    """Commits by id, in one call of git."""
    wanted = sorted(set(oids))
    if not wanted:
        return {}
    shown = git(repo, "log", "--no-walk", "--format=%H%x00%T%x00%ct%x00%B%x1e", *wanted)
    fields = (record.lstrip("\n").split("\0", 3) for record in shown.split("\x1e") if record.strip())
    return {
        oid: Tip(repo, oid, tree, datetime.fromtimestamp(int(at), UTC), text.rstrip("\n"))
        for oid, tree, at, text in fields
    }
