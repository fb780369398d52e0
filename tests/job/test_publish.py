"""The publisher against what a hostile `work` may hand over: only a checked tree, as our own commit, is ever pushed."""

import hashlib
import os
import random
import struct
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.core.names import Reason
from bot.core.run import Admission, Outcome
from bot.core.settings import Limits, RepoConfig
from bot.job.handover import BUNDLE_FILE, Received
from bot.job.publish import Press, Pushed, Withheld, prepare_branch
from tests.job.stage import OpenScreen, Server, admission, git

CONFIG = RepoConfig()


@dataclass
class Hostile:
    """A clone in which anything can be made, and the bundle that comes of it."""

    server: Server
    clone: Path
    made: Admission
    out: Path

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        modes: Mapping[str, str] | None = None,
        parent: str = "",
        env: Mapping[str, str] | None = None,
        message: str = "evil",
    ) -> str:
        """A commit object with these changes on top of `parent`, whatever git's porcelain thinks of it."""
        index = {"GIT_INDEX_FILE": str(self.clone / "evil-index"), **(env or {})}
        parent = parent or self.made.head_oid
        git(self.clone, "read-tree", parent, env=index)
        for path, content in files.items():
            if content is None:
                git(self.clone, "update-index", "--force-remove", "--", path, env=index)
                continue
            mode = (modes or {}).get(path, "100644")
            raw = content if isinstance(content, bytes) else content.encode()
            oid = str(content) if mode == "160000" else git(self.clone, "hash-object", "-w", "--stdin", data=raw)
            line = f"{mode} {oid}\t{path}\0".encode("utf-8", "surrogateescape")
            git(self.clone, "update-index", "--add", "-z", "--index-info", data=line, env=index)
        tree = git(self.clone, "write-tree", env=index)
        return self.seal(tree, parent, env=env, message=message)

    def seal(self, tree: str, *parents: str, env: Mapping[str, str] | None = None, message: str = "evil") -> str:
        words = [word for parent in parents for word in ("-p", parent)]
        return git(self.clone, "commit-tree", tree, *words, "-m", message, env=env)

    def raw_tree(self, *entries: tuple[str, str, str]) -> str:
        """A tree object with entries no porcelain would write: (mode, name, oid)."""
        body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries)
        return git(self.clone, "hash-object", "-t", "tree", "--literally", "-w", "--stdin", data=body)

    def bundle(self, commit: str, *, ref: str = "", extra: tuple[str, ...] = (), since: str = "") -> Path:
        """Bundle `commit` under the run's branch (or `ref`), with `extra` refs."""
        name = ref or f"refs/heads/{self.made.branch}"
        git(self.clone, "update-ref", name, commit)
        path = self.out / BUNDLE_FILE
        path.unlink(missing_ok=True)
        exclude = since or f"^{self.made.head_oid}"
        git(self.clone, "bundle", "create", "-q", str(path), name, *extra, *([exclude] if exclude != "-" else []))
        return path

    def publish(self, commit: str = "", *, config: RepoConfig = CONFIG, **outcome: object) -> Pushed | Withheld:
        """What the publisher makes of the bundle that lies there (made of `commit`, if given)."""
        if commit:
            self.bundle(commit)
        said = Outcome(run_key=self.made.run_key, verdict="done", commit_oid=commit or "1" * 40)
        return self.receive(Received(replace(said, **outcome), self.out / BUNDLE_FILE), config)  # type: ignore[arg-type]

    def receive(
        self, received: Received, config: RepoConfig = CONFIG, screen: OpenScreen | None = None
    ) -> Pushed | Withheld:
        folder = self.out / f"press-{len(list(self.out.iterdir()))}"
        folder.mkdir()
        press = Press(folder, self.server.remote, screen or OpenScreen(("TOPSECRET",)), {})
        return prepare_branch(self.made, received, config, press)


@pytest.fixture
def hostile(server: Server, tmp_path: Path) -> Hostile:
    out = tmp_path / "out"
    out.mkdir()
    clone = server.clone(tmp_path / "clone")
    return Hostile(server, clone, admission(server), out)


