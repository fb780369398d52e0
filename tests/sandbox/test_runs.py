"""Workflow files and the record of runs, without anybody running them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.sandbox.errors import Refused
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.workflow_files import is_workflow, parse, triggers
from tests.sandbox.world import World


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on: push", {"push": None}),
        ("on: [issues, push]", {"issues": None, "push": None}),
        ("on: {issues: {types: [labeled]}}", {"issues": {"types": ["labeled"]}}),
        ("true: push", {}),
        ("on: [unclosed", {}),
        ("", {}),
    ],
)
def test_triggers_are_read_whichever_way_they_are_spelled(text: str, expected: dict[str, object]) -> None:
    """`on` is a word, not a truth value, as on GitHub."""
    assert triggers(parse(text)) == expected


@pytest.mark.parametrize(
    ("path", "yes"),
    [
        (".github/workflows/ci.yml", True),
        (".github/workflows/ci.yaml", True),
        (".github/workflows/deep/ci.yml", False),
        (".github/workflows/notes.md", False),
        ("workflows/ci.yml", False),
    ],
)
def test_workflows_lie_in_one_folder(path: str, yes: bool) -> None:
    assert is_workflow(path) == yes


class Driver:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def dispatched(self, run: WorkflowRun) -> None:
        self.told.append(("dispatched", run.id))

    def cancelled(self, run: WorkflowRun, *, force: bool) -> None:
        self.told.append(("forced" if force else "cancelled", run.id))

    def rerun(self, run: WorkflowRun) -> None:
        self.told.append(("rerun", run.id))


def dispatched(world: World) -> WorkflowRun:
    workflow = world.hub.actions.find_workflow(world.shop, "ai.yml")
    return world.hub.actions.dispatch(world.shop, workflow, world.by("bob"), ref="main", inputs={"issue": "7"})


def test_a_driver_hears_of_dispatch_cancel_and_rerun(world: World) -> None:
    driver = world.hub.actions.driver = Driver()
    run = dispatched(world)
    assert (run.status, run.inputs, run.event) == ("queued", {"issue": "7", "run_key": ""}, "workflow_dispatch")

    world.hub.actions.cancel(run)
    world.hub.actions.update_run(run, status="completed", conclusion="cancelled")
    world.hub.actions.rerun(run)

    assert driver.told == [("dispatched", run.id), ("cancelled", run.id), ("rerun", run.id)]
    assert (run.run_attempt, run.status, run.conclusion) == (2, "queued", "")


def test_a_run_tells_its_stages_once_each(world: World) -> None:
    events = world.events()
    run = dispatched(world)

    world.hub.actions.update_run(run, status="in_progress")
    world.hub.actions.update_run(run, status="in_progress", title="ai-ready #7")
    world.hub.actions.update_run(run, status="completed", conclusion="success")

    assert [(event.name, event.action) for event in events] == [
        ("workflow_dispatch", ""),
        ("workflow_run", "requested"),
        ("workflow_run", "in_progress"),
        ("workflow_run", "completed"),
        ("check_suite", "completed"),
    ]
    assert events[-2].payload["workflow_run"]["display_title"] == "ai-ready #7"


def test_an_ended_run_can_not_be_cancelled_nor_a_running_one_rerun(world: World) -> None:
    run = dispatched(world)
    with pytest.raises(Refused) as running:
        world.hub.actions.rerun(run)
    world.hub.actions.update_run(run, status="completed", conclusion="success")
    with pytest.raises(Refused) as ended:
        world.hub.actions.cancel(run)

    assert (running.value.status, ended.value.status) == (403, 409)


def test_of_many_claims_at_once_exactly_one_wins(world: World) -> None:
    """Creating a ref is the lock that gates rely on."""
    main = world.hub.repos.branch_oid(world.shop, "main")

    def claim(_: int) -> bool:
        try:
            world.hub.repos.create_ref(world.shop, "refs/heads/ai/claim-7", main, world.by("bob"))
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1
