"""The server's clock: what machines' clocks do is nothing to it, what GitHub says is."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.github.steady import SteadyClock

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Machine:
    """Its clock can be set; what it has been running can't."""

    def __init__(self, off: float = 0.0) -> None:
        self.wall = NOW + timedelta(seconds=off)
        self.ran = 500.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.ran)

    def hear(self, said: datetime, *, took: float = 0.0) -> None:
        """An answer that was made when it was `said` by GitHub, and is here `took` seconds after the question."""
        self.ran += took
        self.clock.heard(format_datetime(said, usegmt=True), took)


def test_a_clock_that_is_set_changes_nothing() -> None:
    machine = Machine()
    machine.wall -= timedelta(hours=3)
    machine.ran += 60.0

    assert machine.clock() == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("off", [-86_400.0, -10.0, 10.0, 86_400.0])
def test_githubs_answer_puts_it_right(off: float) -> None:
    machine = Machine(off)
    machine.hear(NOW)

    assert abs(machine.clock() - NOW) <= timedelta(seconds=1)


@pytest.mark.parametrize("took", [0.0, 0.9, 30.0])
def test_an_answer_that_was_long_on_its_way_moves_nothing(took: float) -> None:
    """Nor do fractions of a second, which `Date` has not."""
    machine = Machine()
    machine.hear(NOW, took=took)
    assert machine.clock() == NOW + timedelta(seconds=took)

    other = Machine(0.9)
    other.hear(NOW)
    assert other.clock() == NOW + timedelta(seconds=0.9)


def test_two_answers_at_a_time_put_it_right_once() -> None:
    """Both questions were asked before the first answer moved the clock."""
    machine = Machine(10_800.0)
    machine.ran += 2.0
    for _ in range(2):
        machine.clock.heard(format_datetime(NOW, usegmt=True), 2.0)

    assert abs(machine.clock() - NOW) <= timedelta(seconds=3)


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 21 Nov 2026 05:00:00 -0000"])
def test_what_is_no_date_is_passed_over(date: str) -> None:
    machine = Machine()
    machine.clock.heard(date, 0.0)

    assert machine.clock() == NOW