def reason(result: Pushed | Withheld) -> Reason:
    assert isinstance(result, Withheld), result
    assert result.refusal is not None
    return result.refusal.reason


def nothing_was_pushed(hostile: Hostile) -> bool:
    return hostile.server.branches() == {"main": hostile.made.base_oid}


# ------------------------------------------------------------------------------------------ the good case


def test_the_tree_arrives_as_our_own_commit(hostile: Hostile) -> None:
    """The commit's author, dates, message and signature are ours, whatever the bundle says (R55)."""
    evil = {
        "GIT_AUTHOR_NAME": "Maintainer",
        "GIT_AUTHOR_EMAIL": "boss@example.org",
        "GIT_AUTHOR_DATE": "2099-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z",
    }
    commit = hostile.commit({"app.py": "x = 2\n", "new.py": ""}, env=evil, message="closes #1 @everyone [skip ci]")

    result = hostile.publish(commit)

    assert isinstance(result, Pushed)
    assert set(result.paths) == {"app.py", "new.py"}
    server = hostile.server
    assert server.branches() == {"main": hostile.made.base_oid, "ai/issue-7": result.commit}
    assert server.read("ai/issue-7", "app.py") == "x = 2"
    assert server.oid("ai/issue-7~1") == hostile.made.head_oid
    shown = server.git("show", "-s", "--format=%an|%ae|%cn|%ad|%B", "ai/issue-7")
    assert "github-actions[bot]|41898282+github-actions[bot]@users.noreply.github.com|github-actions[bot]" in shown
    assert "Co-authored-by: ann <4711+ann@users.noreply.github.com>" in shown
    assert "AI-Ready-Run: 7-L123-1" in shown
    for word in ("2099", "Maintainer", "everyone", "skip ci", "closes #1"):
        assert word not in shown


def test_the_title_can_t_command_through_the_commit(hostile: Hostile) -> None:
    """An issue's title with a closing keyword, a mention or [skip ci] is only words in the subject (O02, O10)."""
    hostile.made = replace(hostile.made, title="fixes #1 for @team [skip ci]\nSigned-off-by: boss")

    result = hostile.publish(hostile.commit({"a": "1"}))

    assert isinstance(result, Pushed)
    subject, _, rest = hostile.server.git("show", "-s", "--format=%B", "ai/issue-7").partition("\n")
    assert "fixes #1" not in subject
    assert "@team" not in subject
    assert "[skip ci]" not in subject
    assert not any(line.startswith("Signed-off-by") for line in rest.splitlines())


def test_a_run_goes_on_from_the_commits_people_put_on_the_branch(hostile: Hostile) -> None:
    """With head_oid ahead of the base the new commit sits on the branch's head."""
    server = hostile.server
    server.git("branch", "ai/issue-7", "main")
    head = server.commit({"human.py": "1\n"}, branch="ai/issue-7")
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, head_oid=head)

    result = hostile.publish(hostile.commit({"app.py": "x = 2\n"}))

    assert isinstance(result, Pushed)
    assert server.oid("ai/issue-7~1") == head
    assert server.read("ai/issue-7", "human.py") == "1"


def test_the_base_may_have_moved_on(hostile: Hostile) -> None:
    """New commits on main are no reason to stop: the PR is behind, that is all (R50)."""
    commit = hostile.commit({"app.py": "x = 2\n"})
    hostile.server.commit({"other.py": "1\n"})

    assert isinstance(hostile.publish(commit), Pushed)


def test_publishing_again_after_a_kill_recognises_its_own_commit(hostile: Hostile) -> None:
    """Killed after the push and run again: same commit, nothing new, whatever the clock says."""
    commit = hostile.commit({"app.py": "x = 2\n"})
    first = hostile.publish(commit)
    branches = hostile.server.branches()

    again = hostile.publish(commit)

    assert isinstance(first, Pushed)
    assert again == first
    assert hostile.server.branches() == branches


