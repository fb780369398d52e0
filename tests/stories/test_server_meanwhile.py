"""What happens to a waiting issue behind the server's back, or to the issue itself: locked, moved, closed, reopened."""

from pathlib import Path

from tests.stories.server_town import BY_WEBHOOKS, Plan, ServerTown, check_server_town, quick_town


def pair(town: ServerTown) -> tuple[int, int]:
    """The second waits for the first."""
    first = town.issue("[A-1.1] First")
    second = town.asked("[A-1.2] Second")
    town.labelled(second, "ai-ready", "ai-waiting")
    return first.number, second.number


def test_what_closed_while_the_server_was_down_is_found_at_its_start(tmp_path: Path) -> None:
    """P34. No delivery tells of it, then or later."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first, second = (town.repo.issues[number] for number in pair(town))
        assert town.server is not None
        town.server.stop()
        town.hub.webhooks.lose_share = 1.0
        town.close(first)
        town.hub.webhooks.flush()
        town.hub.webhooks.lose_share = 0.0
        town.server.start()

        assert town.verdict(second).startswith("Done")
        town.looks()
        assert town.order() == [second.number]
        check_server_town(town)


def test_a_locked_issue_goes_on(tmp_path: Path) -> None:
    """P11: whoever may write may comment on it, and the App may."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first, second = (town.repo.issues[number] for number in pair(town))
        town.hub.issues.lock(second, town.maintainer, reason="resolved")
        town.close(first)

        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        check_server_town(town)


def test_issues_that_become_discussions_hold_nobody_and_get_nothing(tmp_path: Path) -> None:
    """P11: closed and locked at once, both the one that waits and the one that is waited for. What waited goes on."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        first, second = (town.repo.issues[number] for number in pair(town))
        third = town.asked("Third", f"Depends on #{first.number}")
        town.labelled(third, "ai-ready", "ai-waiting")
        for issue in (second, first):
            with town.hub.lock:
                town.close(issue, reason="not_planned")
                town.hub.issues.lock(issue, town.maintainer)

        assert town.verdict(third).startswith("Done")
        town.labelled(second)
        town.looks()
        assert town.order() == [third.number]
        check_server_town(town)


def test_an_issue_that_moves_away_while_it_waits_has_to_be_asked_for_where_it_is(tmp_path: Path) -> None:
    """P32: the label does not go with it as a request; nothing is started here or there."""
    with quick_town(tmp_path, Plan(repos=("acme/shop", "acme/tools")), rules=BY_WEBHOOKS) as town:
        first, second = (town.repo.issues[number] for number in pair(town))
        moved = town.hub.issues.transfer(second, town.repos[1], town.maintainer)
        town.close(first)
        town.looks()
        assert town.runs() == []

        for name in sorted(town.labels(moved)):
            town.hub.issues.remove_label(moved, name, town.maintainer)
        town.label(moved)
        assert town.verdict(moved).startswith("Done")
        town.looks()
        assert [run.repo for run in town.runs()] == [town.repos[1]]
        check_server_town(town)


def test_closed_while_it_waits_it_is_dropped_and_reopening_does_not_ask(tmp_path: Path) -> None:
    """P31."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        with town.clock.ago(60):
            first, second = (town.repo.issues[number] for number in pair(town))
        with town.clock.ago(30):
            town.close(second)
        town.labelled(second)
        with town.clock.ago(20):
            town.close(first)
            town.hub.issues.reopen(second, town.maintainer)
        town.looks()
        assert town.runs() == []

        town.label(second)
        assert town.verdict(second).startswith("Done")
        town.looks()
        check_server_town(town)
