"""Deliveries that failed are asked for again; what two hooks tell of is done once."""

from functools import partial
from pathlib import Path

from bot.sandbox.records import Hook
from bot.sandbox.webhooks import Delivery
from bot.server.rules import REDELIVERIES, SWEEP
from tests.stories.server_town import BY_WEBHOOKS, InProcessServer, ServerTown, check_server_town, quick_town


def asked(town: ServerTown, end: str) -> int:
    """How many requests of the App's had a path with this end."""
    return sum(one.path.endswith(end) for one in town.hub.requests.api())


def sweeps(town: ServerTown) -> int:
    """How many sweeps have begun: each with the first page of what failed."""
    return asked(town, "/app/hook/deliveries?per_page=100&status=failure")


def sweep(town: ServerTown, times: int = 1) -> None:
    """Wait for so many sweeps, from their beginnings to their ends: where one begins, the one before is over."""
    assert isinstance(town.server, InProcessServer)
    store = town.server.store
    assert store is not None
    for begun in range(sweeps(town), sweeps(town) + times + 1):
        store.make_due([SWEEP], town.clock())
        town.until(partial(lambda many: sweeps(town) > many, begun), "a sweep began")


def failing(town: ServerTown, comments: int) -> list[Delivery]:
    """Somebody labels an issue and people talk about it; none of that arrives, and GitHub says so."""
    issue, hooks = town.issue(), town.hub.webhooks
    hooks.flush()
    sweep(town)  # that of the start is over
    hooks.drop_share, before = 1.0, len(hooks.deliveries)
    town.label(issue)
    for _ in range(comments):
        town.comment(issue, "Nice!")
    hooks.flush()
    hooks.drop_share = 0.0
    return hooks.deliveries[before:]


def test_what_failed_is_asked_for_again_and_nothing_else(tmp_path: Path) -> None:
    """W34: 120 failed, which is more than a page; three of them were handed over since. Nothing but webhooks tells of it."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        hooks = town.hub.webhooks
        failed = failing(town, 119)
        for one in failed[1:4]:
            hooks.redeliver(one)
        hooks.flush()
        before = len(hooks.deliveries)
        assert (len(failed), town.runs()) == (120, [])

        sweep(town)
        again = [one for one in hooks.deliveries[before:] if one.redelivery]
        issue = town.repo.issues[1]
        assert town.verdict(issue).startswith("Done")
        assert sorted(one.guid for one in again) == sorted(one.guid for one in (failed[0], *failed[4:]))

        hooks.flush()
        sweep(town)
        assert asked(town, "/attempts") == 117
        check_server_town(town)


def test_what_keeps_failing_is_asked_for_a_few_times(tmp_path: Path) -> None:
    """W34: never a loop, however often somebody looks."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        (failed,) = failing(town, 0)
        town.hub.webhooks.drop_share = 1.0
        for _ in range(REDELIVERIES + 2):
            sweep(town)
            town.hub.webhooks.flush()

        assert [one.guid for one in town.hub.webhooks.deliveries if one.redelivery] == [failed.guid] * REDELIVERIES


def test_what_the_app_and_a_hook_of_the_repository_both_tell_of_is_done_once(tmp_path: Path) -> None:
    """W24: the same news under two GUIDs, in any order, one of them without an installation."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        assert town.server is not None
        hook = Hook(town.hub.new_id(), f"{town.server.url}/webhook", town.app.hook.secret, ("*",))
        town.repo.hooks.append(hook)
        town.hub.webhooks.scatter_seconds = 0.1
        first, second = town.asked(), town.issue("Greet again")
        town.comment(second, "/ai run")
        for issue in (first, second):
            assert town.verdict(issue).startswith("Done")
        town.hub.webhooks.scatter_seconds = 0.0
        town.looks()

        told = [one for one in town.hub.webhooks.deliveries if one.action == "labeled" and one.repository_id]
        assert {one.hook for one in told} == {hook, town.app.hook}
        assert len({one.guid for one in told}) == len(told)
        assert {one.response for one in told if not one.ok} == set()
        assert sorted(town.order()) == [first.number, second.number]
        assert [one.content for comment in second.comments[:1] for one in comment.reactions] == ["eyes"]
        check_server_town(town)