def test_its_own_commit_is_recognised_under_people_s_commits(hostile: Hostile) -> None:
    """Somebody went on from the branch between the kill and the second try."""
    commit = hostile.commit({"app.py": "x = 2\n"})
    first = hostile.publish(commit)
    tip = hostile.server.commit({"human.py": "1\n"}, branch="ai/issue-7")

    again = hostile.publish(commit)

    assert isinstance(first, Pushed)
    assert again == first
    assert hostile.server.branches()["ai/issue-7"] == tip


# --------------------------------------------------------------------------------- what moved meanwhile


def test_somebody_else_s_branch_is_left_alone(hostile: Hostile) -> None:
    """A branch of that name with other people's commits is never overwritten (R47)."""
    hostile.server.git("branch", "ai/issue-7", "main")
    tip = hostile.server.commit({"theirs.py": "1\n"}, branch="ai/issue-7")

    assert reason(hostile.publish(hostile.commit({"app.py": "2"}))) is Reason.BRANCH_CHANGED
    assert hostile.server.branches()["ai/issue-7"] == tip


def test_an_older_run_s_commit_of_the_same_tree_is_not_ours(hostile: Hostile) -> None:
    """The trailer names another run, so the branch has changed."""
    commit = hostile.commit({"app.py": "x = 2\n"})
    assert isinstance(hostile.publish(commit), Pushed)
    hostile.made = replace(hostile.made, run_key="7-L999-1")

    assert reason(hostile.publish(commit)) is Reason.BRANCH_CHANGED


def test_a_base_that_is_gone_is_base_changed(hostile: Hostile) -> None:
    """main was renamed while the run was at work."""
    commit = hostile.commit({"app.py": "2"})
    hostile.server.git("branch", "-m", "main", "trunk")

    assert reason(hostile.publish(commit)) is Reason.BASE_CHANGED


def test_a_base_that_was_rewritten_is_base_changed(hostile: Hostile) -> None:
    """A force-pushed main no longer holds the commit the run started from."""
    server = hostile.server
    commit = hostile.commit({"app.py": "2"})
    server.git("branch", "keep", "main")
    server.git("update-ref", "-d", "refs/heads/main")
    server.commit({"README.md": "another history\n"}, branch="main")

    assert reason(hostile.publish(commit)) is Reason.BASE_CHANGED
    assert "ai/issue-7" not in server.branches()


def test_a_base_rewritten_to_the_distant_past_is_base_changed(hostile: Hostile) -> None:
    """None of its commits is as young as the one the run started from."""
    server = hostile.server
    commit = hostile.commit({"app.py": "2"})
    server.git("branch", "keep", "main")
    server.git("update-ref", "-d", "refs/heads/main")
    server.commit({"README.md": "old\n"}, branch="main", when="2001-01-01T00:00:00Z")

    assert reason(hostile.publish(commit)) is Reason.BASE_CHANGED


def test_the_run_s_branch_deleted_meanwhile_is_branch_changed(hostile: Hostile) -> None:
    """Somebody deleted the branch the run was continuing: that is a wish."""
    server = hostile.server
    server.git("branch", "ai/issue-7", "main")
    head = server.commit({"human.py": "1\n"}, branch="ai/issue-7")
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, head_oid=head)
    commit = hostile.commit({"app.py": "x = 2\n"})
    server.git("tag", "keep", head)
    server.git("update-ref", "-d", "refs/heads/ai/issue-7")

    assert reason(hostile.publish(commit)) is Reason.BRANCH_CHANGED


KEPT = "ai/kept-7-L123-1"


@pytest.fixture
def continued(hostile: Hostile) -> str:
    """The commit of a run that goes on with a branch."""
    hostile.server.git("branch", "ai/issue-7", "main")
    head = hostile.server.commit({"first.py": "1\n"}, branch="ai/issue-7")
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, head_oid=head)
    return hostile.commit({"app.py": "x = 2\n"})


