"""The hub's pull requests, on real git."""

import pytest

from bot.sandbox.errors import Refused
from bot.sandbox.pulls import part
from tests.sandbox.world import World


def test_a_second_open_pull_request_of_a_head_is_refused_in_githubs_words(world: World) -> None:
    world.pull("ai/issue-1")

    with pytest.raises(Refused) as refusal:
        world.hub.pulls.create(world.shop, world.by("ada"), title="again", head="acme:ai/issue-1", base="main")

    assert refusal.value.status == 422
    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["message"] == "A pull request already exists for acme:ai/issue-1."


def test_a_branch_without_commits_has_nothing_to_propose(world: World) -> None:
    main = world.hub.repos.branch_oid(world.shop, "main")
    world.hub.repos.create_ref(world.shop, "refs/heads/empty", main, world.by("ada"))

    with pytest.raises(Refused) as refusal:
        world.hub.pulls.create(world.shop, world.by("ada"), title="x", head="empty", base="main")

    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["message"] == "No commits between main and empty"


@pytest.mark.parametrize("missing", ["head", "base"])
def test_an_unknown_branch_is_an_invalid_field(world: World, missing: str) -> None:
    world.hub.repos.commit_files(world.shop, "work", {"a": "1"}, world.by("ada"))
    ends = {"head": "work", "base": "main", missing: "nowhere"}

    with pytest.raises(Refused) as refusal:
        world.hub.pulls.create(world.shop, world.by("ada"), title="x", head=ends["head"], base=ends["base"])

    assert refusal.value.errors == [{"resource": "PullRequest", "field": missing, "code": "invalid"}]


def test_settings_of_the_repository_stop_actions_and_drafts(world: World) -> None:
    job = world.hub.tokens.for_job(world.shop, {"pull-requests": "write"})
    world.hub.repos.commit_files(world.shop, "work", {"a": "1"}, world.by("ada"))
    world.shop.settings.actions_may_create_pulls = False
    with pytest.raises(Refused, match="GitHub Actions is not permitted to create or approve pull requests"):
        world.hub.pulls.create(world.shop, job, title="x", head="work", base="main")

    world.shop.settings.actions_may_create_pulls, world.shop.settings.draft_pulls = True, False
    with pytest.raises(Refused, match="Draft pull requests are not supported"):
        world.hub.pulls.create(world.shop, job, title="x", head="work", base="main", draft=True)
    assert world.hub.pulls.create(world.shop, job, title="x", head="work", base="main").user.id == 41898282


def test_merging_makes_a_merge_commit_and_closes_what_the_body_names(world: World) -> None:
    issue = world.issue()
    pull = world.pull(body=f"Fixes #{issue.number}")
    before = world.hub.repos.branch_oid(world.shop, "main")

    oid = world.hub.pulls.merge(pull, world.by("ada"))

    assert world.hub.repos.branch_oid(world.shop, "main") == oid
    assert world.hub.repos.is_ancestor(world.shop, before, oid)
    assert world.hub.repos.is_ancestor(world.shop, part(pull).head_oid, oid)
    assert world.hub.repos.read(world.shop, "main", "1.txt") == "1\n"
    assert (pull.open, pull.merged, part(pull).merged_by) == (False, True, world.hub.user("ada"))
    assert (issue.open, issue.state_reason) == (False, "completed")


def test_closing_words_do_nothing_on_another_base(world: World) -> None:
    issue = world.issue()
    world.hub.repos.commit_files(world.shop, "develop", {"d": "1"}, world.by("ada"))
    world.hub.repos.commit_files(world.shop, "work", {"a": "1"}, world.by("ada"))
    body = f"Closes #{issue.number}"
    pull = world.hub.pulls.create(world.shop, world.by("ada"), title="x", head="work", base="develop", body=body)

    world.hub.pulls.merge(pull, world.by("ada"))

    assert pull.merged
    assert issue.open


def test_conflicts_and_drafts_do_not_merge(world: World) -> None:
    first, second = world.pull("ai/issue-1"), world.pull("ai/issue-2", draft=True)
    world.hub.repos.commit_files(world.shop, "main", {"1.txt": "other\n"}, world.by("ada"))

    assert not world.hub.pulls.mergeable(first)
    assert world.hub.pulls.mergeable(second)
    for pull in (first, second):
        with pytest.raises(Refused) as refusal:
            world.hub.pulls.merge(pull, world.by("ada"))
        assert refusal.value.status == 405


