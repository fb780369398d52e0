"""The server's store: an inbox, a queue, a cache and a ledger in one database; losing it loses time, not work."""

from bot.server.store.opening import open_store
from bot.server.store.sql import SqlStore

__all__ = ["SqlStore", "open_store"]
