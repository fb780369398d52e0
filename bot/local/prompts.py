"""Questions to whoever sits before the terminal: numbered options, an answer in time, or the declared default.

A runner never hangs on a question: without a terminal, at the end of input, or after the time-out, the default counts
and that is said. docs/laptop.md says what the answers at a checkpoint do.
"""

import os
import select
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from bot.core.model import Json
from bot.core.outbound import clean
from bot.job.git import NeverStop, Stop
from bot.local.terminal import Terminal

SECONDS: Final = 3_600.0
"""What a person may take to answer."""

TICK: Final = 0.2
"""Seconds between looks at whether the runner is to stop."""

LONGEST_ANSWER: Final = 4_000
"""Characters."""

Answer = Literal["continue", "pause", "redirect", "abort"]
ANSWERS: Final[tuple[tuple[Answer, str], ...]] = (
    ("continue", "Continue"),
    ("pause", "Pause (leave the task blocked)"),
    ("redirect", "Redirect (say what to do instead)"),
    ("abort", "Abort (stop the runner)"),
)
DEFAULT: Final[Answer] = "pause"


class Input(Protocol):
    """Where answers come from."""

    def forget(self) -> None:
        """What was typed before a question is no answer to it."""
        ...

    def line(self, seconds: float, stopped: Stop) -> str | None:
        """The next line; None: there is none (no terminal, the end of input, too late, or the runner stops)."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided at a checkpoint: to be kept in the session's file."""

    checkpoint: str
    """What the run stopped for."""
    answer: Answer
    words: str
    """Of a redirection."""
    by: Literal["operator", "default"]
    at: datetime

    def as_json(self) -> Json:
        """With the time as text."""
        return {**asdict(self), "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}"}


@dataclass(frozen=True, slots=True)
class Prompter:
    """Asks on one terminal."""

    terminal: Terminal
    input: Input
    stopped: Stop = NeverStop()
    seconds: float = SECONDS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def choose(self, question: str, options: Sequence[str], *, default: str) -> str:
        """One of `options`, as its text; `default` where nobody answers."""
        return self._chosen(question, options) or self._default(default)

    def decide(self, checkpoint: str, question: str) -> Decision:
        """What is to become of a run that stopped at a checkpoint."""
        chosen = self._chosen(question, [shown for _, shown in ANSWERS])
        answer = next((each for each, shown in ANSWERS if shown == chosen), None)
        words = ""
        if answer == "redirect":
            self.terminal.plain("What should the agent do instead? (one line)")
            words = self._line() or ""
        if answer is None or (answer == "redirect" and not words):
            self._default(DEFAULT)
            return Decision(checkpoint, DEFAULT, "", "default", self.now())
        return Decision(checkpoint, answer, words, "operator", self.now())

    def _chosen(self, question: str, options: Sequence[str]) -> str | None:
        self.terminal.warning("Operator intervention required")
        self.terminal.plain(question)
        for number, option in enumerate(options, 1):
            self.terminal.plain(f"  {number}. {option}")
        self.input.forget()
        end = time.monotonic() + self.seconds
        while True:
            self.terminal.plain("Select option:")
            line = self._line(end - time.monotonic())
            if line is None:
                return None
            if line.isascii() and line.isdigit() and 1 <= int(line[:9]) <= len(options):
                return options[int(line) - 1]
            self.terminal.plain("Invalid choice, try again")

    def _line(self, seconds: float | None = None) -> str | None:
        line = self.input.line(self.seconds if seconds is None else max(0.0, seconds), self.stopped)
        return None if line is None else clean(line[:LONGEST_ANSWER]).strip()

    def _default(self, default: str) -> str:
        self.terminal.warning(f"Nobody answered here: taking “{default}”.")
        return default


class TerminalInput:
    """Lines that a person types; none where the input is no terminal."""

    def __init__(self, descriptor: int | None = None) -> None:
        """`descriptor`: of the terminal; None: this process's standard input."""
        self._descriptor = descriptor
        self._typed = b""

    def forget(self) -> None:
        """See `Input`."""
        self._typed = b""
        if (descriptor := self._opened()) is not None:
            termios.tcflush(descriptor, termios.TCIFLUSH)

    def line(self, seconds: float, stopped: Stop) -> str | None:
        """See `Input`."""
        descriptor = self._opened()
        if descriptor is None:
            return None
        end = time.monotonic() + seconds
        while b"\n" not in self._typed:
            left = end - time.monotonic()
            if left <= 0 or stopped.is_set:
                return None
            if not select.select((descriptor,), (), (), min(TICK, left))[0]:
                continue
            data = os.read(descriptor, 4096)
            if not data:
                return None
            self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace")

    def _opened(self) -> int | None:
        descriptor = self._descriptor
        if descriptor is None and sys.stdin is not None and not sys.stdin.closed:
            descriptor = sys.stdin.fileno()
        return (
            descriptor if descriptor is not None and os.isatty(descriptor) and not _in_background(descriptor) else None
        )


def _in_background(terminal: int) -> bool:
    """Whether reading would stop us: the shell has the terminal (`ai-ready start &`)."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # it is nobody's controlling terminal, so no shell has it
        return False
