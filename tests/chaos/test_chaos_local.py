"""A few kills of the laptop's runner; `make chaos-local` for hundreds."""

import os
import subprocess
import sys
from pathlib import Path

from tests.chaos.local_traps import MOMENTS, STEPS, _owner

ROOT = Path(__file__).parents[2]


def test_a_killed_runner_loses_nothing_and_doubles_nothing() -> None:
    """As a process: it forks, which a process with threads must not."""
    words = (sys.executable, "-m", "tests.chaos.local", "SEED=suite", "--few")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}

    ran = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("7 kills in 1 checkouts, 0 moments did not come: 0 findings")


def test_every_step_is_there() -> None:
    for step in STEPS:
        assert callable(getattr(_owner(step.owner), step.attribute)), step
    assert len({str(moment) + str(moment.times) for moment in MOMENTS}) == len(MOMENTS)
