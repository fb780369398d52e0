"""What is done by the clock rather than for an issue: reconcile, sweep failed deliveries, read where the App is installed."""

from datetime import datetime, timedelta
from http import HTTPStatus

from bot.errors import GitHubError
from bot.github.ports import Installation
from bot.server.desk import Desk
from bot.server.ports import Lane, LaneKind, Work
from bot.server.rules import KEEP_DELIVERIES, RECONCILE, RECONCILED, REDELIVER_FOR, REDELIVERIES, REFRESH, SWEEP

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
        failed = desk.github.failed_deliveries(now - timedelta(seconds=REDELIVER_FOR))
        guids = [delivery.guid for delivery in failed]
        known, tries = desk.store.known(guids), desk.store.redelivered(guids)
        for delivery in failed:
            if delivery.guid not in known and tries.get(delivery.guid, 0) < REDELIVERIES:
                desk.store.count_redelivery(delivery.guid, now)
                desk.meters.redelivered("ok" if desk.github.redeliver(delivery.id) else "refused")
    desk.store.forget_deliveries(now - timedelta(seconds=KEEP_DELIVERIES))


def read_installations(desk: Desk) -> None:
    """Where the App is installed now; what is new is looked at at once, what is gone is left alone."""
    living = [each for each in desk.github.installations() if not each.suspended]
    for gone in set(desk.store.installations()) - {each.id for each in living}:
        desk.store.drop_installation(gone)
    for installation in living:
        try:
            _put(desk, installation)
        except GitHubError:
            # It rests, or GitHub fails: on a lane of its own, so that the others are read all the same.
            desk.store.make_due([installation_lane(installation.id)], desk.clock())


def read_installation(desk: Desk, installation_id: int) -> None:
    """One installation, of which a delivery said that it changed, or whose token GitHub refused."""
    living = {each.id: each for each in desk.github.installations() if not each.suspended}
    if installation_id in living:
        _put(desk, living[installation_id])
    else:
        desk.store.drop_installation(installation_id)


def _put(desk: Desk, installation: Installation) -> None:
    try:
        places = desk.github.repositories(installation.id)
    except GitHubError as error:
        if error.status not in GONE or error.retry_after is not None:
            raise
        desk.store.drop_installation(installation.id)
        return
    desk.store.put_installation(installation.id, installation.account, places)


def _refresh_every(desk: Desk) -> float:
    rules = desk.rules
    return rules.refresh if rules.webhooks else min(rules.refresh, max(rules.reconcile, 60.0))


def installation_lane(installation_id: int) -> Lane:
    """The lane on which an installation is read again."""
    return Lane(LaneKind.INSTALLATION, installation_id)
