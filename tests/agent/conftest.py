"""Rooms in which tests run hostile things: as another uid, and as ourselves."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.agent.isolation import Isolation, isolation_for, run_root


@pytest.fixture
def root() -> Iterator[Path]:
    """A run's folder."""
    folder = run_root()
    yield folder
    shutil.rmtree(folder)


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
