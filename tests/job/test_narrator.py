"""What of the agent's doings is told, and what of its tools' input is shown: where, never what."""

from pathlib import Path

import pytest

from bot.agent.stream import Begun, Denied, Result, Retrying, Said, Spoke
from bot.job.narrator import Narrator, programs, todos_of, within
from bot.progress.events import (
    AgentBegan,
    AgentEnded,
    AgentSaid,
    ApiRetried,
    Event,
    Todo,
    TodosChanged,
    ToolDenied,
    ToolUsed,
    TurnBegan,
)
from tests.job.stage import done_report

SHOP = Path("/run/shop")
CANARY = "c4n4ry"


def narrated(*said: Said, usd: float = 0.12) -> list[Event]:
    told: list[Event] = []
    narrator = Narrator(told.append, spent_usd=lambda: usd)
    narrator.attempt(SHOP, 50)
    for each in said:
        narrator.hear(each)
    return told


def test_a_session_as_events() -> None:
    """Once per answer a turn, then what it said and which tools it used."""
    assert narrated(
        Begun("s-1", "claude-x", "2.1.329"),
        Spoke("m1", text="\nI'll look.\nThen more."),
        Spoke("m1", tool="Read", input={"file_path": "/run/shop/a.py"}),
        Spoke("m2", text="Fine."),
        Denied("WebFetch", "because of https://user:pass@host"),
        Retrying(529, 1, 7),
        Spoke("m2", tool="StructuredOutput", input={"verdict": "done", "summary": CANARY}),
        Result(False, "success", "completed", 0, (), {}, (), 3, 0.2),
    ) == [
        AgentBegan("claude-x", "2.1.329", "s-1", 50),
        TurnBegan(1, 0.12),
        AgentSaid("I'll look. …"),
        ToolUsed("Read", "a.py"),
        TurnBegan(2, 0.12),
        AgentSaid("Fine."),
        ToolDenied("WebFetch"),
        ApiRetried(529, 1, 7),
    ]


def test_the_list_is_told_when_it_changes() -> None:
    """Not when it is merely written again."""
    first = {"todos": [{"content": "Look", "status": "in_progress"}, {"content": "Fix", "status": "pending"}]}
    second = {"todos": [{"content": "Look", "status": "completed"}, {"content": "Fix", "status": "odd"}]}
    lists = [Spoke("m1", tool="TodoWrite", input=each) for each in (first, first, second)]

    assert narrated(*lists)[1:] == [
        TodosChanged((Todo("Look", "in-progress"), Todo("Fix", "pending"))),
        TodosChanged((Todo("Look", "completed"), Todo("Fix", "pending"))),
    ]


def test_turns_go_on_over_attempts_and_each_begins_once() -> None:
    """Whoever can write to the CLI's output can write `init` again and again."""
    told: list[Event] = []
    narrator = Narrator(told.append, spent_usd=lambda: 0.5)
    for attempt in (1, 2):
        narrator.attempt(SHOP, 50 // attempt)
        for _ in range(3):
            narrator.hear(Begun("s-1", "claude-x", "2.1.329"))
        narrator.hear(Spoke(f"m{attempt}", text="Hm."))
        narrator.ended(done_report(turns=1, seconds=2.0))

    assert [event for event in told if not isinstance(event, AgentSaid)] == [
        AgentBegan("claude-x", "2.1.329", "s-1", 50),
        TurnBegan(1, 0.5),
        AgentEnded("done", 1, 0.25, 2.0),
        AgentBegan("claude-x", "2.1.329", "s-1", 25),
        TurnBegan(2, 0.5),
        AgentEnded("done", 1, 0.25, 2.0),
    ]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, "done"),
        ({"structured": {"verdict": "needs-input"}}, "needs-input"),
        ({"stopped_for": "timed-out", "results": 0}, "timed-out"),
        ({"is_error": True, "terminal_reason": "api_error"}, "error api_error"),
        ({"is_error": True, "terminal_reason": "", "subtype": "error_max_turns"}, "error error_max_turns"),
        ({"results": 0, "terminal_reason": "", "subtype": "", "exit_code": 137}, "error 137"),
        ({"structured": None}, "error completed"),
    ],
)
def test_how_an_attempt_ended(changes: dict[str, object], end: str) -> None:
    """In a word or two."""
    told: list[Event] = []
    Narrator(told.append, spent_usd=lambda: 0.0).ended(done_report(**changes))

    assert [event.end for event in told if isinstance(event, AgentEnded)] == [end]


