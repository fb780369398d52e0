"""What the demo says in the terminal: the issues, one line for each thing that happens, the table at the end."""

import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.core.markers import reveal
from bot.core.names import STATUS_MARKER, VERDICT_MARKER, StateLabel
from bot.sandbox.demo.project import REPO, DemoIssue
from bot.sandbox.records import Event, Issue
from bot.sandbox.stage import Stage

_PREREQUISITE = re.compile(r"^\| (\S+) \| ([^|]+?) \|", re.MULTILINE)
"""A row of the table in a status comment that says *Waiting*; the heading's first word is no issue."""
_OF_ONE_ISSUE = re.compile(r"ai-ready #(\d+) \[")
"""The name of a run that was dispatched for one issue."""


def introduce(console: Console, *, live: bool, isolation: str, server: bool = False) -> None:
    """What is real here, what is not, and what keeps the agent apart."""
    real = "the real server, workflow file" if server else "the real workflow files"
    console.print(f"[bold]ai-ready demo[/]: {real} (through act), git, Claude CLI and tests.")
    if live:
        console.print("GitHub is the sandbox on this machine; the model is the real one and costs money.")
    else:
        console.print("GitHub is the sandbox on this machine; [bold]the model is scripted[/]: no account, no key.")
    if isolation == "auto":
        console.print("The agent and the tests run as another user, without sudo.\n")
    else:
        risk = "[bold red]the agent could read your key[/]" if live else "there is no key to guard"
        console.print(f"The agent and the tests run as you (an ordinary user can't become another one); {risk}.\n")


def show_server(console: Console, url: str) -> None:
    """Who plans, and how it hears."""
    console.print(
        f"[bold]ai-ready serve[/] is up as a GitHub App at [link={url}/readyz]{url}[/link]. Webhooks tell it what "
        "happens; it says what comes next and starts the workflow.\n"
    )


def show_page(console: Console, url: str) -> None:
    """Where to watch it."""
    console.print(f"Watch it at [link={url}]{url}[/link]: what runs, what waits for what and why, live.\n")


def show_issues(console: Console, url: str, issues: Sequence[tuple[Issue, DemoIssue]], *, scripted: bool) -> None:
    """The issues, and what each of them shows when the model keeps to its script."""
    console.print(f"[bold]{REPO}[/] is at [link={url}]{url}[/link] while this runs.\n")
    for issue, item in issues:
        console.print(f"  #{issue.number}  {escape(issue.title)}")
        if scripted:
            console.print(f"      [dim]{item.shows}[/]")
    console.print()


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
        """One line with the time since the start; `text` is rich's markup."""
        with self._lock:
            self._console.print(f"[dim]{time.monotonic() - self._started:5.1f} s[/]  {text}")

    def _on_event(self, event: Event) -> None:
        payload = event.payload
        subject = payload.get("issue") or payload.get("pull_request") or {}
        number = int(subject.get("number", 0))
        if (event.name, event.action) == ("issues", "labeled"):
            self._labelled(number, payload["label"]["name"])
        elif (event.name, event.action) == ("issue_comment", "created"):
            self._commented(number, payload["comment"]["body"])
        elif (event.name, event.action) == ("workflow_run", "in_progress"):
            named = _OF_ONE_ISSUE.match(payload["workflow_run"]["display_title"])
            if named:
                self.began.setdefault(int(named[1]), time.monotonic())
        elif (event.name, event.action) == ("pull_request", "opened"):
            self.say(f"draft PR #{number} opened: {escape(payload['pull_request']['title'])}")

    def _labelled(self, number: int, label: str) -> None:
        """The states between request and verdict; the verdict itself and the waiting speak by their comments."""
        if label == StateLabel.RUNNING:
            self.began.setdefault(number, time.monotonic())
        if label in (StateLabel.QUEUED, StateLabel.RUNNING):
            self.say(f"#{number} [blue]{label}[/]")

    def _commented(self, number: int, body: str) -> None:
        if VERDICT_MARKER in body:
            self.ended[number] = time.monotonic()
            first = body.splitlines()[0]
            self.say(f"#{number} [bold {'green' if first.startswith('Done') else 'red'}]{escape(first)}[/]")
        elif STATUS_MARKER in body and body.startswith("**Waiting**"):
            found = [(what, why) for what, why in _PREREQUISITE.findall(body) if "#" in what]
            reasons = ", ".join(f"{what} ({why})" for what, why in found)
            self.say(f"#{number} [yellow]{StateLabel.WAITING}[/] for {escape(reasons)}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table at the end."""

    issue: Issue
    verdict: str
    pull: Issue | None
    usd: float
    seconds: float


def row_of(stage: Stage, issue: Issue, pull: Issue | None, narrator: Narrator) -> Row:
    """What came of `issue`; its seconds are from its run's beginning to the verdict."""
    verdict = next(iter(reversed(stage.verdicts(issue))), "none")
    blocks = [reveal(VERDICT_MARKER, body) for body in stage.bot_comments(issue)]
    usd = sum(float(block.get("usd", 0)) for block in blocks if block)
    seconds = narrator.ended.get(issue.number, 0.0) - narrator.began.get(issue.number, 0.0)
    return Row(issue, verdict.split(":", 1)[0], pull, usd, max(seconds, 0.0))


def show_end(console: Console, url: str, rows: Iterable[Row], seconds: float, *, paid: bool) -> None:
    """The table, and where to look at each of its lines."""
    table = Table(title=f"{REPO} after {seconds:.0f} s", title_justify="left")
    table.add_column("issue")
    for name in ("verdict", "PR"):
        table.add_column(name, no_wrap=True)
    for name in ("cost", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    places = []
    for row in rows:
        colour = "green" if row.verdict == "Done" else "red"
        title = escape(f"#{row.issue.number} {row.issue.title}")
        shown = f"#{row.pull.number}" if row.pull else "–"
        table.add_row(title, f"[{colour}]{row.verdict}[/]", shown, f"${row.usd:.3f}", f"{row.seconds:.1f}")
        places.append((row.issue.number, f"pull/{row.pull.number}" if row.pull else f"issues/{row.issue.number}"))
    console.print()
    console.print(table)
    for number, place in places:
        console.print(f"{f'#{number}':>4}  {url}/{REPO}/{place}", markup=False)
    console.print(f"cost: what this many tokens cost at list price{'' if paid else '; nothing was paid'}.")


def show_stuck(console: Console, stage: Stage, issues: Iterable[Issue]) -> None:
    """Which issues have no verdict and what their status comment says; the last words of jobs that failed."""
    console.print("\n[bold red]Not everything came to an end.[/]")
    for issue in issues:
        said = stage.status(issue).splitlines()[:1] or ["nobody has looked at it yet."]
        console.print(f"  #{issue.number} has no verdict: {said[0].replace('**', '')}", markup=False)
    for run in stage.hub.actions.runs.values():
        for job in run.jobs:
            if job.conclusion == "failure":
                tail = "".join(job.log).splitlines()[-15:]
                console.print(f"The last words of {run.display_title}, {job.name}:", markup=False)
                console.print("\n".join(f"    {line}" for line in tail), markup=False)
