"""Webhooks: signed deliveries in the background, recorded, with redelivery under the same GUID.

One worker thread posts in order, as long as `start()` … `stop()`; before that deliveries wait in the queue. What can
go wrong on the way (dropped, lost, late, out of order, twice) are attributes of `Webhooks`.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hashlib
import heapq
import hmac
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from bot.sandbox.apps import APP_ALWAYS, may_hear
from bot.sandbox.errors import not_found
from bot.sandbox.records import Event, Hook, Installation, Json, Repo

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

ANSWER_SECONDS = 10.0
"""GitHub hangs up after that and counts the delivery as failed."""
KEPT = timedelta(days=3)
"""Older deliveries are neither listed nor sent again."""
APP_ONLY = APP_ALWAYS | {"issue_dependencies", "sub_issues"}
"""Events that repository hooks never get."""
NEVER = frozenset({"workflow_dispatch"})
"""Kept from repository hooks and Apps unless they ask for them by name."""


@dataclass(eq=False, slots=True)
class Delivery:
    """One attempt to deliver one event to one hook."""

    id: int
    guid: str
    hook: Hook = field(repr=False)
    event: str
    action: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    delivered_at: datetime
    redelivery: bool = False
    installation_id: int | None = None
    repository_id: int | None = None
    status_code: int = 0
    """What the receiver answered; 0: not tried yet; 502 and 504 are also GitHub's own words for no answer."""
    status: str = "pending"
    """`OK`, or what went wrong."""
    seconds: float = 0.0
    response: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was answered with 2xx."""
        return 200 <= self.status_code < 300

    @property
    def tried(self) -> bool:
        """Whether GitHub's lists show it already."""
        return self.status != "pending"


