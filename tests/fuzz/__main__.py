"""`python -m tests.fuzz [N=3000] [SEED=…] [AT=17,18]`: deliver N broken, odd and good deliveries to the real server.

Exit 0: none was answered 500 or above, nothing unsigned was stored, and every signed and well-formed one exactly once.
"""

import os
import secrets
import sys
import time

from tests.fuzz.deliver import fuzz

given = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
count = int(given.get("N") or os.environ.get("N") or 3_000)
seed = given.get("SEED") or os.environ.get("SEED") or secrets.token_hex(4)
numbers = [int(one) for one in given["AT"].split(",")] if "AT" in given else list(range(count))
print(f"{len(numbers):,} deliveries, SEED={seed}", flush=True)
begun = time.monotonic()
found = fuzz(seed, numbers)
for (kind, status), times in sorted(found.answers.items()):
    print(f"  {times:8,}  {status or 'closed':>6}  {kind}")
print(f"answers of 500 and above: {found.at_least(500)}")
print(f"rows of unsigned deliveries: {found.unsigned_rows}")
print(f"rows: {found.rows:,}, each of a signed delivery that was answered 202, once")
for fault in found.faults[:20]:
    print(f"FAULT {fault}")
if found.faults:
    again = f"SEED={seed} AT=…"
    print(f"{len(found.faults)} faults; deliver one again with `python -m tests.fuzz {again}`")
print(f"{time.monotonic() - begun:.1f} s")
sys.exit(1 if found.faults else 0)
