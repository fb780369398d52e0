"""Linear: its schema, its pages, its refusals, and claims by comment."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    parse,
    validate,
)

from bot.core.settings import OrderRules
from bot.trackers import linear_queries
from bot.trackers.arranging import arrange_tasks
from bot.trackers.linear import Scope
from bot.trackers.linear_claims import claiming
from bot.trackers.tracker import (
    NewTask,
    Priority,
    SourceConfigError,
    SourceUnavailable,
    Status,
    Taken,
    TrackerError,
)
from tests.npm import installed, needs_npm
from tests.trackers.linear_server import SCHEMA, Comment, Issue, Linear, Named, Relation, State, Team, states
from tests.trackers.stages import LinearStage

RATELIMITED = {"errors": [{"message": "Rate limit exceeded", "extensions": {"code": "RATELIMITED"}}]}


@pytest.fixture
def stage(serve: Callable[[FastAPI], str]) -> Iterator[LinearStage]:
    linear = Linear()
    yield LinearStage(serve(linear.app()), linear)
    assert linear.refused == []


def issue(stage: LinearStage, title: str, state: str = "Todo") -> Issue:
    linear = stage.server
    team = linear.teams_there[0]
    [found] = [each for each in team.team_states if each.name == state]
    linear.issues_there.append(Issue(len(linear.issues_there) + 1, title, found, team, linear.time()))
    return linear.issues_there[-1]


# ---------------------------------------------------------------------------------------------- schema


@pytest.mark.parametrize("query", linear_queries.ALL)
def test_every_query_is_one_that_the_schema_admits(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


@needs_npm[0]
@needs_npm[1]
def test_the_schema_is_a_part_of_linears() -> None:
    """Every type, field, argument and enum value, against the types of the published SDK."""
    folder = installed("@linear/sdk", "98.0.0") / "dist"
    text = "\n".join(path.read_text() for path in folder.glob("index*.d.mts"))
    blocks = dict(
        re.findall(r"^(?:type|declare enum|enum) (\w+) =? ?(?:Node & )?\{\n(.*?)^\};?", text, re.DOTALL | re.MULTILINE)
    )

    def fields(name: str) -> set[str]:
        return set(re.findall(r"^  (\w+)\??(?::| =)", blocks.get(name, ""), re.MULTILINE))

    lacking: list[str] = []
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLEnumType):
            lacking += [f"{name}.{value}" for value in kind.values if value not in {f.lower() for f in fields(name)}]
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
            there = fields("IdComparator" if name == "IDComparator" else name)
            lacking += [f"{name}.{field}" for field in kind.fields if field not in there]
        if isinstance(kind, GraphQLObjectType):
            for field, about in kind.fields.items():
                known = fields(f"{name}{field[0].upper()}{field[1:]}Args")
                lacking += [f"{name}.{field}({argument})" for argument in about.args if argument not in known]

    assert lacking == []


# ---------------------------------------------------------------------------------------------- reading


def test_all_pages_are_read_and_sorted_as_people_did(stage: LinearStage) -> None:
    for number in range(120):
        issue(stage, f"Issue {number}")

    tasks = stage.tracker("ada").list().tasks

    assert [task.name for task in tasks] == [f"ENG-{number}" for number in range(1, 121)]
    assert stage.server.operations.count("Issues") == 3


@pytest.mark.parametrize(("state", "status", "eligible"), [
    ("Triage", Status.TODO, False),
    ("Backlog", Status.TODO, False),
    ("Todo", Status.TODO, True),
    ("In Progress", Status.IN_PROGRESS, True),
    ("In Review", Status.IN_REVIEW, True),
    ("Blocked", Status.BLOCKED, True),
    ("Done", Status.DONE, True),
    ("Canceled", Status.CANCELLED, True),
    ("Duplicate", Status.CANCELLED, True),
])  # fmt: skip
def test_TS9_states_are_told_by_type(stage: LinearStage, state: str, status: Status, eligible: bool) -> None:
    made = issue(stage, "A", state)
    if state not in ("In Review", "Blocked"):
        made.state.name = "whatever the team calls it"

    task = stage.tracker("ada").get("ENG-1")

    assert (task.status, task.eligible) == (status, eligible)


def test_a_type_that_we_do_not_know_is_a_problem_of_that_issue_alone(stage: LinearStage) -> None:
    issue(stage, "[A-1.1] One").state = State("Odd", "parked", 1.0)
    issue(stage, "[A-1.2] Two")

    listing = stage.tracker("ada").list()

    assert [task.name for task in listing.tasks] == ["ENG-2"]
    assert [problem.text for problem in listing.problems] == [
        "ENG-1 has a state of the type parked, which we do not know: move it to another state."
    ]
    assert arrange_tasks(listing, OrderRules()).ready == ()


@pytest.mark.parametrize(("number", "priority"), [(0, 3), (1, 1), (2, 2), (3, 3), (4, 4)])
def test_TF4_no_priority_is_normal(stage: LinearStage, number: int, priority: int) -> None:
    issue(stage, "A").priority = number

    assert stage.tracker("ada").get("ENG-1").priority is Priority(priority)


def test_more_relations_than_we_read_are_waited_for(stage: LinearStage) -> None:
    first, second = issue(stage, "A", "Done"), issue(stage, "B")
    second.its_blockers += [Relation("related", first, second) for _ in range(20)]
    assert [task.name for task in arrange_tasks(stage.tracker("ada").list(), OrderRules()).ready] == ["ENG-2"]

    second.its_blockers.append(Relation("blocks", first, second))

    found = arrange_tasks(stage.tracker("ada").list(), OrderRules())
    assert found.skipped == ("Skipping ENG-2 - blocked by: more relations than we read (unknown)",)


# ----------------------------------------------------------------------------------------------- check


def test_a_state_that_the_team_lacks_is_said_at_start_and_may_have_another_name(stage: LinearStage) -> None:
    team = stage.server.teams_there[0]
    next(state for state in team.team_states if state.name == "Blocked").name = "Stuck"

    with pytest.raises(SourceConfigError, match="linear has no status for blocked: make a state Blocked in the team's"):
        stage.tracker("ada").check((Status.BLOCKED, Status.IN_PROGRESS))
    stuck = Scope(statuses={Status.BLOCKED: "stuck"})
    stage.tracker("ada", stuck).check((Status.BLOCKED, Status.IN_PROGRESS))
    issue(stage, "A", "Stuck")
    assert stage.tracker("ada", stuck).get("ENG-1").status is Status.BLOCKED


def test_a_state_that_is_named_for_todo_is_offered_whatever_its_type(stage: LinearStage) -> None:
    issue(stage, "A", "Backlog")
    issue(stage, "B", "Triage")
    backlog = Scope(statuses={Status.TODO: "Backlog"})

    listed = stage.tracker("ada", backlog).list()

    assert [task.title for task in arrange_tasks(listed, OrderRules()).ready] == ["A"]


def test_TS5_the_team_is_found_when_there_is_but_one(stage: LinearStage) -> None:
    stage.tracker("ada").check(())
    stage.server.teams_there.append(Team("OPS", states()))

    with pytest.raises(SourceConfigError, match=r"several teams \(ENG, OPS\): say one of them as `team_id`"):
        stage.tracker("ada").check(())
    stage.tracker("ada", Scope(team="ops")).check(())
    stage.tracker("ada", Scope(team=stage.server.teams_there[1].id)).check(())
    with pytest.raises(SourceConfigError, match="has no team XYZ that this key sees"):
        stage.tracker("ada", Scope(team="XYZ")).check(())


def test_TS5_a_project_narrows_and_takes_new_tasks(stage: LinearStage) -> None:
    issue(stage, "Elsewhere")
    tracker = stage.tracker("ada", Scope(project="Shop"))

    tracker.check(())
    made = tracker.create(NewTask('Say "hi" } {', labels=("api",), priority=Priority.HIGH))

    assert [(task.title, task.labels) for task in tracker.list().tasks] == [('Say "hi" } {', frozenset({"api"}))]
    assert (made.series, made.priority) == ("Shop", Priority.HIGH)
    tracker.create(NewTask("Two", labels=("api",)))
    assert [label.name for label in stage.server.labels_there] == ["api"]
    with pytest.raises(SourceConfigError, match="no project named Shed: correct `project_name`"):
        stage.tracker("ada", Scope(project="Shed")).check(())
    stage.server.projects_there.append(Named("Shop"))
    with pytest.raises(SourceConfigError, match="several projects named Shop"):
        stage.tracker("ada", Scope(project="Shop")).check(())


# -------------------------------------------------------------------------------------------- refusals


def test_a_wrong_key_is_said_with_its_variable_and_never_shown(stage: LinearStage) -> None:
    with pytest.raises(SourceConfigError, match="refused the API key: set LINEAR_API_KEY") as caught:
        stage.tracker("ada", key="lin_wrong").check(())
    assert "lin_wrong" not in str(caught.value)


def test_errors_that_come_with_http_200_are_errors(stage: LinearStage) -> None:
    stage.server.trouble.append((200, {"data": {"issues": None}, "errors": [{"message": "Query too complex"}]}, {}))

    with pytest.raises(TrackerError, match="Linear refused: Query too complex"):
        stage.tracker("ada").list()


@pytest.mark.parametrize("status", [200, 400, 429])
def test_a_limit_is_waited_out_also_for_writes(stage: LinearStage, status: int) -> None:
    made = issue(stage, "A")
    tracker = stage.tracker("ada")
    task = tracker.get("ENG-1")
    reset = str(int((stage.server.now.timestamp() + 7) * 1000))
    headers = {"x-ratelimit-requests-reset": reset, "retry-after": "7"}
    stage.server.trouble.append((status, RATELIMITED, headers))

    tracker.comment(task, "Once.")

    assert [comment.body for comment in made.its_comments] == ["Once."]
    assert len(stage.waits) == 1
    assert 5 < stage.waits[0] < 8


def test_a_long_limit_is_left_to_whoever_asked(stage: LinearStage) -> None:
    reset = str(int((stage.server.now.timestamp() + 900) * 1000))
    stage.server.trouble.append((200, RATELIMITED, {"x-ratelimit-requests-reset": reset}))

    with pytest.raises(SourceUnavailable, match="too many requests and wants to be left alone for 900 s") as caught:
        stage.tracker("ada").list()

    assert 800 < caught.value.retry_after < 1000
    assert stage.waits == []


def test_a_read_is_tried_again_and_a_write_that_may_have_happened_is_not(stage: LinearStage) -> None:
    issue(stage, "A")
    tracker = stage.tracker("ada")
    stage.server.trouble += [(502, {}, {}), (503, {}, {})]
    task = tracker.get("ENG-1")
    stage.server.trouble.append((502, {}, {}))

    with pytest.raises(SourceUnavailable, match="Linear answered with HTTP 502"):
        tracker.comment(task, "Once?")

    assert "Comment" not in stage.server.operations


def test_an_update_that_linear_did_not_do_is_no_success(stage: LinearStage) -> None:
    issue(stage, "A")
    tracker = stage.tracker("ada")
    task = tracker.get("ENG-1")
    stage.server.trouble.append((200, {"data": {"done": {"success": False}}}, {}))

    with pytest.raises(TrackerError, match="did not do what it was asked"):
        tracker.comment(task, "Hello")


# --------------------------------------------------------------------------------------------- claims


def test_TS10_who_comments_second_takes_the_claim_back(stage: LinearStage) -> None:
    made = issue(stage, "A")
    ada = stage.tracker("ada")
    task = ada.get("ENG-1")
    made.its_comments.append(Comment("1", claiming("bob"), stage.server.time()))

    with pytest.raises(Taken, match="ENG-1 is claimed by bob"):
        ada.claim(task)

    assert made.state.name == "Todo"
    assert [comment.body for comment in made.its_comments] == [claiming("bob"), "Claim of `ada` ended: not taken."]


def test_a_claim_that_a_crash_left_before_the_state_holds_others_up_for_five_minutes(stage: LinearStage) -> None:
    made = issue(stage, "A")
    task = stage.tracker("ada").get("ENG-1")
    made.its_comments.append(Comment("1", claiming("bob"), stage.server.time()))
    stage.server.now += timedelta(seconds=299)
    with pytest.raises(Taken):
        stage.tracker("ada").claim(task)
    stage.server.now += timedelta(seconds=2)

    claimed = stage.tracker("ada").claim(task)

    assert (claimed.status, claimed.claimed_by) == (Status.IN_PROGRESS, "ada")


def test_a_crash_before_the_state_is_made_good_by_the_same_agent_at_once(stage: LinearStage) -> None:
    made = issue(stage, "A")
    task = stage.tracker("bob").get("ENG-1")
    made.its_comments.append(Comment("1", claiming("bob"), stage.server.time()))

    assert stage.tracker("bob").claim(task).claimed_by == "bob"


def test_an_issue_that_a_person_moves_while_we_claim_is_left_alone(stage: LinearStage) -> None:
    made = issue(stage, "A")
    task = stage.tracker("ada").get("ENG-1")
    canceled = next(state for state in made.team.team_states if state.name == "Canceled")

    def cancel() -> None:
        made.state = canceled

    stage.server.afterwards["Comment"] = cancel

    with pytest.raises(Taken, match="ENG-1 is cancelled, so it can't be claimed"):
        stage.tracker("ada").claim(task)

    assert made.state is canceled
    assert [comment.body for comment in made.its_comments] == ["Claim of `ada` ended: not taken."]


def test_a_claim_that_takes_too_long_is_taken_back(stage: LinearStage) -> None:
    """Others stop waiting for it after five minutes."""
    made = issue(stage, "A")
    minutes = iter((0.0, 61.0))
    slow = stage.tracker("ada", running=lambda: next(minutes))

    with pytest.raises(SourceUnavailable, match="too slow to claim ENG-1 safely"):
        slow.claim(slow.get("ENG-1"))

    assert made.state.name == "Todo"
    assert [comment.body for comment in made.its_comments] == ["Claim of `ada` ended: not taken."]
