"""What the runner says on a terminal: a time in blue, ✓ in green, ✗ in red, ⚠ in yellow, and what a run tells.

Everything said is a plain line of words: titles, an agent's words and a hook's output can colour, move or hide nothing.
The lines of a run are `bot.progress.lines`'; its journal tells at least one every 30 seconds.
"""

from collections.abc import Callable
from datetime import datetime
from typing import IO, Final

from rich.console import Console
from rich.text import Text

from bot.core.outbound import clean
from bot.progress.events import Entry
from bot.progress.lines import Tone, line_for
from bot.progress.state import Progress

LONGEST: Final = 2_000
"""Characters of one line."""

MOST_LINES: Final = 200
"""Of one message."""

_SIGNS: Final = {"success": ("✓", "+", "green"), "error": ("✗", "x", "red"), "warning": ("⚠", "!", "yellow")}
"""Each kind of message: its sign, the one for terminals that have no such letter, and the colour."""

_TONES: Final[dict[Tone, str]] = {"": "", "head": "bold", "good": "green", "bad": "yellow", "faint": "dim"}


def _now() -> datetime:
    return datetime.now().astimezone()


class _Patient(Console):
    """Nobody may be reading any more (`ai-ready start | head`)."""

    def on_broken_pipe(self) -> None:
        """Say nothing more; rich would end the process."""
        self.quiet = True


class Terminal:
    """Says things to a person; a listener of journals, too. Safe to use from any thread."""

    def __init__(
        self,
        file: IO[str],
        *,
        colours: bool,
        keep: Callable[[str], None] = lambda _line: None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`keep` gets every line without colours: the runner's log. `now`: the person's own time."""
        self._console = _Patient(
            file=file,
            color_system="standard" if colours else None,
            force_terminal=colours,
            no_color=not colours,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )
        self._encoding = getattr(file, "encoding", None) or "utf-8"
        self._keep, self._now = keep, now

    def info(self, text: str, style: str = "") -> None:
        """What is going on."""
        self._say("", "", text, style)

    def success(self, text: str) -> None:
        """Something went well."""
        self._signed("success", text)

    def error(self, text: str) -> None:
        """Something did not."""
        self._signed("error", text)

    def warning(self, text: str) -> None:
        """Something deserves a look."""
        self._signed("warning", text)

    def plain(self, text: str) -> None:
        """Words of a question, without a time."""
        for line in self._lines(text):
            self._print(Text(line))

    def __call__(self, entry: Entry, progress: Progress) -> None:
        """Hear an event of a run."""
        if line := line_for(entry, progress):
            self.info(line.text, _TONES[line.tone])

    def _signed(self, kind: str, text: str) -> None:
        sign, plain, colour = _SIGNS[kind]
        self._say(sign if self._has(sign) else plain, colour, text, "")

    def _say(self, sign: str, colour: str, text: str, style: str) -> None:
        time = f"[{self._now():%H:%M:%S}]"
        for line in self._lines(text):
            mark = f"{sign} " if sign else ""
            self._print(Text.assemble((time, "blue"), " ", (mark, colour), (line, style)))
            self._keep(f"{time} {mark}{line}")

    def _print(self, line: Text) -> None:
        """A terminal that is gone ends what is shown there, not the work; the log goes on."""
        try:
            self._console.print(line, soft_wrap=True)
        except OSError:
            self._console.quiet = True

    def _lines(self, text: str) -> list[str]:
        """Plain lines in letters that the terminal has."""
        shown = clean(text[: LONGEST * MOST_LINES]).expandtabs(4).split("\n")[:MOST_LINES]
        return [self._in_its_letters(line.rstrip()[:LONGEST]) for line in shown]

    def _in_its_letters(self, line: str) -> str:
        return line.encode(self._encoding, "replace").decode(self._encoding, "replace")

    def _has(self, sign: str) -> bool:
        return self._in_its_letters(sign) == sign
