"""What is believed of an agent's answer to a spec: the seeds' specs, every flaw, and keys that the spec itself has."""

from typing import Any

import pytest

from bot.core.specs.planned import Plan
from bot.core.specs.reading import MOST_FLAWS, Flawed, read_answer
from bot.core.specs.spec import read_spec
from tests.core.plans_of_specs import PROSE, TAGGED, answer, answer_to, entry, flaws_of, plan_of

ONE = entry("AUTH-1.1", "Log in")


def test_IN6_keys_of_the_spec_survive_in_its_order_with_its_titles() -> None:
    """The seeds' example: five tags under two phases."""
    spec = read_spec(TAGGED)
    plan = read_answer(answer_to(spec), spec)

    assert isinstance(plan, Plan), plan
    assert [task.full_title for task in plan.tasks] == [
        line.removeprefix("- ") for line in TAGGED.splitlines() if line.startswith("- ")
    ]
    assert [(phase.number, phase.name, len(phase.tasks)) for phase in plan.phases] == [
        (1, "Core Authentication", 3),
        (2, "Enhanced Features", 2),
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda tasks: tasks.pop(1), "The spec has `[AUTH-1.2] Implement login endpoint`, and the plan does not."),
        (lambda tasks: tasks.insert(0, tasks.pop(1)), "The spec has AUTH-1.1 where the plan has AUTH-1.2: keep"),
        (lambda tasks: tasks[0].update(title="Other"), "calls AUTH-1.1 `Create user model and database schema`, and"),
        (lambda tasks: tasks[0].update(key="AUTH-3.1"), "The spec has `[AUTH-1.1] Create user model"),
        (lambda tasks: tasks[0].update(title="Create user model and"), "calls AUTH-1.1"),
    ],
)
def test_IN6_an_answer_that_loses_moves_or_renames_a_key_is_refused(change: Any, sentence: str) -> None:
    spec = read_spec(TAGGED)
    said = answer_to(spec)
    change(said["tasks"])
    found = read_answer(said, spec)

    assert isinstance(found, Flawed)
    assert len(found.flaws) == 1
    assert sentence in found.flaws[0]


def test_TF7_phases_and_keys_are_read_as_people_see_them() -> None:
    """Bold, boxes and wrapped titles count; code, quotations inside a paragraph and mentions do not."""
    spec = read_spec(
        "# Spec\n\n## Phase 1 - Core\n\n- **[AUTH-1.1]** One\n- [x] [AUTH-1.2]: Two `code`\n1. [auth-1.3] Three that\n"
        "   goes on\n\n### [AUTH-1.4](https://example.org/x) Four\n\nText of four, see\n[AUTH-7.7] there.\n\n"
        "```\n- [AUTH-8.8] in code\n```\n\n- see AUTH-9.9\n- [AUTH-2.1] Elsewhere\n"
    )

    assert [(tag.key, tag.title, tag.phase) for tag in spec.tags] == [
        ("AUTH-1.1", "One", "Core"),
        ("AUTH-1.2", "Two `code`", "Core"),
        ("AUTH-1.3", "Three that", "Core"),
        ("AUTH-1.4", "Four", "Core"),
        ("AUTH-2.1", "Elsewhere", ""),
    ]
    tasks = [entry(tag.key, tag.title) for tag in spec.tags]
    tasks[2]["title"] = "Three that goes on"
    plan = plan_of(*tasks, spec=spec.text)
    assert plan.tasks[2].title == "Three that goes on"


def test_TF7_a_spec_of_prose_has_no_keys_and_any_plan_will_do() -> None:
    spec = read_spec(PROSE)

    assert (spec.tags, spec.flaws, spec.notes) == ((), (), ())
    assert len(plan_of(ONE, entry("DASH-1.1", "Show metrics"), spec=PROSE).phases) == 2


