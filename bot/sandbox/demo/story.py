"""The demo's story: label everything, review what comes, and show at the end what it came to."""

import shutil
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.config import DemoEnv
from bot.core.markers import reveal
from bot.core.names import VERDICT_MARKER
from bot.errors import UsageError
from bot.sandbox.demo.project import CONFIG, FILES, ISSUES, MAINTAINER, REPO, VISITOR, script
from bot.sandbox.records import Event, Issue
from bot.sandbox.stage import MODEL_KEY, Setting, Stage, raise_curtain

PATIENCE = 300.0
"""Seconds after which the demo says that something is wrong (the scripted one takes about half a minute)."""

LIVE_PATIENCE = 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table at the end."""

    issue: str
    verdict: str
    pull: str
    usd: float
    seconds: float


def run_demo(env: DemoEnv, *, keep: bool, live: bool) -> int:
    """Play the demo; the exit code. Raises `UsageError` when `live` lacks a key."""
    if live and not env.api_key:
        raise UsageError("--live needs ANTHROPIC_API_KEY: it calls the real model and costs money.")
    console = Console(no_color=not env.colour, highlight=False, soft_wrap=True)
    isolation = _isolation()
    _introduce(console, live=live, isolation=isolation)
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
            return _play(stage, console, keep=keep, patience=LIVE_PATIENCE if live else PATIENCE)
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


def _introduce(console: Console, *, live: bool, isolation: str) -> None:
    console.print("[bold]ai-ready demo[/]: the real workflow files (through act), git, Claude CLI and tests.")
    if live:
        console.print("GitHub is the sandbox on this machine; the model is the real one and costs money.")
    else:
        console.print("GitHub is the sandbox on this machine; [bold]the model is scripted[/]: no account, no key.")
    words = "another user, without sudo" if isolation == "auto" else "none (an ordinary user can't become another one)"
    console.print(f"Isolation of the agent: {words}.\n")


def _play(stage: Stage, console: Console, *, keep: bool, patience: float) -> int:
    started = time.monotonic()
    narrator = Narrator(stage, console, started)
    issues = [stage.issue(item.title, item.body) for item in ISSUES]
    console.print(f"Watch it: [link]{stage.hub.url}/{REPO}/issues[/link]\n")
    for issue, item in zip(issues, ISSUES, strict=True):
        if item.labelled:
            stage.label(issue)
    work = [issue for issue, item in zip(issues, ISSUES, strict=True) if item.labelled]
    finished = _review_until_done(stage, narrator, work, started + patience)
    stage.actions.wait_idle(60)
    rows = [_row(stage, issue, narrator) for issue in work]
    _show(console, stage, rows, time.monotonic() - started, keep=keep)
    if not finished:
        console.print("[red]Not everything came to an end.[/] The last words of the runs that failed:")
        _show_failures(console, stage)
    if keep:
        console.print(f"\nLeft up at {stage.hub.url}/{REPO}/issues until Ctrl-C.")
        _wait_for_interrupt()
    return 0 if finished else 1


def _review_until_done(stage: Stage, narrator: "Narrator", work: list[Issue], end: float) -> bool:
    """Merge every Done as the reviewer does, until each issue has its verdict and every Done is merged."""
    merged: set[int] = set()
    quiet = False
    while time.monotonic() < end:
        for pull in stage.pulls():
            issue = _issue_of(work, pull)
            if pull.number in merged or issue is None or not stage.verdicts(issue):
                continue
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


def _issue_of(work: list[Issue], pull: Issue) -> Issue | None:
    assert pull.pull is not None
    return next((issue for issue in work if pull.pull.head == f"ai/issue-{issue.number}"), None)


class Narrator:
    """Says what happens on GitHub, one line each, as it happens."""

    def __init__(self, stage: Stage, console: Console, started: float) -> None:
        self._console = console
        self._started = started
        self._lock = threading.Lock()
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        stage.hub.subscribe(self._on_event)

    def say(self, text: str) -> None:
        """One line with the time since the start."""
        with self._lock:
            self._console.print(f"[dim]{time.monotonic() - self._started:5.1f} s[/]  {text}")

    def _on_event(self, event: Event) -> None:
        payload = event.payload
        subject = payload.get("issue") or payload.get("pull_request") or {}
        number = int(subject.get("number", 0))
        if event.name == "issues" and event.action == "labeled":
            self._labelled(number, payload["label"]["name"], event.actor.login)
        elif (
            event.name == "issue_comment"
            and event.action == "created"
            and "ai-ready:verdict" in payload["comment"]["body"]
        ):
            self.say(f"#{number} [bold]{payload['comment']['body'].splitlines()[0]}[/]".replace("[log]", ""))
        elif event.name == "pull_request" and event.action == "opened":
            self.say(f"draft PR #{number} opened: {payload['pull_request']['title']}".replace("[", r"\["))

    def _labelled(self, number: int, label: str, who: str) -> None:
        if label == "ai-running":
            self.began[number] = time.monotonic()
        if label in {"ai-done", "ai-blocked"}:
            self.ended[number] = time.monotonic()
        colour = {"ai-done": "green", "ai-blocked": "red", "ai-running": "blue", "ai-waiting": "yellow"}.get(label, "")
        shown = f"[{colour}]{label}[/]" if colour else label
        self.say(f"#{number} {shown}" + (f" (by {who})" if label == "ai-ready" else ""))


def _row(stage: Stage, issue: Issue, narrator: Narrator) -> Row:
    verdict = next(iter(reversed(stage.verdicts(issue))), "none")
    blocks = [reveal(VERDICT_MARKER, body) for body in stage.bot_comments(issue)]
    usd = sum(float(block.get("usd", 0)) for block in blocks if block)
    pull = next((p for p in stage.pulls() if _issue_of([issue], p)), None)
    seconds = narrator.ended.get(issue.number, 0.0) - narrator.began.get(issue.number, 0.0)
    shown = "Done" if verdict.startswith("Done") else verdict.split(":", 1)[0]
    return Row(f"#{issue.number} {issue.title}", shown, f"#{pull.number}" if pull else "–", usd, max(seconds, 0.0))


def _show(console: Console, stage: Stage, rows: list[Row], seconds: float, *, keep: bool) -> None:
    table = Table(title=f"{REPO} after {seconds:.0f} s", title_justify="left")
    for name, justify in (
        ("issue", "left"),
        ("verdict", "left"),
        ("PR", "left"),
        ("cost", "right"),
        ("seconds", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        colour = "green" if row.verdict == "Done" else "red"
        table.add_row(
            row.issue.replace("[", r"\["),
            f"[{colour}]{row.verdict}[/]",
            row.pull,
            f"${row.usd:.3f}",
            f"{row.seconds:.1f}",
        )
    console.print()
    console.print(table)
    for row in rows:
        where = f"pull/{row.pull[1:]}" if row.pull.startswith("#") else f"issues/{row.issue.split()[0][1:]}"
        console.print(f"{row.issue.split()[0]:>4}  {stage.hub.url}/{REPO}/{where}", markup=False)
    if not keep:
        console.print("(the pages are gone with the demo; --keep leaves them up)", style="dim")
    console.print(
        f"cost: what this many tokens would cost at list price{'' if stage.model is None else '; nothing was paid'}."
    )


def _show_failures(console: Console, stage: Stage) -> None:
    for run in stage.hub.actions.runs.values():
        for job in run.jobs:
            if job.conclusion == "failure":
                tail = "".join(job.log).splitlines()[-15:]
                console.print(f"{run.display_title}, {job.name}:", markup=False)
                console.print("\n".join(f"    {line}" for line in tail), markup=False)


def _wait_for_interrupt() -> None:
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        stop.wait()
    finally:
        signal.signal(signal.SIGINT, before)
