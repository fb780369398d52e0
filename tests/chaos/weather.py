"""What goes wrong between GitHub and the server while it is killed; chosen anew for each turn, by the round's dice."""

import random
from collections.abc import Callable
from enum import StrEnum

from bot.sandbox.faults import Faults
from bot.sandbox.state import Hub

STALE = 0.8
"""Lists are at most so many seconds old; `Rules.settle` of the chaos server is longer, as at GitHub, and
`publish` waits longer before it looks whether a verdict whose answer got lost is there."""
OLD = 2.0
"""The same where no answer gets lost besides."""
ANYTHING = r"/api/"
WRITES = r'/graphql .*"mutation'
READS = r'/graphql .*"query(?!.*mutation)'
DISPATCHES = r"POST .*/dispatches"
RUNS = r"GET .*/actions/"
PLACES = (ANYTHING, WRITES, WRITES, READS, DISPATCHES, DISPATCHES, DISPATCHES, RUNS)

Fault = Callable[[Faults, str], None]
KINDS: tuple[Fault, ...] = (
    lambda faults, where: faults.fail(where, 500),
    lambda faults, where: faults.fail(where, 502),
    lambda faults, where: faults.fail(where, 503, times=2),
    lambda faults, where: faults.drop(where),
    lambda faults, where: faults.drop_after(where),
    lambda faults, where: faults.drop_after(where),
    lambda faults, where: faults.bad_gateway_after(where),
    lambda faults, where: faults.bad_gateway_after(where),
    lambda faults, where: faults.secondary_rate_limit(where, retry_after=1),
    lambda faults, where: faults.delay(0.3, where, times=2),
)


class Weather(StrEnum):
    """What a round is played in."""

    FINE = "fine"
    SILENT = "silent"
    """No webhook comes, but where a kill waits for one."""
    OLD = "old"
    """Every list is old, all the time."""
    WILD = "wild"
    """Anything, another thing each turn."""


class Forecast:
    """The weather over one hub."""

    def __init__(self, hub: Hub, dice: random.Random, weather: Weather) -> None:
        self._hub, self._dice, self._weather = hub, dice, weather
        hub.webhooks.dice.seed(dice.random())

    def change(self, *, need_webhooks: bool) -> None:
        """Another turn."""
        match self._weather:
            case Weather.SILENT:
                self._hub.webhooks.lose_share = 0.0 if need_webhooks else 1.0
            case Weather.OLD:
                self._hub.faults.stale(OLD)
            case Weather.WILD:
                self._change(need_webhooks=need_webhooks)

    def _change(self, *, need_webhooks: bool) -> None:
        """Perhaps faults of the API, perhaps old lists, and webhooks that come late, twice, or never."""
        faults, hooks, dice = self._hub.faults, self._hub.webhooks, self._dice
        faults.clear()
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            dice.choice(KINDS)(faults, dice.choice(PLACES))
        faults.stale(dice.choice((0.0, 0.0, STALE)))
        hooks.drop_share = 0.0 if need_webhooks else dice.choice((0.0, 0.0, 0.3, 1.0))
        hooks.lose_share = 0.0 if need_webhooks else dice.choice((0.0, 0.0, 0.3, 1.0))
        hooks.double_share = dice.choice((0.0, 0.3))
        hooks.scatter_seconds = dice.choice((0.0, 0.0, 0.5))

    def clear(self) -> None:
        """No more changes: the wild becomes fine. What is always so, stays."""
        if self._weather is not Weather.WILD:
            return
        hooks = self._hub.webhooks
        self._hub.faults.clear()
        hooks.drop_share = hooks.lose_share = hooks.double_share = hooks.scatter_seconds = 0.0
