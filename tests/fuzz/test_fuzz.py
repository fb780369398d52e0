"""A short run of the fuzzer as a test, and that it sees what it is for."""

from pathlib import Path

import pytest

import bot.server.receive
from bot.server.receive import MALFORMED, STORED, UNSIGNED
from tests.fuzz.corpus import seeds
from tests.fuzz.deliver import fuzz
from tests.fuzz.mutate import case


def test_no_delivery_is_answered_500_and_none_unsigned_is_kept() -> None:
    """1,500 of them; `make fuzz N=100000` for more."""
    found = fuzz("in-the-suite", range(1_500))

    assert found.faults == []
    assert (found.at_least(500), found.unsigned_rows) == (0, 0)
    assert found.rows > 300


def test_a_number_is_the_same_delivery_every_time(tmp_path: Path) -> None:
    begun = seeds(tmp_path / "one")
    assert [case(number, "s", begun) for number in range(50)] == [case(number, "s", begun) for number in range(50)]
    assert {seed.event for seed in begun} >= {
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "issue_dependencies",
        "sub_issues",
        "workflow_run",
        "check_suite",
        "installation",
        "installation_repositories",
    }


BREAKS = {
    "anything counts as signed": ("verify", lambda *_: True, "unsigned"),
    "a malformed body is our own fault": ("MalformedDelivery", ZeroDivisionError, "answered 5"),
    "unsigned is said, and stored": ("UNSIGNED", STORED, "unsigned"),
    "malformed is said of what is stored": ("STORED", MALFORMED, "as GitHub sends it): answered 400"),
    "a wrong status": ("MALFORMED", UNSIGNED, "body: "),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_fuzzer_sees_a_broken_endpoint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attribute, broken, said = BREAKS[name]
    monkeypatch.setattr(bot.server.receive, attribute, broken)

    faults = fuzz("broken", range(200)).faults

    assert [fault for fault in faults if said in fault]
