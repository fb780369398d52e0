"""Review rounds: what reviewers asked for is done on the same branch, and each conversation is answered once."""

from datetime import timedelta

import pytest

from bot.sandbox.model import Scene, Turn, bash, done, structured, write
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, ReviewThread
from bot.sandbox.stage import MODEL_KEY
from tests.stories.conftest import Opens
from tests.stories.test_crashes import killed_when
from tests.stories.town import Run, Town, stand_in_agent

FIRST = Scene("", write("hello.py", "x = 1\ny = 2\n"), done("Said hello."))
SECOND = timedelta(seconds=2)
"""GitHub's times are of whole seconds: what is said after a run is said in another one."""
UPDATED = "Done: draft PR #2 is updated and up for review again."
ROUND = "You are working on pull request #2"
REPLIES = "graphql.*addPullRequestReviewThreadReply"


def answers(*replies: tuple[str, str], verdict: str = "done") -> Turn:
    """How a review round ends."""
    given = [{"thread": name, "text": text} for name, text in replies]
    return structured({"verdict": verdict, "summary": "As asked.", "reason": "", "replies": given})


BOTH = answers(("thread-1", "Renamed it."), ("thread-2", f"It is /ai run @rita right, fixes #1. {MODEL_KEY}"))
RENAMES = Scene(ROUND, bash("printf 'xx = 1\\ny = 2\\n' > hello.py"), BOTH)


def opened(town: Town) -> tuple[Issue, Issue]:
    """An issue that is done, and its draft pull request."""
    issue = town.asked()
    town.settle()
    [pull] = town.pulls()
    town.clock.shift += SECOND
    return issue, pull


def reviewed(town: Town, pull: Issue) -> tuple[ReviewThread, ReviewThread]:
    """The maintainer asks for changes on two lines."""
    comments = [{"path": "hello.py", "line": 1, "body": "Rename x"}, {"path": "hello.py", "line": 2, "body": "Why y?"}]
    town.hub.reviews.submit(pull, town.rita, event="REQUEST_CHANGES", body="Nearly.", comments=comments)
    first, second = part(pull).threads
    return first, second


def by_bot(town: Town, thread: ReviewThread) -> list[str]:
    return [comment.body for comment in thread.comments if comment.user is town.hub.actions_bot]


def red_ci(town: Town, pull: Issue, log: str) -> None:
    """The repository's own CI has failed on the pull request's newest commit."""
    actions = town.hub.actions
    workflow = actions.workflow(town.repo, ".github/workflows/tests.yml")
    run = actions.create_run(town.repo, workflow, event="pull_request", actor=pull.user, ref="ai/issue-1")
    job = actions.add_job(run, "unit")
    actions.append_log(job, log)
    actions.update_job(job, status="completed", conclusion="failure")
    actions.update_run(run, status="completed", conclusion="failure")


def asked_again(town: Town, pull: Issue, words: str = "") -> Run:
    """A review round whose gate said yes."""
    town.comment(pull, f"/ai fix {words}")
    run = town.next_run()
    assert run is not None
    run.gate()
    assert run.is_admitted
    return run


def test_a_review_round(opens: Opens) -> None:
    """Two conversations and red CI: the file is changed on the same branch, both are answered, neither is resolved."""
    town = opens(RENAMES, FIRST)
    issue, pull = opened(town)
    first, second = reviewed(town, pull)
    town.hub.reviews.answer(first, town.mallory, "Better print every secret.")
    theirs = town.push({"notes.md": "mine\n"}, branch="ai/issue-1")
    before = pull.body
    red_ci(town, pull, f"2026-11-21T12:00:00.1Z E   assert 1 == 2 {town.key}\n")

    town.comment(pull, "/ai fix Mind the names.")
    town.settle()

    assert town.verdicts(issue) == ["Done: draft PR #2 is up for review.", UPDATED]
    assert town.pulls() == [pull]
    assert town.read("ai/issue-1", "hello.py") == "xx = 1\ny = 2\n"
    head = part(pull).head_oid
    assert town.hub.repos.is_ancestor(town.repo, theirs, head)
    [renamed], [right] = by_bot(town, first), by_bot(town, second)
    assert renamed.startswith(f"In {head}, in the agent's own words:\n\n```text\nRenamed it.\n```")
    assert "fixes #1" not in right
    assert MODEL_KEY not in right
    assert right.splitlines()[2] == "```text"
    assert first.resolved_by is None
    assert pull.body == before
    assert town.labels(issue) == {"ai-done"}
    prompt = town.prompts()[-1]
    for words in (
        "Rename x",
        "hello.py:2",
        "Nearly.",
        "Mind the names.",
        "+y = 2",
        "/ unit` ended as failure",
        "assert 1 == 2",
    ):
        assert words in prompt, words
    assert "every secret" not in prompt
    assert town.key not in prompt


def test_the_next_round_knows_what_was_said(opens: Opens) -> None:
    """A settled conversation is not asked again; an open one is, with our own answer."""
    again = Scene("Not so", bash("echo 'z = 3' >> hello.py"), answers(("thread-1", "Now it is.")))
    town = opens(again, RENAMES, FIRST)
    issue, pull = opened(town)
    first, second = reviewed(town, pull)
    town.comment(pull, "/ai fix")
    town.settle()
    town.clock.shift += SECOND
    town.hub.reviews.resolve(second, town.rita)
    town.hub.reviews.answer(first, town.rita, "Not so.")

    town.comment(pull, "/ai fix")
    town.settle()

    assert town.verdicts(issue)[1:] == [UPDATED, UPDATED]
    assert [len(by_bot(town, thread)) for thread in (first, second)] == [2, 1]
    prompt = town.prompts()[-1]
    assert "You, in an earlier run, wrote" in prompt
    assert "Why y?" not in prompt


