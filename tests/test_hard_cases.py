"""The hard cases that bots of this kind have met, and the tests that hold them.

`tests/hard_cases` maps each case to its tests, by group; the tests stand where what they test is, and `hostile: …` names an
attack of `make hostile`. Each of them fails when the defence of its case is broken.
"""

import ast
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from tests.hard_cases import commands, ordering, output, runner, secrets, webhook
from tests.hostile.__main__ import ALL as ATTACKS

TESTS = Path(__file__).parent
CASES = dict(
    chain.from_iterable(group.CASES.items() for group in (webhook, ordering, runner, secrets, commands, output))
)


@cache
def functions(path: str) -> frozenset[str]:
    """The tests in a file."""
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("case", CASES)
def test_a_hard_case_has_its_tests(case: str) -> None:
    """They exist under these names."""
    assert CASES[case]
    for test in CASES[case]:
        if attack := test.removeprefix("hostile: ") if test.startswith("hostile: ") else "":
            assert attack in {each.id for each in ATTACKS}
        else:
            path, _, name = test.partition("::")
            assert name in functions(path), test
