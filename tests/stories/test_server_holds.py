"""What the server holds back, and what the status comment says of it."""

from dataclasses import replace
from pathlib import Path

from tests.stories.server_town import QUICK, Plan, check_server_town, quick_town

MILL, SHOP = "acme/mill", "acme/shop"


def test_the_servers_cap_is_named_as_such(tmp_path: Path) -> None:
    """The repository's own cap has room: raising that would help nobody."""
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=replace(QUICK, concurrent=1)) as town:
        mill, shop = town.repos
        town.actions.hold("in_progress")
        first = town.asked("Grind", repo=mill)
        town.until(lambda: town.actions.dispatches, "the mill has the only place")
        second = town.asked("Greet", repo=shop)
        town.labelled(second, "ai-ready", "ai-waiting")

        assert "the server allows 1 run at a time in all repositories" in town.status(second)
        assert "limits.concurrent" not in town.status(second)

        town.actions.hold("")
        assert town.verdict(first).startswith("Done")
        assert town.verdict(second).startswith("Done")
        check_server_town(town)


def test_a_paused_server_plans_and_says_so_and_starts_nothing(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=replace(QUICK, paused=True)) as town:
        issue, behind = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(issue, "ai-ready", "ai-waiting")
        town.labelled(behind, "ai-ready", "ai-waiting")
        town.looks()

        assert "the server is paused" in town.status(issue)
        assert "**Waiting** for 1 issue" in town.status(behind)
        assert town.runs() == []
