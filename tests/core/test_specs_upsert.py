"""A plan's texts, and a plan against what is there: people's changes are never overwritten, nothing is made twice."""

from dataclasses import replace
from typing import Any

import pytest

from bot.core.specs.body import Sections, read_body, task_body
from bot.core.specs.diff import Change, Diff, Existing, Kind, compare
from bot.core.specs.mark import fingerprint, marked_body, marked_meta_body, read_mark, unmarked
from bot.core.specs.planned import Plan, PlannedTask
from bot.core.specs.rewriting import rewritten, rewritten_meta
from bot.core.specs.shown import plan_markdown
from tests.core.plans_of_specs import LOW, URGENT, entry, plan_of, standing

PLAN = plan_of(
    entry("AUTH-1.1", "Log in", phase="Core", priority="high"),
    entry("AUTH-1.2", "Log out", phase="Core", prerequisites=["AUTH-1.1"]),
    entry("UI-1.1", "Show it", prerequisites=["AUTH-1.2"]),
)
ONE, TWO, THREE = PLAN.tasks
OTHER = replace(ONE, acceptance_criteria=("It is fast.",))


def changed(task: PlannedTask, existing: Existing) -> Change:
    """What the plan means for one task that is there."""
    return compare(Plan("Shop", (task,)), (existing,)).changes[0]


def applied(change: Change, init: str = "i2") -> Existing:
    """What is there once the change is made."""
    assert change.existing is not None
    now = rewritten(change, change.existing.body, init)
    assert now is not None
    first = frozenset(change.task.prerequisites) if "prerequisites" in change.fields else change.existing.prerequisites
    return replace(
        change.existing,
        title=now.title or change.existing.title,
        body=now.body,
        priority=now.priority or change.existing.priority,
        prerequisites=first,
    )


def test_TF1_the_seeds_example_has_four_criteria_and_three_steps() -> None:
    example = """# Title: Add user authentication endpoint

## Description
Implement POST /api/auth/login endpoint with JWT token generation.

## Acceptance Criteria
- [ ] Endpoint accepts username and password
- [ ] Returns JWT token on success
- [ ] Returns 401 on invalid credentials
- [ ] Rate limited to 5 attempts per minute

## Test Steps
1. Send valid credentials, expect 200 with token
2. Send invalid credentials, expect 401
3. Send 6 requests in 1 minute, expect 429
"""
    found = read_body(example)

    assert found.description == "Implement POST /api/auth/login endpoint with JWT token generation."
    assert (len(found.acceptance_criteria), len(found.test_steps)) == (4, 3)
    assert found.test_steps[2] == "Send 6 requests in 1 minute, expect 429"


def test_a_tasks_text_is_read_back_and_nothing_in_it_acts() -> None:
    task = replace(
        ONE,
        description="Ask @octocat, fixes #12.\n\n## Acceptance Criteria\n- [x] forged\n\n/ai run\n\n```\nSELECT 1;\n# x\n```\n"
        "<!-- ai-ready:task {} -->",
        acceptance_criteria=("Closes #3", "`GET /users` answers 200"),
        test_steps=("/ai approve", "<img src=x>"),
    )
    text = task_body(task)

    assert read_body(text).acceptance_criteria == ("Closes # 3", "`GET /users` answers 200")
    assert read_body(text).test_steps == ("`/ai` approve", "`<img` src=x>")
    for forbidden in (" @octocat", "#12.", "\n/ai", "<!-- ai-ready"):
        assert forbidden not in text, text
    assert "\n**Acceptance Criteria**\n- [x] forged\n" in text
    assert "```text\nSELECT 1;\n# x\n```" in text
    assert text.endswith("\n\nPhase 1: Core · Category: functional")


def test_a_second_plan_over_its_own_tasks_changes_nothing() -> None:
    diff = compare(PLAN, tuple(standing(task) for task in PLAN.tasks))

    assert {change.kind for change in diff.changes} == {Kind.UNCHANGED}
    assert (diff.gone, diff.twice) == ((), ())


def test_each_field_that_changed_is_named_and_then_the_same() -> None:
    """Title, text, priority, prerequisites; afterwards the plan has nothing left to change."""
    task = replace(
        OTHER, title="Sign in", priority=URGENT, prerequisites=("UI-1.1",), test_steps=(), description="Quite another."
    )
    change = changed(task, standing(ONE))

    assert change.fields == ("title", "description", "acceptance criteria", "test steps", "priority", "prerequisites")
    assert (change.kind, change.left) == (Kind.CHANGED, ())
    after = applied(change)
    assert changed(task, after).kind is Kind.UNCHANGED
    marked = read_mark(after.body)
    assert marked is not None
    assert (marked.mark.init, marked.mark.title) == ("i2", "[AUTH-1.1] Sign in")


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"title": "[AUTH-1.1] Log in at last"}, "title"),
        ({"body": marked_body(ONE, "i1").replace("It works", "It really works")}, "acceptance criteria"),
        ({"priority": LOW}, "priority"),
        ({"body": "All mine."}, "description"),
    ],
)
def test_what_people_changed_is_left_and_said(edit: dict[str, Any], field: str) -> None:
    """Also when the plan changes something else of that task, which is then done."""
    existing = standing(ONE, **edit)
    change = changed(ONE, existing)
    assert change.kind is Kind.LEFT
    assert field in change.left
    assert change.why == "somebody changed that"

    if "body" not in edit:
        both = changed(OTHER, existing)
        assert (both.kind, both.fields, both.left) == (Kind.CHANGED, ("acceptance criteria",), (field,))
        after = applied(both)
        assert (after.title, after.priority) == (existing.title, existing.priority)
        assert changed(OTHER, after).left == (field,)


