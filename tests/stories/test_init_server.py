"""`/ai init` with the server: a specification becomes a plan, an approved plan becomes issues, each of them once."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.specs.planned import key_of
from bot.sandbox.actions.instant import CAREFUL
from bot.sandbox.records import Issue
from tests.stories.server_town import SERVER_CONFIG, Plan, ServerTown, check_server_town, quick_town

CAREFULLY = Plan(config=SERVER_CONFIG, ends=lambda _run: CAREFUL)
"""Whose job `work` looks again at what was admitted, as real ones do."""

SPEC = """\
# A shop

## Phase 1: Accounts
- [AUTH-1.1] Log in
- [AUTH-1.2] Log out

## Phase 2: Payments
- [PAY-1.1] Take a card
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[ServerTown]:
    with quick_town(tmp_path, CAREFULLY) as opened:
        yield opened
        opened.looks()
        check_server_town(opened)


def planned(town: ServerTown, body: str = SPEC, words: str = "/ai init") -> Issue:
    """An issue whose specification was planned."""
    issue = town.issue("The shop", body)
    town.comment(issue, words)
    town.until(lambda: "awaiting approval of the plan of issues" in town.status(issue), "planned")
    town.clock.shift += timedelta(seconds=2)  # GitHub's times are of whole seconds
    return issue


def approved(town: ServerTown, issue: Issue) -> None:
    """Its plan is approved."""
    town.comment(issue, "/ai approve")


def finished(town: ServerTown, issue: Issue) -> None:
    """Wait until all its issues are made, and that is said."""
    town.until(lambda: town.status(issue).startswith("**Issues made**") and not town.labels(issue), "issues made")


def made(town: ServerTown) -> dict[str, Issue]:
    """The issues that have keys, and META; none twice."""
    found = [issue for issue in town.repo.issues.values() if not issue.pull]
    keys = [key_of(issue.title) or ("META" if issue.title.startswith("META:") else "") for issue in found]
    assert {key: count for key, count in Counter(keys).items() if key and count > 1} == {}
    return {key: issue for key, issue in zip(keys, found, strict=True) if key}


def test_a_specification_becomes_issues(town: ServerTown) -> None:
    issue = planned(town)
    assert town.verdicts(issue) == ["Blocked (needs-input): The plan of issues for #1 waits for approval."]
    assert made(town) == {}

    approved(town, issue)
    finished(town, issue)

    there = made(town)
    assert list(there) == ["META", "AUTH-1.1", "AUTH-1.2", "PAY-1.1"]
    assert [child.title for child in there["META"].sub_issues] == [
        "[AUTH-1.1] Log in",
        "[AUTH-1.2] Log out",
        "[PAY-1.1] Take a card",
    ]
    assert there["META"].title == "META: Town"
    assert "Specification: #1" in there["META"].body
    assert there["AUTH-1.2"].blocked_by == [there["AUTH-1.1"]]
    assert there["PAY-1.1"].blocked_by == [there["AUTH-1.2"]]
    assert "- [ ] It is done." in there["AUTH-1.1"].body
    assert [each for each in there.values() if each.labels] == []
    replies = [comment.body for comment in issue.comments if "ai-ready:reply" in comment.body]
    assert len(replies) == 1
    assert f"- PAY-1.1: #{there['PAY-1.1'].number}" in replies[0]
    assert town.pull_of(issue) is None
