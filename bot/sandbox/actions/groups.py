"""Concurrency groups as GitHub has them: one holder, one that waits; a newer one that waits replaces the older.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Ticket:
    """A run's or job's place in a group."""

    group: tuple[int, str]
    cancel: Callable[[], None]
    """Called when a newer one with `cancel-in-progress` wants the place."""
    replaced: bool = False
    """A newer one took the waiting place: this one is cancelled."""


class Groups:
    """All groups of all repositories."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[tuple[int, str], Ticket] = {}
        self._waiting: dict[tuple[int, str], Ticket] = {}

    def acquire(self, ticket: Ticket, *, cancel_in_progress: bool, stopped: Callable[[], bool]) -> bool:
        """Wait for the place. False: replaced by a newer ticket, or `stopped()` (see `wake`) came true."""
        with self._changed:
            group, holder = ticket.group, self._holders.get(ticket.group)
            older = self._waiting.pop(group, None)
            if older is not None:
                older.replaced = True
            self._waiting[group] = ticket
            self._changed.notify_all()
            if holder is not None and cancel_in_progress:
                holder.cancel()
            self._changed.wait_for(lambda: group not in self._holders or ticket.replaced or stopped())
            if self._waiting.get(group) is ticket:
                del self._waiting[group]
            if ticket.replaced or stopped():
                return False
            self._holders[group] = ticket
            return True

    def release(self, ticket: Ticket) -> None:
        """Give the place back; nothing where the ticket has none."""
        with self._changed:
            if self._holders.get(ticket.group) is ticket:
                del self._holders[ticket.group]
            self._changed.notify_all()

    def wake(self) -> None:
        """Have every waiter ask `stopped()` again."""
        with self._changed:
            self._changed.notify_all()
