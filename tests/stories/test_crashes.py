"""Stories in which something dies or an answer gets lost: afterwards there is one pull request and one verdict."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from bot.errors import GitHubError
from bot.sandbox.model import Turn, done, write
from bot.sandbox.records import Event, Issue
from tests.stories.conftest import Opens
from tests.stories.town import Run, Town, kill, wait_until

WORK = (write("hello.py", "print('hello')\n"), done("Ok."))
MUTATION = r"graphql.*addComment"


def worked(town: Town) -> Run:
    """A run whose work is done and not yet published."""
    run = admitted(town)
    assert run.work().verdict == "done"
    return run


def admitted(town: Town) -> Run:
    """A run whose gate said yes."""
    run = town.next_run()
    assert run is not None
    run.gate()
    assert run.is_admitted
    return run


def refused(town: Town, word: str) -> Callable[[], bool]:
    """Whether a request to an address with this word was dropped."""
    return lambda: any(one.status == 0 and word in one.path for one in town.hub.requests.api())


def killed_when(run: Run, job: str, condition: Callable[[], bool], **inputs: str) -> None:
    """Start a job as a process and SIGKILL it as soon as `condition` holds; then GitHub works again."""
    with run.killed(job, **inputs) as environ:
        process = run.process(job, environ)
        try:
            wait_until(lambda: condition() or process.poll() is not None, f"{job} gets there")
        finally:
            kill(process)
    run.town.hub.faults.clear()


def assert_done_once(town: Town, issue: Issue) -> None:
    """One Done, one pull request, nothing left over."""
    assert town.verdict(issue) == "Done: draft PR #2 is up for review."
    assert len(town.pulls()) == 1
    assert town.labels(issue) == {"ai-done"}


# --------------------------------------------------------------------------------- killed publishers


def test_publish_killed_between_push_and_pull_request(opens_quick: Opens) -> None:
    """The branch is there, the pull request is not: publishing again finds its own commit and goes on."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.drop("POST .*/pulls$", times=-1)

    killed_when(run, "publish", refused(town, "/pulls"), AI_READY_WORK_RESULT="success")
    pushed = town.branch("ai/issue-1")
    assert pushed
    assert town.pulls() == []
    run.publish()
    run.end()

    assert_done_once(town, issue)
    assert town.branch("ai/issue-1") == pushed


def test_publish_killed_between_pull_request_and_verdict(opens_quick: Opens) -> None:
    """The pull request is there, nothing was said: publishing again opens no second one."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.drop(MUTATION, times=-1)

    killed_when(run, "publish", refused(town, "graphql"), AI_READY_WORK_RESULT="success")
    assert len(town.pulls()) == 1
    assert town.verdicts(issue) == []
    run.publish()
    run.end()

    assert_done_once(town, issue)


@pytest.mark.parametrize("mended_by", ["publish", "gate"])
def test_publish_killed_between_verdict_and_labels(opens_quick: Opens, mended_by: str) -> None:
    """The verdict was said, labels and claim are as before: publishing again, or any later gate, finishes it."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    said = threading.Event()

    def on_verdict(event: Event) -> None:
        if event.name == "issue_comment" and "ai-ready:verdict" in event.payload["comment"]["body"]:
            town.tokens[-1].permissions.clear()  # nothing after it is done any more
            said.set()

    town.hub.subscribe(on_verdict)
    killed_when(run, "publish", said.is_set, AI_READY_WORK_RESULT="success")
    assert town.labels(issue) == {"ai-ready", "ai-running"}
    assert town.branch("ai/claim-1")
    if mended_by == "publish":
        run.publish()
        run.end()
    else:
        run.end("failure")
        town.start().all_jobs()

    assert_done_once(town, issue)


def test_publishing_twice_changes_nothing(opens_quick: Opens) -> None:
    """Somebody presses Re-run on a publish job that had succeeded."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    run.publish()
    before = len(town.events)

    run.publish()
    run.end()

    assert {event.name for event in town.events[before:]} == {"workflow_run", "check_suite"}  # the end of the run
    assert_done_once(town, issue)


# ----------------------------------------------------------------------------- killed gates and works


def test_a_gate_killed_after_its_claim(opens_quick: Opens) -> None:
    """Its run is over and said nothing: the next gate says so, releases the claim and tries again."""
    town = opens_quick()
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    town.hub.faults.drop("graphql.*mutation", times=-1)
    killed_when(run, "gate", lambda: bool(town.branch("ai/claim-1")) and refused(town, "graphql")())
    run.end("failure")

    town.start().all_jobs()

    assert [line.split(":")[0] for line in town.verdicts(issue)] == ["Blocked (runner-lost)", "Done"]
    assert town.labels(issue) == {"ai-done"}


def test_a_gate_killed_before_its_run_is_over(opens: Opens) -> None:
    """While GitHub says that the holder runs, nobody else takes the issue."""
    town = opens(*WORK)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    town.hub.faults.drop("graphql.*mutation", times=-1)
    killed_when(run, "gate", lambda: bool(town.branch("ai/claim-1")) and refused(town, "graphql")())

    other = town.start()
    other.gate()
    other.end()

    assert not other.is_admitted
    assert town.model.requests == []
    run.end("cancelled")
    town.start().all_jobs()
    assert town.verdict(issue).startswith("Blocked (cancelled): the run that began at")


def test_a_killed_work_is_tried_again_once(opens: Opens) -> None:
    """The runner of `work` vanishes twice: two verdicts (runner-lost), then it waits for a person."""
    town = opens(Turn(delay=60))
    issue = town.asked()

    for _ in range(2):
        run = admitted(town)
        asked = len(town.prompts())
        killed_when(run, "work", partial(lambda before: len(town.prompts()) > before, asked))
        run.publish("failure")
        run.end("failure")
    town.settle()

    assert town.verdicts(issue) == ["Blocked (runner-lost): The job that did the work ended without saying how."] * 2
    assert town.labels(issue) == {"ai-blocked"}


def test_a_work_job_that_was_cancelled_before_it_began(opens: Opens) -> None:
    """Skipped or cancelled without a result: Blocked (cancelled), and nobody tries again by himself."""
    town = opens(*WORK)
    issue = town.asked()
    run = admitted(town)

    run.publish("cancelled")
    run.end("cancelled")
    town.start().all_jobs()

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."
    assert town.model.requests == []


def test_what_was_handed_over_is_not_what_was_written(opens_quick: Opens) -> None:
    """Somebody changed the artifact between the jobs: nothing of it is published."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    with (run.out / "work.bundle").open("ab") as file:
        file.write(b"more")

    run.publish()
    run.end()

    assert town.verdict(issue).startswith("Blocked (internal-error): What the work job handed over can't be used")
    assert town.branch("ai/issue-1") == ""


