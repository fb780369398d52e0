"""One attempt at one task: what is in the checkout before and after it, whatever happens."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agent.process import Cancel
from bot.config import laptop_env
from bot.core.run import AgentReport
from bot.core.settings import AgentSettings, RepoConfig
from bot.errors import ConfigError, UsageError
from bot.job.git import Git, GitFailed, Ran
from bot.local import worktrees
from bot.local.checkout import Checkout, open_checkout
from bot.local.loan import Loan
from bot.local.needs import demand_agent
from bot.local.notes import verdict_note
from bot.local.roles import role_text
from bot.local.settings import ROLES, Flags
from bot.local.task_run import model_for
from bot.progress.events import RunBegan, Verdict
from bot.trackers.tracker import Status, Task
from tests.job.stage import done_report, git, writes
from tests.local.run_stage import CONFIG, KEY, Laptop, Scripted, killed, make_laptop

TEXT = "---\nstatus: todo\n---\n# [ENG-1.1] Add a greeting\n\nSay hello.\n"


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return make_laptop(tmp_path / "ann")


def test_a_done_task_is_a_commit_on_its_branch(laptop: Laptop) -> None:
    """One commit on top of the base, by us, for the task, with the user as co-author; the tree is gone."""
    task = laptop.task("greet", TEXT)
    main = laptop.branch("main")
    result = laptop.run(task, writes({"hello.py": "print('hello')\n"}))

    assert (result.outcome.verdict, result.branch, result.kept, result.pull) == ("done", "ai/task-greet", None, "")
    assert result.commit == laptop.branch("ai/task-greet")
    assert laptop.git("rev-parse", f"{result.commit}^") == main == laptop.branch("main")
    assert laptop.show(result.commit, "hello.py") == "print('hello')"
    message = laptop.git("show", "--no-patch", "--format=%an%n%B", result.commit)
    assert message.splitlines()[0] == "github-actions[bot]"
    assert "For greet, written by an AI agent at the request of Ann Doe." in message
    assert "Co-authored-by: Ann Doe <ann@example.org>" in message
    assert "AI-Ready-Run: greet-T" in message
    assert laptop.trees() == []
    assert not any("in no commit" in note for note in result.outcome.notes)
    assert isinstance(laptop.heard[0], RunBegan)
    assert laptop.heard[0].task == "greet"
    assert isinstance(laptop.heard[-1], Verdict)


@pytest.mark.parametrize("staged", [True, False])
def test_GW1_the_checkout_stays_as_it_was(laptop: Laptop, staged: bool) -> None:
    """Status, HEAD, index and files are the same before and after, staged and unstaged changes of the user's included."""
    task = laptop.task("greet", TEXT)
    laptop.commit({"same.py": "1\n"})
    laptop.write({"app.py": "x = 2\n", "new.txt": "mine\n", "staged.txt": "mine\n"})
    if staged:
        laptop.git("add", "staged.txt")
    hooks = laptop.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-update", "update", "pre-receive"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {laptop.folder}/hook-ran\n")
        (hooks / name).chmod(0o755)
    laptop.git("config", "filter.evil.clean", f"touch {laptop.folder}/filter-ran")
    laptop.git("config", "core.fsmonitor", f"touch {laptop.folder}/monitor-ran")
    (laptop.root / ".git" / "info" / "attributes").write_text("*.py filter=evil\n")
    quiet = ("-c", "core.fsmonitor=false", "-c", "filter.evil.clean=cat", "-c", "core.hooksPath=/dev/null")
    before = laptop.git(*quiet, "status", "--porcelain=v2", "--branch", "--untracked-files=all")
    index = (laptop.root / ".git" / "index").read_bytes()
    os.utime(laptop.root / ".git" / "index", (1, 1))  # whoever compares has to read, through the filter
    if staged:
        os.utime(laptop.root / "same.py", (1, 1))

    result = laptop.run(task, writes({"hello.py": "print('hello')\n"}))

    assert (laptop.root / ".git" / "index").read_bytes() == index
    after = laptop.git(*quiet, "status", "--porcelain=v2", "--branch", "--untracked-files=all")
    assert after == before
    assert result.outcome.verdict == "done"
    assert (
        "What is in no commit of the checkout was left out: the work began at the last commit" in result.outcome.notes
    )
    assert not [path.name for path in laptop.folder.glob("*-ran")]


