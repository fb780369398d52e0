"""How many paths a change touches, counted without listing them: thirteen objects can be a million million paths.

Git itself lists them in memory before it says the first one (`diff-tree -r`), whatever is done with what it says.
"""

from collections import Counter

from bot.core.names import Reason
from bot.core.verdict import Refusal
from bot.job.git import Git, GitFailed

MOST_PATHS = 100_000
"""Paths that git may list in memory; more than any `limits.files`."""

MOST_DEPTH = 1000
"""Folders in folders; a path of the longest that systems take (PATH_MAX) has 2048."""

NO_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree with nothing in it, which git knows by heart."""

FOLDER = "040000"

Pair = tuple[str, str]


def bomb(git: Git, old: str, new: str) -> Refusal | None:
    """Whether the change between two trees or commits is one that must not even be listed."""
    pairs = Counter({(git.line("rev-parse", f"{old}^{{tree}}"), git.line("rev-parse", f"{new}^{{tree}}")): 1})
    paths = 0
    for _ in range(MOST_DEPTH):
        paths, pairs = _one_level(git, pairs, paths)
        if paths > MOST_PATHS:
            break
        if not pairs:
            return None
    return Refusal(Reason.TOO_LARGE, f"The change touches more than {MOST_PATHS:,} paths.")


def _one_level(git: Git, pairs: Counter[Pair], paths: int) -> tuple[int, Counter[Pair]]:
    """Count what differs directly in `pairs` of trees, each as often as it is there; and the pairs right below."""
    lines = "".join(f"{old} {new}\n" for old, new in pairs).encode("ascii")
    ran = git.attempt("diff-tree", "--stdin", "--raw", "-z", "--no-renames", "--no-abbrev", data=lines)
    if ran.cut:
        return MOST_PATHS + 1, Counter()
    if ran.exit_code != 0:
        raise GitFailed("diff-tree", ran.exit_code, ran.err)
    below: Counter[Pair] = Counter()
    times = 0
    for head in ran.out.split(b"\0")[::2]:
        named, _, entry = head.rpartition(b"\n")  # before a pair's first entry stands which pair it is
        if named:
            old, new = named[-81:].decode("ascii").split(" ")
            times = pairs[old, new]
        if entry:
            old_mode, new_mode, old_oid, new_oid, _status = entry.decode("ascii").removeprefix(":").split(" ")
            deeper = (old_oid if old_mode == FOLDER else NO_TREE, new_oid if new_mode == FOLDER else NO_TREE)
            if FOLDER in {old_mode, new_mode}:
                below[deeper] += times
            paths += times * ({old_mode, new_mode} != {FOLDER})
    return paths, below
