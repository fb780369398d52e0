"""Webhooks: signed deliveries in the background, recorded, with redelivery under the same GUID.

One worker thread posts in order, as long as `start()` … `stop()`; before that deliveries wait in the queue.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hashlib
import hmac
import json
import queue
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import httpx

from bot.sandbox.errors import not_found
from bot.sandbox.records import Event, Hook, Installation, Json, Repo

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

ANSWER_SECONDS = 10.0
"""GitHub hangs up after that and counts the delivery as failed."""
APP_ALWAYS = frozenset({"installation", "installation_repositories"})
"""Events that every App gets without asking."""
APP_ONLY = frozenset({"issue_dependencies", "sub_issues", "installation", "installation_repositories"})
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
    """What the receiver answered; 0: not delivered (yet)."""
    status: str = "pending"
    """`OK`, or what went wrong; `dropped` where a fault swallowed it."""
    seconds: float = 0.0
    response: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was answered with 2xx."""
        return 200 <= self.status_code < 300


class Webhooks:
    """Every hook's deliveries, oldest first in `deliveries`."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.deliveries: list[Delivery] = []
        self.drop_share = 0.0
        """The share of deliveries that get lost on the way (1.0: all); they are recorded as failed."""
        self.dice = random.Random(7)  # noqa: S311 - decides which deliveries a test loses
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._worker: threading.Thread | None = None
        hub.subscribe(self._on_event)

    # ------------------------------------------------------------------------------------ the worker

    def start(self) -> None:
        """Begin to deliver."""
        self._worker = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Deliver what is queued, then end."""
        if self._worker is not None:
            self._queue.put(None)
            self._worker.join(timeout=ANSWER_SECONDS + 5)
            self._worker = None

    def flush(self) -> None:
        """Wait until every queued delivery was tried (the worker must run)."""
        self._queue.join()

    def _work(self) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            while (delivery := self._queue.get()) is not None:
                self._post(client, delivery)
                self._queue.task_done()
            self._queue.task_done()

    def _post(self, client: httpx.Client, delivery: Delivery) -> None:
        if self.drop_share and self.dice.random() < self.drop_share:
            delivery.status = "dropped"
            return
        started = time.monotonic()
        try:
            answer = client.post(delivery.hook.url, content=delivery.body, headers=delivery.headers)
            delivery.status_code, delivery.response = answer.status_code, answer.text
            delivery.status = "OK" if delivery.ok else f"Invalid HTTP Response: {answer.status_code}"
        except httpx.TimeoutException:
            delivery.status = "timed out"
        except httpx.HTTPError:
            delivery.status = "failed to connect to host"
        delivery.seconds = time.monotonic() - started

    # --------------------------------------------------------------------------------- what is sent

    def _on_event(self, event: Event) -> None:
        if event.repo is not None:
            for hook in event.repo.hooks:
                if hook.active and event.name not in APP_ONLY and _wants(hook.events, event.name):
                    self._send(hook, event, event.payload, None)
        for installation in self._installations(event):
            hook, app = installation.app.hook, installation.app
            if hook.active and (event.name in APP_ALWAYS or event.name in app.events):
                lite = {"id": installation.id, "node_id": f"MDIzOklu{installation.id}"}
                payload = {"installation": lite} | event.payload
                self._send(hook, event, payload, installation)

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
        self.deliveries.append(delivery)
        self._queue.put(delivery)

    # ------------------------------------------------------------------------------- what REST asks

    def of(self, hook: Hook) -> list[Delivery]:
        """Its deliveries, newest first."""
        return [delivery for delivery in reversed(self.deliveries) if delivery.hook is hook]

    def get(self, hook: Hook, delivery_id: int) -> Delivery:
        """One of them. Raises `Refused` 404."""
        for delivery in self.deliveries:
            if delivery.id == delivery_id and delivery.hook is hook:
                return delivery
        raise not_found()

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
            self._queue.put(again)
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
