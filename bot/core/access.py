"""Who may ask: a person (never a bot) with write or admin, by numeric id. Unknown is not yes."""

from enum import Enum
from typing import Final

from bot.core.model import Actor, Permission

ASKERS: Final = frozenset({Permission.ADMIN, Permission.WRITE})
"""What a person needs who asks."""


class Answer(Enum):
    """Whether somebody may ask."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """It could not be read: nothing starts, nothing is refused; looked at again later."""


def may_ask(actor: Actor, permission: Permission) -> Answer:
    """Whether `actor`, of whom GitHub says `permission`, may ask for a run or give a command.

    `maintain` reads as write and `triage` as read at GitHub's permission endpoint; `role_name` can be a custom
    name and is not looked at:
    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    if actor.is_bot:
        return Answer.NO
    if permission is Permission.UNKNOWN:
        return Answer.UNKNOWN
    return Answer.YES if permission in ASKERS else Answer.NO
