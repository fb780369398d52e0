"""The boards after a run that has ended: what `publish` said of its issue is on its series' board, too.

The server's boards are the server's. A board that can't be written now is written by the next gate.
"""

from collections.abc import Callable
from datetime import datetime

from bot.config import parse_repo_config
from bot.core.boards.block import recall
from bot.core.effects import PutBoard
from bot.core.model import Snapshot
from bot.core.plan import plan
from bot.errors import GitHubError
from bot.job.admit import GitHub
from bot.job.facts import read_facts


def has_board(snapshot: Snapshot) -> bool:
    """Whether some open issue has one."""
    return any(issue.open and recall(issue.body) is not None for issue in snapshot.issues.values())


def renew_boards(github: GitHub, clock: Callable[[], datetime], log: Callable[[str], None]) -> None:
    """Read, plan, and write the boards alone."""
    try:
        snapshot = read_facts(github, clock=clock)
        decided = plan(snapshot, parse_repo_config(snapshot.config_text))
        boards = [effect for effect in decided.effects if isinstance(effect, PutBoard)]
        answers = github.apply(boards, snapshot) if boards else ()
    except GitHubError as error:
        log(f"The board was not brought up to date: {error}")
        return
    for answer in answers:
        if not answer.ok:
            log(f"The board in #{getattr(answer.effect, 'issue', 0)} was not brought up to date: {answer.message}")
