"""Doing effects against the served sandbox: what is there afterwards, what is said when it isn't, in how many requests."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.core.boards.block import END, START, Memory
from bot.core.effects import (
    Assign,
    CancelRun,
    CloseIssue,
    Continue,
    Dispatch,
    DropComment,
    Effect,
    MakeClaim,
    OpenPull,
    PostComment,
    PutBoard,
    PutStatus,
    React,
    ReleaseClaim,
    SetLabels,
)
from bot.core.names import LABEL_LOOKS
from bot.github.action_client import ActionGitHub
from bot.github.apply import apply_effects
from bot.github.exchange import Answer
from bot.github.place import Place
from bot.github.ports import Applied
from bot.github.wanted import NodeIds
from bot.sandbox.records import Issue
from tests.github.stage import GATE, PUBLISH, Stage, told


def labels(issue: Issue) -> set[str]:
    return {label.name for label in issue.labels}


def bodies(issue: Issue) -> list[str]:
    return [comment.body for comment in issue.comments]


def do(stage: Stage, *effects: Effect, client: ActionGitHub | None = None) -> tuple[Applied, ...]:
    client = client or stage.client()
    return client.apply(effects, client.snapshot(now=stage.now))


def ready(stage: Stage) -> ActionGitHub:
    """A client in a repository that has our labels already."""
    client = stage.client()
    do(stage, SetLabels(stage.world.issue("first").number, add=("ai-done",)), client=client)
    return client


def claim(stage: Stage, issue: Issue, run_id: int = 55) -> MakeClaim:
    return MakeClaim(issue.number, f"{issue.number}-x-{run_id}", run_id, stage.now + timedelta(hours=1), 5.0)


def branch(stage: Stage, name: str = "ai/issue-1") -> None:
    stage.world.hub.repos.commit_files(stage.world.shop, name, {"new.txt": "1\n"}, stage.world.by("bob"))


def good(*effects: Applied) -> Sequence[bool]:
    return [applied.ok for applied in effects]


# ------------------------------------------------------------------------------------ in one document


def test_neighbours_share_one_request(stage: Stage) -> None:
    """Reaction, status, verdict, labels and the claim's end are one mutation document, done in order."""
    client, hub = ready(stage), stage.world.hub
    issue = stage.asked()
    comment = hub.issues.add_comment(issue, stage.world.by("ada"), "/ai run")
    do(stage, claim(stage, issue), client=client)
    snapshot = client.snapshot(now=stage.now)
    effects = (
        React(comment.node_id, "eyes"),
        PutStatus(issue.number, "status"),
        PostComment(issue.number, "verdict"),
        SetLabels(issue.number, add=("ai-done",), remove=("ai-ready", "ai-running")),
        ReleaseClaim(issue.number),
    )

    done: list[Applied] = []
    log = stage.requests(lambda: done.extend(client.apply(effects, snapshot)))

    assert [(request.method, request.path) for request in log] == [("POST", "/api/graphql")]
    assert [applied.effect for applied in done if applied.ok] == list(effects)
    assert labels(issue) == {"ai-done"}
    assert bodies(issue) == ["/ai run", "status", "verdict"]
    assert [reaction.content for reaction in comment.reactions] == ["eyes"]
    assert hub.repos.refs(stage.world.shop, "refs/heads/ai/") == {}


def test_missing_labels_are_made_once_with_their_looks(stage: Stage) -> None:
    """The first run in a repository makes all of ours in one request; later ones none."""
    issue, client = stage.world.issue(), stage.client()

    assert good(*do(stage, SetLabels(issue.number, add=("ai-waiting",)), client=client)) == [True]

    made = stage.world.shop.labels
    assert {name: (made[name].color, made[name].description) for name in LABEL_LOOKS} == dict(LABEL_LOOKS)
    snapshot = client.snapshot(now=stage.now)
    log = stage.requests(lambda: client.apply([SetLabels(issue.number, add=("ai-done",))], snapshot))
    assert len(log) == 1
    assert labels(issue) == {"ai-waiting", "ai-done"}


def test_a_label_somebody_else_made_meanwhile_is_used(stage: Stage) -> None:
    """Two first runs at once: the second one's "already taken" is no failure."""
    issue, client = stage.world.issue(), stage.client()
    snapshot = client.snapshot(now=stage.now)
    stage.world.hub.repos.create_label(stage.world.shop, "AI-Done", color="000000")

    done = client.apply([SetLabels(issue.number, add=("ai-done",))], snapshot)

    assert good(*done) == [True]
    assert labels(issue) == {"AI-Done"}


