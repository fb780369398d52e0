"""The database away at run time: said within 9 seconds, nothing acknowledged is lost, and all goes on by itself."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.server.ports import StoreUnavailable
from bot.server.store import SqlStore, open_store
from bot.server.store.postgres import LOCK_SECONDS
from bot.server.store.sqlite_file import BUSY_SECONDS
from tests.disk import fill, small_disk
from tests.postgres import Postgres, needs_postgres
from tests.server.store.stage import NOW, Town, delivery

LONGEST = 9.0

RECEIVING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from tests.server.store.stage import delivery, guid
from bot.server.store import open_store
store = open_store(sys.argv[1])
def go(worker):
    while True:
        one = delivery(guid=f"{sys.argv[2]}-{worker}-{guid()}")
        assert store.receive(one).result()
        sys.stdout.write(one.guid + "\\n")
        sys.stdout.flush()
with ThreadPoolExecutor(8) as pool:
    list(pool.map(go, range(8)))
"""


def received_until_killed(address: str, round_: int, acknowledged: int) -> set[str]:
    """A process that receives, killed after some acknowledgements; those it told of."""
    argv = [sys.executable, "-c", RECEIVING, address, str(round_)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout is not None
    told = {process.stdout.readline().strip() for _ in range(acknowledged)}
    process.kill()
    told |= {line.strip() for line in process.stdout if line.endswith("\n")}
    process.wait()
    process.stdout.close()
    return told - {""}


def test_what_was_acknowledged_survives_a_kill(address: str) -> None:
    told: set[str] = set()
    for round_ in range(3):
        told |= received_until_killed(address, round_, 50 + 70 * round_)
    store = open_store(address)

    assert len(told) > 300
    assert store.known(told) == told
    store.close()


def test_the_longest_wait_is_two_times_the_wait_for_a_lock() -> None:
    """A batch that waits in vain, and the one behind it."""
    assert 2 * BUSY_SECONDS < LONGEST
    assert 2 * LOCK_SECONDS < LONGEST


def test_a_locked_database_is_said_in_time_and_found_again(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by those who came while the first ones were waiting. A tenth of the real times."""
    monkeypatch.setattr("bot.server.store.sqlite_file.BUSY_SECONDS", BUSY_SECONDS / 10)
    monkeypatch.setattr("bot.server.store.postgres.LOCK_SECONDS", LOCK_SECONDS / 10)
    town = Town(address)
    took: list[float] = []

    def late() -> None:
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            town.store.receive(delivery()).result(LONGEST)
        took.append(time.monotonic() - start)

    with town.locked():
        comers = [threading.Timer(pause, late) for pause in (0, 0.02, 0.2, 0.3)]
        for each in comers:
            each.start()
        with pytest.raises(StoreUnavailable):
            town.store.ping()
        for each in comers:
            each.join()

    assert len(took) == 4
    assert max(took) < LONGEST / 10
    assert town.rows("SELECT count(*) FROM delivery") == [(0,)]
    assert town.store.receive(delivery()).result() is True
    town.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk(tmp_path / "tiny", megabytes=1) as disk:
        yield disk


def receive_many(store: SqlStore) -> None:
    for _ in range(5000):
        assert store.receive(delivery()).result()


def test_a_full_disk_is_said_and_nothing_is_lost(tiny: Path) -> None:
    store = open_store(f"sqlite:///{tiny / 'store.sqlite3'}")
    kept = [delivery() for _ in range(50)]
    assert all(each.result() for each in [store.receive(one) for one in kept])
    fill(tiny / "filler")
    with pytest.raises(StoreUnavailable, match="The disk is full; free some space"):
        receive_many(store)
    with pytest.raises(StoreUnavailable, match="The disk is full"):
        store.remember("much", "x" * 100_000)
    (tiny / "filler").unlink()
    new = delivery()

    assert store.receive(new).result() is True
    assert store.known([one.guid for one in [*kept, new]]) == {one.guid for one in [*kept, new]}
    store.close()


def test_a_disk_that_is_full_at_the_start_is_said(tiny: Path) -> None:
    (tiny / "filler").write_bytes(b"0" * (1024 * 1024 - 8192))
    with pytest.raises(StoreUnavailable, match=r"full"):
        open_store(f"sqlite:///{tiny / 'store.sqlite3'}")
    (tiny / "filler").unlink()
    open_store(f"sqlite:///{tiny / 'store.sqlite3'}").close()


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGINT, marks=needs_postgres), pytest.param(signal.SIGQUIT, marks=needs_postgres)]
)
def test_a_postgresql_that_goes_and_comes_back_is_found_again(how: signal.Signals, postgres: Postgres) -> None:
    store = open_store(postgres.database())
    before = delivery()
    assert store.receive(before).result() is True
    postgres.stop(how)
    try:
        began = time.monotonic()
        for each in [store.receive(delivery()) for _ in range(20)]:
            with pytest.raises(StoreUnavailable):
                each.result(LONGEST)
        with pytest.raises(StoreUnavailable):
            store.take(NOW, lease=60)
        assert time.monotonic() - began < LONGEST
    finally:
        postgres.start()

    assert store.receive(delivery()).result() is True
    assert store.take(NOW, lease=60) is not None
    assert store.known([before.guid]) == {before.guid}
    store.close()
