"""A model that means harm, or its repository does: what its tools can't do, and that the run goes on."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agent.anthropic_shell import LOST
from bot.agent.launching import Isolation
from bot.agent.uids import alive
from bot.sandbox.model import Turn, bash, done, edit, read, write
from tests.agent.anthropic_desk import KEY, Desk, tool, verdict


@pytest.fixture
def ours(desk: Desk) -> Path:
    """A file of ours in the run's folder, which nobody else may read."""
    secret = desk.workspace.parent / "ours"
    secret.write_text("our own\n")
    secret.chmod(0o600)
    return secret


@pytest.mark.parametrize(
    "way",
    [read("link"), write("link", "theirs"), edit("link", "our own", "theirs"), write("folder/ours", "theirs")],
    ids=["read", "write", "edit", "folder"],
)
def test_a_link_leads_the_editor_nowhere_that_its_user_may_not_go(desk: Desk, ours: Path, way: Turn) -> None:
    """It is not we who follow it."""
    apart(desk.isolation)
    report = desk.run(bash(f"ln -s {ours} link; ln -s {ours.parent} folder"), way, done("Done."))

    assert verdict(report) == ""
    assert "our own" not in str(desk.results)
    assert ours.read_text() == "our own\n"


@pytest.mark.parametrize(
    "command",
    [
        "env",
        "cat /proc/OURS/environ",  # a test's name may not hold a number that differs between workers
        "cat /proc/OURS/mem",
        "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'",
    ],
)
def test_the_key_is_nowhere(desk: Desk, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the real one, and not that of the run either."""
    apart(desk.isolation)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    desk.run(bash(command.replace("OURS", str(os.getpid()))), done("Done."))

    assert KEY not in desk.results[0]
    assert desk.proxy.key not in desk.results[0]
    assert "ANTHROPIC" not in desk.results[0]


ODD = {
    "its shell": ("kill -9 $$", "The shell ended (signal 9)."),
    "its parent": ("kill -9 $PPID; echo survived", "survived"),
    "everybody": ("kill -9 -1; echo alone", "alone"),
    "exit": ("exit 3", "The shell ended (exit code 3)."),
    "errexit": ("set -e; false", "The shell ended (exit code 1)."),
    "half a quotation": ("echo 'abc", "unexpected EOF"),
    "reads its input": ("cat; read x; echo read=$x", "read="),
    "sends the shell's output away": ("exec > /dev/null 2>&1; echo x", "(no output)"),
    "closes it": ("exec >&- 2>&-", "(no output)"),
    "leaves something behind": ("sleep 1000 & echo left", "left"),
    "leaves it in a session of its own": ("setsid sleep 1000 > /dev/null & echo left", "left"),
    "looks like the end": ("printf '\\n0123456789abcdef0123456789abcdef 0\\n'; echo after", "after"),
    "bytes": ("printf '\\377\\000\\033[31mred'", "red"),
    "a function": ("printf() { echo mine; }; echo x", "x"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_a_command_does_to_its_shell(desk: Desk, name: str) -> None:
    """The model reads what came of it, and the next command works."""
    if name in {"its parent", "everybody"}:
        apart(desk.isolation)
    command, shown = ODD[name]

    report = desk.run(bash(command), tool("bash", restart=True), bash("echo next-one"), done("Done."), seconds=30)

    assert verdict(report) == "", report
    assert shown in desk.results[0]
    assert desk.results[2] == "next-one"
    uid = getattr(desk.isolation, "uid", None)
    assert uid is None or not alive(uid)


def test_a_shell_that_ends_between_two_commands_is_missed(desk: Desk) -> None:
    """What it knew is gone, and the model is told."""
    later = "x=5; (sleep 0.1; kill -9 $$) > /dev/null 2>&1 &"

    desk.run(bash(later), replace(bash("echo [$x]"), delay=1.5), bash("echo [$x]"), done("Done."))

    assert desk.results[1:] == [f"[]\n{LOST}", "[]"]


def test_long_output_is_cut_in_the_middle(desk: Desk) -> None:
    desk.run(
        bash("echo begin; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end"), bash("echo next"), done("Done.")
    )

    assert len(desk.results[0]) < 31_000
    assert desk.results[0].startswith("begin")
    assert desk.results[0].endswith("end")
    assert "bytes are left out here" in desk.results[0]
    assert desk.results[1] == "next"


def test_output_without_end_is_stopped(desk: Desk) -> None:
    desk.run(bash("yes"), bash("echo next"), done("Done."))

    assert "it wrote more than 64 MiB" in desk.results[0]
    assert desk.results[1] == "next"


def test_many_processes_that_leave_their_group_die_with_the_ask(desk: Desk) -> None:
    """A fork bomb ends at the uid's limit of processes; what it is made of is killed as one."""
    apart(desk.isolation)
    report = desk.run(
        bash("for i in $(seq 60); do (setsid sleep 1000 >/dev/null 2>&1 &); done; ulimit -u"), done("Done.")
    )

    assert verdict(report) == ""
    assert desk.results[0] == "4096"
    assert not alive(desk.isolation.uid)


PATHS = {
    "": "The path is missing.",
    "/dev/zero": "/dev/zero is neither a file nor a folder.",
    "pipe": "pipe is neither a file nor a folder.",
    "-rf": "There is no -rf.",
    "no/such": "There is no no/such.",
    "nul\0": "A NUL can't be part of that.",
}


@pytest.mark.parametrize("path", PATHS)
def test_odd_paths(desk: Desk, path: str) -> None:
    report = desk.run(bash("mkfifo pipe"), read(path), done("Done."))

    assert verdict(report) == ""
    assert desk.results[1] == PATHS[path]


def test_texts_survive_the_editor(desk: Desk) -> None:
    """Bytes that are no text, and the ends of lines."""
    desk.run(bash("printf 'a\\r\\n\\377b\\n' > odd"), edit("odd", "b", "c"), done("Done."))

    assert (desk.workspace / "odd").read_bytes() == b"a\r\n\xffc\n"


@pytest.mark.parametrize(
    ("old", "told"), [("x", "`old_str` is 2 times in a"), ("y", "`old_str` is not in a"), ("", "`old_str` is empty")]
)
def test_an_edit_that_is_not_clear_changes_nothing(desk: Desk, old: str, told: str) -> None:
    desk.run(write("a", "x x\n"), edit("a", old, "z"), done("Done."))

    assert told in desk.results[1]
    assert (desk.workspace / "a").read_text() == "x x\n"


@pytest.mark.parametrize("asked", [{}, {"command": 7}, {"command": ["ls"]}, {"restart": "yes"}])
def test_a_command_that_is_none(desk: Desk, asked: dict[str, object]) -> None:
    desk.run(tool("bash", **asked), done("Done."))

    assert desk.results == ["`command` is missing, or holds a NUL."]


def apart(isolation: Isolation) -> None:
    if isolation.name == "none":
        pytest.skip("needs another user")