def test_other_labels_stay(stage: Stage) -> None:
    issue = stage.world.issue()
    stage.world.hub.issues.add_labels(issue, ["bug", "ai-waiting"], stage.world.by("ada"))

    do(stage, SetLabels(issue.number, add=("ai-running",), remove=("ai-waiting", "ai-queued")))

    assert labels(issue) == {"bug", "ai-running"}


def test_the_status_comment_is_edited_in_place(stage: Stage) -> None:
    issue = stage.asked()
    do(stage, PutStatus(issue.number, "one"))
    (status,) = issue.comments

    assert good(*do(stage, PutStatus(issue.number, "two", status.node_id))) == [True]

    assert bodies(issue) == ["two"]


def test_a_comment_of_which_there_is_another_one_is_deleted(stage: Stage) -> None:
    issue = stage.asked()
    do(stage, PutStatus(issue.number, "one"), PutStatus(issue.number, "two"))
    first, second = issue.comments

    assert good(*do(stage, DropComment(issue.number, second.node_id))) == [True]
    assert issue.comments == [first]


def test_a_status_comment_that_somebody_deleted_is_a_clear_no(stage: Stage) -> None:
    """The next plan finds none and makes one; its neighbours are done all the same."""
    issue = stage.asked()
    client = ready(stage)
    do(stage, PutStatus(issue.number, "one"), client=client)
    (status,) = issue.comments
    stage.world.hub.issues.delete_comment(status, stage.world.by("ada"))

    first, second = do(
        stage, PutStatus(issue.number, "two", status.node_id), SetLabels(issue.number, add=("ai-done",)), client=client
    )

    assert (first.ok, first.unsure, first.status) == (False, False, 404)
    assert "Could not resolve to a node" in first.message
    assert second.ok
    assert "ai-done" in labels(issue)


@pytest.mark.parametrize("text", ['"}) { x } \\', "emoji 🤖 and \u2028", "line\r\nline", "$i0 ${{ secrets.X }}"])
def test_text_arrives_as_it_was(stage: Stage, text: str) -> None:
    """Bodies travel as variables: nothing in them is GraphQL."""
    issue = stage.asked()

    do(stage, PostComment(issue.number, text))

    assert bodies(issue) == [text]


def test_many_effects_are_cut_into_documents_that_github_can_do_in_time(stage: Stage) -> None:
    """Fifty comments: three documents, everyone there, and no faster than content may be created."""
    issues = [stage.asked(f"issue {index}") for index in range(50)]
    client = ready(stage)
    snapshot = client.snapshot(now=stage.now)
    stage.glass.slept.clear()

    effects = [PutStatus(issue.number, "waits") for issue in issues]
    done: list[Applied] = []
    log = stage.requests(lambda: done.extend(client.apply(effects, snapshot)))

    assert all(good(*done))
    assert [bodies(issue) for issue in issues] == [["waits"]] * 50
    assert len(log) == 3
    assert sum(stage.glass.slept) == pytest.approx(45)


def test_node_ids_that_no_read_brought_along_are_looked_up_together(stage: Stage) -> None:
    """A client that has read nothing yet needs one query more."""
    issue, other = stage.asked(), stage.world.issue("other")
    stage.world.hub.issues.add_labels(issue, ["ai-waiting"], stage.world.by("ada"))
    snapshot, fresh = stage.client().snapshot(now=stage.now), stage.client()
    effects = (SetLabels(issue.number, remove=("ai-waiting",)), PostComment(other.number, "text"))

    log = stage.requests(lambda: fresh.apply(effects, snapshot))

    assert len(log) == 2
    assert (labels(issue), bodies(other)) == ({"ai-ready"}, ["text"])


def test_an_issue_that_is_not_there_fails_alone(stage: Stage) -> None:
    issue = stage.asked()

    missing, there = do(stage, PostComment(999, "text"), PostComment(issue.number, "text"))

    assert (missing.ok, missing.unsure, missing.status) == (False, False, 404)
    assert there.ok
    assert bodies(issue) == ["text"]


def test_a_locked_issue_says_so(stage: Stage) -> None:
    """A person's token may lack the right; the words are GitHub's."""
    issue = stage.asked()
    stage.world.hub.issues.lock(issue, stage.world.by("ada"))
    eve = stage.client_of(stage.world.hub.tokens.personal(stage.world.hub.user("eve")).value)

    (done,) = do(stage, PostComment(issue.number, "text"), client=eve)

    assert (done.ok, done.status) == (False, 403)
    assert "locked" in done.message