def test_a_spec_that_contradicts_itself_is_said_before_anything_is_spent() -> None:
    spec = read_spec("- [A-1.1] One\n- [A-1.1] Other\n- [A-1.1] One\n- [A-1.2]\n- [A-100.1] Far\n")

    assert spec.flaws == ("The spec has A-1.1 twice: `One` and `Other`.",)
    assert [note[:30] for note in spec.notes] == ["A-1.2 stands in the spec witho", "`[A-100.1] Far` in the spec: n"]


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ((ONE, ONE), "AUTH-1.1 is there twice."),
        ((entry("AUTH-1.1", "x", prerequisites=["AUTH-1.1"]),), "AUTH-1.1 waits for itself."),
        ((entry("AUTH-1.1", "x", prerequisites=["B-1.1"]),), "AUTH-1.1 waits for `B-1.1`, which is not in the plan."),
        (
            (entry("AUTH-1.1", "x", prerequisites=["AUTH-1.2"]), entry("AUTH-1.2", "y")),
            "AUTH-1.1 waits for AUTH-1.2, which comes after it by its number.",
        ),
        (
            (
                entry("A-1.1", "x", prerequisites=["B-1.2"]),
                entry("B-1.1", "y", prerequisites=["A-1.1"]),
                entry("B-1.2", "z"),
            ),
            "These wait for each other: A-1.1 → B-1.2 → B-1.1 → A-1.1.",
        ),
        ((entry("AUTH-100.1", "x"),), "Task 1 has the key `AUTH-100.1`: a key is of the form AUTH-1.2"),
        ((entry("1.1", "x"),), "Task 1 has the key `1.1`"),
        ((entry("META", "x"),), "Task 1 has the key `META`"),
        ((entry("12-1.1", "x"),), "Task 1 has the key `12-1.1`"),
        ((entry("AUTH-1.1", "  "),), "AUTH-1.1 has no title."),
        ((entry("AUTH-1.1", "x" * 300),), "AUTH-1.1 has a title of 300 characters"),
        ((entry("AUTH-1.1", "x", description=" "),), "AUTH-1.1 has no description."),
        ((entry("AUTH-1.1", "x", description="y" * 9000),), "AUTH-1.1 has a description of 9000 characters"),
        ((entry("AUTH-1.1", "x", acceptance_criteria=[" "]),), "AUTH-1.1 has no acceptance criteria"),
        ((entry("AUTH-1.1", "x", test_steps=["s"] * 50),), "AUTH-1.1 has 50 `test_steps`"),
        ((entry("AUTH-1.1", "x", test_steps=["s" * 700]),), "AUTH-1.1 has an entry of more than 600 characters"),
        ((entry("AUTH-1.1", "x", priority="huge"),), "AUTH-1.1 has the priority `huge`; there are urgent, high"),
        ((entry("AUTH-1.1", "x", category="fun"),), "AUTH-1.1 has the category `fun`"),
        ((entry("AUTH-1.1", "x", labels=["ai-ready"]),), "AUTH-1.1 has a field `labels` that nobody asked for."),
        ((entry("AUTH-1.1", "x", test_steps="run"),), "AUTH-1.1 has no list of texts as `test_steps`."),
        (({"key": 1},), "Task 1 has no text as `key`."),
        (("AUTH-1.1",), "Task 1 is no object."),
        ((), "The answer has no task in it."),
    ],
)
def test_every_flaw_is_one_sentence(tasks: tuple[Any, ...], sentence: str) -> None:
    flaws = flaws_of(*tasks)

    assert any(flaw.startswith(sentence) for flaw in flaws), flaws
    assert all(flaw.endswith(".") and "\n" not in flaw for flaw in flaws)


@pytest.mark.parametrize("said", [None, "prose", [], {}, {"tasks": "many"}, {"tasks": {}, "project": "x"}])
def test_IN9_what_is_no_plan_at_all_is_refused(said: Any) -> None:
    assert read_answer(said, read_spec("")) == Flawed(("The answer has no list of tasks.",))


def test_the_agents_own_no_is_told_apart() -> None:
    found = read_answer(answer(problem="It is a\nshopping list."), read_spec(""))

    assert found == Flawed(("The answer has no task in it.",), "It is a shopping list.")


def test_too_many_tasks_are_refused_with_their_count_and_flaws_are_bounded() -> None:
    many = [entry(f"A-{phase}.{task}", "x") for phase in range(1, 4) for task in range(1, 99)]

    assert flaws_of(*many) == ("The plan has 294 tasks, and 200 are the most: make them larger.",)
    assert flaws_of(*many[:5], most=4)[0].startswith("The plan has 5 tasks, and 4")
    assert len(flaws_of(*(entry("no key", "x") for _ in range(100)))) == MOST_FLAWS


def test_what_agents_like_to_add_does_no_harm() -> None:
    """The key again in the title, bullets in lists, keys in brackets, a title that calls itself META."""
    plan = plan_of(
        entry("[auth-1.1]", "[AUTH-1.1] Log in", test_steps=["1. Run", "- [ ] Look"]),
        entry("AUTH-1.2", "META: mine", prerequisites=["[auth-1.1]", "AUTH-1.1"]),
    )

    assert [task.full_title for task in plan.tasks] == ["[AUTH-1.1] Log in", "[AUTH-1.2] META: mine"]
    assert plan.tasks[0].test_steps == ("Run", "Look")
    assert plan.tasks[1].prerequisites == ("AUTH-1.1",)


def test_a_plan_as_data_is_read_back_the_same() -> None:
    plan = plan_of(ONE, entry("AUTH-1.2", "Out", prerequisites=["AUTH-1.1"], priority="high", phase="Core"))

    assert read_answer(plan.as_data(), read_spec("")) == plan
    assert plan.named("Other").meta_title == "META: Other"
    assert read_answer(answer(), read_spec("")) == Flawed(("The answer has no task in it.",))
