"""Effects: one write to GitHub each, as frozen data. `plan` returns them; `bot.github.apply` does them."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.inits.portion import Portion
from bot.core.inits.tally import Tally


@dataclass(frozen=True, slots=True)
class SetLabels:
    """Add and remove labels of one issue; others stay as they are."""

    issue: int
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PutStatus:
    """Create the issue's status comment, or edit it in place."""

    issue: int
    body: str
    comment_node_id: str = ""
    """The existing one's node id; empty: there is none yet."""


@dataclass(frozen=True, slots=True)
class PutBoard:
    """Put a META issue's board into its body, whose other text stays as it is when this is done."""

    issue: int
    block: str


@dataclass(frozen=True, slots=True)
class PostComment:
    """Post a comment. What must be said only once carries a hidden block, by which the next plan knows it was said."""

    issue: int
    body: str


@dataclass(frozen=True, slots=True)
class DropComment:
    """Delete a comment of ours beside which another one says the same."""

    issue: int
    comment_node_id: str


@dataclass(frozen=True, slots=True)
class React:
    """Acknowledge a comment: `eyes` (accepted) or `confused` (refused)."""

    comment_node_id: str
    content: str


@dataclass(frozen=True, slots=True)
class ReplyInThread:
    """Answer in a conversation on our pull request's diff. Its hidden block says which run it is of."""

    thread: str
    """Node id."""
    body: str


@dataclass(frozen=True, slots=True)
class MakeClaim:
    """Create `ai/claim-<issue>` on a commit whose message names the run. Fails when it exists."""

    issue: int
    run_key: str
    run_id: int
    until: datetime
    usd: float


@dataclass(frozen=True, slots=True)
class ReleaseClaim:
    """Delete `ai/claim-<issue>`. Its absence is fine."""

    issue: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Start the caller workflow for an issue that just became ready."""

    issue: int
    run_key: str
    admission: str = ""
    """Server mode: what the server admitted, one line of JSON; the workflow then has no gate."""
    job_minutes: int = 0
    """Server mode: the time limit of the job `work`."""


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Cancel a workflow run."""

    run_id: int


@dataclass(frozen=True, slots=True)
class OpenPull:
    """Open a pull request."""

    head: str
    base: str
    title: str
    body: str
    draft: bool


@dataclass(frozen=True, slots=True)
class Assign:
    """Assign a person to our pull request (by login; GitHub ignores people it can't assign)."""

    pull: int
    login: str


@dataclass(frozen=True, slots=True)
class CloseIssue:
    """Close an issue as completed (a PR merged into a base on which `Closes #n` does nothing)."""

    issue: int


@dataclass(frozen=True, slots=True)
class MakeIssues:
    """Do one portion of an approved plan of issues, and write the ledger of it: only where that still says `seen`."""

    issue: int
    """The one with the specification."""
    comment_node_id: str
    """Its status comment."""
    seen: Tally
    """The ledger that this was decided on."""
    at: Tally
    """The same with what is there by now."""
    portion: Portion
    rest: str
    """What else the comment's machine block holds, as JSON."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Ask for another look (`repository_dispatch`): something is on hold and a slot has become free."""


Effect = (
    SetLabels
    | PutStatus
    | PutBoard
    | PostComment
    | DropComment
    | React
    | ReplyInThread
    | MakeClaim
    | ReleaseClaim
    | Dispatch
    | CancelRun
    | OpenPull
    | Assign
    | CloseIssue
    | MakeIssues
    | Continue
)
