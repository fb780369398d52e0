"""Deliveries: stored once, durable before they are acknowledged, each making the right lane due."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bot.github.ports import Place
from bot.server.ports import Lane, LaneKind, LedgerRun, RunStage
from tests.server.store.stage import ACME, MILL, NOW, PLACES, SHOP, Town, after, delivery, guid, intent, news

INSTALLATION = Lane(LaneKind.INSTALLATION, ACME)
STRANGE = Lane(LaneKind.REPOSITORY, 999)
KEY = "5-L9-1"


def due(town: Town) -> set[Lane]:
    """Lanes that are due now."""
    found = set()
    while (work := town.store.take(NOW, lease=60)) is not None:
        found.add(work.lane)
    return found


def ledgered(town: Town) -> None:
    """A run in the ledger, nothing due."""
    work = town.taken(SHOP)
    assert town.store.intend(work, intent(5, KEY), most=10)
    town.store.finish(work)


def run_after(town: Town, *deliveries: Any) -> LedgerRun:
    for each in deliveries:
        town.store.receive(each).result()
    return town.store.claims(SHOP.id)[0]


def test_a_delivery_is_stored_without_its_body_and_makes_its_repository_due(town: Town) -> None:
    store = town.settle()
    one = delivery(SHOP, 5)

    assert store.receive(one).result() is True
    assert town.rows("SELECT guid, event, action, repository_id, issue FROM delivery") == [
        (one.guid, "issues", "labeled", SHOP.id, 5)
    ]
    assert due(town) == {SHOP}


def test_a_delivery_that_waits_for_more_of_the_same_is_served_with_it(town: Town) -> None:
    """A merged pull request, and then the issue that it closes: one look, and none later for the first."""
    store = town.settle()
    store.receive(replace(delivery(SHOP, 5), wait=2.0)).result()

    assert due(town) == set()
    store.receive(delivery(SHOP, 6)).result()
    work = store.take(NOW, lease=60)
    assert work is not None
    assert work.marks == {5, 6}
    store.finish(work)
    assert store.take(after(3), lease=60) is None

    store.receive(replace(delivery(SHOP, 7), wait=2.0)).result()
    assert store.take(after(1.9), lease=60) is None
    assert store.take(after(2), lease=60) is not None


def test_a_duplicate_is_not_stored_again_and_makes_nothing_due(town: Town) -> None:
    store = town.settle()
    one = delivery(SHOP, 5)
    store.receive(one).result()
    assert due(town) == {SHOP}

    assert store.receive(replace(one, repository_id=MILL.id)).result() is False
    assert due(town) == set()


def test_of_fifty_at_once_with_one_guid_exactly_one_is_new(town: Town) -> None:
    store = town.settle()
    one = delivery(SHOP, 5)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: store.receive(one).result(), range(50)))

    assert Counter(answers) == {True: 1, False: 49}
    assert town.rows("SELECT count(*) FROM delivery") == [(1,)]
    assert town.rows("SELECT issue, count(*) FROM mark GROUP BY issue") == [(5, 1)]


def test_of_many_in_one_commit_with_one_guid_exactly_one_is_new(town: Town) -> None:
    """They pile up while the first is being committed."""
    one, other = delivery(SHOP, 5), delivery(SHOP, 6)
    futures = [town.store.receive(each) for each in (other, *[one] * 50, other)]

    assert Counter(each.result() for each in futures) == {True: 2, False: 50}


def test_a_delivery_of_an_unknown_repository_is_its_installations_business(town: Town) -> None:
    town.settle()
    town.store.receive(delivery(STRANGE, 5)).result()

    assert due(town) == {INSTALLATION}


def test_a_delivery_of_an_installation_is_its_own_business(town: Town) -> None:
    town.store.receive(delivery(Lane(LaneKind.REPOSITORY, 0), event="installation", repository="")).result()

    assert due(town) == {INSTALLATION}


def test_a_delivery_of_nobody_is_stored_and_that_is_all(town: Town) -> None:
    nobody = delivery(Lane(LaneKind.REPOSITORY, 0), installation_id=0, repository="")

    assert town.store.receive(nobody).result() is True
    assert due(town) == set()


def test_a_delivery_of_no_interest_makes_nothing_due(town: Town) -> None:
    town.settle()

    assert town.store.receive(delivery(SHOP, 5, interesting=False)).result() is True
    assert due(town) == set()


def test_a_dropped_repository_is_not_worked_on(town: Town) -> None:
    town.settle()
    town.store.drop_installation(ACME)
    town.store.receive(delivery(SHOP, 5)).result()

    assert due(town) == set()
    assert town.rows("SELECT count(*) FROM mark") == [(0,)]
    assert town.rows("SELECT count(*) FROM delivery") == [(1,)]


def test_a_dropped_repository_that_another_installation_reaches_is_looked_for_there(town: Town) -> None:
    town.settle()
    town.store.drop_installation(ACME)
    town.store.receive(delivery(SHOP, 5, installation_id=8)).result()

    assert due(town) == {Lane(LaneKind.INSTALLATION, 8)}


def test_a_renamed_repository_is_followed_by_its_number(town: Town) -> None:
    store = town.settle()
    store.receive(delivery(SHOP, 5, repository="acme/store")).result()

    assert store.place(SHOP.id) == Place(SHOP.id, "acme/store", ACME)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_a_database_cannot_hold_is_refused_before_it_gets_there(town: Town, text: str) -> None:
    for bad in (delivery(guid=text), delivery(repository=text), delivery(action=text)):
        with pytest.raises(ValueError):
            town.store.receive(bad)
    with pytest.raises(ValueError):
        town.store.receive(delivery(issue=2**63))

    assert town.store.receive(delivery()).result() is True


def test_a_write_that_fails_does_not_fail_those_in_the_same_commit(town: Town) -> None:
    """A run of a repository that nobody knows breaks a foreign key: our own bug, alone in its misery."""
    store = town.settle()
    lost = town.taken(SHOP)
    with ThreadPoolExecutor(20) as pool:
        bad = [pool.submit(store.count_redelivery, guid(), "not a time") for _ in range(5)]  # type: ignore[arg-type]
        good = [pool.submit(store.receive, delivery(SHOP, issue)) for issue in range(1, 50)]
        stored = [each.result().result() for each in good]
        failed = [each.exception() for each in bad]

    assert all(stored)
    assert all(failed)
    assert store.extend(lost, after(100))


def test_news_moves_a_run_forward_and_tells_its_number(town: Town) -> None:
    town.settle()
    ledgered(town)

    run = run_after(town, news(77, "queued", key=KEY))
    assert (run.stage, run.run_id, run.url) == (RunStage.DISPATCHED, 77, "https://ci.example/77")
    assert run_after(town, news(77, "in_progress")).stage is RunStage.STARTED
    run = run_after(town, news(77, "completed", conclusion="failure", at=after(9)))
    assert (run.stage, run.conclusion, run.ended_at) == (RunStage.COMPLETED, "failure", after(9))


def test_news_that_comes_late_moves_nothing_back(town: Town) -> None:
    town.settle()
    ledgered(town)
    late = (news(77, "in_progress", key=KEY), news(77, "queued", key=KEY), news(77, "completed", conclusion="success"))
    run = run_after(town, news(77, "completed", key=KEY, conclusion="cancelled", at=after(1)), *late)

    assert (run.stage, run.conclusion, run.ended_at) == (RunStage.COMPLETED, "cancelled", after(1))


@pytest.mark.parametrize(
    "name", ["ai-ready #5 [15-L9-1]", "x5-L9-1", "5-L9-12", "5-L9-1-2", "a-5-L9-1", "5-X9-1", "5-L9", "CI"]
)
def test_a_run_of_another_name_is_not_ours(town: Town, name: str) -> None:
    town.settle()
    ledgered(town)
    stray = news(77, "in_progress", key=KEY)
    assert stray.run is not None

    assert run_after(town, replace(stray, run=replace(stray.run, name=name))).run_id == 0


def test_a_run_of_another_repository_is_not_ours(town: Town) -> None:
    town.settle()
    ledgered(town)

    assert run_after(town, news(77, "in_progress", key=KEY, lane=MILL)).run_id == 0


def test_a_second_run_with_our_key_does_not_replace_the_first(town: Town) -> None:
    town.settle()
    ledgered(town)
    run = run_after(town, news(77, "queued", key=KEY), news(78, "completed", key=KEY, conclusion="failure"))

    assert (run.run_id, run.stage) == (77, RunStage.DISPATCHED)
    work = town.store.take(NOW, lease=60)
    assert work is not None
    assert (work.news_only, set(work.marks)) == (False, {0, 5})


def test_redeliveries_are_counted(town: Town) -> None:
    town.store.count_redelivery("a", NOW)
    town.store.count_redelivery("a", after(1))

    assert town.store.redelivered(["a", "b"]) == {"a": 2, "b": 0}


def test_what_was_received_is_known(town: Town) -> None:
    one = delivery()
    town.store.receive(one).result()
    many = [guid() for _ in range(1200)]

    assert town.store.known([*many, one.guid]) == {one.guid}
    assert town.store.known([]) == frozenset()


def test_old_deliveries_are_forgotten(town: Town) -> None:
    old = [town.store.receive(delivery(at=after(-10))) for _ in range(2500)]
    new = delivery(at=NOW)
    assert town.store.receive(new).result()
    assert all(each.result() for each in old)
    town.store.count_redelivery("a", after(-10))

    assert town.store.forget_deliveries(NOW) == 2500
    assert town.store.forget_deliveries(NOW) == 0
    assert town.store.known([new.guid]) == {new.guid}
    assert town.store.redelivered(["a"]) == {"a": 0}


def test_closing_writes_what_is_pending(town: Town) -> None:
    town.settle()
    pending = [town.store.receive(delivery(SHOP, issue)) for issue in range(500)]
    store = town.reopened()

    assert all(each.result(0) for each in pending)
    assert store.counts(NOW).deliveries == 500
    assert store.places() == PLACES
