"""A base that moved on: it is merged into the run's branch, by git where it can be, by the agent where it can't."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.names import Reason
from bot.core.run import Admission
from bot.core.settings import Checks, RepoConfig
from bot.job.merge import MARKERS, merge_base_in, unresolved
from bot.job.publish import Pushed, Withheld
from tests.job.stage import IDENTITY, Server, Stage, admission, ready, tree_of, writes
from tests.job.test_publish import Hostile, reason

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def apart(server: Server) -> Admission:
    """A run that goes on with a branch, while main has moved on: both changed app.py, main a workflow too."""
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({"app.py": "x = 2\n", "greet.py": "hi\n"}, branch="ai/issue-7")
    base = server.commit({"app.py": "x = 3\n", WORKFLOW: "on: push\n", "more.py": "more\n"})
    return admission(server, head_oid=head, base_oid=base)


@pytest.fixture
def clean(server: Server) -> Admission:
    """The same without a conflict."""
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({"greet.py": "hi\n"}, branch="ai/issue-7")
    base = server.commit({WORKFLOW: "on: push\n", "more.py": "more\n"})
    return admission(server, head_oid=head, base_oid=base)


def changes(made: Admission, **more: object) -> dict[str, Any]:
    return {"head_oid": made.head_oid, "base_oid": made.base_oid, **more}


def parents(server: Server) -> list[str]:
    return server.git("show", "-s", "--format=%P", "ai/issue-7").split(" ")


# --------------------------------------------------------------------------------------------- merged


def test_a_base_that_moved_on_is_merged(stage: Stage, clean: Admission) -> None:
    """The agent sees both sides; one commit on both is pushed, also with files that no run may change."""
    seen: list[bool] = []

    def step(tree: Path) -> None:
        seen.extend((tree / name).exists() for name in ("greet.py", "more.py", WORKFLOW))
        (tree / "new.py").write_text("new\n")

    outcome = stage.run(step, **changes(clean))
    result = stage.publish(outcome)

    assert outcome.verdict == "done", outcome
    assert seen == [True, True, True]
    assert isinstance(result, Pushed)
    assert result.paths == ("new.py",)
    assert parents(stage.server) == [clean.head_oid, clean.base_oid]
    assert stage.server.read("ai/issue-7", WORKFLOW) == "on: push"
    assert "AI-Ready-Run: 7-L123-1" in stage.server.git("show", "-s", "--format=%B", "ai/issue-7")


def test_publishing_a_merge_again_finds_it(stage: Stage, clean: Admission) -> None:
    """Killed after the push, and a person went on from it; main has moved on once more."""
    outcome = stage.run(writes({"new.py": "new\n"}), **changes(clean))
    first = stage.publish(outcome)
    stage.server.commit({"theirs.py": ""}, branch="ai/issue-7")
    stage.server.commit({"later.py": ""})
    (stage.ground.root / "press").rename(stage.ground.root / "before")

    again = stage.publish(outcome)

    assert isinstance(first, Pushed)
    assert again == first


def test_a_base_that_moves_on_again_meanwhile(stage: Stage, clean: Admission) -> None:
    """What the run merged is on the base still: pushed."""
    outcome = stage.run(writes({"new.py": "new\n"}), **changes(clean))
    stage.server.commit({"later.py": ""})

    assert isinstance(stage.publish(outcome), Pushed)
    assert parents(stage.server) == [clean.head_oid, clean.base_oid]


def test_a_base_that_was_rewritten_meanwhile(stage: Stage, clean: Admission) -> None:
    """What was merged is no longer part of the base: it is not brought back."""
    outcome = stage.run(writes({"new.py": "new\n"}), **changes(clean))
    stage.server.git("update-ref", "refs/heads/main", f"{clean.base_oid}~1")
    stage.server.commit({"other.py": ""})

    assert reason(stage.publish(outcome)) is Reason.BASE_CHANGED
    assert stage.server.oid("ai/issue-7") == clean.head_oid


def test_a_branch_that_has_the_base_is_not_merged(stage: Stage, server: Server) -> None:
    """Nothing moved: one commit on one parent, as ever."""
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({"greet.py": "hi\n"}, branch="ai/issue-7")

    outcome = stage.run(writes({"new.py": "new\n"}), head_oid=head)

    assert isinstance(stage.publish(outcome), Pushed)
    assert parents(server) == [head]


def test_only_a_review_round_is_done_with_a_merge_alone(stage: Stage, clean: Admission) -> None:
    """The agent changed nothing: that is no work, but it brings a pull request up to date."""
    outcome = stage.run(lambda _: None, **changes(clean, kind="fix", pull=2))

    assert outcome.verdict == "done", outcome
    assert isinstance(stage.publish(outcome), Pushed)
    assert parents(stage.server) == [clean.head_oid, clean.base_oid]


def test_a_merge_alone_is_no_work(stage: Stage, clean: Admission) -> None:
    outcome = stage.run(lambda _: None, **changes(clean))

    assert (outcome.reason, outcome.commit_oid) == (Reason.NO_CHANGES, "")


@pytest.mark.parametrize("commits", [30, 600])
def test_a_fork_that_lies_far_back(stage: Stage, server: Server, commits: int) -> None:
    """Beyond the history that is fetched, and beyond what is looked through first."""
    fork = server.oid("main")
    server.git("update-ref", "refs/heads/ai/issue-7", fork)
    lines = [
        f"commit refs/heads/main\ncommitter A <a@b> {1_800_000_000 + n} +0000\ndata 1\nx\n" for n in range(commits)
    ]
    lines[0] += f"from {fork}\n"
    stream = "".join(f"{line}M 100644 inline n.txt\ndata 4\n{n:03}\n\n" for n, line in enumerate(lines))
    words = ("git", "-C", str(server.path), "fast-import", "--quiet")
    subprocess.run(words, input=stream.encode(), check=True, env=IDENTITY)
    head = server.commit({"greet.py": "hi\n"}, branch="ai/issue-7")

    outcome = stage.run(writes({"new.py": "new\n"}), head_oid=head)

    assert isinstance(stage.publish(outcome), Pushed)
    assert server.read("ai/issue-7", "n.txt") == f"{commits - 1:03}"
    assert server.git("rev-list", "--count", "main..ai/issue-7") == "2"


def test_histories_with_nothing_in_common(stage: Stage, server: Server) -> None:
    """Nothing can be merged: the run goes on from the branch as it is, and says so."""
    tree = server.git("write-tree")
    head = server.git("commit-tree", f"{tree}", "-m", "alone")
    server.git("update-ref", "refs/heads/ai/issue-7", head)

    outcome = stage.run(writes({"new.py": "new\n"}), head_oid=head)

    assert isinstance(stage.publish(outcome), Pushed)
    assert parents(server) == [head]
    assert "main was not merged into ai/issue-7: their histories have nothing in common" in outcome.notes


# ------------------------------------------------------------------------------------------ conflicts


def test_a_conflict_is_the_agents_to_resolve(stage: Stage, apart: Admission) -> None:
    """It finds git's markers in a clean checkout on both histories; what it makes of them is pushed."""
    found: list[str] = []

    def step(tree: Path) -> None:
        found.append((tree / "app.py").read_text())
        words = ("git", "-C", str(tree), "-c", f"safe.directory={tree}")
        found.append(subprocess.check_output((*words, "status", "--short"), text=True, env=IDENTITY))
        found.append(subprocess.check_output((*words, "log", "--format=%s", "-1"), text=True, env=IDENTITY))
        (tree / "app.py").write_text("x = 23\n")

    outcome = stage.run(step, **changes(apart))
    result = stage.publish(outcome)

    assert found == [
        "<<<<<<< merging/branch\nx = 2\n=======\nx = 3\n>>>>>>> merging/base\n",
        "",
        "Merge main into ai/issue-7\n",
    ]
    assert isinstance(result, Pushed), result
    assert parents(stage.server) == [apart.head_oid, apart.base_oid]
    assert stage.server.read("ai/issue-7", "app.py") == "x = 23"
    assert "There were conflicts with main to resolve in: app.py" in outcome.notes


