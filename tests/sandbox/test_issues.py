"""The hub's issues: what changes leave behind in fields, timeline and events."""

from typing import Any

import pytest

from bot.sandbox.errors import Refused
from tests.sandbox.world import World


def test_an_edit_remembers_editor_and_time_and_a_rename_is_in_the_timeline(world: World) -> None:
    issue = world.issue("Old", body="before")
    world.clock.advance(5)

    world.hub.issues.edit(issue, world.by("bob"), title="New", body="after")

    assert (issue.editor, issue.last_edited_at) == (world.hub.user("bob"), world.clock.moment)
    assert [edit.before for edit in issue.edits] == ["before"]
    assert [(e.event, e.actor.login, e.detail) for e in issue.timeline] == [
        ("renamed", "bob", {"before": "Old", "after": "New"})
    ]


def test_a_new_title_alone_is_no_edit_of_the_body(world: World) -> None:
    issue = world.issue("Old", body="text")

    world.hub.issues.edit(issue, world.by("ada"), title="New", body="text")

    assert issue.last_edited_at is None


def test_labelling_twice_happens_once(world: World) -> None:
    """The second label neither enters the timeline nor emits an event; case does not matter."""
    issue, events = world.issue(), world.events()

    world.hub.issues.add_labels(issue, ["ai-ready"], world.by("ada"))
    world.hub.issues.add_labels(issue, ["AI-Ready"], world.by("bob"))

    assert [(event.event, event.actor.login) for event in issue.timeline] == [("labeled", "ada")]
    assert [(event.name, event.action) for event in events] == [("issues", "labeled")]
    assert events[0].payload["label"]["name"] == "ai-ready"


def test_closing_says_why_and_reopening_forgets_who(world: World) -> None:
    issue = world.issue()

    world.hub.issues.close(issue, world.by("bob"), reason="not_planned")
    assert (issue.open, issue.state_reason, issue.closed_by) == (False, "not_planned", world.hub.user("bob"))
    world.hub.issues.reopen(issue, world.by("ada"))

    assert (issue.open, issue.state_reason, issue.closed_by) == (True, "reopened", None)
    assert [event.event for event in issue.timeline] == ["closed", "reopened"]


def test_a_locked_issue_takes_comments_of_writers_only(world: World) -> None:
    issue = world.issue()
    world.hub.issues.lock(issue, world.by("ada"))

    world.hub.issues.add_comment(issue, world.by("bob"), "fine")
    with pytest.raises(Refused, match="locked"):
        world.hub.issues.add_comment(issue, world.by("rob"), "no")


def test_a_body_over_githubs_limit_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refusal:
        world.issue(body="x" * 65537)
    assert refusal.value.status == 422


def test_people_without_access_are_left_out_of_assignees(world: World) -> None:
    issue = world.issue()

    world.hub.issues.assign(issue, ["bob", "eve", "nobody"], world.by("ada"))

    assert [user.login for user in issue.assignees] == ["bob"]


def test_deleted_and_transferred_issues_leave_their_number_behind(world: World) -> None:
    """Deleted: 410. Transferred: 301 with the new address; dependencies of both are gone."""
    other = world.hub.create_repo("acme/other", "ada", files={})
    blocker, blocked, moving = world.issue("a"), world.issue("b"), world.issue("c")
    world.hub.links.block(blocked, blocker, world.by("ada"))

    world.hub.issues.delete(blocker, world.by("ada"))
    moved = world.hub.issues.transfer(moving, other, world.by("ada"))

    assert blocked.blocked_by == []
    with pytest.raises(Refused) as gone:
        world.hub.issues.get(world.shop, blocker.number)
    with pytest.raises(Refused) as elsewhere:
        world.hub.issues.get(world.shop, moving.number)
    assert gone.value.status == 410
    assert (elsewhere.value.status, elsewhere.value.message) == (
        301,
        f"{world.hub.api_url}/repos/acme/other/issues/{moved.number}",
    )


def test_dependencies_show_on_both_sides_and_tell_both(world: World) -> None:
    blocker, blocked = world.issue("a"), world.issue("b")
    events = world.events()

    world.hub.links.block(blocked, blocker, world.by("ada"))

    assert (blocked.blocked_by, blocker.blocking) == ([blocker], [blocked])
    assert [(event.name, event.action) for event in events] == [
        ("issue_dependencies", "blocked_by_added"),
        ("issue_dependencies", "blocking_added"),
    ]
    assert events[0].payload["blocking_issue_id"] == blocker.id


def test_a_pull_request_blocks_nothing(world: World) -> None:
    pull, issue = world.pull(), world.issue()

    with pytest.raises(Refused):
        world.hub.links.block(issue, pull, world.by("ada"))


def test_a_sub_issue_has_one_parent_and_no_circle(world: World) -> None:
    top, child, other = world.issue("top"), world.issue("child"), world.issue("other")
    world.hub.links.add_child(top, child, world.by("ada"))

    with pytest.raises(Refused, match="one parent"):
        world.hub.links.add_child(other, child, world.by("ada"))
    with pytest.raises(Refused):
        world.hub.links.add_child(child, top, world.by("ada"))
    world.hub.links.add_child(other, child, world.by("ada"), replace=True)

    assert (top.sub_issues, other.sub_issues, child.parent) == ([], [child], other)


def test_stale_lists_show_what_was_and_single_reads_what_is(world: World) -> None:
    """Late lists neither know a new issue nor a new label or state; `get` does."""
    old = world.issue("old")
    world.clock.advance(60)
    world.hub.issues.add_labels(old, ["ai-ready"], world.by("ada"))
    world.hub.issues.close(old, world.by("ada"))
    world.issue("new")
    world.hub.issues.add_comment(old, world.by("ada"), "late")

    world.hub.faults.stale(30)

    listed = world.hub.issues.listing(world.shop)
    assert [(issue.title, issue.open, issue.labels) for issue in listed] == [("old", True, [])]
    assert world.hub.issues.comments(old) == []
    assert not world.hub.issues.get(world.shop, old.number).open
    world.hub.faults.clear()
    assert [issue.open for issue in world.hub.issues.listing(world.shop)] == [False, True]


def test_every_id_and_node_id_is_unique_and_found_again(world: World) -> None:
    issue, pull = world.issue(), world.pull()
    comment = world.hub.issues.add_comment(issue, world.by("ada"), "hi")
    records: list[Any] = [issue, pull, comment, world.shop, *world.hub.users.values(), *issue.timeline]

    assert len({record.node_id for record in records}) == len(records)
    assert all(world.hub.node(record.node_id) is record for record in records)
    assert (world.hub.actions_bot.login, world.hub.actions_bot.id) == ("github-actions[bot]", 41898282)