class Webhooks:
    """Every hook's deliveries, oldest first in `deliveries`."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.deliveries: list[Delivery] = []
        self.drop_share = 0.0
        """The share of deliveries that does not arrive (1.0: all); they are recorded as failed, and can be sent again."""
        self.lose_share = 0.0
        """The share that was never tried: nobody hears of it, and no list shows it."""
        self.double_share = 0.0
        """The share that arrives twice, under one GUID."""
        self.delay_seconds = 0.0
        """Every delivery is sent this much later."""
        self.scatter_seconds = 0.0
        """Every delivery is sent up to this much later, each by its own luck: they overtake each other."""
        self.dice = random.Random(7)  # noqa: S311 - decides which deliveries a test loses
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Delivery]] = []
        """A heap: when to send (monotonic), a number that keeps the order, what."""
        self._count = 0
        self._under_way = 0
        self._ending = False
        self._worker: threading.Thread | None = None
        hub.subscribe(self._on_event)

    # ------------------------------------------------------------------------------------ the worker

    def start(self) -> None:
        """Begin to deliver."""
        self._ending = False
        self._worker = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Deliver what is queued, however late it was to come, then end."""
        if self._worker is not None:
            with self._changed:
                self._ending = True
                self._changed.notify_all()
            self._worker.join(timeout=ANSWER_SECONDS + 5)
            self._worker = None

    def flush(self) -> None:
        """Wait until every queued delivery was tried (the worker must run)."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._under_way)

    def _queue(self, delivery: Delivery) -> None:
        """Send it when its time has come; twice, where luck has it."""
        with self._changed:
            for _ in range(1 + (self.dice.random() < self.double_share)):
                late = self.delay_seconds + self.dice.random() * self.scatter_seconds
                self._count += 1
                heapq.heappush(self._waiting, (time.monotonic() + late, self._count, delivery))
            self._changed.notify_all()

    def _next(self) -> Delivery | None:
        """The next one whose time has come; None: the end."""
        with self._changed:
            while True:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and (wait <= 0 or self._ending):
                    self._under_way += 1
                    return heapq.heappop(self._waiting)[2]
                if self._ending:
                    return None
                self._changed.wait(wait)

    def _work(self) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            while (delivery := self._next()) is not None:
                self._post(client, delivery)
                with self._changed:
                    self._under_way -= 1
                    self._changed.notify_all()

    def _post(self, client: httpx.Client, delivery: Delivery) -> None:
        if self.drop_share and self.dice.random() < self.drop_share:
            delivery.status, delivery.status_code = "failed to connect to host", 502
            return
        started = time.monotonic()
        try:
            answer = client.post(delivery.hook.url, content=delivery.body, headers=delivery.headers)
            delivery.response, status_code = answer.text, answer.status_code
            status = "OK" if answer.is_success else f"Invalid HTTP Response: {answer.status_code}"
        except httpx.TimeoutException:
            status_code, status = 504, "timed out"
        except httpx.HTTPError:
            status_code, status = 502, "failed to connect to host"
        delivery.seconds = time.monotonic() - started
        delivery.status_code, delivery.status = status_code, status

    # --------------------------------------------------------------------------------- what is sent

    def _on_event(self, event: Event) -> None:
        if event.name == "ping":
            self._ping(event)
        if event.repo is not None:
            for hook in event.repo.hooks:
                if hook.active and event.name not in APP_ONLY and _wants(hook.events, event.name):
                    self._send(hook, event, event.payload, None)
        for installation in self._installations(event):
            hook, app = installation.app.hook, installation.app
            asked = event.name in app.events and may_hear(installation.permissions, event.name)
            if hook.active and (event.name in APP_ALWAYS or asked):
                lite = {"id": installation.id, "node_id": f"MDIzOklu{installation.id}"}
                payload = {"installation": lite} | event.payload
                self._send(hook, event, payload, installation)

    def _ping(self, event: Event) -> None:
        """An App that was just registered hears so, if it has a hook."""
        hook = next(app.hook for app in self._hub.apps.values() if app.hook.id == event.payload["hook_id"])
        if hook.active:
            self._send(hook, event, event.payload, None)

    def _installations(self, event: Event) -> list[Installation]:
        if event.repo is not None:
            return self._hub.app_registry.covering(event.repo)
        wanted = event.payload.get("installation", {}).get("id")
        installed = (one for app in self._hub.apps.values() for one in app.installations)
        return [one for one in installed if one.id == wanted]

    def _send(self, hook: Hook, event: Event, payload: Json, installation: Installation | None) -> None:
        delivery = Delivery(
            self._hub.new_id(),
            str(uuid.uuid4()),
            hook,
            event.name,
            event.action,
            json.dumps(payload).encode(),
            {},
            self._hub.now(),
            installation_id=installation.id if installation else None,
            repository_id=event.repo.id if event.repo else None,
        )
        delivery.headers = _headers(hook, delivery, event.repo)
        if self.lose_share and self.dice.random() < self.lose_share:
            return
        self.deliveries.append(delivery)
        self._queue(delivery)

    # ------------------------------------------------------------------------------- what REST asks

    def of(self, hook: Hook) -> list[Delivery]:
        """Its deliveries that were tried in the last three days, newest first."""
        since = self._hub.now() - KEPT
        found = (delivery for delivery in reversed(self.deliveries) if delivery.hook is hook and delivery.tried)
        return [delivery for delivery in found if delivery.delivered_at >= since]

    def get(self, hook: Hook, delivery_id: int) -> Delivery:
        """One of them. Raises `Refused` 404."""
        found = next((delivery for delivery in self.of(hook) if delivery.id == delivery_id), None)
        if found is None:
            raise not_found()
        return found

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Send the same body again: a new delivery with the old GUID."""
        with self._hub.lock:
            again = Delivery(
                self._hub.new_id(),
                delivery.guid,
                delivery.hook,
                delivery.event,
                delivery.action,
                delivery.body,
                delivery.headers,
                self._hub.now(),
                redelivery=True,
                installation_id=delivery.installation_id,
                repository_id=delivery.repository_id,
            )
            self.deliveries.append(again)
            self._queue(again)
            return again


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _wants(events: tuple[str, ...], name: str) -> bool:
    return name in events or ("*" in events and name not in NEVER)


def _headers(hook: Hook, delivery: Delivery, repo: Repo | None) -> dict[str, str]:
    kind, target = ("integration", hook.app_id) if hook.app_id else ("repository", repo.id if repo else 0)
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(target),
        "X-GitHub-Hook-Installation-Target-Type": kind,
    }
    return headers | ({"X-Hub-Signature-256": sign(hook.secret, delivery.body)} if hook.secret else {})