def test_markers_that_are_left_are_pointed_out_and_end_as_blocked(stage: Stage, apart: Admission) -> None:
    """The agent is asked once more; what is then still not merged is not pushed."""
    outcome = stage.run(
        writes({"app.py": "x = 23\n=======\n"}),
        writes({"app.py": "x = 23\n>>>>>>> merging/base\n"}),
        **changes(apart),
    )

    assert "app.py:2" in stage.agent.asks[1].prompt
    assert (outcome.reason, outcome.commit_oid) == (Reason.BASE_CHANGED, "")
    assert (
        outcome.text == "The conflicts with the base branch are not resolved in one file; the branch is left as it was."
    )
    assert outcome.details == "app.py:2"
    assert outcome.checks == ()
    assert stage.publish(outcome) == Withheld(None)


def test_markers_can_be_mended(stage: Stage, apart: Admission) -> None:
    outcome = stage.run(lambda _: None, writes({"app.py": "x = 23\n"}), **changes(apart))

    assert isinstance(stage.publish(outcome), Pushed)


def test_a_setup_that_fails_for_the_conflicts_alone(stage: Stage, apart: Admission) -> None:
    """Before the agent it only is a note; where the checks judge it has to pass."""
    config = RepoConfig(checks=Checks(setup="! grep -q '<<<' app.py", test="true"))

    outcome = stage.run(writes({"app.py": "x = 23\n"}), config=config, **changes(apart))

    assert outcome.verdict == "done", outcome
    assert [check.name for check in outcome.checks] == ["fresh setup", "test"]
    assert any("The setup command did not pass while there were conflicts" in note for note in outcome.notes)