def test_RU5_GW5_a_blocked_task_leaves_the_base_alone_and_keeps_the_work(laptop: Laptop) -> None:
    """Its failing check is said; the branch holds what there is; the next attempt goes on from it."""
    task = laptop.task("greet", TEXT)
    laptop.commit(
        {".github/ai-ready.yml": "agent: {isolation: none}\nchecks: {test: grep -q hello hello.py, attempts: 1}\n"}
    )
    main = laptop.branch("main")
    result = laptop.run(task, writes({"hello.py": "print('hi')\n"}))

    assert (result.outcome.verdict, result.outcome.reason) == ("blocked", "tests-failed")
    assert laptop.show(result.branch, "hello.py") == "print('hi')"
    assert laptop.branch("main") == main
    assert laptop.trees() == []

    again = laptop.run(task, writes({"hello.py": "print('hello')\n"}), number=2)

    assert again.outcome.verdict == "done"
    assert laptop.git("rev-parse", f"{again.commit}^") == result.commit
    assert "Its changes so far" in laptop.agent.asks[0].prompt


@pytest.mark.parametrize("complexity", ["minor", "major", ""])
def test_GW2_every_task_has_a_tree_of_its_own(laptop: Laptop, complexity: str) -> None:
    """Minor ones, too: nothing ever runs in the user's own checkout."""
    task = replace(laptop.task("greet", TEXT), complexity=complexity)
    result = laptop.run(task, writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done"
    assert laptop.agent.asks[0].workspace.relative_to(laptop.folder / "trees").parts[1:] == ("task-greet", "shop")
    assert not (laptop.root / "hello.py").exists()


def test_a_stopped_attempt_saves_its_work(laptop: Laptop) -> None:
    """Blocked (cancelled), with what was done on the branch."""
    task = laptop.task("greet", TEXT)
    cancel = Cancel()

    def step(tree: Path) -> AgentReport:
        writes({"half.py": "half\n"})(tree)
        cancel.set()
        return done_report(stopped_for="cancelled", results=0, structured=None)

    result = laptop.run(task, step, cancel=cancel)

    assert (result.outcome.reason, result.branch) == ("cancelled", "ai/task-greet")
    assert laptop.show(result.branch, "half.py") == "half"
    assert laptop.trees() == []


def test_work_that_may_not_be_pushed_stays_in_its_tree(laptop: Laptop) -> None:
    """A protected path: nothing lands, the tree is said, and the next attempt leaves it alone."""
    task = laptop.task("greet", TEXT)
    result = laptop.run(task, writes({".github/workflows/x.yml": "on: push\n", "hello.py": "1\n"}))

    assert (result.outcome.reason, result.branch) == ("protected-paths", "")
    assert laptop.branch("ai/task-greet") == ""
    assert result.kept is not None
    assert (result.kept / "shop" / "hello.py").read_text() == "1\n"

    again = laptop.run(task, writes({"hello.py": "2\n"}), number=2)

    assert again.outcome.verdict == "done"
    aside = result.kept.with_name(f"{result.kept.name}-kept-1")
    assert (aside / "shop" / "hello.py").read_text() == "1\n"
    assert any(str(aside) in note for note in again.outcome.notes)


def test_a_branch_that_is_checked_out_is_refused(laptop: Laptop) -> None:
    """Before any money is spent, with the place and what to do."""
    task = laptop.task("greet", TEXT)
    laptop.git("worktree", "add", "-q", "-b", "ai/task-greet", str(laptop.folder / "look"))
    result = laptop.run(task, writes({"hello.py": "1\n"}))

    assert result.outcome.reason == "branch-changed"
    assert str(laptop.folder / "look") in result.outcome.text
    assert laptop.agent.asks == []
    assert laptop.trees() == []


def test_commits_of_people_meanwhile_stay_and_the_work_is_beside_them(laptop: Laptop) -> None:
    """Somebody commits to the task's branch while the agent works: the work is on a branch of its own."""
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"a.py": "1\n"}))

    def step(tree: Path) -> None:
        writes({"b.py": "1\n"})(tree)
        theirs = git(laptop.root, "commit-tree", f"{first.commit}^{{tree}}", "-p", first.commit, "-m", "theirs")
        laptop.git("update-ref", "refs/heads/ai/task-greet", theirs)

    result = laptop.run(task, step, number=2)

    assert result.outcome.reason == "branch-changed"
    assert result.branch.startswith("ai/kept-greet-T")
    assert laptop.show(result.branch, "b.py") == "1"
    note = verdict_note(result, Status.BLOCKED)
    assert "Merge that branch where you want it." in note
    assert "goes on from the branch." not in note
    assert laptop.git("log", "-1", "--format=%s", "ai/task-greet") == "theirs"
    assert laptop.trees() == []


