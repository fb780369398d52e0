"""What is said of a pull request, and its red CI, read from the served sandbox with a job's own permissions."""

from collections.abc import Iterable

import pytest

from bot.core.effects import ReplyInThread
from bot.core.rounds import FailedJob
from bot.errors import GitHubError
from bot.github import conversation
from bot.github.conversation import read_conversation
from bot.github.exchange import Answer
from bot.github.failed_jobs import read_failed_jobs
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Review
from bot.sandbox.runs import WorkflowRun
from tests.github.stage import PUBLISH, WORK, Stage, told


@pytest.fixture
def pull(stage: Stage) -> Issue:
    """A pull request of bob's with one new file."""
    hub, shop, bob = stage.world.hub, stage.world.shop, stage.world.by("bob")
    hub.repos.commit_files(shop, "ai/issue-1", {"new.txt": "one\ntwo\nthree\n"}, bob)
    return hub.pulls.create(shop, bob, title="New", head="ai/issue-1", base="main", body="", draft=True)


def review(
    stage: Stage,
    pull: Issue,
    who: str,
    body: str,
    comments: Iterable[tuple[int, str]] = (),
    event: str = "REQUEST_CHANGES",
) -> Review:
    threads = [{"path": "new.txt", "line": line, "body": text} for line, text in comments]
    return stage.world.hub.reviews.submit(pull, stage.world.by(who), event=event, body=body, comments=threads)


def ci(stage: Stage, pull: Issue, log: str, *, name: str = "CI", conclusion: str = "failure") -> WorkflowRun:
    actions = stage.world.hub.actions
    workflow = actions.workflow(pull.repo, f".github/workflows/{name.lower()}.yml")
    run = actions.create_run(pull.repo, workflow, event="pull_request", actor=pull.user, ref="ai/issue-1", title="New")
    job = actions.add_job(run, "test")
    actions.append_log(job, log)
    actions.update_job(job, status="completed", conclusion=conclusion)
    actions.update_run(run, status="completed", conclusion=conclusion)
    return run


def test_conversations_with_their_code(stage: Stage, pull: Issue) -> None:
    """Unresolved ones, oldest first, with line, hunk and everything that was said; a job that may only read sees it."""
    review(stage, pull, "ada", "Nearly.", [(1, "Why one?"), (2, "Two is wrong"), (3, "settled")])
    threads = part(pull).threads
    stage.world.hub.reviews.answer(threads[1], stage.world.by("bob"), "Is it?")
    stage.world.hub.reviews.resolve(threads[2], stage.world.by("ada"))

    found = stage.client(WORK).conversation(pull.number)

    assert [(each.id, each.path, each.line) for each in found.threads] == [
        (threads[0].node_id, "new.txt", 1),
        (threads[1].node_id, "new.txt", 2),
    ]
    assert found.threads[1].hunk.splitlines()[1:] == ["+one", "+two"]
    assert [(each.author.login, each.body) for each in found.threads[1].remarks] == [
        ("ada", "Two is wrong"),
        ("bob", "Is it?"),
    ]
    assert [(each.author.login, each.body) for each in found.reviews] == [("ada", "Nearly.")]


def test_only_the_last_review_of_a_person_counts(stage: Stage, pull: Issue) -> None:
    """Approved since, or dismissed: nothing is asked any more."""
    stage.world.hub.repos.set_collaborator(stage.world.shop, "rob", "write")
    for who, event in (("ada", "REQUEST_CHANGES"), ("rob", "REQUEST_CHANGES"), ("ada", "APPROVE")):
        review(stage, pull, who, f"{who} says {event}", event=event)
    assert [each.body for each in stage.client().conversation(pull.number).reviews] == ["rob says REQUEST_CHANGES"]

    last = review(stage, pull, "rob", "again")
    stage.world.hub.reviews.dismiss(pull, last.id, stage.world.by("ada"), "settled")
    assert stage.client().conversation(pull.number).reviews == ()


def test_a_line_that_is_gone_is_named_where_it_was(stage: Stage, pull: Issue) -> None:
    review(stage, pull, "ada", "", [(2, "Two is wrong")])
    stage.world.hub.repos.commit_files(
        stage.world.shop, "ai/issue-1", {"new.txt": "one\n2\nthree\n"}, stage.world.by("bob")
    )

    [thread] = stage.client().conversation(pull.number).threads

    assert thread.line == 2
    assert part(pull).threads[0].line == 0


