"""What `work` is given besides its admission, and how it tells what it does.

gate and publish import this without having a bench: what a bench is made of is imported where one is made.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import ActionEnv
from bot.core.run import Admission, Outcome
from bot.report import Report

if TYPE_CHECKING:
    from bot.agent.process import Cancel
    from bot.progress.journal import Journal, Listener


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the result goes, whom it is told to, and how it is stopped."""

    out: Path
    report: Report
    cancel: "Cancel"
    journal: "Journal"

    def conclude(self, outcome: Outcome) -> None:
        """Tell what the run came to."""
        from bot.progress.events import Verdict  # noqa: PLC0415
        from bot.progress.summary import closing  # noqa: PLC0415

        usd, seconds = round(outcome.usd, 4), round(outcome.seconds, 1)
        self.journal.tell(Verdict(outcome.verdict, outcome.reason, outcome.text, outcome.turns, usd, seconds))
        self.report.summarise(closing(self.journal.progress, outcome.summary))


@contextlib.contextmanager
def at_bench(
    env: ActionEnv,
    admission: Admission,
    out: Path,
    report: Report,
    cancel: "Cancel",
    listeners: "tuple[Listener, ...] | None" = None,
) -> Iterator[Bench]:
    """The bench of one run, with a journal that is open while inside. `listeners`: instead of the live log."""
    from bot.job.redact import Redactor  # noqa: PLC0415
    from bot.progress.events import RunBegan  # noqa: PLC0415
    from bot.progress.journal import Journal  # noqa: PLC0415
    from bot.progress.livelog import LiveLog  # noqa: PLC0415
    from bot.progress.summary import opening  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    screen = Redactor(env.secrets).text
    hear = (LiveLog(report),) if listeners is None else listeners
    journal = Journal(admission.run_key, admission.issue, screen=screen, log=report.log, listeners=hear, folder=out)
    with journal.open():
        journal.tell(RunBegan.of(admission, env.server_url))
        report.summarise(opening(journal.progress, "the work has begun"))
        yield Bench(out, report, cancel, journal)


def new_cancel() -> "Cancel":
    """Nobody has asked yet."""
    from bot.agent.process import Cancel  # noqa: PLC0415 (gate and publish, which have none, start without it)

    return Cancel()
