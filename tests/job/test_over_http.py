"""What only shows over HTTP: where the token goes, what a wrong one means, and answers that come too late or never."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from bot.core.secret import Secret
from bot.errors import Blocked
from bot.job.git import Git, GitFailed, Remote, make_git_folder, remote_of
from bot.job.push import push
from bot.job.workspace import Ground, prepare
from tests.job.git_over_http import serve_git
from tests.job.stage import REPO, Server, admission, git

TOKEN = "ghs_" + "c4naryT0ken" * 4


def commit_on_main(folder: Git, remote: Remote) -> str:
    folder("fetch", "-q", remote.url, "main:main", remote=remote)
    tree = folder.line("rev-parse", "main^{tree}")
    return folder("commit-tree", tree, "-p", "main", "-m", "mine").decode().strip()


def test_the_token_opens_the_server_and_stays_off_the_disk(server: Server, ground: Ground, tmp_path: Path) -> None:
    """Checkout and push work with it; no file of the run holds it, plain or encoded."""
    with serve_git(server.root, TOKEN) as served:
        remote = remote_of(served.url, REPO, Secret(TOKEN))
        prepare(admission(server), remote, ground)
        folder = make_git_folder(tmp_path / "press" / "clean.git")
        commit = commit_on_main(folder, remote)

        assert push(folder, remote, commit, "ai/issue-7") is None

    assert server.oid("ai/issue-7") == commit
    encoded = next(value for _, value in remote.config()).rpartition(" ")[2]
    for root in (ground.root, tmp_path / "press"):
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert TOKEN.encode() not in path.read_bytes()
                assert encoded.encode() not in path.read_bytes()


def test_the_token_is_in_no_argument(server: Server, tmp_path: Path) -> None:
    """Arguments are readable by every process of the machine; looked at while git talks to a slow server."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.add(subprocess.run(("ps", "-eww", "-o", "args"), capture_output=True, text=True, check=True).stdout)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with serve_git(server.root, TOKEN) as served:
        remote = remote_of(served.url, REPO, Secret(TOKEN))
        folder = make_git_folder(tmp_path / "clean.git")
        for number in range(5):
            folder("fetch", "-q", remote.url, f"main:main{number}", remote=remote)
    done.set()
    watcher.join()

    encoded = next(value for _, value in remote.config()).rpartition(" ")[2]
    assert any("git-remote-http" in args for args in seen)
    assert not any(TOKEN in args or encoded in args for args in seen)


def test_a_wrong_token_is_said_without_showing_it(server: Server, ground: Ground) -> None:
    """401 ends at once (nobody is asked for a password), and neither sentence nor details hold the token."""
    with serve_git(server.root, TOKEN) as served, pytest.raises(Blocked) as caught:
        prepare(admission(server), remote_of(served.url, REPO, Secret("ghs_wrongwrongwrong")), ground)

    assert caught.value.code == "setup-failed"
    assert "ghs_wrong" not in caught.value.text + caught.value.details


def test_a_push_with_a_token_that_may_not_is_push_rejected(server: Server, tmp_path: Path) -> None:
    """The sentence says which permission is missing."""
    with serve_git(server.root, TOKEN) as served:
        remote = remote_of(served.url, REPO, Secret(TOKEN))
        folder = make_git_folder(tmp_path / "clean.git")
        commit = commit_on_main(folder, remote)
        served.failures += [403, 403, 403]

        refusal = push(folder, remote, commit, "ai/issue-7")

    assert refusal is not None
    assert refusal.reason == "push-rejected"
    assert "contents: write" in refusal.text


def test_a_500_after_the_push_was_taken_is_a_success(server: Server, tmp_path: Path) -> None:
    """The answer says failure, the server's branch says otherwise (R46)."""
    with serve_git(server.root, TOKEN) as served:
        remote = remote_of(served.url, REPO, Secret(TOKEN))
        folder = make_git_folder(tmp_path / "clean.git")
        commit = commit_on_main(folder, remote)
        served.drop_push_answer = True

        assert push(folder, remote, commit, "ai/issue-7") is None

    assert server.oid("ai/issue-7") == commit
    assert sum(path.endswith("/git-receive-pack") for path in served.paths) == 1
    assert served.paths[-1].endswith("/git-upload-pack")  # it looked, and did not push again


def test_a_server_that_is_down_for_a_moment(
    server: Server, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """502 and 503 are tried again, for fetching and for pushing; a third no is final."""
    monkeypatch.setattr("bot.job.fetch.RETRY_AFTER", (0.0, 0.0))
    monkeypatch.setattr("bot.job.push.WAIT", 0.0)
    with serve_git(server.root, TOKEN) as served:
        remote = remote_of(served.url, REPO, Secret(TOKEN))
        served.failures += [502, 503]
        prepare(admission(server), remote, ground)
        folder = make_git_folder(tmp_path / "clean.git")
        commit = commit_on_main(folder, remote)
        served.failures += [502]
        assert push(folder, remote, commit, "ai/issue-7") is None
        served.failures += [502] * 9
        with pytest.raises(GitFailed):
            folder("fetch", "-q", remote.url, "main:other", remote=remote)


def test_the_token_is_for_one_address_only(server: Server, tmp_path: Path) -> None:
    """Asked for another repository, on the same server even, git does not send it."""
    with serve_git(server.root, TOKEN) as served:
        other = Remote(f"{served.url}/else/where.git", Secret(TOKEN))
        folder = make_git_folder(tmp_path / "clean.git")

        ran = folder.attempt("ls-remote", f"{served.url}/{REPO}.git", remote=other)

    assert ran.exit_code != 0


def test_a_cancel_ends_a_fetch_that_hangs(server: Server, ground: Ground) -> None:
    """A server that accepts and says nothing holds a cancelled run for less than a second."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Timer(0.4, ground.cancel.set).start()
        begun = time.monotonic()
        with pytest.raises(Blocked) as caught:
            prepare(
                admission(server), remote_of(f"http://127.0.0.1:{silent.getsockname()[1]}", REPO, Secret("")), ground
            )

    assert caught.value.code == "cancelled"
    assert time.monotonic() - begun < 2


def test_git_listens_to_no_configuration_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's nor the system's nor the environment's settings reach a command of ours."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Somebody\n[alias]\n\tx = !touch /tmp/x\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch /tmp/x")
    folder = make_git_folder(tmp_path / "clean.git")
    tree = folder("hash-object", "-w", "-t", "tree", "--stdin").decode().strip()

    commit = folder("commit-tree", tree, "-m", "x").decode().strip()

    assert "author github-actions[bot] <41898282+" in folder("cat-file", "commit", commit).decode()
    assert "Somebody" not in folder("config", "--list").decode()


def test_a_command_that_takes_too_long_is_killed_with_its_group(tmp_path: Path) -> None:
    """Its exit code is -1, and nothing of it is left."""
    folder = make_git_folder(tmp_path / "clean.git")
    nap = f"sleep 61.{os.getpid()}"  # ours alone, whoever else runs this test
    git(folder.folder, "config", "alias.slow", f"!{nap} & {nap}")

    begun = time.monotonic()
    ran = folder.attempt("slow", seconds=0.5)

    assert ran.exit_code == -1
    assert time.monotonic() - begun < 30
    args = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    assert nap not in args
