import os
import signal
import threading
import time
from pathlib import Path

import pytest

from bot.agent.launching import Isolation
from bot.agent.process import FORWARDED, Cancel, Command, Finished, Lines, environment, plain, run_command

OURS = {"PATH": "/usr/bin:/bin"}


def run(
    isolation: Isolation, script: str, *, seconds: float = 20, stdin: bytes = b"", cancel: Cancel | None = None
) -> Finished:
    command = Command(("sh", "-c", script), isolation.home, environment(isolation, OURS, {}), seconds, stdin)
    return run_command(command, isolation, cancel=cancel or Cancel())


def test_a_command_ends_with_its_code_and_its_last_lines(anyhow: Isolation) -> None:
    """Both streams come as one, in order, and the exit code is the command's own."""
    finished = run(anyhow, "for i in $(seq 100); do echo line $i; done; echo oops >&2; exit 3")

    assert finished.exit_code == 3
    assert finished.killed == ""
    lines = finished.tail.splitlines()
    assert len(lines) == 50
    assert lines[-2:] == ["line 100", "oops"]


def test_the_deadline_kills_everything(anyhow: Isolation) -> None:
    """A command that ignores polite signals is over soon after its time."""
    finished = run(anyhow, "trap '' TERM INT; echo started; sleep 60; sleep 60", seconds=0.5)

    assert (finished.exit_code, finished.killed, finished.tail) == (-1, "timed-out", "started")
    assert finished.seconds < 3


def test_a_daemon_that_holds_the_pipes_does_not_hold_us(anyhow: Isolation) -> None:
    """The end of a command is the end of its first process, whoever still has its output open."""
    finished = run(anyhow, "(setsid sleep 60 &); echo gone")

    assert (finished.exit_code, finished.tail) == (0, "gone")
    assert finished.seconds < 3


def test_what_stays_in_the_group_dies_without_its_mark(alone: Isolation) -> None:
    """Without isolation, a child that cleaned its environment is still found by its group."""
    finished = run(alone, f"env -i sleep 101.{os.getpid():07} & sleep 0.2; echo bye")

    assert finished.tail == "bye"
    assert os.system(f"pgrep -f '^sleep 101.{os.getpid():07}$' > /dev/null") != 0


def test_a_command_that_closes_its_output_is_still_waited_for(anyhow: Isolation) -> None:
    """Silence is not the end."""
    finished = run(anyhow, "exec >&- 2>&-; sleep 0.3; exit 7")

    assert finished.exit_code == 7


def test_cancel_ends_a_command_at_once(anyhow: Isolation) -> None:
    """Whoever cancels waits less than the five seconds GitHub leaves."""
    cancel = Cancel()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()

    finished = run(anyhow, "trap '' TERM INT; sleep 60", cancel=cancel)

    timer.join()
    assert (finished.exit_code, finished.killed) == (-1, "cancelled")
    assert finished.seconds < 2


def test_after_a_cancel_nothing_starts_any_more(alone: Isolation) -> None:
    """A command begun when all is over ends before it does anything slow."""
    cancel = Cancel()
    cancel.set()

    assert run(alone, "sleep 60", cancel=cancel).killed == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_set_the_cancel(number: signal.Signals) -> None:
    """Both of GitHub's signals ask for the end, and the old handlers come back afterwards."""
    cancel, before = Cancel(), signal.getsignal(number)

    with cancel.on_signals():
        os.kill(os.getpid(), number)
        assert cancel.is_set

    assert signal.getsignal(number) is before


def test_endless_output_is_read_in_bounded_memory(alone: Isolation) -> None:
    """A command may say as much as it likes: we keep the tail, and show a bounded part."""
    shown: list[str] = []
    command = Command(("sh", "-c", "yes 'a line of text' | head -c 30000000; echo last"), alone.home, OURS, 30)

    finished = run_command(command, alone, cancel=Cancel(), on_line=shown.append)

    assert finished.exit_code == 0
    assert finished.tail.endswith("last")
    assert sum(len(line) + 1 for line in shown) < FORWARDED + 200
    assert shown[-1] == "[the rest of the output is not shown here]"