def test_the_base_may_be_rewritten_meanwhile(laptop: Laptop) -> None:
    """A person amends a commit of theirs: the work is on its branch all the same."""
    task = laptop.task("greet", TEXT)

    def step(tree: Path) -> None:
        writes({"hello.py": "1\n"})(tree)
        laptop.git("commit", "-q", "--amend", "-m", "first, better")

    result = laptop.run(task, step)

    assert (result.outcome.verdict, result.branch) == ("done", "ai/task-greet")


def test_a_task_builds_on_finished_work_that_the_base_lacks(laptop: Laptop) -> None:
    """`onto`: the branch starts there; without any work it is gone again."""
    first = laptop.run(laptop.task("one", TEXT), writes({"one.py": "1\n"}))
    two = laptop.task("two", TEXT)
    nothing = laptop.run(two, lambda _: None, onto=first.commit)

    assert nothing.outcome.reason == "no-changes"
    assert laptop.branch("ai/task-two") == ""

    result = laptop.run(two, writes({"two.py": "1\n"}), number=2, onto=first.commit)

    assert result.outcome.verdict == "done"
    assert laptop.git("rev-parse", f"{result.commit}^") == first.commit
    assert "finished work of tasks that come before this one" in laptop.agent.asks[0].prompt
    assert "so far" not in laptop.agent.asks[0].prompt


def test_LI8_the_time_limit_is_given_in_seconds(laptop: Laptop) -> None:
    """The agent gets what is left of it, and the sentence names it."""
    laptop.environ["HEADLESS_PM_CLAUDE_TIMEOUT"] = "600"

    def late(_: Path) -> AgentReport:
        return done_report(stopped_for="timed-out", results=0, structured=None)

    result = laptop.run(laptop.task("greet", TEXT), late)

    assert laptop.agent.asks[0].seconds == 600
    assert (result.outcome.reason, result.outcome.text) == ("timed-out", "The agent timed out after 600 seconds.")


@pytest.mark.parametrize(
    ("level", "labels", "model"),
    [
        ("", (), "opus"),
        ("junior", (), "sonnet"),
        ("principal", ("junior",), "opus"),
        ("", ("junior", "senior"), "sonnet"),
    ],
)
def test_MO1_the_model_is_the_levels_or_opus(level: str, labels: tuple[str, ...], model: str) -> None:
    """Of a task without a level its labels say one, the highest of several."""
    task = Task("1", "1", "x", Status.TODO, "r", level=level, labels=frozenset(labels))

    assert model_for(AgentSettings(), task) == model


