"""Many rounds: which kills, on which store, in what order; and how a mutation is shown."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tests.chaos.judge import Found
from tests.chaos.moments import ANYWHERE, DATABASE, MOMENTS
from tests.chaos.mutations import MUTATIONS
from tests.chaos.round import Kill, Result, Setting
from tests.chaos.weather import Weather

Store = Literal["sqlite", "postgres"]
PER_ROUND = 50
"""Kills that one town lives through at most: its issues become many."""
REPLICAS = {"sqlite": 1, "postgres": 2}


@dataclass(slots=True)
class Total:
    """What came of all rounds on one store."""

    rounds: int = 0
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    database_restarts: int = 0
    found: Found = field(default_factory=Found)

    def add(self, result: Result) -> None:
        """And one more."""
        self.rounds += 1
        self.runs += result.runs
        self.kills += result.kills
        self.missed += result.missed
        self.database_restarts += result.database_restarts
        self.found.add(result.found)

    @property
    def never(self) -> list[str]:
        """Moments that were tried, and at which nothing ever died: the harness is what is broken."""
        return [name for name in self.missed if not self.kills[name]]


def rounds(seed: str, store: Store, kills: int) -> Iterator[Setting]:
    """The rounds of a campaign, each with a seed of its own."""
    deck = _deck(random.Random(f"{seed}/{store}"), store)
    for number in range(-(-kills // PER_ROUND)):
        many = min(PER_ROUND, kills - number * PER_ROUND)
        yield Setting(
            f"{seed}/{store}/{number}",
            tuple(next(deck) for _ in range(many)),
            replicas=REPLICAS[store],
            weather=(Weather.WILD, Weather.WILD, Weather.OLD, Weather.SILENT)[number % 4],
            slow_pass=number % 4 == 0,
        )


def _deck(dice: random.Random, store: Store) -> Iterator[Kill]:
    """Every moment once in changing order, and some kills by the clock; then all of them again, for ever."""
    names = [moment.name for moment in MOMENTS] + [ANYWHERE] * 5
    if store == "postgres":
        names += [DATABASE] * 3
    while True:
        for name in dice.sample(names, len(names)):
            everybody = tuple(range(REPLICAS[store]))
            victims = dice.choice((*((one,) for one in everybody), everybody))
            if name.startswith("amid"):
                victims = everybody  # GitHub can't tell who it was that asked
            yield Kill(name, dice.choice((1, 1, 1, 2, 3)), victims, dice.uniform(0.0, 1.0))


def mutated(seed: str, name: str) -> Setting:
    """A round that shows what a mutation breaks."""
    mutation = MUTATIONS[name]
    return Setting(
        f"{seed}/{name}",
        (Kill(mutation.moment),) * 2 if mutation.moment else (),
        weather=mutation.weather,
        odd_ends=0.0,
        slow_pass=not mutation.moment,
        storylines=False,
        mutation=name,
        still=5.0,
    )
