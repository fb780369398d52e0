"""Fixtures: the sandbox's small world, served on loopback, and a stage to ask it from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import serve
from tests.github.stage import Hourglass, Stage
from tests.sandbox.world import small_world


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Fails the test when something was asked that the sandbox does not know."""
    world = small_world(tmp_path / "hub")
    with serve(world.hub):
        yield Stage(world, Hourglass())
    assert world.hub.requests.unknown == []
