"""How much a model can have before it, in tokens: by its name, since the CLI says it only when it is too late.

Source: `modelUsage.contextWindow` in the results of Claude Code 2.1.329, asked of each family.
"""

import re

WINDOW = 1_000_000
"""Of today's models, and of those we don't know: as the CLI takes it."""
OLDER_WINDOW = 200_000

_OLDER = re.compile(r"claude-(?:[123]-|instant|(?:haiku|sonnet)-4|opus-4(?!-[7-9](?![0-9])))")
_SUFFIX = re.compile(r"\[([0-9]{1,4})([km])\]$")


def window_of(model: str) -> int:
    """Tokens of the context window of a model id (also with a date, a provider's prefix or a `[1m]` suffix)."""
    if said := _SUFFIX.search(model):
        return int(said[1]) * (1_000_000 if said[2] == "m" else 1_000)
    return OLDER_WINDOW if _OLDER.search(model) else WINDOW
