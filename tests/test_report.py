"""The runner's write channels."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bot.report import Report


@pytest.mark.parametrize(
    "line",
    [
        "::set-output name=x::y",
        "  ::add-mask::x",
        "a ##[set-output name=x]y",
        "ok\n::stop-commands::x",
        "\t::warning::x",
    ],
)
def test_no_line_of_the_log_is_a_command_to_the_runner(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What agents, checks and tracebacks print is only ever words."""
    Report().log(line)
    printed = capsys.readouterr().out

    assert not any(each.lstrip().startswith("::") for each in printed.splitlines())
    assert "##[" not in printed


def test_an_output_cannot_start_another_one(tmp_path: Path) -> None:
    """The delimiter is random, so no value can end itself."""
    file = tmp_path / "output"
    Report(output=file).outputs({"admission": "x\nEOF\nissue=9", "issue": "7"})
    lines = file.read_text().splitlines()
    name, _, mark = lines[0].partition("<<")

    assert name == "admission"
    assert lines.index(mark) == 4
    assert lines[5].startswith("issue<<")


def test_an_error_is_an_annotation_inside_actions(capsys: pytest.CaptureFixture[str]) -> None:
    Report(annotate=True).error("100 % wrong\nbut one line")
    Report().error("outside")
    captured = capsys.readouterr()

    assert captured.out == "::error title=ai-ready::100 %25 wrong but one line\n"
    assert captured.err == "ai-ready: outside\n"


def test_details_are_kept_where_the_sentence_says(capsys: pytest.CaptureFixture[str]) -> None:
    where = Report().keep("Traceback")
    path = Path(where.removeprefix("the details are in "))

    assert path.read_text() == "Traceback"
    path.unlink()
    assert Report(annotate=True).keep("::error::x") == "the details are in this log"
    assert "\n| ::error::x\n" in capsys.readouterr().out


SAYS = "from bot.config import action_report; action_report().say('well done', 'good')"


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({"TERM": "xterm"}, "\x1b[32mwell done\x1b[0m"),
        ({"NO_COLOR": "1"}, "well done"),
        ({"TERM": "dumb"}, "well done"),
    ],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_colours_are_for_terminals_whose_owner_wants_them(environ: dict[str, str], shown: str) -> None:
    """https://no-color.org; a job's log on GitHub is no terminal."""
    ours, theirs = pty.openpty()
    argv, where = (sys.executable, "-c", SAYS), Path(__file__).parents[1]
    subprocess.run(argv, stdout=theirs, env={"PATH": os.environ["PATH"], **environ}, cwd=where, check=True)
    os.close(theirs)
    on_a_terminal = os.read(ours, 1000).decode().strip()
    os.close(ours)
    piped = subprocess.run(argv, capture_output=True, env={"TERM": "xterm"}, cwd=where, check=True).stdout

    assert on_a_terminal == shown
    assert piped == b"well done\n"
