"""Which process is the runner, and stopping it from elsewhere: with real processes."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.local.control import Alive, AlreadyRunning, only_runner, process_began, runner_at, stop_runner

HOLDER = """
import signal, sys, time
from pathlib import Path
from bot.local.control import only_runner

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
with only_runner(Path(sys.argv[1]), "ada"):
    print("up", flush=True)
    while not stopped or sys.argv[2:]:
        time.sleep(0.01)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runners" / "ada.json"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen((sys.executable, "-c", HOLDER, str(path)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def test_two_runners_of_one_agent_are_refused(path: Path, holder: subprocess.Popen[str]) -> None:
    said = rf"at work in this checkout already \(process {holder.pid}, since"
    with pytest.raises(AlreadyRunning, match=said), only_runner(path, "ada"):
        pass


def test_CL2_stop_ends_a_living_runner(path: Path, holder: subprocess.Popen[str]) -> None:
    told: list[Alive] = []

    assert stop_runner(path, seconds=60, waiting=told.append)

    assert [each.pid for each in told] == [holder.pid]
    assert holder.wait(60) == 0
    assert runner_at(path) is None


def test_a_runner_that_does_not_end_is_waited_for_no_longer_than_asked(path: Path) -> None:
    argv = (sys.executable, "-c", HOLDER, str(path), "stubborn")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        told: list[Alive] = []

        assert not stop_runner(path, seconds=0.5, waiting=told.append)

        assert len(told) == 1
        process.kill()


def test_after_a_kill_nobody_runs_and_nobody_is_signalled(path: Path, holder: subprocess.Popen[str]) -> None:
    """Whoever has the number by now is a stranger: here, this very test."""
    holder.kill()
    holder.wait(60)
    path.write_text(f'{{"version": 1, "pid": {os.getpid()}, "began": "{process_began(os.getpid())}", "since": "x"}}')

    assert runner_at(path) is None
    assert stop_runner(path, seconds=5, waiting=lambda _: pytest.fail("nobody is there"))


def test_a_number_that_somebody_else_has_by_now_is_never_signalled(path: Path, holder: subprocess.Popen[str]) -> None:
    """The lock is held, and the file says another process: as between a runner's first two steps."""
    path.write_text(f'{{"version": 1, "pid": {os.getpid()}, "began": "12345", "since": "x"}}')
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        assert not stop_runner(path, seconds=0.5, waiting=lambda _: None)
        time.sleep(0.05)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert heard == []


def test_a_lock_that_somebody_only_looks_at_is_waited_for(path: Path) -> None:
    """`status` holds it for a moment."""
    path.parent.mkdir()
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_SH)
    timer = threading.Timer(0.2, os.close, (handle,))
    timer.start()

    with only_runner(path, "ada"):
        there = runner_at(path)

    timer.join()
    assert there is not None
    assert there.pid == os.getpid()


def test_there_was_never_a_runner(tmp_path: Path) -> None:
    assert runner_at(tmp_path / "nowhere.json") is None
    assert process_began(2**22 - 1) == ""


def test_a_link_that_came_with_the_checkout_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine\n")
    (tmp_path / "ada.json").symlink_to(tmp_path / "mine")

    with pytest.raises(UsageError, match="is a symbolic link"), only_runner(tmp_path / "ada.json", "ada"):
        pass

    assert (tmp_path / "mine").read_text() == "mine\n"
