"""The server's pace: no more runs at a time than the caps allow, fairly shared, and no storm of writes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.records import Event
from bot.server.store.pace import Rate
from tests.stories.server_town import QUICK, SERVER_CONFIG, Plan, ServerTown, check_server_town, quick_town

MILL, SHOP = "acme/mill", "acme/shop"
MANY = 24
PER_SECOND = 20.0
AT_ONCE = 10
"""Pieces of content of one request, or a request that was late on its way."""


def test_the_cap_of_an_installation_is_used_to_its_last_place(tmp_path: Path) -> None:
    """One run at a time in two repositories: neither waits for ever, and never are there two."""
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=replace(QUICK, concurrent=1)) as town:
        issues = [town.asked(f"Task {n}", repo=repo) for n in range(3) for repo in town.repos]
        for issue in issues:
            assert town.verdict(issue).startswith("Done")
        town.looks()

        assert most_at_a_time(town) == 1
        check_server_town(town)


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_a_repository_with_one_ready_issue_does_not_wait_for_one_with_many(tmp_path: Path, at_a_time: int) -> None:
    """Of those with the fewest runs, whoever has gone longest without gets the next place, though it looks later."""
    rules = replace(QUICK, concurrent=at_a_time)
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=rules) as town:
        mill, shop = town.repos
        town.actions.hold("in_progress")
        many = [town.asked(f"Grind {n}", repo=mill) for n in range(6)]
        town.until(lambda: len(town.actions.dispatches) == at_a_time, "the mill has every place")
        town.labelled(many[-1], "ai-ready", "ai-waiting")
        one = town.asked("Greet", repo=shop)
        town.labelled(one, "ai-ready", "ai-waiting")
        town.hub.faults.delay(0.4, r"graphql.*name: ..shop\b", times=-1)
        town.actions.hold("")

        for issue in [one, *many]:
            assert town.verdict(issue).startswith("Done")
        town.looks()

        assert [each.repo for each in town.actions.dispatches].index(shop.full_name) <= at_a_time + 1
        assert most_at_a_time(town) == at_a_time
        check_server_town(town)


def test_what_was_put_off_for_the_pace_is_said_when_its_turn_comes(tmp_path: Path) -> None:
    """Ten comments at GitHub's pace: the last ones are not sent at first, and so not taken for said either."""
    rules = replace(QUICK, settle=60.0)
    with quick_town(tmp_path, rules=rules, rate=Rate(per_second=1.0)) as town:
        town.actions.hold("queued")
        issues = [town.issue(f"[A-1.{n}] Step") for n in range(1, 11)]
        with town.hub.lock:  # one look finds all of them
            for issue in issues:
                town.label(issue)

        town.until(lambda: all(town.status(issue) for issue in issues), "a status for each")
        assert all(len(town.bot_comments(issue)) == 1 for issue in issues)
        town.actions.hold("")


def test_many_issues_that_are_ready_at_once_are_started_a_few_at_a_time(tmp_path: Path) -> None:
    """P28, on a clock twenty times faster: by their numbers, never more than allowed, and no burst of writes."""
    config = SERVER_CONFIG.replace("concurrent: 10", "concurrent: 3")
    plan = Plan(config=config, work_seconds=0.05)
    with quick_town(tmp_path, plan, rate=Rate(per_second=PER_SECOND, burst=1, per_hour=10_000)) as town:
        issues = [town.issue(f"Task {number}") for number in range(1, MANY + 1)]
        with town.hub.lock:
            for issue in reversed(issues):
                town.label(issue)
        for issue in issues:
            assert town.verdict(issue, timeout=120).startswith("Done")
        town.until(lambda: all(town.labels(issue) == {"ai-done"} for issue in issues), "all of it tidied up", 120)
        town.looks()

        assert town.order() == [issue.number for issue in issues]
        assert most_at_a_time(town) == 3
        written = [each.at for each in town.events if wrote(town, each)]
        assert len(written) >= MANY
        for index, at in enumerate(written):
            later = [one for one in written[index:] if (one - at).total_seconds() < 1]
            assert len(later) <= PER_SECOND + AT_ONCE
        check_server_town(town)


def wrote(town: ServerTown, event: Event) -> bool:
    """Whether the server created or edited a comment: what GitHub's limits on content count."""
    return event.actor is town.app.bot and event.name == "issue_comment"


def most_at_a_time(town: ServerTown) -> int:
    """The most runs that were under way at one moment, by what GitHub has of them."""
    changes = Counter[object]()
    for run in town.runs():
        changes[run.created_at] += 1
        changes[run.updated_at] -= 1
    at_work, most = 0, 0
    for _, change in sorted(changes.items(), key=lambda item: str(item[0])):
        at_work += change
        most = max(most, at_work)
    return most
