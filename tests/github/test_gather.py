"""Reading a repository, against the served sandbox: what a snapshot holds, and how many requests it takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.effects import MakeClaim
from bot.core.model import Actor, Permission, Ref, RunState, Snapshot, Source, Standing
from bot.errors import GitHubError
from bot.github.exchange import Answer
from bot.github.gather import read_snapshot, read_standings
from bot.github.wanted import NodeIds, Wanted
from bot.sandbox.repos import git
from tests.github.stage import PUBLISH, WORK, Stage, detail, numbers, told

CONFIG = ".github/ai-ready.yml"


def snapshot(stage: Stage, *focus: int) -> Snapshot:
    return stage.client().snapshot(focus=focus, now=stage.now)


# -------------------------------------------------------------------------------------- what is in it


def test_a_small_repository_takes_one_request(stage: Stage) -> None:
    """Default branch, config, labels, branches, claims, pull requests and every issue: one GraphQL document."""
    issue = stage.asked()
    stage.world.issue("[AUTH-1.2] Log out")
    client = stage.client()

    log = stage.requests(lambda: client.snapshot(focus=[issue.number], now=stage.now))

    assert [(request.method, request.path) for request in log] == [("POST", "/api/graphql")]


def test_the_repository_itself(stage: Stage) -> None:
    """Names, branch, newest commit, config text, our labels that exist, and who is us."""
    hub, shop = stage.world.hub, stage.world.shop
    stage.asked()
    oid = hub.repos.commit_files(shop, "main", {CONFIG: "enabled: true\n"}, stage.world.by("ada"))

    seen = snapshot(stage)

    assert (seen.repo, seen.default_branch, seen.head_oid) == (stage.repo, "main", oid)
    assert seen.config_text == "enabled: true\n"
    assert seen.labels == {"ai-ready"}
    assert seen.own_ids == {41898282}
    assert not seen.truncated


def test_no_config_is_none_and_an_empty_one_is_text(stage: Stage) -> None:
    """An empty file is a config with every default; no file is no config."""
    assert snapshot(stage).config_text is None

    stage.world.hub.repos.commit_files(stage.world.shop, "main", {CONFIG: ""}, stage.world.by("ada"))

    assert snapshot(stage).config_text == ""


def test_a_requested_issue_is_read_in_detail(stage: Stage) -> None:
    """Body, author, request events, comments with authors and our reactions; everything an approval is judged by."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    issue = stage.asked(body="text")
    hub.issues.edit(issue, ada, title="[AUTH-1.1] Log in, twice", body="other text")
    comment = hub.issues.add_comment(issue, ada, "/ai run")
    hub.issues.react(comment, hub.tokens.acting_as(hub.actions_bot), "eyes")
    hub.issues.close(issue, ada)
    hub.issues.reopen(issue, ada)

    seen = snapshot(stage).issues[issue.number]

    assert (seen.title, seen.body, seen.id, seen.node_id) == (issue.title, "other text", issue.id, issue.node_id)
    assert seen.author == Actor(hub.user("ada").id, "ada")
    assert (seen.body_edited_at, seen.renamed_at, seen.closed_at) == (stage.now, stage.now, stage.now)
    assert [event.actor.login for event in seen.label_events] == ["ada"]
    assert [(one.id, one.body, one.reactions, one.edited) for one in seen.comments] == [
        (comment.id, "/ai run", frozenset({"eyes"}), False)
    ]
    assert seen.url.endswith(f"/{stage.repo}/issues/1")


def test_other_open_issues_are_light(stage: Stage) -> None:
    """Phase order needs titles, labels and milestones of all; details only of those that concern us."""
    stage.world.clock.advance(-86_400 * 3)
    old = stage.world.issue("[AUTH-1.1] Log in", body="long")
    stage.world.hub.issues.set_milestone(
        old, stage.world.hub.repos.create_milestone(stage.world.shop, "v1", stage.world.by("ada")).number,
        stage.world.by("ada"),
    )  # fmt: skip
    stage.world.clock.advance(86_400 * 3)

    seen = snapshot(stage).issues[old.number]

    assert (seen.title, seen.milestone, seen.detailed, seen.body) == ("[AUTH-1.1] Log in", "v1", False, "")


