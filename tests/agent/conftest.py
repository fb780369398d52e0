"""Rooms in which tests run hostile things: as another uid, and as ourselves."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.agent.isolation import isolation_for
from bot.agent.launching import Isolation
from bot.agent.places import run_root
from tests.agent.anthropic_desk import Desk, at_a_desk


@pytest.fixture
def root() -> Iterator[Path]:
    """A run's folder."""
    folder = run_root()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # once the uid is free, another test's run may take it away


@pytest.fixture
def apart(root: Path) -> Iterator[Isolation]:
    """Another uid."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user, which needs root")
    with isolation_for("auto", root=root, log=print) as isolation:
        yield isolation


@pytest.fixture
def alone(root: Path) -> Iterator[Isolation]:
    """No isolation."""
    with isolation_for("none", root=root, log=print) as isolation:
        yield isolation


@pytest.fixture(params=["apart", "alone"])
def anyhow(request: pytest.FixtureRequest) -> Isolation:
    """Both, one after the other."""
    isolation: Isolation = request.getfixturevalue(request.param)
    return isolation


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Path, Isolation]]:
    """A run's folder, and another uid where we may, as in production: for all tests of a file."""
    root = run_root()
    with isolation_for("auto" if os.geteuid() == 0 else "none", root=root, log=print) as isolation:
        yield root, isolation
        isolation.discard(root)


@pytest.fixture
def desk(shared: tuple[Path, Isolation]) -> Iterator[Desk]:
    with at_a_desk(*shared) as made:
        yield made
