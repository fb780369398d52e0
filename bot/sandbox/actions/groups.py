"""Concurrency groups as GitHub has them: one holder, one that waits; a newer one that waits replaces the older.

With `queue: max` many wait, and each comes in its turn.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

import threading
from collections import defaultdict
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
        self._waiting: defaultdict[tuple[int, str], list[Ticket]] = defaultdict(list)
        """Oldest first."""

    def acquire(
        self, ticket: Ticket, *, cancel_in_progress: bool, many_wait: bool, stopped: Callable[[], bool]
    ) -> bool:
        """Wait for the place. False: replaced by a newer ticket, or `stopped()` (see `wake`) came true."""
        with self._changed:
            group, holder, waiting = ticket.group, self._holders.get(ticket.group), self._waiting[ticket.group]
            if not many_wait:
                for older in waiting:
                    older.replaced = True
            waiting.append(ticket)
            self._changed.notify_all()
            if holder is not None and cancel_in_progress:
                holder.cancel()
            self._changed.wait_for(
                lambda: (group not in self._holders and waiting[0] is ticket) or ticket.replaced or stopped()
            )
            waiting.remove(ticket)
            self._changed.notify_all()
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