def test_issues_touched_today_are_read_in_detail_closed_ones_too(stage: Stage) -> None:
    """Unread commands on unlabelled issues and the day's verdicts are found; yesterday's are not read again."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    stage.world.clock.advance(-86_400)
    yesterday, closed_then = stage.world.issue("old"), stage.world.issue("old, closed")
    hub.issues.close(closed_then, ada)
    stage.world.clock.advance(86_400)
    commented, closed = stage.world.issue("commented"), stage.world.issue("closed")
    hub.issues.add_comment(commented, ada, "/ai run")
    hub.issues.close(closed, ada, reason="not_planned")

    seen = snapshot(stage)

    assert numbers(seen, detailed=True) == {commented.number, closed.number}
    assert (seen.issues[closed.number].open, seen.issues[closed.number].state_reason) == (False, "not_planned")
    assert not seen.issues[yesterday.number].detailed
    assert closed_then.number not in seen.issues
    assert seen.standings[stage.ref(closed_then.number)] is Standing.CLOSED


def test_just_after_midnight_the_last_two_hours_still_count(stage: Stage) -> None:
    """A command at 23:30 is not lost to a plan at 00:05."""
    stage.world.clock.moment = stage.now.replace(hour=23, minute=30)
    issue = stage.world.issue("late")
    stage.world.clock.advance(35 * 60)

    assert snapshot(stage).issues[issue.number].detailed


def test_a_focus_is_read_whatever_it_is(stage: Stage) -> None:
    """A closed issue, a pull request, and a number that nobody has."""
    hub = stage.world.hub
    stage.world.clock.advance(-86_400 * 3)
    closed = stage.world.issue("closed")
    hub.issues.close(closed, stage.world.by("ada"))
    pull = stage.world.pull("feature-1")
    stage.world.clock.advance(86_400 * 3)

    seen = snapshot(stage, closed.number, pull.number, 999)

    assert not seen.issues[closed.number].open
    assert seen.issues[closed.number].detailed
    assert (seen.issues[pull.number].is_pull, seen.issues[pull.number].open) == (True, True)
    assert 999 not in seen.issues


def test_a_transferred_issue_is_no_longer_here(stage: Stage) -> None:
    """Its number means nothing in this repository any more, and it holds back nobody in silence."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    other = hub.create_repo(f"{stage.repo}-elsewhere", "ada", files={})
    moved = stage.world.issue("moving")
    hub.issues.transfer(moved, other, ada)
    issue = stage.asked(body=f"Depends on #{moved.number}")

    seen = snapshot(stage, moved.number)

    assert moved.number not in seen.issues
    assert seen.standings[stage.ref(moved.number)] is Standing.UNREADABLE
    assert seen.issues[issue.number].detailed


def test_native_links_need_no_request_of_their_own(stage: Stage) -> None:
    """Blocked-by and sub-issues come with their standing, wherever they are."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    other = hub.create_repo(f"{stage.repo}-other", "ada", files={})
    blocker = hub.issues.create(other, ada, title="There")
    child, issue = stage.world.issue("child"), stage.asked()
    hub.links.block(issue, blocker, ada)
    hub.links.add_child(issue, child, ada)
    hub.issues.close(blocker, ada, reason="duplicate")
    client = stage.client()

    seen: list[Snapshot] = []
    log = stage.requests(lambda: seen.append(client.snapshot(now=stage.now)))

    assert len(log) == 1
    assert {(str(link.ref), link.source) for link in seen[0].issues[issue.number].links} == {
        (f"{stage.repo}-other#{blocker.number}", Source.NATIVE),
        (f"{stage.repo}#{child.number}", Source.SUB_ISSUE),
    }
    assert seen[0].standings[Ref(f"{stage.repo}-other", blocker.number)] is Standing.NOT_PLANNED


def test_a_blocker_in_a_repository_we_may_not_see_holds(stage: Stage) -> None:
    """GitHub leaves it out of the list; the count betrays it."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    secret = hub.create_repo(f"{stage.repo}-secret", "ada", files={}, private=True)
    issue = stage.asked()
    hub.links.block(issue, hub.issues.create(secret, ada, title="Hidden"), ada)

    seen = snapshot(stage)

    assert [seen.standings[link.ref] for link in seen.issues[issue.number].links] == [Standing.UNREADABLE]


