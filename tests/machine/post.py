"""GitHub's deliveries, each brought to the server's own endpoint when a rule says so: late, twice, out of order, never."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.sandbox.webhooks import Delivery, Webhooks
from bot.server.receive import Receiver


class Post:
    """What is on its way. GitHub's own worker must have been stopped."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._seen = 0
        self._bag: list[Delivery] = []
        self._loop = asyncio.new_event_loop()

    @property
    def bag(self) -> Sequence[Delivery]:
        """Not brought yet, oldest first."""
        self._bag += self._webhooks.deliveries[self._seen :]
        self._seen = len(self._webhooks.deliveries)
        return self._bag

    def bring(self, delivery: Delivery, receiver: Receiver | None, *, times: int = 1) -> None:
        """To the endpoint; None: nobody is there, which GitHub notes."""
        self._bag.remove(delivery)
        if receiver is None:
            delivery.status, delivery.status_code = "failed to connect to host", 502
            return
        for _ in range(times):
            delivery.status_code = self._loop.run_until_complete(_posted(receiver, delivery))
            assert delivery.ok, delivery
            delivery.status = "OK"

    def lose(self, delivery: Delivery) -> None:
        """It is never tried, and no list shows it."""
        self._bag.remove(delivery)
        self._webhooks.deliveries.remove(delivery)
        self._seen -= 1

    def close(self) -> None:
        """Let go of the loop."""
        self._loop.close()


async def _posted(receiver: Receiver, delivery: Delivery) -> int:
    """The endpoint's answer."""
    headers = [(name.lower().encode(), value.encode()) for name, value in delivery.headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/webhook", "headers": headers}
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": delivery.body, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    await receiver(scope, receive, send)
    return int(answers[0]["status"])
