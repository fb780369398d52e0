"""`work` and `publish` as processes of their own in which something happens at a step: the machine vanishes, or GitHub
cancels.

Forked by a process that has everything imported, so that one is there in milliseconds. What runs in it is the step
itself; only what happens at the place is set from here.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import bot.github.action_client
import bot.job.endgame
import bot.job.working
from bot.agent import places
from bot.config import ActionEnv, Step
from bot.job.steps import publish_step, work_step
from bot.report import Report
from bot.sandbox.actions.processes import descendants, send
from tests.chaos.local_traps import Step as Place
from tests.chaos.local_traps import set_ambush

PATIENCE = 60.0

WORK = (
    Place("r0 start", "bot.job.steps", "at_bench"),
    Place("r1 re-authorise", "bot.job.steps", "recheck"),
    Place("r2 compare the hash", "bot.job.recheck", "content_sha"),
    Place("r3 isolate", "bot.job.working", "isolation_for"),
    Place("r3 check out", "bot.job.work", "prepare"),
    Place("r4 agent", "bot.job.session.ClaudeSession", "ask"),
    Place("r4 collect", "bot.job.work", "collect"),
    Place("r5 tests", "bot.job.work", "run_check"),
    Place("r6 commit", "bot.job.work", "commit_tree"),
    Place("r6 bundle", "bot.job.work", "make_bundle"),
    Place("r7 hand over", "bot.job.steps", "hand_over"),
    Place("r7 say its digests", "bot.report.Report", "outputs"),
)
PUBLISH = (
    Place("p0 take it", "bot.job.endgame", "receive"),
    Place("p1 fetch", "bot.job.publish", "fetch_commits"),
    Place("p1 unpack", "bot.job.publish", "open_bundle"),
    Place("p2 look at the change", "bot.job.publish", "inspect_change"),
    Place("p3 push", "bot.job.push", "_push"),
    Place("p4 pull request", "bot.github.repository_client.RepositoryClient", "apply"),
    Place("p5 verdict, p6 labels", "bot.github.repository_client.RepositoryClient", "apply"),
    Place("p6 tell", "bot.job.endgame", "_end"),
)
"""The pull request is applied by itself; once it is there, the next to be applied are verdict, status, labels and claim."""


@dataclass(frozen=True, slots=True)
class Waylay:
    """What a process is to be, and what happens to it."""

    job: Literal["work", "publish"]
    environ: Mapping[str, str]
    out: Path
    place: Place
    when: Literal["before", "after"]
    interrupt: bool = False
    """It is sent SIGINT, as by a cancel; else it says where it is and waits for its death."""


class Job:
    """One such process."""

    def __init__(self, waylay: Waylay) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._there, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_be, args=(waylay, theirs), daemon=False)
        self.process.start()
        theirs.close()

    def killed(self) -> bool:
        """Wait until it is there, and kill it with all it started; False: it ended without coming by."""
        assert self._there.poll(PATIENCE), "it neither comes by nor ends"
        try:
            left = self._there.recv()
        except EOFError:
            self.process.join(PATIENCE)
            return False
        assert self.process.pid
        send([*descendants(self.process.pid), self.process.pid], signal.SIGKILL)
        self.process.join(PATIENCE)
        for folder in left:  # nobody else will: on a hosted runner the whole machine is thrown away
            shutil.rmtree(folder)
        return True

    def interrupted(self) -> float:
        """Wait for its end; the seconds from the signal to there."""
        assert self._there.poll(PATIENCE), "it neither comes by nor ends"
        self._there.recv()
        begun = time.monotonic()
        self.process.join(PATIENCE)
        return time.monotonic() - begun


def _be(waylay: Waylay, told: Connection) -> None:
    environ = dict(waylay.environ)
    log = os.open(waylay.out.parent / f"{waylay.job}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(environ)

    roots: list[Path] = []
    make = places.run_root

    def noted() -> Path:
        roots.append(make())
        return roots[-1]

    def come_by() -> None:
        told.send([root for root in roots if root.exists()])
        if waylay.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        else:
            time.sleep(PATIENCE)
            os._exit(70)

    setattr(bot.job.working, "run_root", noted)  # noqa: B010 (a plain assignment is one to mypy)
    set_ambush(waylay.place, waylay.when, 1, come_by)
    report = Report(Path(environ["GITHUB_OUTPUT"]), Path(environ["GITHUB_STEP_SUMMARY"]), annotate=True)
    if waylay.job == "work":
        work_step(ActionEnv.from_environ(environ, Step.WORK), waylay.out, report)
    else:
        publish_step(ActionEnv.from_environ(environ, Step.PUBLISH), waylay.out, report)
    sys.stdout.flush()
