"""Every name the outside world sees: labels, branches, markers, reason codes. Constants only."""

import re
from enum import StrEnum
from typing import Final, Literal

REQUEST_LABEL = "ai-ready"
"""Put on an issue by a person who may ask; consumed when a run ends."""


class StateLabel(StrEnum):
    """Where a requested issue is; exactly one at a time."""

    WAITING = "ai-waiting"
    QUEUED = "ai-queued"
    RUNNING = "ai-running"
    DONE = "ai-done"
    BLOCKED = "ai-blocked"


LABEL_LOOKS: dict[str, tuple[str, str]] = {
    REQUEST_LABEL: ("5319e7", "Asks the ai-ready bot to work on this issue"),
    StateLabel.WAITING: ("fbca04", "ai-ready: waits for something; the status comment says for what"),
    StateLabel.QUEUED: ("c5def5", "ai-ready: a run has been dispatched"),
    StateLabel.RUNNING: ("1d76db", "ai-ready: a run is at work"),
    StateLabel.DONE: ("0e8a16", "ai-ready: a draft PR is up for review"),
    StateLabel.BLOCKED: ("d93f0b", "ai-ready: the last run ended without a PR; the comment says why"),
}
"""Colour and description used when a label has to be made."""


class Reason(StrEnum):
    """Reason codes of Blocked: a fixed list (design.md §4)."""

    NEEDS_INPUT = "needs-input"
    EDITED_AFTER_APPROVAL = "edited-after-approval"
    CONFIG_INVALID = "config-invalid"
    SETUP_FAILED = "setup-failed"
    HOOK_REFUSED = "hook-refused"
    AGENT_ERROR = "agent-error"
    API_ERROR = "api-error"
    MAX_TURNS = "max-turns"
    OVER_BUDGET = "over-budget"
    TIMED_OUT = "timed-out"
    NO_CHANGES = "no-changes"
    TESTS_FAILED = "tests-failed"
    PROTECTED_PATHS = "protected-paths"
    TOO_LARGE = "too-large"
    SECRET_FOUND = "secret-found"  # noqa: S105 (a reason code)
    BASE_CHANGED = "base-changed"
    BRANCH_CHANGED = "branch-changed"
    PUSH_REJECTED = "push-rejected"
    PR_FAILED = "pr-failed"
    CANCELLED = "cancelled"
    RUNNER_LOST = "runner-lost"
    INTERNAL_ERROR = "internal-error"


UNPUSHED: frozenset[Reason] = frozenset({Reason.PROTECTED_PATHS, Reason.SECRET_FOUND, Reason.TOO_LARGE})
"""Blocked for these: the commits are not pushed anywhere."""

RunKind = Literal["work", "plan", "fix", "init"]
"""What a run is for: resolve the issue; only plan it, changing nothing; mend what a review of our pull request asks; plan
the issues that come of the specification in this one, changing nothing."""

RUN_KEY: Final = re.compile(r"(?<![\w-])[0-9]+-[LCRS][0-9]+-[0-9]+(?![\w-])", re.ASCII)
"""A run key in a run's name, whole: those of #7 and #17 labelled in one second differ in the first digit only.

Its middle is the request: `L<epoch seconds of the label event>`, `C<comment id>`, `R<review id>`,
`S<the first twelve hex digits of the commit on which CI is red, as a decimal number>`.
"""

REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
"""`owner/name`."""

RUN_TRAILER: Final = "AI-Ready-Run"
"""The last line of a run's commit names its run."""

GITHUB_ACTIONS_BOT_ID = 41898282
"""`github-actions[bot]`, shared by every workflow of every repository."""

CONFIG_PATH = ".github/ai-ready.yml"
CALLER_WORKFLOW = "ai-ready.yml"
"""File name of the workflow a user copies into `.github/workflows/`; `workflow_dispatch` goes to it."""

STATUS_MARKER = "ai-ready:status"
VERDICT_MARKER = "ai-ready:verdict"
REPLY_MARKER = "ai-ready:reply"
THREAD_MARKER = "ai-ready:thread"
PROPOSAL_MARKER = "ai-ready:proposal"
"""Of the line of a verdict comment that holds a plan of issues."""
PROJECT_MARKER = "ai-ready:project"
"""Of the line of a META issue that says which issues were made with it."""
TASK_MARKER = "ai-ready:task"
"""Of the part of a task's text that was made out of a spec."""
BOARD_MARKER = "ai-ready:board"
"""Of the comment with which a board is closed."""

CONTINUE_EVENT = "ai-ready"
"""`repository_dispatch` type by which `publish` asks for another look when something is on hold."""


def issue_branch(number: int, suffix: int = 1) -> str:
    """The branch a run of issue `number` writes: `ai/issue-7`, then `ai/issue-7-2`, …"""
    return f"ai/issue-{number}" if suffix <= 1 else f"ai/issue-{number}-{suffix}"


def kept_branch(run_key: str) -> str:
    """Where the work of a run is kept that can't go where it belongs: `ai/kept-7-L1763715000-1`."""
    return f"ai/kept-{run_key}"


def claim_branch(number: int) -> str:
    """The branch whose existence says that a run of issue `number` is active: `ai/claim-7`."""
    return f"ai/claim-{number}"
