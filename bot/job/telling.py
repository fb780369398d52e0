"""Who hears of a run besides GitHub: Slack, where the environment has a webhook.

Most have none, and start without importing what would post.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bot.config import ActionEnv
from bot.core.run import Admission
from bot.core.settings import Notify
from bot.job.bench import Bench
from bot.notify.notice import Notice, Tell, nobody
from bot.report import Report

if TYPE_CHECKING:
    from bot.notify.teller import Teller


def teller(env: ActionEnv, log: Callable[[str], None]) -> "Teller":
    """Tells Slack, and waits for it a few seconds at most; what fails is a line of `log`."""
    from bot.job.redact import Redactor  # noqa: PLC0415
    from bot.notify.teller import Teller  # noqa: PLC0415

    return Teller(env.slack, Redactor(env.secrets).text, log)


@contextlib.contextmanager
def telling(env: ActionEnv, report: Report) -> Iterator[Tell]:
    """Tells Slack beside the work."""
    if not env.slack:
        yield nobody
        return
    from bot.notify.herald import Herald  # noqa: PLC0415

    with Herald(teller(env, report.log)) as herald:
        yield herald.tell


@contextlib.contextmanager
def telling_progress(env: ActionEnv, admission: Admission, notify: Notify, bench: Bench) -> Iterator[None]:
    """Tells Slack now and then how the run stands."""
    from bot.notify.progress import Figures, progress_notice, progress_told  # noqa: PLC0415

    began = time.monotonic()

    def ask() -> Notice:
        known = bench.journal.progress
        figures = Figures(time.monotonic() - began, known.usd, known.turns, known.doing)
        return progress_notice(admission, env.server_url, figures)

    with progress_told(teller(env, bench.journal.say), notify, ask):
        yield
