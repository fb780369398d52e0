"""Where the App reaches changes: uninstalled, suspended, repositories chosen anew, renamed, moved to another account."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import DONE, SILENT
from tests.stories.server_town import QUICK, InProcessServer, Plan, ServerTown, check_server_town, quick_town

MILL, SHOP = "acme/mill", "acme/shop"


def uninstall(town: ServerTown) -> None:
    town.hub.app_registry.uninstall(town.installation, town.maintainer)


def install(town: ServerTown) -> None:
    """A new installation, with another id."""
    town.hub.app_registry.install(town.app, town.repo.owner, repos=town.repos)


def suspend(town: ServerTown) -> None:
    town.hub.app_registry.suspend(town.installation, town.maintainer)


def resume(town: ServerTown) -> None:
    town.hub.app_registry.suspend(town.installation, town.maintainer, suspended=False)


def take_away(town: ServerTown) -> None:
    town.hub.app_registry.choose(town.installation, [], town.maintainer)


def give_back(town: ServerTown) -> None:
    town.hub.app_registry.choose(town.installation, town.repos, town.maintainer)


Act = Callable[[ServerTown], None]
WAYS = [
    pytest.param(uninstall, install, id="uninstalled"),
    pytest.param(suspend, resume, id="suspended"),
    pytest.param(take_away, give_back, id="taken-out"),
]


def gone(town: ServerTown) -> None:
    """Wait until the server knows that it reaches nothing any more."""
    assert isinstance(town.server, InProcessServer)
    store = town.server.store
    assert store is not None
    town.until(lambda: not store.places(), "the server noticed")


@pytest.mark.parametrize(("leave", "come_back"), WAYS)
@pytest.mark.parametrize("webhooks", [True, False], ids=["told", "untold"])
def test_where_the_app_is_gone_nothing_is_done_until_it_is_back(
    tmp_path: Path, leave: Act, come_back: Act, webhooks: bool
) -> None:
    """An issue waits and a run is at work meanwhile. Whether webhooks say so or not, the server asks for nothing there."""
    with quick_town(tmp_path, rules=replace(QUICK, refresh=1.0)) as town:
        town.actions.hold("in_progress")
        first, second = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.until(lambda: town.runs(first), "the first run")
        town.labelled(second, "ai-ready", "ai-waiting")
        town.hub.webhooks.lose_share = 0.0 if webhooks else 1.0
        leave(town)
        gone(town)

        town.close(first)
        town.actions.hold("")
        town.looks()  # a pass that was under way has ended
        before = len(town.requests())
        town.looks()
        assert [one for one in town.requests(before) if "/repos/" in one or "graphql" in one] == []
        assert town.runs(second) == []

        come_back(town)
        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        assert town.order() == [first.number, second.number]
        check_server_town(town)


@pytest.mark.parametrize(("leave", "come_back"), WAYS)
def test_a_run_that_was_lost_meanwhile_gets_its_verdict_when_the_app_is_back(
    tmp_path: Path, leave: Act, come_back: Act
) -> None:
    """Once; and its request goes on, as it would have without the interruption."""
    ends = iter([SILENT])
    with quick_town(tmp_path, Plan(ends=lambda _run: next(ends, DONE))) as town:
        town.actions.hold("in_progress")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-running")
        leave(town)
        gone(town)
        town.actions.hold("")
        town.actions.wait_idle()
        come_back(town)

        assert town.verdict(issue, 2).startswith("Done")
        town.labelled(issue, "ai-done")
        town.looks()
        assert town.verdicts(issue)[0].startswith("Blocked (runner-lost)")
        check_server_town(town)
