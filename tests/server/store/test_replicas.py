"""Several servers over one PostgreSQL: they share the work, and never wait for each other in a circle."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from bot.github.ports import Place
from bot.server.ports import Lane, LaneKind
from bot.server.store import SqlStore, open_store
from tests.postgres import Postgres, needs_postgres
from tests.server.store.stage import ACME, NOW, delivery, guid, intent, news

pytestmark = needs_postgres

REPOSITORIES = [Place(number, f"acme/r{number}", ACME) for number in range(1, 21)]


@pytest.fixture
def replicas(postgres: Postgres) -> Iterator[list[SqlStore]]:
    address = postgres.database()
    with ExitStack() as stack:
        stores = [open_store(address) for _ in range(3)]
        for store in stores:
            stack.callback(store.close)
        stores[0].put_installation(ACME, "acme", REPOSITORIES)
        yield stores


def test_the_same_deliveries_at_all_of_them_are_stored_once(replicas: list[SqlStore]) -> None:
    """In another order at each: batches that overlap must not lock each other out."""
    deliveries = [delivery(Lane(LaneKind.REPOSITORY, 1 + number % 20), number) for number in range(600)]
    answers: Counter[str] = Counter()

    def receive(store: SqlStore, seed: int) -> None:
        shuffled = random.Random(seed).sample(deliveries, len(deliveries))
        futures = [(one.guid, store.receive(one)) for one in shuffled]
        answers.update(guid_ for guid_, future in futures if future.result())

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(receive, store, seed) for seed, store in enumerate(replicas)]:
            each.result()

    assert answers == Counter(dict.fromkeys((one.guid for one in deliveries), 1))


def test_all_kinds_of_work_at_once_get_through(replicas: list[SqlStore]) -> None:
    """No deadlock, no two owners, never more runs than the most, every mark served."""
    lanes = [Lane(LaneKind.REPOSITORY, place.repository_id) for place in REPOSITORIES]
    guard, owners, over = threading.Lock(), set[Lane](), threading.Event()
    served: set[tuple[Lane, int]] = set()
    most: list[int] = []

    def work(store: SqlStore, seed: int) -> None:
        chance = random.Random(seed)
        while not (over.is_set() and store.counts(NOW).lanes_due == 0):
            taken = store.take(NOW, lease=600)
            if taken is None:
                continue
            with guard:
                assert taken.lane not in owners
                owners.add(taken.lane)
            store.starve(taken, chance.choice((NOW, None)))
            for run in store.claims(taken.lane.id):
                store.release(taken, run.run_key, verdict="done", usd=0)
            issue = chance.randrange(1, 10**9)
            if store.intend(taken, intent(issue, lane=taken.lane), most=4):
                most.append(store.counts(NOW).runs_active)
                store.sending(taken, f"{issue}-L{issue}00-1", NOW)
            with guard:
                served.update((taken.lane, mark) for mark in taken.marks)
                owners.discard(taken.lane)
            store.finish(taken)

    def tend(store: SqlStore) -> None:
        for _ in range(15):
            store.repositories_due(NOW)
            store.put_installation(ACME, "acme", REPOSITORIES)
            store.make_due(lanes, NOW)
            store.feed(ACME, NOW)
            store.turn(ACME, 1, NOW)
            store.forget_deliveries(NOW)

    def receive(store: SqlStore, seed: int) -> None:
        chance = random.Random(seed)
        for batch in range(15):
            some = [delivery(lane, 100 * seed + batch + 1, guid=guid()) for lane in chance.sample(lanes, 10)]
            some += [news(chance.randrange(10**6), "completed", key="1-L100-1", lane=lane) for lane in lanes[:5]]
            assert all(future.result() for future in [store.receive(one) for one in some])

    with ThreadPoolExecutor(12) as pool:
        workers = [pool.submit(work, store, seed) for seed, store in enumerate([*replicas, *replicas])]
        others = [pool.submit(tend, store) for store in replicas]
        others += [pool.submit(receive, store, seed) for seed, store in enumerate(replicas)]
        for each in others:
            each.result()
        over.set()
        for each in workers:
            each.result()

    assert {mark for _, mark in served} >= {100 * seed + batch + 1 for seed in range(3) for batch in range(15)}
    assert most
    assert max(most) <= 4