def test_work_beside_a_persons_commit_is_kept(hostile: Hostile, continued: str) -> None:
    """Theirs stays where it is, ours goes to a branch of its own; publishing again makes no other one."""
    theirs = hostile.server.commit({"theirs.py": ""}, branch="ai/issue-7")

    found = hostile.publish(continued)
    kept = hostile.server.oid(KEPT)
    again = hostile.publish()

    assert isinstance(found, Withheld)
    assert (found.kept, reason(found)) == (KEPT, Reason.BRANCH_CHANGED)
    assert again == found
    assert hostile.server.branches()["ai/issue-7"] == theirs
    assert hostile.server.git("show", "-s", "--format=%P %(trailers:key=AI-Ready-Run,valueonly)", KEPT).split() == [
        hostile.made.head_oid,
        hostile.made.run_key,
    ]
    assert hostile.server.oid(KEPT) == kept


@pytest.mark.parametrize("base", [False, True], ids=["the branch", "the base"])
def test_what_was_taken_back_is_not_brought_back(hostile: Hostile, continued: str, *, base: bool) -> None:
    """Commits that somebody removed, from the branch or from the base, may be gone for a reason."""
    hostile.server.commit({"theirs.py": ""}, branch="ai/issue-7")
    for branch in ("ai/issue-7", *(["main"] if base else [])):
        hostile.server.git("tag", f"old-{branch}", branch)
        hostile.server.git("update-ref", "-d", f"refs/heads/{branch}")
        hostile.server.commit({"other.py": ""}, branch=branch)

    found = hostile.publish(continued)

    assert reason(found) is (Reason.BASE_CHANGED if base else Reason.BRANCH_CHANGED)
    assert KEPT not in hostile.server.branches()


# -------------------------------------------------------------------------------------- protected paths


PROTECTED: dict[str, tuple[dict[str, str | None], dict[str, str]]] = {
    "a workflow": ({".github/workflows/é.yml": "on: push"}, {}),
    "by case": ({".GitHub/workflows/x.yml": "on: push"}, {}),
    "the folder as a symlink": ({".github": "app.py"}, {".github": "120000"}),
    "a rename into": ({"app.py": None, ".github/app.py": "x = 1\n"}, {}),
    "a rename out of": ({".github/CODEOWNERS": None, "owners": "* @boss\n"}, {}),
    "a removal": ({"CODEOWNERS": None}, {}),
    "owners": ({"CODEOWNERS": "* @evil\n"}, {}),
    "owners at another place": ({"docs/CODEOWNERS": "* @evil\n"}, {}),
    "a change of mode alone": ({"CODEOWNERS": "* @boss\n"}, {"CODEOWNERS": "100755"}),
    "agents' words": ({"CLAUDE.md": "obey"}, {}),
    "agents' words below": ({"pkg/AGENTS.md": "obey"}, {}),
    "tools for agents": ({".mcp.json": "{}"}, {}),
    "settings of agents": ({".claude/settings.json": "{}"}, {}),
    "attributes": ({".gitattributes": "* filter=x"}, {}),
    "submodules' list": ({".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = https://e.org/x\n'}, {}),
    "a submodule": ({"lib": "1" * 40}, {"lib": "160000"}),
    "a link out": ({"link": "../../etc/passwd"}, {"link": "120000"}),
    "an absolute link": ({"link": "/etc/passwd"}, {"link": "120000"}),
    "a link into what is protected": ({"docs": ".github"}, {"docs": "120000"}),
    "a link by way of another": ({"b": "tests", "y": "b/../../x"}, {"b": "120000", "y": "120000"}),
    "a file turned into a link out": ({"app.py": "/etc/passwd"}, {"app.py": "120000"}),
    "what only Windows takes for it": ({".github\\workflows\\x.yml": "on: push"}, {}),
}


@pytest.mark.parametrize(("files", "modes"), PROTECTED.values(), ids=PROTECTED.keys())
def test_protected_paths_are_never_pushed(
    files: dict[str, str | None], modes: dict[str, str], hostile: Hostile
) -> None:
    """Each is detected on the resulting tree, named, and nothing reaches the server (R52)."""
    base = hostile.server.commit({"CODEOWNERS": "* @boss\n", ".github/CODEOWNERS": "* @boss\n"})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=base, head_oid=base)

    result = hostile.publish(hostile.commit(files, modes=modes))

    assert reason(result) is Reason.PROTECTED_PATHS
    assert isinstance(result, Withheld)
    assert result.refusal is not None
    assert result.refusal.details
    assert nothing_was_pushed(hostile)


def test_removing_a_submodule_is_refused(hostile: Hostile) -> None:
    """What it pointed to is no business of a run, gone or new."""
    base = hostile.server.commit({"lib": "1" * 40}, modes={"lib": "160000"})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=base, head_oid=base)

    assert reason(hostile.publish(hostile.commit({"lib": None}))) is Reason.PROTECTED_PATHS