def test_a_conflict_under_an_odd_name(stage: Stage, server: Server) -> None:
    """Bytes that are no UTF-8, a line break, a colon: resolved or not, it is this file."""
    name = ":od\n\udcff d.py"
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({name: "x = 2\n"}, branch="ai/issue-7")
    base = server.commit({name: "x = 3\n"})

    outcome = stage.run(writes({"new.py": ""}), writes({name: "x = 23\n"}), head_oid=head, base_oid=base)

    assert ":od\\n\\xff d.py:1" in stage.agent.asks[1].prompt
    assert isinstance(stage.publish(outcome), Pushed), outcome


def test_conflicts_in_a_protected_file_are_a_persons(stage: Stage, server: Server) -> None:
    """The agent is not even asked."""
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({WORKFLOW: "on: [push]\n"}, branch="ai/issue-7")
    base = server.commit({WORKFLOW: "on: pull_request\n"})

    outcome = stage.run(writes({"new.py": ""}), head_oid=head, base_oid=base)

    assert (outcome.reason, outcome.details) == (Reason.BASE_CHANGED, WORKFLOW)
    assert stage.agent.asks == []


def test_a_heading_is_no_marker(stage: Stage, server: Server) -> None:
    """A line of seven `=` that a side had before may stay."""
    server.commit({"notes.rst": "History\n=======\n\none\n"})
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({"notes.rst": "History\n=======\n\ntwo\n"}, branch="ai/issue-7")
    base = server.commit({"notes.rst": "History\n=======\n\nthree\n"})

    outcome = stage.run(writes({"notes.rst": "History\n=======\n\ntwo, three\n"}), head_oid=head, base_oid=base)

    assert isinstance(stage.publish(outcome), Pushed)


