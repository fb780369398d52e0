"""Every rule of "is it a success?" (shared/claude.md) and the order of reasons, by table."""

import itertools
from dataclasses import replace

import pytest

from bot.core.edges import Blocker
from bot.core.model import Ref, Source, Standing
from bot.core.names import UNPUSHED, Reason
from bot.core.requests import Request
from bot.core.run import AgentReport, Check, Outcome
from bot.core.situation import Invalid, Waiting
from bot.core.verdict import (
    Bounds,
    Facts,
    Refusal,
    conflicts_left,
    judge,
    missing_outcome,
    spent,
    still_waits,
    withheld,
)
from tests.core.world import ANN, T0

BOUNDS = Bounds(usd=5.0, minutes=30, max_turns=50)
GOOD = AgentReport(
    exit_code=0,
    results=1,
    subtype="success",
    terminal_reason="completed",
    structured={"verdict": "done", "summary": "Did it.", "reason": ""},
    usd=1.0,
    metered_usd=1.1,
)
PASSED = Check("test", "pytest", 0, 1.0)
FAILED = Check("test", "pytest -q", 1, 1.0, tail="1 failed")


def reason(report: AgentReport = GOOD, **facts: object) -> Reason | None:
    refusal = judge(replace(Facts(report, BOUNDS, changed=True, checks=(PASSED,)), **facts))  # type: ignore[arg-type]
    return refusal.reason if refusal else None


def text(report: AgentReport) -> str:
    refusal = judge(Facts(report, BOUNDS, changed=True))
    assert refusal is not None
    return refusal.text


def test_done_is_when_every_rule_holds() -> None:
    """One result, no error, an answer in our form that says done, a diff, checks that passed."""
    assert reason() is None


def test_no_checks_at_all_can_be_done() -> None:
    """A repository without tests gets its PR; that there were none is said elsewhere."""
    assert reason(checks=()) is None


ENDINGS = {
    "400, 401, 429, 529, refusal: subtype success all the same": (
        {"exit_code": 1, "is_error": True, "terminal_reason": "api_error", "api_error_status": 401},
        Reason.API_ERROR,
    ),
    "api error without a status": ({"is_error": True, "terminal_reason": "api_error"}, Reason.API_ERROR),
    "a status with exit 0": ({"api_error_status": 529}, Reason.API_ERROR),
    "a granted tool was denied, exit 0": ({"denials": ("Bash",)}, Reason.AGENT_ERROR),
    "a granted tool was denied, with its rule": ({"denials": ("Write(src/**)",)}, Reason.AGENT_ERROR),
    "a tool nobody offered was denied": ({"denials": ("WebFetch",)}, None),
    "the schema was ignored, exit 0": ({"structured": None}, Reason.AGENT_ERROR),
    "the answer is not ours": ({"structured": {"verdict": "yes"}}, Reason.AGENT_ERROR),
    "the answer's words are no text": (
        {"structured": {"verdict": "done", "summary": 1, "reason": ""}},
        Reason.AGENT_ERROR,
    ),
    "SIGINT: exit 0, no result": ({"results": 0, "subtype": "", "terminal_reason": ""}, Reason.AGENT_ERROR),
    "SIGTERM: 143, no result": ({"exit_code": 143, "results": 0}, Reason.AGENT_ERROR),
    "killed by a signal": ({"exit_code": -9, "results": 0}, Reason.AGENT_ERROR),
    "could not be started": ({"exit_code": 127, "results": 0}, Reason.AGENT_ERROR),
    "two results": ({"results": 2}, Reason.AGENT_ERROR),
    "max turns": ({"exit_code": 1, "subtype": "error_max_turns", "is_error": True}, Reason.MAX_TURNS),
    "budget": ({"exit_code": 1, "subtype": "error_max_budget_usd", "is_error": True}, Reason.OVER_BUDGET),
    "schema retries used up": (
        {"exit_code": 1, "subtype": "error_max_structured_output_retries", "structured": None},
        Reason.AGENT_ERROR,
    ),
    "some other error": ({"exit_code": 1, "subtype": "error_during_execution", "is_error": True}, Reason.AGENT_ERROR),
    "is_error alone": ({"is_error": True}, Reason.AGENT_ERROR),
    "another terminal reason": ({"terminal_reason": "aborted"}, Reason.AGENT_ERROR),
    "a result, then a bad exit": ({"exit_code": 137}, Reason.AGENT_ERROR),
    "a result, then it would not end": ({"exit_code": -9, "stopped_for": "hung"}, None),
    "our clock": ({"exit_code": -9, "results": 0, "stopped_for": "timed-out"}, Reason.TIMED_OUT),
    "our purse": ({"exit_code": -9, "results": 0, "stopped_for": "over-budget"}, Reason.OVER_BUDGET),
    "a line without end": ({"exit_code": -9, "results": 0, "stopped_for": "flooded"}, Reason.AGENT_ERROR),
    "somebody said stop": ({"exit_code": -9, "results": 0, "stopped_for": "cancelled"}, Reason.CANCELLED),
    "the proxy's no is an api error": (
        {"exit_code": 1, "is_error": True, "terminal_reason": "api_error", "api_error_status": 400, "metered_usd": 5.0},
        Reason.OVER_BUDGET,
    ),
    "it gave up": ({"structured": {"verdict": "blocked", "summary": "", "reason": "no"}}, Reason.NEEDS_INPUT),
    "it asks": ({"structured": {"verdict": "needs-input", "summary": "", "reason": "which?"}}, Reason.NEEDS_INPUT),
}


