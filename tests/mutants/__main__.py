"""`python -m tests.mutants [MODULE …] [--jobs 2]`: changes the policy modules, one thing at a time, and looks who notices.

A mutant is killed when a test that judges its module fails, survives when all pass. A survivor is a test that is missing,
code that nobody needs, or a change that makes no difference (`equivalent.toml`, with the reason). The survivors are
printed; everything is in `.ai-ready/mutants`. Exit 1: the score is below 90 % over all modules, or 80 % of one.
"""

import argparse
import os
import shutil
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutants import trying
from tests.mutants.making import Mutant, mutants_of
from tests.mutants.policy import POLICY, Judged

FOLDER: Final = Path(".ai-ready/mutants")
EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
GOAL, LEAST = 90.0, 80.0


@dataclass(frozen=True)
class Score:
    """What became of a module's mutants."""

    module: str
    killed: int
    survived: int
    equivalent: int
    seconds: float

    @property
    def percent(self) -> float:
        """Of those that make a difference."""
        return 100 * self.killed / ((self.killed + self.survived) or 1)

    def __str__(self) -> str:
        mutants = self.killed + self.survived
        return f"{self.module:20}{mutants:8}{self.killed:8}{self.survived:10}{self.equivalent:12}{self.percent:8.1f} %{self.seconds:8.0f} s"


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as in core/paths; all when none is named")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    unknown = set(asked.modules) - {judged.module for judged in POLICY}
    if unknown:
        parser.error(f"no policy module: {', '.join(sorted(unknown))}; they are in tests/mutants/policy.py")
    if os.environ.get("PYTHONHASHSEED") != "0":  # the same order of sets in each process, so the same score each time
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.mutants", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    trying.prepare()
    scores = [_score(judged, asked.jobs) for judged in POLICY if not asked.modules or judged.module in asked.modules]
    return _table(scores)


def _score(judged: Judged, jobs: int) -> Score:
    begun = time.monotonic()
    logs = FOLDER / judged.module.replace("/", ".")
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    tests = trying.watch(judged, logs)
    everything = mutants_of(Path(judged.path))
    same = _equivalent(judged.module, everything)
    mutants = {n: mutant for n, mutant in enumerate(everything, 1) if mutant not in same}
    killed = trying.killed(judged, mutants, tests, jobs=jobs, logs=logs)
    survivors = [n for n in mutants if n not in killed]
    for n in survivors:
        print(f"{judged.path}, {mutants[n]}\n", flush=True)
    score = Score(judged.module, len(mutants) - len(survivors), len(survivors), len(same), time.monotonic() - begun)
    print(f"{score}\n", flush=True)
    return score


def _equivalent(module: str, mutants: list[Mutant]) -> list[Mutant]:
    """Those that are listed as making no difference. An entry that no mutant fits any more has to go."""
    found: list[Mutant] = []
    for entry in tomllib.loads(EQUIVALENT.read_text()).get(module, []):
        fitting = [mutant for mutant in mutants if (mutant.was, mutant.now) == (entry["was"], entry["now"])]
        if not fitting:
            sys.exit(f"{EQUIVALENT.name}: no mutant of {module} has {entry['now']!r} for {entry['was']!r}; remove it.")
        found += fitting
    return found


def _table(scores: list[Score]) -> int:
    total = Score(
        "together",
        sum(score.killed for score in scores),
        sum(score.survived for score in scores),
        sum(score.equivalent for score in scores),
        sum(score.seconds for score in scores),
    )
    print(f"{'module':20}{'mutants':>8}{'killed':>8}{'survived':>10}{'equivalent':>12}{'score':>10}{'time':>10}")
    for score in (*scores, total):
        print(score)
    low = [score.module for score in scores if score.percent < LEAST]
    if low or total.percent < GOAL:
        print(f"below the goal ({GOAL:.0f} % together, {LEAST:.0f} % each): {', '.join(low) or 'together'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