@pytest.mark.parametrize(
    "said",
    [
        Spoke("m", tool="Write", input={"file_path": "a", "content": CANARY}),
        Spoke("m", tool="Edit", input={"file_path": "a", "old_string": CANARY, "new_string": CANARY}),
        Spoke("m", tool="Grep", input={"pattern": CANARY, "path": "src"}),
        Spoke("m", tool="Glob", input={"pattern": CANARY}),
        Spoke("m", tool="Bash", input={"command": f"echo {CANARY}", "description": CANARY}),
        Spoke("m", tool="Bash", input={"command": f"KEY={CANARY} run --key={CANARY} <<< '{CANARY}'"}),
        Spoke("m", tool="Bash", input={"command": f"cat > a <<EOF\n{CANARY} x\nEOF"}),
        Spoke("m", tool="Bash", input={"command": f"echo 'one\n{CANARY}; two'"}),
        Spoke("m", tool="Bash", input={"command": f'"{CANARY} {CANARY}" a'}),
        Spoke("m", tool="Bash", input={"command": f"echo a; $({CANARY}$)"}),
        Spoke("m", tool="Bash", input={"command": [CANARY]}),
        Spoke("m", tool="WebFetch", input={"url": f"https://{CANARY}", "prompt": CANARY}),
        Spoke("m", tool="Tomorrow", input={CANARY: CANARY}),
        Denied("Bash", CANARY),
        Result(True, CANARY, CANARY, 0, (CANARY,), {}, (CANARY,), 1, 0.0),
    ],
    ids=repr,
)
def test_what_a_tool_is_given_is_not_told(said: Said) -> None:
    """No content, no pattern, no argument, no description, no word of a denial."""
    assert CANARY not in repr(narrated(said))


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("ls", "ls"),
        ("", ""),
        ("  \n", ""),
        ("pytest -q", "pytest …"),
        ("cd src && python3 -m pytest -q tests", "cd … && python3 -m pytest …"),
        ("python -m http.server", "python -m http.server"),
        ("python script.py", "python …"),
        ("PYTHONPATH=. A=b uv run ruff check", "uv …"),
        ("/usr/bin/env python", "env …"),
        ("cat a | grep b | wc -l", "cat … | grep … | wc …"),
        ("make test; make lint", "make … ; make …"),
        ("make\nrm -rf x", "make …"),
        ("(cd a && ls)", "( cd … && ls )"),
        ("git commit -m 'a && b; c'", "git …"),
        ("sleep 5 &", "sleep … &"),
        ("a;b;c;d;e;f;g", "a ; b ; c ; d ; e …"),
        ("A=b", ""),
        ("x" * 99, "…"),
        ("échec", "…"),
        ("for f in a b; do cat $f; done", "for … ; do … ; done"),
        ("ls # a comment; rm", "ls … ; rm"),
    ],
)
def test_of_a_command_the_programs_are_shown(command: str, shown: str) -> None:
    assert programs(command) == shown


def test_a_command_of_megabytes_takes_no_time() -> None:
    """Only its beginning is looked at."""
    assert programs("a;" * 5_000_000).startswith("a ; a")
    assert programs("'" * 5_000_001) in {"", "…", "… …"}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/run/shop/src/a.py", "src/a.py"),
        ("/run/shop", "."),
        ("src/a.py", "src/a.py"),
        ("/run/shopping/a", "/run/shopping/a"),
        ("/etc/passwd", "/etc/passwd"),
        ("", ""),
    ],
)
def test_paths_are_shown_from_the_repository(path: str, shown: str) -> None:
    assert within(SHOP, path) == shown


@pytest.mark.parametrize("given", [None, 7, "x", {}, [7, None], [{"content": 7}], [{}] * 999])
def test_lists_of_any_shape(given: object) -> None:
    """The input of a tool may be anything."""
    assert len(todos_of({"todos": given})) <= 50
