import os
import subprocess
from pathlib import Path

import pytest

from bot.core.names import Reason
from bot.job.collect import Baseline, baseline, collect
from bot.job.workspace import Ground
from tests.job.stage import Server, git, names, ready, tree_of


def test_new_changed_and_removed_files_make_the_tree(server: Server, ground: Ground) -> None:
    """Untracked files count, and what the agent committed for itself counts as files."""
    _, workspace = ready(server, ground)
    tree = workspace.tree.path
    (tree / "app.py").write_text("x = 2\n")
    (tree / "sub").mkdir()
    (tree / "sub" / "new.py").write_text("y = 1\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "mine")
    (tree / "README.md").unlink()

    collected = tree_of(ground, workspace)

    assert names(workspace, collected) == {"app.py", "sub/new.py", "tests/test_app.py"}
    assert workspace.git.line("cat-file", "blob", f"{collected}:app.py") == "x = 2"


def test_nothing_changed_is_the_tree_of_the_start(server: Server, ground: Ground) -> None:
    """Also when the agent touched files, made a commit and took it back."""
    _, workspace = ready(server, ground)
    tree = workspace.tree.path
    (tree / "app.py").write_text("x = 2\n")
    git(tree, "commit", "-qam", "mine")
    git(tree, "reset", "-q", "--hard", "HEAD~1")
    os.utime(tree / "README.md")

    assert tree_of(ground, workspace) == workspace.git.line("rev-parse", "HEAD^{tree}")


def test_ignored_files_and_test_debris_stay_out(server: Server, ground: Ground) -> None:
    """The repository's .gitignore counts, and so does a short list of what running tests leaves behind."""
    server.commit({".gitignore": "secret.env\n"})
    _, workspace = ready(server, ground)
    tree = workspace.tree.path
    (tree / "secret.env").write_text("K=1\n")
    for junk in ("tests/__pycache__", ".pytest_cache", "node_modules/left-pad"):
        (tree / junk).mkdir(parents=True)
        (tree / junk / "f.pyc").write_text("junk")

    assert tree_of(ground, workspace) == workspace.git.line("rev-parse", "HEAD^{tree}")


def test_the_agents_git_configuration_runs_nothing(server: Server, ground: Ground) -> None:
    """Hooks, fsmonitor, filters, external diffs and includes planted in the agent's `.git` leave no trace (R53)."""
    _, workspace = ready(server, ground)
    tree, canary = workspace.tree.path, ground.root / "canary"
    evil = tree / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    evil.chmod(0o755)
    settings = ["core.fsmonitor", "diff.external", "core.pager", "core.sshCommand", "credential.helper", "gpg.program"]
    settings += ["filter.x.clean", "filter.x.smudge", "core.hooksPath", "core.editor", "alias.ls-files", "include.path"]
    for setting in settings:
        git(tree, "config", setting, str(evil))
    hooks = tree / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("pre-commit", "post-index-change", "post-checkout", "reference-transaction", "pre-push"):
        (hooks / hook).symlink_to(evil)
    (tree / ".git" / "info" / "attributes").write_text("* filter=x\n")
    (tree / "app.py").write_text("x = 3\n")

    collected = tree_of(ground, workspace)

    assert not canary.exists()
    assert workspace.git.line("cat-file", "blob", f"{collected}:app.py") == "x = 3"


def test_a_repository_inside_the_repository_is_refused(server: Server, ground: Ground) -> None:
    """A nested repository would become a submodule pointing nowhere, and its configuration is the agent's."""
    _, workspace = ready(server, ground)
    nested = workspace.tree.path / "vendor" / "lib"
    nested.mkdir(parents=True)
    git(nested, "init", "-q")
    (nested / "a").write_text("a")
    git(nested, "add", "a")
    git(nested, "commit", "-qm", "a")

    found = collect(workspace, Baseline())

    assert found.refusal is not None
    assert found.refusal.reason is Reason.PROTECTED_PATHS
    assert found.refusal.details == "vendor/lib/: a git repository of its own"


def test_a_populated_submodule_runs_nothing_and_changes_nothing(server: Server, ground: Ground) -> None:
    """A `.git` planted where a submodule belongs is not asked anything."""
    server.commit({"lib": server.oid("main")}, modes={"lib": "160000"})
    _, workspace = ready(server, ground)
    lib, canary = workspace.tree.path / "lib", ground.root / "canary"
    git(lib, "init", "-q")
    git(lib, "config", "core.fsmonitor", f"touch {canary}; false")
    (lib / "a").write_text("a")

    found = collect(workspace, Baseline())

    assert not canary.exists()
    assert found.refusal is None
    assert found.tree == workspace.git.line("rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize("name", [".GIT", "git~1", "sub/.Git", ".g\u200cit", ".git ", ".git::$INDEX_ALLOCATION"])
def test_names_that_are_git_s_own_elsewhere_are_refused(name: str, server: Server, ground: Ground) -> None:
    """On a Mac or on Windows these are `.git`."""
    _, workspace = ready(server, ground)
    folder = workspace.tree.path / name
    folder.mkdir(parents=True)
    (folder / "config").write_text("[core]\n")

    found = collect(workspace, Baseline())

    assert found.refusal is not None
    assert found.refusal.reason is Reason.PROTECTED_PATHS


def test_a_huge_sparse_file_is_refused_without_being_read(server: Server, ground: Ground) -> None:
    """20 GB that take no room on disk would take minutes to hash (R58)."""
    _, workspace = ready(server, ground)
    with (workspace.tree.path / "disk.img").open("wb") as file:
        file.truncate(20 << 30)

    found = collect(workspace, Baseline())

    assert found.refusal is not None
    assert found.refusal.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("most", [("bot.job.collect.MOST_PATHS", 100), ("bot.job.collect.LISTING_BYTES", 300)])
def test_very_many_files_are_refused_after_a_bounded_look(
    most: tuple[str, int], server: Server, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read one by one, and of a million the listing itself is cut (R58)."""
    monkeypatch.setattr(*most)
    _, workspace = ready(server, ground)
    for number in range(150):
        (workspace.tree.path / f"f{number}").touch()

    found = collect(workspace, Baseline())

    assert found.refusal is not None
    assert found.refusal.reason is Reason.TOO_LARGE


def test_files_folders_links_and_pipes_may_take_each_others_place(server: Server, ground: Ground) -> None:
    """Whatever stands where a file was, the tree says what is there now; pipes and sockets are nothing."""
    server.commit({"a/b": "1", "c": "2", "d": "3", "e/f": "4"})
    _, workspace = ready(server, ground)
    tree = workspace.tree.path
    (tree / "a" / "b").unlink()
    (tree / "a").rmdir()
    (tree / "a").write_text("file now")
    (tree / "c").unlink()
    (tree / "c").mkdir()
    (tree / "c" / "g").write_text("folder now")
    (tree / "d").unlink()
    os.mkfifo(tree / "d")
    os.mkfifo(tree / "pipe")

    assert names(workspace, tree_of(ground, workspace)) == {
        *("README.md", "app.py", "tests/test_app.py"),
        *("a", "c/g", "e/f"),
    }


def test_what_lies_behind_a_symlinked_folder_is_not_in_the_tree(server: Server, ground: Ground, tmp_path: Path) -> None:
    """A tracked folder replaced by a link to somewhere else brings the link, never the files behind it."""
    server.commit({"etc/passwd": "mine\n"})
    _, workspace = ready(server, ground)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("theirs\n")
    (workspace.tree.path / "etc" / "passwd").unlink()
    (workspace.tree.path / "etc").rmdir()
    (workspace.tree.path / "etc").symlink_to(outside)

    collected = tree_of(ground, workspace)

    assert "etc" in names(workspace, collected)
    assert workspace.git.line("cat-file", "blob", f"{collected}:etc") == str(outside)
    assert not any("theirs" in workspace.git("cat-file", "-p", oid).decode() for oid in _blobs(workspace, collected))


def _blobs(workspace: object, tree: str) -> list[str]:
    out = workspace.git("ls-tree", "-r", tree).decode()  # type: ignore[attr-defined]
    return [line.split()[2] for line in out.splitlines()]


def test_odd_names_and_modes_survive(server: Server, ground: Ground) -> None:
    """Newlines, tabs, quotes, bytes that are no UTF-8, a leading dash, and the executable bit."""
    _, workspace = ready(server, ground)
    odd = [b"new\nline", b"tab\t", b'quo"te', b"caf\xe9", b"-rf", b"#x", b"sp ace "]
    for name in odd:
        Path(os.fsdecode(os.fsencode(workspace.tree.path) + b"/" + name)).write_text("x")
    script = workspace.tree.path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    collected = tree_of(ground, workspace)

    assert {os.fsdecode(name) for name in odd} < names(workspace, collected)
    assert workspace.git.line("ls-tree", collected, "run.sh").startswith("100755")


def test_what_setup_did_is_not_the_agent_s_change(server: Server, ground: Ground) -> None:
    """Tracked files it rewrote and folders it left count only where the agent changed them again."""
    server.commit({"package-lock.json": "1\n", "version.txt": "1\n", "gone.txt": "1\n"})
    _, workspace = ready(server, ground)
    tree = workspace.tree.path
    (tree / "package-lock.json").write_text("by setup\n")
    (tree / "version.txt").write_text("by setup\n")
    (tree / "gone.txt").unlink()
    (tree / "build [x]").mkdir()
    (tree / "build [x]" / "out.o").write_text("o")

    before = baseline(workspace)
    nothing = tree_of(ground, workspace, before)
    (tree / "version.txt").write_text("by the agent\n")
    (tree / "build [x]" / "more.o").write_text("o")
    something = tree_of(ground, workspace, before)
    again = tree_of(ground, workspace, before)

    assert nothing == workspace.git.line("rev-parse", "HEAD^{tree}")
    assert workspace.git.line("diff-tree", "-r", "--name-only", nothing, something) == "version.txt"
    assert again == something
    assert any("package-lock.json" in note for note in before.notes)
    assert any("build [x]/" in note for note in before.notes)


@pytest.mark.needs_root
def test_files_the_agent_closed_to_everybody_are_read(server: Server, apart: Ground) -> None:
    """Mode 0000 on files and folders hides nothing from us."""
    _, workspace = ready(server, apart)
    script = "mkdir closed && echo 1 > closed/f && chmod 000 closed/f closed app.py"
    launch = apart.isolation.launch(("sh", "-c", script), env={"PATH": "/usr/bin:/bin"}, cwd=workspace.tree.path)
    subprocess.run(launch.argv, env=launch.env, cwd=launch.cwd, check=True)

    assert "closed/f" in names(workspace, tree_of(apart, workspace))


def test_line_endings_follow_the_repository_s_attributes(server: Server, ground: Ground) -> None:
    """`text` in .gitattributes normalises what the agent wrote, as it would for a person."""
    server.commit({".gitattributes": "*.txt text\n"})
    _, workspace = ready(server, ground)
    (workspace.tree.path / "dos.txt").write_bytes(b"a\r\nb\r\n")

    collected = tree_of(ground, workspace)

    assert workspace.git("cat-file", "blob", f"{collected}:dos.txt") == b"a\nb\n"
