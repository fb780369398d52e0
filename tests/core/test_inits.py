"""The plan of issues that a comment carries, the ledger of what is made of it, and what comes next. Pure."""

import base64
import json
import random
import zlib
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.core.effects import MakeIssues, PostComment, React
from bot.core.inits.portion import LATE, MOST_TRIES, next_portion, opening, with_seen
from bot.core.inits.proposal import Proposal, proposal_in, proposal_line, proposal_of
from bot.core.inits.tally import META, Tally, tally_in
from bot.core.ledger import Record, notes_of
from bot.core.markers import hide
from bot.core.messages.inits import proposed_issues
from bot.core.messages.making import making_text
from bot.core.model import Snapshot
from bot.core.names import PROPOSAL_MARKER, Reason
from bot.core.plan import plan
from bot.core.run import Outcome
from bot.core.settings import RepoConfig
from bot.core.situation import Hold, Made, Making, Situation
from bot.core.specs.diff import Existing, compare
from bot.core.specs.mark import marked_body
from bot.core.specs.planned import Plan, PlannedTask
from tests.core.world import ANN, BOT, T0, after, comment, edit, issue, later, snapshot

TASKS = tuple(
    PlannedTask(f"AUTH-1.{number}", f"Step {number}", "Do it.", ("Done",), prerequisites=first)
    for number, first in ((1, ()), (2, ("AUTH-1.1",)), (3, ()), (4, ()), (5, ()))
)
PLAN = Plan("Shop", TASKS)
CONFIG = RepoConfig()


def proposal(*there: Existing, meta: int = 0) -> Proposal:
    """As it is read from a comment."""
    found = proposal_in(proposal_line(proposal_of(PLAN, compare(PLAN, there), meta)))
    assert found is not None
    return found


def approved(*, edited: bool = False) -> Snapshot:
    """An issue whose plan of issues was just approved."""
    diff = compare(PLAN, [])
    at = T0 + timedelta(minutes=2)
    record = Record("1-C10-1", Reason.NEEDS_INPUT, 0.1, at, at, kind="init", planned=True)
    body = proposed_issues(record, Outcome("1-C10-1", "blocked"), proposal_of(PLAN, diff, 0), diff, 1)
    said = comment(11, body, BOT, minutes=2, edited=edited)
    asked = comment(10, "/ai init", minutes=1, reactions=frozenset({"eyes"}))
    return snapshot(
        issue(1, "The shop", labels=("ai-waiting",), comments=(asked, said, comment(12, "/ai approve", minutes=3)))
    )


def situation(snap: Snapshot) -> Situation:
    return plan(snap, CONFIG).survey.situations[1]


# ------------------------------------------------------------------------------------- the whole


@pytest.mark.parametrize("dies", [False, True])
def test_planning_again_and_again_makes_it_whole_and_rests(*, dies: bool) -> None:
    """Also where whoever does it dies after each single effect."""
    snap = approved()
    for _ in range(60):
        effects = plan(snap, CONFIG).effects
        if not effects:
            break
        snap = later(after(snap, effects[:1] if dies else effects), seconds=1)
    assert isinstance(situation(snap), Made)
    assert plan(snap, CONFIG).effects == ()
    titles = [each.title for number, each in sorted(snap.issues.items()) if number > 1]
    assert titles == ["META: Shop", *(task.full_title for task in TASKS)]
    assert snap.issues[1].labels == frozenset()
    assert [c.body[:17] for c in snap.issues[1].comments if "ai-ready:reply" in c.body] == ["**Issues made**: "]


def test_an_edited_plan_is_refused() -> None:
    effects = plan(approved(edited=True), CONFIG).effects

    [reply] = [each for each in effects if isinstance(each, PostComment)]
    assert reply.body.startswith("The comment with the plan was edited")
    assert [each.content for each in effects if isinstance(each, React)] == ["confused"]
    assert not any(isinstance(each, MakeIssues) for each in effects)


def test_a_specification_edited_before_the_approval_is_refused_and_after_it_goes_on() -> None:
    snap = approved()
    edited = edit(snap, 1, body="Another.", body_edited_at=T0 + timedelta(minutes=2, seconds=30))
    assert isinstance(situation(edited), Hold)
    accepted = after(snap, plan(snap, CONFIG).effects)

    still = edit(accepted, 1, body="Another.", body_edited_at=T0 + timedelta(minutes=4))

    assert isinstance(situation(still), Making)


def test_a_pause_holds_it() -> None:
    snap = replace(approved(), paused=True)

    assert isinstance(situation(snap), Hold)
    assert not any(isinstance(each, MakeIssues) for each in plan(snap, CONFIG).effects)


def test_it_goes_on_after_a_pause_with_what_was_noted() -> None:
    snap = approved()
    for _ in range(3):
        snap = after(snap, plan(snap, CONFIG).effects)
    made = notes_of(snap.issues[1], snap.own_ids)
    assert made is not None
    assert made.tally is not None
    assert len(made.tally.made) == 5
    held = replace(snap, paused=True)
    held = after(held, plan(held, CONFIG).effects)

    going = situation(replace(held, paused=False))

    assert isinstance(going, Making)
    assert going.tally == made.tally


