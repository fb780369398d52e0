"""The evaluator of workflow expressions against GitHub's documented rules."""

from typing import Any

import pytest

from bot.sandbox.actions.expressions import Status, condition, evaluate, fill_in, interpolate, resolve
from bot.sandbox.actions.problems import Unsupported

CONTEXTS: dict[str, Any] = {
    "github": {
        "event_name": "issues",
        "event": {"action": "labeled", "issue": {"number": 7}, "labels": [{"name": "A"}]},
    },
    "inputs": {"issue": "7", "run_key": "", "minutes": 60, "dry": False},
    "needs": {"gate": {"result": "success", "outputs": {"admitted": "true", "admission": '{"t":"it\'s }} {0}"}'}}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 == 1.0", True),
        ("'A' == 'a'", True),
        ("null == 0", True),
        ("'' == 0", True),
        ("'x' == 0", False),
        ("true == 1", True),
        ("-2 < 0x10", True),
        ("'b' > 'A'", True),
        ("!''", True),
        ("inputs.run_key || 'none'", "none"),
        ("inputs.issue && inputs.minutes", 60),
        ("1 == 2 || 2 == 2 && false", False),
        ("github.event.issue.number", 7),
        ("github.event.nothing.at.all", None),
        ("GitHub.Event['issue'].NUMBER", 7),
        ("github.event.labels.*.name", ["A"]),
        ("contains(github.event.labels.*.name, 'a')", True),
        ("contains('Hello /AI run', '/ai')", True),
        ("startsWith('Refs/heads', 'refs/')", True),
        ("endsWith('a.yml', '.YML')", True),
        ("format('#{0} {{{1}}}', 7, 'k')", "#7 {k}"),
        ("join(fromJSON('[1,\"b\"]'), '-')", "1-b"),
        ("fromJSON(needs.gate.outputs.none || inputs.minutes)", 60),
        ("'it''s'", "it's"),
        ("(1 == 1) == true", True),
        ("github.event['labels'][0].name", "A"),
    ],
)
def test_value(text: str, expected: Any) -> None:
    """Each expression has the value GitHub documents."""
    assert evaluate(text, CONTEXTS) == expected


@pytest.mark.parametrize(
    "text", ["steps.x", "hashFiles('x')", "1 +", "1 2", "'open", "f(", "a..b", "success()", "fromJSON('{')"]
)
def test_unknown_syntax_is_refused(text: str) -> None:
    """What the evaluator does not know is an error, never a guess."""
    with pytest.raises(Unsupported):
        evaluate(text, CONTEXTS)


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("", Status(), True),
        ("", Status(success=False), False),
        ("inputs.issue == '7'", Status(success=False), False),
        ("always() && inputs.issue == '7'", Status(success=False, cancelled=True), True),
        ("${{ !cancelled() && needs.gate.outputs.admitted == 'true' }}", Status(success=False), True),
        ("${{ !cancelled() }}", Status(cancelled=True), False),
        ("failure()", Status(success=False, failure=True), True),
    ],
)
def test_condition(text: str, status: Status, expected: bool) -> None:
    """`if:` means success() unless a status function is named."""
    assert condition(text, CONTEXTS, status) is expected


def test_condition_with_text_around_it_is_refused() -> None:
    """`${{ a }} && b` is always true on GitHub: a mistake worth an error."""
    with pytest.raises(Unsupported, match="always true"):
        condition("${{ false }} && true", CONTEXTS, Status())


def test_templates() -> None:
    """A lone expression keeps its type, mixed text is joined, braces inside strings are text."""
    assert resolve("${{ inputs.minutes }}", CONTEXTS) == 60
    assert interpolate("run ${{ inputs.issue }} [${{ '}}' }}] ${{ inputs.dry }}", CONTEXTS) == "run 7 [}}] false"
    assert resolve(5, CONTEXTS) == 5


def test_fill_in_leaves_other_contexts_to_act() -> None:
    """Known paths become literals (quoted so that they stay one), the rest stays as written."""
    known = {"inputs": CONTEXTS["inputs"], "needs": CONTEXTS["needs"]}

    filled = fill_in("a ${{ inputs.issue || steps.inputs.x }} ${{ needs.gate.outputs.admission }}", known)

    assert filled == "a ${{ '7' || steps.inputs.x }} ${{ '{\"t\":\"it''s }} {0}\"}' }}"
    assert (
        fill_in("always() && needs.gate.result == 'success'", known, bare=True) == "always() && 'success' == 'success'"
    )
    assert (
        fill_in("${{ inputs.dry }}${{ inputs.minutes }}${{ needs.none.outputs.x }}", known)
        == "${{ false }}${{ 60 }}${{ null }}"
    )
