"""Rate limits as headers tell them: counted per token (per repository for job tokens) and hour; only faults enforce."""

import threading
from collections import Counter
from typing import TYPE_CHECKING

from bot.sandbox.records import Json

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token

HOUR = 3600
LIMITS = {"anonymous": 60, "job": 1000}
"""Requests per hour; everybody else has 5,000. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""


class Rates:
    """How much of its hour each token has used."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._used: Counter[tuple[str, int]] = Counter()

    def spend(self, token: "Token") -> dict[str, str]:
        """Count one request; the headers that go with its answer."""
        with self._lock:
            self._used[self._key(token)] += 1
        return {f"X-RateLimit-{name.title()}": str(value) for name, value in self.of(token).items()}

    def of(self, token: "Token") -> Json:
        """Limit, used, remaining, reset (epoch seconds) of a token."""
        key = self._key(token)
        limit = LIMITS.get(token.kind, 5000)
        used = min(self._used[key], limit)
        reset = (key[1] + 1) * HOUR
        return {"limit": limit, "used": used, "remaining": limit - used, "reset": reset, "resource": "core"}

    def _key(self, token: "Token") -> tuple[str, int]:
        who = f"job {token.repo.id}" if token.kind == "job" and token.repo else f"{token.kind} {token.user.id}"
        return who, int(self._hub.now().timestamp()) // HOUR
