"""How often GitHub's API is asked for one issue in server mode: by the server, and by the two jobs that it starts.

The jobs are the real ones (the workflow file through `act`, the Claude CLI, git), each with its own token; the server is
`ai-ready serve` as a process. Git's own requests do not count against the API's limits. A plain issue by itself, then ten
phased ones labelled at once, each merged by a person as soon as it is Done.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.requests import CLAUDE_CODE_ACTION, KINDS, kind
from benchmarks.sandboxed import BODY, CONFIG, FILES, NAME, OWNER, TITLE, isolation, passed_on
from benchmarks.served import Plan, served
from benchmarks.tables import must, show
from bot.core.names import issue_branch
from bot.sandbox.app_server import AppServer, ServerSetting, register
from bot.sandbox.model import Scene, Script, done, write
from bot.sandbox.records import Event, Issue
from bot.sandbox.requests import Request
from bot.sandbox.stage import SERVER_CALLER, Setting, Stage, raise_curtain

MUST = 12
PHASED = 10
FIRST = "First, which makes the labels"
CODE = 'def bye() -> str:\n    return "Bye"\n'
WHO = ("server", "work", "publish")
PATIENCE = 600.0
QUIET = 1.5
"""Seconds without a request after which nothing is under way: a write waits up to a second for its turn."""
LOOKS = 4
TIMER = 5
"""Seconds; the shortest that there is."""


@dataclass(frozen=True, slots=True)
class Story:
    """What was asked from the labels until everything was merged and the server had nothing more to do."""

    done: Sequence[Request]
    """Until the last verdict was seen by the server."""
    merged: Sequence[Request]
    """Afterwards: what a person's merge and the closed issue lead to."""
    words: int
    """Comments written and edited by the server and its jobs."""


def main(_runs: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as folder, _stage(Path(folder)) as stage:
        first = _story(stage, [stage.issue(FIRST, BODY)])
        plain = _story(stage, [stage.issue(TITLE, BODY)])
        phased = _story(stage, [stage.issue(f"[SHOP-1.{number}] Part {number}") for number in range(1, PHASED + 1)])
    _show("the first issue of a server and a repository, label to Done", first.done, 1)
    _show("one plain issue, label to Done", plain.done, 1)
    _show(f"{PHASED} phased issues, labelled at once, to the last Done", phased.done, PHASED)
    more = Counter(_who(one) for one in first.done)["server"] - Counter(_who(one) for one in plain.done)["server"]
    print(
        f"  {more} more for the first one: the labels, and whether the person may ask, which is asked every five minutes."
    )
    print(f"  Merging one: {len(plain.merged)} more. Comments written or edited: {plain.words} for the plain issue,")
    print(f"  {phased.words / PHASED:g} for each phased one, for each close changes what the others wait for.\n")
    for request in plain.done:
        print(f"    {_who(request):8} {request.method:6} {request.path}")
    _show_timer()


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    folder.chmod(0o755)
    config = CONFIG % isolation()
    files = {**FILES, "greet.py": CODE}  # what the check looks for is there: each issue adds a file of its own
    setting = Setting(NAME, OWNER, files=files, config=config, env=passed_on(), caller=SERVER_CALLER)
    with raise_curtain(folder, setting, _script()) as stage:
        app = register(stage.hub, stage.repo.owner, [stage.repo])
        with AppServer(stage.hub, app, ServerSetting(folder / "server", reconcile_seconds=3600)):
            _quiet(stage)
            yield stage


def _script() -> Script:
    """The newest first: a prompt names what was merged before."""
    titles = [FIRST, TITLE, *(f"[SHOP-1.{number}]" for number in range(1, PHASED + 1))]
    scenes = (Scene(title, write(f"part{at}.py", CODE), done("Added it.")) for at, title in enumerate(titles))
    return Script(*reversed(list(scenes)))


def _story(stage: Stage, issues: list[Issue]) -> Story:
    """Label them, and merge each as soon as it is Done and the server has nothing in hand."""
    words: list[Event] = []
    _quiet(stage)
    stage.hub.requests.clear()
    deaf = stage.hub.subscribe(lambda event: words.append(event) if event.name == "issue_comment" else None)
    for issue in issues:
        stage.label(issue)
    for number, _ in enumerate(issues, 1):
        issue = _next_done(stage, issues)
        _quiet(stage)
        if number == len(issues):
            done = stage.hub.requests.api()
        pull = stage.hub.pulls.open_for(stage.repo, issue_branch(issue.number))
        assert pull is not None, f"#{issue.number} has no pull request"
        stage.merge(pull)
    _quiet(stage)
    deaf()
    assert not stage.hub.requests.unknown, stage.hub.requests.unknown
    return Story(done, stage.hub.requests.api()[len(done) :], len(words))


def _next_done(stage: Stage, issues: Iterable[Issue]) -> Issue:
    """Wait until an open one has its verdict."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        stage.changed.clear()
        for issue in issues:
            said = stage.verdicts(issue)
            if said and not said[-1].startswith("Done"):
                raise SystemExit(f"#{issue.number} did not end Done: {said[-1]}")
            if said and issue.open:
                return issue
        stage.changed.wait(1.0)
    raise SystemExit("\n".join(f"#{each.number} was never Done: {stage.status(each)}" for each in issues if each.open))


def _quiet(stage: Stage) -> None:
    count = -1
    while count != (count := len(stage.hub.requests.all())):
        stage.actions.wait_idle(PATIENCE)
        time.sleep(QUIET)


def _who(request: Request) -> str:
    return request.job or ("server" if request.token_kind in ("app", "installation") else request.token_kind)


def _show(title: str, asked: Iterable[Request], issues: int) -> None:
    per = Counter((_who(request), kind(request)) for request in asked)
    assert {who for who, _ in per} == set(WHO), per
    kinds = [each for each in KINDS if any(per[who, each] for who in WHO)]
    sums = {who: sum(per[who, each] for each in kinds) for who in WHO}
    rows = [(who, *(str(per[who, each]) for each in kinds), str(sums[who]), f"{sums[who] / issues:g}") for who in WHO]
    total = sum(sums.values())
    rows.append(
        ("all", *(str(sum(per[who, each] for who in WHO)) for each in kinds), str(total), f"{total / issues:g}")
    )
    show(
        f"GitHub API requests in server mode: {title}",
        ("", *kinds, "sum", "an issue"),
        rows,
        f"must: <= {MUST} an issue: {must(total / issues, MUST)}",
        f"claude-code-action: {CLAUDE_CODE_ACTION} ({total / issues / CLAUDE_CODE_ACTION:.2f} x), to a link and no pull"
        " request",
    )


def _show_timer() -> None:
    """What the timer's looks cost besides: they find what no webhook told of."""
    plan = Plan(reconcile=TIMER, hold="in_progress")
    with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as name, served(Path(name), plan) as place, place.server:
        rows = []
        for runs in range(3):
            if runs:
                place.label(issue := place.issue())
                place.has(issue, "ai-running")
            place.passed(place.passes() + 2)
            before, since = place.count(), place.passes()
            place.passed(since + 2 * LOOKS)  # the timer's own lane, and the repository's
            rows.append((str(runs), f"{len(place.requests(before)) / LOOKS:g}"))
    show("Besides, at each look by the timer (every 60 seconds)", ("runs under way", "requests"), rows)
