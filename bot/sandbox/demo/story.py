"""The demo's story: label everything, review what comes, and show at the end what it came to."""

import shutil
import signal
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bot.config import DemoEnv
from bot.core.names import REQUEST_LABEL, issue_branch
from bot.errors import UsageError
from bot.sandbox.app_server import AppServer, ServerSetting, register
from bot.sandbox.demo.project import CONFIG, FILES, ISSUES, MAINTAINER, REPO, VISITOR, script
from bot.sandbox.demo.telling import (
    Narrator,
    introduce,
    row_of,
    show_end,
    show_issues,
    show_page,
    show_server,
    show_stuck,
)
from bot.sandbox.demo.watching import Watching
from bot.sandbox.records import Issue
from bot.sandbox.stage import CALLER, MODEL_KEY, SERVER_CALLER, Setting, Stage, raise_curtain

PATIENCE = 300.0
"""Seconds after which the demo says that something is wrong (the scripted one takes about half a minute)."""

LIVE_PATIENCE = 3600.0

CALM, SERVER_CALM = 0.5, 15.0
"""Seconds without any event after which the demo is stuck: a server may look again at the next turn of its timer."""


def run_demo(env: DemoEnv, *, keep: bool, live: bool, server: bool = False) -> int:
    """Play the demo, with a `server` as the planner or without; the exit code.

    Raises `UsageError` when `live` lacks a key.
    """
    if live and not env.api_key:
        raise UsageError("--live needs ANTHROPIC_API_KEY: it calls the real model and costs money.")
    console = Console(no_color=not env.colour, highlight=False, soft_wrap=True)
    isolation = _isolation()
    introduce(console, live=live, isolation=isolation, server=server)
    root = Path(tempfile.mkdtemp(prefix="ai-ready-demo-"))
    root.chmod(0o755)
    passed_on = {"AI_READY_CLAUDE": env.claude} if env.claude else {}
    setting = Setting(
        REPO,
        MAINTAINER,
        VISITOR,
        files=FILES,
        config=CONFIG.format(isolation=isolation),
        env={**_certificates(env), **passed_on},
        model_url=env.model_url,
        model_key=env.api_key.reveal() if live else MODEL_KEY,
        caller=SERVER_CALLER if server else CALLER,
    )
    try:
        with ExitStack() as stack:
            stage = stack.enter_context(raise_curtain(root, setting, None if live else script()))
            if server:
                page = _start_server(stage, root, stack, console)
            else:
                page = stack.enter_context(Watching(stage).following())
            show_page(console, page)
            play = Play(stage, console, page, scripted=not live, calm=SERVER_CALM if server else CALM)
            return play.to_the_end(keep=keep)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _isolation() -> str:
    """`auto` where another user can be had here; `none` for an ordinary user, who has no key to guard in the demo."""
    from bot.agent.isolation import isolation_for  # noqa: PLC0415
    from bot.agent.places import run_root  # noqa: PLC0415
    from bot.errors import Blocked  # noqa: PLC0415

    root = run_root()
    try:
        with isolation_for("auto", root=root, log=lambda _line: None) as isolation:
            isolation.discard(root)
            return "auto"
    except Blocked:
        shutil.rmtree(root, ignore_errors=True)
        return "none"


def _certificates(env: DemoEnv) -> dict[str, str]:
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    return {name: env.others[name] for name in names if name in env.others}


def _start_server(stage: Stage, root: Path, stack: ExitStack, console: Console) -> str:
    """The App, installed, and the real server, which hears of everything by webhooks; the address of its page."""
    app = register(stage.hub, stage.repo.owner, [stage.repo])
    server = stack.enter_context(AppServer(stage.hub, app, ServerSetting(root / "server", page=True)))
    show_server(console, server.url)
    return server.page_url


@dataclass(frozen=True, slots=True)
class Play:
    """One performance."""

    stage: Stage
    console: Console
    page: str
    """Where it can be watched."""
    scripted: bool
    calm: float
    """Seconds without any event after which nothing more is going to happen."""

    def to_the_end(self, *, keep: bool) -> int:
        """The exit code."""
        stage, console = self.stage, self.console
        issues = [(stage.issue(item.title, item.body), item) for item in ISSUES]
        show_issues(console, f"{stage.hub.url}/{REPO}/issues", issues, scripted=self.scripted)
        work = [issue for issue, item in issues if item.labelled]
        started = time.monotonic()
        narrator = Narrator(stage, console, started)
        narrator.say(f"{MAINTAINER} labels {', '.join(f'#{issue.number}' for issue in work)}: {REQUEST_LABEL}")
        for issue in work:
            stage.label(issue)
        finished = self._review_until_done(narrator, work, started + (PATIENCE if self.scripted else LIVE_PATIENCE))
        stage.actions.wait_idle(60)
        rows = [row_of(stage, issue, _pull_for(stage, issue), narrator) for issue in work]
        show_end(console, stage.hub.url, rows, time.monotonic() - started, paid=not self.scripted)
        if not finished:
            show_stuck(console, stage, [issue for issue in work if not stage.verdicts(issue)])
        if keep:
            console.print(
                f"\nLeft up at {stage.hub.url}/{REPO}/issues until Ctrl-C. Answer #{work[-1].number} there: /ai retry …"
                f"\nWhat came of it, with each run's log and files: {self.page}"
            )
            _wait_for_interrupt()
        else:
            words = "--keep" if self.calm == CALM else '"--server --keep"'
            console.print(
                f"The pages are gone now; `make demo ARGS={words}` leaves them up.", markup=False, style="dim"
            )
        return 0 if finished else 1

    def _review_until_done(self, narrator: Narrator, work: list[Issue], end: float) -> bool:
        """Merge every Done as the reviewer does; True once each issue has its verdict and every Done is merged."""
        stage = self.stage
        merged: set[int] = set()
        quiet_since = 0.0
        while (now := time.monotonic()) < end:
            done = [issue for issue in work if any(verdict.startswith("Done") for verdict in stage.verdicts(issue))]
            for pull in filter(None, (_pull_for(stage, issue) for issue in done)):
                if pull.number not in merged:
                    merged.add(pull.number)
                    narrator.say(f"{MAINTAINER} reviews #{pull.number} and merges it")
                    stage.merge(pull)
            if all(stage.verdicts(issue) for issue in work) and len(merged) == len(stage.pulls()):
                return True
            if not _quiet(stage):
                quiet_since = 0.0
            elif quiet_since and now - quiet_since > self.calm:
                return False
            else:
                quiet_since = quiet_since or now
        return False


def _quiet(stage: Stage) -> bool:
    """Nothing runs, and nothing happened for a moment."""
    stage.changed.clear()
    try:
        stage.actions.wait_idle(0.3)
    except TimeoutError:
        return False
    return not stage.changed.wait(0.3)


def _pull_for(stage: Stage, issue: Issue) -> Issue | None:
    """The pull request that the bot opened for `issue`."""
    branch = issue_branch(issue.number)
    return next((found for found in stage.pulls() if found.pull and found.pull.head == branch), None)


def _wait_for_interrupt() -> None:
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        stop.wait()
    finally:
        signal.signal(signal.SIGINT, before)
