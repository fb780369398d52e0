"""`python -m tests.chaos [N=200] [SEED=…] [--store sqlite|postgres|both] [--only sqlite/3] [--mutation NAME]`.

Kills the server N times, at every step from a delivery to its end, and counts what was lost, doubled or early. Exit 0:
nothing was. With a mutation (one way to break the server on purpose), exit 0: the harness saw it.
"""

import argparse
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.campaign import Store, Total, mutated, rounds
from tests.chaos.moments import ANYWHERE, MOMENTS
from tests.chaos.mutations import MUTATIONS
from tests.chaos.round import play
from tests.postgres import Postgres


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="N=… SEED=…", help="how many kills; which dice")
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--only", default="", metavar="STORE/NUMBER", help="one round of those, to see it again")
    parser.add_argument("--mutation", choices=sorted(MUTATIONS), default="")
    asked = parser.parse_args()
    words = dict(word.split("=", 1) for word in asked.words if "=" in word)
    seed = words.get("SEED") or os.environ.get("SEED") or secrets.token_hex(4)
    count = int(words.get("N") or os.environ.get("N") or 200)
    folder = Path(tempfile.mkdtemp(prefix="ai-ready-chaos-"))
    if asked.mutation:
        return _mutation(folder, seed, asked.mutation)
    stores: tuple[Store, ...] = ("sqlite", "postgres") if asked.store == "both" else (asked.store,)
    return _campaign(folder, seed, count, stores, asked.only)


def _campaign(folder: Path, seed: str, count: int, stores: tuple[Store, ...], only: str) -> int:
    begun = time.monotonic()
    print(f"{count} kills, SEED={seed}", flush=True)
    totals: dict[Store, Total] = {}
    for index, store in enumerate(stores):
        share = count // len(stores) + (index < count % len(stores))
        totals[store] = Total()
        with _database(store) as postgres:
            for number, setting in enumerate(rounds(seed, store, share)):
                if only in ("", f"{store}/{number}"):
                    here = folder / f"{store}-{number}"
                    result = play(here, setting, postgres)
                    totals[store].add(result)
                    found = result.found
                    print(
                        f"round {store}/{number} ({setting.weather}): {result.kills.total()} kills, {result.runs} runs, "
                        f"{result.seconds:.0f} s: lost {len(found.lost)}, doubled {len(found.doubled)}, "
                        f"early {len(found.early)}, other {len(found.other)}",
                        flush=True,
                    )
                    _tell_or_tidy(here, result.found.sentences)
    _table(totals)
    print(f"{time.monotonic() - begun:.0f} s")
    bad = [store for store, total in totals.items() if not total.found.clean or total.never]
    if bad:
        print(f"see one round again with `N={count} SEED={seed} --only STORE/NUMBER`; logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _mutation(folder: Path, seed: str, name: str) -> int:
    shows = MUTATIONS[name].shows
    result = play(folder / name, mutated(seed, name))
    seen: list[str] = getattr(result.found, shows)
    print(f"{name}: {result.kills.total()} kills, {result.runs} runs, {shows} {len(seen)}, SEED={seed}")
    for sentence in result.found.sentences:
        print(f"  {sentence}")
    if not seen:
        print(f"the harness did not see it; logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _tell_or_tidy(folder: Path, sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"  {sentence}")
    if sentences:
        print(f"  logs: {folder}", flush=True)
    else:
        shutil.rmtree(folder)


def _table(totals: dict[Store, Total]) -> None:
    stores = list(totals)
    print("".join(f"{word:>10}" for word in stores) + "  kills")
    for moment in MOMENTS:
        print(
            "".join(f"{totals[store].kills[moment.name]:10}" for store in stores) + f"  {moment.name}: {moment.about}"
        )
    print("".join(f"{totals[store].kills[ANYWHERE]:10}" for store in stores) + "  anywhere: by the clock")
    print("".join(f"{totals[store].database_restarts:10}" for store in stores) + "  (restarts of PostgreSQL itself)")
    print(f"\n{'store':10}{'rounds':>8}{'kills':>8}{'runs':>8}{'lost':>8}{'doubled':>9}{'early':>8}{'other':>8}")
    for store, total in totals.items():
        found = total.found
        print(
            f"{store:10}{total.rounds:8}{total.kills.total():8}{total.runs:8}{len(found.lost):8}{len(found.doubled):9}"
            f"{len(found.early):8}{len(found.other):8}"
        )
        for name in total.never:
            print(f"  nothing ever died {name}: the harness is broken")


@contextmanager
def _database(store: Store) -> Iterator[Postgres | None]:
    """A PostgreSQL of our own, where one is needed."""
    if store == "sqlite":
        yield None
        return
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="ai-ready-pg-", dir=memory if memory.is_dir() else None) as folder:
        cluster = Postgres(Path(folder))
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
