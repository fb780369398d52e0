"""Keeps one value back from bytes that pass in pieces: what a server answers may repeat the key that it was sent."""

from typing import Final

from bot.core.secret import SHORTEST

MARK: Final = b"***"


class Sieve:
    """For one answer."""

    def __init__(self, secret: str) -> None:
        """A `secret` too short to be looked for passes."""
        self._secret = secret.encode("utf-8", "surrogateescape") if len(secret) >= SHORTEST else b""
        self._held = b""

    def __call__(self, piece: bytes) -> bytes:
        """What may go on now: nothing waits but the value's beginning at the very end."""
        passed = (self._held + piece).replace(self._secret, MARK) if self._secret else piece
        most = min(len(self._secret) - 1, len(passed))
        held = next((size for size in range(most, 0, -1) if passed.endswith(self._secret[:size])), 0)
        self._held = passed[len(passed) - held :]
        return passed[: len(passed) - held]

    def rest(self) -> bytes:
        """What was held back at the end, and is not the value."""
        held, self._held = self._held, b""
        return held

    def whole(self, data: bytes) -> bytes:
        """All of an answer at once."""
        return self(data) + self.rest()