def test_RU15_the_projects_own_words_on_a_role_count_more(laptop: Laptop) -> None:
    """`.ai-ready/roles/qa.md` in the checkout, else ours; every role has one."""
    assert all("You work " in role_text(role, laptop.root) for role in ROLES)
    laptop.write({".ai-ready/roles/qa.md": "Break it.\n"})
    laptop.flags = Flags(role="qa")
    laptop.run(laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert "The role in which you work here:\n\nBreak it." in laptop.agent.asks[0].prompt


def test_the_same_attempt_again_does_nothing_twice(laptop: Laptop) -> None:
    """Its result is read back; the agent is not asked."""
    task = laptop.task("greet", TEXT)
    result = laptop.run(task, writes({"hello.py": "1\n"}))
    again = laptop.run(task, writes({"hello.py": "2\n"}))

    assert (again.commit, again.branch) == (result.commit, result.branch)
    assert again.outcome.run_key == result.outcome.run_key
    assert laptop.agent.asks == []


def test_earlier_work_may_be_all_there_is_to_do(laptop: Laptop) -> None:
    """The attempt before failed its check by no fault of its own: nothing more is changed, and the check passes."""
    task = laptop.task("greet", TEXT)
    laptop.commit(
        {".github/ai-ready.yml": "agent: {isolation: none}\nchecks: {test: test -e ../../../../mended, attempts: 1}\n"}
    )
    first = laptop.run(task, writes({"hello.py": "1\n"}))
    (laptop.folder / "mended").touch()
    laptop.commit({".github/ai-ready.yml": CONFIG})
    again = laptop.run(task, lambda _: None, number=2)

    assert first.outcome.reason == "tests-failed"
    assert (again.outcome.verdict, again.branch, again.commit) == ("done", first.branch, first.commit)


def test_RP4_what_a_killed_attempt_did_is_saved_and_gone_on_from(laptop: Laptop) -> None:
    """Killed while the agent was at work: its files are a commit on the branch, and the same attempt ends Done."""
    task = laptop.task("greet", TEXT)

    def step(tree: Path) -> None:
        writes({"half.py": "half\n"})(tree)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(lambda: laptop.run(task, step))
    assert laptop.trees() == ["task-greet"]
    result = laptop.run(task, writes({"rest.py": "rest\n"}))

    assert result.outcome.verdict == "done"
    assert laptop.show(result.commit, "half.py") == "half"
    assert laptop.git("log", "--format=%s", f"main..{result.commit}").count("Add a greeting") == 2
    assert "It was cut off while it was at work" in laptop.agent.asks[0].prompt
    assert any("went on from its work" in note for note in result.outcome.notes)
    assert laptop.trees() == []


def test_what_a_killed_attempt_did_is_found_again_where_its_branch_is_looked_at(laptop: Laptop) -> None:
    """Its work goes to a branch of its own, which the note names, and nobody is told that it was gone on from."""
    task = laptop.task("greet", TEXT)

    def step(tree: Path) -> None:
        writes({"half.py": "half\n"})(tree)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(lambda: laptop.run(task, step))
    laptop.git("checkout", "-q", "-b", "ai/task-greet")
    result = laptop.run(task, writes({"rest.py": "rest\n"}))

    assert result.outcome.reason == "branch-changed"
    kept = laptop.git("branch", "--list", "ai/kept-*", "--format=%(refname:short)")
    assert laptop.show(kept, "half.py") == "half"
    said = f"Work of an earlier attempt, which was killed, is on the branch {kept} alone"
    assert result.outcome.notes == (said,)
    assert said in laptop.lines
    assert laptop.trees() == []


def test_what_a_killed_attempt_left_that_may_not_leave_is_put_aside(laptop: Laptop) -> None:
    """A secret in the files of a killed attempt: nothing of it lands, and its folder is said."""
    task = laptop.task("greet", TEXT)

    def step(tree: Path) -> None:
        writes({"key.py": f"KEY = '{KEY}'\n"})(tree)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(lambda: laptop.run(task, step))
    result = laptop.run(task, writes({"rest.py": "rest\n"}))

    assert result.outcome.verdict == "done"
    assert "key.py" not in laptop.git("ls-tree", "--name-only", result.commit)
    assert laptop.trees() == ["task-greet-kept-1"]
    assert any("task-greet-kept-1" in note for note in result.outcome.notes)


def end_alike(laptop: Laptop, main: str) -> None:
    """The killed attempt, asked for once more: one Done, one commit, no tree left, nothing else changed or done twice."""
    over = list(laptop.root.glob(".ai-ready/local/runs/*/outcome.json"))
    result = laptop.run(laptop.tracker.get("greet"), writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done", result
    assert bool(laptop.agent.asks) is not bool(over), "the agent is paid once"
    assert laptop.show(result.commit, "hello.py") == "1"
    assert laptop.git("rev-list", "--count", f"{main}..{result.branch}") == "1"
    assert (laptop.branch("main"), laptop.trees()) == (main, [])
    assert laptop.git("branch", "--format=%(refname:short)").split() == ["ai/task-greet", "main"]
    assert laptop.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("at", [1, 21, 28, 36, 40, 59, 64, 65])
def test_GW4_killed_at_any_git_command_the_same_attempt_ends_the_same(
    laptop: Laptop, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are some 65 of them in such an attempt."""
    task, main = laptop.task("greet", TEXT), laptop.branch("main")
    count = 0

    def counted(self: Git, *words: str, **more: Any) -> Ran:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt(self, *words, **more)

    attempt = Git.attempt

    def act() -> None:
        monkeypatch.setattr(Git, "attempt", counted)
        laptop.run(task, writes({"hello.py": "1\n"}))

    killed(act)
    end_alike(laptop, main)


@pytest.mark.parametrize(
    "step",
    [
        "bot.local.worktrees.write_record",
        "bot.local.task_run.hand_over",
        "bot.local.finishing.taken",
        "bot.local.finishing.write_result",
        "bot.local.worktrees.remove",
        "bot.agent.isolation.SameUser.discard",
    ],
)
def test_killed_between_them_the_same_attempt_ends_the_same(
    laptop: Laptop, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the steps that are no git command."""
    task, main = laptop.task("greet", TEXT), laptop.branch("main")

    def act() -> None:
        monkeypatch.setattr(step, lambda *_args, **_more: os.kill(os.getpid(), signal.SIGKILL))
        laptop.run(task, writes({"hello.py": "1\n"}))

    killed(act)
    end_alike(laptop, main)


SETUP = "agent: {isolation: none}\nchecks: {setup: 'echo 2 > app.py; echo 3 > made.txt', test: 'true'}\n"


def test_killed_while_a_folder_is_kept_the_same_attempt_ends_the_same(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between keeping it and putting the result down: the same verdict, the same folder, the agent is not asked again."""
    task = laptop.task("greet", TEXT)
    steps = writes({".github/workflows/x.yml": "on: push\n"})

    def act() -> None:
        step = "bot.local.finishing.write_result"
        monkeypatch.setattr(step, lambda *_args, **_more: os.kill(os.getpid(), signal.SIGKILL))
        laptop.run(task, steps)

    killed(act)
    result = laptop.run(task, steps)

    assert (result.outcome.reason, result.kept) == ("protected-paths", laptop.attempt(task).tree)
    assert laptop.agent.asks == []
    assert laptop.trees() == ["task-greet"]


def test_what_setup_changed_is_never_taken_for_work(laptop: Laptop) -> None:
    """Neither where the agent did nothing, nor in what is saved of a killed attempt."""
    laptop.commit({".github/ai-ready.yml": SETUP})
    task = laptop.task("greet", TEXT)
    nothing = laptop.run(task, lambda _: None)

    assert (nothing.outcome.reason, nothing.branch) == ("no-changes", "")

    def step(tree: Path) -> None:
        writes({"half.py": "half\n"})(tree)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(lambda: laptop.run(task, step, number=2))
    result = laptop.run(task, lambda _: None, number=2)

    assert result.outcome.verdict == "done"
    assert laptop.git("diff", "--name-only", "main", result.commit) == "half.py"


def test_kept_work_meets_a_base_that_moved_on(laptop: Laptop) -> None:
    """The base is merged into the branch; the user's commit is in it, theirs as it was."""
    laptop.commit({".github/ai-ready.yml": "agent: {isolation: none}\nchecks: {test: test -e rest.py, attempts: 1}\n"})
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"half.py": "1\n"}))
    moved = laptop.commit({"new.py": "1\n"})
    again = laptop.run(task, writes({"rest.py": "1\n"}), number=2)

    assert (first.outcome.verdict, again.outcome.verdict) == ("blocked", "done")
    assert laptop.git("rev-list", "--parents", "-1", again.commit).split()[1:] == [first.commit, moved]
    assert laptop.git("ls-tree", "--name-only", again.commit).split() == [
        ".github",
        "README.md",
        "app.py",
        "half.py",
        "new.py",
        "rest.py",
    ]


def test_a_branch_that_was_merged_begins_anew(laptop: Laptop) -> None:
    """The task is done once more after its branch was merged: from the base as it is now, on the same branch."""
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"a.py": "1\n"}))
    laptop.git("merge", "-q", "--no-ff", "-m", "merged", "ai/task-greet")
    again = laptop.run(task, writes({"b.py": "1\n"}), number=2)

    assert first.outcome.verdict == again.outcome.verdict == "done"
    assert laptop.git("rev-parse", f"{again.commit}^") == laptop.branch("main")
    assert again.branch == "ai/task-greet"