def test_of_two_plans_with_the_same_keys_each_issue_is_made_once() -> None:
    """One after the other: the second finds what the first has made."""
    snap = approved()
    first = snap.issues[1]
    moved = tuple(
        replace(each, id=each.id + 100, node_id=f"{each.node_id}x", body=each.body.replace('"1-C10-1"', '"2-C110-1"'))
        for each in first.comments
    )
    snap = replace(snap, issues=MappingProxyType({1: first, 2: replace(first, number=2, comments=moved)}))
    for _ in range(60):
        effects = plan(snap, CONFIG).effects
        if not effects:
            break
        snap = later(after(snap, effects), seconds=1)

    assert [type(plan(snap, CONFIG).survey.situations[number]) for number in (1, 2)] == [Made, Made]
    titles = [each.title for number, each in sorted(snap.issues.items()) if number > 2]
    assert titles == ["META: Shop", *(task.full_title for task in TASKS)]


# ------------------------------------------------------------------------------------- portions


def test_what_may_have_been_made_is_waited_for_and_then_made() -> None:
    tally = replace(opening("C12", proposal()), made=((META, 2),), begun=("AUTH-1.1",), begun_at=T0)

    assert next_portion(proposal(), tally, T0 + LATE - timedelta(seconds=1), 1) is None
    portion = next_portion(proposal(), tally, T0 + LATE, 1)

    assert portion is not None
    assert portion.new[0].key == "AUTH-1.1"


def test_what_is_seen_is_taken_up() -> None:
    """By its title, whoever made it; not the specification itself, however it is called."""
    tally = replace(opening("C12", proposal()), begun=(META, "AUTH-1.1"), begun_at=T0)
    there = (issue(1, "[AUTH-1.2] Spec"), issue(5, "META: shop"), issue(6, "🚀 [auth-1.1] Whatever"))

    seen = with_seen(tally, proposal(), {each.number: each for each in there}, 1)

    assert seen.numbers == {META: 5, "AUTH-1.1": 6}
    assert seen.begun == ()


def test_what_was_there_is_not_made_and_its_relations_are_peoples() -> None:
    old = replace(TASKS[1], description="Do it otherwise.")
    there = Existing("9", old.full_title, marked_body(old, "issue-1"), prerequisites=frozenset({"AUTH-1.1"}))

    found = proposal(there, meta=8)

    assert found.numbers == {META: 8, "AUTH-1.2": 9}
    assert found.changed == ("AUTH-1.2",)
    assert found.waits == ()


def test_refused_for_good_a_person_is_asked() -> None:
    snap = approved()
    snap = after(snap, plan(snap, CONFIG).effects)
    [status] = [each for each in snap.issues[1].comments if "ai-ready:status" in each.body]
    notes = notes_of(snap.issues[1], snap.own_ids)
    assert notes is not None
    assert notes.tally is not None
    tally = replace(notes.tally, tries=MOST_TRIES, refusal="Issues are disabled")
    body = f"{making_text(tally)}\n\n{hide('ai-ready:status', {'v': 1, 'init': tally.data()})}"
    comments = tuple(replace(c, body=body) if c is status else c for c in snap.issues[1].comments)
    snap = edit(snap, 1, comments=comments)

    snap = after(snap, plan(snap, CONFIG).effects)

    said = [each.body for each in snap.issues[1].comments if "ai-ready:reply" in each.body]
    assert said[0].startswith("**Stopped**: 0 of 5 issues are there; GitHub refuses the next one: Issues are disabled.")
    assert plan(snap, CONFIG).effects == ()
    snap = edit(
        later(snap, minutes=9), 1, comments=(*snap.issues[1].comments, comment(99, "/ai approve", ANN, minutes=9))
    )
    assert isinstance(situation(snap), Making)


# -------------------------------------------------------------------------------- what is read back


def test_a_proposal_comes_back_as_it_was() -> None:
    written = proposal_of(PLAN, compare(PLAN, []), 7)

    found = proposal_in(f"words\n\n{proposal_line(written)}\n\nmore")

    assert found is not None
    assert replace(found, sha="") == written
    assert len(found.sha) == 16


def test_a_damaged_proposal_is_none() -> None:
    line, dice = proposal_line(proposal()), random.Random(7)
    for _ in range(300):
        at = dice.randrange(len(line))
        damaged = line[:at] + dice.choice('aZ0{}"=-,') + line[at + 1 :]
        assert damaged == line or proposal_in(damaged) in {None, proposal()}
    bomb = base64.b64encode(zlib.compress(b" " * 50_000_000)).decode()
    assert proposal_in(hide(PROPOSAL_MARKER, {"sha": "x", "data": bomb})) is None


@pytest.mark.parametrize(
    "init",
    [
        None,
        [],
        {"approval": 1, "sha": "a", "made": {}},
        {"approval": "C1", "sha": "a", "made": []},
        {
            "approval": "C1",
            "sha": "a",
            "made": {"A-1.1": -1, "A-1.2": True, "A-1.3": "7"},
            "related": 1e9,
            "tries": None,
        },
        {"approval": "C1", "sha": "a", "made": {}, "begun": {"keys": "AUTH", "at": "never"}, "refused": []},
    ],
)
def test_a_ledger_that_somebody_edited_does_no_harm(init: object) -> None:
    found = tally_in(json.loads(json.dumps({"init": init})))

    assert found in {None, Tally("C1", "a")}


def test_a_ledger_comes_back_as_it_was() -> None:
    tally = Tally("C1", "a", 9, (("A-1.1", 3),), ("A-1.2",), T0, 2, "No.", 4, 5, done=True)

    assert tally_in({"init": tally.data()}) == tally
