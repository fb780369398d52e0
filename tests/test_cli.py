"""The door: whatever is typed, one sentence that says what to do, the right exit code, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli.commands import app

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
DEAD_API = {
    "GITHUB_TOKEN": "x",
    "GITHUB_REPOSITORY": "a/b",
    "GITHUB_EVENT_NAME": "issues",
    "GITHUB_API_URL": "http://127.0.0.1:9",
}


def ai_ready(*words: str, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    argv = (sys.executable, "-m", "bot", *words)
    return subprocess.run(argv, env=kept | environ, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_tells_each_command_in_whole_sentences(command: str) -> None:
    shown = ai_ready(*command.split(), "--help")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "..." not in shown.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("words", "environ", "code", "said"),
    [
        ("nonsense", {}, 2, "No such command 'nonsense'"),
        ("gate", {}, 2, "GITHUB_TOKEN is not set: give the step"),
        (
            "gate",
            DEAD_API,
            1,
            "GitHub could not read a/b: GitHub did not answer; check the network and GITHUB_API_URL.",
        ),
        ("gate", DEAD_API | {"GITHUB_API_URL": "nonsense"}, 2, "GITHUB_API_URL is not an address such as https://"),
        ("work --out /tmp", DEAD_API | {"AI_READY_ADMISSION": "{}"}, 2, "AI_READY_ADMISSION is not an admission ("),
        ("run --issue 7 --repo foo", DEAD_API, 2, "--repo has to be owner/name."),
        ("run --issue 0", {}, 2, "greater than or equal to 1"),
        ("plan --from /nonexistent", {}, 2, "/nonexistent can't be read: No such file or directory."),
        ("plan --from -", {}, 2, "The issues are not valid JSON"),
        (
            "plan --from /dev/null --config /nonexistent",
            {},
            2,
            "/nonexistent can't be read: No such file or directory.",
        ),
        ("demo --live", {}, 2, "--live needs ANTHROPIC_API_KEY"),
    ],
    ids=str,
)
def test_bad_input_is_answered_with_one_sentence(words: str, environ: dict[str, str], code: int, said: str) -> None:
    ended = ai_ready(*words.split(), **environ)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Usage:" in ended.stderr or len(ended.stderr.splitlines()) == 1


def test_a_config_that_is_no_text_is_named(tmp_path: Path) -> None:
    config = tmp_path / "ai-ready.yml"
    config.write_bytes(b"\xff\xfe")

    ended = ai_ready("plan", "--from", "-", "--config", str(config), stdin="[]")

    assert (ended.returncode, ended.stderr) == (2, f"ai-ready: {config} can't be read: it is not UTF-8 text.\n")
