"""The live log and the summaries, word for word (`AI_READY_GOLDEN=write` rewrites them)."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from bot.core.model import Pull
from bot.progress.events import CheckBegan, Event, Todo, TodosChanged, ToolUsed, Verdict
from bot.progress.lines import clock, span
from bot.progress.livelog import LiveLog
from bot.progress.state import MOST_TOOLS, OTHER_TOOLS
from bot.progress.summary import closing, last_word, opening, page
from bot.report import Report
from tests.progress.told import BEGINNING, END, HOSTILE, RUN, WHOLE, Room, told

GOLDEN = Path(__file__).parents[1] / "golden"
OWN_WORDS = "I add up the prices.\n\n```\n@everyone fixes #1\n```"
DONE = Verdict("done", "", "", 3, 0.5, 90.0)


def golden(name: str, text: str) -> None:
    """`text` is what the golden file holds."""
    path = GOLDEN / name
    if os.environ.get("AI_READY_GOLDEN") == "write":
        path.write_text(text + "\n")

    assert text + "\n" == path.read_text()


def test_the_log_of_a_whole_run() -> None:
    """What a person reads while it goes on."""
    golden("log.txt", "\n".join(told(WHOLE, apart=3.0).log))


@pytest.mark.parametrize("tale", ["killed", "blocked", "done"])
def test_summaries(tale: str) -> None:
    """Of a run that was killed in the middle, and of both ends."""
    events = {"killed": BEGINNING, "blocked": WHOLE, "done": (*BEGINNING, DONE)}[tale]
    golden(f"summary-{tale}.md", page(told(events).journal.progress))


def test_what_the_page_of_the_run_shows() -> None:
    """At the beginning, at the end, and the last word of publish."""
    progress = told((*BEGINNING, DONE)).journal.progress
    pull = Pull(31, "ai/issue-7", "main", True, False, True, "b" * 40, "https://github.com/acme/shop/pull/31")
    parts = (
        opening(progress, "the work has begun"),
        closing(progress, OWN_WORDS),
        last_word(RUN, 7, pull, "", ""),
        last_word(RUN, 7, None, "tests-failed", "The test command failed: '![x](https://e.org/p.png)' @rita"),
    )
    golden("summary-page.md", "\n\n".join(parts))


def test_hostile_words_do_nothing_in_a_summary() -> None:
    """No image, no link, no mention, no table that ends early, no heading of theirs."""
    events = (
        replace(RUN, title=HOSTILE, branch=HOSTILE, model=HOSTILE),
        *BEGINNING[1:],
        ToolUsed(HOSTILE, HOSTILE),
        TodosChanged((Todo(f"# {HOSTILE}", "pending"), Todo("<img src=x onerror=alert(1)>", "in-progress"))),
        CheckBegan(HOSTILE, HOSTILE, True, 1),
        Verdict("blocked", HOSTILE, HOSTILE, 1, 0.1, 1.0),
    )
    progress = told(events).journal.progress
    for text in (page(progress), opening(progress, "x"), closing(progress, HOSTILE * 9)):
        html = MarkdownIt("commonmark").enable(["table", "linkify"]).render(text)

        assert "<img" not in html
        assert html.count("<a ") == text.count("· [issue]") + text.count("· [log]")
        assert html.count("<h1>") <= 1
        outside = "".join(piece.rpartition("</code>")[2] for piece in html.split("<code"))
        assert "@rita" not in outside


def test_many_kinds_of_tools_stay_few() -> None:
    """A model that makes names up does not fill the summary."""
    room = told([ToolUsed(f"Tool{number}", "") for number in range(1_000)], apart=0)

    assert len(room.journal.progress.tools) == MOST_TOOLS + 1
    assert dict(room.journal.progress.tools)[OTHER_TOOLS] == 1_000 - MOST_TOOLS


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (3600, "60 min")])
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (67.9, "1:07"), (3599, "59:59"), (3723, "1:02:03")])
def test_clocks(seconds: float, words: str) -> None:
    assert clock(seconds) == words


# ------------------------------------------------------------------------------------------------ the listener


def listened(events: tuple[Event, ...], report: Report) -> None:
    room = Room()
    room.journal._listeners = (LiveLog(report),)
    room.tell(*events)


def test_on_actions_the_output_of_a_command_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    """A group from its beginning to its end, then what came of it, unfolded."""
    listened(END, Report(annotate=True))
    out = capsys.readouterr().out.splitlines()
    at = out.index("::group::[0:00] lint: $ uv run ruff check")

    assert out[at + 1 : at + 3] == ["::endgroup::", "[0:00] lint: stopped at its time limit, after 15 min"]
    assert out.count("::endgroup::") == sum(line.startswith("::group::") for line in out) == 3
    assert not any("\x1b" in line for line in out)


def test_the_group_of_a_cancelled_command_ends_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Else the verdict would be folded away with it."""
    listened(
        (
            CheckBegan("test", "sleep 99", False, 15),
            Verdict("blocked", "cancelled", "The run was cancelled.", 1, 0.1, 2),
        ),
        Report(annotate=True),
    )

    assert capsys.readouterr().out.splitlines() == [
        "::group::[0:00] test: $ sleep 99",
        "::endgroup::",
        "[0:00] The work ended as blocked (cancelled): The run was cancelled. (1 turn, $0.10, 2 s)",
    ]


def test_a_terminal_shows_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """Good news green, bad news red, and each line ends its own."""
    listened((*BEGINNING, DONE), Report(colours=True))
    out = capsys.readouterr().out.splitlines()

    assert out[-1] == "\x1b[32m[0:00] The work is done: 3 turns, $0.50, 90 s\x1b[0m"
    assert "[0:00 turn 1 $0.004] Read shop/cart.py" in out
    assert not any("::group::" in line for line in out)
