"""Webhooks: signed deliveries in the background, recorded, with redelivery under the same GUID."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


class Webhooks:
    """Deliveries (next commit)."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
