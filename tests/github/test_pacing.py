"""Limits are kept by all workers of an installation together; nobody sits and waits for long."""

from dataclasses import replace

import pytest

from bot.core.effects import Dispatch, PostComment
from bot.github.app_client import AppRepository
from bot.github.courier import Courier
from bot.github.exchange import Answer, get
from bot.github.pacing import InstallationPacing, Strikes
from tests.github.app_stage import AppStage, refused
from tests.github.stage import Hourglass
from tests.github.test_courier import Scripted


def two_workers(app: AppStage) -> tuple[AppRepository, AppRepository]:
    """Clients of two processes for two repositories of one installation."""
    hub = app.stage.world.hub
    other = hub.create_repo(f"{app.stage.repo}-other", "ada", files={"README.md": "#"})
    app.installation.repos = [app.stage.world.shop, other]
    place = replace(app.place, repository_id=other.id, full_name=other.full_name)
    return app.shop(), app.client().repository(place)


def test_a_limit_stops_every_worker_of_the_installation(app: AppStage) -> None:
    """`Retry-After: 37`: nothing goes out for 37 s, whoever wants to; then it does."""
    one, other = two_workers(app)
    one.snapshot(now=app.now)
    other.snapshot(now=app.now)
    hub = app.stage.world.hub
    hub.faults.secondary_rate_limit("graphql", retry_after=37)

    first = refused(lambda: one.snapshot(now=app.now))
    app.pass_time(seconds=30)
    before = len(hub.requests.api())
    second = refused(lambda: other.snapshot(now=app.now))

    assert (first.retry_after, first.transient) == (37.0, True)
    assert second.retry_after == pytest.approx(7.0)
    assert len(hub.requests.api()) == before
    assert app.slept == []
    app.pass_time(seconds=8)
    assert other.snapshot(now=app.now).repo
    assert one.snapshot(now=app.now).repo


def test_another_installation_goes_on(app: AppStage) -> None:
    hub = app.stage.world.hub
    elsewhere = hub.app_registry.install(app.app, app.stage.world.shop.owner, repos=[app.stage.world.shop])
    hub.faults.secondary_rate_limit("graphql", retry_after=37)
    refused(lambda: app.shop().snapshot(now=app.now))

    assert app.shop(installation_id=elsewhere.id).snapshot(now=app.now).repo  # type: ignore[arg-type]
    app.app.installations.remove(elsewhere)


def test_a_short_limit_is_sat_out(app: AppStage) -> None:
    app.stage.world.hub.faults.secondary_rate_limit("graphql", retry_after=4)

    assert app.shop().snapshot(now=app.now).repo
    assert sum(app.slept) == pytest.approx(4.0)


def test_the_hours_limit_lasts_until_its_reset(app: AppStage) -> None:
    """Twenty minutes are nothing to sleep through: the work is put back, and all of its installation rest."""
    strikes, whose = Strikes(), app.installation.id
    pacing = InstallationPacing(app.store, whose, clock=lambda: app.now, strikes=strikes, waited=app.seen.waited)
    wire = Scripted([Answer(403, {}, retry_after=1200.0)], Hourglass())

    answer = Courier(wire, wire.glass.timing, pacing).send(get("/rate_limit"))

    assert answer.retry_after == 1200.5
    assert app.store.resting(whose, app.now) == pytest.approx(1200.5)
    assert (len(wire.sent), wire.glass.slept) == (1, [])


def test_a_limit_without_a_time_doubles_each_time(app: AppStage) -> None:
    """At least a minute, then more: GitHub bans integrations that go on."""
    client = app.client()
    shop = client.repository(app.place)
    waits = []
    for _ in range(4):
        app.stage.world.hub.faults.secondary_rate_limit("graphql", retry_after=None)
        waits.append(refused(lambda: shop.snapshot(now=app.now)).retry_after)
        app.pass_time(seconds=(waits[-1] or 0) + 1)
    assert waits == [60.0, 120.0, 240.0, 480.0]
    assert client.strikes(app.installation.id) == 4

    app.pass_time(minutes=20)
    app.stage.world.hub.faults.secondary_rate_limit("graphql", retry_after=None)
    assert refused(lambda: shop.snapshot(now=app.now)).retry_after == 60.0


def test_effects_that_meet_a_limit_are_in_no_doubt_for_long(app: AppStage) -> None:
    """Refused before they were done; nothing after them is sent; when to come back is said."""
    app.stage.asked()
    shop = app.shop()
    snapshot = shop.snapshot(now=app.now)
    app.stage.world.hub.faults.secondary_rate_limit("mutation", retry_after=90)

    done = shop.apply([PostComment(1, "x"), Dispatch(1, "1-x-1")], snapshot)

    assert [(one.ok, one.unsure, one.retry_after) for one in done] == [(False, True, 90.0), (False, True, 90.0)]
    assert [kind for kind, _ in app.seen.requests if "dispatches" in kind] == []


def test_workers_share_turns_and_a_turn_that_is_far_off_is_kept(app: AppStage) -> None:
    """Content goes out at the store's pace. Who must wait long goes away and comes back, and then it is their turn."""
    one, other = two_workers(app)
    issue = app.stage.asked()
    snapshot = one.snapshot(now=app.now)
    others = other.snapshot(now=app.now)
    app.stage.world.hub.issues.create(app.stage.world.hub.repo(others.repo), app.stage.world.by("ada"), title="t")
    sent = 0
    while (done := one.apply([PostComment(issue.number, "x")], snapshot)[0]).ok:
        sent += 1
        app.store.turn(app.installation.id, 3, app.now)  # a third worker is busy, too
    wait = done.retry_after or 0

    assert wait > 5
    assert not other.apply([PostComment(1, "y")], others)[0].ok
    assert max(app.slept, default=0) <= 5
    app.pass_time(seconds=wait)
    asked = len(app.slept)
    assert one.apply([PostComment(issue.number, "x")], snapshot)[0].ok
    assert app.slept[asked:] == []
    assert len(issue.comments) == sent + 1


def test_a_dispatch_waits_for_no_turn(app: AppStage) -> None:
    """It creates no content."""
    shop = app.shop()
    snapshot = shop.snapshot(now=app.now)
    app.store.turn(app.installation.id, 50, app.now)

    assert shop.dispatch(Dispatch(1, "1-x-1"), snapshot).ok
    assert app.slept == []


def test_waiting_for_a_turn_is_counted(app: AppStage) -> None:
    issue, shop = app.stage.asked(), app.shop()
    snapshot = shop.snapshot(now=app.now)

    for _ in range(8):
        shop.apply([PostComment(issue.number, "x")], snapshot)

    assert app.seen.seconds == pytest.approx(sum(app.slept))
    assert len(issue.comments) == 8
    assert app.seen.seconds >= 2
