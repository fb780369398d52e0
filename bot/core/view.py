"""What a survey looks with: the facts, the rules, and on whose behalf."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.access import Answer, may_ask
from bot.core.commands import Stop
from bot.core.ledger import Record, records
from bot.core.model import Actor, Issue, Permission, Snapshot
from bot.core.requests import unread, unread_on_pull
from bot.core.settings import RepoConfig


@dataclass(frozen=True, slots=True)
class Own:
    """The workflow run (or process) on whose behalf this plan is made."""

    run_id: int
    """Negative and random outside Actions."""
    run_url: str = ""
    issue: int = 0
    """It was dispatched for this issue and takes no other; 0: it takes the event's, or the first ready one."""
    prefer: int = 0
    """The event's issue."""
    patient: bool = True
    """Younger claims, for which there is no room beside its own, are given time to step back; False: it does."""
    admitted: bool = False
    """Its claim was confirmed before: whoever claims now steps back for it."""
    approved: Mapping[str, str] | None = None
    """Request id → `boxless_sha`, as the event's payload has it."""


@dataclass(frozen=True, slots=True)
class View:
    """One snapshot, and what its facts are judged by."""

    snapshot: Snapshot
    config: RepoConfig
    problem: str = ""
    """What is wrong with the config; empty: nothing."""
    own: Own | None = None
    """None: the server, or somebody who only asks."""

    def may_ask(self, actor: Actor) -> Answer:
        """Whether `actor` may ask, as far as the snapshot knows."""
        return may_ask(actor, self.snapshot.permissions.get(actor.id, Permission.UNKNOWN))

    def records(self, issue: Issue) -> tuple[Record, ...]:
        """The issue's ended runs, oldest first."""
        return records(issue, self.snapshot.own_ids)

    def stop_just_said(self, issue: Issue) -> datetime | None:
        """When somebody who may, said `/ai stop` that we have not acknowledged yet: it counts at once."""
        said = (*unread(issue, self.snapshot.now), *unread_on_pull(issue, self.snapshot.now))
        stops = [item.comment for item in said if isinstance(item.command, Stop)]
        return max((stop.created_at for stop in stops if self.may_ask(stop.author) is Answer.YES), default=None)
