"""A repository at which the server stumbles each time: it backs off alone, is seen, and goes on when a person acts."""

from pathlib import Path

import pytest

from bot.server.passes import Pass
from tests.stories.server_town import BY_WEBHOOKS, Plan, ServerTown, check_server_town, quick_town
from tests.stories.test_server_health import metrics, ready

MILL, SHOP = "acme/mill", "acme/shop"


def test_a_repository_that_always_fails_stands_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits long (here from its first failure on), but the next delivery is an earlier reason to look."""
    monkeypatch.setattr("bot.server.scheduler.FIRST_RETRY", 300.0)
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=BY_WEBHOOKS) as town:
        town.until(lambda: metrics(town)["ai_ready_repositories"] == 2, "both are known")
        mill, shop = town.repos
        with monkeypatch.context() as broken:
            poison(broken, mill.id)
            stuck = town.asked("Grind", repo=mill)
            town.until(lambda: metrics(town)["ai_ready_lanes_failing"] == 1, "the lane fails")
            free = town.asked("Greet", repo=shop)
            assert town.verdict(free).startswith("Done")
            assert ready(town) == (200, [])
            assert town.runs(stuck) == []

        town.comment(stuck, "/ai status")
        assert town.verdict(stuck).startswith("Done")
        town.until(lambda: metrics(town)["ai_ready_lanes_failing"] == 0, "it is well again")
        rest(town)


def poison(patch: pytest.MonkeyPatch, repository: int) -> None:
    """A mistake of ours that one repository brings to light."""
    run = Pass.run

    def stumbling(self: Pass) -> object:
        if self._repository == repository:
            raise ZeroDivisionError
        return run(self)

    patch.setattr(Pass, "run", stumbling)


def rest(town: ServerTown) -> None:
    """Wait until all labels say that it is over."""
    issues = [issue for repo in town.repos for issue in repo.issues.values() if not issue.pull]
    town.until(lambda: not any({"ai-queued", "ai-running"} & town.labels(issue) for issue in issues), "rest")
    check_server_town(town)