@pytest.mark.parametrize(("change", "expected"), ENDINGS.values(), ids=ENDINGS.keys())
def test_how_the_agent_ended(change: dict[str, object], expected: Reason | None) -> None:
    """Each ending of the CLI has one reason, whatever its exit code says."""
    assert reason(replace(GOOD, **change)) == expected  # type: ignore[arg-type]


def test_a_diff_is_needed() -> None:
    """An agent that says done and changed nothing gets no empty PR."""
    assert reason(changed=False, checks=()) is Reason.NO_CHANGES


def test_a_question_needs_no_diff() -> None:
    """The agent's own words come before the missing diff."""
    asks = replace(GOOD, structured={"verdict": "needs-input", "summary": "", "reason": "which?"})

    refusal = judge(Facts(asks, BOUNDS, changed=False))

    assert refusal is not None
    assert (refusal.reason, refusal.details) == (Reason.NEEDS_INPUT, "which?")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (FAILED, "failed with exit code 1: pytest -q"),
        (Check("test", "sleep 99", -1, 900.0), "still running after 900 s"),
        (Check("lint", "ruf", 127, 0.1), "The lint command was not found"),
    ],
)
def test_a_failed_check_says_which_and_how(check: Check, words: str) -> None:
    """The sentence names the command; the details are its tail."""
    refusal = judge(Facts(GOOD, BOUNDS, changed=True, checks=(PASSED, check)))

    assert refusal is not None
    assert refusal.reason is Reason.TESTS_FAILED
    assert words in refusal.text
    assert refusal.details == check.tail


def test_the_order_of_reasons() -> None:
    """Of several that hold, the one that is named is the first of this list."""
    holds: list[tuple[Reason, dict[str, object], dict[str, object]]] = [
        (Reason.CANCELLED, {}, {"cancelled": True}),
        (Reason.PROTECTED_PATHS, {}, {"change": Refusal(Reason.PROTECTED_PATHS, "no")}),
        (Reason.TIMED_OUT, {"stopped_for": "timed-out"}, {}),
        (Reason.NEEDS_INPUT, {"structured": {"verdict": "blocked", "summary": "", "reason": ""}}, {}),
        (Reason.NO_CHANGES, {}, {"changed": False}),
        (Reason.TESTS_FAILED, {}, {"checks": (FAILED,)}),
    ]
    for (first, report_1, facts_1), (second, report_2, facts_2) in itertools.combinations(holds, 2):
        both = replace(GOOD, **{**report_2, **report_1})  # type: ignore[arg-type]

        assert reason(both, **{**facts_2, **facts_1}) is first, (first, second)


