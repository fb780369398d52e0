"""What a change does to the tree it is made on: read with git from trees of ours, then held against the rules.

Owns the re-check that `work` makes before it hands over and `publish` makes again before it pushes. It looks at the
*resulting tree*, object by object, and believes nothing that came with it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.names import Reason
from bot.core.paths import Guard, is_git_folder, link_problem, notes_on, printable, resolve
from bot.core.settings import RepoConfig
from bot.core.verdict import Refusal
from bot.job.git import Git
from bot.job.workspace import Screen

FILE, PROGRAM, SYMLINK, SUBMODULE, NOTHING = "100644", "100755", "120000", "160000", "000000"

MAX_BLOB = 100_000_000
"""GitHub refuses files over 100 MB: https://docs.github.com/en/repositories/working-with-files/managing-large-files"""

PATCH = (
    *("-p", "-U0", "--text", "--irreversible-delete"),
    *("--no-renames", "--no-color", "--no-ext-diff", "--no-textconv"),
)
"""A patch as small as it can be said: no context, nothing of what is removed."""

MAX_LINK = 4096
"""Bytes of a symlink's target (PATH_MAX)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a change may be."""

    guard: Guard
    files: int
    patch_bytes: int


def rules_of(config: RepoConfig) -> Rules:
    """What a repository's config lets a change be."""
    return Rules(Guard(config.protect, config.allow), config.limits.files, config.limits.patch_kb << 10)


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs."""

    path: str
    """Bytes that are no UTF-8 are surrogate escapes."""
    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str

    @property
    def removed(self) -> bool:
        """It is no longer there."""
        return self.new_mode == NOTHING


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to say about a change."""

    changes: tuple[Change, ...]
    """At most one more than the rules allow."""
    refusal: Refusal | None
    """What is wrong with it; see `bot.core.verdict` for why this outranks other reasons."""
    notes: tuple[str, ...]
    """What deserves a look."""


def inspect_change(git: Git, old: str, new: str, rules: Rules, screen: Screen) -> Inspection:
    """Look at the change from tree (or commit) `old` to `new`, both in `git`'s folder."""
    changes = read_changes(git, old, new, most=rules.files + 1)
    refusal = (
        _forbidden(git, old, new, changes, rules.guard)
        or _too_many(changes, rules)
        or _too_big(git, changes)
        or _patch_refusal(git, (old, new), changes, rules, screen)
    )
    return Inspection(changes, refusal, notes_on([change.path for change in changes]))


def read_changes(git: Git, old: str, new: str, *, most: int) -> tuple[Change, ...]:
    """The first `most` paths that differ. A rename is a removal and an addition, so both its ends are seen."""
    # A path is at most 4096 bytes in every tree that can be checked out; the modes and ids before it are 98.
    ran = git.attempt("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new, most=most * 4200)
    if ran.exit_code != 0 and not ran.cut:
        git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)  # raises with what it said
    words = ran.out.split(b"\0")
    pairs = list(zip(words[0::2], words[1::2], strict=False))[:most]
    return tuple(_change(head.decode("ascii"), os.fsdecode(path)) for head, path in pairs if head)


def rebuild(git: Git, old: str, changes: Sequence[Change]) -> str:
    """The tree that `changes` make of `old`, written anew.

    Git reads odd entries (a mode of 120777) as the nearest sound ones, so a look at a tree does not show them. What
    is built from what was looked at holds nothing else.
    """
    git("read-tree", old)
    lines = [f"{change.new_mode} {change.new_oid}\t".encode() + os.fsencode(change.path) + b"\0" for change in changes]
    git("update-index", "-z", "--index-info", data=b"".join(sorted(lines)))
    return git.line("write-tree")


def _change(head: str, path: str) -> Change:
    old_mode, new_mode, old_oid, new_oid, _status = head.removeprefix(":").split(" ")
    return Change(path, old_mode, new_mode, old_oid, new_oid)


def _forbidden(git: Git, old: str, new: str, changes: Sequence[Change], guard: Guard) -> Refusal | None:
    problems = [problem for change in changes if (problem := _path_problem(change, guard))]
    if not problems and any(change.new_mode == SYMLINK for change in changes):
        problems = _link_problems(git, old, new, changes, guard)
    if not problems:
        return None
    what = "path that no run may change" if len(problems) == 1 else "paths that no run may change"
    return Refusal(Reason.PROTECTED_PATHS, f"The change touches {len(problems)} {what}.", "\n".join(problems[:50]))


