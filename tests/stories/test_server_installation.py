"""Where the App reaches changes: uninstalled, suspended, repositories chosen anew, renamed, moved to another account."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.actions.instant import DONE, SILENT
from bot.sandbox.records import Repo
from tests.stories.server_town import (
    QUICK,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
)

MILL, SHOP = "acme/mill", "acme/shop"
REREAD_WHEN_TOLD = replace(QUICK, refresh=600.0)
"""Where the App is installed is read when a webhook says that it changed."""


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


@pytest.mark.parametrize("lists", ["/app/installations", "/installation/repositories"])
def test_a_list_that_lacks_something_takes_nothing_away(tmp_path: Path, lists: str) -> None:
    """GitHub's lists may be behind; what is absent from one is asked about by itself, and goes on."""
    with quick_town(tmp_path, rules=replace(QUICK, refresh=0.3)) as town:
        assert town.verdict(town.asked()).startswith("Done")
        town.hub.faults.empty(f"{lists}$")
        asked = town.hub.requests.api
        before = len(asked())
        town.until(lambda: sum(f"{lists}?" in one.path for one in asked()[before:]) > 2, "lists were read")

        assert town.verdict(town.asked("More")).startswith("Done")
        assert isinstance(town.server, InProcessServer)
        assert town.server.store is not None
        assert len(town.server.store.places()) == 1
        town.looks()
        check_server_town(town)


# --------------------------------------------------------------------------------- one of several


def chosen(town: ServerTown, *repos: Repo) -> None:
    town.hub.app_registry.choose(town.installation, repos, town.maintainer)


def test_what_comes_to_the_installation_is_looked_at_and_what_goes_is_left(tmp_path: Path) -> None:
    """By webhooks alone. What was asked for before the App came counts, too."""
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP)), rules=REREAD_WHEN_TOLD) as town:
        mill, shop = town.repos
        chosen(town, mill)
        waits = town.asked("Greet", repo=shop)
        assert town.verdict(town.asked("Grind", repo=mill)).startswith("Done")
        town.looks()
        assert (town.runs(waits), town.labels(waits)) == ([], {"ai-ready"})

        chosen(town, shop)
        assert town.verdict(waits).startswith("Done")
        left = town.asked("Grind more", repo=mill)
        town.looks()
        assert (town.runs(left), town.labels(left)) == ([], {"ai-ready"})
        check_server_town(town)


# ------------------------------------------------------------------------------------ another name


def rename(town: ServerTown) -> None:
    town.hub.repos.rename(town.repo, "store", town.maintainer)


def rename_over_another(town: ServerTown) -> None:
    """And a new repository takes the old name, without the App."""
    rename(town)
    town.hub.create_repo(SHOP, "rita", files={"README.md": "Not the shop.\n"})


def move(town: ServerTown) -> None:
    """To an account that has the App, too: the same repository in another installation."""
    home = town.hub.create_repo("umbrella/home", "rita", files={"README.md": "Home.\n"})
    town.hub.app_registry.install(town.app, home.owner)
    town.hub.repos.transfer(town.repo, "umbrella", town.maintainer)


@pytest.mark.parametrize("change", [rename, rename_over_another, move])
@pytest.mark.parametrize("webhooks", [True, False], ids=["told", "untold"])
def test_a_repository_with_another_name_goes_on(
    tmp_path: Path, change: Callable[[ServerTown], None], webhooks: bool
) -> None:
    """A run is at work and an issue waits meanwhile: the one is not started again, the other starts in its turn."""
    with quick_town(tmp_path, rules=REREAD_WHEN_TOLD if webhooks else replace(QUICK, refresh=0.5)) as town:
        town.actions.hold("in_progress")
        first, second = town.asked("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(first, "ai-ready", "ai-running")
        town.hub.webhooks.lose_share = 0.0 if webhooks else 1.0
        change(town)
        town.actions.hold("")
        assert town.verdict(first).startswith("Done")
        town.labelled(first, "ai-done")
        town.close(first)

        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        assert town.order() == [first.number, second.number]
        assert town.hub.requests.unknown == []
        check_server_town(town)


def test_a_run_is_not_taken_for_deleted_because_another_repository_has_the_name(tmp_path: Path) -> None:
    """Asked by the old name, GitHub knows no such run: that is no word on a run that is at work."""
    rules = replace(REREAD_WHEN_TOLD, settle=0.3)
    with quick_town(tmp_path, rules=rules) as town:
        town.actions.hold("in_progress")
        issue = town.asked()
        town.labelled(issue, "ai-ready", "ai-running")
        town.hub.webhooks.lose_share = 1.0
        rename_over_another(town)
        assert isinstance(town.server, InProcessServer)
        store, renamed = town.server.store, town.repo.full_name
        assert store is not None
        town.until(lambda: [place.full_name for place in store.places()] == [renamed], "the server followed")
        later = time.monotonic() + 2 * rules.settle
        town.until(lambda: time.monotonic() > later, "what a list may lag behind")
        town.looks()
        assert town.verdicts(issue) == []
        town.actions.hold("")

        assert town.verdict(issue).startswith("Done")
        town.looks()
        check_server_town(town)


def test_a_repository_that_went_where_the_app_is_not_is_left_alone(tmp_path: Path) -> None:
    with quick_town(tmp_path, rules=REREAD_WHEN_TOLD) as town:
        first, second = town.issue("[A-1.1] First"), town.asked("[A-1.2] Second")
        town.labelled(second, "ai-ready", "ai-waiting")
        town.hub.repos.transfer(town.repo, "umbrella", town.maintainer)
        gone(town)
        town.close(first)
        town.looks()

        assert town.runs() == []
        check_server_town(town)
