"""The servers of the task sources."""

from tests.trackers.conftest import serve

__all__ = ["serve"]
