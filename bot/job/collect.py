"""From the files an agent left to one tree in our git folder, without believing anything it left.

The agent's `.git` is not looked at, nothing of its configuration applies, and how much there is to read is measured
before git reads it. What the setup command changed before the agent began is not the agent's change.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.names import Reason
from bot.core.paths import is_git_folder, listed, printable
from bot.core.verdict import Refusal
from bot.job.git import Git, GitFailed
from bot.job.protect import NOTHING, Change, read_changes
from bot.job.workspace import Workspace, exclude

MOST_PATHS = 20_000
"""Changed paths that are looked at one by one; a run that changes more is too large by any setting."""

MOST_BYTES = 500_000_000
"""Bytes of changed files that git is asked to read."""

SETUP = "refs/ai-ready/setup"
"""The tree that the setup command made of tracked files, in our git folder."""

LISTING_BYTES = MOST_PATHS * 200


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the setup command did to the files, before the agent."""

    changes: tuple[Change, ...] = ()
    """To tracked files."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """A tree, or why there is none."""

    tree: str
    """Id of the tree in our git folder; that of the start when there is a refusal."""
    refusal: Refusal | None = None


def baseline(workspace: Workspace) -> Baseline:
    """Note what is there after setup and before the agent.

    Untracked things are left out from now on; tracked ones count as changed only if the agent changes them again.
    """
    git = workspace.git
    stray = [p for p in git("ls-files", "-z", "-o", "--exclude-standard", "--directory").split(b"\0") if p]
    exclude(workspace, stray[:MOST_PATHS])
    changed = _list(git, "-m")
    if not changed:
        return Baseline(notes=_stray_note(stray))
    _stage(git, workspace.tree.path, changed)
    tree = git.line("write-tree")
    git("update-ref", SETUP, tree)
    changes = read_changes(git, workspace.start, tree, most=MOST_PATHS)
    note = f"The setup command changed tracked files; left out of the change: {listed([c.path for c in changes])}"
    return Baseline(changes, (*_stray_note(stray), note) if changes else _stray_note(stray))


def known_baseline(workspace: Workspace) -> Baseline:
    """What `baseline` found, for a process that did not see it."""
    ran = workspace.git.attempt("rev-parse", "--quiet", "--verify", SETUP)
    if ran.exit_code != 0:
        return Baseline()
    tree = ran.out.decode("ascii").strip()
    return Baseline(read_changes(workspace.git, workspace.start, tree, most=MOST_PATHS))


def collect(workspace: Workspace, before: Baseline) -> Collected:
    """The tree that the files make now. Everything of the agent's user is dead, and the files are ours again.

    Raises `GitFailed` when git fails for a reason that is not the change's.
    """
    git, tree = workspace.git, workspace.tree.path
    base = git.line("rev-parse", f"{workspace.start}^{{tree}}")
    ran = git.attempt("ls-files", "-z", "-m", "-o", "--exclude-standard", seconds=300, most=LISTING_BYTES)
    if ran.exit_code == -1:
        return Collected(base, Refusal(Reason.TOO_LARGE, "There are too many files to look through."))
    if ran.exit_code != 0 and not ran.cut:
        raise GitFailed("ls-files", ran.exit_code, ran.err)
    paths = sorted({path for path in ran.out.split(b"\0") if path})
    refusal = _measure(tree, paths, cut=ran.cut) or _impossible(paths)
    if refusal:
        return Collected(base, refusal)
    _stage(git, tree, paths)
    return Collected(_without(git, before))


def _measure(tree: Path, paths: Sequence[bytes], *, cut: bool) -> Refusal | None:
    """Whether it is little enough to be read at all; sizes as the files claim them, so that sparse ones count."""
    if cut or len(paths) > MOST_PATHS:
        return Refusal(Reason.TOO_LARGE, f"The change touches more than {MOST_PATHS} files.")
    total = 0
    for path in paths:
        found = _lstat(tree, path)
        total += found.st_size if found and stat.S_ISREG(found.st_mode) else 0
    if total > MOST_BYTES:
        return Refusal(Reason.TOO_LARGE, f"The changed files hold {total // 10**6:,} MB.")
    return None


def _impossible(paths: Iterable[bytes]) -> Refusal | None:
    """What can't be part of a tree: a repository inside the repository, names that git keeps for itself."""
    problems = []
    for path in map(os.fsdecode, paths):
        if path.endswith("/"):
            problems.append(f"{printable(path)}: a git repository of its own")
        elif is_git_folder(path):
            problems.append(f"{printable(path)}: inside a folder that some systems take for git's own")
    if not problems:
        return None
    text = "The change holds what can't be part of a repository."
    return Refusal(Reason.PROTECTED_PATHS, text, "\n".join(problems[:50]))


def _list(git: Git, *which: str) -> list[bytes]:
    return sorted({path for path in git("ls-files", "-z", *which, seconds=300).split(b"\0") if path})


def _stage(git: Git, tree: Path, paths: Sequence[bytes]) -> None:
    """Bring the index to what the files are now."""
    there = [path for path in paths if _is_content(tree, path)]
    gone = sorted(set(paths) - set(there))
    # Removals first: a file may have become a folder.
    for words, some in ((("--force-remove",), gone), (("--add", "--replace"), there)):
        if some:
            git("update-index", *words, "-z", "--stdin", data=b"".join(path + b"\0" for path in some), seconds=300)


def _is_content(tree: Path, path: bytes) -> bool:
    """A file or symlink that is really at this place; what lies behind a symlinked folder is not in the tree."""
    found = _lstat(tree, path)
    return found is not None and (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode))


def _lstat(tree: Path, path: bytes) -> os.stat_result | None:
    at = os.fsencode(tree)
    names = path.split(b"/")
    try:
        for name in names[:-1]:
            at = os.path.join(at, name)  # noqa: PTH118 (names are bytes)
            if not stat.S_ISDIR(os.lstat(at).st_mode):
                return None
        return os.lstat(os.path.join(at, names[-1]))  # noqa: PTH118
    except OSError:
        return None


def _without(git: Git, before: Baseline) -> str:
    """The index as a tree, with what only the setup command changed put back."""
    tree = git.line("write-tree")
    if not before.changes:
        return tree
    # Of what differs from what setup left, everything is the agent's; the rest goes back to where it was.
    entries = git("ls-files", "-z", "--stage", most=1 << 30).split(b"\0")
    now = {entry.partition(b"\t")[2]: entry.split(b" ")[:2] for entry in entries if entry}
    lines = []
    for change in before.changes:
        path = os.fsencode(change.path)
        mode, oid = now.get(path, [NOTHING.encode(), change.new_oid.encode()])
        if mode.decode() == change.new_mode and oid.decode() == change.new_oid:
            lines.append(f"{change.old_mode} {change.old_oid}\t".encode() + path + b"\0")
    git("update-index", "-z", "--index-info", data=b"".join(lines))
    return git.line("write-tree")


def _stray_note(stray: Sequence[bytes]) -> tuple[str, ...]:
    if not stray:
        return ()
    return (
        f"The setup command left untracked files; left out of the change: {listed([os.fsdecode(p) for p in stray])}",
    )
