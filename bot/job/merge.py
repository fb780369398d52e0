"""The base merged into a run's branch, made from objects alone: the same two commits give the same tree everywhere.

`work` starts the agent on that merge; `publish` makes it once more from what the server has, so that what came from
the base can be told from what the agent did. Where both sides changed the same lines the tree holds git's conflict
markers, and the agent is asked to resolve them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.names import Reason
from bot.core.paths import Guard, printable
from bot.core.run import Admission
from bot.core.verdict import Refusal
from bot.job.fetch import QUIET_FETCH, fetch_commits, stubborn, unreadable
from bot.job.git import Git, GitFailed, Remote, make_git_folder

DEPTHS = (500, 10_000, 0)
"""Commits of history in which the two are looked for where they parted; 0: all of it."""

BRANCH_SIDE, BASE_SIDE = "merging/branch", "merging/base"
"""How conflict markers name the two sides."""

MARKERS = re.compile(rb"(?:<{7}|>{7}|\|{7})(?: |$)|={7}\r?$")
"""A line that git writes around what it could not merge."""

SIDE_NAMES = ("~merging_branch", "~merging_base")
"""What git adds to the name of a file that is a folder on the other side."""

MAX_BLOB = 200_000_000
"""Bytes of a file that are searched for markers: both sides of the largest that GitHub takes."""

LOOKS_BINARY = 8000
"""Bytes at a file's beginning in which git looks for a NUL; it writes no markers into what it takes for binary."""

MERGE_SECONDS = 600
"""Telling renames among thousands of files takes its time."""

CONFLICTS = 1
"""`git merge-tree`'s exit code where it could not merge everything; 0: it could."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of the base into the branch."""

    tree: str
    conflicts: tuple[str, ...] = ()
    """Paths on which both sides disagree; bytes that are no UTF-8 are surrogate escapes."""


@dataclass(frozen=True, slots=True)
class Unmerged:
    """The base had moved on and could not be merged: the run goes on from the branch as it is."""

    why: str


def contains_base(git: Git, admission: Admission) -> bool:
    """Whether the branch visibly builds on the base as it was when the run was admitted."""
    return git.attempt("merge-base", "--is-ancestor", admission.base_oid, admission.head_oid).exit_code == 0


def merge_base_in(git: Git, remote: Remote, admission: Admission) -> Merge | Unmerged | None:
    """Merge the base into the branch, in `git`'s folder, where both commits are; None: there is nothing to merge.

    Raises `Blocked` when the server can't be read.
    """
    if admission.head_oid == admission.base_oid or contains_base(git, admission):
        return None
    fork = _fork(git, remote, admission)
    if fork == admission.base_oid:
        return None
    if not fork:
        return Unmerged("their histories have nothing in common")
    fetch_missing(git, remote, fork)
    return _merge(git, fork, admission)


def fetch_missing(git: Git, remote: Remote, commit: str) -> None:
    """Bring a commit's files here. One that is here stays as it is: fetched alone, it would lose its parents."""
    if git.attempt("cat-file", "-e", f"{commit}^{{commit}}").exit_code != 0:
        fetch_commits(git, remote, [commit], branches=(), depth=1)


def protected_conflicts(merge: Merge, guard: Guard) -> Refusal | None:
    """Conflicts in files that no run may change: git's choice of a side, where it made one, is nobody's decision."""
    theirs = [path for path in merge.conflicts if guard.protects(path)]
    if not theirs:
        return None
    text = "The conflicts with the base branch are in files that no run may change: a person has to resolve them."
    return Refusal(Reason.BASE_CHANGED, text, "\n".join(map(printable, theirs[:50])))


def unresolved(git: Git, merge: Merge, tree: str, admission: Admission) -> tuple[str, ...]:
    """Where `tree` still holds what the merge could not do: `path:line` of markers, and names only git gives.

    A line like a marker that a side had before (a heading underlined with seven `=`) is none.
    """
    found: list[str] = []
    for path in merge.conflicts:
        lines = _marker_lines(git, tree, path)
        sides = (_marker_lines(git, side, path) for side in (admission.head_oid, admission.base_oid))
        if len(lines) > max(map(len, sides)):
            found.append(f"{printable(path)}:{lines[0]}")
    return (*found, *(printable(path) for path in _put_aside(git, merge, tree)))


def _fork(git: Git, remote: Remote, admission: Admission) -> str:
    """The commit at which branch and base parted; empty: they have none in common.

    Looked for among commits alone, in a folder of their own: the run's folder has only the newest of them.
    """
    history = make_git_folder(git.folder.with_name("forks.git"), redact=git.redact, stop=git.stop, network=git.network)
    sides = (admission.head_oid, admission.base_oid)
    wanted = [f"{oid}:refs/ai-ready/{oid}" for oid in sides]
    try:
        for depth in DEPTHS:
            much = f"--depth={depth}" if depth else "--unshallow"
            if not depth and not (history.folder / "shallow").exists():
                return ""
            stubborn(history, remote, *QUIET_FETCH, "--filter=tree:0", much, remote.url, *wanted)
            ran = history.attempt("merge-base", *sides)
            if ran.exit_code == 0:
                return ran.out.decode("ascii").strip()
    except GitFailed as error:
        raise unreadable(error) from error
    return ""


def _merge(git: Git, fork: str, admission: Admission) -> Merge | Unmerged:
    """Merge the two trees as if they had parted at `fork`, whatever history this folder has of them."""
    root = _commit(git, fork)
    for name, side in ((BRANCH_SIDE, admission.head_oid), (BASE_SIDE, admission.base_oid)):
        git("update-ref", f"refs/{name}", _commit(git, side, "-p", root))
    words = ("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", BRANCH_SIDE, BASE_SIDE)
    ran = git.attempt(*words, seconds=MERGE_SECONDS)
    if ran.exit_code not in {0, CONFLICTS}:
        return Unmerged("this machine's git is older than 2.38, or failed to")
    tree, *paths = ran.out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    return Merge(tree, tuple(dict.fromkeys(paths)))


def _commit(git: Git, of: str, *parents: str) -> str:
    return git.line("commit-tree", f"{of}^{{tree}}", *parents, "-m", "side")


def _marker_lines(git: Git, tree: str, path: str) -> Sequence[int]:
    blob = git.attempt("cat-file", "blob", f"{tree}:{path}", most=MAX_BLOB)
    if (blob.exit_code != 0 and not blob.cut) or b"\0" in blob.out[:LOOKS_BINARY]:
        return ()
    return [number for number, line in enumerate(blob.out.split(b"\n"), 1) if MARKERS.match(line)]


def _put_aside(git: Git, merge: Merge, tree: str) -> list[str]:
    aside = [path for path in merge.conflicts if path.endswith(SIDE_NAMES)]
    return [path for path in aside if git.attempt("cat-file", "-e", f"{tree}:{path}").exit_code == 0]
