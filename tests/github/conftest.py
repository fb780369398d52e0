"""Fixtures: one served sandbox for all tests of the client, a repository of its own for each."""

from collections.abc import Iterator
from itertools import count

import pytest

from bot.sandbox.server import serve
from tests.github.stage import Hourglass, Stage
from tests.sandbox.world import WORKFLOW, World, small_world

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