def test_a_shallow_clone_and_a_linked_work_tree_are_checkouts_too(laptop: Laptop) -> None:
    """Where git keeps things elsewhere."""
    laptop.commit({"second.py": "1\n"})
    git(laptop.folder, "clone", "-q", "--depth=1", laptop.root.as_uri(), "shallow/shop")
    shallow = replace(laptop, folder=laptop.folder / "shallow")
    laptop.git("worktree", "add", "-q", "-b", "mine", str(laptop.folder / "linked" / "shop"))
    linked = replace(laptop, folder=laptop.folder / "linked")
    for place in (shallow, linked):
        result = place.run(place.task("greet", TEXT), writes({"hello.py": "1\n"}))

        assert result.outcome.verdict == "done", result
        assert place.show("ai/task-greet", "hello.py") == "1"
        assert place.git("rev-parse", "ai/task-greet^") == place.git("rev-parse", "HEAD")


def test_what_makes_an_attempt_impossible_is_said(laptop: Laptop) -> None:
    """A branch in the way, no commit yet, no key for the model: before anything is made."""
    task = laptop.task("greet", TEXT)
    laptop.git("branch", "ai")
    assert "There is a branch called `ai`" in laptop.run(task, lambda _: None).outcome.text
    laptop.git("branch", "-D", "-q", "ai")
    laptop.git("checkout", "-q", "--orphan", "empty")
    laptop.git("branch", "-D", "-q", "main")
    assert "The repository has no commit yet" in laptop.run(task, lambda _: None).outcome.text
    del laptop.environ["ANTHROPIC_API_KEY"]
    result = laptop.run(task, lambda _: None)
    assert (result.outcome.reason, result.outcome.text[:17]) == ("config-invalid", "API key not found")
    assert laptop.trees() == []
    assert list(laptop.root.glob(".ai-ready/local/runs/*/lent.git")) == []


