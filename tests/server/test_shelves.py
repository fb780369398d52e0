"""What is remembered of repositories goes with them."""

import gc
import weakref
from pathlib import Path

from bot.core.secret import Secret
from bot.github.app_client import AppAccess, AppClient
from bot.server.metrics import Metrics
from bot.server.shelves import Shelves
from tests.server.store.stage import ACME, PLACES, SHOP, Town


def test_a_repository_that_is_no_longer_reached_is_forgotten(tmp_path: Path) -> None:
    """With its client; not before it is time to look, and those that are reached are kept."""
    town = Town(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    seconds = [0.0]
    github = AppClient(AppAccess("1", Secret("key"), "http://127.0.0.1:9"), town.store, Metrics())
    shelves = Shelves(town.settle(), github, every=600.0, monotonic=lambda: seconds[0])
    mill = shelves.of(PLACES[1])
    client = weakref.ref(shelves.of(PLACES[0]).client)
    town.store.put_installation(ACME, "acme", [], gone={SHOP.id})

    shelves.tidy()
    assert len(shelves.all()) == 2
    seconds[0] = 601.0
    shelves.tidy()
    gc.collect()
    assert shelves.all() == [mill]
    assert shelves.of(PLACES[1]) is mill
    assert github.repository(PLACES[1]) is mill.client
    assert client() is None
    github.close()
    town.close()