def test_what_the_token_may_not_do_is_refused_and_the_rest_is_done(stage: Stage) -> None:
    """Each mutation of a document stands for itself."""
    issue = stage.asked()
    do(stage, claim(stage, issue))
    narrow = stage.client({"contents": "read", "issues": "write", "pull-requests": "read", "actions": "read"})

    release, comment = do(stage, ReleaseClaim(issue.number), PostComment(issue.number, "x"), client=narrow)

    assert (release.ok, release.status) == (False, 403)
    assert "Resource not accessible by integration" in release.message
    assert comment.ok


def test_closing_and_assigning(stage: Stage) -> None:
    """The rest of what a pull request needs afterwards, in one request with the approver's id known from the issue."""
    issue = stage.asked()
    branch(stage)
    client = stage.client(PUBLISH)
    opened = do(stage, OpenPull("ai/issue-1", "main", "Title", "Body", draft=True), client=client)
    pull = opened[0].pull
    assert pull is not None
    snapshot = client.issue_snapshot(issue.number, now=stage.now)
    effects = (Assign(pull.number, "ada"), CloseIssue(issue.number))

    done: list[Applied] = []
    log = stage.requests(lambda: done.extend(client.apply(effects, snapshot)))

    record = stage.world.shop.issues[pull.number]
    assert good(*done) == [True, True]
    assert len(log) == 1
    assert [user.login for user in record.assignees] == ["ada"]
    assert (issue.open, issue.state_reason) == (False, "completed")


def test_a_person_whose_id_was_not_read_is_assigned_by_login(stage: Stage) -> None:
    """And somebody who can't be assigned is left out in silence, as GitHub does."""
    branch(stage)
    client = stage.client(PUBLISH)
    (opened,) = do(stage, OpenPull("ai/issue-1", "main", "Title", "Body", draft=True), client=client)
    assert opened.pull is not None

    done = do(stage, Assign(opened.pull.number, "bob"), Assign(opened.pull.number, "eve"), client=client)

    assert good(*done) == [True, True]
    assert [user.login for user in stage.world.shop.issues[opened.pull.number].assignees] == ["bob"]


# ---------------------------------------------------------------------------------------------- claims


def test_a_claim_is_two_requests_and_holds(stage: Stage) -> None:
    """The commit, then the branch; a second run gets 422 and nothing else is done for it."""
    issue = stage.asked()
    one, two = stage.client(), stage.client()
    snapshots = [one.snapshot(now=stage.now), two.snapshot(now=stage.now)]

    done: list[Applied] = []
    log = stage.requests(lambda: done.extend(one.apply([claim(stage, issue, 1)], snapshots[0])))
    lost = two.apply([claim(stage, issue, 2), PostComment(issue.number, "mine!")], snapshots[1])

    assert [request.method for request in log] == ["POST", "POST"]
    assert good(*done) == [True]
    assert (lost[0].ok, lost[0].unsure, lost[0].status) == (False, False, 422)
    assert "already exists" in lost[0].message
    assert (lost[1].ok, lost[1].status) == (False, 0)
    assert bodies(issue) == []
    assert one.snapshot(now=stage.now).claims[issue.number].run_id == 1


@pytest.mark.parametrize("fault", ["drop_after", "bad_gateway_after"])
def test_a_claim_whose_answer_was_lost_is_told_by_looking(stage: Stage, fault: str) -> None:
    """The branch points to our commit, and no other run could have made that one."""
    issue = stage.asked()
    getattr(stage.world.hub.faults, fault)("POST .*/git/refs$")

    (done,) = do(stage, claim(stage, issue))

    assert (done.ok, done.unsure) == (True, False)


def test_a_claim_that_was_never_made_is_told_by_looking(stage: Stage) -> None:
    issue = stage.asked()
    stage.world.hub.faults.drop("POST .*/git/refs$")

    (done,) = do(stage, claim(stage, issue))

    assert (done.ok, done.unsure) == (False, False)
    assert stage.client().snapshot(now=stage.now).claims == {}


def test_a_claim_nobody_can_look_up_is_unsure(stage: Stage) -> None:
    """Read again before anything else."""
    issue = stage.asked()
    stage.world.hub.faults.drop_after("POST .*/git/refs$")
    stage.world.hub.faults.fail("GET .*/git/ref/heads/ai/claim", 502, times=-1)

    (done,) = do(stage, claim(stage, issue))

    assert (done.ok, done.unsure) == (False, True)