def test_a_commit_at_the_last_moment_is_not_lost(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody commits to the branch between our look and our write: theirs stays, ours is beside it."""
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"a.py": "1\n"}))
    give = Loan.give

    def late(self: Loan, checkout: Checkout, commit: str) -> None:
        give(self, checkout, commit)
        theirs = laptop.git("commit-tree", f"{first.commit}^{{tree}}", "-p", first.commit, "-m", "theirs")
        laptop.git("update-ref", "refs/heads/ai/task-greet", theirs)
        monkeypatch.undo()

    monkeypatch.setattr(Loan, "give", late)
    result = laptop.run(task, writes({"b.py": "1\n"}), number=2)

    assert (result.outcome.reason, result.branch[:8]) == ("branch-changed", "ai/kept-")
    assert laptop.git("log", "-1", "--format=%s", "ai/task-greet") == "theirs"
    assert laptop.show(result.branch, "b.py") == "1"


def test_a_branch_of_ours_that_somebody_looks_at_is_no_base(laptop: Laptop) -> None:
    """The work of a next task is for main all the same; where there is no such branch, that is said."""
    laptop.run(laptop.task("one", TEXT), writes({"one.py": "1\n"}))
    laptop.git("checkout", "-q", "ai/task-one")
    result = laptop.run(laptop.task("two", TEXT), writes({"two.py": "1\n"}))

    assert laptop.git("rev-parse", f"{result.commit}^") == laptop.branch("main")
    laptop.git("branch", "-m", "main", "trunk")
    refused = laptop.run(laptop.task("three", TEXT), lambda _: None)
    assert refused.outcome.text.startswith("ai/task-one is checked out: check out the branch")


def test_two_runners_never_work_in_one_tree(laptop: Laptop) -> None:
    """A person frees the task while an agent is at work on it: the second runner leaves the tree alone."""
    task = laptop.task("greet", TEXT)
    other = replace(laptop, agent=Scripted([]))
    refused: list[str] = []

    def step(tree: Path) -> None:
        writes({"hello.py": "1\n"})(tree)
        refused.append(other.run(task, writes({"hello.py": "2\n"}), number=2).outcome.text)

    result = laptop.run(task, step)

    assert "Another runner is at work in" in refused[0]
    assert result.outcome.verdict == "done"
    assert laptop.show(result.commit, "hello.py") == "1"


def test_an_origin_that_does_not_answer_is_said(laptop: Laptop) -> None:
    """What was known of it counts."""
    laptop.git("remote", "add", "origin", "http://127.0.0.1:9/shop.git")
    laptop.git("update-ref", "refs/remotes/origin/main", "main")
    result = laptop.run(laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done"
    assert any("origin did not answer" in note for note in result.outcome.notes)


def test_the_base_is_the_newer_of_here_and_an_origin_elsewhere(laptop: Laptop) -> None:
    """Work that was merged here and not pushed counts; commits of others, fetched by us alone, count, too."""
    git(laptop.folder, "clone", "-q", "--bare", "shop", "origin.git")
    laptop.git("remote", "add", "origin", "../origin.git")
    mine = laptop.commit({"mine.py": "1\n"})
    first = laptop.run(laptop.task("one", TEXT), writes({"one.py": "1\n"}))
    assert laptop.git("rev-parse", f"{first.commit}^") == mine

    laptop.git("push", "-q", "origin", "main")
    theirs = git(laptop.folder / "origin.git", "commit-tree", "main^{tree}", "-p", "main", "-m", "theirs")
    git(laptop.folder / "origin.git", "update-ref", "refs/heads/main", theirs)
    second = laptop.run(laptop.task("two", TEXT), writes({"two.py": "1\n"}))
    assert laptop.git("rev-parse", f"{second.commit}^") == theirs
    assert (laptop.branch("main"), laptop.git("rev-parse", "origin/main")) == (mine, mine)


def test_where_the_agent_cannot_be_isolated_nothing_is_begun(laptop: Laptop) -> None:
    """A user who is not root and has no sudo: said before any task hears of it, with the setting that lifts it."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user")
    env = laptop_env(laptop.environ)

    def act() -> None:
        os.setuid(65534)
        with pytest.raises(ConfigError, match=r"can't be isolated.*agent.isolation: none"):
            demand_agent(RepoConfig(), env)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(act)