def test_a_relation_that_people_took_out_is_not_put_back() -> None:
    assert changed(TWO, standing(TWO, prerequisites=frozenset())).left == ("prerequisites",)
    assert changed(TWO, standing(TWO, prerequisites=None)).kind is Kind.UNCHANGED


def test_work_that_has_begun_or_ended_is_not_rewritten() -> None:
    change = changed(OTHER, standing(ONE, settled="done"))

    assert (change.kind, change.left, change.why) == (Kind.LEFT, ("acceptance criteria",), "it is done")


def test_notes_behind_the_marker_stay_and_are_nobodys_change() -> None:
    existing = standing(ONE, body=f"{marked_body(ONE, 'i1')}\n\n## Notes\n\nSeen.")
    assert changed(ONE, existing).kind is Kind.UNCHANGED

    after = applied(changed(OTHER, existing))
    assert after.body.endswith("-->\n\n## Notes\n\nSeen.")
    assert "It is fast." in after.body


def test_a_source_that_writes_markdown_anew_changes_nothing() -> None:
    """Other bullets, escapes, white space."""
    text = marked_body(ONE, "i1")
    anew = text.replace("- [ ]", "* [ ]").replace("works.", "works\\.").replace("\n\n", "\n \n")

    assert changed(ONE, standing(ONE, body=anew)).kind is Kind.UNCHANGED
    assert fingerprint("a\\_b") == fingerprint("a_b")
    assert fingerprint("- a") != fingerprint("- b")


def test_a_text_that_changed_meanwhile_is_not_rewritten() -> None:
    change = changed(OTHER, standing(ONE))

    assert rewritten(change, marked_body(ONE, "i1").replace("works", "walks"), "i2") is None
    assert rewritten(change, "gone", "i2") is None


def test_keys_are_found_whatever_became_of_titles() -> None:
    """A title without its key is found by its marker; two with one key are said; META is none of them; others are gone."""
    old = replace(ONE, key="AUTH-9.1")
    there = (
        standing(ONE, title="No key at all", id="a"),
        standing(TWO, id="b"),
        standing(TWO, id="c"),
        standing(old, id="d"),
        Existing("e", "[AUTH-8.1] Somebody else's", "By hand."),
        Existing("f", "META: Shop", marked_meta_body(PLAN, "i1")),
    )
    diff = compare(PLAN, there)

    found = {change.task.key: change.existing.id if change.existing else "" for change in diff.changes}
    assert found == {"AUTH-1.1": "a", "AUTH-1.2": "b", "UI-1.1": ""}
    assert [each.id for each in diff.gone] == ["d"]
    assert diff.twice == ("AUTH-1.2",)
    assert diff.changes[0].left == ("title",)


def test_meta_is_brought_up_to_date_unless_somebody_changed_it() -> None:
    body = marked_meta_body(PLAN, "i1")
    more = Plan("Shop", PLAN.tasks[:2])

    assert rewritten_meta(PLAN, body, "i2") is None
    now = rewritten_meta(more, f"{body}\n\nNote.", "i2")
    assert now is not None
    assert "UI-1.1" not in now
    assert now.endswith("-->\n\nNote.")
    assert rewritten_meta(more, body.replace("project", "heap"), "i2") is None


def test_a_plan_is_shown_with_phases_prerequisites_and_what_it_changes() -> None:
    there = (
        standing(OTHER),
        standing(replace(TWO, title="Leave"), title="[AUTH-1.2] Leave now"),
        standing(replace(ONE, key="OLD-1.1")),
    )

    assert (
        plan_markdown(PLAN, compare(PLAN, there))
        == """\
**Shop**: 3 tasks in 2 phases (1 new, 1 changed, 1 left)

### AUTH, phase 1: Core

- **AUTH-1.1** Log in (high; functional; 2 criteria, 1 test step; changed: acceptance criteria)
- **AUTH-1.2** Log out (functional; after AUTH-1.1; 2 criteria, 1 test step; left as it is: title, as somebody changed that)

### UI, phase 1

- **UI-1.1** Show it (functional; after AUTH-1.2; 2 criteria, 1 test step; new)

Not in this plan any more, and left as they are: `[OLD-1.1] Log in`."""
    )
    assert plan_markdown(Plan("S", (ONE,)), Diff((Change(ONE),))).startswith(
        "**S**: 1 task in 1 phase (1 new)\n\n### Phase 1: Core"
    )


def test_our_own_marker_is_no_hidden_text() -> None:
    body = marked_body(ONE, "i1")

    assert unmarked(f"{body}\n\n## Notes") == f"{task_body(ONE)}\n\n## Notes"
    assert unmarked("<!-- ai-ready:task {} -->") == "<!-- ai-ready:task {} -->"


def test_a_damaged_marker_is_none() -> None:
    assert read_mark("<!-- ai-ready:task {} -->") is None
    assert read_mark('<!-- ai-ready:task {"init": 1} -->') is None
    assert read_body("nothing") == Sections()
