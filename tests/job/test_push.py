import json
from pathlib import Path

import pytest

from bot.core.names import Reason, kept_branch
from bot.errors import InternalError
from bot.job.git import Git, make_git_folder
from bot.job.push import push, refused
from tests.job.stage import Server, git


@pytest.fixture
def local(server: Server, tmp_path: Path) -> Git:
    """A git folder with main and one commit on top, at refs/heads/mine."""
    folder = make_git_folder(tmp_path / "local.git")
    folder("fetch", "-q", server.remote.url, "main:main", remote=server.remote)
    tree = folder.line("rev-parse", "main^{tree}")
    commit = folder("commit-tree", tree, "-p", "main", "-m", "mine").decode().strip()
    folder("update-ref", "refs/heads/mine", commit)
    return folder


def hook(server: Server, name: str, script: str) -> None:
    path = server.path / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_push_lands(server: Server, local: Git) -> None:
    """The branch is where the commit is, and nothing else was written."""
    commit = local.line("rev-parse", "mine")

    assert push(local, server.remote, commit, "ai/issue-7") is None
    assert set(server.branches()) == {"main", "ai/issue-7"}
    assert server.oid("ai/issue-7") == commit


@pytest.mark.parametrize(
    "branch",
    [
        "main",
        "ai/claim-7",
        "ai/issue-7x",
        "ai/issue-0",
        "ai/issue-7/../main",
        "refs/heads/main",
        "ai/issue-7:main",
        "ai/kept-7",
    ],
)
def test_no_other_branch_is_ever_written(branch: str, server: Server, local: Git) -> None:
    """Invariant I8, whoever asks."""
    with pytest.raises(InternalError):
        push(local, server.remote, local.line("rev-parse", "mine"), branch)

    assert set(server.branches()) == {"main"}


def test_work_is_kept_on_a_branch_that_names_its_run(server: Server, local: Git) -> None:
    assert push(local, server.remote, local.line("rev-parse", "mine"), kept_branch("7-L1763715000-1")) is None
    assert set(server.branches()) == {"main", "ai/kept-7-L1763715000-1"}


def test_it_never_forces(server: Server, local: Git) -> None:
    """A branch with other commits keeps them."""
    server.git("branch", "ai/issue-7", "main")
    tip = server.commit({"theirs": "1"}, branch="ai/issue-7")

    refusal = push(local, server.remote, local.line("rev-parse", "mine"), "ai/issue-7")

    assert refusal is not None
    assert refusal.reason is Reason.BRANCH_CHANGED
    assert server.oid("ai/issue-7") == tip


def test_an_answer_that_was_lost_after_the_push_landed_is_a_success(server: Server, local: Git) -> None:
    """The server takes the commit and dies before it says so: it is asked where the branch is (R46)."""
    hook(server, "post-receive", "kill -9 $PPID")

    commit = local.line("rev-parse", "mine")

    assert push(local, server.remote, commit, "ai/issue-7") is None
    assert server.oid("ai/issue-7") == commit


def test_a_server_that_fails_for_now_is_asked_again(
    server: Server, local: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connection dies before anything was taken; the second one does."""
    monkeypatch.setattr("bot.job.push.WAIT", 0.0)
    once = tmp_path / "once"
    hook(server, "pre-receive", f"test -e {once} || {{ touch {once}; kill -9 $PPID; }}")
    commit = local.line("rev-parse", "mine")

    assert push(local, server.remote, commit, "ai/issue-7") is None
    assert server.oid("ai/issue-7") == commit


SAID = {
    "push protection": (
        "error: GH013: Repository rule violations found for refs/heads/a.\n- PUSH PROTECTION\n- Push cannot contain secrets",
        Reason.SECRET_FOUND,
    ),
    "ruleset": ("error: GH013: Repository rule violations found for refs/heads/ai/issue-7.", Reason.PUSH_REJECTED),
    "protected branch": ("error: GH006: Protected branch update failed for refs/heads/ai/x.", Reason.PUSH_REJECTED),
    "workflows permission": (
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission",
        Reason.PUSH_REJECTED,
    ),
    "large file": (
        "error: File big.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB\nerror: GH001: Large files detected.",
        Reason.TOO_LARGE,
    ),
    "signatures": (
        "error: GH013: Repository rule violations found for refs/heads/x.\n- Commits must have verified signatures.",
        Reason.PUSH_REJECTED,
    ),
    "a hook": ("policy says no", Reason.PUSH_REJECTED),
}


@pytest.mark.parametrize(("words", "expected"), SAID.values(), ids=SAID.keys())
def test_what_the_server_says_no_for(words: str, expected: Reason, server: Server, local: Git) -> None:
    """A rejection is mapped by the server's words, which the details keep; nothing is written."""
    hook(server, "pre-receive", f"printf %s {json.dumps(words).replace('`', chr(92) + '`')} >&2; exit 1")

    refusal = push(local, server.remote, local.line("rev-parse", "mine"), "ai/issue-7")

    assert refusal is not None
    assert refusal.reason is expected
    assert "remote:" in refusal.details
    assert set(server.branches()) == {"main"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("! refs/heads/a:refs/heads/a [rejected] (non-fast-forward)", Reason.BRANCH_CHANGED),
        ("! a:a [rejected] (fetch first)", Reason.BRANCH_CHANGED),
        ("! a:a [remote rejected] (cannot lock ref 'refs/heads/a': is at 1 but expected 2)", Reason.BRANCH_CHANGED),
        ("fatal: unable to access 'http://h/': The requested URL returned error: 403", Reason.PUSH_REJECTED),
        ("remote: Permission to a/b.git denied to bot.\nfatal: error: 403", Reason.PUSH_REJECTED),
        ("remote: This repository was archived so it is read-only.", Reason.PUSH_REJECTED),
        ("error: RPC failed; HTTP 413 curl 22", Reason.TOO_LARGE),
        ("fatal: unable to access: The requested URL returned error: 500", Reason.PUSH_REJECTED),
        ("", Reason.PUSH_REJECTED),
    ],
)
def test_other_ways_to_say_no(said: str, expected: Reason) -> None:
    """Git's own refusals and HTTP's."""
    assert refused(said).reason is expected


def test_the_agents_hooks_and_config_have_no_part_in_a_push(server: Server, local: Git, tmp_path: Path) -> None:
    """Even a pre-push hook and settings inside our own folder run nothing (R53)."""
    canary = tmp_path / "canary"
    (local.folder / "hooks").mkdir()
    evil = local.folder / "hooks" / "pre-push"
    evil.write_text(f"#!/bin/sh\ntouch {canary}\n")
    evil.chmod(0o755)
    attributes = local.folder / "info" / "attributes"
    attributes.parent.mkdir()
    attributes.write_text("* filter=x diff=x\n")
    for setting in ("core.sshCommand", "credential.helper", "core.fsmonitor", "gpg.program", "filter.x.clean"):
        git(local.folder, "config", setting, f"touch {canary}")
    for setting in ("diff.external", "diff.x.command", "core.pager", "alias.push", "sequence.editor"):
        git(local.folder, "config", setting, f"!touch {canary}")

    assert push(local, server.remote, local.line("rev-parse", "mine"), "ai/issue-7") is None
    assert not canary.exists()