def test_an_empty_repository_cannot_be_claimed(stage: Stage) -> None:
    hub = stage.world.hub
    repo = hub.create_repo(f"{stage.repo}-empty", "ada")
    issue = hub.issues.create(repo, stage.world.by("ada"), title="x", labels=["ai-ready"])
    client = stage.client_of(hub.tokens.for_job(repo, GATE).value, repo=repo.full_name)

    (done,) = client.apply([claim(stage, issue)], client.snapshot(now=stage.now))

    assert (done.ok, done.message) == (False, "the repository is empty")


def test_only_the_claim_that_was_read_is_released(stage: Stage) -> None:
    """Two plans find the same stale claim; the slower one must not take the new holder's."""
    issue = stage.asked()
    stale, slow = stage.client(), stage.client()
    do(stage, claim(stage, issue, 1), client=stale)
    seen = slow.snapshot(now=stage.now)
    do(stage, ReleaseClaim(issue.number), claim(stage, issue, 2), client=stale)

    (done,) = slow.apply([ReleaseClaim(issue.number)], seen)

    assert done.ok
    assert stage.client().snapshot(now=stage.now).claims[issue.number].run_id == 2


def test_releasing_a_claim_that_is_gone_is_fine(stage: Stage) -> None:
    issue = stage.asked()
    client, other = stage.client(), stage.client()
    do(stage, claim(stage, issue), client=client)
    seen = client.snapshot(now=stage.now)
    do(stage, ReleaseClaim(issue.number), client=other)

    assert good(*client.apply([ReleaseClaim(issue.number)], seen)) == [True]
    assert good(*do(stage, ReleaseClaim(issue.number))) == [True]


# ------------------------------------------------------------------------------------- pull requests


def test_a_draft_is_opened_and_handed_back(stage: Stage) -> None:
    """One request; the answer is what `OpenPull` reports."""
    branch(stage)
    client = stage.client(PUBLISH)
    snapshot = client.snapshot(now=stage.now)

    done: list[Applied] = []
    log = stage.requests(
        lambda: done.extend(client.apply([OpenPull("ai/issue-1", "main", "Title", "Body", draft=True)], snapshot))
    )

    pull = done[0].pull
    assert pull is not None
    assert (pull.head, pull.base, pull.open, pull.draft, pull.title) == ("ai/issue-1", "main", True, True, "Title")
    assert pull == client.snapshot(now=stage.now).pulls[0]
    assert len(log) == 1


@pytest.mark.parametrize(
    ("head", "words", "status"),
    [
        ("ai/issue-1", "A pull request already exists for acme:ai/issue-1.", 422),
        ("ai/issue-2", "No commits between main and ai/issue-2", 422),
        ("ai/issue-3", "head invalid", 422),
    ],
    ids=["already there", "no commits", "no branch"],
)
def test_why_a_pull_request_was_refused_is_said_in_githubs_words(
    stage: Stage, head: str, words: str, status: int
) -> None:
    """And nothing after it is tried: a verdict must not speak of a pull request that isn't there."""
    hub, issue = stage.world.hub, stage.asked()
    branch(stage)
    hub.pulls.create(stage.world.shop, stage.world.by("bob"), title="x", head="ai/issue-1", base="main")
    hub.repos.create_ref(
        stage.world.shop, "refs/heads/ai/issue-2", hub.repos.branch_oid(stage.world.shop, "main"), stage.world.by("bob")
    )
    effects = (OpenPull(head, "main", "Title", "Body", draft=True), PostComment(issue.number, "Done"))

    first, second = do(stage, *effects, client=stage.client(PUBLISH))

    assert (first.ok, first.unsure, first.status) == (False, False, status)
    assert words in first.message
    assert not second.ok
    assert bodies(issue) == []


@pytest.mark.parametrize(
    ("setting", "words", "status"),
    [
        ("actions_may_create_pulls", "GitHub Actions is not permitted to create or approve pull requests.", 403),
        ("draft_pulls", "Draft pull requests are not supported in this repository.", 422),
    ],
)
def test_what_the_repository_forbids(stage: Stage, setting: str, words: str, status: int) -> None:
    branch(stage)
    setattr(stage.world.shop.settings, setting, False)

    (done,) = do(stage, OpenPull("ai/issue-1", "main", "Title", "Body", draft=True), client=stage.client(PUBLISH))

    assert (done.ok, done.unsure, done.status, done.message) == (False, False, status, words)


