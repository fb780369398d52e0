"""The listener that writes the live log: the job's log on GitHub, the terminal elsewhere."""

from bot.progress.events import CheckBegan, CheckEnded, Entry, Verdict
from bot.progress.lines import line_for
from bot.progress.state import Progress
from bot.report import Report


class LiveLog:
    """Says each event that is worth a line. The output of a command is folded away where the log can fold."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._folded = False

    def __call__(self, entry: Entry, progress: Progress) -> None:
        """Hear an event."""
        line = line_for(entry, progress)
        if self._folded and isinstance(entry.event, CheckEnded | Verdict):  # a cancelled command has no end
            self._report.end_group()
            self._folded = False
        if line is None:
            return
        if isinstance(entry.event, CheckBegan):
            self._report.begin_group(line.text)
            self._folded = True
        else:
            self._report.say(line.text, line.tone)