def test_a_line_without_end_is_cut(alone: Isolation) -> None:
    """One huge line does not fill the memory, and what follows it is not lost."""
    finished = run(alone, "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo after")

    assert finished.tail.splitlines()[-1] == "after"
    assert len(finished.tail) < 2000


def test_lines_keeps_the_beginning_and_tells_once() -> None:
    """What an overlong line is cut to does not depend on how it was read."""
    told: list[int] = []
    got: list[str] = []
    lines = Lines(got.append, 5, lambda: told.append(1))

    for piece in (b"ab", b"cdefg", b"hij", b"\nok\n12345\n123456\n", b"rest"):
        lines.feed(piece)
    lines.close()

    assert got == ["abcde", "ok", "12345", "12345", "rest"]
    assert len(told) == 2


def test_input_is_given_and_not_waited_for(anyhow: Isolation) -> None:
    """A command reads its input, or does not."""
    data = b"x" * 3_000_000

    assert run(anyhow, "wc -c", stdin=data).tail.strip() == "3000000"
    assert run(anyhow, "echo deaf", stdin=data).tail == "deaf"
    assert run(anyhow, "wc -c").tail.strip() == "0"


def test_what_cannot_start_ends_with_127(anyhow: Isolation) -> None:
    """A missing program is a failed command, not an error of ours."""
    command = Command(("no-such-program",), anyhow.home, environment(anyhow, OURS, {}), 5)

    finished = run_command(command, anyhow, cancel=Cancel())

    assert finished.exit_code == 127
    assert "no-such-program" in finished.tail


def test_a_command_that_dies_of_a_signal_says_which(anyhow: Isolation) -> None:
    """-1 is only for what we killed."""
    assert run(anyhow, "kill -SEGV $$").exit_code == 139


def test_only_named_variables_pass(alone: Isolation) -> None:
    """Tokens, GitHub's write channels and passwords in addresses stay with us."""
    ours = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "GITHUB_TOKEN": "t",
        "GITHUB_OUTPUT": "/x",
        "ACTIONS_RUNTIME_TOKEN": "t",
        "ANTHROPIC_API_KEY": "k",
        "SSH_AUTH_SOCK": "/s",
        "HTTPS_PROXY": "http://user:pass@proxy:1",
        "HTTP_PROXY": "http://proxy:1",
    }

    env = environment(alone, ours, {"DATABASE": "sqlite", "CI": "no"})

    assert env == {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "HTTP_PROXY": "http://proxy:1",
        "TERM": "dumb",
        "CI": "no",
        "DATABASE": "sqlite",
        **alone.identity(),
    }


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("10%\r50%\r100%", "100%"),
        ("windows\r", "windows"),
        ("\x1b]0;title\x07text", "text"),
        ("a\tb\x00c\x08", "a\tbc"),
    ],
)
def test_plain_shows_what_a_terminal_would(raw: str, seen: str) -> None:
    """Colours, progress bars and control characters leave the text they stood in."""
    assert plain(raw) == seen


def test_own_working_directory_may_be_closed(apart: Isolation, root: Path) -> None:
    """A workspace that its user closed to everybody else still works."""
    folder = root / "work"
    folder.mkdir()
    apart.own(folder)
    folder.chmod(0o700)
    command = Command(("pwd",), folder, environment(apart, OURS, {}), 5)

    assert run_command(command, apart, cancel=Cancel()).tail == str(folder)


def test_the_loop_costs_little(alone: Isolation) -> None:
    """Running a command takes milliseconds more than the command."""
    started = time.monotonic()
    for _ in range(5):
        run(alone, "true")

    assert time.monotonic() - started < 1
