"""The demo's story: label everything, review what comes, and show at the end what it came to."""

import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from bot.config import DemoEnv
from bot.core.names import REQUEST_LABEL, issue_branch
from bot.errors import UsageError
from bot.sandbox.demo.project import CONFIG, FILES, ISSUES, MAINTAINER, REPO, VISITOR, script
from bot.sandbox.demo.telling import Narrator, introduce, row_of, show_end, show_issues, show_stuck
from bot.sandbox.records import Issue
from bot.sandbox.stage import MODEL_KEY, Setting, Stage, raise_curtain

PATIENCE = 300.0
"""Seconds after which the demo says that something is wrong (the scripted one takes about half a minute)."""

LIVE_PATIENCE = 3600.0


def run_demo(env: DemoEnv, *, keep: bool, live: bool) -> int:
    """Play the demo; the exit code. Raises `UsageError` when `live` lacks a key."""
    if live and not env.api_key:
        raise UsageError("--live needs ANTHROPIC_API_KEY: it calls the real model and costs money.")
    console = Console(no_color=not env.colour, highlight=False, soft_wrap=True)
    isolation = _isolation()
    introduce(console, live=live, isolation=isolation)
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
    )
    try:
        with raise_curtain(root, setting, None if live else script()) as stage:
            return _play(stage, console, keep=keep, scripted=not live)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _isolation() -> str:
    """`auto` where another user can be had here; `none` for an ordinary user, who has no key to guard in the demo."""
    from bot.agent.isolation import isolation_for, run_root  # noqa: PLC0415
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


def _play(stage: Stage, console: Console, *, keep: bool, scripted: bool) -> int:
    issues = [(stage.issue(item.title, item.body), item) for item in ISSUES]
    show_issues(console, f"{stage.hub.url}/{REPO}/issues", issues, scripted=scripted)
    work = [issue for issue, item in issues if item.labelled]
    started = time.monotonic()
    narrator = Narrator(stage, console, started)
    narrator.say(f"{MAINTAINER} labels {', '.join(f'#{issue.number}' for issue in work)}: {REQUEST_LABEL}")
    for issue in work:
        stage.label(issue)
    finished = _review_until_done(stage, narrator, work, started + (PATIENCE if scripted else LIVE_PATIENCE))
    stage.actions.wait_idle(60)
    rows = [row_of(stage, issue, _pull_for(stage, issue), narrator) for issue in work]
    show_end(console, stage.hub.url, rows, time.monotonic() - started, paid=not scripted)
    if not finished:
        show_stuck(console, stage, [issue for issue in work if not stage.verdicts(issue)])
    if keep:
        console.print(
            f"\nLeft up at {stage.hub.url}/{REPO}/issues until Ctrl-C. Answer #{work[-1].number} there: /ai retry …"
        )
        _wait_for_interrupt()
    else:
        console.print("The pages are gone now; `make demo ARGS=--keep` leaves them up.", markup=False, style="dim")
    return 0 if finished else 1


def _review_until_done(stage: Stage, narrator: Narrator, work: list[Issue], end: float) -> bool:
    """Merge every Done as the reviewer does; True once each issue has its verdict and every Done is merged."""
    merged: set[int] = set()
    quiet = False
    while time.monotonic() < end:
        done = [issue for issue in work if any(verdict.startswith("Done") for verdict in stage.verdicts(issue))]
        for pull in filter(None, (_pull_for(stage, issue) for issue in done)):
            if pull.number not in merged:
                merged.add(pull.number)
                narrator.say(f"{MAINTAINER} reviews #{pull.number} and merges it")
                stage.merge(pull)
        if all(stage.verdicts(issue) for issue in work) and len(merged) == len(stage.pulls()):
            return True
        was_quiet, quiet = quiet, _quiet(stage)
        if was_quiet and quiet:
            return False
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
