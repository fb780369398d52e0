"""`python -m tests.machine [N=500] [STEPS=30] [SEED=…] [SHRINK=1]`: N examples of whatever may happen, in any order.

Exit 0: what must hold held in each of them. Otherwise the example that failed is printed as the steps to take, and the line
that finds it again; with SHRINK it is made as short as five minutes allow.
"""

import os
import secrets
import sys
import time
from collections import Counter

from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.profile import profile

given = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
count = int(given.get("N") or os.environ.get("N") or 500)
steps = int(given.get("STEPS") or 30)
dice = int(given.get("SEED") or os.environ.get("SEED") or secrets.randbelow(10**6))
done: Counter[str] = Counter()


class Counted(Machine):
    """Says now and then how far it is."""

    def teardown(self) -> None:
        """See `Machine`."""
        super().teardown()
        done["examples"] += 1
        done["runs"] += len(self.world.town.actions.dispatches)
        done["verdicts"] += sum("verdict" in key for _, _, key in self.world.listener.made.elements())
        if done["examples"] % 100 == 0:
            print(f"  {time.monotonic() - begun:6.0f} s  {dict(done)}", flush=True)


print(f"{count:,} examples of up to {steps} steps, SEED={dice}", flush=True)
begun = time.monotonic()
try:
    run_state_machine_as_test(seed(dice)(Counted), settings=profile(count, steps, shrink="SHRINK" in given))
except BaseException:
    print(f"again: python -m tests.machine N={count} STEPS={steps} SEED={dice}", flush=True)
    raise
print(f"{dict(done)}, {time.monotonic() - begun:.0f} s")