@pytest.mark.parametrize("fault", ["drop_after", "bad_gateway_after"])
def test_a_pull_request_whose_answer_was_lost_is_unsure_and_opened_once(stage: Stage, fault: str) -> None:
    """It is there; only a new read can say so. It is never asked for twice."""
    branch(stage)
    getattr(stage.world.hub.faults, fault)("POST .*/pulls$")
    client = stage.client(PUBLISH)
    snapshot = client.snapshot(now=stage.now)

    done: list[Applied] = []
    effects = [OpenPull("ai/issue-1", "main", "Title", "Body", draft=True)]
    log = stage.requests(lambda: done.extend(client.apply(effects, snapshot)))

    assert (done[0].ok, done[0].unsure) == (False, True)
    assert len(log) == 1
    assert [pull.head for pull in client.snapshot(now=stage.now).pulls] == ["ai/issue-1"]


@pytest.mark.parametrize("fault", ["drop_after", "bad_gateway_after"])
def test_a_document_whose_answer_was_lost_is_unsure_and_sent_once(stage: Stage, fault: str) -> None:
    """One comment, not five; every effect of the document is in doubt."""
    issue, client = stage.asked(), ready(stage)
    snapshot = client.snapshot(now=stage.now)
    getattr(stage.world.hub.faults, fault)("/graphql.*mutation")

    done = client.apply([PostComment(issue.number, "x"), SetLabels(issue.number, add=("ai-done",))], snapshot)

    assert [(applied.ok, applied.unsure) for applied in done] == [(False, True), (False, True)]
    assert bodies(issue) == ["x"]


def test_a_write_refused_for_a_rate_limit_is_done_later(stage: Stage) -> None:
    """It was refused before it was done: waiting and asking again makes one comment."""
    issue, client = stage.asked(), ready(stage)
    snapshot = client.snapshot(now=stage.now)
    stage.world.hub.faults.secondary_rate_limit("/graphql.*mutation", retry_after=37)

    done = client.apply([PostComment(issue.number, "x")], snapshot)

    assert good(*done) == [True]
    assert bodies(issue) == ["x"]
    assert any(37 <= pause < 39 for pause in stage.glass.slept)


def test_a_rate_limit_too_long_to_wait_for_is_no_refusal(stage: Stage) -> None:
    """Neither done nor refused for good: whoever asked looks again, and draws no conclusion from a 403."""
    issue, client = stage.asked(), ready(stage)
    snapshot = client.snapshot(now=stage.now)
    stage.world.hub.faults.secondary_rate_limit("POST", times=-1, retry_after=600)

    done = client.apply([PostComment(issue.number, "x"), Dispatch(issue.number, "1-x-1")], snapshot)

    assert [(applied.ok, applied.unsure) for applied in done] == [(False, True), (False, True)]


# ---------------------------------------------------------------------------------- dispatch, cancel


def test_a_dispatch_starts_the_caller_workflow_and_tells_its_run(stage: Stage) -> None:
    issue = stage.asked()

    (done,) = do(stage, Dispatch(issue.number, "1-x-1"))

    run = stage.world.hub.actions.get(stage.world.shop, done.run_id)
    assert done.ok
    assert (run.event, run.inputs) == ("workflow_dispatch", {"issue": "1", "run_key": "1-x-1"})


def test_a_missing_workflow_is_a_no(stage: Stage) -> None:
    stage.world.hub.repos.commit_files(
        stage.world.shop, "main", {".github/workflows/ai.yml": None}, stage.world.by("ada")
    )

    (done,) = do(stage, Dispatch(stage.asked().number, "1-x-1"))

    assert (done.ok, done.unsure, done.status) == (False, False, 404)


def test_cancelling_a_run_that_has_ended_is_fine(stage: Stage) -> None:
    hub, shop = stage.world.hub, stage.world.shop
    workflow = hub.actions.workflow(shop, ".github/workflows/ai.yml")
    run = hub.actions.create_run(shop, workflow, event="issues", actor=hub.user("ada"))
    hub.actions.update_run(run, status="completed", conclusion="success")

    assert good(*do(stage, CancelRun(run.id))) == [True]


