"""The whole server against the sandbox: webhooks in, runs in their order out, whatever gets lost on the way."""

from pathlib import Path

import pytest

from bot.sandbox.app_server import AppServer
from tests.stories.server_town import Plan, check_server_town, process_town, quick_town

PHASES = ("[A-1.1] First", "[A-1.2] Second", "[A-2.1] Third", "[B-1.1] Another series")


def test_issues_labelled_at_once_run_in_their_order(tmp_path: Path) -> None:
    """Each when the one before was merged; the other series beside them."""
    with quick_town(tmp_path) as town:
        issues = [town.issue(title) for title in PHASES]
        with town.reviewing():
            for issue in reversed(issues):
                town.label(issue)
            for issue in issues:
                assert town.verdict(issue).startswith("Done")
            town.until(lambda: not any(issue.open for issue in issues), "everything merged")
            town.looks()

        assert [number for number in town.order() if number != 4] == [1, 2, 3]
        assert sorted(town.order()) == [1, 2, 3, 4]
        assert [town.labels(issue) for issue in issues] == [set()] * 4
        check_server_town(town)


def test_with_every_webhook_lost_the_end_is_the_same(tmp_path: Path) -> None:
    with quick_town(tmp_path) as town:
        town.hub.webhooks.lose_share = 1.0
        issues = [town.asked(title) for title in PHASES]
        with town.reviewing():
            for issue in issues:
                assert town.verdict(issue).startswith("Done")
            town.until(lambda: not any(issue.open for issue in issues), "everything merged")
            town.looks()

        assert sorted(town.order()) == [1, 2, 3, 4]
        check_server_town(town)


@pytest.mark.story
def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    """The real process, SIGKILLed while a run is under way; what it missed is found without a webhook."""
    with process_town(tmp_path, Plan()) as town:
        assert isinstance(town.server, AppServer)
        town.actions.hold("in_progress")
        first, second = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.until(lambda: town.runs(first), "the first run")
        town.server.kill()
        town.actions.hold("")
        town.actions.wait_idle()
        pull = town.pull_of(first)
        assert pull is not None
        town.merge(pull)
        town.server.start()

        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks(1)
        assert town.order() == [first.number, second.number]
        check_server_town(town)
    assert "Traceback" not in town.server.log.read_text()
