"""Finished work that a task builds on, where nobody has merged it yet: the commit that has all of it.

No branch of the user's is ever moved by us. So on a laptop without pull requests a task starts from the finished branches
of the tasks before it, as far as its base does not have them: AUTH-1.3 sees what AUTH-1.2 did, and `git merge` of the last
branch brings everything. Two branches that do not build on each other are merged for it, where git can do that alone.
"""

from collections.abc import Sequence

from bot.job.git import Git
from bot.local.checkout import Checkout
from bot.local.loop import HeldBack

CONFLICTS = 1
"""`git merge-tree`'s exit code where both sides changed the same lines."""


def stacked(checkout: Checkout, branches: Sequence[str], base: str) -> str:
    """The commit that holds the work of all these branches; empty: there is none that `base` (a commit) lacks.

    A branch that is gone was merged in another way, or is not wanted. Raises `HeldBack` where two do not go together.
    """
    tips = {tip: name for name in branches if (tip := checkout.branch(name))}
    new = [tip for tip in tips if not (base and _has(checkout, base, tip))]
    heads = [tip for tip in new if not any(tip != other and checkout.contains(other, tip) for other in new)]
    if not heads:
        return ""
    whole = heads[0]
    for head in heads[1:]:
        whole = _merged(checkout.common, whole, head, [tips[each] for each in heads])
    return whole


def _has(checkout: Checkout, base: str, tip: str) -> bool:
    """Whether the base has all of a branch, be it merged or squashed into one commit."""
    if checkout.contains(base, tip):
        return True
    git = checkout.common
    ran = git.attempt("merge-tree", "--write-tree", "--no-messages", base, tip, seconds=600)
    return ran.exit_code == 0 and ran.out.split(b"\n", 1)[0].decode("ascii") == git.line(
        "rev-parse", f"{base}^{{tree}}"
    )


def _merged(git: Git, one: str, other: str, names: Sequence[str]) -> str:
    ran = git.attempt("merge-tree", "--write-tree", "--no-messages", one, other, seconds=600)
    if ran.exit_code != 0:
        why = "git can't merge them by itself" if ran.exit_code == CONFLICTS else "merging them needs git 2.38 or newer"
        several = " and ".join(names)
        raise HeldBack(f"its work builds on {several}, and {why}: merge them into your base branch first.")
    tree = ran.out.split(b"\n", 1)[0].decode("ascii")
    return git.line("commit-tree", tree, "-p", one, "-p", other, "-m", f"Merge {' and '.join(names)}")