def test_a_file_in_the_way_of_a_folder(stage: Stage, server: Server) -> None:
    """Git puts the file aside; nobody wants to see that name in a repository."""
    server.commit({"d/x.py": "1\n"})
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    head = server.commit({"d/x.py": None, "d": "file\n"}, branch="ai/issue-7")
    base = server.commit({"d/x.py": "2\n"})

    outcome = stage.run(writes({"new.py": ""}), head_oid=head, base_oid=base)

    assert "d~merging_branch" in outcome.details
    outcome = replace(stage, out=stage.out / "2", ground=replace(stage.ground, root=stage.out)).run(
        lambda tree: (tree / "d~merging_branch").unlink(), head_oid=head, base_oid=base
    )
    assert outcome.verdict == "done", outcome


def test_the_markers_of_git() -> None:
    lines = (b"<<<<<<< a", b"=======", b"=======\r", b">>>>>>> b", b"||||||| c", b"<<<<<<<")
    assert all(MARKERS.match(line) for line in lines)
    assert not any(MARKERS.match(line) for line in (b"========", b" =======", b"<<<<<<<<", b"======= x", b">>>>>>>x"))


# -------------------------------------------------------------------------------------------- hostile


@pytest.fixture
def forger(server: Server, apart: Admission, tmp_path: Path) -> Hostile:
    """Makes merges by hand."""
    out = tmp_path / "forged"
    out.mkdir()
    return Hostile(server, server.clone(tmp_path / "clone"), apart, out)


def honest(forger: Hostile, **files: str | bytes | None) -> str:
    """The tree of a sound merge, with `files` (`__` is a slash) changed."""
    named = {name.replace("__", "/").replace("_dot_", "."): content for name, content in files.items()}
    start = {"app.py": "x = 23\n", "more.py": "more\n", WORKFLOW: "on: push\n"}
    commit = forger.commit({**start, **named})
    return f"{commit}^{{tree}}"


def merged(forger: Hostile, tree: str, *more: str) -> str:
    return forger.seal(tree, forger.made.head_oid, *(more or (forger.made.base_oid,)))


def published(forger: Hostile, commit: str) -> Pushed | Withheld:
    forger.bundle(commit, extra=(f"^{forger.made.base_oid}",))
    return forger.publish()


def test_a_sound_merge_is_taken(forger: Hostile) -> None:
    assert isinstance(published(forger, merged(forger, honest(forger))), Pushed)


def test_another_second_parent(forger: Hostile) -> None:
    """A merge with anything but the base is none of ours."""
    tree = honest(forger)
    stray = forger.seal(tree, forger.made.base_oid)

    assert reason(published(forger, merged(forger, tree, stray))) is Reason.INTERNAL_ERROR
    assert reason(published(forger, merged(forger, tree, forger.made.base_oid, stray))) is Reason.INTERNAL_ERROR
    turned = forger.seal(tree, forger.made.base_oid, forger.made.head_oid)
    assert reason(published(forger, turned)) is Reason.INTERNAL_ERROR
    assert forger.server.oid("ai/issue-7") == forger.made.head_oid


@pytest.mark.parametrize(
    "content", ["on: pull_request_target\n", None, "on: push\n# \n"], ids=["changed", "removed", "a comment"]
)
def test_a_protected_path_that_only_seems_to_come_from_the_base(forger: Hostile, content: str | None) -> None:
    """What differs from the merge that we make ourselves is the agent's."""
    tree = honest(forger, _dot_github__workflows__ci_dot_yml=content)

    assert reason(published(forger, merged(forger, tree))) is Reason.PROTECTED_PATHS
    assert forger.server.oid("ai/issue-7") == forger.made.head_oid


def test_what_a_person_did_on_the_branch_is_not_undone_as_if_by_the_base(forger: Hostile) -> None:
    """A maintainer's commit of a protected file on the branch, put back to what the base has."""
    forger.made = replace(forger.made, head_oid=forger.server.commit({"CODEOWNERS": "* @ann\n"}, branch="ai/issue-7"))
    git_fetch = ("git", "-C", str(forger.clone), "fetch", "-q", "origin")
    subprocess.run(git_fetch, check=True, env=IDENTITY)

    assert reason(published(forger, merged(forger, honest(forger, CODEOWNERS=None)))) is Reason.PROTECTED_PATHS


