"""What a run told, as the page shows it: the lines of its log, and how it stood at the last one. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.core.messages.words import money
from bot.page.shown import CheckResult, LogLine
from bot.progress.lines import line_for
from bot.progress.reading import entries
from bot.progress.state import Progress

MOST_BYTES = 20_000_000
"""Of `events.jsonl` that are read; the journal keeps it far below that."""


@dataclass(frozen=True, slots=True)
class Told:
    """`events.jsonl`, read."""

    log: tuple[LogLine, ...]
    progress: Progress

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those that have ended."""
        return tuple(
            CheckResult(each.name, each.command, each.exit_code, each.seconds) for each in self.progress.checks
        )

    @property
    def figures(self) -> Iterator[tuple[str, str]]:
        """Name and value of what is known."""
        if self.progress.model:
            yield "Model", self.progress.model
        if self.progress.isolation:
            yield "Isolation", self.progress.isolation
        if self.progress.began is not None:
            yield "May cost", money(self.progress.began.usd)


def read_told(run: str, lines: Iterable[bytes]) -> Told:
    """What these lines of `events.jsonl` say; those that nobody understands are passed over."""
    progress, log = Progress(run, 0), list[LogLine]()
    for entry in entries(lines):
        progress = progress.after(entry)
        line = line_for(entry, progress)
        if line is not None:
            log.append(LogLine(line.text, line.tone))
    return Told(tuple(log), progress)
