"""Questions on a real (pseudo) terminal, and where there is none."""

import contextlib
import io
import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agent.process import Cancel
from bot.local.prompts import Decision, Prompter, TerminalInput
from bot.local.terminal import Terminal

NOW = datetime(2026, 11, 21, 22, 13, 5, tzinfo=UTC)
OPTIONS = ("Retry the task", "Skip the task")


class Person:
    """Sits before a terminal: reads what is said, and types."""

    def __init__(self) -> None:
        self.keyboard, self.input = pty.openpty()
        self.screen = io.StringIO()
        self.cancel = Cancel()
        self.prompter = self.asked_at(TerminalInput(self.input))

    def asked_at(self, answers: TerminalInput, seconds: float = 60) -> Prompter:
        terminal = Terminal(self.screen, colours=False, now=lambda: NOW)
        return Prompter(terminal, answers, self.cancel, seconds, now=lambda: NOW)

    def types(self, *lines: str) -> None:
        """Answer each question, or line of one, once it is there."""

        def answer() -> None:
            for asked, line in enumerate(lines, 1):
                until(lambda asked=asked: self.questions() >= asked)  # type: ignore[misc]
                os.write(self.keyboard, f"{line}\n".encode())

        threading.Thread(target=answer, daemon=True).start()

    def questions(self) -> int:
        return self.screen.getvalue().count("Select option:") + self.screen.getvalue().count("(one line)")


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    yield person
    os.close(person.keyboard)
    os.close(person.input)


def test_UI2_a_numbered_option_is_chosen_and_its_text_comes_back(person: Person) -> None:
    person.types("2")

    assert person.prompter.choose("The hook said no.", OPTIONS, default=OPTIONS[0]) == "Skip the task"

    assert person.screen.getvalue().splitlines() == [
        "[22:13:05] ⚠ Operator intervention required",
        "The hook said no.",
        "  1. Retry the task",
        "  2. Skip the task",
        "Select option:",
    ]


def test_UI2_an_invalid_choice_is_asked_again(person: Person) -> None:
    person.types("7", "", "１", "yes", "1")

    assert person.prompter.choose("?", OPTIONS, default=OPTIONS[1]) == "Retry the task"

    assert person.screen.getvalue().count("Invalid choice, try again") == 4


def test_UI2_without_a_terminal_the_default_is_taken_and_said(person: Person) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"1\n")

    chosen = person.asked_at(TerminalInput(reading)).choose("?", OPTIONS, default=OPTIONS[1])

    os.close(reading)
    os.close(writing)
    assert chosen == "Skip the task"
    assert person.screen.getvalue().endswith("Nobody answered here: taking “Skip the task”.\n")


def test_UI2_at_the_end_of_input_the_default_is_taken(person: Person) -> None:
    person.types("\x04")  # control and D

    assert person.prompter.choose("?", OPTIONS, default=OPTIONS[1]) == "Skip the task"


def test_a_runner_that_is_stopped_waits_for_no_answer(person: Person) -> None:
    def stop() -> None:
        until(lambda: person.questions() == 1)
        person.cancel.set()

    threading.Thread(target=stop).start()

    assert person.prompter.choose("?", OPTIONS, default=OPTIONS[1]) == "Skip the task"


def test_what_was_typed_before_the_question_is_no_answer(person: Person) -> None:
    os.write(person.keyboard, b"1\n")
    person.types("2")

    assert person.prompter.choose("?", OPTIONS, default=OPTIONS[0]) == "Skip the task"


@pytest.mark.parametrize(
    ("typed", "answer", "words"),
    [
        (["1"], "continue", ""),
        (["2"], "pause", ""),
        (["3", "Use the \x1b[A old API"], "redirect", "Use the  old API"),
        (["4"], "abort", ""),
    ],
)
def test_LI9_a_person_decides_at_a_checkpoint(person: Person, typed: list[str], answer: str, words: str) -> None:
    person.types(*typed)

    decision = person.prompter.decide("turn-interval", "TASK-3 has taken 25 turns.")

    assert (decision.checkpoint, decision.answer, decision.by) == ("turn-interval", answer, "operator")
    assert decision.words == words
    assert decision.as_json()["at"] == "2026-11-21T22:13:05Z"


def test_LI9_without_an_answer_in_time_the_default_is_to_pause(person: Person) -> None:
    decision = person.asked_at(TerminalInput(person.input), seconds=0.05).decide("plan", "Is this plan right?")

    assert decision == Decision("plan", "pause", "", "default", NOW)
    assert person.screen.getvalue().endswith("Nobody answered here: taking “pause”.\n")


def test_LI9_a_redirection_without_words_is_a_pause(person: Person) -> None:
    person.types("3", "")

    assert person.prompter.decide("plan", "Is this plan right?").answer == "pause"


def test_LI9_a_person_has_an_hour() -> None:
    assert Prompter(Terminal(io.StringIO(), colours=False), TerminalInput()).seconds == 60 * 60


IN_A_SHELL = """\
set -m
"$PYTHON" -c '
import sys
from bot.local.prompts import Prompter, TerminalInput
from bot.local.terminal import Terminal
chosen = Prompter(Terminal(sys.stdout, colours=False), TerminalInput()).choose("?", ("One", "Two"), default="Two")
print("chosen", chosen)
' &
wait
"""


def test_UI2_in_the_background_of_a_shell_the_default_is_taken(tmp_path: Path) -> None:
    """`ai-ready start &`: reading from the terminal, or emptying it, would stop the process."""
    script = tmp_path / "script"
    script.write_text(IN_A_SHELL)
    environ = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "PYTHONPATH": str(Path(__file__).parents[2])}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve("/bin/bash", ["bash", str(script)], environ)
    said = b""
    with contextlib.suppress(OSError):  # the shell has ended
        while data := os.read(terminal, 4096):
            said += data
    os.waitpid(pid, 0)
    os.close(terminal)

    assert b"taking \xe2\x80\x9cTwo" in said
    assert b"chosen Two" in said
