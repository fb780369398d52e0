"""GitHub misbehaves: answers get lost, lists are old, limits are reached. Nothing is doubled and nothing is lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.faults import Faults
from bot.sandbox.records import Installation
from tests.stories.server_town import (
    QUICK,
    InProcessServer,
    Plan,
    ServerTown,
    check_server_town,
    quick_town,
)

DISPATCH = r"POST .*/dispatches$"
STATUS = r"graphql.*addComment.*\*\*(Queued|Waiting|On hold)"
"""The server's own comments; those of the runs' jobs are the jobs' business."""
OLD = 0.5
"""Seconds that lists are behind: a third of what the server allows for, as 30 of 90 are on GitHub."""


def lose_answers(faults: Faults) -> None:
    """Of every dispatch, and of some status comments."""
    faults.drop_after(DISPATCH, times=-1)
    faults.drop_after(STATUS, times=3)


def break_after(faults: Faults) -> None:
    """The same, with an answer that says nothing."""
    faults.bad_gateway_after(DISPATCH, times=-1)
    faults.bad_gateway_after(STATUS, times=3)


def break_before(faults: Faults) -> None:
    """Nothing was done; nobody can know."""
    for pattern in (DISPATCH, STATUS):
        faults.fail(pattern, 502, times=3)


@pytest.mark.parametrize("break_down", [lose_answers, break_after, break_before])
def test_with_old_lists_and_lost_answers_everything_is_done_once(
    tmp_path: Path, break_down: Callable[[Faults], None]
) -> None:
    with quick_town(tmp_path) as town:
        town.hub.faults.stale(OLD)
        break_down(town.hub.faults)
        issues = [town.asked(title) for title in ("[A-1.1] One", "[A-1.2] Two", "[B-1.1] Three", "Four")]
        with town.reviewing():
            town.until(lambda: not any(issue.open for issue in issues), "everything merged", timeout=90)
            town.until(lambda: not any(town.labels(issue) for issue in issues), "everything tidied up")
        town.hub.faults.clear()
        town.looks()

        assert sorted(town.order()) == [1, 2, 3, 4]
        assert [len(town.verdicts(issue)) for issue in issues] == [1] * 4
        check_server_town(town)


# ------------------------------------------------------------------------------------------ limits


MILL, SHOP, YARD = "acme/mill", "umbrella/shop", "umbrella/yard"
LONG = 600
"""Seconds. Nobody waits for them: the town's clock is moved."""
Limit = Callable[[Faults], None]


def asked_to_wait(faults: Faults) -> None:
    """A secondary limit that says how long."""
    faults.secondary_rate_limit("/acme/mill/.*/dispatches", retry_after=LONG)


def used_up(faults: Faults) -> None:
    """The hour's requests are spent."""
    faults.rate_limit("/acme/mill/.*/dispatches", seconds=LONG)


def asked_to_slow_down(faults: Faults) -> None:
    """A secondary limit that does not say how long: a minute at least."""
    faults.secondary_rate_limit("/acme/mill/.*/dispatches", retry_after=None)


@pytest.mark.parametrize("limit", [asked_to_wait, used_up, asked_to_slow_down])
def test_an_installation_at_its_limit_rests_and_the_others_go_on(tmp_path: Path, limit: Limit) -> None:
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP))) as town:
        mill, shop = town.repos
        limit(town.hub.faults)
        held = town.asked("Grind", repo=mill)
        resting(town, town.app.installations[0])
        before = requests_for(town, "mill")
        assert town.verdict(town.asked("Greet", repo=shop)).startswith("Done")
        town.looks()
        assert requests_for(town, "mill") == before
        assert town.runs(held) == []

        town.clock.shift += timedelta(seconds=LONG + 60)
        assert town.verdict(held).startswith("Done")
        town.labelled(held, "ai-done")
        town.looks()
        check_server_town(town)


def test_while_one_installation_rests_the_others_are_still_read(tmp_path: Path) -> None:
    """Also without a webhook that says what changed there."""
    rules = replace(QUICK, refresh=0.5)
    with quick_town(tmp_path, Plan(repos=(MILL, SHOP, YARD)), rules=rules) as town:
        mill, shop, yard = town.repos
        umbrella = town.app.installations[1]
        town.hub.app_registry.choose(umbrella, [shop], town.maintainer)
        issue = town.asked("Sweep", repo=yard)
        asked_to_wait(town.hub.faults)
        town.asked("Grind", repo=mill)
        resting(town, town.app.installations[0])
        town.hub.webhooks.lose_share = 1.0
        town.hub.app_registry.choose(umbrella, [shop, yard], town.maintainer)

        assert town.verdict(issue).startswith("Done")


def resting(town: ServerTown, installation: Installation) -> None:
    """Wait until the server leaves it alone."""
    assert isinstance(town.server, InProcessServer)
    store = town.server.store
    assert store is not None
    town.until(lambda: store.resting(installation.id, town.clock()) > 30, "a rest")


def requests_for(town: ServerTown, name: str) -> int:
    """How often the server asked for something of a repository by REST (GraphQL's log has no names)."""
    return sum(f"/{name}/" in one for one in town.requests())
