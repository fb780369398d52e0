"""`python -m tests.chaos.soak [MINUTES=10] [SEED=…]`: one server that nobody kills, for long, with what it holds looked at.

People act as in `make chaos` and GitHub misbehaves the same. Exit 0: nothing was lost, doubled or early, and neither open
files nor threads nor memory went on growing.
"""

import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.round import Result, Round, Setting, play

TURN = 1.0
"""Seconds between two things that people do."""
EVERY = 5.0
"""Seconds between two looks at the process."""
FILES, THREADS = 6, 3
"""So many more at the end than in the middle are nothing: connections come and go."""
MEMORY = 1.25
"""So many times as much neither: what was touched today is remembered, and there is ever more of that."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds at a time."""

    files: int
    threads: int
    memory: int
    """Megabytes."""


def held(pid: int) -> Held:
    """Look at a process."""
    told = dict(re.findall(r"^(Threads|VmRSS):\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
    return Held(len(list(Path(f"/proc/{pid}/fd").iterdir())), int(told["Threads"]), int(told["VmRSS"]) // 1024)


def growing(looks: Sequence[Held]) -> list[str]:
    """What grew from the middle third to the last one, by the least that was seen in each: a peak is no leak."""
    third = len(looks) // 3
    if not third:
        return []
    least = [
        Held(*map(min, zip(*map(astuple, part), strict=True))) for part in (looks[third : 2 * third], looks[-third:])
    ]
    before, after = least
    found = []
    if after.files > before.files + FILES:
        found.append(f"open files: {before.files}, later {after.files}")
    if after.threads > before.threads + THREADS:
        found.append(f"threads: {before.threads}, later {after.threads}")
    if after.memory > before.memory * MEMORY:
        found.append(f"memory: {before.memory} MB, later {after.memory} MB")
    return found


class Soak(Round):
    """A round without kills, for so many seconds."""

    def __init__(self, *parts: Any, seconds: float, looks: list[Held]) -> None:
        super().__init__(*parts)
        self._seconds, self._looks_at = seconds, looks

    def play(self) -> Result:
        """Turns, quiet, the count."""
        self._up()
        if self._setting.storylines:
            self._crowd.begin(self._crowd.storylines())
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < self._seconds and not self._fleet.dead:
            self._forecast.change(need_webhooks=False)
            self._crowd.turn(ask=True)
            self._fleet.wait_for_deaths((0,), TURN)
            if passed > len(self._looks_at) * EVERY:
                self._looks_at += map(held, self._fleet.pids)
        self._count()
        self._result.found.other += growing(self._looks_at)
        return self._result


def main() -> int:
    """See the module."""
    words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    minutes = float(words.get("MINUTES") or 10)
    seed = words.get("SEED") or secrets.token_hex(4)
    folder = Path(tempfile.mkdtemp(prefix="ai-ready-soak-"))
    print(f"{minutes:g} minutes, SEED={seed}", flush=True)
    looks: list[Held] = []
    result = play(
        folder / "soak", Setting(seed, (), slow_pass=False), kind=partial(Soak, seconds=60 * minutes, looks=looks)
    )
    for look in looks[:: max(1, len(looks) // 20)]:
        print(f"  {look.files:5} files {look.threads:4} threads {look.memory:5} MB")
    found = result.found
    print(
        f"{result.runs} runs: lost {len(found.lost)}, doubled {len(found.doubled)}, early {len(found.early)}, "
        f"other {len(found.other)}"
    )
    for sentence in found.sentences:
        print(f"  {sentence}")
    if found.sentences:
        print(f"logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