def test_the_config_allows_and_adds(hostile: Hostile) -> None:
    """`allow` opens a built-in path, `protect` closes one more."""
    config = RepoConfig(allow=(".gitignore",), protect=("db/**",))

    assert isinstance(hostile.publish(hostile.commit({".gitignore": "x\n"}), config=config), Pushed)
    assert reason(hostile.publish(hostile.commit({"db/1.sql": "x\n"}), config=config)) is Reason.PROTECTED_PATHS


def test_a_link_within_the_tree_is_fine(hostile: Hostile) -> None:
    """Links are refused for where they lead, not for being links."""
    commit = hostile.commit({"latest": "tests/test_app.py"}, modes={"latest": "120000"})

    assert isinstance(hostile.publish(commit), Pushed)


def test_an_old_link_that_leads_out_only_now_is_seen(hostile: Hostile) -> None:
    """`a/b/x → ../../README.md` is fine until `a/b` is a link that lies less deep."""
    base = hostile.server.commit({"d/x": "s/../../app.py", "d/s/f": "1"}, modes={"d/x": "120000"})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=base, head_oid=base)
    commit = hostile.commit({"d/s/f": None, "d/s": "../tests"}, modes={"d/s": "120000"})

    result = hostile.publish(commit)

    assert reason(result) is Reason.PROTECTED_PATHS


# -------------------------------------------------------------------------------------- trees made by hand


EMPTY = hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", "git~1", ".g\u200cit", "..", "a/../../b", ".git "])
def test_trees_with_names_git_keeps_for_itself_are_refused(name: str, hostile: Hostile) -> None:
    """Made by hand, as no porcelain would: never pushed, whether fsck or our own look sees it first."""
    git(hostile.clone, "hash-object", "-w", "--stdin", data=b"")
    inner = hostile.raw_tree(("100644", "config", EMPTY))
    tree = hostile.raw_tree(("40000", name, inner))

    assert reason(hostile.publish(hostile.seal(tree, hostile.made.head_oid))) in {
        Reason.INTERNAL_ERROR,
        Reason.PROTECTED_PATHS,
    }
    assert nothing_was_pushed(hostile)


@pytest.mark.parametrize("mode", ["100600", "100664", "120777", "060000", "0100644"])
def test_entries_of_odd_kinds_do_not_arrive(mode: str, hostile: Hostile) -> None:
    """Git shows them as the nearest sound ones; either that is what is pushed, or nothing is."""
    git(hostile.clone, "hash-object", "-w", "--stdin", data=b"")
    tree = hostile.raw_tree((mode, "odd", EMPTY))

    result = hostile.publish(hostile.seal(tree, hostile.made.head_oid))

    if isinstance(result, Pushed):
        raw = git(hostile.server.path, "cat-file", "tree", "ai/issue-7").encode("utf-8", "surrogateescape")
        assert raw.partition(b" ")[0] in {b"100644", b"100755", b"120000"}
    else:
        assert nothing_was_pushed(hostile)


