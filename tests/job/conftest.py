"""Fixtures of the job's tests."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.agent.places import run_root
from bot.job.workspace import Ground
from tests.job.stage import Server, Stage, make_server, standing


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server with one repository: a README, a program, a test."""
    made = make_server(tmp_path / "server")
    made.commit({"README.md": "# Shop\n", "app.py": "x = 1\n", "tests/test_app.py": "def test(): pass\n"})
    return made


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A ground without isolation: these tests are about git."""
    root = tmp_path / "run"
    root.mkdir()
    with standing(root) as made:
        yield made


@pytest.fixture
def apart() -> Iterator[Ground]:
    """A ground with another uid, in a place that uid can reach."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user")
    root = run_root(Path(tempfile.gettempdir()))
    with standing(root, isolated=True) as made:
        yield made
        made.isolation.discard(root)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounts a disk")
    disk = tmp_path / "tiny"
    disk.mkdir()
    if subprocess.run(("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk), check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(("umount", "-l", disk), check=True)


@pytest.fixture
def stage(server: Server, ground: Ground, tmp_path: Path) -> Stage:
    return Stage(server, ground, tmp_path / "out")
