"""Time that passes only when a rule (or somebody's patience) says so."""

from datetime import UTC, datetime, timedelta

from tests.stories.server_town import TownClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class HandClock(TownClock):
    """Everybody's: GitHub's, the server's, the jobs'."""

    def __call__(self) -> datetime:
        return NOON + self.shift + self._moved

    def monotonic(self) -> float:
        """For whoever measures."""
        return self.shift.total_seconds()

    def go_on(self, seconds: float) -> None:
        """So much time goes by; also how everybody sleeps."""
        self.shift += timedelta(seconds=seconds)