def test_a_cancelled_work_whose_result_got_lost(opens_quick: Opens) -> None:
    """It said what it wrote, and was killed before the upload: still Blocked (cancelled), not our fault."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    (run.out / "outcome.json").unlink()

    run.publish("cancelled")
    run.end("cancelled")

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."


# --------------------------------------------------------------------------------------- lost answers


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("drop_after", "POST .*/pulls$"),
        ("bad_gateway_after", "POST .*/pulls$"),
        ("drop_after", MUTATION),
        ("bad_gateway_after", MUTATION),
        ("drop_after", "POST .*git-receive-pack"),
        ("drop_after", "POST .*/graphql"),
    ],
)
def test_an_answer_that_gets_lost_while_publishing(opens_quick: Opens, how: str, what: str) -> None:
    """It was done and nobody heard: it is looked up, not done again."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    getattr(town.hub.faults, how)(what)

    run.publish()
    run.end()

    assert_done_once(town, issue)


@pytest.mark.parametrize("what", ["POST .*/git/refs", "POST .*/git/commits", MUTATION, "GET .*/permission"])
def test_an_answer_that_gets_lost_at_the_gate(opens_quick: Opens, what: str) -> None:
    """The gate looks again and goes on with its own claim; one status comment."""
    town = opens_quick()
    issue = town.asked()
    town.hub.faults.drop_after(what)

    town.settle()

    assert_done_once(town, issue)


def test_a_run_does_not_start_before_it_is_said(opens_quick: Opens) -> None:
    """The write of status and label got lost on the way: gate writes again before it admits."""
    town = opens_quick()
    issue = town.asked()
    town.hub.faults.drop("graphql.*addLabelsToLabelable")

    run = admitted(town)

    assert town.labels(issue) == {"ai-ready", "ai-running"}
    assert "**Running**" in town.status(issue)
    run.work()
    run.publish()
    run.end()


def test_an_answer_that_gets_lost_at_a_dispatch(opens_quick: Opens) -> None:
    """The second issue's run was started; it is found by its name and not started again."""
    town = opens_quick()
    first, second = town.asked("One thing"), town.asked("Another thing")
    town.hub.faults.drop_after("POST .*/dispatches")

    town.settle()

    assert len([run for run in town.hub.actions.runs.values() if run.event == "workflow_dispatch"]) == 1
    assert town.verdict(first).startswith("Done")
    assert town.verdict(second).startswith("Done")


def test_lists_that_are_late(opens_quick: Opens) -> None:
    """What we just made is not in the lists for two seconds: it is waited for, not made twice."""
    town = opens_quick()
    with town.clock.ago(60):
        issue = town.asked()
    town.hub.faults.stale(2)

    town.settle()

    assert_done_once(town, issue)


def test_a_verdict_that_nobody_heard_of_and_no_list_shows_yet_is_said_once(opens_quick: Opens) -> None:
    """Its answer gets lost, and what was posted is not in the lists for two seconds."""
    town = opens_quick()
    with town.clock.ago(60):
        issue = town.asked()
        run = worked(town)
    (run.out / "outcome.json").unlink()
    town.hub.faults.stale(2)
    town.hub.faults.drop_after("graphql.*addComment")

    run.publish("cancelled")
    run.end("cancelled")

    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."


def test_a_secondary_rate_limit_is_waited_out(opens_quick: Opens) -> None:
    """GitHub says `Retry-After: 1` to the pull request: it is sent again after that, once."""
    town = opens_quick()
    issue = town.asked()
    run = worked(town)
    town.hub.faults.secondary_rate_limit("POST .*/pulls$", retry_after=1)

    run.publish()
    run.end()

    assert_done_once(town, issue)


def test_a_gate_that_can_not_read_starts_nothing(opens_quick: Opens) -> None:
    """GitHub is down: the job fails with one sentence; the next look starts the run."""
    town = opens_quick()
    issue = town.asked()
    town.hub.faults.fail("graphql", 401)
    run = town.next_run()
    assert run is not None

    with pytest.raises(GitHubError, match="401"):
        run.gate()
    run.end("failure")
    assert town.said(issue) == []
    town.start().all_jobs()

    assert_done_once(town, issue)