def test_a_tree_that_could_not_be_ended_is_said(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """git fails while the work lands: the folder holds it, the result names it, the next attempt brings it home."""
    task = laptop.task("greet", TEXT)

    def fails(*_: object) -> None:
        raise GitFailed("index-pack", 128, "fatal: cannot mkdir: Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("bot.local.finishing.land", fails)
        result = laptop.run(task, writes({"hello.py": "1\n"}))

    assert (result.outcome.reason, result.kept) == ("internal-error", laptop.attempt(task).tree)

    again = laptop.run(task, lambda _: None, number=2)

    assert again.outcome.verdict == "done"
    assert laptop.show(again.commit, "hello.py") == "1"
    assert laptop.trees() == []


def test_a_branch_that_is_checked_out_meanwhile_is_left_alone(laptop: Laptop) -> None:
    """The work is beside it, and the sentence says where it is looked at."""
    laptop.commit({".github/ai-ready.yml": "agent: {isolation: none}\nchecks: {test: 'false', attempts: 1}\n"})
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"a.py": "1\n"}))
    laptop.commit({".github/ai-ready.yml": CONFIG})
    look = laptop.folder / "look"

    def step(tree: Path) -> None:
        writes({"b.py": "1\n"})(tree)
        laptop.git("worktree", "add", "-q", str(look), "ai/task-greet")

    result = laptop.run(task, step, number=2)

    assert (result.outcome.reason, result.branch[:8]) == ("branch-changed", "ai/kept-")
    assert str(look) in result.outcome.text
    assert laptop.branch("ai/task-greet") == first.commit
    assert git(look, "status", "--porcelain") == ""
    assert laptop.show(result.branch, "b.py") == "1"


