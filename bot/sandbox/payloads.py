"""Webhook payloads (next commit: complete)."""

from typing import TYPE_CHECKING, Any

from bot.sandbox.records import Json, Repo

if TYPE_CHECKING:
    from bot.sandbox.state import Hub
    from bot.sandbox.tokens import Token


def event_payload(hub: "Hub", name: str, action: str, repo: Repo | None, by: "Token", parts: dict[str, Any]) -> Json:
    """The payload of one event."""
    return {"action": action, "sender": {"login": by.user.login, "id": by.user.id, "type": by.user.type}}
