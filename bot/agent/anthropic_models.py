"""What the Messages API calls the models that people call by a short name: it knows no aliases, unlike the Claude CLI.

Source: the model ids that the SDK itself lists (`anthropic.types.Model`, version 2.12.0), the newest of each family.
"""

import re
from typing import Final

ALIASES: Final = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}

_SUFFIX = re.compile(r"\[[0-9]{1,4}[mk]\]$")


def model_id(name: str) -> str:
    """The id of an alias; an id that somebody gives passes as it is, but for the CLI's own `[1m]`."""
    plain = _SUFFIX.sub("", name)
    return ALIASES.get(plain, plain)
