"""How a gate goes on making the issues of an approved plan: a portion in each look, as long as it has nothing else to do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.effects import MakeIssues
from bot.core.plan import Plan
from bot.core.situation import Making
from bot.github.ports import Applied

MOST = 40
"""Portions of one gate, whose job has ten minutes; the next gate's go on."""

PAUSE = 4.0
"""Seconds until it looks again whether one that is in doubt was made."""


@dataclass(slots=True)
class Portions:
    """Of one gate."""

    sleep: Callable[[float], None]
    made: int = 0
    refused: bool = False
    """GitHub will not have it: nobody tries before the next event."""

    def go_on(self, decided: Plan, only: int) -> bool:
        """Whether this gate makes the portion and looks again."""
        free = decided.admitted is None and not only
        return decided.making and free and not self.refused and self.made < MOST

    def heard(self, decided: Plan, answers: Iterable[Applied]) -> None:
        """What became of one."""
        steps = [answer for answer in answers if isinstance(answer.effect, MakeIssues)]
        self.made += 1
        self.refused = any(not (step.ok or step.unsure) for step in steps)
        waits = any(isinstance(each, Making) and each.waits for each in decided.survey.situations.values())
        if waits or not all(step.ok for step in steps):
            self.sleep(PAUSE)
