"""The excerpts in docs/progress.md: what stands there is what the program says today (`make excerpts` mends it)."""

import json
import re
from pathlib import Path

import pytest

from tests.progress.test_events import VALIDATOR

PAGE = (Path(__file__).parents[2] / "docs" / "progress.md").read_text()


def excerpt(name: str) -> str:
    return PAGE.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]


def test_its_events_fit_the_schema() -> None:
    lines = [line for line in excerpt("events").splitlines() if line.startswith("{")]

    assert len(lines) >= 4
    for line in lines:
        VALIDATOR.validate(json.loads(line))


@pytest.mark.parametrize(
    "words",
    [
        r"\[0:00\] Run 1-L\d+-1 of #1 .+: at most \$1\.00 and 5 min of the agent, model sonnet",
        r"\[0:\d\d turn 1 \$0\.001\] todo 0/3: \[>\] Read the cart; .*",
        r"\[0:\d\d turn 1 \$0\.001\] still working: 1 turn, \$0\.001 of \$1\.00, 3\d s of 5 min",
        r"▸ \[0:\d\d\] test: \$ python3 -m unittest -q",
        r"\[0:\d\d\] test: failed \(exit code 1\) after 0\.\d s",
        r"\[0:\d\d\] The work is done: 8 turns, \$0\.\d+, \d\d s",
    ],
)
def test_its_log_has_what_the_page_promises(words: str) -> None:
    assert re.search(rf"^{words}$", excerpt("log"), re.MULTILINE)


def test_it_holds_nothing_of_the_machine() -> None:
    """No folder and no address of whoever made it."""
    assert not re.search(r"/(var|tmp|home|root|work|Users)/|127\.0\.0\.1|localhost", PAGE)
