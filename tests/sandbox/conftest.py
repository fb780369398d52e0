"""Fixtures of the sandbox's own tests. Every server is on 127.0.0.1, on a free port, and stopped at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import serve
from tests.sandbox.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """State only; nothing listens."""
    return small_world(tmp_path / "hub")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[World]:
    """Served; fails the test when a route was unknown to the sandbox (clear the log where that is meant)."""
    made = small_world(tmp_path / "hub")
    with serve(made.hub):
        yield made
    assert made.hub.requests.unknown == []
