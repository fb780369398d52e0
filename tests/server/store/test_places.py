"""Installations and repositories: what is reached, what is no longer."""

from bot.github.ports import Place
from bot.server.ports import Counts
from tests.server.store.stage import ACME, FARM, MILL, NOW, PLACES, SHOP, Town, after, delivery, intent


def test_what_an_installation_reaches_is_due_at_once(town: Town) -> None:
    town.store.put_installation(ACME, "acme", PLACES)
    taken = {work.lane for _ in PLACES if (work := town.store.take(NOW, lease=60))}

    assert taken == {SHOP, MILL, FARM}
    assert town.store.installations() == (ACME,)
    assert town.store.places() == PLACES
    assert town.store.place(SHOP.id) == PLACES[0]
    assert town.store.place(999) is None


def test_reading_the_same_again_makes_nothing_due(town: Town) -> None:
    store = town.settle()
    store.put_installation(ACME, "acme", PLACES)

    assert store.next_due() is None


def test_what_is_new_is_due_and_what_is_gone_is_left(town: Town) -> None:
    store = town.settle()
    work = town.taken(FARM)
    store.intend(work, intent(5, lane=FARM), most=10)
    store.put_installation(ACME, "acme-inc", [*PLACES[:2], Place(104, "acme/yard", ACME)], gone={FARM.id})
    taken = store.take(NOW, lease=60)

    assert taken is not None
    assert taken.lane.id == 104
    assert store.take(after(3600), lease=60) is not None
    assert store.place(FARM.id) is None
    assert not store.extend(work, after(60))
    assert len(store.claims(FARM.id)) == 1
    assert store.share(SHOP.id, most=10).room == 10
    assert town.rows("SELECT account FROM installation") == [("acme-inc",)]


def test_what_is_absent_from_a_list_is_not_gone(town: Town) -> None:
    store = town.settle()
    store.put_installation(ACME, "acme", PLACES[:1])

    assert store.places() == PLACES


def test_a_repository_that_comes_back_finds_its_runs(town: Town) -> None:
    store = town.settle()
    work = town.taken(FARM)
    store.intend(work, intent(5, lane=FARM), most=10)
    store.put_installation(ACME, "acme", PLACES[:2], gone={FARM.id})
    store.put_installation(ACME, "acme", PLACES)
    again = store.take(NOW, lease=60)

    assert again is not None
    assert again.lane == FARM
    assert again.fence > work.fence
    assert store.share(SHOP.id, most=10).room == 9


def test_a_repository_that_moves_to_another_installation_goes_on(town: Town) -> None:
    store = town.settle()
    moved = Place(SHOP.id, "other/shop", 8)
    store.put_installation(8, "other", [moved])
    store.put_installation(ACME, "acme", PLACES[1:], gone={SHOP.id})

    assert store.place(SHOP.id) == moved
    store.drop_installation(ACME)
    assert store.places() == (moved,)


def test_a_removed_installation_keeps_its_runs_and_loses_its_work(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.put_installation(8, "other", [Place(200, "other/home", 8)])
    store.receive(delivery(MILL, 3)).result()
    store.intend(work, intent(5), most=10)
    store.drop_installation(ACME)

    assert store.installations() == (8,)
    assert [place.repository_id for place in store.places()] == [200]
    assert store.claims(SHOP.id) == (intent(5),)
    assert store.counts(NOW).runs_active == 0
    assert not store.sending(work, "5-L500-1", NOW)
    store.finish(work, due=NOW)
    store.repositories_due(after(1))
    assert {lane.lane.id for _ in range(4) if (lane := store.take(after(7200), lease=60))} <= {200}


def test_a_lane_that_is_no_longer_reached_is_not_served_whoever_makes_it_due(town: Town) -> None:
    store = town.settle()
    store.drop_installation(ACME)
    store.make_due([SHOP], NOW)

    assert store.take(NOW, lease=60) is None
    assert store.next_due() is None
    assert store.counts(NOW).lanes_due == 0


def test_dropping_what_is_unknown_is_no_error(town: Town) -> None:
    town.store.drop_installation(12345)

    assert town.store.installations() == ()


def test_an_installation_without_repositories_is_one(town: Town) -> None:
    town.store.put_installation(ACME, "acme", [])

    assert town.store.installations() == (ACME,)
    assert town.store.places() == ()


def test_everything_is_counted(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5), most=10)
    store.receive(delivery(MILL, 3, at=after(10))).result()
    store.receive(delivery(FARM, 3, at=after(20))).result()
    store.rest(8, after(100))

    assert store.counts(after(40)) == Counts(
        lanes_due=2,
        oldest_due_seconds=30.0,
        repositories=3,
        installations=1,
        runs_active=1,
        deliveries=2,
        resting=1,
    )


def test_small_facts_are_remembered(town: Town) -> None:
    assert town.store.recall("swept") == ""
    town.store.remember("swept", "then")
    town.store.remember("swept", "now")
    town.store.ping()

    assert town.reopened().recall("swept") == "now"
