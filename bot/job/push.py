"""Pushing one commit to one branch of ours, without force, and understanding a no.

Owns what GitHub's (and git's) refusals mean. The answer to a push may be lost after it was accepted, so a failure is
believed only after the server was asked where the branch is now.
"""

import re
import time
from dataclasses import dataclass

from bot.core.names import Reason
from bot.core.tasks import TASK_BRANCH, TASK_RUN_KEY
from bot.core.verdict import Refusal
from bot.errors import Blocked, InternalError
from bot.job.fetch import for_now, remote_branches
from bot.job.git import Git, Ran, Remote

OURS = re.compile(
    r"ai/(?:issue-[1-9][0-9]*(-[1-9][0-9]*)?|kept-[1-9][0-9]*-[LCRS][0-9]+-[0-9]+)"
    rf"|{TASK_BRANCH.pattern}|ai/kept-{TASK_RUN_KEY.pattern}"
)
"""The only branches that are ever written (invariant I8)."""

TRIES = 3
WAIT = 1.0
"""Seconds before a push is tried again after a failure that may pass."""

PUSH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Meaning:
    """What some words in a refused push stand for."""

    words: re.Pattern[str]
    reason: Reason
    text: str


def _meaning(words: str, reason: Reason, text: str) -> Meaning:
    return Meaning(re.compile(words, re.IGNORECASE), reason, text)


# https://docs.github.com/en/get-started/using-git/troubleshooting-the-2-gb-push-limit and the GHnnn codes of
# https://docs.github.com/en/repositories; the order matters: the most precise first.
MEANINGS = (
    _meaning(
        r"push cannot contain secrets|secret[- ]scanning|push protection",
        Reason.SECRET_FOUND,
        "GitHub's push protection found a secret in the change.",
    ),
    _meaning(
        r"without `?workflows?`? (permission|scope)|refusing to allow .* to create or update workflow",
        Reason.PUSH_REJECTED,
        "GitHub refused the push: it holds a workflow file (perhaps the base's) that no branch has, which this token may not add.",
    ),
    _meaning(
        r"GH001|exceeds GitHub's file size limit|large files detected|pack exceeds maximum|HTTP 413|error: 413",
        Reason.TOO_LARGE,
        "GitHub refused the push: the change is too large for it.",
    ),
    _meaning(
        r"must have verified signatures|GH008|commits? must be signed",
        Reason.PUSH_REJECTED,
        "GitHub refused the push: a rule of the repository wants signed commits, and the bot's are not.",
    ),
    _meaning(
        r"GH006|protected branch",
        Reason.PUSH_REJECTED,
        "GitHub refused the push: the branch is protected. Exempt `ai/*` from the branch protection.",
    ),
    _meaning(
        r"GH013|repository rule violations|push declined due to",
        Reason.PUSH_REJECTED,
        "GitHub refused the push: it breaks a rule of the repository. Exempt `ai/*` from that ruleset.",
    ),
    _meaning(
        r"non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref|incorrect old value",
        Reason.BRANCH_CHANGED,
        "Somebody changed the run's branch meanwhile; their commits stay as they are.",
    ),
    _meaning(
        r"pre-receive hook declined|hook declined",
        Reason.PUSH_REJECTED,
        "The server's hook refused the push.",
    ),
    _meaning(r"archived", Reason.PUSH_REJECTED, "The repository is archived: nothing can be pushed to it."),
    _meaning(
        r"error: 40[13]|Authentication failed|Permission to .* denied|Write access to repository not granted",
        Reason.PUSH_REJECTED,
        "The token may not push to this repository: it needs `contents: write`.",
    ),
    _meaning(
        r"error: 404|repository .* not found|does not appear to be a git repository",
        Reason.PUSH_REJECTED,
        "The repository is not there any more, or the token can't see it.",
    ),
)


def push(git: Git, remote: Remote, commit: str, branch: str) -> Refusal | None:
    """Put `branch` on the server to `commit`; None: it is there.

    Raises `InternalError` for a branch that is not ours to write.
    """
    if not OURS.fullmatch(branch):
        raise InternalError(f"{branch} is no branch that ai-ready writes.")
    for attempt in range(1, TRIES + 1):
        ran = _push(git, remote, commit, branch)
        if ran.exit_code == 0:
            return None
        if _landed(git, remote, commit, branch):
            return None  # accepted, and only the answer was lost
        if attempt == TRIES or not _may_pass(ran):
            return refused(ran.err)
        time.sleep(WAIT * attempt)
    raise AssertionError  # pragma: no cover (the loop returns)


def refused(said: str) -> Refusal:
    """What a failed push means; `said` is git's output and the server's."""
    for meaning in MEANINGS:
        if meaning.words.search(said):
            return Refusal(meaning.reason, meaning.text, _remote_words(said))
    return Refusal(Reason.PUSH_REJECTED, "The server did not take the push.", _remote_words(said))


def _push(git: Git, remote: Remote, commit: str, branch: str) -> Ran:
    words = ("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no")
    return git.attempt(*words, remote.url, f"{commit}:refs/heads/{branch}", remote=remote, seconds=PUSH_SECONDS)


def _landed(git: Git, remote: Remote, commit: str, branch: str) -> bool:
    try:
        return remote_branches(git, remote, [branch]).get(branch) == commit
    except Blocked:
        return False  # can't be read now; the caller tries again or says what the push said


def _may_pass(ran: Ran) -> bool:
    return ran.exit_code == -1 or (for_now(ran.err) and "rejected" not in ran.err)


def _remote_words(said: str) -> str:
    """What the server said, without git's own chatter."""
    lines = [line for line in said.splitlines() if line.startswith(("remote:", "!", "error:", "fatal:"))]
    return "\n".join(lines[-30:]) or said
