"""The output of one command in the model's shell, in bounded memory: its beginning, its end, and where it ended."""

import re

from bot.agent.process import TERMINAL_CODES

HEAD, TAIL = 10_000, 20_000
"""Bytes that the model reads: of the beginning and of the end."""

MOST_OUTPUT = 64 << 20
"""Bytes that a command may write before it is stopped."""

LONGEST_MARK = 64
"""Bytes of the line that ends the output."""


class Output:
    """Bytes in, until a line of its own with `token` and an exit code."""

    def __init__(self, token: str) -> None:
        self._mark = re.compile(rb"\n%b ([0-9]{1,3})\n" % token.encode())
        self._head, self._tail, self._dropped = b"", bytearray(), 0
        self.exit_code: int | None = None
        """Of the command, once it has ended."""
        self.rest = b""
        """What came after that."""

    @property
    def flooded(self) -> bool:
        """It writes without end."""
        return self._dropped > MOST_OUTPUT

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        looked_at = max(0, len(self._tail) - LONGEST_MARK)
        self._tail += data
        if found := self._mark.search(self._tail, looked_at):
            self.exit_code = int(found[1])
            self.rest = bytes(self._tail[found.end() :])
            del self._tail[found.start() :]
        self._shrink(HEAD + 2 * TAIL)

    def text(self) -> str:
        """What the model reads, without terminal codes."""
        self._shrink(HEAD + TAIL)
        gap = f"\n[{self._dropped} bytes are left out here]\n" if self._dropped else ""
        whole = self._head.decode("utf-8", "replace") + gap + self._tail.decode("utf-8", "replace")
        return TERMINAL_CODES.sub("", whole)

    def _shrink(self, most: int) -> None:
        """Leave out the middle where there is more than `most`."""
        if len(self._head) + len(self._tail) <= most:
            return
        if not self._head:
            self._head = bytes(self._tail[:HEAD])
            del self._tail[:HEAD]
        cut = len(self._tail) - TAIL
        self._dropped += cut
        del self._tail[:cut]
