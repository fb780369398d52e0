"""One HTTP server for what is served here."""

from tests.trackers.conftest import serve

__all__ = ["serve"]
