"""docs/seeds.md: every promise of the systems that ai-ready took over from, with the tests that hold it.

`python -m tests.seeds.page` writes it. A test belongs to a row by its name: `def test_TS4_…`; several ids may stand there
(`def test_CL3_CF3_…`).
"""

import ast
import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "seeds.md"
ROWS = Path(__file__).with_name("rows.csv")

HEAD = """<!-- Made by `python -m tests.seeds.page` out of tests/seeds/rows.csv and the names of the tests; do not edit. -->

# What the systems before promised

ai-ready took over from four kinds of runner: 000 is a headless one on Backlog.md tasks, 001 the autonomous runner, 002 the
same with two agents, 003 and 004 the advanced runner of Headless PM. Each of their promises has a row, and each row has
tests that are named by it. [Migrating](migrating.md) says what became of their words.
"""

CONTRADICTIONS = """
## Where they contradict each other

| they say | here |
|---|---|
| the next task is the one with the highest priority (001); phases come first (002) | phases first, then the number in the phase, then priority: one planner for laptop, Action and server |
| after a failure: go on (001, 002), stop (002's SDK runner), again at once (004) | go on with what does not wait for the failed task; `local.on_failure: stop` ends the session, and is the default of `claude-code-sdk`. A crashed agent is tried again at once, at most `limits.attempts` times; a run that ended with a verdict is not |
| the cost limit is the SDK backend's alone (001, 002); $5 a task on the CLI (000) | both limits hold on every backend: `limits.usd` a task, `local.usd` a session |
| 50 turns (the table), 150 (the SDK example); the code doubled it | `agent.max_turns`, 50 by default, and what is given is what holds |
| locks in `~/.headless-pm/locks/` (003) or `~/.headless-pm-lock-AGENT.json` (004) | `.ai-ready/local/claims/AGENT.json` in the checkout, with the same keys |
| work trees in `.worktrees/` (003) or `/tmp/headless-pm-worktrees` (003, 004) | `local.worktrees` or `HEADLESS_PM_WORKTREE_BASE`; by default a folder of ours outside the checkout |
| work trees for major tasks only (003), for all (004) | for all: the checkout is the person's |
| branches `feature/task-ID` (004) | `ai/task-…`: what begins with `ai/` is ours, and nothing else is ever pushed |
| `HEADLESS_PM_API_URL` is required (004), has a default (003) | has a default, `http://localhost:6969` |
| `skill_level`, `completed`, `fullstack_dev`, `GET /tasks/ID` of Headless PM (003, 004) | what its API really has: `difficulty`, `qa_done`, the list of tasks. The role `fullstack_dev` is for other sources; with this one it is refused with what to start instead |
| task 23.2 depends on itself (000) | a task that depends on itself is reported, and never waited on |
| `scripts.autonomous.runner` (001), `scripts.autonomous` (002) | `from bot.local import …` |
| `ARK-123` is a pattern of titles (the table), of ids (the code) | of titles |
| a second `init --force` creates everything anew (002) | what is missing is made and the rest updated: nothing is there twice |
| an unparseable spec ends as a success with 0 tasks (002's code) | an error that keeps the raw answer |
"""


@dataclass(frozen=True)
class Row:
    """One promise."""

    id: str
    seeds: str
    about: str
    feature: str
    promise: str
    decided: str


def rows() -> list[Row]:
    """All promises, in order."""
    with ROWS.open(newline="", encoding="utf-8") as file:
        return [Row(**each) for each in csv.DictReader(file)]


def proofs() -> Mapping[str, Sequence[str]]:
    """Row → its tests, as `tests/path.py::name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _names(path):
            ids = re.match(r"test_((?:[A-Z]{2}\d+_)+)", name)
            for each in ids[1].rstrip("_").split("_") if ids else ():
                found[each].append(f"{path.relative_to(ROOT)}::{name}")
    return found


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def page() -> str:
    """The whole text."""
    tests = proofs()
    parts = [HEAD]
    for about, group in groupby(rows(), lambda row: row.about):
        parts.append(f"\n## {about}\n\n| id | from | promise | here | tests |\n|---|---|---|---|---|\n")
        for row in group:
            cells = (row.id, row.seeds.replace(" ", ", "), f"**{row.feature}**: {row.promise}", _state(row, tests), "")
            parts.append(_line((*cells[:4], _shown(tests.get(row.id, ())))))
    return "".join(parts) + CONTRADICTIONS


def _state(row: Row, tests: Mapping[str, Sequence[str]]) -> str:
    if row.id not in tests:
        return "not proven yet"
    return f"works; {row.decided}" if row.decided else "works"


def _shown(tests: Sequence[str]) -> str:
    files = {
        path: [name for _, name in pairs] for path, pairs in groupby((t.split("::") for t in tests), lambda t: t[0])
    }
    return "<br>".join(
        f"[{Path(path).name}](../{path}): {', '.join(f'`{name}`' for name in names)}" for path, names in files.items()
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<id>", "&lt;id&gt;") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