def test_what_must_not_be_pushed_outranks_how_the_agent_ended() -> None:
    """A run that timed out has its branch pushed, so a protected path has to be named instead."""
    late = replace(GOOD, stopped_for="timed-out", results=0)

    for unpushed in UNPUSHED:
        assert reason(late, change=Refusal(unpushed, "no")) is unpushed


def test_money_is_what_either_side_counted() -> None:
    """The CLI does not see what a killed answer cost, the proxy does not see other proxies' prices: the more counts."""
    assert spent(replace(GOOD, usd=1.0, metered_usd=2.0)) == 2.0
    assert spent(replace(GOOD, usd=3.0, metered_usd=2.0)) == 3.0


def test_sentences_hold_figures() -> None:
    """A limit that was met is named with its number, an API's no with its status."""
    assert "$5.00 (it spent $6.50)" in text(replace(GOOD, subtype="error_max_budget_usd", usd=6.5))
    assert "30 minutes" in text(replace(GOOD, stopped_for="timed-out"))
    assert "50 turns" in text(replace(GOOD, subtype="error_max_turns"))
    assert "refused the key (HTTP 401)" in text(replace(GOOD, api_error_status=401))
    assert "is overloaded (HTTP 529)" in text(replace(GOOD, api_error_status=529))


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("cancelled", Reason.CANCELLED),
        ("skipped", Reason.CANCELLED),
        ("failure", Reason.RUNNER_LOST),
        ("success", Reason.INTERNAL_ERROR),
        ("", Reason.RUNNER_LOST),
    ],
)
def test_a_work_job_that_left_nothing(result: str, expected: Reason) -> None:
    """Its result says what became of it; a success without an outcome is our fault."""
    assert missing_outcome(result).reason is expected


def test_a_blocked_run_whose_work_could_not_be_pushed_says_both() -> None:
    """`Its work is on the branch` would be wrong; of a run that would be Done the push is the reason."""
    moved = Refusal(Reason.BRANCH_CHANGED, "The branch ai/issue-7 has other commits now.", "theirs")
    outcome = Outcome("7-L1-1", "blocked", "tests-failed", "The test command failed.", "1 failed")

    assert withheld(outcome, None) is None
    assert withheld(replace(outcome, verdict="done", reason=""), moved) == moved
    assert withheld(outcome, moved) == Refusal(
        Reason.TESTS_FAILED,
        "The test command failed. Its work is not on the branch: The branch ai/issue-7 has other commits now.",
        "1 failed\n\ntheirs",
    )


@pytest.mark.parametrize("tool", ["Read", "Write", "Edit", "Glob", "Grep", "Bash", "TodoWrite"])
def test_every_tool_that_was_granted_has_to_be_there(tool: str) -> None:
    """One that is denied means that our own set-up failed."""
    assert f"denied what it needs ({tool})" in text(replace(GOOD, denials=(tool, "WebFetch")))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "refused the request as malformed (HTTP 400)"),
        (401, "refused the key (HTTP 401)"),
        (402, "answered with an error (HTTP 402)"),
        (403, "does not allow this key to use the model (HTTP 403)"),
        (404, "does not know the model (HTTP 404)"),
        (413, "refused the request as too large (HTTP 413)"),
        (429, "is refusing more requests for now (HTTP 429)"),
        (499, "answered with an error (HTTP 499)"),
        (500, "is out of order (HTTP 500)"),
        (503, "is out of order (HTTP 503)"),
        (529, "is overloaded (HTTP 529)"),
        (0, "answered with an error"),
    ],
)
def test_what_the_models_api_said(status: int, words: str) -> None:
    """Its status in words that tell what to mend; without one, no number."""
    said = replace(GOOD, api_error_status=status, terminal_reason="api_error")

    assert text(said) == f"The model's API {words}."


