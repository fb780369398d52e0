"""The stand-in for Actions in server mode: what it leaves on GitHub, and what it writes down of each dispatch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.model import Issue as Facts
from bot.core.requests import content_sha
from bot.core.run import Admission
from bot.job.handover import admission_to_json
from bot.sandbox.actions import instant
from bot.sandbox.actions.instant import End, Instant, open_prerequisites
from bot.sandbox.records import Issue
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.server import serve
from bot.sandbox.state import Hub

CALLER = (Path(__file__).parents[2] / "examples" / "server-mode.yml").read_text()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "hub")
    made.create_user("ada")
    made.create_repo("acme/shop", "ada", files={".github/workflows/ai-ready.yml": CALLER})
    with serve(made):
        yield made
    assert made.requests.unknown == []


def asked(hub: Hub, title: str = "Greet", body: str = "Say hello.") -> Issue:
    issue = hub.issues.create(hub.repo("acme/shop"), hub.person("ada"), title=title, body=body)
    hub.issues.add_labels(issue, ["ai-ready", "ai-queued"], hub.person("ada"))
    return issue


def dispatch(hub: Hub, issue: Issue, key: str = "") -> WorkflowRun:
    """As the server does it."""
    repo, app = issue.repo, hub.person("ada")
    oid, key = hub.repos.branch_oid(repo, "main"), key or next_key(issue)
    admission = Admission(
        issue.number, repo.full_name, key, issue.title, f"ai/issue-{issue.number}", "main", oid, oid,
        app.user.id, "ada", "sonnet", 1.0, 5,
        content_sha(Facts(issue.number, issue.title, issue.body)),
    )  # fmt: skip
    inputs = {"issue": str(issue.number), "run_key": key, "admission": admission_to_json(admission)}
    workflow = hub.actions.find_workflow(repo, "ai-ready.yml")
    return hub.actions.dispatch(repo, workflow, app, ref="main", inputs=inputs)


def next_key(issue: Issue) -> str:
    """The run key of the label's request."""
    [labelled] = [e for e in issue.timeline if e.event == "labeled" and e.detail["label"].name == "ai-ready"]
    return f"{issue.number}-L{int(labelled.created_at.timestamp())}-1"


def verdicts(issue: Issue) -> list[str]:
    return [comment.body.splitlines()[0] for comment in issue.comments if "ai-ready:verdict" in comment.body]


def labels(issue: Issue) -> set[str]:
    return {label.name for label in issue.labels}


def test_a_run_that_is_done_leaves_a_draft_pull_request_and_a_verdict(hub: Hub) -> None:
    issue, events = asked(hub), []
    hub.subscribe(lambda event: events.append((event.name, event.action)))
    with Instant(hub) as actions:
        run = dispatch(hub, issue)
        actions.wait_idle()

    pull = hub.pulls.open_for(issue.repo, f"ai/issue-{issue.number}")
    assert pull is not None
    assert pull.pull is not None
    assert (run.status, run.conclusion, pull.pull.draft) == ("completed", "success", True)
    assert pull.user is hub.actions_bot
    [verdict] = verdicts(issue)
    assert verdict.startswith(f"Done: draft PR #{pull.number}")
    assert labels(issue) == {"ai-done"}
    assert [action for name, action in events if name == "workflow_run"] == ["requested", "in_progress", "completed"]
    assert all(token.revoked for token in actions.tokens)


@pytest.mark.parametrize(
    ("end", "status", "conclusion", "words"),
    [
        (instant.BLOCKED, "completed", "success", "Blocked (runner-lost)"),
        (instant.CANCELLED, "completed", "cancelled", "Blocked (cancelled)"),
        (instant.FORCED, "completed", "cancelled", ""),
        (instant.SILENT, "completed", "success", ""),
        (instant.LOST, "completed", "failure", ""),
        (instant.TIMED_OUT, "completed", "timed_out", ""),
        (instant.STARTUP_FAILURE, "completed", "startup_failure", ""),
        (instant.STUCK, "queued", "", ""),
        (instant.HUNG, "in_progress", "", ""),
    ],
    ids=lambda value: "" if isinstance(value, End) else str(value),
)
def test_a_run_ends_as_told(hub: Hub, end: End, status: str, conclusion: str, words: str) -> None:
    issue = asked(hub)
    with Instant(hub, ends=lambda _run: end) as actions:
        run = dispatch(hub, issue)
        actions.wait_idle()

    assert (run.status, run.conclusion) == (status, conclusion)
    assert [verdict[: len(words)] for verdict in verdicts(issue)] == ([words] if words else [])
    assert hub.pulls.listing(issue.repo) == []


