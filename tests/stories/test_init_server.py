"""`/ai init` with the server: a specification becomes a plan, an approved plan becomes issues, each of them once."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
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


def sooner_or_later(town: ServerTown, condition: Callable[[], object]) -> None:
    """Wait until it holds; where what may have been made is looked for, minutes pass."""
    for _ in range(6):
        end = time.monotonic() + 2.0
        town.until(lambda end=end: condition() or time.monotonic() > end, "")  # type: ignore[misc]
        if condition():
            return
        town.clock.shift += timedelta(minutes=3)
    raise AssertionError(town.told())


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


def test_thirty_issues_are_made_in_portions(tmp_path: Path) -> None:
    """A few in each pass, so that another repository of the same server need not wait for all of them."""
    lines = [f"- [BIG-{phase}.{number}] Step {phase}.{number}" for phase in (1, 2, 3) for number in range(1, 11)]
    with quick_town(tmp_path, CAREFULLY) as town:
        issue = planned(town, "\n".join(lines))
        before = len(town.requests())
        created: list[int] = []

        approved(town, issue)
        town.until(lambda: len(made(town)) > 4, "the first are made")
        created.append(len(made(town)))
        finished(town, issue)

        there = made(town)
        assert len(there) == 31
        assert created[0] < 31
        assert len(there["META"].sub_issues) == 30
        assert there["BIG-3.10"].blocked_by == [there["BIG-3.9"]]
        asked = town.requests()[before:]
        assert len(asked) < 130, len(asked)
        check_server_town(town)


def test_stopped_in_the_middle_what_is_made_stays(town: ServerTown) -> None:
    issue = planned(town, SPEC + "\n".join(f"- [BIG-1.{number}] Step {number}" for number in range(1, 12)))
    approved(town, issue)
    town.until(lambda: len(made(town)) > 4, "the first are made")
    town.clock.shift += timedelta(seconds=2)

    town.comment(issue, "/ai stop")

    town.until(lambda: not town.labels(issue), "withdrawn")
    there = len(made(town))
    town.looks()
    assert len(made(town)) == there < 15
    town.clock.shift += timedelta(seconds=2)
    town.comment(issue, "/ai init")
    town.until(lambda: len(town.verdicts(issue)) == 2, "planned again")
    town.clock.shift += timedelta(seconds=2)
    approved(town, issue)
    finished(town, issue)
    assert len(made(town)) == 15


def test_what_is_asked_meanwhile_is_refused(town: ServerTown) -> None:
    """Nothing else begins on the issue, and a second approval makes nothing twice."""
    issue = planned(town, SPEC + "\n".join(f"- [BIG-1.{number}] Step {number}" for number in range(1, 9)))
    approved(town, issue)
    town.until(lambda: len(made(town)) > 1, "the first are made")
    town.clock.shift += timedelta(seconds=2)

    town.comment(issue, "/ai run")
    town.comment(issue, "/ai approve")

    finished(town, issue)
    assert len(made(town)) == 12
    refused = [comment.body for comment in issue.comments if "are being made; ask again" in comment.body]
    assert len(refused) == 1  # and once is enough
    assert town.runs(issue)[1:] == []
    town.clock.shift += timedelta(seconds=2)
    town.comment(issue, "/ai approve")
    town.until(lambda: any("No plan waits for approval" in comment.body for comment in issue.comments), "refused")
    assert len(made(town)) == 12


def test_killed_and_lost(tmp_path: Path) -> None:
    """The server ends in the middle, answers are lost, lists are late: each issue is there once."""
    with quick_town(tmp_path, CAREFULLY) as town:
        issue = planned(town, "\n".join(f"- [BIG-1.{number}] Step {number}" for number in range(1, 13)))
        town.hub.faults.stale(1.5)
        town.hub.faults.drop_after("graphql.*createIssue", times=1)
        assert town.server is not None

        approved(town, issue)
        for count in (2, 6, 10):
            sooner_or_later(town, lambda count=count: len(made(town)) >= count)  # type: ignore[misc]
            town.server.stop()
            town.hub.faults.drop_after("graphql.*updateIssueComment", times=1)
            town.server.start()
        sooner_or_later(town, lambda: town.status(issue).startswith("**Issues made**"))

        finished(town, issue)
        assert len(made(town)) == 13
        check_server_town(town)
