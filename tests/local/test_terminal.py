"""What is said on a terminal: colours and signs where they are shown, plain words everywhere else."""

import contextlib
import io
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.local.terminal import Terminal
from bot.progress.events import AgentSaid, PhaseBegan
from bot.progress.journal import QUIET, Clock, Journal

NOW = datetime(2026, 11, 21, 22, 13, 5, tzinfo=UTC)


class Screen:
    """A terminal, and what its user sees."""

    def __init__(self, *, colours: bool = False, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        self.file = io.TextIOWrapper(self.bytes, encoding=encoding, write_through=True)
        self.kept: list[str] = []
        self.terminal = Terminal(self.file, colours=colours, keep=self.kept.append, now=lambda: NOW)

    @property
    def text(self) -> str:
        return self.bytes.getvalue().decode(self.file.encoding)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def say_all(terminal: Terminal) -> None:
    terminal.info("Waiting")
    terminal.success("Done")
    terminal.error("Blocked")
    terminal.warning("Low disk")


def test_UI1_each_kind_of_message_has_its_colour_and_sign() -> None:
    screen = Screen(colours=True)

    say_all(screen.terminal)

    time = "\x1b[34m[22:13:05]\x1b[0m "
    assert screen.lines == [
        f"{time}Waiting",
        f"{time}\x1b[32m✓ \x1b[0mDone",
        f"{time}\x1b[31m✗ \x1b[0mBlocked",
        f"{time}\x1b[33m⚠ \x1b[0mLow disk",
    ]


def test_UI1_without_colours_nothing_but_words_is_written() -> None:
    screen = Screen()

    say_all(screen.terminal)

    assert screen.lines == ["[22:13:05] Waiting", "[22:13:05] ✓ Done", "[22:13:05] ✗ Blocked", "[22:13:05] ⚠ Low disk"]
    assert screen.kept == screen.lines


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_these_letters_gets_others(encoding: str) -> None:
    screen = Screen(encoding=encoding)

    say_all(screen.terminal)
    screen.terminal.info("café 🚀")

    cafe = "caf? ?" if encoding == "ascii" else "café ?"
    assert screen.lines[1:] == [
        "[22:13:05] + Done",
        "[22:13:05] x Blocked",
        "[22:13:05] ! Low disk",
        f"[22:13:05] {cafe}",
    ]


HOSTILE = "a\x1b[2J\x1b]0;owned\x07b\x9b31mc\rd\x08e\u202ef [red]g[/] :rocket: \x1b]8;;http://x\x07h"


@pytest.mark.parametrize("colours", [True, False])
def test_foreign_words_can_not_control_the_terminal(colours: bool) -> None:
    screen = Screen(colours=colours)

    screen.terminal.info(HOSTILE)
    screen.terminal.plain(HOSTILE)

    ours = re.compile(r"\x1b\[\d*m")
    shown = [ours.sub("", line) for line in screen.lines]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", "".join(shown))
    assert shown[0] == "[22:13:05] ab31mc"
    assert shown[1] == "[22:13:05] def [red]g[/] :rocket: h"


def test_long_and_many_lines_are_bounded_and_none_is_folded_at_a_narrow_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()

    screen.terminal.info("x" * 3_000)
    screen.terminal.info("y\n" * 1_000)

    assert len(screen.lines[0]) == len("[22:13:05] ") + 2_000
    assert len(screen.lines) == 201


def journal(screen: Screen, seconds: Callable[[], float]) -> Journal:
    def ignore(_line: str) -> None: ...

    clock = Clock(lambda: NOW, seconds)
    return Journal("7-L1-1", 7, screen=str, log=ignore, listeners=(screen.terminal,), clock=clock)


def test_it_hears_what_a_run_tells() -> None:
    screen = Screen(colours=True)

    telling = journal(screen, lambda: 0.0)
    telling.tell(PhaseBegan("agent", 1, 2))
    telling.tell(AgentSaid("I'll \x1b[31mlook"))

    assert screen.kept == [
        "[22:13:05] [0:00] The agent begins (attempt 1 of 2)",
        "[22:13:05] [0:00] says: I'll  [31mlook",
    ]
    assert screen.lines[0].endswith("\x1b[1m[0:00] The agent begins (attempt 1 of 2)\x1b[0m")


def test_UI3_a_silent_agent_is_said_to_be_alive_every_30_seconds() -> None:
    screen, now = Screen(), [0.0]
    assert QUIET == 30

    telling = journal(screen, lambda: now[0])
    telling.tell(PhaseBegan("agent", 1, 1))
    for now[0] in range(0, 121, 10):
        telling.beat()

    assert [line for line in screen.lines if "still working" in line] == [
        f"[22:13:05] [{clock}] still working: agent, {seconds} s"
        for clock, seconds in [("0:30", 30), ("1:00", 60), ("1:30", 90)]
    ] + ["[22:13:05] [2:00] still working: agent, 2 min"]


def test_when_nobody_reads_any_more_the_log_goes_on() -> None:
    reading, writing = os.pipe()
    kept: list[str] = []
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w", encoding="utf-8") as file:
        terminal = Terminal(file, colours=False, keep=kept.append, now=lambda: NOW)
        os.close(reading)

        terminal.info("One")
        terminal.success("Two")

        assert kept == ["[22:13:05] One", "[22:13:05] ✓ Two"]
        kept.append("the end")
    assert kept[-1] == "the end"
