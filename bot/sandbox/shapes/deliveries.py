"""JSON of webhook deliveries."""

import json

from bot.sandbox.records import Json
from bot.sandbox.shapes.accounts import stamp
from bot.sandbox.webhooks import Delivery


def delivery(record: Delivery) -> Json:
    """A delivery in a list."""
    return {
        "id": record.id,
        "guid": record.guid,
        "delivered_at": stamp(record.delivered_at),
        "redelivery": record.redelivery,
        "duration": round(record.seconds, 3),
        "status": record.status,
        "status_code": record.status_code,
        "event": record.event,
        "action": record.action or None,
        "installation_id": record.installation_id,
        "repository_id": record.repository_id,
        "throttled_at": None,
    }


def delivery_full(record: Delivery) -> Json:
    """A delivery with what was sent and answered."""
    return delivery(record) | {
        "url": record.hook.url,
        "request": {"headers": record.headers, "payload": json.loads(record.body)},
        "response": {"headers": {}, "payload": record.response},
    }