@pytest.mark.parametrize("fault", ["drop_after", "drop"])
def test_cancelling_is_asked_again_when_the_answer_is_lost(stage: Stage, fault: str) -> None:
    """The comment that asked for it is acknowledged right after: nobody would try again."""
    hub, shop = stage.world.hub, stage.world.shop
    workflow = hub.actions.workflow(shop, ".github/workflows/ai.yml")
    run = hub.actions.create_run(shop, workflow, event="issues", actor=hub.user("ada"))
    getattr(hub.faults, fault)("POST .*/cancel")

    assert good(*do(stage, CancelRun(run.id))) == [True]
    assert run.conclusion == "cancelled"


def test_continue_asks_for_another_look(stage: Stage) -> None:
    heard: list[tuple[str, str]] = []
    stop = stage.world.hub.subscribe(lambda event: heard.append((event.name, event.action)))

    done = do(stage, Continue())
    stop()

    assert good(*done) == [True]
    assert ("repository_dispatch", "ai-ready") in heard


def place(stage: Stage) -> Place:
    return Place(stage.client().snapshot(now=stage.now), NodeIds(), "ai.yml")


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_run_details_is_asked_without(stage: Stage, status: int) -> None:
    """GitHub Enterprise Server refuses the unknown key before it starts anything; its 204 tells no run."""
    refusal = Answer(status, {"message": 'Invalid request.\n\n"return_run_details" is not a permitted key.'})

    (done,), asked = told(apply_effects([Dispatch(1, "k")], place(stage)), [refusal, Answer(204)])

    assert (done.ok, done.run_id) == (True, 0)
    assert ["return_run_details" in str(request.body) for request in asked] == [True, False]


def test_a_dispatch_without_an_answer_is_unsure_and_sent_once(stage: Stage) -> None:
    (done,), asked = told(apply_effects([Dispatch(1, "k")], place(stage)), [Answer(0)])

    assert (done.ok, done.unsure, len(asked)) == (False, True, 1)


# ------------------------------------------------------------------------------------------------ boards

BLOCK = f"{START}\nthe board\n{Memory().line()}\n{END}"


def test_a_board_goes_into_the_text_as_it_is_now(stage: Stage) -> None:
    """What somebody wrote after the plan was made is there, byte for byte."""
    meta, client = stage.world.issue("META: all", body="Goals\r\n"), stage.client()
    snapshot = client.snapshot(now=stage.now)
    stage.world.hub.issues.edit(meta, stage.world.by("ada"), body="Goals\r\n\r\n- new\r\n")

    log = stage.requests(lambda: client.apply([PutBoard(meta.number, BLOCK)], snapshot))
    assert meta.body == f"Goals\r\n\r\n- new\r\n\n{BLOCK}"
    assert len(log) == 2

    stage.world.hub.issues.edit(meta, stage.world.by("ada"), body=meta.body.replace("new", "newer") + "\nend")
    other = BLOCK.replace("the board", "another")
    assert good(*client.apply([PutBoard(meta.number, other)], snapshot)) == [True]
    assert meta.body == f"Goals\r\n\r\n- newer\r\n\n{other}\nend"


def test_a_board_that_is_there_is_not_written_again(stage: Stage) -> None:
    meta, client = stage.world.issue("META: all", body=BLOCK.replace("\n", "\r\n")), stage.client()

    assert good(*do(stage, PutBoard(meta.number, BLOCK), client=client)) == [True]
    assert meta.edits == []


def test_a_board_without_room_or_without_an_issue_is_a_clear_no(stage: Stage) -> None:
    meta, client = stage.world.issue("META: all", body="x" * 65_500), stage.client()

    full, gone = do(stage, PutBoard(meta.number, BLOCK), PutBoard(999, BLOCK), client=client)

    assert (full.ok, full.unsure, full.status, full.message) == (False, False, 422, "#1: no room for the board")
    assert (gone.ok, gone.unsure, gone.status) == (False, False, 404)
    assert meta.edits == []


def test_a_board_whose_write_is_lost_is_not_known_to_be_there(stage: Stage) -> None:
    meta, client = stage.world.issue("META: all"), stage.client()
    snapshot = client.snapshot(now=stage.now)
    place = Place(snapshot, NodeIds(), "ai.yml")
    read = Answer(200, {"data": {"repository": {"text": {"id": meta.node_id, "body": ""}}}})

    [lost], asked = told(apply_effects([PutBoard(meta.number, BLOCK)], place), [read, Answer(0)])

    assert (lost.ok, lost.unsure, len(asked)) == (False, True, 2)
