"""The one contract of all task sources, tried on each: the real folder, CLI, or a server that refuses what theirs refuses."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.core.model import Standing
from bot.core.settings import OrderRules
from bot.trackers.arranging import arrange_tasks
from bot.trackers.tracker import (
    NewTask,
    NoRelations,
    NoSuchTask,
    Priority,
    SourceConfigError,
    Stale,
    Status,
    Taken,
    Tracker,
)
from tests.trackers.stages import Stage

NEEDED = (Status.TODO, Status.IN_PROGRESS, Status.BLOCKED)


@pytest.fixture
def ada(stage: Stage) -> Tracker:
    return stage.tracker("ada")


@pytest.fixture
def bob(stage: Stage) -> Tracker:
    return stage.tracker("bob")


def test_check_passes_where_the_source_has_every_status(stage: Stage, ada: Tracker) -> None:
    ada.check((*NEEDED, stage.review))


def test_TS9_a_status_that_the_source_lacks_is_an_error_at_start(stage: Stage, ada: Tracker) -> None:
    if stage.lacking is None:
        pytest.skip("it has them all")

    with pytest.raises(SourceConfigError, match=f"{ada.source} has no status for {stage.lacking.value}: .+"):
        ada.check((*NEEDED, stage.lacking))


def test_a_created_task_is_listed_and_found_by_id_and_by_name(ada: Tracker) -> None:
    made = ada.create(NewTask("[AUTH-1.1] Log in: a page", "Two fields.\n\n- [ ] works", Priority.HIGH))

    listed = ada.list()

    assert listed.problems == ()
    assert [task.id for task in listed.tasks] == [made.id]
    assert ada.get(made.id).title == ada.get(made.name).title == made.title == "[AUTH-1.1] Log in: a page"
    assert made.status is Status.TODO
    assert "Two fields." in made.body
    assert made.eligible


def test_TS10_claiming_sets_in_progress_and_keeps_others_out(ada: Tracker, bob: Tracker) -> None:
    task = ada.create(NewTask("One"))

    claimed = ada.claim(task)

    assert claimed.status is ada.get(task.id).status is Status.IN_PROGRESS
    assert claimed.claimed_by == ada.get(task.id).claimed_by == "ada"
    with pytest.raises(Taken):
        bob.claim(bob.get(task.id))
    with pytest.raises((Taken, Stale)):
        bob.set_status(claimed, Status.BLOCKED)
    assert ada.get(task.id).status is Status.IN_PROGRESS


def test_a_crashed_run_claims_its_own_task_again(stage: Stage, ada: Tracker) -> None:
    task = ada.create(NewTask("One"))
    ada.claim(task)

    again = stage.tracker("ada").claim(task)

    assert (again.status, again.claimed_by) == (Status.IN_PROGRESS, "ada")


def test_TS10_of_agents_that_race_exactly_one_wins(stage: Stage, ada: Tracker) -> None:
    task = ada.create(NewTask("One"))
    trackers = [stage.tracker(f"agent-{number}") for number in range(4)]

    def claim(tracker: Tracker) -> str:
        try:
            return tracker.claim(task).claimed_by
        except (Taken, Stale):
            return ""

    with ThreadPoolExecutor(len(trackers)) as pool:
        winners = [name for name in pool.map(claim, trackers) if name]

    assert len(winners) == 1
    assert ada.get(task.id).claimed_by == winners[0]


def test_a_finished_task_is_moved_on_and_no_longer_claimed(stage: Stage, ada: Tracker, bob: Tracker) -> None:
    claimed = ada.claim(ada.create(NewTask("One")))

    done = ada.set_status(claimed, stage.review)

    assert done.status is ada.get(done.id).status is stage.review
    assert ada.get(done.id).claimed_by == ""
    with pytest.raises(Stale):
        ada.set_status(claimed, Status.BLOCKED)
    with pytest.raises(Taken):
        bob.claim(bob.get(done.id))


def test_a_task_that_moved_on_since_it_was_read_is_not_claimed(stage: Stage, ada: Tracker, bob: Tracker) -> None:
    read = ada.create(NewTask("One"))
    bob.set_status(bob.claim(read), stage.review)

    with pytest.raises((Taken, Stale)):
        ada.claim(read)


def test_TS12_a_blocked_task_holds_why(stage: Stage, ada: Tracker) -> None:
    claimed = ada.claim(ada.create(NewTask("One", "What people wrote.")))
    ada.comment(claimed, "First note.")

    ada.comment(claimed, "Blocked (tests-failed): 2 tests fail.\nRun them with `make test`.")
    ada.set_status(claimed, Status.BLOCKED)

    assert ada.get(claimed.id).status is Status.BLOCKED
    seen = stage.seen(claimed.id)
    assert all(words in seen for words in ("What people wrote.", "First note.", "2 tests fail.", "`make test`"))


def test_a_note_with_a_mark_is_added_once(stage: Stage, ada: Tracker) -> None:
    """Who was killed before it could write down that it has said something says it again."""
    claimed = ada.claim(ada.create(NewTask("One")))

    ada.comment(claimed, "Done, the first time.\n\nRun one-1", once="one-1")
    ada.comment(claimed, "Done, the second time.\n\nRun one-1", once="one-1")
    ada.comment(claimed, "Done, another run.\n\nRun one-2", once="one-2")

    seen = stage.seen(claimed.id)
    assert [seen.count(words) for words in ("the first time", "the second time", "another run")] == [1, 0, 1]


def test_a_blocked_task_put_back_to_todo_is_claimed_anew(ada: Tracker, bob: Tracker) -> None:
    blocked = ada.set_status(ada.claim(ada.create(NewTask("One"))), Status.BLOCKED)

    again = bob.set_status(blocked, Status.TODO)

    assert bob.claim(again).claimed_by == "bob"


def test_TS11_the_pull_request_is_linked_once(stage: Stage, ada: Tracker) -> None:
    claimed = ada.claim(ada.create(NewTask("One")))
    url = "https://github.example.com/acme/shop/pull/31"

    ada.attach(claimed, url, "Draft PR #31")
    ada.attach(claimed, url, "Draft PR #31")

    assert stage.seen(claimed.id).count(url) == 1
    assert ada.get(claimed.id).pull == (url if ada.source in ("file", "backlog") else "")


def test_relations_hold_tasks_back_until_what_comes_first_is_done(stage: Stage, ada: Tracker) -> None:
    first, second = ada.create(NewTask("Paint")), ada.create(NewTask("Sell"))
    if not stage.relations:
        with pytest.raises(NoRelations):
            ada.relate(second, first)
        return

    ada.relate(second, first)
    ada.relate(ada.get(second.id), first)

    found = ada.get(second.id).prerequisites
    assert [(each.id, each.standing) for each in found] == [(first.id, Standing.OPEN)]
    assert [task.id for task in arrange_tasks(ada.list(), OrderRules()).ready] == [first.id]
    ada.set_status(ada.claim(ada.get(first.id)), Status.DONE)
    assert [each.standing for each in ada.get(second.id).prerequisites] == [Standing.CLOSED]
    assert [task.id for task in arrange_tasks(ada.list(), OrderRules()).ready] == [second.id]


def test_OR6_phases_in_titles_order_the_tasks(ada: Tracker) -> None:
    for title in ("[AUTH-2.1] Ship", "META: the shop", "[AUTH-1.2] Test", "[AUTH-1.1] Build"):
        ada.create(NewTask(title))
    build = next(task for task in ada.list().tasks if "1.1" in task.title)

    before = arrange_tasks(ada.list(), OrderRules())
    ada.claim(build)
    after = arrange_tasks(ada.list(), OrderRules())

    assert [task.title for task in before.ready] == ["[AUTH-1.1] Build"]
    assert after.ready == ()
    assert after.skipped == (
        "Skipping AUTH-1.2 - blocked by: AUTH-1.1 (in_progress)",
        "Skipping AUTH-2.1 - blocked by: AUTH-1.1 (in_progress), AUTH-1.2 (todo)",
    )


def test_what_is_not_there_is_said(ada: Tracker) -> None:
    with pytest.raises(NoSuchTask, match="There is no task 4711"):
        ada.get("4711")


def test_a_heartbeat_changes_nothing_that_people_see(ada: Tracker) -> None:
    claimed = ada.claim(ada.create(NewTask("One")))

    ada.heartbeat(claimed)

    assert ada.get(claimed.id).status is Status.IN_PROGRESS
    assert ada.get(claimed.id).claimed_by == "ada"