def _path_problem(change: Change, guard: Guard) -> str:
    shown = printable(change.path)
    if is_git_folder(change.path):
        return f"{shown}: inside a folder that some systems take for git's own"
    if SUBMODULE in {change.old_mode, change.new_mode}:
        return f"{shown}: a submodule"
    if change.new_mode not in {FILE, PROGRAM, SYMLINK, NOTHING}:
        return f"{shown}: an entry of the unknown kind {change.new_mode}"
    pattern = guard.protects(change.path)
    return f"{shown} (protected by `{pattern}`)" if pattern else ""


def _link_problems(git: Git, old: str, new: str, changes: Sequence[Change], guard: Guard) -> list[str]:
    """What is wrong with new symlinks, and with old ones that lead out of the tree only now."""
    after, before = _links(git, new), _links(git, old)
    if after is None or before is None:
        return ["A symbolic link's target is longer than any system's paths."]
    fresh = [change.path for change in changes if change.new_mode == SYMLINK]
    problems = [problem for path in fresh if (problem := link_problem(path, after, guard))]
    problems += [
        f"{path}: a symbolic link that now leaves the repository"
        for path in sorted(after.keys() - set(fresh))
        if resolve(path, after) is None and resolve(path, before) is not None
    ]
    return [printable(problem) for problem in problems]


def _links(git: Git, tree: str) -> dict[str, str] | None:
    """Every symlink of a tree and its target; None when one is absurdly long."""
    listing = git("ls-tree", "-r", "-z", "-l", tree, most=1 << 30).split(b"\0")
    paths, oids = [], []
    for entry in listing:
        head, _, path = entry.partition(b"\t")
        if head.startswith(b"120000 "):
            _mode, _kind, oid, size = head.split()
            if int(size) > MAX_LINK:
                return None
            paths.append(os.fsdecode(path))
            oids.append(oid)
    return dict(zip(paths, _blobs(git, oids), strict=True))


def _blobs(git: Git, oids: Sequence[bytes]) -> list[str]:
    """The contents of small blobs, in order."""
    out = git("cat-file", "--batch", data=b"".join(oid + b"\n" for oid in oids))
    texts, at = [], 0
    for _ in oids:
        end = out.index(b"\n", at)
        size = int(out[at:end].split()[2])
        texts.append(os.fsdecode(out[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return texts


def _too_many(changes: Sequence[Change], rules: Rules) -> Refusal | None:
    if len(changes) <= rules.files:
        return None
    return Refusal(Reason.TOO_LARGE, f"The change touches more than {rules.files} files (limits.files).")


def _too_big(git: Git, changes: Sequence[Change]) -> Refusal | None:
    """A single file that GitHub would refuse."""
    blobs = [change for change in changes if change.new_mode in {FILE, PROGRAM, SYMLINK}]
    if not blobs:
        return None
    ids = "".join(f"{change.new_oid}\n" for change in blobs).encode()
    answers = git("cat-file", "--batch-check=%(objecttype) %(objectsize)", data=ids).decode("ascii").splitlines()
    for change, answer in zip(blobs, answers, strict=True):
        kind, _, size = answer.partition(" ")
        if kind != "blob":
            return Refusal(
                Reason.INTERNAL_ERROR, f"The change names an object that is no file: {printable(change.path)}."
            )
        if int(size) > MAX_BLOB:
            text = f"The change holds a file of {int(size) // 10**6} MB; GitHub takes at most 100 MB."
            return Refusal(Reason.TOO_LARGE, text, printable(change.path))
    return None


def _patch_refusal(
    git: Git, trees: tuple[str, str], changes: Sequence[Change], rules: Rules, screen: Screen
) -> Refusal | None:
    """Its size as a patch, and secrets in what it adds. Binary files count with their bytes."""
    ran = git.attempt("diff-tree", "-r", *PATCH, *trees, most=rules.patch_bytes)
    if ran.cut:
        return Refusal(Reason.TOO_LARGE, f"The change is larger than {rules.patch_bytes >> 10} KiB (limits.patch_kb).")
    if ran.exit_code != 0:
        return Refusal(Reason.INTERNAL_ERROR, "The change could not be read.", ran.err)
    names = b"\n".join(os.fsencode(change.path) for change in changes)
    kinds = screen.found(_added(ran.out) + b"\n" + names)
    if kinds:
        return Refusal(Reason.SECRET_FOUND, "The change holds what looks like a secret.", ", ".join(sorted(set(kinds))))
    return None


def _added(patch: bytes) -> bytes:
    """The lines a patch adds."""
    return b"\n".join(line[1:] for line in patch.split(b"\n") if line.startswith(b"+"))