def test_text_prerequisites_are_looked_up_together(stage: Stage) -> None:
    """One further request for all references that nothing is known of: closed long ago, elsewhere, missing, PRs."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    hub.create_repo(f"{stage.repo}-secret", "ada", files={}, private=True)
    hub.issues.create(hub.create_repo(f"{stage.repo}-other", "ada", files={}), ada, title="There")
    open_one, pull = stage.world.issue("open"), stage.world.pull("feature-1")
    hub.pulls.merge(pull, ada)
    deleted = stage.world.issue("deleted")
    hub.issues.delete(deleted, ada)
    numbers_ = (open_one.number, pull.number, deleted.number)
    stage.asked(
        body="Depends on #{}, #{} and #{}, {repo}-other#1, {repo}-secret#1, nobody/nothing#3".format(
            *numbers_, repo=stage.repo
        )
    )
    client = stage.client()

    seen: list[Snapshot] = []
    log = stage.requests(lambda: seen.append(client.snapshot(now=stage.now)))

    assert len(log) == 2
    assert seen[0].standings[stage.ref(pull.number)] is Standing.MERGED
    assert seen[0].standings[stage.ref(deleted.number)] is Standing.UNREADABLE
    assert seen[0].standings[Ref(f"{stage.repo}-other", 1)] is Standing.OPEN
    assert seen[0].standings[Ref(f"{stage.repo}-secret", 1)] is Standing.UNREADABLE
    assert seen[0].standings[Ref("nobody/nothing", 3)] is Standing.UNREADABLE
    assert stage.ref(open_one.number) not in seen[0].standings


def test_a_claimed_issue_is_read_although_nothing_else_speaks_of_it(stage: Stage) -> None:
    """A gate that died right after its claim, long ago: no label, no recent change. A claim on nothing is no loop."""
    issue, client = stage.world.issue(), stage.client()
    until = stage.now + timedelta(hours=1)
    seen = client.snapshot(focus=[issue.number], now=stage.now)
    client.apply([MakeClaim(n, f"{n}-x-1", 55, until, 5.0) for n in (issue.number, 999)], seen)

    later = client.snapshot(now=stage.now + timedelta(days=3))

    assert later.issues[issue.number].detailed
    assert later.claims.keys() == {issue.number, 999}


def test_branches_claims_and_pull_requests(stage: Stage) -> None:
    """Ours are the branches under `ai/`, what their commits claim, and the pull requests of `ai/issue-…`."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    issue = stage.asked()
    stage.world.pull("feature-1")
    pull = stage.world.pull(f"ai/issue-{issue.number}", draft=True)
    hub.issues.close(pull, ada)
    again = stage.world.pull(f"ai/issue-{issue.number}-2")
    client = stage.client(run_id=55)
    until = stage.now + timedelta(hours=1)
    client.apply([MakeClaim(issue.number, "1-x-1", 55, until, 5.0)], client.snapshot(now=stage.now))

    seen = client.snapshot(now=stage.now)

    assert seen.branches.keys() == {"ai/issue-1", "ai/issue-1-2", "ai/claim-1"}
    assert seen.branches["ai/issue-1-2"] == hub.repos.branch_oid(stage.world.shop, "ai/issue-1-2")
    assert [(one.number, one.head, one.open, one.draft) for one in seen.pulls] == [
        (pull.number, "ai/issue-1", False, True),
        (again.number, "ai/issue-1-2", True, False),
    ]
    claim = seen.claims[issue.number]
    assert (claim.run_key, claim.run_id, claim.until, claim.usd) == ("1-x-1", 55, until, 5.0)
    assert claim.oid == seen.branches["ai/claim-1"]