def test_a_tree_with_two_entries_of_one_name_is_refused(hostile: Hostile) -> None:
    """Readers differ in which of the two they see; git's own check of objects finds it."""
    git(hostile.clone, "hash-object", "-w", "--stdin", data=b"")
    other = git(hostile.clone, "hash-object", "-w", "--stdin", data=b"other")
    tree = hostile.raw_tree(("100644", "app.py", EMPTY), ("100644", "app.py", other))

    assert reason(hostile.publish(hostile.seal(tree, hostile.made.head_oid))) is Reason.INTERNAL_ERROR
    assert nothing_was_pushed(hostile)


# --------------------------------------------------------------------------------------------- bundles


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v9", "refs/notes/commits", "refs/replace/" + "1" * 40])
def test_a_bundle_with_more_refs_is_refused(ref: str, hostile: Hostile) -> None:
    """Extra refs are not even looked at: the whole bundle is refused (R55)."""
    commit = hostile.commit({"app.py": "2"})
    git(hostile.clone, "update-ref", ref, commit)
    hostile.bundle(commit, extra=(ref,))

    assert reason(hostile.publish()) is Reason.INTERNAL_ERROR
    assert nothing_was_pushed(hostile)


def test_a_bundle_of_another_branch_is_refused(hostile: Hostile) -> None:
    """The branch is the admission's; a bundle that names main is not ours."""
    commit = hostile.commit({"app.py": "2"})
    hostile.bundle(commit, ref="refs/heads/main")

    assert reason(hostile.publish()) is Reason.INTERNAL_ERROR


def test_two_commits_are_one_too_many(hostile: Hostile) -> None:
    """A protected file added by one commit and removed by the next would stay in the history."""
    first = hostile.commit({".github/workflows/x.yml": "on: push"})
    second = hostile.commit({".github/workflows/x.yml": None, "app.py": "2"}, parent=first)

    assert reason(hostile.publish(second)) is Reason.INTERNAL_ERROR
    assert nothing_was_pushed(hostile)


def test_a_merge_is_refused(hostile: Hostile) -> None:
    """A second parent brings history nobody looked at."""
    other = hostile.seal(git(hostile.clone, "write-tree"))
    merge = hostile.seal(git(hostile.clone, "rev-parse", "HEAD^{tree}"), hostile.made.head_oid, other)

    assert reason(hostile.publish(merge)) is Reason.INTERNAL_ERROR


def test_unrelated_history_is_refused(hostile: Hostile) -> None:
    """A root commit does not build on what the run started from."""
    root = hostile.seal(git(hostile.clone, "rev-parse", "HEAD^{tree}"))
    hostile.bundle(root, since="-")

    assert reason(hostile.publish()) is Reason.INTERNAL_ERROR