def test_a_careful_run_ends_where_what_admitted_it_no_longer_holds(hub: Hub) -> None:
    """Nothing was done, and it says why; `work` had its own token for the look."""
    issue = asked(hub)
    with Instant(hub, ends=lambda _run: instant.CAREFUL) as actions:
        actions.hold("queued")
        run = dispatch(hub, issue)
        hub.issues.edit(issue, hub.person("ada"), body="Something else.")
        actions.hold("")
        actions.wait_idle()

    assert [token.job for token in actions.tokens] == ["work", "publish"]
    assert [line.split(":")[0] for line in verdicts(issue)] == ["Blocked (edited-after-approval)"]
    assert (run.conclusion, hub.pulls.listing(issue.repo)) == ("success", [])


def test_a_run_can_be_deleted(hub: Hub) -> None:
    with Instant(hub, ends=lambda _run: instant.DELETED) as actions:
        dispatch(hub, asked(hub))
        actions.wait_idle()

    assert hub.actions.runs == {}


@pytest.mark.parametrize("stage", instant.STAGES)
def test_runs_can_be_held_and_let_go(hub: Hub, stage: instant.Held) -> None:
    with Instant(hub) as actions:
        actions.hold(stage)
        run = dispatch(hub, asked(hub))
        with pytest.raises(TimeoutError):
            actions.wait_idle(0.2)
        assert run.status == stage
        actions.hold("")
        actions.wait_idle()

    assert run.conclusion == "success"


@pytest.mark.parametrize("end", [instant.STUCK, instant.HUNG, instant.DONE], ids=["stuck", "hung", "held"])
def test_a_cancelled_run_still_says_so(hub: Hub, end: End) -> None:
    issue = asked(hub)
    with Instant(hub, ends=lambda _run: end) as actions:
        actions.hold("" if end.stays else "queued")
        run = dispatch(hub, issue)
        if end.stays:
            actions.wait_idle()
        hub.actions.cancel(run)
        actions.wait_idle()

    assert run.conclusion == "cancelled"
    assert len(verdicts(issue)) == 1
    assert verdicts(issue)[0].startswith("Blocked (cancelled)")


def test_a_github_that_refuses_the_publisher_leaves_a_failed_run(hub: Hub) -> None:
    issue = asked(hub)
    with Instant(hub) as actions:
        hub.faults.fail("/graphql", 403, times=-1)
        run = dispatch(hub, issue)
        actions.wait_idle()
    hub.faults.clear()

    assert (run.conclusion, verdicts(issue)) == ("failure", [])


def test_each_dispatch_is_written_down_with_what_was_true(hub: Hub) -> None:
    first, second = asked(hub, "[A-1.1] First"), asked(hub, "[A-1.2] Second")
    with Instant(hub) as actions:
        actions.hold("queued")
        dispatch(hub, first)
        early = dispatch(hub, second)
        dispatch(hub, second, f"{second.number}-L2-1")
        actions.hold("")
        actions.wait_idle()

    found = [(each.issue, each.open_prerequisites, each.other_runs) for each in actions.dispatches]
    assert found == [(1, (), ()), (2, (1,), ()), (2, (1,), (early.id,))]
    assert actions.dispatches[0].run_key == next_key(first)


def test_prerequisites_are_found_without_the_planner(hub: Hub) -> None:
    ada, repo = hub.person("ada"), hub.repo("acme/shop")
    before, other = asked(hub, "[A-1.1] One"), asked(hub, "[B-1.1] Another series")
    named, linked, child = asked(hub, "named"), asked(hub, "linked"), asked(hub, "child")
    issue = hub.issues.create(repo, ada, title="[A-2.1] Last", body=f"Depends on #{named.number}, #99")
    hub.links.block(issue, linked, ada)
    hub.links.add_child(issue, child, ada)

    assert open_prerequisites(issue) == (before.number, named.number, linked.number, child.number)
    for each in (before, named, linked, child):
        hub.issues.close(each, ada)
    assert open_prerequisites(issue) == ()
    assert other.open
