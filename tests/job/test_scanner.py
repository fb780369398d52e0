"""S06: tokens of many services are found by a scanner's rules, whole, and nothing that only begins like one."""

import random
import re
import time
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from bot.job.redact import MARK, Redactor
from bot.job.scanner import END, START, spans_of_rules
from bot.job.scanner_rules import RULES, Rule

RANDOM = random.Random(20261122)
BLIND = Redactor([])


def some(pattern: Any) -> str:
    """Letters that a parsed pattern takes, at random."""
    return "".join(_one(code, told) for code, told in pattern)


def _one(code: Any, told: Any) -> str:
    if code is codes.LITERAL:
        return chr(told)
    if code is codes.IN:
        return RANDOM.choice([char for each in told for char in _chars(*each)])
    if code is codes.MAX_REPEAT:
        least, most, of = told
        return "".join(some(of) for _ in range(RANDOM.randint(least, min(most, least + 30))))
    if code is codes.SUBPATTERN:
        return some(told[3])
    assert code is codes.BRANCH, code
    return some(RANDOM.choice(told[1]))


def _chars(code: Any, told: Any) -> str:
    if code is codes.RANGE:
        return "".join(map(chr, range(told[0], told[1] + 1)))
    return "0123456789" if code is codes.CATEGORY else chr(told)


def sample(rule: Rule) -> str:
    """A token such as the service makes them: one that happens to look like a word is no sample."""
    while not list(spans_of_rules(made := rule.begins + some(parser.parse(rule.goes_on)))):
        pass
    return made


def left_over(secret: str, shown: str) -> str:
    return next((secret[at : at + 8] for at in range(len(secret) - 7) if secret[at : at + 8] in shown), "")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind} {rule.begins}")
def test_a_token_is_found_and_goes_whole(rule: Rule) -> None:
    """Also after a colour, after a written line break, between quotes."""
    for _ in range(10):
        token = sample(rule)
        for before, after in (("", ""), ("\\n", "\\n"), ("\x1b[1;31m", "\x1b[0m"), ('{"a": "', '"}'), ("KEY=", "\n")):
            text = f"{before}{token}{after}"
            assert BLIND.found(text), text
            assert not left_over(token[len(rule.begins) :], BLIND.text(text)), text
            assert BLIND.text(text).replace(MARK, "") in (before + after, "")  # a colour may go with it


def test_rules_search_in_linear_time() -> None:
    """No repetition is without a bound, and the beginning over and over is the worst there is."""
    for rule in RULES:
        assert not re.search(r"(?<!\\)[+*](?![^\[]*\])|\{\d+,\}", rule.goes_on), rule
        text = f"{rule.begins}a1" * (50_000 // len(rule.begins + "a1"))
        start = time.perf_counter()
        list(re.finditer(f"{START}{re.escape(rule.begins)}{rule.goes_on}{END}", text))
        assert time.perf_counter() - start < 1.0, rule


@pytest.mark.parametrize(
    "text",
    [
        "rnd_generator_for_the_tests_of_x",
        f"apify_api_{'x' * 36}",
        f"dop_v1_{'0' * 64}",
        "vcp_the_name_of_something_that_is_just_as_long_as_a_token_is",
        f"SG.{'your-sendgrid-key-goes-in-here.' * 3}"[:69],
        "figd_please_put_your_own_token_in_this_place",
        f"the_pul-{'a1' * 20}",
        f"pul-{'a1' * 21}",
        f"shpat_{'A' * 32}",
    ],
)
def test_what_only_begins_like_a_token_stays(text: str) -> None:
    """Names, placeholders, what is too long or part of a word."""
    assert BLIND.text(text) == text
    assert BLIND.found(text) == []
