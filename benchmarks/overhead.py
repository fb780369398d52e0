"""What the bot adds to the agent: the wall clock of `ai-ready run` minus that of the bare `claude -p`.

Both make the same edit in the same repository against the same scripted model, in turns, so that a busy machine hurts
both. `ai-ready run` is gate, work and publish in one process: it reads GitHub, claims, clones, becomes another user,
guards the key, runs the check, pushes, opens a draft pull request, reads it back and says the verdict.
"""

import json
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sandboxed import (
    BODY,
    MODEL_KEY,
    NAME,
    TITLE,
    Place,
    ai_ready,
    isolation,
    must,
    passed_on,
    place,
    plain_environ,
    put_away,
)
from benchmarks.tables import between, goal, milliseconds, show, spread, times
from bot.agent.claude_code import SCHEMA, TOOLS, find_cli
from bot.core.names import REQUEST_LABEL

DELAYS = (0.0, 0.1)
"""Seconds that GitHub's API takes for an answer."""

GOAL = 1.5
"""Seconds of overhead at a delay of 0."""

MILESTONES = (
    ("start, gate", "Admitted "),
    ("second look, isolation", "Isolation: "),
    ("clone, CLI found, key proxy", "The agent begins"),
    ("agent, change collected", "$ "),
    ("check, bundle, clean clone, push", "Pushed "),
    ("pull request, read back, verdict", "Done: "),
    ("end", ""),
)
"""Parts of a run, each with the line of the log that ends it."""


def main(runs: int) -> None:
    """Measure and print."""
    for delay in DELAYS:
        with tempfile.TemporaryDirectory(prefix="ai-ready-bench-") as folder, place(Path(folder)) as here:
            Path(folder).chmod(0o755)
            here.hub.faults.delay(delay, " /api/")
            _compare(here, Path(folder), runs, delay)


def _compare(here: Place, folder: Path, runs: int, delay: float) -> None:
    bare, whole, parts = [], [], []
    for _ in range(runs):
        bare.append(_bare(here, folder))
        passed = list(_run(here))
        whole.append(passed[-1])
        parts.append(passed)
    _show(bare, whole, parts, delay)


def _bare(here: Place, folder: Path) -> float:
    """Seconds of `claude -p` in a clone of the repository that is there already."""
    clone = folder / f"clone-{uuid.uuid4().hex[:8]}"
    subprocess.run(("git", "clone", "-q", f"{here.hub.url}/{NAME}.git", str(clone)), check=True, capture_output=True)
    environ = {
        **plain_environ(),
        "HOME": str(folder / "home"),
        "ANTHROPIC_BASE_URL": here.model.url,
        "ANTHROPIC_API_KEY": MODEL_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
    }
    words = ("-p", "--output-format", "json", "--model", "sonnet", "--json-schema", SCHEMA)
    limits = ("--permission-mode", "bypassPermissions", "--tools", TOOLS, "--max-turns", "50")
    cli = find_cli(passed_on().get("AI_READY_CLAUDE", ""), path=environ["PATH"])
    prompt = f"{TITLE}\n\n{BODY}"
    started = time.perf_counter()
    done = subprocess.run(
        (str(cli), *words, *limits), cwd=clone, env=environ, input=prompt, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    said = json.loads(must(done).stdout)
    assert said["structured_output"]["verdict"] == "done", said
    assert "def bye" in (clone / "greet.py").read_text()
    return seconds


def _run(here: Place) -> Iterator[float]:
    """Seconds from the start of `ai-ready run` to each milestone, the end of the process last."""
    issue = here.issue()
    here.hub.issues.add_labels(issue, [REQUEST_LABEL], here.owner)
    started = time.perf_counter()
    with subprocess.Popen(
        ai_ready("run", "--issue", str(issue.number)),
        env=here.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout is not None
        log = []
        waiting = list(MILESTONES[:-1])
        for line in process.stdout:
            log.append(line)
            if waiting and line.startswith(waiting[0][1]):
                waiting.pop(0)
                yield time.perf_counter() - started
        process.wait()
    if process.returncode or waiting:
        raise SystemExit(f"`ai-ready run` ended with {process.returncode}, before {waiting}:\n{''.join(log)}")
    yield time.perf_counter() - started
    put_away(here.hub, here.repo, issue)


def _show(bare: list[float], whole: list[float], parts: list[list[float]], delay: float) -> None:
    alone, ours = spread(bare), spread(whole)
    over = spread([with_us - without for with_us, without in zip(whole, bare, strict=True)])
    rows = [
        ("bare `claude -p`", milliseconds(alone.median), "1.00 x", between(alone)),
        ("`ai-ready run`", milliseconds(ours.median), times(ours.median, alone.median), between(ours)),
        ("overhead of the bot", milliseconds(over.median), times(over.median, alone.median), between(over)),
    ]
    who = "another uid" if isolation() == "auto" else "this very user (isolation: none)"
    met = f"goal < {GOAL} s: {goal(over.median, GOAL)}; " if not delay else ""
    title = f"Overhead, GitHub's API answers after {delay * 1000:.0f} ms (median of {len(whole)})"
    show(title, ("", "median", "to bare", "range"), rows, f"{met}agent as {who}")
    made = []
    for at, (name, _) in enumerate(MILESTONES):
        took = [passed[at] - (passed[at - 1] if at else 0.0) for passed in parts]
        extra = [one - two for one, two in zip(took, bare, strict=True)] if name.startswith("agent") else took
        made.append((name, milliseconds(spread(took).median), milliseconds(spread(extra).median)))
    show("  made up of", ("", "median", "without bare claude"), made)
