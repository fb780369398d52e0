"""The task sources."""

from tests.trackers.conftest import serve, stage

__all__ = ["serve", "stage"]
