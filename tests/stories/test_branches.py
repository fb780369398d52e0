"""Stories about the branch: pull requests that are there already, people's commits, a base that moved."""

from bot.sandbox.model import Scene, bash, done, edit, read, write
from bot.sandbox.records import Issue
from tests.stories.conftest import Opens
from tests.stories.town import CONFIG, Town

FIRST = Scene("", write("hello.py", "print('hello')\n"), done("Said hello."))
SECOND = Scene(
    "louder", read("hello.py"), edit("hello.py", "hello", "HELLO"), bash("ls"), done("Said it louder, as asked.")
)


def head(town: Town, pull: Issue) -> str:
    """The commit a pull request is at."""
    assert pull.pull is not None
    assert pull.pull.head_oid == town.branch(pull.pull.head)
    return pull.pull.head_oid


def test_a_second_run_continues_the_open_pull_request(opens: Opens) -> None:
    """`/ai run louder` on a Done issue adds a commit to the same branch: one pull request, two verdicts."""
    town = opens(SECOND, FIRST)
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    before = head(town, pull)
    town.comment(issue, "/ai run louder")

    town.settle()

    assert town.pulls() == [pull]
    assert town.hub.repos.is_ancestor(town.repo, before, head(town, pull))
    assert head(town, pull) != before
    assert town.read("ai/issue-1", "hello.py") == "print('HELLO')\n"
    assert [line.partition(" is")[0] for line in town.verdicts(issue)] == ["Done: draft PR #2"] * 2


def test_commits_of_people_are_built_upon(opens: Opens) -> None:
    """A reviewer's commit on the branch is in what the agent sees and in what is pushed."""
    town = opens(SECOND, FIRST)
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    theirs = town.push({"hello.py": "print('hello, dear')\n", "notes.md": "mine\n"}, branch="ai/issue-1")
    town.comment(issue, "/ai run louder")

    town.settle()

    assert town.hub.repos.is_ancestor(town.repo, theirs, head(town, pull))
    assert town.read("ai/issue-1", "hello.py") == "print('HELLO, dear')\n"
    assert town.read("ai/issue-1", "notes.md") == "mine\n"
    assert town.verdicts(issue)[-1].startswith("Done")


def test_a_commit_during_the_run_is_left_alone(opens: Opens) -> None:
    """Somebody pushes to the branch while a second run is at work: theirs stays, the run is Blocked, its work kept."""
    town = opens(SECOND, FIRST)
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    town.comment(issue, "/ai run louder")
    run = town.next_run()
    assert run is not None
    run.gate()
    run.work()
    theirs = town.push({"notes.md": "mine\n"}, branch="ai/issue-1")

    run.publish()
    run.end()

    assert town.verdicts(issue)[-1].startswith("Blocked (branch-changed): ")
    assert head(town, pull) == theirs
    kept = next(ref for ref in town.hub.repos.refs(town.repo, "refs/heads/ai/kept-")).removeprefix("refs/heads/")
    assert f"kept on a branch of its own, `{kept}`" in town.verdict_bodies(issue)[-1]
    assert town.read(kept, "hello.py") == "print('HELLO')\n"


def test_a_pull_request_that_was_closed_gets_a_new_branch(opens: Opens) -> None:
    """Closed without a merge: ai-done goes, and the next run starts afresh on ai/issue-1-2."""
    town = opens(SECOND, FIRST)
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    old = head(town, pull)
    town.hub.issues.close(pull, town.rita)
    town.start().all_jobs()
    free = town.status(issue), town.labels(issue)
    town.comment(issue, "/ai run")

    town.settle()

    assert "was closed without a merge" in free[0]
    assert free[1] == set()
    assert [p.pull.head for p in town.pulls() if p.pull] == ["ai/issue-1", "ai/issue-1-2"]
    assert town.branch("ai/issue-1") == old
    assert town.verdicts(issue)[-1].startswith("Done: draft PR #3")


def test_a_base_that_moved_on_does_no_harm(opens: Opens) -> None:
    """main got a commit during the run: the work is published on top of where it started, main is untouched."""
    town = opens(FIRST)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()
    run.work()
    newer = town.push({"other.txt": "other\n"})

    run.publish()
    run.end()

    assert town.verdict(issue).startswith("Done")
    assert town.branch("main") == newer
    assert town.read("ai/issue-1", "other.txt") is None
    [pull] = town.pulls()
    assert town.hub.pulls.mergeable(pull)


def test_work_that_was_kept_is_continued(opens: Opens) -> None:
    """A run whose checks failed leaves a branch; the retry begins there and its pull request has both commits."""
    mend = Scene("mend it", bash("rm broken"), done("Mended."))
    town = opens(mend, Scene("", write("hello.py", "1\n") + write("broken", "no\n"), done("Ok.")))
    issue = town.asked()
    town.settle()
    kept = town.branch("ai/issue-1")
    town.comment(issue, "/ai retry mend it")

    town.settle()

    assert [line.split(":")[0] for line in town.verdicts(issue)] == ["Blocked (tests-failed)", "Done"]
    assert town.hub.repos.is_ancestor(town.repo, kept, town.branch("ai/issue-1"))
    assert town.read("ai/issue-1", "hello.py") == "1\n"
    assert town.read("ai/issue-1", "broken") is None


def test_another_base_is_closed_by_the_bot(opens: Opens) -> None:
    """`pull_request.base` names another branch, on which `Closes #1` does nothing: the merge closes the issue."""
    town = opens(FIRST, config=CONFIG + "pull_request: {base: next, assign: none}\n")
    base = town.push({"next.txt": "next\n"}, branch="next")
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    assert pull.pull is not None
    assert (pull.pull.base, pull.pull.base_oid, pull.assignees) == ("next", base, [])
    town.merge(pull)
    assert issue.open

    town.start().all_jobs()

    assert not issue.open
    assert town.labels(issue) == set()


def test_what_waits_for_a_merge_into_another_base_starts_with_it(opens: Opens) -> None:
    """The bot's closing of #1 triggers no workflow: the very look that closes it starts #2."""
    town = opens(FIRST, config=CONFIG + "pull_request: {base: next}\n")
    town.push({"next.txt": "next\n"}, branch="next")
    first, second = town.asked("[SHOP-1.1] First"), town.asked("[SHOP-1.2] Second")
    town.settle()
    town.merge(town.pulls()[0])

    town.start().all_jobs()

    assert not first.open
    assert len(town.verdicts(second)) == 1


def test_a_base_that_does_not_exist(opens: Opens) -> None:
    """The configured base branch is not there: the request ends with a reason, nobody is left waiting."""
    town = opens(FIRST, config=CONFIG + "pull_request: {base: nowhere}\n")
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Blocked (config-invalid): ")
    assert "there is no branch `nowhere` here" in town.verdict(issue)