def test_open_meta_issues_are_read_in_detail_with_what_closed_last(stage: Stage) -> None:
    """Their boards are kept: text and author; of what is closed, what a board shows. Asked for at once the next time."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    meta, old = stage.world.issue("META: all", body="Goals"), stage.world.issue("[AUTH-1.1] old")
    hub.issues.close(old, ada, reason="not_planned")
    stage.world.clock.advance(86_400 * 2)
    client = stage.client()

    seen = client.snapshot(now=stage.now)
    issue, closed = seen.issues[meta.number], seen.closed[old.number]
    assert (issue.detailed, issue.body, issue.insider) == (True, "Goals", True)
    assert (closed.title, closed.open, closed.state_reason) == ("[AUTH-1.1] old", False, "not_planned")
    assert closed.closed_at == old.closed_at
    log = stage.requests(lambda: client.snapshot(now=stage.now))
    assert len(log) == 1


def test_closed_pull_requests_are_found_when_their_branch_is_long_gone(stage: Stage) -> None:
    """Sixty newer pull requests and a deleted branch do not hide that the issue's own was closed."""
    hub, ada, shop = stage.world.hub, stage.world.by("ada"), stage.world.shop
    issue = stage.asked()
    pull = stage.world.pull("ai/issue-1")
    hub.issues.close(pull, ada)
    hub.repos.delete_ref(shop, "refs/heads/ai/issue-1", ada)
    oid = hub.repos.commit_files(shop, "feature", {"x": "1"}, ada)
    stage.world.clock.advance(10)
    for index in range(60):
        git(shop, "update-ref", f"refs/heads/feature-{index}", oid)
        hub.pulls.create(shop, ada, title="Other", head=f"feature-{index}", base="main")

    seen = snapshot(stage, issue.number)

    assert [(one.number, one.open, one.merged) for one in seen.pulls] == [(pull.number, False, False)]


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [("in_progress", "", RunState.ACTIVE), ("completed", "cancelled", RunState.ENDED), ("", "", RunState.GONE)],
    ids=["active", "ended", "deleted"],
)
def test_the_run_behind_a_claim_is_looked_up(stage: Stage, status: str, conclusion: str, state: RunState) -> None:
    """Whether the holder still lives decides whether the claim is stale; our own run needs no question."""
    hub, shop = stage.world.hub, stage.world.shop
    run_id = 4711
    if status:
        workflow = hub.actions.workflow(shop, ".github/workflows/ai.yml")
        run = hub.actions.create_run(shop, workflow, event="issues", actor=hub.user("ada"))
        hub.actions.update_run(run, status=status, conclusion=conclusion)  # type: ignore[arg-type]
        run_id = run.id
    issue = stage.asked()
    mine = stage.client(run_id=run_id)
    claim = MakeClaim(issue.number, "1-x-1", run_id, stage.now + timedelta(hours=1), 5.0)
    mine.apply([claim], mine.snapshot(now=stage.now))

    assert stage.client().snapshot(now=stage.now).runs[run_id].state is state
    assert stage.client().snapshot(now=stage.now).runs[run_id].conclusion == conclusion
    log = stage.requests(lambda: mine.snapshot(now=stage.now))
    assert len(log) == 1


