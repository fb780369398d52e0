"""How the server paces itself. All times in seconds."""

from dataclasses import dataclass

from bot.server.ports import Lane, LaneKind


@dataclass(frozen=True, slots=True)
class Rules:
    """What `ai-ready serve` was told, and constants that tests shorten."""

    reconcile: float = 60.0
    """Between two looks at every repository, whatever webhooks say."""
    webhooks: bool = True
    """False: nothing but the timer says that something has changed."""
    concurrent: int = 10
    """Runs at a time in one installation."""
    paused: bool = False
    """Nothing is started, in no repository: it is planned and said."""
    workers: int = 4
    lease: float = 4.0
    """How long a lane stays taken when its worker says nothing more; kept alive while it works. Replicas wait so long for
    what a killed one had in hand (a SQLite file has one process, whose end is known)."""
    settle: float = 90.0
    """How old a list of GitHub's may be: what was done, and is not seen yet, is neither repeated nor missed until then."""
    again: float = 5.0
    """Until something that is not seen yet is looked for again."""
    permission: float = 300.0
    """How long it is taken as read that a person may ask; `refusal`: that one may not. `work` asks again before the agent
    starts."""
    refusal: float = 60.0
    pause: float = 600.0
    """How long it is believed that no Actions variable pauses a repository; `work` looks again. The timer's looks ask
    before that is over, so that who labels need not wait for it."""
    resume: float = 55.0
    """How long it is believed that one does."""
    said_at_once: int = 8
    """Comments and reactions of one pass; the rest waits for the lane's next turn, after everybody else's."""
    sweep: float = 3600.0
    """Between two sweeps of failed deliveries."""
    refresh: float = 600.0
    """Between two readings of where the App is installed (at most `reconcile` without webhooks)."""
    idle: float = 0.05
    """Between two looks for due lanes, when there was none."""


RECONCILE = Lane(LaneKind.TIMER, 1)
SWEEP = Lane(LaneKind.TIMER, 2)
REFRESH = Lane(LaneKind.TIMER, 3)
TIMERS = (RECONCILE, SWEEP, REFRESH)
"""Timers are lanes, so that of several replicas one at a time does what they are for."""

RECONCILED = "reconciled"
"""The fact (`Store.remember`) that holds when every repository was last looked at."""

QUEUED_AT_MOST = 24 * 3600.0
"""GitHub drops a job that no runner took for 24 hours: https://docs.github.com/en/actions/reference/limits"""

KEEP_DELIVERIES = 7 * 24 * 3600.0
"""GitHub redelivers for three days."""
REDELIVER_FOR = 3 * 24 * 3600.0
REDELIVERIES = 3
"""How often one delivery is asked for again."""
