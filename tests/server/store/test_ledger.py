"""The ledger: one active run per issue, a run key once, forward only, fenced; and things said once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.core.model import ActionsRun, RunState
from bot.server.ports import LedgerRun, RunStage
from bot.server.store import SqlStore
from tests.server.store.stage import FARM, MILL, NOW, SHOP, Town, after, intent, news

KEY = "5-L9-1"


def only(store: SqlStore) -> LedgerRun:
    (run,) = store.claims(SHOP.id)
    return run


def test_an_intent_is_read_back_as_it_was_written(town: Town) -> None:
    town.settle()
    work = town.taken(SHOP)

    assert town.store.intend(work, intent(5, KEY), most=10)
    assert town.reopened().claims(SHOP.id) == (intent(5, KEY),)
    assert town.store.claims(MILL.id) == ()


def test_an_issue_is_claimed_once(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)

    assert store.intend(work, intent(5, "5-L9-1"), most=10)
    assert not store.intend(work, intent(5, "5-L9-2"), most=10)
    assert store.release(work, "5-L9-1", verdict="done", usd=1.0)
    assert store.intend(work, intent(5, "5-L9-2"), most=10)


def test_a_run_key_is_used_once_for_ever(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    store.release(work, KEY, verdict="done", usd=1.0)

    assert not store.intend(work, intent(5, KEY), most=10)
    assert store.intend(town.taken(MILL), intent(5, KEY, lane=MILL), most=10)


def test_an_installation_has_a_most_of_runs(town: Town) -> None:
    store = town.settle()
    shop, mill = town.taken(SHOP), town.taken(MILL)

    assert store.intend(shop, intent(1), most=2)
    assert store.intend(mill, intent(1, lane=MILL), most=2)
    assert not store.intend(shop, intent(2), most=2)
    assert store.share(SHOP.id, most=2).room == 0
    store.release(mill, "1-L100-1", verdict="done", usd=0)
    assert store.intend(shop, intent(2), most=2)


def test_the_last_free_slot_is_given_once(town: Town) -> None:
    """To one of three repositories whose workers ask at the same time."""
    store = town.settle()
    works = [town.taken(lane) for lane in (SHOP, MILL, FARM)]
    for issue in range(1, 9):
        gate = threading.Barrier(3)
        with ThreadPoolExecutor(3) as pool:
            answers = [
                pool.submit(lambda w: (gate.wait(), store.intend(w, intent(issue, lane=w.lane), most=issue))[1], work)  # noqa: B023
                for work in works
            ]

        assert sorted(answer.result() for answer in answers) == [False, False, True]


def test_sending_is_written_down_before_it_is_done(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)

    assert store.sending(work, KEY, after(1))
    assert store.sending(work, KEY, after(2))
    assert (only(store).sends, only(store).sent_at, only(store).stage) == (2, after(2), RunStage.INTENDED)


def test_nothing_is_sent_for_a_released_or_unknown_run(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    store.release(work, KEY, verdict="done", usd=1.0)

    assert not store.sending(work, KEY, after(1))
    assert not store.sending(work, "6-L1-1", after(1))


def test_a_dispatch_is_recorded_and_never_moves_a_run_back(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    assert store.dispatched(work, KEY, 0, "")
    assert (only(store).stage, only(store).run_id) == (RunStage.DISPATCHED, 0)
    store.receive(news(77, "in_progress", key=KEY)).result()
    assert store.dispatched(work, KEY, 77, "")

    assert (only(store).stage, only(store).run_id, only(store).url) == (
        RunStage.STARTED,
        77,
        "https://ci.example/77",
    )


def test_githubs_answer_goes_before_what_a_name_said(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    store.receive(news(66, "queued", key=KEY)).result()
    store.dispatched(work, KEY, 77, "https://ci.example/77")

    assert (only(store).run_id, only(store).url) == (77, "https://ci.example/77")


@pytest.mark.parametrize(
    ("found", "stage", "conclusion", "ended"),
    [
        (ActionsRun(77, RunState.ACTIVE, started=False), RunStage.DISPATCHED, "", False),
        (ActionsRun(77, RunState.ACTIVE), RunStage.STARTED, "", False),
        (ActionsRun(77, RunState.ENDED, "timed_out"), RunStage.COMPLETED, "timed_out", True),
        (ActionsRun(77, RunState.GONE), RunStage.COMPLETED, "gone", True),
        (ActionsRun(77, RunState.UNKNOWN), RunStage.INTENDED, "", False),
    ],
)
def test_a_run_that_was_read_is_recorded(
    town: Town, found: ActionsRun, stage: RunStage, conclusion: str, ended: bool
) -> None:
    town.settle()
    town.store.close()
    store = town.store = town.open(clock=lambda: after(30))
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)

    assert store.seen(work, KEY, found)
    assert (only(store).stage, only(store).conclusion) == (stage, conclusion)
    assert only(store).ended_at == (after(30) if ended else None)


def test_an_ended_run_stays_as_it_ended(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    store.seen(work, KEY, ActionsRun(77, RunState.ENDED, "failure"))
    store.seen(work, KEY, ActionsRun(77, RunState.ACTIVE))
    store.seen(work, KEY, ActionsRun(77, RunState.GONE))

    assert (only(store).stage, only(store).conclusion) == (RunStage.COMPLETED, "failure")


def test_cancelling_is_noted(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)

    assert store.cancelling(work, KEY)
    assert only(store).cancelled


def test_a_release_settles_once(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)

    assert store.release(work, KEY, verdict="done", usd=1.25)
    assert store.release(work, KEY, verdict="runner-lost", usd=5.0)
    assert store.share(SHOP.id, most=2).room == 2
    assert town.rows("SELECT verdict, usd FROM run") == [("done", 1.25)]


def test_an_intent_that_was_never_sent_can_be_withdrawn(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)

    assert store.withdraw(work, KEY)
    assert store.claims(SHOP.id) == ()
    assert store.intend(work, intent(5, KEY), most=10)


def test_a_run_that_github_told_of_is_not_withdrawn(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.intend(work, intent(5, KEY), most=10)
    store.receive(news(77, "queued", key=KEY)).result()

    assert not store.withdraw(work, KEY)
    assert only(store).run_id == 77


def test_every_write_of_a_lost_lease_is_refused(town: Town) -> None:
    store = town.settle()
    lost = town.taken(SHOP)
    store.intend(lost, intent(5, KEY), most=10)
    before = store.claims(SHOP.id)
    assert store.take(after(60), lease=60) is not None

    assert not store.intend(lost, intent(6), most=10)
    assert not store.sending(lost, KEY, after(61))
    assert not store.dispatched(lost, KEY, 77, "")
    assert not store.seen(lost, KEY, ActionsRun(77, RunState.ENDED))
    assert not store.cancelling(lost, KEY)
    assert not store.withdraw(lost, KEY)
    assert not store.release(lost, KEY, verdict="done", usd=0)
    assert not store.about_to_say(lost, "d", now=after(61), within=60)
    assert store.claims(SHOP.id) == before


def test_work_on_one_repository_claims_nothing_in_another(town: Town) -> None:
    town.settle()
    with pytest.raises(ValueError):
        town.store.intend(town.taken(SHOP), intent(5, lane=MILL), most=10)


def test_the_same_is_said_once_in_a_while(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)

    assert store.about_to_say(work, "d", now=NOW, within=60)
    assert not store.about_to_say(work, "d", now=after(59.9), within=60)
    assert store.about_to_say(work, "e", now=after(59.9), within=60)
    assert store.about_to_say(work, "d", now=after(60), within=60)
    assert not store.about_to_say(work, "d", now=after(61), within=60)


def test_what_was_refused_may_be_said_again_at_once(town: Town) -> None:
    store = town.settle()
    work = town.taken(SHOP)
    store.about_to_say(work, "d", now=NOW, within=60)
    store.not_said(work, "d")

    assert store.about_to_say(work, "d", now=NOW, within=60)


def test_another_repository_may_say_the_same(town: Town) -> None:
    store = town.settle()
    store.about_to_say(town.taken(SHOP), "d", now=NOW, within=60)

    assert store.about_to_say(town.taken(MILL), "d", now=NOW, within=60)
