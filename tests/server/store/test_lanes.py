"""The queue: who is served next, by whom, and that nobody's news is lost."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bot.server.ports import Lane, LaneKind, Work
from bot.server.store import SqlStore
from tests.server.store.stage import ACME, FARM, MILL, NOW, SHOP, Town, after, delivery, intent, news

TIMER = Lane(LaneKind.TIMER, 1)


def order(store: SqlStore, times: int, *, start: int = 0) -> list[Lane]:
    """Who is served, everybody being due again at once."""
    served = []
    for second in range(start, start + times):
        work = store.take(after(second), lease=60)
        assert work is not None
        served.append(work.lane)
        store.finish(work, due=after(second))
    return served


def test_nothing_is_due_in_an_empty_store(town: Town) -> None:
    assert town.store.take(NOW, lease=60) is None
    assert town.store.next_due() is None


def test_a_lane_is_taken_when_it_is_due_and_not_before(town: Town) -> None:
    town.store.make_due([TIMER], after(10))

    assert town.store.next_due() == after(10)
    assert town.store.take(after(9.999), lease=60) is None
    assert town.store.take(after(10), lease=60) == Work(TIMER, 1, after(70), last_mark=1)


def test_a_lane_that_is_due_earlier_stays_so(town: Town) -> None:
    town.store.make_due([TIMER], after(10))
    town.store.make_due([TIMER], after(20))

    assert town.store.next_due() == after(10)


def test_the_lane_that_was_served_longest_ago_comes_first(town: Town) -> None:
    """However much the others have to do."""
    store = town.settle()
    store.make_due([SHOP, MILL, FARM], NOW)

    assert order(store, 6) == [SHOP, MILL, FARM] * 2


def test_a_busy_repository_does_not_keep_a_quiet_one_waiting(town: Town) -> None:
    store = town.settle()
    for issue in range(1, 51):
        store.receive(delivery(SHOP, issue))
    store.receive(delivery(MILL, 1, at=after(1))).result()

    assert order(store, 3)[:2] == [SHOP, MILL]


def test_a_lane_under_a_lease_is_nobody_elses(town: Town) -> None:
    town.settle()
    town.taken(SHOP)
    town.store.receive(delivery(SHOP)).result()

    assert town.store.take(after(59), lease=60) is None
    assert town.store.next_due() == after(60)


def test_a_lease_that_ran_out_is_taken_over_and_the_first_owner_is_fenced_off(town: Town) -> None:
    town.settle()
    first = town.taken(SHOP)
    second = town.store.take(after(60), lease=60)

    assert second is not None
    assert (second.lane, second.fence, second.attempts) == (SHOP, first.fence + 1, 1)
    assert not town.store.extend(first, after(600))
    assert not town.store.intend(first, intent(5), most=10)
    town.store.finish(first)
    town.store.fail(first, error="late", due=after(1))
    assert town.store.take(after(61), lease=60) is None
    assert town.store.intend(second, intent(5), most=10)


def test_a_lease_can_be_extended(town: Town) -> None:
    town.settle()
    work = town.taken(SHOP)

    assert town.store.extend(work, after(600))
    assert town.store.take(after(599), lease=60) is None
    assert town.store.take(after(600), lease=60) is not None


def test_finished_work_writes_no_more(town: Town) -> None:
    town.settle()
    work = town.taken(SHOP)
    town.store.finish(work)

    assert not town.store.extend(work, after(600))
    assert not town.store.intend(work, intent(5), most=10)
    assert town.store.claims(SHOP.id) == ()


def test_work_knows_the_issues_that_deliveries_named(town: Town) -> None:
    store = town.settle()
    for issue in (3, 5, 3):
        store.receive(delivery(SHOP, issue)).result()
    work = store.take(NOW, lease=60)

    assert work is not None
    assert work.marks == {3, 5}
    assert not work.news_only


def test_a_mark_that_comes_during_work_survives_it(town: Town) -> None:
    """Also one of an issue that this work had already."""
    store = town.settle()
    store.receive(delivery(SHOP, 3)).result()
    store.receive(delivery(SHOP, 4)).result()
    work = store.take(NOW, lease=60)
    assert work is not None
    store.receive(delivery(SHOP, 4, at=after(1))).result()
    store.finish(work, due=after(600))
    again = store.take(after(1), lease=60)

    assert again is not None
    assert again.marks == {4}


def test_being_made_due_during_work_survives_it(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.repositories_due(after(1))
    store.finish(work)

    assert set(order(store, 3, start=1)) == {SHOP, MILL, FARM}


def test_finished_work_is_due_when_it_said_or_when_somebody_asks(town: Town) -> None:
    store = town.settle()
    store.finish(town.taken(SHOP), due=after(30))
    assert store.next_due() == after(30)
    store.finish(town.taken(SHOP))
    assert store.next_due() is None


def test_failed_work_keeps_its_marks_waits_and_is_counted(town: Town) -> None:
    """News that came during the work does not cut the wait short, news that comes later does."""
    store = town.settle()
    store.receive(delivery(SHOP, 3)).result()
    for attempts in range(3):
        work = store.take(after(attempts * 10), lease=60)
        assert work is not None
        assert (set(work.marks), work.attempts) == ({3}, attempts)
        store.receive(delivery(SHOP, 3)).result()
        store.fail(work, error="GitHub said 502\0\ud800" * 100, due=after(attempts * 10 + 10))
        assert store.take(after(attempts * 10 + 9), lease=60) is None
    assert store.counts(after(29)).lanes_failing == 1
    store.receive(delivery(SHOP, 4, at=after(25))).result()
    work = store.take(after(25), lease=60)

    assert work is not None
    store.finish(work)
    assert store.counts(after(29)).lanes_failing == 0
    assert town.taken(SHOP, after(30)).attempts == 0


def test_a_worker_that_dies_has_failed(town: Town) -> None:
    """A lane that kills whoever works on it must be seen."""
    town.settle()
    town.store.make_due([SHOP], NOW)
    attempts = []
    for death in range(3):
        work = town.store.take(after(death * 60), lease=60)
        assert work is not None
        attempts.append(work.attempts)

    assert attempts == [0, 1, 2]


def test_news_of_a_run_of_ours_is_known_as_such(town: Town) -> None:
    store = town.settle()
    asked = town.taken(SHOP)
    store.intend(asked, intent(5, "5-L9-1"), most=10)
    store.finish(asked)
    store.receive(news(77, "in_progress", key="5-L9-1")).result()
    work = store.take(NOW, lease=60)
    assert work is not None
    assert (work.news_only, set(work.marks)) == (True, {5})
    store.finish(work)
    store.receive(news(77, "completed", key="5-L9-1")).result()
    store.receive(news(78, "completed")).result()
    work = store.take(NOW, lease=60)

    assert work is not None
    assert (work.news_only, set(work.marks)) == (False, {0, 5})


def test_work_that_nobody_asked_for_is_not_mere_news(town: Town) -> None:
    """A timer made it due."""
    assert not town.taken(TIMER).news_only


def test_lanes_of_an_installation_that_rests_are_not_due(town: Town) -> None:
    store = town.settle()
    store.make_due([SHOP, Lane(LaneKind.INSTALLATION, ACME)], NOW)
    store.make_due([TIMER], after(50))
    store.rest(ACME, after(100))
    timer = store.take(after(99), lease=60)

    assert timer is not None
    assert timer.lane == TIMER
    assert store.counts(after(99)).lanes_due == 0
    store.finish(timer)
    assert store.next_due() == after(100)
    assert {lane.kind for lane in order(store, 2, start=100)} == {LaneKind.REPOSITORY, LaneKind.INSTALLATION}


def test_reconciling_makes_living_repositories_due_and_only_those(town: Town) -> None:
    store = town.settle()
    store.put_installation(8, "old", [])
    store.make_due([MILL], after(5))
    store.repositories_due(after(10))

    assert store.next_due() == after(5)
    assert store.counts(after(10)).lanes_due == 3
    assert store.counts(after(9)).lanes_due == 1


def test_reconciling_leaves_a_failing_lane_its_own_time(town: Town) -> None:
    """Else each look at everything would be a try of every one that fails; a lane under work is none of those."""
    store = town.settle()
    store.fail(town.taken(SHOP), error="GitHub said 403", due=after(300))
    worked_on = town.taken(MILL)
    store.repositories_due(after(10))
    assert SHOP not in order(store, 3, start=10)

    store.finish(worked_on)
    assert order(store, 1, start=11) == [MILL]
    assert order(store, 1, start=300) == [SHOP]


def test_a_restart_forgets_nothing(town: Town) -> None:
    """One process (SQLite): those who held leases are dead, so their work is due again at once."""
    town.settle()
    town.store.receive(delivery(SHOP, 3)).result()
    work = town.store.take(NOW, lease=60)
    assert work is not None
    store = town.reopened()
    again = store.take(NOW if town.is_sqlite else after(60), lease=60)

    assert again is not None
    assert (set(again.marks), again.attempts) == ({3}, 1)
    assert not store.extend(work, after(600))


def test_many_workers_never_share_a_lane_and_serve_every_mark(town: Town) -> None:
    """8 threads, each fence taken by exactly one, while deliveries keep coming."""
    store = town.settle()
    lanes = [SHOP, MILL, FARM]
    owners: Counter[Lane] = Counter()
    served: list[tuple[Lane, int]] = []
    fences: list[tuple[Lane, int]] = []
    shared: list[Lane] = []
    guard, received = threading.Lock(), threading.Event()

    def serve() -> None:
        while True:
            over = received.is_set()
            work = store.take(NOW, lease=600)
            if work is None:
                if over and store.counts(NOW).lanes_due == 0:
                    return
                continue
            with guard:
                owners[work.lane] += 1
                shared.extend([work.lane] if owners[work.lane] > 1 else [])
                fences.append((work.lane, work.fence))
                served.extend((work.lane, issue) for issue in work.marks)
            with guard:
                owners[work.lane] -= 1
            store.finish(work)

    with ThreadPoolExecutor(8) as pool:
        working = [pool.submit(serve) for _ in range(8)]
        stored = [store.receive(delivery(lanes[issue % 3], issue)) for issue in range(1, 301)]
        assert all(future.result() for future in stored)
        received.set()
        for each in working:
            each.result()

    assert shared == []
    assert len(set(fences)) == len(fences)
    assert {issue for _, issue in served} == set(range(1, 301))
    assert town.rows("SELECT count(*) FROM mark") == [(0,)]
