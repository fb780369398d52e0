"""One installation's runs, shared by its repositories: none is kept out, and no place stays empty."""

from dataclasses import replace

from bot.github.ports import Place
from bot.server.ports import Lane, LaneKind, Share, Work
from bot.server.store import SqlStore
from tests.server.store.stage import ACME, FARM, MILL, NOW, SHOP, Town, after, intent


def room(store: SqlStore, lane: Lane, most: int = 4) -> int:
    return store.share(lane.id, most=most).room


def fill(store: SqlStore, work: Work, issues: range, most: int = 4) -> None:
    for issue in issues:
        assert store.intend(work, intent(issue, lane=work.lane), most=most)


def test_a_repository_alone_may_have_all_of_it(town: Town) -> None:
    store = town.settle()
    assert store.share(SHOP.id, most=4) == Share(4)
    fill(store, town.taken(SHOP), range(3))

    assert room(store, SHOP) == room(store, MILL) == 1
    assert room(store, SHOP, most=2) == 0


def test_who_starves_is_known_until_it_is_taken_back(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)

    assert store.starve(work, NOW)
    assert town.reopened().share(SHOP.id, most=4) == Share(4, starving=True)
    assert town.store.starve(work, None)
    assert town.store.share(SHOP.id, most=4) == Share(4)


def test_who_lost_the_lane_notes_nothing(town: Town) -> None:
    store = town.settle()
    late = town.taken(SHOP)
    town.taken(SHOP, after(3600))

    assert not store.starve(late, NOW)
    assert store.share(SHOP.id, most=4) == Share(4)


def test_the_free_place_is_kept_for_who_starves(town: Town) -> None:
    """The shop with many issues, which is asked first, does not get it."""
    store = town.settle()
    shop, mill = town.taken(SHOP), town.taken(MILL)
    fill(store, shop, range(4))
    store.starve(mill, NOW)
    store.starve(shop, after(-3600))
    store.release(shop, "0-L000-1", verdict="done", usd=0)

    assert room(store, SHOP) == 0
    assert not store.intend(shop, intent(9), most=4)
    assert store.intend(mill, intent(9, lane=MILL), most=4)


def test_of_two_with_as_many_runs_the_one_that_has_starved_longer_is_next(town: Town) -> None:
    store = town.settle()
    shop, mill, farm = (town.taken(lane) for lane in (SHOP, MILL, FARM))
    store.starve(shop, after(2))
    store.starve(mill, after(1))

    assert (room(store, SHOP, 1), room(store, MILL, 1), room(store, FARM, 1)) == (0, 1, 0)
    store.starve(mill, None)
    assert (room(store, SHOP, 1), room(store, MILL, 1), room(store, FARM, 1)) == (1, 0, 0)
    store.starve(shop, None)
    store.starve(farm, None)
    assert (room(store, SHOP, 1), room(store, MILL, 1), room(store, FARM, 1)) == (1, 1, 1)


def test_who_got_a_place_waits_anew(town: Town) -> None:
    """So two that starve for ever take turns."""
    store = town.settle()
    works = {lane: town.taken(lane) for lane in (SHOP, MILL)}
    store.starve(works[SHOP], after(-7))
    store.starve(works[MILL], after(-6))
    served = []
    for issue in range(6):
        (lane,) = (lane for lane in works if room(store, lane, 1))
        at = after(issue)
        assert store.intend(works[lane], replace(intent(issue, lane=lane), at=at), most=1)
        store.release(works[lane], f"{issue}-L{issue}00-1", verdict="done", usd=0)
        served.append(lane)

    assert served == [SHOP, MILL] * 3


def test_one_place_is_kept_for_each_who_starves_and_the_rest_is_free(town: Town) -> None:
    store = town.settle()
    store.starve(town.taken(MILL), NOW)
    store.starve(town.taken(FARM), NOW)

    assert room(store, SHOP) == 2
    fill(store, town.taken(SHOP), range(2))
    assert (room(store, SHOP), room(store, MILL), room(store, FARM)) == (0, 1, 1)


def test_nothing_is_kept_for_who_has_more_runs_already(town: Town) -> None:
    store = town.settle()
    shop = town.taken(SHOP)
    fill(store, shop, range(3))
    store.starve(shop, after(-3600))

    assert room(store, MILL) == 1
    assert store.intend(town.taken(MILL), intent(9, lane=MILL), most=4)


def test_nothing_is_kept_for_a_lane_that_fails(town: Town) -> None:
    """It could not take its place, and nobody else would get it."""
    store = town.settle()
    mill = town.taken(MILL)
    store.starve(mill, NOW)
    assert room(store, SHOP, 1) == 0
    store.fail(mill, error="502", due=after(300))

    assert room(store, SHOP, 1) == 1


def test_nothing_is_kept_for_who_is_no_longer_there_or_elsewhere(town: Town) -> None:
    store = town.settle()
    store.starve(town.taken(MILL), NOW)
    store.put_installation(8, "other", [Place(204, "other/yard", 8)])
    yard = Lane(LaneKind.REPOSITORY, 204)
    assert (room(store, SHOP, 1), room(store, yard, 1)) == (0, 1)
    store.put_installation(ACME, "acme", [], gone={MILL.id})

    assert room(store, SHOP, 1) == 1
    assert store.share(MILL.id, most=4) == Share()
    assert store.share(999, most=4) == Share()


def test_who_starves_is_fed(town: Town) -> None:
    store = town.settle()
    for lane in (SHOP, MILL):
        work = town.taken(lane)
        store.starve(work, NOW)
        store.finish(work)
    assert store.take(NOW, lease=60) is None
    store.feed(8, NOW)
    assert store.take(NOW, lease=60) is None
    store.feed(ACME, NOW)

    due = [store.take(NOW, lease=60) for _ in range(3)]
    assert {work.lane for work in due if work} == {SHOP, MILL}
