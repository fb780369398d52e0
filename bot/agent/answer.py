"""The form in which an agent has to give its answer, where that is not a run's own (`claude_code.SCHEMA`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Form:
    """What an agent is asked to end with."""

    schema: str
    """JSON Schema."""
    fitting: Callable[[Any], Mapping[str, Any] | None]
    """The answer where it has this form; None: it has not. What is in it is data, whatever it says."""