@pytest.mark.parametrize(
    ("results", "code", "words"),
    [
        (2, 0, "gave 2 results instead of one"),
        (0, 127, "could not be started"),
        (0, 126, "ended without a result (exit code 126)"),
        (0, 1, "ended without a result (exit code 1)"),
        (0, 0, "ended without a result (exit code 0)"),
        (0, -1, "ended without a result (killed by signal 1)"),
        (0, -9, "ended without a result (killed by signal 9)"),
    ],
)
def test_an_agent_without_a_result_says_how_it_ended(results: int, code: int, words: str) -> None:
    """And shows what it left: its errors, then the end of what it said on stderr."""
    left = replace(GOOD, results=results, exit_code=code, errors=("first", "second"), stderr_tail="last\n")
    refusal = judge(Facts(left, BOUNDS, changed=True))

    assert refusal is not None
    assert words in refusal.text
    assert refusal.details == "first\nsecond\nlast"


@pytest.mark.parametrize(
    ("answer", "sentence", "details"),
    [
        ({"verdict": "blocked", "reason": "why", "summary": "what"}, "can't do this as it is written", "why"),
        ({"verdict": "blocked", "reason": "", "summary": " what "}, "can't do this as it is written", "what"),
        ({"verdict": "needs-input", "summary": ""}, "needs an answer before it can go on", ""),
        ({"verdict": "done", "summary": " all was there "}, "nothing in the repository changed", "all was there"),
        ({"verdict": "done"}, "nothing in the repository changed", ""),
    ],
)
def test_the_agents_words_are_the_details(answer: dict[str, str], sentence: str, details: str) -> None:
    """Its reason, or else its summary."""
    refusal = judge(Facts(replace(GOOD, structured=answer), BOUNDS, changed=False))

    assert refusal is not None
    assert sentence in refusal.text
    assert refusal.details == details
    assert not refusal.again, "whoever is asked has to answer first"


def test_conflicts_are_counted_by_file() -> None:
    """A place may have its line; fifty are shown."""
    two, many = ("a.py:1", "a.py:9", "b.bin"), tuple(f"a.py:{n}" for n in range(60))

    assert "not resolved in 2 files;" in conflicts_left(two).text
    assert conflicts_left(two).details == "a.py:1\na.py:9\nb.bin"
    assert "not resolved in one file;" in conflicts_left(many).text
    assert conflicts_left(many).details.splitlines() == list(many[:50])


def test_what_a_run_came_to_wait_for_is_named() -> None:
    """Five at most; its request goes on by itself."""
    request = Request("L1", ANN, T0)
    others = tuple(
        Blocker(Ref("acme/shop" if n < 2 else "acme/app", n), Source.TEXT, Standing.OPEN, local=n < 2)
        for n in range(1, 8)
    )
    begun = "Nothing was done: before the work began, it came to wait for"
    five = "#1 and acme/app#2 and acme/app#3 and acme/app#4 and acme/app#5"

    assert still_waits(Waiting(request, others, 7)) == Refusal(
        Reason.CANCELLED, f"{begun} {five} and 2 more", again=True
    )
    assert still_waits(Waiting(request, others[:5], 5)).text == f"{begun} {five}"
    assert still_waits(Waiting(request, others[:1], 1)).text == f"{begun} #1"


def test_what_can_never_begin_any_more_is_named() -> None:
    """Numbers of the repository's own issues as such; its request goes on once that is mended."""
    cycle = Invalid(Request("L1", ANN, T0), "cycle", ("1", "acme/app#2", "1"))

    assert still_waits(cycle) == Refusal(
        Reason.CANCELLED,
        "Nothing was done: what it depends on changed before the work began (cycle: #1 → acme/app#2 → #1)",
        again=True,
    )