def test_a_verdict_said_while_the_repository_was_read_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run said it and ended between the reading of its issue and the question what became of the run."""
    hub, shop, ada = stage.world.hub, stage.world.shop, stage.world.by("ada")
    issue, client = stage.asked(), stage.client()
    run = hub.actions.create_run(
        shop, hub.actions.workflow(shop, ".github/workflows/ai.yml"), event="issues", actor=hub.user("ada")
    )
    claim = MakeClaim(issue.number, "1-x-1", run.id, stage.now + timedelta(hours=1), 5.0)
    client.apply([claim], client.snapshot(now=stage.now))
    get = hub.actions.get

    def meanwhile(*asked: Any) -> Any:
        if run.status != "completed":
            hub.issues.add_comment(issue, ada, "Done")
            hub.actions.update_run(run, status="completed", conclusion="success")
        return get(*asked)

    monkeypatch.setattr(hub.actions, "get", meanwhile)
    seen = client.snapshot(now=stage.now)

    assert seen.runs[run.id].state is RunState.ENDED
    assert [comment.body for comment in seen.issues[issue.number].comments] == ["Done"]


def test_dispatched_runs_are_looked_up_while_an_issue_is_queued(stage: Stage) -> None:
    """The run key in the run-name says which run a dispatch started."""
    hub, shop = stage.world.hub, stage.world.shop
    issue = stage.asked()
    workflow = hub.actions.workflow(shop, ".github/workflows/ai.yml")
    run = hub.actions.create_run(shop, workflow, event="workflow_dispatch", actor=hub.user("ada"))
    assert snapshot(stage).runs == {}

    hub.issues.add_labels(issue, ["ai-queued"], stage.world.by("ada"))

    assert snapshot(stage).runs.keys() == {run.id}
    assert snapshot(stage).runs[run.id].name == run.name


# ------------------------------------------------------------------------------------------- paging


def test_every_page_of_open_issues_is_read(stage: Stage) -> None:
    """205 open issues, 120 of them labelled: all there, none twice, in five requests."""
    stage.world.clock.advance(-86_400 * 3)
    for index in range(205):
        issue = stage.world.issue(f"[P-1.{index % 99}] {index}")
        if index % 2 or index > 170:
            stage.world.hub.issues.add_labels(issue, ["ai-ready"], stage.world.by("ada"))
    stage.world.clock.advance(86_400 * 3)
    client = stage.client()

    seen: list[Snapshot] = []
    log = stage.requests(lambda: seen.append(client.snapshot(now=stage.now)))

    labelled = {number for number, issue in stage.world.shop.issues.items() if issue.has_label("ai-ready")}
    assert seen[0].issues.keys() == stage.world.shop.issues.keys()
    assert numbers(seen[0], detailed=True) == labelled
    assert not seen[0].truncated
    assert len(log) == 3


def test_every_comment_of_a_long_issue_is_read(stage: Stage) -> None:
    """Our status comment is the first of 250; without it a second one would be made."""
    hub, issue = stage.world.hub, stage.asked()
    for index in range(250):
        hub.issues.add_comment(issue, stage.world.by("ada"), f"comment {index}")

    comments = snapshot(stage).issues[issue.number].comments

    assert [comment.body for comment in comments] == [f"comment {index}" for index in range(250)]


def test_an_old_request_event_is_found_behind_many_others(stage: Stage) -> None:
    """Whoever put the label on is who asked, also when 150 label events came after."""
    hub, issue = stage.world.hub, stage.asked()
    for index in range(150):
        hub.issues.add_labels(issue, [f"other-{index % 60}"], stage.world.by("bob"))
        hub.issues.remove_label(issue, f"other-{index % 60}", stage.world.by("bob"))

    events = snapshot(stage).issues[issue.number].label_events

    assert [event.actor.login for event in events] == ["ada"]


# --------------------------------------------------------------------------------------- one issue


def test_one_issue_for_work_and_publish(stage: Stage) -> None:
    """What a run needs of its own issue: prerequisites, phase neighbours, branch, pull request; in one request."""
    hub, ada = stage.world.hub, stage.world.by("ada")
    issue, neighbour, other = stage.asked(), stage.world.issue("[AUTH-1.2] Log out"), stage.asked("[B-1.1] x")
    hub.links.block(issue, neighbour, ada)
    pull = stage.world.pull("ai/issue-1")
    client = stage.client(WORK)

    seen: list[Snapshot] = []
    log = stage.requests(lambda: seen.append(client.issue_snapshot(issue.number, now=stage.now)))

    assert len(log) == 1
    assert numbers(seen[0], detailed=True) == {issue.number, pull.number}
    assert seen[0].issues[neighbour.number].title == "[AUTH-1.2] Log out"
    assert "ai-ready" in seen[0].issues[other.number].labels
    assert [one.number for one in seen[0].pulls] == [pull.number]
    assert seen[0].branches.keys() == {"ai/issue-1"}


def test_publish_reads_one_issue_in_one_request_whatever_it_depends_on(stage: Stage) -> None:
    """It admits nobody: prerequisites and the other 150 issues are not its business."""
    for index in range(150):
        stage.world.issue(f"issue {index}")
    issue = stage.asked(body="Depends on nobody/nothing#3")
    client = stage.client(PUBLISH)

    log = stage.requests(lambda: client.issue_snapshot(issue.number, now=stage.now, prerequisites=False))

    assert len(log) == 1


# ------------------------------------------------------------------------------- permissions, branches


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("ada", Permission.ADMIN),
        ("bob", Permission.WRITE),
        ("tim", Permission.READ),
        ("rob", Permission.READ),
        ("eve", Permission.READ),
    ],
)
def test_permission(stage: Stage, login: str, expected: Permission) -> None:
    """As the endpoint says it: triage reads as read, and everybody may read a public repository."""
    assert stage.client().permission(Actor(stage.world.hub.user(login).id, login)) is expected


def test_a_reused_login_has_no_permission(stage: Stage) -> None:
    """Who asked was another account that had this name then."""
    assert stage.client().permission(Actor(999_999, "ada")) is Permission.NONE
    assert stage.client().permission(Actor(999_999, "nobody")) is Permission.NONE


@pytest.mark.parametrize("status", [403, 500, 502])
def test_a_permission_that_cannot_be_read_is_unknown(stage: Stage, status: int) -> None:
    stage.world.hub.faults.fail("collaborators", status, times=-1)

    assert stage.client().permission(Actor(stage.world.hub.user("ada").id, "ada")) is Permission.UNKNOWN


def test_bots_and_ghosts_are_not_even_asked_about(stage: Stage) -> None:
    client = stage.client()
    log = stage.requests(
        lambda: [
            client.permission(Actor(41898282, "github-actions", is_bot=True)),
            client.permission(Actor(0, "ghost")),
        ]
    )

    assert log == ()


def test_a_branch_by_name(stage: Stage) -> None:
    oid = stage.world.hub.repos.commit_files(stage.world.shop, "release/1.x", {"x": "1"}, stage.world.by("ada"))

    assert stage.client().branch_oid("release/1.x") == oid
    assert stage.client().branch_oid("nothing") == ""


# ------------------------------------------------------------------------------------------ trouble


def test_no_such_repository_is_said_in_one_sentence(stage: Stage) -> None:
    with pytest.raises(GitHubError, match=r"^There is no repository acme/nothing .* token may not see it\.$") as caught:
        stage.client(repo="acme/nothing").snapshot(now=stage.now)

    assert caught.value.status == 404
    assert not caught.value.transient


def test_an_empty_repository(stage: Stage) -> None:
    """No commits: no default branch, nothing to run on; no error either."""
    hub = stage.world.hub
    repo = hub.create_repo(f"{stage.repo}-empty", "ada")
    token = hub.tokens.for_job(repo, {"contents": "read", "issues": "read", "pull-requests": "read"})
    issue = hub.issues.create(repo, stage.world.by("ada"), title="x", labels=["ai-ready"])

    seen = stage.client_of(token.value, repo=f"{stage.repo}-empty").snapshot(now=stage.now)

    assert (seen.head_oid, seen.default_branch) == ("", "")
    assert seen.issues[issue.number].detailed


@pytest.mark.parametrize("fault", ["fail", "drop", "secondary"])
def test_a_read_survives_what_passes(stage: Stage, fault: str) -> None:
    """502, a lost connection and a rate limit cost time, not the snapshot."""
    issue, faults = stage.asked(), stage.world.hub.faults
    if fault == "fail":
        faults.fail("/graphql", 502, times=2)
    elif fault == "drop":
        faults.drop("/graphql", times=2)
    else:
        faults.secondary_rate_limit("/graphql", retry_after=7)

    assert snapshot(stage).issues[issue.number].detailed
    assert sum(stage.glass.slept) >= (7 if fault == "secondary" else 1)


def test_a_github_that_stays_down_is_a_transient_error(stage: Stage) -> None:
    stage.world.hub.faults.fail("/graphql", 503, times=-1)

    with pytest.raises(GitHubError) as caught:
        snapshot(stage)

    assert (caught.value.status, caught.value.transient) == (503, True)


def test_a_long_rate_limit_is_an_error_with_its_time(stage: Stage) -> None:
    """Whoever asked decides what to do with twenty minutes."""
    stage.world.clock.moment = datetime.now(UTC)  # the limit's reset is compared with the answer's Date
    stage.world.hub.faults.rate_limit("/graphql", seconds=1200, times=-1)

    with pytest.raises(GitHubError) as caught:
        snapshot(stage)

    assert caught.value.transient
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 90


@pytest.mark.parametrize("token", ["ghs_0_bad", "ghp_" + "0" * 36])
def test_a_wrong_token_is_an_error_without_the_token(stage: Stage, token: str) -> None:
    with pytest.raises(GitHubError) as caught:
        stage.client_of(token).snapshot(now=stage.now)

    assert caught.value.status == 401
    assert token not in str(caught.value)


def test_a_token_without_the_right_is_refused_in_githubs_words(stage: Stage) -> None:
    stage.asked()

    with pytest.raises(GitHubError, match="Resource not accessible by integration") as caught:
        stage.client({"contents": "read"}).snapshot(now=stage.now)

    assert caught.value.status == 403


def test_a_run_that_cannot_be_read_is_unknown(stage: Stage) -> None:
    """Neither alive nor dead: its claim is not taken away."""
    issue = stage.asked()
    mine = stage.client(run_id=7)
    claim = MakeClaim(issue.number, "1-x-1", 7, stage.now + timedelta(hours=1), 5.0)
    mine.apply([claim], mine.snapshot(now=stage.now))
    stage.world.hub.faults.fail("actions/runs/7", 500, times=-1)

    assert snapshot(stage).runs[7].state is RunState.UNKNOWN


# --------------------------------------------------------------------------------- stories by hand

EMPTY = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
HOME = {
    "id": "R_1",
    "nameWithOwner": "acme/shop",
    "defaultBranchRef": None,
    "config": None,
    "open": EMPTY,
    "asked": EMPTY,
    "recent": EMPTY,
    "closed": EMPTY,
    "refs": EMPTY,
    "pulls": EMPTY,
}


def wanted(stage: Stage) -> Wanted:
    return Wanted("acme/shop", stage.now)


def test_a_hole_in_a_list_makes_the_snapshot_truncated(stage: Stage) -> None:
    """GitHub put null where it failed to make an issue: absent is not closed."""
    holed = HOME | {"open": EMPTY | {"nodes": [None]}}

    seen, _ = told(read_snapshot(wanted(stage), NodeIds()), [Answer(200, {"data": {"repository": holed}})])

    assert seen.truncated


def test_a_server_without_dependencies_is_asked_again_without_them(stage: Stage) -> None:
    """GitHub Enterprise Server of last year has no `blockedBy`; it has everything else."""
    message = "Field 'blockedBy' doesn't exist on type 'Issue'"
    refusal = {"errors": [{"message": message, "extensions": {"code": "undefinedField"}}]}

    seen, asked = told(
        read_snapshot(wanted(stage), NodeIds()),
        [Answer(200, refusal), Answer(200, {"data": {"repository": HOME}})],
    )

    assert seen.repo == "acme/shop"
    assert ["blockedBy" in str(request.body) for request in asked] == [True, False]


def change(number: int, *, head: str, fork: bool) -> dict[str, Any]:
    return {
        "id": f"PR_{number}",
        "number": number,
        "title": "x",
        "pullState": "OPEN",
        "isDraft": True,
        "headRefName": head,
        "headRefOid": "0" * 40,
        "baseRefName": "main",
        "isCrossRepository": fork,
        "url": "https://github.example/acme/shop/pull/9",
        "author": None,
        "closedAt": None,
    }


def test_a_fork_can_not_pass_its_branch_off_as_ours(stage: Stage) -> None:
    """Anybody may call a branch `ai/issue-7` in their own repository."""
    listed = [change(8, head="ai/issue-7", fork=True), change(9, head="ai/issue-7", fork=False)]
    home = HOME | {"pulls": EMPTY | {"nodes": listed}}

    seen, _ = told(read_snapshot(wanted(stage), NodeIds()), [Answer(200, {"data": {"repository": home}})])

    assert [pull.number for pull in seen.pulls] == [9]


def test_an_issue_that_is_answered_from_elsewhere_is_not_ours(stage: Stage) -> None:
    """Where GitHub follows a transfer it answers with the issue of the other repository."""
    moved = detail(number=3, repository={"nameWithOwner": "acme/elsewhere"})
    home = HOME | {"issue7": moved}

    seen, _ = told(
        read_snapshot(Wanted("acme/shop", stage.now, focus=(7,)), NodeIds()),
        [Answer(200, {"data": {"repository": home}})],
    )

    assert seen.issues == {}


def test_a_transferred_prerequisite_counts_as_what_became_of_it() -> None:
    """It was looked for under its old number and is known under that."""
    node = {"__typename": "Issue", "number": 3, "state": "CLOSED", "stateReason": "COMPLETED"}
    elsewhere = node | {"repository": {"nameWithOwner": "acme/elsewhere"}}

    found, _ = told(read_standings([Ref("a/b", 5)]), [Answer(200, {"data": {"r0": {"n5": elsewhere}}})])

    assert found == {Ref("a/b", 5): Standing.CLOSED}


def test_a_part_that_got_lost_is_an_error(stage: Stage) -> None:
    """Without the list of open issues nothing may be planned."""
    lost = {"data": {"repository": HOME | {"refs": None}}, "errors": [
        {"type": "FORBIDDEN", "path": ["repository", "refs"], "message": "no"}
    ]}  # fmt: skip

    with pytest.raises(GitHubError, match="refs"):
        told(read_snapshot(wanted(stage), NodeIds()), [Answer(200, lost)])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            Answer(200, {"data": {"r0": None}, "errors": [{"type": "NOT_FOUND", "path": ["r0"], "message": "x"}]}),
            Standing.UNREADABLE,
        ),
        (
            Answer(
                200,
                {"data": {"r0": {"n5": None}}, "errors": [{"type": "FORBIDDEN", "path": ["r0", "n5"], "message": ""}]},
            ),
            Standing.UNREADABLE,
        ),
        (
            Answer(
                200,
                {"data": {"r0": {"n5": None}}, "errors": [{"path": ["r0", "n5"], "message": "Something went wrong"}]},
            ),
            Standing.UNKNOWN,
        ),
        (Answer(200, {"data": {"r0": {"n5": None}}}), Standing.UNKNOWN),
        (Answer(502), Standing.UNKNOWN),
        (Answer(403, {"message": "rate limit"}, retry_after=600), Standing.UNKNOWN),
        (Answer(200, "<html>"), Standing.UNKNOWN),
    ],
    ids=["no repository", "forbidden", "passing trouble", "null for no reason", "502", "rate limit", "not JSON"],
)
def test_unknown_is_not_unreadable(answer: Answer, expected: Standing) -> None:
    """404 and 403 are for good; what failed for now waits."""
    found, _ = told(read_standings([Ref("a/b", 5)]), [answer])

    assert found == {Ref("a/b", 5): expected}


def test_five_hundred_references_take_five_requests() -> None:
    """Not five hundred."""
    refs = [Ref("a/b", number) for number in range(1, 501)]

    found, asked = told(read_standings(refs), [Answer(502)] * 5)

    assert len(asked) == 5
    assert len(found) == 500
