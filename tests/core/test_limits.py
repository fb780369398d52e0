"""Caps, to the last run and cent."""

from datetime import UTC, datetime

import pytest

from bot.core.limits import Cap, Usage, cap_reached, hold_reason, usage
from bot.core.model import Host
from bot.core.settings import Limits

LIMITS = Limits(concurrent=2, runs_per_day=5, usd_per_day=10.0)


@pytest.mark.parametrize(
    ("used", "cap"),
    [
        (Usage(1, 4, 5.0), None),
        (Usage(2, 4, 5.0), Cap.CONCURRENT),
        (Usage(1, 5, 5.0), Cap.RUNS),
        (Usage(1, 4, 5.01), Cap.USD),
        (Usage(0, 0, 0.0, complete=False), Cap.UNREAD),
    ],
)
def test_a_run_of_five_dollars_starts_as_long_as_there_is_room(used: Usage, cap: Cap | None) -> None:
    """The last place, the last run of the day and the last cent may be used; what can't be read is used up."""
    assert cap_reached(used, LIMITS, 5.0) is cap
    assert bool(hold_reason(used, LIMITS, 5.0)) is (cap is not None)


@pytest.mark.parametrize(("places", "words"), [(1, "1 run at a time"), (2, "2 runs at a time")])
def test_the_servers_own_cap_is_said(places: int, words: str) -> None:
    """After the repository's own, which its people can raise."""
    host = Host(concurrent=places, here=1)

    assert cap_reached(Usage(0, 0, 0.0), LIMITS, 5.0, host) is None
    assert cap_reached(Usage(1, 0, 0.0), LIMITS, 5.0, host) is Cap.HOST
    assert words in hold_reason(Usage(1, 0, 0.0), LIMITS, 5.0, host)


def test_one_more_run_counts_everywhere() -> None:
    """As one at work, one of the day, and its money."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert usage((), (), now, complete=True) == Usage(0, 0, 0.0)
    assert Usage(1, 2, 3.0).with_one_more(4.5) == Usage(2, 3, 7.5)
