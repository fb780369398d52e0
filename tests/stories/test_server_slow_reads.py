"""What a pass saw is as old as its read, however long the pass takes: GitHub lags behind, and is slow besides."""

from dataclasses import replace
from pathlib import Path

from bot.sandbox.records import Event
from tests.stories.server_town import QUICK, Plan, check_server_town, quick_town

STALE = 1.2
RULES = replace(QUICK, settle=2.0)
DISPATCH = r"POST .*/dispatches"
READ, WRITE = r"/graphql .*query \{", r"/graphql .*mutation"


def test_a_dispatch_in_doubt_is_not_sent_again_for_a_slow_read(tmp_path: Path) -> None:
    """Its run was looked for before the list showed it; then reading took longer than any list lags behind."""
    with quick_town(tmp_path, rules=RULES) as town:
        town.hub.webhooks.lose_share = 1.0
        town.hub.faults.stale(STALE)
        town.hub.faults.drop_after(DISPATCH)

        def slow(event: Event) -> None:
            if (event.name, event.action) == ("workflow_run", "requested") and len(town.runs()) == 1:
                town.hub.faults.delay(RULES.settle + 0.5, READ, times=1)

        town.hub.subscribe(slow)
        issue = town.asked()

        assert town.verdict(issue).startswith("Done")
        town.hub.faults.clear()
        town.looks()
        assert town.order() == [issue.number]
        check_server_town(town)


def test_what_was_perhaps_said_is_not_said_again_at_the_end_of_a_long_pass(tmp_path: Path) -> None:
    """The pass read when no list had the comment yet, then was busy with another dispatch for longer than lists lag."""
    with quick_town(tmp_path, Plan(work_seconds=8.0), rules=RULES) as town:
        first, second = town.issue("First"), town.issue("Second")
        said: list[int] = []

        def heard(event: Event) -> None:
            if (event.name, event.action) == ("workflow_run", "requested") and len(town.runs()) == 1:
                town.hub.faults.delay(0.6, WRITE, times=1)
                town.hub.faults.bad_gateway_after(WRITE)
                town.hub.faults.delay(RULES.settle + 0.5, DISPATCH, times=1)
                town.label(second)
            if (event.name, event.action) == ("issue_comment", "created") and event.actor is town.app.bot:
                said.append(event.payload["issue"]["number"])

        town.hub.faults.stale(STALE)
        town.hub.subscribe(heard)
        town.label(first)

        for issue in (first, second):
            assert town.verdict(issue).startswith("Done")
        town.hub.faults.clear()
        town.looks()
        assert sorted(said) == [first.number, second.number]
        check_server_town(town)


def test_what_was_said_late_is_not_said_again_while_lists_are_old(tmp_path: Path) -> None:
    """GitHub took its time to make the comment; lists are old from then on, not from when it was asked for."""
    with quick_town(tmp_path, Plan(work_seconds=4.0), rules=RULES) as town:
        said: list[str] = []

        def heard(event: Event) -> None:
            if (event.name, event.action) == ("workflow_run", "requested"):
                town.hub.faults.delay(RULES.settle - 0.1, WRITE, times=1)
            if (event.name, event.action) == ("issue_comment", "created") and event.actor is town.app.bot:
                said.append(event.payload["comment"]["body"])

        town.hub.faults.stale(STALE)
        town.hub.subscribe(heard)
        issue = town.issue("First")
        town.label(issue)

        assert town.verdict(issue).startswith("Done")
        town.hub.faults.clear()
        town.looks()
        assert len(said) == 1, said
        check_server_town(town)
