"""People in between: plans that are approved, questions that are answered, runs that stop to be looked at."""

from bot.sandbox.model import Scene, Turn, bash, done, needs_input, write
from bot.sandbox.records import Issue
from tests.stories.conftest import Opens
from tests.stories.town import CONFIG, Town

SUPERVISED = f"mode: supervised\n{CONFIG}"
INTERACTIVE = f"mode: interactive\n{CONFIG}"
PLANNING, WORKING = "You are planning the work", "You are working on issue"
PLAN = "1. Write hello.py.\n2. Say hello, @everyone."
PLANS = Scene(PLANNING, write("sneaky.py", "x"), bash("touch sneakier.py"), done(PLAN))
"""It tries to begin already."""
WORK = (write("hello.py", "print('hello')\n"), done("Ok."))


def codes(town: Town, issue: Issue) -> list[str]:
    """How each run ended."""
    return [line.split(":")[0] for line in town.verdicts(issue)]


def prompt(town: Town, words: str) -> str:
    """The last prompt that begins so."""
    return next(each for each in reversed(town.prompts()) if words in each)


# ------------------------------------------------------------------------------------------- supervised


def test_a_plan_is_approved_and_done(opens: Opens) -> None:
    """The plan run changes nothing; the approved plan and the approver's words reach the agent that works."""
    town = opens(PLANS, Scene(WORKING, *WORK), config=SUPERVISED)
    issue = town.asked()
    town.settle()
    [verdict] = town.verdict_bodies(issue)
    waits = town.labels(issue), town.status(issue), town.branch("ai/issue-1"), town.pulls()

    town.comment(issue, "/ai approve and mind the tests")
    town.settle()

    assert verdict.splitlines()[0] == "Blocked (needs-input): The plan for #1 waits for approval."
    assert "1. Write hello.py.\n2. Say hello, @everyone.\n```" in verdict
    assert verdict.splitlines()[-1] == "/ai approve"
    assert waits[0] == {"ai-ready", "ai-waiting"}
    assert waits[1].startswith("**On hold**: awaiting approval of the plan")
    assert waits[2:] == ("", [])
    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]
    assert town.labels(issue) == {"ai-done"}
    assert town.read("ai/issue-1", "sneaky.py") is None
    asked = prompt(town, WORKING)
    assert "1. Write hello.py." in asked
    assert "and mind the tests" in asked
    tools = [{tool["name"] for tool in one.body["tools"]} for one in town.model.requests if "tools" in one.body]
    assert not tools[0] & {"Write", "Edit", "Bash"}
    assert [r.content for c in issue.comments for r in c.reactions] == ["eyes"]


def test_a_plan_is_changed_and_done(opens: Opens) -> None:
    """`/ai run` and what to change starts the work with both, and with what was said when the plan was asked for."""
    town = opens(PLANS, Scene(WORKING, *WORK), config=SUPERVISED)
    issue = town.issue()
    town.comment(issue, "/ai run and no tests")
    town.settle()
    town.comment(issue, "/ai run but in Esperanto")
    town.settle()

    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]
    asked = prompt(town, WORKING)
    assert "but in Esperanto" in asked
    assert "and no tests" in asked
    assert "The maintainers approved this plan" in asked


def test_a_plan_that_nobody_wants_is_dropped(opens: Opens) -> None:
    """The label comes off; an approval afterwards is refused, and the label put on again asks for a new plan."""
    town = opens(PLANS, Scene(WORKING, *WORK), config=SUPERVISED)
    with town.clock.ago(60):
        issue = town.asked()
    town.settle()
    town.hub.issues.remove_label(issue, "ai-ready", town.rita)
    town.start().all_jobs()
    withdrawn = town.status(issue), town.labels(issue)
    town.comment(issue, "/ai approve")
    town.settle()
    town.label(issue)
    town.settle()

    assert "Withdrawn" in withdrawn[0]
    assert withdrawn[1] == set()
    assert [body for body in town.said(issue) if "No plan waits for approval here" in body]
    assert codes(town, issue) == ["Blocked (needs-input)"] * 2
    assert town.labels(issue) == {"ai-ready", "ai-waiting"}


