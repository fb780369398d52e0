"""GitHub's limits: turns a second apart, an hour's most, and rests that every worker keeps."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.server.store.pace import Rate, hour_allows, minute_of
from tests.server.store.stage import ACME, NOW, Town, after


def test_the_first_turn_is_at_once_and_the_next_a_second_later(town: Town) -> None:
    turns = [town.store.turn(ACME, 1, NOW) for _ in range(4)]

    assert turns == [0.0, 1.0, 2.0, 3.0]


def test_a_turn_of_several_pieces_takes_as_many_seconds(town: Town) -> None:
    assert [town.store.turn(ACME, creates, NOW) for creates in (3, 1, 2, 1)] == [0.0, 3.0, 4.0, 6.0]


def test_turns_that_nobody_took_are_not_saved_up(town: Town) -> None:
    town.store.turn(ACME, 1, NOW)

    assert [town.store.turn(ACME, 1, after(100)) for _ in range(2)] == [0.0, 1.0]


def test_a_turn_that_comes_in_time_does_not_wait(town: Town) -> None:
    town.store.turn(ACME, 1, NOW)

    assert town.store.turn(ACME, 1, after(0.75)) == 0.25


def test_each_installation_has_its_own_turns(town: Town) -> None:
    town.store.turn(ACME, 1, NOW)

    assert town.store.turn(8, 1, NOW) == 0.0


def test_a_burst_comes_together_and_is_paid_for_after(town: Town) -> None:
    town.store.close()
    town.store = town.open(rate=Rate(per_second=2.0, burst=3))

    assert [town.store.turn(ACME, 1, NOW) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 1.0]


def test_turns_outlive_a_restart(town: Town) -> None:
    town.store.turn(ACME, 5, NOW)

    assert town.reopened().turn(ACME, 1, NOW) == 5.0


def test_an_hour_has_a_most(town: Town) -> None:
    """At one piece a second the 500 are gone after 500 s; the next comes when the first minute's are an hour old."""
    waits = [town.store.turn(ACME, 10, after(10 * turn)) for turn in range(50)]
    late = town.store.turn(ACME, 1, after(500))

    assert waits == [0.0] * 50
    assert late == 61 * 60 - 500


def test_a_rest_holds_every_worker_and_is_never_shortened(town: Town) -> None:
    store = town.store
    assert store.resting(ACME, NOW) == 0.0
    store.rest(ACME, after(37))
    store.rest(ACME, after(20))

    assert town.reopened().resting(ACME, after(7)) == 30.0
    assert town.store.resting(ACME, after(37)) == 0.0
    assert town.store.resting(8, NOW) == 0.0
    town.store.rest(ACME, after(50))
    assert town.store.resting(ACME, after(37)) == 13.0


def test_nothing_is_created_during_a_rest(town: Town) -> None:
    town.store.rest(ACME, after(37))

    assert [town.store.turn(ACME, 1, after(7)) for _ in range(2)] == [30.0, 31.0]


@pytest.mark.parametrize(("creates", "minutes"), [(1, 0), (100, 0), (101, 61), (300, 61), (301, 71), (9999, 71)])
def test_the_hour_opens_when_what_is_old_enough_makes_room(creates: int, minutes: int) -> None:
    """200 pieces now and 200 ten minutes later, of 500."""
    rate, first = Rate(per_hour=500), minute_of(NOW)
    allowed = hour_allows({first: 200, first + 10: 200}, creates, after(0), rate)

    assert allowed - NOW == timedelta(minutes=minutes)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12)), max_size=120), st.integers(12, 60))
def test_no_hour_ever_has_more(asked: list[tuple[int, int]], most: int) -> None:
    """Whenever they are asked for: each turn at the moment it is given, none of any 60 minutes over the most."""
    rate, spent, given_at, now = Rate(per_hour=most), dict[int, int](), list[tuple[float, int]](), NOW
    for seconds, creates in asked:
        now = hour_allows(spent, creates, now + timedelta(seconds=seconds), rate)
        spent[minute_of(now)] = spent.get(minute_of(now), 0) + creates
        given_at.append((now.timestamp(), creates))

    for at, _ in given_at:
        assert sum(creates for when, creates in given_at if at - 3600 < when <= at) <= most
