"""Fixtures: one served sandbox for all tests of the client, a repository of its own for each."""

from collections.abc import Iterator
from itertools import count

import pytest

from bot.sandbox.records import App
from bot.sandbox.server import serve
from bot.server.store import SqlStore, open_store
from tests.github.app_stage import AppStage
from tests.github.stage import Hourglass, Stage
from tests.sandbox.world import APP_EVENTS, APP_PERMISSIONS, WORKFLOW, World, small_world

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sandbox's small world, served."""
    world = small_world(tmp_path_factory.mktemp("hub"))
    with serve(world.hub):
        yield world


@pytest.fixture
def stage(town: World) -> Iterator[Stage]:
    """A new repository in it; fails the test when something was asked that the sandbox does not know."""
    hub, start = town.hub, town.clock.moment
    shop = hub.create_repo(f"acme/shop{next(_NUMBERS)}", "ada", files={".github/workflows/ai.yml": WORKFLOW})
    hub.repos.set_collaborator(shop, "bob", "write")
    hub.repos.set_collaborator(shop, "tim", "triage")
    hub.repos.set_collaborator(shop, "rob", "read")
    yield Stage(World(hub, town.clock, shop), Hourglass())
    unknown = list(hub.requests.unknown)
    hub.faults.clear()
    hub.requests.clear()
    town.clock.moment = start
    assert unknown == []


@pytest.fixture(scope="session")
def registered(town: World) -> App:
    """One App for all tests (its key takes a while to make); each installs it for itself."""
    hub = town.hub
    return hub.app_registry.create("ai-ready", hub.user("ada"), permissions=APP_PERMISSIONS, events=APP_EVENTS)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """The server's store: where the pace is kept."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/ai-ready.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def app(stage: Stage, registered: App, store: SqlStore) -> Iterator[AppStage]:
    """The App, installed in the stage's repository alone."""
    hub, shop = stage.world.hub, stage.world.shop
    installation = hub.app_registry.install(registered, shop.owner, repos=[shop])
    found = AppStage(stage, registered, installation, store)
    yield found
    for client in found.opened:
        client.close()
    if installation in registered.installations:
        registered.installations.remove(installation)
