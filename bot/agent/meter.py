"""The budget of one run: reserved before each request, settled after it, never under-counted.

Owns what has been spent, over all spawns of the agent in a run. It does no I/O; `key_proxy` asks it. Spending
stays below the budget plus one answer, also when the agent sends many requests at once or hangs up on them.
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.agent.prices import cost, rates_of

LEAST_TOKENS = 256
"""An answer that would have to be shorter is useless: the budget counts as used up."""

FASTEST = 300
"""Tokens per second no model exceeds: bounds what an answer cost whose end we never saw."""

BYTES_PER_TOKEN = 3
"""Of a request; English has ~4, so this counts rather too many."""

LARGEST_PROMPT = 1_000_000
"""Tokens that the widest context window takes."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one request in flight may cost."""

    model: str
    max_tokens: int
    prompt_tokens: int
    """Estimated."""
    usd: float
    """Answer and prompt."""


class Meter:
    """Counts the money of one run; safe to read from any thread."""

    def __init__(self, budget_usd: float) -> None:
        self.budget_usd = budget_usd
        self.spent_usd = 0.0
        self.requests = 0
        self.refused = 0
        """Requests that the budget did not allow any more."""
        self._reserved, self._in_flight = 0.0, 0
        self._lock = threading.Condition()

    def reserve(self, model: str, *, max_tokens: int, size: int, whole: bool = True) -> Reservation | None:
        """Set money aside for a request of `size` bytes; its `max_tokens` may come out smaller. None: refused.

        `whole`: all of its prompt is in it, not somewhere from where the API fetches it.
        """
        rates = rates_of(model)
        with self._lock:
            left = self.budget_usd - self.spent_usd - self._reserved
            allowed = max(0, min(max_tokens, math.floor(left / rates.output * 1e6)))
            if left <= 0 or allowed < min(max_tokens, LEAST_TOKENS):  # also one that wants no answer pays its prompt
                self.refused += 1
                return None
            # A request's own prompt does not count against it (most of it is cached, and an estimate would end a run
            # early), but against those that come meanwhile: many big ones at once would run the budget over.
            prompt = max(size // BYTES_PER_TOKEN, 0 if whole else LARGEST_PROMPT)
            usd = cost(model, {"output_tokens": allowed, "input_tokens": prompt})
            self._reserved += usd
            self._in_flight += 1
            self.requests += 1
            return Reservation(model, allowed, prompt, usd)

    def settle(self, reservation: Reservation, usage: Mapping[str, Any]) -> None:
        """The answer's own figures; empty when the API answered with an error, which costs nothing."""
        model = str(usage.get("model") or reservation.model)
        with self._lock:
            self._reserved -= reservation.usd
            self._in_flight -= 1
            self._lock.notify_all()
            self.spent_usd += cost(model, usage)

    def settle_unseen(self, reservation: Reservation, usage: Mapping[str, Any], *, seconds: float) -> None:
        """The answer broke off after `seconds`: charge its prompt and the most it can have produced by then."""
        produced = min(reservation.max_tokens, math.ceil(seconds * FASTEST))
        prompt = usage if "input_tokens" in usage else {"cache_creation_input_tokens": reservation.prompt_tokens}
        self.settle(reservation, {**prompt, "output_tokens": max(produced, int(usage.get("output_tokens") or 0))})

    def settled_usd(self, *, seconds: float) -> float:
        """What was spent, after up to `seconds` for requests in flight; one that still is counts in full."""
        with self._lock:
            self._lock.wait_for(lambda: self._in_flight == 0, seconds)
            return self.spent_usd + (self._reserved if self._in_flight else 0.0)
