"""What is done by the clock rather than for an issue: reconcile, sweep failed deliveries, read where the App is installed."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from bot.errors import GitHubError
from bot.github.ports import Installation, Listed, Place
from bot.server.desk import Desk
from bot.server.logs import event
from bot.server.ports import Lane, LaneKind, Work
from bot.server.rules import KEEP_DELIVERIES, RECONCILE, RECONCILED, REDELIVER_FOR, REDELIVERIES, REFRESH, SWEEP

ASKED_AT_ONCE = 100
"""Repositories absent from a list that are asked about in one reading; the rest in the next."""

GONE = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""How GitHub answers for an installation that was removed or suspended."""


def do_chore(desk: Desk, work: Work) -> datetime | None:
    """Do a timer's or an installation's work; when it is due again."""
    if work.lane.kind is LaneKind.INSTALLATION:
        read_installation(desk, work.lane.id)
        return None
    chore, seconds = {
        RECONCILE: (reconcile, desk.rules.reconcile),
        SWEEP: (sweep, desk.rules.sweep),
        REFRESH: (read_installations, _refresh_every(desk)),
    }[work.lane]
    chore(desk)
    return desk.clock() + timedelta(seconds=seconds)


def reconcile(desk: Desk) -> None:
    """Every repository is looked at again, whatever webhooks said (design.md §2.2)."""
    now = desk.clock()
    desk.store.repositories_due(now)
    desk.store.remember(RECONCILED, now.isoformat())


def sweep(desk: Desk) -> None:
    """Ask GitHub for deliveries that failed and never came; GitHub itself never tries twice.

    https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
    """
    now = desk.clock()
    if desk.rules.webhooks:
        listed = desk.github.failed_deliveries(now - timedelta(seconds=REDELIVER_FOR))
        _say_cut(desk, "deliveries", listed)
        failed = listed.found
        guids = [delivery.guid for delivery in failed]
        known, tries = desk.store.known(guids), desk.store.redelivered(guids)
        for delivery in failed:
            if delivery.guid not in known and tries.get(delivery.guid, 0) < REDELIVERIES:
                desk.store.count_redelivery(delivery.guid, now)
                desk.meters.redelivered("ok" if desk.github.redeliver(delivery.id) else "refused")
    desk.store.forget_deliveries(now - timedelta(seconds=KEEP_DELIVERIES))


def read_installations(desk: Desk) -> None:
    """Where the App is installed now; what is new is looked at at once, what is gone is left alone.

    No list is trusted for what is absent from it (it may be old, or cut short): that is asked about by itself.
    """
    known, places = desk.store.installations(), desk.store.places()
    listed = desk.github.installations()
    _say_cut(desk, "installations", listed)
    living = {each.id: each for each in listed.found if not each.suspended}
    for installation_id in sorted({*living, *known}):
        try:
            if installation_id in living:
                _put(desk, living[installation_id], places)
            else:
                read_installation(desk, installation_id)
        except GitHubError:
            # It rests, or GitHub fails: on a lane of its own, so that the others are read all the same.
            desk.store.make_due([installation_lane(installation_id)], desk.clock())


def read_installation(desk: Desk, installation_id: int) -> None:
    """One installation, of which a delivery said that it changed, or whose token GitHub refused."""
    found = desk.github.installation(installation_id)
    if found is None or found.suspended:
        desk.store.drop_installation(installation_id)
    else:
        _put(desk, found, desk.store.places())


def _put(desk: Desk, installation: Installation, known: Iterable[Place]) -> None:
    """What it reaches now, of the `known` places and new ones.

    Raises `GitHubError`, also where it was removed a moment ago: then the next reading says so.
    """
    reach = desk.github.repositories(installation.id)
    _say_cut(desk, "repositories", reach.places)
    listed = {place.repository_id for place in reach.places.found} | reach.closed
    mine = (place for place in known if place.installation_id == installation.id)
    absent = [place for place in mine if place.repository_id not in listed]
    gone = {place.repository_id for place in absent[:ASKED_AT_ONCE] if not desk.github.reaches(place)}
    desk.store.put_installation(installation.id, installation.account, reach.places.found, gone=gone | reach.closed)
    if gone and len(absent) > ASKED_AT_ONCE:
        desk.store.make_due([installation_lane(installation.id)], desk.clock())


def _say_cut(desk: Desk, what: str, listed: Listed[Any]) -> None:
    """Of a list that is longer than what we read, the rest is not looked at: whoever runs the server hears of it."""
    if not listed.whole:
        desk.meters.cut(what)
        event("list_cut", level=logging.WARNING, what=what, read=len(listed.found))


def _refresh_every(desk: Desk) -> float:
    rules = desk.rules
    return rules.refresh if rules.webhooks else min(rules.refresh, max(rules.reconcile, 60.0))


def installation_lane(installation_id: int) -> Lane:
    """The lane on which an installation is read again."""
    return Lane(LaneKind.INSTALLATION, installation_id)
