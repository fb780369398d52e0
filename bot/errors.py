"""One tree of errors: whose fault it is, what the person reads, whether to try again, how we exit.

Every door (CLI, job step, server) catches `AiReadyError` in exactly one place. Nothing below a door turns an
error into silence.
"""

from typing import ClassVar


class AiReadyError(Exception):
    """Root of everything we raise on purpose. `str(error)` is one sentence a person can act on; never a secret."""

    exit_code: ClassVar[int] = 1
    """What the process exits with when this reaches the CLI's door."""


class UsageError(AiReadyError):
    """The caller's words are off: a flag, an input file, an issue number, an environment variable. Exit 2."""

    exit_code: ClassVar[int] = 2


class ConfigError(UsageError):
    """The repository's config (or a needed variable) can't be used; names the file, the line and the key. Exit 2."""


class Blocked(AiReadyError):
    """A run can't go on; ends it with the verdict Blocked(`code`).

    `code` is a reason code of `bot.core.names.Reason`; `text` is one sentence for the issue's reader.
    """

    def __init__(self, code: str, text: str, *, details: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.details = details
        """More for the verdict comment (a log's tail, a list of paths); shown fenced, neutralised and bounded."""


class GitHubError(AiReadyError):
    """GitHub answered no. `status` is the HTTP status (0: no answer at all)."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        """Seconds to leave GitHub alone, where it said so."""

    @property
    def transient(self) -> bool:
        """True when the same request may well succeed later: no answer, 5xx, rate limit."""
        return self.status == 0 or self.status >= 500 or self.status == 429 or self.retry_after is not None


class InternalError(AiReadyError):
    """Our own fault. The person gets an apology and where the details are. Exit 70 (EX_SOFTWARE)."""

    exit_code: ClassVar[int] = 70