def test_files_of_the_base_without_its_commit(forger: Hostile) -> None:
    """Brought without being merged they are a change like any other."""
    commit = forger.seal(honest(forger), forger.made.head_oid)
    assert reason(forger.publish(commit)) is Reason.PROTECTED_PATHS


def test_markers_in_what_was_handed_over(forger: Hostile) -> None:
    tree = honest(forger, app_dot_py="<<<<<<< merging/branch\nx = 2\n")

    assert reason(published(forger, merged(forger, tree))) is Reason.BASE_CHANGED
    assert forger.server.oid("ai/issue-7") == forger.made.head_oid


def test_a_merge_of_what_is_there_already(forger: Hostile) -> None:
    """The branch has the base: there is nothing to merge."""
    base = forger.made.base_oid
    forger.made = replace(forger.made, base_oid=forger.server.oid(f"{base}~1"))

    commit = forger.seal(f"{forger.commit({'new.py': ''})}^{{tree}}", forger.made.head_oid, forger.made.base_oid)
    forger.bundle(commit, extra=(f"^{forger.made.base_oid}",))
    assert reason(forger.publish()) is Reason.INTERNAL_ERROR


def test_a_secret_in_a_merge(forger: Hostile) -> None:
    assert reason(published(forger, merged(forger, honest(forger, app_dot_py="TOPSECRET")))) is Reason.SECRET_FOUND


# ------------------------------------------------------------------------------------------ in pieces


def test_both_jobs_make_the_same_merge(server: Server, apart: Admission, stage: Stage) -> None:
    """What git makes of two commits does not depend on the folder that they are in."""
    _, workspace = ready(server, stage.ground, **changes(apart))
    assert workspace.merge is not None
    assert tree_of(stage.ground, workspace) == workspace.merge.tree
    assert workspace.merge.conflicts == ("app.py",)
    assert merge_base_in(workspace.git, server.remote, replace(apart, head_oid=apart.base_oid)) is None


@pytest.mark.parametrize(
    "filler", ["\0" + "a" * 9000 + "\n", "a" * 9000 + "\0\n", "a" * 9_000_000 + "\n"], ids=["binary", "late", "long"]
)
def test_markers_are_found_wherever_git_writes_them(stage: Stage, server: Server, filler: str) -> None:
    """Git takes a file for binary by its first 8,000 bytes alone, and merges text of any length."""
    server.commit({"data.txt": f"{filler}one\n"})
    server.git("update-ref", "refs/heads/ai/issue-7", "main")
    made = admission(
        server,
        head_oid=server.commit({"data.txt": f"{filler}two\n"}, branch="ai/issue-7"),
        base_oid=server.commit({"data.txt": f"{filler}three\n"}),
    )
    _, workspace = ready(server, stage.ground, **changes(made))

    assert workspace.merge is not None
    left = unresolved(workspace.git, workspace.merge, workspace.merge.tree, made)
    assert left == (() if filler.startswith("\0") else ("data.txt:2",))


def test_conflicts_in_a_protected_file_are_a_persons_in_publish_too(forger: Hostile) -> None:
    """Of a file that is no text git keeps one side's version, without a marker: no run may decide that."""
    server, logo = forger.server, ".github/logo.png"
    head = server.commit({logo: b"\0one"}, branch="ai/issue-7")
    forger.made = replace(forger.made, head_oid=head, base_oid=server.commit({logo: b"\0two"}))
    subprocess.run(("git", "-C", str(forger.clone), "fetch", "-q", "origin"), check=True, env=IDENTITY)

    found = published(forger, merged(forger, honest(forger)))

    assert reason(found) is Reason.BASE_CHANGED, found
    assert server.oid("ai/issue-7") == head
