"""Where a run stops so that a person can look at it: Blocked (needs-input), the work kept, with a summary. Pure.

| checkpoint | supervised, interactive | autonomous |
|---|---|---|
| `checkpoints.turn_interval` turns are used | stops | goes on to `agent.max_turns` |
| a check that passes on the base fails (a regression) | stops at the first failure | is mended while attempts are left, then `tests-failed` |
| the agent says that it is blocked, or asks | stops | stops |
| `checkpoints.context` of the context window is used | stops | stops |
"""

from dataclasses import replace

from bot.core.messages.words import counted
from bot.core.names import Reason
from bot.core.run import Check
from bot.core.settings import RepoConfig
from bot.core.verdict import Refusal


def may_ask_people(config: RepoConfig) -> bool:
    """Whether a run may end with a question where an autonomous one decides by itself."""
    return config.mode != "autonomous"


def most_turns(config: RepoConfig) -> int:
    """Turns that a run has until it stops, for whichever reason."""
    most = config.agent.max_turns
    return min(most, config.checkpoints.turn_interval) if may_ask_people(config) else most


def at_turn_interval(refusal: Refusal | None, config: RepoConfig) -> Refusal | None:
    """The same, or the checkpoint where the turns that ran out were those of the interval."""
    used_up = refusal is not None and refusal.reason is Reason.MAX_TURNS
    if not used_up or most_turns(config) == config.agent.max_turns:
        return refusal
    turns = counted(most_turns(config), "turn")
    text = f"The agent was stopped after {turns} so that somebody can look at it (`checkpoints.turn_interval`)."
    return Refusal(Reason.NEEDS_INPUT, text)


def regression(refusal: Refusal, failed: Check, config: RepoConfig) -> Refusal:
    """The work broke what passes without it: a question where people may be asked, `tests-failed` elsewhere."""
    if may_ask_people(config):
        text = f"The {failed.name} command passes without this work, and fails with it: {failed.command}"
        return Refusal(Reason.NEEDS_INPUT, text, refusal.details)
    return replace(refusal, text=f"{refusal.text} (it passes without this work)")


def no_regression(refusal: Refusal) -> Refusal:
    """What fails now fails without the work as well."""
    details = f"The same command fails without this work as well.\n\n{refusal.details}".strip()
    return replace(refusal, details=details)
