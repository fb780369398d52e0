"""The campaign's main attacks once more, by what a real model has: the Claude CLI's Bash, the SDK backend's shell and editor."""

from bot.sandbox.model import Scene, Script, Turn, bash
from tests.hostile import attacks_change, attacks_cli, attacks_money, attacks_reach
from tests.hostile.arena import Arena, Attack, Weakness, by_the_model

_NAMED = {each.id: each for each in (*attacks_reach.ATTACKS, *attacks_change.ATTACKS, *attacks_cli.ATTACKS)}
BY_BOTH = ("S01 environ", "S01 memory", "S02 set-uid", "R30 daemon", "S02 programs", "R52 action", "R55 symlink")
"""Done by a program that the model starts."""
BY_THE_SDK = ("S03 home", "S03 Read", "S05 as it is")


def _dear(_loot: str, _marks: str) -> Script:
    """A model that never ends, at $0.12 a turn."""
    turn = bash("true")
    return Script(Scene("", Turn(tools=turn.tools, usage={"output_tokens": 8000})))


def _many_turns(arena: Arena) -> bool:
    arena.settle(arena.ask())
    assert arena.stage.model
    return len(arena.stage.model.requests) > 20


ATTACKS = (
    *(by_the_model(_NAMED[name], "claude-code") for name in BY_BOTH),
    *(by_the_model(_NAMED[name], "anthropic-sdk") for name in (*BY_BOTH, *BY_THE_SDK)),
    by_the_model(
        Attack(
            "R34 budget",
            "goes on and on, past what the run may cost",
            _many_turns,
            (
                attacks_money.NO_BUDGET,
                Weakness(
                    "bot/agent/anthropic_agent.py",
                    "MAX_USD if self._line.proxy.spent_usd >= self._job.usd else None",
                    "None",
                ),
            ),
            config="agent: {model: sonnet}\nlimits: {usd: 1, minutes: 2}\n",
            script=_dear,
        ),
        "anthropic-sdk",
    ),
)