def test_pages_are_read_to_the_first(stage: Stage, pull: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    """More conversations than a page holds, and more said in one than is read: its beginning is there."""
    monkeypatch.setattr(conversation, "THREADS_PAGE", 2)
    monkeypatch.setattr(conversation, "REMARKS_PAGE", 2)
    review(stage, pull, "ada", "", [(1, f"number {number}") for number in range(5)])
    for word in ("a", "b", "c"):
        stage.world.hub.reviews.answer(part(pull).threads[0], stage.world.by("bob"), word)

    found = stage.client().conversation(pull.number).threads

    assert [each.remarks[0].body for each in found] == [f"number {number}" for number in range(5)]
    assert [each.body for each in found[0].remarks] == ["number 0", "b", "c"]


def test_a_pull_request_that_is_not_there(stage: Stage) -> None:
    with pytest.raises(GitHubError, match="could not read the reviews of #99"):
        stage.client().conversation(99)


def test_an_answer_without_a_pull_request() -> None:
    with pytest.raises(GitHubError):
        told(read_conversation("acme/shop", 3), [Answer(200, {"data": {"repository": None}})])


def test_answering(stage: Stage, pull: Issue) -> None:
    """publish's own permissions are enough; a conversation that is gone is a no for good."""
    review(stage, pull, "ada", "", [(1, "Why one?")])
    [thread] = part(pull).threads
    client = stage.client(PUBLISH)
    effects = (ReplyInThread(thread.node_id, "Because."), ReplyInThread("PRRT_none", "Nobody hears."))

    said, lost = client.apply(effects, client.snapshot(now=stage.now))

    assert said.ok
    assert [each.body for each in thread.comments] == ["Why one?", "Because."]
    assert (lost.ok, lost.unsure) == (False, False)
    [refused] = stage.client(WORK).apply(effects[:1], client.snapshot(now=stage.now))
    assert not refused.ok


# ------------------------------------------------------------------------------------------------- CI


def test_red_ci_with_the_end_of_its_log(stage: Stage, pull: Issue) -> None:
    """What failed on this commit, without the times before each line; what a job may only read is enough."""
    lines = "".join(f"2026-11-21T12:00:00.1234567Z line {number}\n" for number in range(200))
    ci(stage, pull, lines)
    ci(stage, pull, "fine", name="lint", conclusion="success")

    [job] = stage.client(WORK).failed_jobs(part(pull).head_oid)

    assert job == FailedJob(
        ".github/workflows/ci.yml", "test", "failure", (), "\n".join(f"line {number}" for number in range(120, 200))
    )


def test_the_newest_run_of_a_workflow_counts(stage: Stage, pull: Issue) -> None:
    ci(stage, pull, "red")
    ci(stage, pull, "green", conclusion="success")

    assert stage.client().failed_jobs(part(pull).head_oid) == ()


@pytest.mark.parametrize("head", [{"id": 2}, None], ids=["another repository", "gone"])
def test_what_ci_says_of_a_fork_at_our_commit_is_not_shown(head: dict[str, int] | None) -> None:
    """Anybody can open such a pull request, and its title or its branch's name may be in the log."""
    run = {"id": 9, "path": ".github/workflows/title.yml", "conclusion": "failure", "repository": {"id": 1}}
    story = read_failed_jobs("acme/shop", "f" * 40, workflow="ai-ready.yml")
    next(story)

    with pytest.raises(StopIteration) as end:
        story.send(Answer(200, {"workflow_runs": [{**run, "head_repository": head}]}))

    assert end.value.value == ()


def test_our_own_workflow_is_no_ci(stage: Stage, pull: Issue) -> None:
    ci(stage, pull, "red", name="ai")

    assert stage.client().failed_jobs(part(pull).head_oid) == ()


def test_ci_that_can_not_be_read(stage: Stage, pull: Issue) -> None:
    """Without its log the job is named all the same; without the list there is nothing to name."""
    ci(stage, pull, "red")
    stage.world.hub.faults.fail("/logs", 404, times=-1)
    assert [job.log for job in stage.client().failed_jobs(part(pull).head_oid)] == [""]

    stage.world.hub.faults.fail("/actions/runs", 403, times=-1)
    assert stage.client().failed_jobs(part(pull).head_oid) == ()
