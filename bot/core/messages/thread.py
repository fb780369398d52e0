"""Our answer in a review conversation: one for each run."""

from bot.core.markers import hide
from bot.core.names import THREAD_MARKER
from bot.core.outbound import bounded, fence

MOST_WORDS = 1_200
"""Characters of the agent's words, with their fence."""


def thread_reply(text: str, run_key: str, commit: str) -> str:
    """The agent's words, fenced, and which commit they speak of; empty: nothing was changed."""
    about = f"In {commit}, in the agent's own words:" if commit else "Nothing was changed. The agent's own words:"
    return bounded(about, fence(text, limit=MOST_WORDS), hide(THREAD_MARKER, {"run": run_key}))
