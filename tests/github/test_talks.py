"""What is read of our open pull requests: conversations, reviews and checks, each by who may see it, in one request."""

from bot.core.model import Feedback, Snapshot
from bot.core.names import RUN_TRAILER
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue
from tests.github.app_stage import AppStage
from tests.github.stage import PUBLISH, WORK, Stage

KEY = "1-L5-1"


def reviewed(stage: Stage) -> tuple[Issue, Issue]:
    """A done issue and its pull request, on which everybody has spoken."""
    hub, ada, bob = stage.world.hub, stage.world.by("ada"), stage.world.by("bob")
    issue = stage.world.issue("[AUTH-1.1] Log in")
    hub.issues.add_labels(issue, ["ai-done"], ada)
    pull = stage.world.pull("ai/issue-1")
    message = f"More\n\n{RUN_TRAILER}: {KEY}"
    hub.repos.commit_files(stage.world.shop, "ai/issue-1", {"x": "1\n"}, bob, message)
    hub.issues.add_comment(pull, ada, "/ai fix")
    hub.reviews.submit(pull, ada, event="REQUEST_CHANGES", body="No.")
    hub.reviews.submit(pull, ada, body="Hm.")
    hub.reviews.submit(pull, ada, event="APPROVE")
    for path, conclusion in (("ci", "failure"), ("ai", "failure"), ("slow", "")):
        workflow = hub.actions.workflow(stage.world.shop, f".github/workflows/{path}.yml")
        run = hub.actions.create_run(stage.world.shop, workflow, event="push", actor=pull.user, ref="ai/issue-1")
        if conclusion:
            hub.actions.update_run(run, status="completed", conclusion=conclusion)
    return issue, pull


def feedback(snapshot: Snapshot, issue: Issue) -> Feedback:
    found = snapshot.issues[issue.number].feedback
    assert found is not None
    return found


def test_the_server_reads_everything_in_the_one_request(app: AppStage) -> None:
    issue, pull = reviewed(app.stage)
    shop = app.shop()
    seen: list[Snapshot] = []

    log = app.stage.requests(lambda: seen.append(shop.snapshot(now=app.now)))

    assert [request.path for request in log if "access_tokens" not in request.path] == ["/api/graphql"]
    found = feedback(seen[0], issue)
    assert (found.pull, found.head_oid, found.head_run) == (pull.number, part(pull).head_oid, KEY)
    assert [comment.body for comment in found.comments] == ["/ai fix"]
    assert [(review.state, review.body) for review in found.reviews] == [("changes_requested", "No."), ("approved", "")]
    assert [review.id for review in found.reviews] == [part(pull).reviews[0].id, part(pull).reviews[2].id]
    assert {(suite.status, suite.conclusion, suite.caller) for suite in found.suites} == {
        ("completed", "failure", False),
        ("completed", "failure", True),
        ("queued", "", False),
    }
    assert seen[0].issues[pull.number].is_pull
    assert seen[0].issues[pull.number].comments == found.comments


def test_a_new_pull_request_costs_one_request_once(app: AppStage) -> None:
    """While none is open, nothing is asked for that GitHub would charge for; the next look knows better."""
    shop = app.shop()
    shop.snapshot(now=app.now)
    issue, _ = reviewed(app.stage)
    seen: list[Snapshot] = []

    def look() -> int:
        return len(app.stage.requests(lambda: seen.append(shop.snapshot(now=app.now))))

    assert [look(), look()] == [2, 1]
    assert feedback(seen[0], issue).reviews == feedback(seen[1], issue).reviews != ()


def test_checks_are_asked_for_where_the_config_wants_them(app: AppStage) -> None:
    issue, _ = reviewed(app.stage)
    shop = app.shop()
    shop.snapshot(now=app.now)
    assert feedback(shop.snapshot(now=app.now), issue).suites == ()

    files = {".github/ai-ready.yml": "pull_request: {fix_ci: true}\n"}
    app.stage.world.hub.repos.commit_files(app.stage.world.shop, "main", files, app.stage.world.by("ada"))
    shop.snapshot(now=app.now)

    assert feedback(shop.snapshot(now=app.now), issue).suites


def test_the_server_goes_on_without_checks_that_it_may_not_read(app: AppStage) -> None:
    issue, _ = reviewed(app.stage)
    del app.installation.permissions["checks"]

    seen = app.shop().snapshot(now=app.now)

    assert feedback(seen, issue).suites == ()
    assert not seen.truncated


def test_its_jobs_read_reviews_and_gates_of_their_own_none(stage: Stage) -> None:
    """A gate without a server starts nothing for a review, so it does not ask for any."""
    issue, _ = reviewed(stage)
    gate = feedback(stage.client().snapshot(now=stage.now), issue)
    assert ([comment.body for comment in gate.comments], gate.reviews, gate.suites) == (["/ai fix"], (), ())

    for permissions in (WORK, PUBLISH):
        client = stage.client(permissions, server_id=77)
        job = feedback(client.issue_snapshot(issue.number, now=stage.now, prerequisites=False), issue)
        assert [review.state for review in job.reviews] == ["changes_requested", "approved"]
        assert (job.suites, job.head_run) == ((), KEY)


def test_a_person_on_top_of_our_commit_is_seen(stage: Stage) -> None:
    issue, _ = reviewed(stage)
    oid = stage.world.hub.repos.commit_files(
        stage.world.shop,
        "ai/issue-1",
        {"y": "1\n"},
        stage.world.by("ada"),
        f"Mine\n\n{RUN_TRAILER}: {KEY}\n\nNot theirs.",
    )

    found = feedback(stage.client().snapshot(now=stage.now), issue)

    assert (found.head_oid, found.head_run) == (oid, "")


def test_an_issue_whose_label_somebody_took_off_is_found_by_what_is_said(stage: Stage) -> None:
    issue, _ = reviewed(stage)
    stage.world.hub.issues.remove_label(issue, "ai-done", stage.world.by("ada"))
    stage.world.clock.advance(86_400 * 2)

    assert feedback(stage.client().snapshot(now=stage.now), issue).comments


def test_every_comment_of_a_long_conversation_is_read(stage: Stage) -> None:
    issue, pull = reviewed(stage)
    for number in range(120):
        stage.world.hub.issues.add_comment(pull, stage.world.by("bob"), f"{number}")

    found = feedback(stage.client().snapshot(now=stage.now), issue)

    assert len(found.comments) == 121
    assert found.comments[0].body == "/ai fix"


def test_a_pull_request_that_has_ended_says_nothing_any_more(stage: Stage) -> None:
    issue, pull = reviewed(stage)
    stage.world.hub.issues.close(pull, stage.world.by("ada"))

    assert stage.client().snapshot(now=stage.now).issues[issue.number].feedback is None
