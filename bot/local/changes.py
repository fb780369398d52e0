"""Which files a commit of ours changed, by how many lines."""

from bot.core.outbound import clean
from bot.job.git import GitFailed
from bot.local.checkout import Checkout
from bot.page.shown import Changed

MOST = 500
"""Files."""


def changed_files(checkout: Checkout, commit: str) -> tuple[Changed, ...]:
    """The files of one commit; none where there is no commit, or it is gone."""
    if not commit:
        return ()
    words = ("diff-tree", "--numstat", "-r", "-z", "--no-commit-id", "--no-renames", "--no-ext-diff", "--no-textconv")
    try:
        out = checkout.common(*words, "--end-of-options", commit)
    except GitFailed:
        return ()
    return tuple(_changed(line) for line in out.decode("utf-8", "replace").split("\0") if line.count("\t") >= 2)[:MOST]


def _changed(line: str) -> Changed:
    added, removed, path = line.split("\t", 2)
    return Changed(clean(path), _number(added), _number(removed))


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