def test_plans_count_against_the_caps(opens: Opens) -> None:
    """One run a day: the plan was it, and the approved work is on hold."""
    town = opens(PLANS, Scene(WORKING, *WORK), config=SUPERVISED.replace("limits: {", "limits: {runs_per_day: 1, "))
    issue = town.asked()
    town.settle()
    town.comment(issue, "/ai approve")

    town.settle()

    assert "the only run of this UTC day is used" in town.status(issue)
    assert codes(town, issue) == ["Blocked (needs-input)"]


# ------------------------------------------------------------------------------------------ interactive


def test_a_question_is_answered_and_done(opens: Opens) -> None:
    """The next agent has the question, the answer and the work so far."""
    asks = Scene("", write("draft.txt", "only a draft\n"), needs_input("In which language?"))
    town = opens(Scene("in French, please", *WORK), asks, config=INTERACTIVE)
    issue = town.asked()
    town.settle()
    town.comment(issue, "/ai retry in French, please")

    town.settle()

    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]
    asked = prompt(town, "in French, please")
    assert "An earlier run worked on this; its changes are in the checkout." in asked
    assert "In which language?" in asked
    assert "+only a draft" in asked
    assert town.read("ai/issue-1", "draft.txt") == "only a draft\n"


def test_a_question_before_any_work_is_handed_on_as_well(opens: Opens) -> None:
    town = opens(Scene("in French, please", *WORK), Scene("", needs_input("In which language?")), config=INTERACTIVE)
    issue = town.asked()
    town.settle()
    town.comment(issue, "/ai retry in French, please")

    town.settle()

    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]
    asked = prompt(town, "in French, please")
    assert "nothing of it is in the checkout" in asked
    assert "In which language?" in asked


# ------------------------------------------------------------------------------------------ checkpoints


def test_a_run_stops_after_its_turns_and_goes_on_when_told(opens: Opens) -> None:
    """The work is kept, the agent sums up, and the next one has that summary."""
    config = INTERACTIVE + "checkpoints: {turn_interval: 2}\n"
    stops = Scene("", write("a.txt", "a\n"), bash("true"), needs_input("a.txt is written; hello.py is left."))
    town = opens(Scene("a.txt is written", *WORK), stops, config=config)
    issue = town.asked()
    town.settle()
    stopped = town.verdict_bodies(issue)[0], town.read("ai/issue-1", "a.txt"), town.pulls()
    town.comment(issue, "/ai retry go on")

    town.settle()

    assert stopped[0].startswith("Blocked (needs-input): The agent was stopped after 2 turns")
    assert "a.txt is written; hello.py is left." in stopped[0]
    assert stopped[1:] == ("a\n", [])
    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]


def test_a_full_context_stops_an_autonomous_run_and_a_retry_begins_afresh(opens: Opens) -> None:
    """Its summary is what the fresh session has of it."""
    full = Turn(tools=bash("echo a > a.txt").tools, usage={"cache_read_input_tokens": 900_000})
    stops = Scene("", full, needs_input("a.txt is written; hello.py is left."))
    town = opens(Scene("a.txt is written", *WORK), stops, config=CONFIG.replace("usd: 1,", "usd: 5,"))
    issue = town.asked()
    town.settle()
    first = town.verdicts(issue)[0]
    town.comment(issue, "/ai retry")

    town.settle()

    assert first.startswith("Blocked (needs-input): The agent was stopped with 90% of its context window used")
    assert codes(town, issue) == ["Blocked (needs-input)", "Done"]
    assert town.read("ai/issue-1", "a.txt") == "a\n"


def test_a_regression_is_called_one(opens: Opens) -> None:
    """Autonomous: its code stays `tests-failed`, its sentence says that the check passes without the work."""
    town = opens(write("broken", "no\n"), done("Ok."))
    issue = town.asked()

    town.settle()

    assert town.verdict(issue).startswith("Blocked (tests-failed): The test command failed with exit code 1")
    assert town.verdict(issue).endswith("(it passes without this work)")


def test_nothing_is_pushed_for_a_run_that_was_to_plan(opens: Opens) -> None:
    """Whatever its machine hands over: here, all the work."""
    town = opens(*WORK)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()
    run.work()
    run.outputs["admission"] = run.outputs["admission"].replace('"kind":"work"', '"kind":"plan"')
    run.publish()
    run.end()
    town.settle()

    assert town.verdict(issue).startswith("Blocked (internal-error): a run that was only to plan")
    assert (town.branch("ai/issue-1"), town.pulls()) == ("", [])