def test_a_push_moves_the_head_and_a_deleted_branch_closes(world: World) -> None:
    pull = world.pull()
    events = world.events()

    oid = world.hub.repos.commit_files(world.shop, "ai/issue-1", {"more.txt": "2"}, world.by("bob"))
    assert part(pull).head_oid == oid
    assert [(event.name, event.action) for event in events] == [("push", ""), ("pull_request", "synchronize")]
    assert sorted(entry["filename"] for entry in world.hub.pulls.files(pull)) == ["1.txt", "more.txt"]

    world.hub.repos.delete_ref(world.shop, "refs/heads/ai/issue-1", world.by("bob"))
    assert (pull.open, pull.merged) == (False, False)


def test_a_base_that_gets_the_commits_by_push_has_merged_it(world: World) -> None:
    """A fast-forward of main to the head is a merge, as on GitHub."""
    pull = world.pull()

    world.hub.repos.update_ref(world.shop, "refs/heads/main", part(pull).head_oid, world.by("ada"))

    assert (pull.open, pull.merged) == (False, True)


def test_files_say_what_happened_to_each(world: World) -> None:
    changes = {"README.md": "# Shop\n\nNew\n", "src/app.py": None, "naïve name.txt": "x\n"}
    world.hub.repos.commit_files(world.shop, "work", changes, world.by("ada"))
    pull = world.hub.pulls.create(world.shop, world.by("ada"), title="x", head="work", base="main")

    files = {entry["filename"]: entry for entry in world.hub.pulls.files(pull)}

    assert {name: entry["status"] for name, entry in files.items()} == {
        "README.md": "modified",
        "src/app.py": "removed",
        "naïve name.txt": "added",
    }
    assert (files["README.md"]["additions"], files["README.md"]["deletions"]) == (2, 0)
    assert files["README.md"]["patch"].startswith("@@")
    assert world.hub.pulls.sizes(pull) == (1, 3, 3, 1)


def test_a_conversation_moves_with_its_line_until_that_is_changed(world: World) -> None:
    hub, ada = world.hub, world.by("ada")
    lines = "".join(f"{number}\n" for number in range(1, 9))
    hub.repos.commit_files(world.shop, "work", {"a.txt": lines}, world.by("bob"))
    pull = hub.pulls.create(world.shop, world.by("bob"), title="x", head="work", base="main")
    hub.reviews.submit(pull, ada, body="", comments=[{"path": "a.txt", "line": 5, "body": "why 5?"}])
    thread = part(pull).threads[0]
    assert thread.diff_hunk.splitlines() == ["@@ -0,0 +1,8 @@", "+1", "+2", "+3", "+4", "+5"]

    hub.repos.commit_files(world.shop, "work", {"a.txt": f"new\n{lines}"}, world.by("bob"))
    assert thread.line == 6
    hub.repos.commit_files(world.shop, "work", {"a.txt": f"new\n{lines}".replace("5", "five")}, world.by("bob"))
    assert (thread.line, thread.original_line) == (0, 5)


def test_an_answer_in_a_conversation_is_a_submitted_review_as_well(world: World) -> None:
    pull = world.pull()
    world.hub.reviews.submit(pull, world.by("ada"), comments=[{"path": "1.txt", "line": 1, "body": "why?"}])
    seen = world.events()

    world.hub.reviews.answer(part(pull).threads[0], world.by("bob"), "because")

    names = [(event.name, event.action) for event in seen]
    assert names == [("pull_request_review", "submitted"), ("pull_request_review_comment", "created")]
    assert [review.state for review in part(pull).reviews] == ["COMMENTED", "COMMENTED"]


def test_a_dismissed_review_no_longer_requests_changes(world: World) -> None:
    pull = world.pull()
    seen = world.events()
    review = world.hub.reviews.submit(pull, world.by("ada"), event="REQUEST_CHANGES", body="no")
    mere = world.hub.reviews.submit(pull, world.by("ada"), body="hm")

    world.hub.reviews.dismiss(pull, review.id, world.by("bob"), "done")

    assert review.state == "DISMISSED"
    assert (seen[-1].name, seen[-1].action) == ("pull_request_review", "dismissed")
    with pytest.raises(Refused, match="commented"):
        world.hub.reviews.dismiss(pull, mere.id, world.by("bob"), "done")


def test_reviews_keep_their_threads_and_nobody_approves_their_own(world: World) -> None:
    pull = world.pull()
    line = {"path": "1.txt", "line": 1, "body": "why?"}
    world.hub.reviews.submit(pull, world.by("ada"), event="REQUEST_CHANGES", body="no", comments=[line])

    thread = part(pull).threads[0]
    world.hub.reviews.reply(pull, world.by("bob"), thread.comments[0].id, "because")
    world.hub.reviews.resolve(thread, world.by("bob"))

    assert [comment.body for comment in thread.comments] == ["why?", "because"]
    assert thread.resolved_by is world.hub.user("bob")
    with pytest.raises(Refused, match="own pull request"):
        world.hub.reviews.submit(pull, world.by("bob"), event="APPROVE")
