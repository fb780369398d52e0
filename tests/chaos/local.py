"""`python -m tests.chaos.local [N=200] [SEED=…] [--real N]`.

Kills the runner of a laptop N times: before and after each step that leaves something behind, and by the clock; some of
these with the real Claude CLI. Counts what was lost, doubled, or touched that is the user's. Exit 0: nothing was.
"""

import argparse
import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import bot.local.github_source
import bot.local.runner
import bot.local.terminal  # noqa: F401
from bot.cli.commands import app
from bot.cli.local_commands import work  # noqa: F401
from bot.sandbox.model import Scene, Script, bash, done, serve_model
from tests.chaos.local_town import KEY, MAKES, Town
from tests.chaos.local_traps import ANYWHERE, MOMENTS, Moment, set_trap

START = ("start", "--resume", "--exit-when-idle")
MOST_KILLS = 14
"""In one checkout, before its runner may come to its end."""
FEW = (
    Moment("the claim's file is written", "after"),
    Moment("the work", "after"),
    Moment("the branch is moved", "after"),
    Moment("the result is put down", "after"),
    Moment("the note is written", "after"),
    Moment("the task is counted", "after"),
    None,
)
"""One of each stretch: claimed, worked, landed, known, half told, told; and by the clock."""
WITHIN = 120.0
"""Seconds in which a runner has to have died, or ended."""


@dataclass
class Total:
    """Of all rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    rounds: int = 0
    found: list[str] = field(default_factory=list)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.local", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="N=… SEED=…", help="how many kills; which dice")
    parser.add_argument("--real", type=int, default=-1, help="so many of them with the real CLI; default: a tenth")
    parser.add_argument("--few", action="store_true", help="one of each stretch, in one checkout")
    asked = parser.parse_args()
    words = dict(word.split("=", 1) for word in asked.words if "=" in word)
    seed = words.get("SEED") or secrets.token_hex(4)
    count = int(words.get("N") or 200)
    if asked.few:
        count = len(FEW)
    real = 0 if asked.few else count // 10 if asked.real < 0 else asked.real
    begun, dice, total = time.monotonic(), random.Random(seed), Total()
    print(f"{count} kills, {real} of them with the real CLI, SEED={seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ai-ready-chaos-local-"))
    while total.kills.total() < count - real and not (total.found or (asked.few and total.rounds)):
        moments = [*FEW] if asked.few else _moments(dice, count - real - total.kills.total())
        _play(Town(folder / f"round-{total.rounds}"), moments, dice, total)
    with contextlib.ExitStack() as stack:
        if real:
            makes = MAKES.replace("LEDGER", str(folder / "ledger"))
            model = stack.enter_context(serve_model(Script(Scene("", bash(makes), done("Ok."))), key=KEY))
            while total.kills.total() < count and not total.found:
                left = min(MOST_KILLS // 2, count - total.kills.total())
                town = Town(folder / f"round-{total.rounds}", model.url)
                _play(town, [None] * left, dice, total)
    print("\n".join(f"{number:6}  {name}" for name, number in sorted(total.kills.items())))
    print(
        f"{total.kills.total()} kills in {total.rounds} checkouts, {total.missed} moments did not come: "
        f"{len(total.found)} findings, {time.monotonic() - begun:.0f} s"
    )
    for sentence in total.found:
        print(f"  {sentence}")
    if total.found:
        print(f"see it again with N={count} SEED={seed}; logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _moments(dice: random.Random, left: int) -> list[Moment | None]:
    """The next kills; None: by the clock."""
    every: list[Moment | None] = [*MOMENTS, *[None] * (len(MOMENTS) // 5)]
    dice.shuffle(every)
    return every[: min(MOST_KILLS, left)]


def _play(town: Town, moments: list[Moment | None], dice: random.Random, total: Total) -> None:
    """Kill after kill in one checkout, then let it come to its end."""
    town.build()
    total.rounds += 1
    for moment in moments:
        code = _killed_by_the_clock(town, dice) if moment is None else _killed_at(town, moment)
        name = str(moment) if moment else f"{ANYWHERE}{' (real CLI)' if town.model_url else ''}"
        if code == -signal.SIGKILL:
            total.kills[name] += 1
            town.check(f"after a kill {name}")
        elif code == 0:
            total.missed += 1
            break
        else:
            town.found.append(f"with a kill {name} in wait the runner ended with {code}")
        if town.found:
            break
    if not town.found:
        code = _killed_at(town, None)
        if code != 0:
            town.found.append(f"left alone the runner ended with {code}")
        town.check_end()
    total.found += [f"{town.folder.name}: {sentence}" for sentence in town.found]
    if not town.found:
        shutil.rmtree(town.folder)


def _killed_at(town: Town, moment: Moment | None) -> int:
    """Fork a runner that dies at that moment; how it ended. None: nowhere."""
    if town.model_url:
        return _process(town).wait(WITHIN)
    child = os.fork()
    if child == 0:
        _be_the_runner(town, moment)
    return _waited_for(child)


def _killed_by_the_clock(town: Town, dice: random.Random) -> int:
    """A process of its own, killed at any time of what a task takes."""
    process = _process(town)
    try:
        process.wait(dice.uniform(0.3, 6.0 if town.model_url else 4.0))
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait(WITHIN)


def _process(town: Town) -> subprocess.Popen[bytes]:
    log = (town.folder / "log").open("ab")
    words = (sys.executable, "-m", "bot", *START)
    return subprocess.Popen(words, cwd=town.root, env=town.environ, stdout=log, stderr=log)


def _be_the_runner(town: Town, moment: Moment | None) -> None:
    code = 99
    try:
        log = os.open(town.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.chdir(town.root)
        environ = town.environ
        os.environ.clear()
        os.environ.update(environ)
        print(f"--- to be killed {moment or 'nowhere'}", flush=True)
        if moment is not None:
            set_trap(moment)
        code = app(list(START), standalone_mode=False) or 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException as error:  # noqa: BLE001 (of whatever kind: the harness has to hear how it ended)
        print(f"{type(error).__name__}: {error}", flush=True)
        code = int(getattr(error, "exit_code", 98))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _waited_for(child: int) -> int:
    end = time.monotonic() + WITHIN
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGABRT)
            os.waitpid(child, 0)
            return -signal.SIGABRT
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