@pytest.mark.parametrize("damage", ["flip", "cut", "garbage", "empty", "no pack"])
def test_a_damaged_bundle_is_refused(damage: str, hostile: Hostile) -> None:
    """Corrupt in header or pack: Blocked, never half a push."""
    path = hostile.bundle(hostile.commit({"app.py": "x = 2\n" * 100}))
    data = bytearray(path.read_bytes())
    match damage:
        case "flip":
            data[-40] ^= 0xFF
        case "cut":
            data = data[: len(data) // 2]
        case "garbage":
            data = bytearray(b"\x00" * 5000)
        case "empty":
            data = bytearray()
        case _:
            data = data[: data.index(b"PACK")]
    path.write_bytes(data)

    assert reason(hostile.publish()) is Reason.INTERNAL_ERROR
    assert nothing_was_pushed(hostile)


def test_a_pack_that_claims_a_million_objects_is_refused_at_once(hostile: Hostile) -> None:
    """Its header is enough."""
    path = hostile.bundle(hostile.commit({"app.py": "2"}))
    data = path.read_bytes()
    at = data.index(b"PACK")
    path.write_bytes(data[: at + 8] + struct.pack(">I", 1_000_000) + data[at + 12 :])

    assert reason(hostile.publish()) is Reason.TOO_LARGE


def test_a_commit_without_its_tree_is_refused(hostile: Hostile) -> None:
    """A pack that leaves objects out does not pass the check of links."""
    missing = (
        f"tree {'2' * 40}\nparent {hostile.made.head_oid}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n"
    )
    raw = missing.encode()
    oid = hashlib.sha1(b"commit %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
    size, head = len(raw), bytearray()
    first = 0x10 | (size & 15)
    size >>= 4
    while size:
        head.append(first | 0x80)
        first, size = size & 127, size >> 7
    head.append(first)
    pack = b"PACK" + struct.pack(">II", 2, 1) + bytes(head) + zlib.compress(raw)
    pack += hashlib.sha1(pack, usedforsecurity=False).digest()
    text = f"# v2 git bundle\n-{hostile.made.head_oid} x\n{oid} refs/heads/ai/issue-7\n\n"
    (hostile.out / BUNDLE_FILE).write_bytes(text.encode() + pack)

    assert reason(hostile.publish()) is Reason.INTERNAL_ERROR
    assert nothing_was_pushed(hostile)


# ------------------------------------------------------------------------------------------ size, secrets


def test_101_files_are_too_many(hostile: Hostile) -> None:
    """`limits.files` holds at the publisher, too (R58)."""
    assert reason(hostile.publish(hostile.commit({f"f{n}": "" for n in range(101)}))) is Reason.TOO_LARGE
    assert isinstance(hostile.publish(hostile.commit({f"f{n}": "" for n in range(100)})), Pushed)


def test_a_bomb_of_trees_is_too_large(hostile: Hostile) -> None:
    """Thirteen objects that are a million million links: counted up to the limit, never listed."""
    link = git(hostile.clone, "hash-object", "-w", "--stdin", data=b"app.py")
    entries = [("120000", f"link{n}", link) for n in range(10)]
    for _ in range(11):
        tree = hostile.raw_tree(*entries)
        entries = [("40000", f"d{n}", tree) for n in range(10)]
    begun = time.monotonic()

    assert reason(hostile.publish(hostile.seal(hostile.raw_tree(*entries), hostile.made.head_oid))) is Reason.TOO_LARGE
    assert time.monotonic() - begun < 30


def test_a_file_that_github_would_refuse_stays_packed(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Megabytes that are some kilobytes in the bundle take no more room here (R58)."""
    monkeypatch.setattr("bot.job.protect.MAX_BLOB", 20_000_000)
    (hostile.clone / "zeros").write_bytes(b"")
    os.truncate(hostile.clone / "zeros", 21_000_000)
    git(hostile.clone, "add", "zeros")
    commit = hostile.seal(git(hostile.clone, "write-tree"), hostile.made.head_oid)
    hostile.bundle(commit)

    assert reason(hostile.publish()) is Reason.TOO_LARGE
    assert sum(path.stat().st_size for path in hostile.out.rglob("*") if path.is_file()) < 2_000_000


def test_a_patch_over_the_limit_is_too_large(hostile: Hostile) -> None:
    """Text and binary count with their bytes; a one-line change to a large file does not."""
    config = RepoConfig(limits=Limits(patch_kb=64))

    assert reason(hostile.publish(hostile.commit({"a.txt": "line\n" * 20_000}), config=config)) is Reason.TOO_LARGE
    binary = bytes(range(256)) * 300
    assert reason(hostile.publish(hostile.commit({"a.bin": binary}), config=config)) is Reason.TOO_LARGE
    large = hostile.server.commit({"big.txt": "line\n" * 50_000})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=large, head_oid=large)
    edited = hostile.commit({"big.txt": "line\n" * 50_000 + "last\n"})
    assert isinstance(hostile.publish(edited, config=config), Pushed)


def test_removing_a_large_file_is_a_small_change(hostile: Hostile) -> None:
    """What goes needs no room in a patch."""
    large = hostile.server.commit({"big.txt": "line\n" * 50_000})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=large, head_oid=large)

    result = hostile.publish(hostile.commit({"big.txt": None}), config=RepoConfig(limits=Limits(patch_kb=64)))

    assert isinstance(result, Pushed)


@pytest.mark.parametrize("files", [{"a.py": "k = 'TOPSECRET'\n"}, {"TOPSECRET.txt": ""}, {"a.bin": b"\0\1TOPSECRET\0"}])
def test_secrets_in_the_change_are_found(files: dict[str, str | bytes], hostile: Hostile) -> None:
    """In text, in binary files and in names."""
    assert reason(hostile.publish(hostile.commit(files))) is Reason.SECRET_FOUND
    assert nothing_was_pushed(hostile)


def test_a_secret_that_was_there_before_is_not_the_run_s(hostile: Hostile) -> None:
    """Only what the change adds is looked at, so removing a leaked key can be published."""
    base = hostile.server.commit({"a.py": "k = 'TOPSECRET'\nb = 1\n"})
    git(hostile.clone, "fetch", "-q", "origin")
    hostile.made = replace(hostile.made, base_oid=base, head_oid=base)

    assert isinstance(hostile.publish(hostile.commit({"a.py": "k = env()\nb = 1\n"})), Pushed)


# ---------------------------------------------------------------------------------------------- outcomes


def test_done_without_a_bundle_is_our_fault_to_say(hostile: Hostile) -> None:
    """`status: done` with nothing in hand is never Done (R56)."""
    said = Outcome(run_key=hostile.made.run_key, verdict="done")

    assert reason(hostile.receive(Received(said, None))) is Reason.INTERNAL_ERROR


def test_blocked_without_a_bundle_pushes_nothing_and_adds_no_reason(hostile: Hostile) -> None:
    """The outcome's own reason stays the verdict's."""
    said = Outcome(run_key=hostile.made.run_key, verdict="blocked", reason="no-changes")

    assert hostile.receive(Received(said, None)) == Withheld(None)


@pytest.mark.parametrize("why", ["protected-paths", "too-large", "secret-found"])
def test_what_must_not_be_pushed_is_not_even_opened(why: str, hostile: Hostile) -> None:
    """Blocked for these, the bundle stays where it is."""
    commit = hostile.commit({"app.py": "2"})
    hostile.bundle(commit)

    assert hostile.publish(verdict="blocked", reason=why) == Withheld(None)
    assert nothing_was_pushed(hostile)


def test_blocked_work_is_pushed_for_people_to_see(hostile: Hostile) -> None:
    """A run that failed its tests leaves its branch, without a PR."""
    result = hostile.publish(hostile.commit({"app.py": "2"}), verdict="blocked", reason="tests-failed")

    assert isinstance(result, Pushed)
    assert "ai/issue-7" in hostile.server.branches()


def test_a_tree_that_changes_nothing_is_no_changes(hostile: Hostile) -> None:
    """An empty commit makes no PR."""
    empty = hostile.seal(git(hostile.clone, "rev-parse", "HEAD^{tree}"), hostile.made.head_oid)

    assert reason(hostile.publish(empty)) is Reason.NO_CHANGES


@pytest.mark.needs_root
@pytest.mark.parametrize("left", [0, 300_000])
def test_a_full_disk_withholds_with_its_reason(left: int, hostile: Hostile, tiny: Path) -> None:
    """Full before the first file or in the middle of it: said, and nothing half on the server."""
    commit = hostile.commit({"a.bin": random.Random(1).randbytes(700_000)})
    hostile.bundle(commit)
    (tiny / "ballast").write_bytes(b"x" * ((1 << 20) - left))
    said = Received(Outcome(run_key=hostile.made.run_key, verdict="done", commit_oid=commit), hostile.out / BUNDLE_FILE)

    result = prepare_branch(hostile.made, said, CONFIG, Press(tiny, hostile.server.remote, OpenScreen(), {}))

    assert reason(result) is Reason.SETUP_FAILED
    assert nothing_was_pushed(hostile)
