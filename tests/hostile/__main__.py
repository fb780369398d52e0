"""`python -m tests.hostile`: every attack twice, with its defence and without it; a table, and exit 1 if one is not held.

Needs root (or a user who may become another one), as isolation does.
"""

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.hostile import attacks_change, attacks_cli, attacks_model, attacks_money, attacks_reach, attacks_words
from tests.hostile.arena import GROUP, Attack, fight

ALL = (
    *attacks_reach.ATTACKS,
    *attacks_money.ATTACKS,
    *attacks_words.ATTACKS,
    *attacks_change.ATTACKS,
    *attacks_cli.ATTACKS,
    *attacks_model.ATTACKS,
)
SAMPLE = ("S01 environ", "R34 at once", "R05 quotation", "O05 fence", "S05 base64", "R55 author")
"""One of each kind, for CI."""


TRIES = 3
"""Some attacks race with us: so often they may be tried where their defence is taken out, until they succeed."""


@dataclass(frozen=True, slots=True)
class Bout:
    """How both fights of an attack went."""

    attack: Attack
    held: bool
    proven: bool
    """Without the defence it succeeded."""
    trouble: str = ""

    @property
    def word(self) -> str:
        """For the table."""
        if self.trouble:
            return "ERROR"
        if not self.held:
            return "NOT HELD"
        return "held" if self.proven else "NO PROOF"


def bout(attack: Attack) -> Bout:
    """Fight twice."""
    try:
        held = not fight(attack, weak=False)
        return Bout(attack, held, any(fight(attack, weak=True) for _ in range(TRIES)))
    except Exception:  # noqa: BLE001 (one broken attack must not hide the others; it counts as a failure)
        return Bout(attack, held=False, proven=False, trouble=traceback.format_exc())


def main() -> int:
    """Fight those that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("words", nargs="*", help="only attacks with one of these in id or title")
    parser.add_argument("--sample", action="store_true", help="only a few, one of each kind")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="print the table of docs/hostile.md and attack nothing")
    asked = parser.parse_args()
    chosen = [each for each in ALL if not asked.words or any(w in f"{each.id} {each.title}" for w in asked.words)]
    chosen = [each for each in chosen if not asked.sample or each.id in SAMPLE]
    if asked.list:
        print("\n".join(f"| {each.id} | {each.title} |" for each in chosen))
        return 0
    if os.geteuid() != 0:
        sys.exit("make hostile needs root: only root may become the other user that it attacks as.")
    os.setgroups([GROUP])
    begin, bad = time.monotonic(), 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        for done in pool.map(bout, chosen):
            bad += done.word != "held"
            print(f"{done.word:9}  {done.attack.id:28} {done.attack.title}", flush=True)
            if done.trouble:
                print(done.trouble, file=sys.stderr)
    print(
        f"\n{len(chosen) - bad} of {len(chosen)} attacks held, each seen to succeed without its defence; "
        f"{time.monotonic() - begin:.0f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
