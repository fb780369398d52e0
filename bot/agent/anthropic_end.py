"""How an ask over the Messages API ended, in the words that the Claude CLI has for it: one verdict judges both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import anthropic
import httpx2

STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
"""Of errors that come in the middle of an answer, whose own status says 200 (https://docs.claude.com/en/api/errors)."""


@dataclass(frozen=True, slots=True)
class End:
    """The fields of `core.run.AgentReport` that say it."""

    stopped_for: Literal["", "timed-out", "cancelled", "over-budget", "context"] = ""
    subtype: str = "success"
    terminal_reason: str = "completed"
    status: int = 0
    errors: tuple[str, ...] = ()
    structured: Mapping[str, Any] | None = None

    @property
    def is_error(self) -> bool:
        """It did not come to an end of its own."""
        return (self.subtype, self.terminal_reason) != ("success", "completed")


class Unreadable(Exception):
    """The model's answer is no JSON where it has to be, or not all of it came."""


MAX_TURNS: Final = End(subtype="error_max_turns", terminal_reason="max_turns")
MAX_USD: Final = End(subtype="error_max_budget_usd", terminal_reason="max_budget_usd")
MISFITS: Final = End(subtype="error_max_structured_output_retries", terminal_reason="structured_output_retries")


def cut_off(max_tokens: int) -> End:
    """It writes more than one answer may hold, again and again."""
    words = (
        f"One answer after the other was cut off at {max_tokens} tokens; a higher `agent.max_tokens` would let it end."
    )
    return End(subtype="error_during_execution", terminal_reason="max_tokens", errors=(words,))


def refused(words: str) -> End:
    """The model's safety classifier stopped the answer."""
    return End(terminal_reason="api_error", errors=(f"The model refused to go on. {words}".strip(),))


def failed(error: Exception) -> End:
    """The API's error, or that of the way to it."""
    return End(terminal_reason="api_error", status=status_of(error), errors=(_words(error),))


def in_an_answer(error: Exception) -> bool:
    """Whether an answer had begun, so that the SDK does not ask again by itself, and asking again may help."""
    if isinstance(error, anthropic.APIStatusError):
        status = status_of(error)
        return error.status_code == httpx2.codes.OK and (status == 429 or status >= 500)
    return isinstance(error, httpx2.HTTPError | Unreadable)


def status_of(error: Exception) -> int:
    """The HTTP status; 0: there was no answer."""
    if not isinstance(error, anthropic.APIStatusError):
        return 0
    return STATUSES.get(str(error.type), 500) if error.status_code == httpx2.codes.OK else error.status_code


def _words(error: Exception) -> str:
    said = error.api_message if isinstance(error, anthropic.APIStatusError) else None
    return (said or str(error) or type(error).__name__)[:2000]
