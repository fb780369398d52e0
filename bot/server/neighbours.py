"""Who waits for an issue of another repository: what is read there is news for those who have it otherwise. Pure.

Only repositories that this process has looked at are known here; for all others there is the reconcile timer.
"""

from bot.core.model import Snapshot, Standing

_OVER = frozenset({Standing.CLOSED, Standing.NOT_PLANNED})


def overtaken(theirs: Snapshot, home: Snapshot) -> bool:
    """Whether `theirs`, of another repository, has an issue of `home` open that isn't, or closed that is open.

    Pull requests are not among the issues that are read whole, so whoever waits for an open one looks again each time.
    """
    repo = home.repo.lower()
    for ref, standing in theirs.standings.items():
        if ref.repo == repo:
            issue = home.issues.get(ref.number)
            is_open = issue is not None and issue.open
            if (standing is Standing.OPEN and not is_open) or (standing in _OVER and is_open):
                return True
    return False