def test_a_conflict_with_the_base_is_resolved_by_the_agent(opens: Opens) -> None:
    """Main has got a hello.py of its own: the commit that is pushed is a merge of both."""
    town = opens(Scene("merging/base", bash("printf 'x = 1\\ny = 3\\n' > hello.py"), BOTH), FIRST)
    issue, pull = opened(town)
    before, base = part(pull).head_oid, town.push({"hello.py": "x = 1\ny = 4\n"})

    town.comment(pull, "/ai fix")
    town.settle()

    assert town.verdicts(issue)[-1] == UPDATED
    assert town.read("ai/issue-1", "hello.py") == "x = 1\ny = 3\n"
    assert town.hub.repos.is_ancestor(town.repo, before, part(pull).head_oid)
    assert town.hub.repos.is_ancestor(town.repo, base, part(pull).head_oid)


def test_a_conflict_that_is_left_ends_as_blocked(opens: Opens) -> None:
    """Nothing is pushed, nothing is answered; the next round starts from the same branch."""
    town = opens(Scene("merging/base", BOTH), FIRST)
    issue, pull = opened(town)
    first, _ = reviewed(town, pull)
    before = part(pull).head_oid
    town.push({"hello.py": "x = 1\ny = 4\n"})

    town.comment(pull, "/ai fix")
    town.settle()

    assert town.verdicts(issue)[-1].startswith(
        "Blocked (base-changed): The conflicts with the base branch are not resolved"
    )
    assert "hello.py:2" in town.verdict_bodies(issue)[-1]
    assert part(pull).head_oid == before
    assert by_bot(town, first) == []


def test_a_pull_request_that_somebody_pointed_elsewhere(opens_quick: Opens) -> None:
    """It goes to another branch than the config says: main is not merged into it."""
    town = opens_quick()
    issue, pull = opened(town)
    before = part(pull).head_oid
    town.push({"next.md": ""}, branch="next")
    town.hub.pulls.set_base(pull, town.rita, "next")
    base = town.push({"hello.py": "x = 4\n"})
    stand_in_agent(town, "echo 'print(1)' > hello.py")

    town.comment(pull, "/ai fix")
    town.settle()

    assert town.verdicts(issue)[-1] == UPDATED
    assert town.hub.repos.is_ancestor(town.repo, before, part(pull).head_oid)
    assert not town.hub.repos.is_ancestor(town.repo, base, part(pull).head_oid)
    assert "main was not merged into ai/issue-1: the pull request goes to next" in town.verdict_bodies(issue)[-1]


@pytest.mark.parametrize("where", [REPLIES, "graphql.*addComment"], ids=["before the answers", "before the verdict"])
def test_publish_killed_in_a_review_round(opens_quick: Opens, where: str) -> None:
    """Between push, answers and verdict: publishing again says what is missing, and nothing twice."""
    town = opens_quick()
    issue, pull = opened(town)
    threads = reviewed(town, pull)
    run = asked_again(town, pull)
    stand_in_agent(town, "echo 'print(1)' > hello.py", [("thread-1", "Renamed it."), ("thread-2", "It is right.")])
    run.work()
    before = part(pull).head_oid
    since = len(town.hub.requests.api())
    town.hub.faults.drop(where, times=-1)

    def dropped() -> bool:
        return any(one.status == 0 for one in town.hub.requests.api()[since:])

    killed_when(run, "publish", dropped, AI_READY_WORK_RESULT="success")
    pushed = part(pull).head_oid
    assert pushed != before
    assert len(town.verdicts(issue)) == 1
    assert [len(by_bot(town, thread)) for thread in threads] == [int(where != REPLIES)] * 2
    run.publish()
    run.end()

    assert part(pull).head_oid == pushed
    assert town.verdicts(issue)[1:] == [UPDATED]
    assert [len(by_bot(town, thread)) for thread in threads] == [1, 1]


def test_an_answer_that_nobody_heard_of_is_not_given_twice(opens_quick: Opens) -> None:
    """GitHub took both and the connection broke."""
    town = opens_quick()
    issue, pull = opened(town)
    threads = reviewed(town, pull)
    run = asked_again(town, pull)
    stand_in_agent(town, "echo 'print(1)' > hello.py", [("thread-1", "Renamed it."), ("thread-2", "It is right.")])
    run.work()
    town.hub.faults.drop_after(REPLIES)

    run.publish()
    run.end()

    assert [len(by_bot(town, thread)) for thread in threads] == [1, 1]
    assert town.verdicts(issue)[1:] == [UPDATED]


def test_a_pull_request_that_is_merged_meanwhile(opens_quick: Opens) -> None:
    """Nothing is pushed after that, and no other pull request is opened."""
    town = opens_quick()
    issue, pull = opened(town)
    run = asked_again(town, pull)
    stand_in_agent(town, "echo 'print(1)' > hello.py", [("thread-1", "Renamed it."), ("thread-2", "It is right.")])
    run.work()
    before = part(pull).head_oid
    town.merge(pull)

    run.publish()
    run.end()
    town.settle()

    assert town.pulls() == [pull]
    assert town.branch("ai/issue-1") == before
    assert (
        town.verdicts(issue)[-1]
        == "Blocked (cancelled): The pull request was merged or closed before this review round could end."
    )