def test_a_clone_that_cannot_be_lent_is_refused_before_anything(laptop: Laptop) -> None:
    """Partial, or of SHA-256: one sentence that says what to do."""
    laptop.git("config", "uploadpack.allowFilter", "true")
    git(laptop.folder, "clone", "-q", "--filter=blob:none", laptop.root.as_uri(), "partial")
    git(laptop.folder, "init", "-q", "--object-format=sha256", "other")

    with pytest.raises(UsageError, match="is a partial clone"):
        open_checkout(laptop.folder / "partial", laptop.environ)
    with pytest.raises(UsageError, match="SHA-256"):
        open_checkout(laptop.folder / "other", laptop.environ)
    with pytest.raises(UsageError, match="is in no git repository"):
        open_checkout(Path("/"), laptop.environ)


def test_a_partial_clone_can_be_made_whole(laptop: Laptop) -> None:
    """What the sentence says works."""
    laptop.git("config", "uploadpack.allowFilter", "true")
    git(laptop.folder, "clone", "-q", "--filter=blob:none", laptop.root.as_uri(), "partial/shop")
    whole = replace(laptop, folder=laptop.folder / "partial")
    whole.git("fetch", "-q", "--refetch", "--no-filter")
    whole.git("config", "--unset", "remote.origin.promisor")
    result = whole.run(whole.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done", result


def test_killed_again_and_again_nothing_is_lost(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the agent works, then when what it left is safe and its tree just gone, then while the agent works again."""
    task = laptop.task("greet", TEXT)

    def writes_and_dies(name: str) -> Callable[[Path], None]:
        def step(tree: Path) -> None:
            writes({name: "1\n"})(tree)
            os.kill(os.getpid(), signal.SIGKILL)

        return step

    def removes_and_dies() -> None:
        remove = worktrees.remove

        def last(*words: Any) -> None:
            remove(*words)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(worktrees, "remove", last)
        laptop.run(task, lambda _: None)

    killed(lambda: laptop.run(task, writes_and_dies("first.py")))
    killed(removes_and_dies)
    killed(lambda: laptop.run(task, writes_and_dies("second.py")))
    result = laptop.run(task, lambda _: None)

    assert result.outcome.verdict == "done", result
    assert {"first.py", "second.py"} <= set(laptop.git("ls-tree", "--name-only", result.commit).split())
    assert laptop.trees() == []
