"""What the page asks of the store."""

from dataclasses import replace
from datetime import timedelta

from tests.server.store.stage import MILL, NOW, SHOP, Town, after, delivery, intent


def test_runs_are_told_newest_first_with_their_verdicts(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    for number, key in enumerate(("5-L9-1", "6-L9-1", "7-L9-1")):
        assert store.intend(work, replace(intent(5 + number, key), at=after(number)), most=10)
    store.release(work, "5-L9-1", verdict="done", usd=0.25)

    found = store.past_runs(SHOP.id, most=10)

    assert [(each.run.run_key, each.released, each.verdict) for each in found] == [
        ("7-L9-1", False, ""),
        ("6-L9-1", False, ""),
        ("5-L9-1", True, "done"),
    ]
    assert found[2].run.usd == 0.25
    assert [each.run.run_key for each in store.past_runs(SHOP.id, most=1)] == ["7-L9-1"]
    assert store.past_runs(MILL.id, most=10) == ()


def test_the_last_delivery_and_those_that_never_came(town: Town) -> None:
    store = town.settle()
    assert store.last_delivery() is None
    for guid, seconds in (("one", 60), ("zero", 0)):
        assert store.receive(delivery(guid=guid, at=after(seconds))).result(30)

    assert store.last_delivery() == after(60)
    for guid in ("one", "two", "three"):
        store.count_redelivery(guid, NOW)
    assert store.undelivered(NOW) == 2
    assert store.undelivered(NOW + timedelta(seconds=1)) == 0
