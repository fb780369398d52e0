"""`SqlStore`: everything of `bot.server.ports.Store`, each method one transaction."""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, final

from bot.core.model import ActionsRun
from bot.github.ports import Place
from bot.server.ports import Counts, Lane, LedgerRun, PastRun, Received, Share, Work
from bot.server.store import facts, history, inbox, lanes, ledger, pace, places, shares
from bot.server.store.database import Database

if TYPE_CHECKING:
    from concurrent.futures import Future

_FORGET_AT_ONCE: Final = 2000
"""Deliveries dropped by one transaction: a longer one would keep the inbox waiting."""
_INT64: Final = 2**63


@final
class SqlStore:
    """The store. Thread-safe. Text with NUL or half of a surrogate pair is a ValueError, and nothing is stored."""

    def __init__(self, database: Database, rate: pace.Rate, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._rate = rate

    # --- lanes

    def take(self, now: datetime, *, lease: float) -> Work | None:
        """Take the due lane that was served longest ago; it counts as an attempt until it is finished."""
        return self._database.write(lambda c: lanes.take(c, now, lease=lease))

    def extend(self, work: Work, until: datetime) -> bool:
        """Keep it until then; also after the lease ran out, as long as nobody took it."""
        return self._database.write(lambda c: lanes.extend(c, work, until))

    def finish(self, work: Work, *, due: datetime | None = None) -> None:
        """Done. Nothing happens when the lease was lost."""
        self._database.write(lambda c: lanes.finish(c, work, due))

    def fail(self, work: Work, *, error: str, due: datetime) -> None:
        """Not done; waits until `due`, or for the next delivery. Nothing happens when the lease was lost."""
        words = error.encode(errors="replace").decode().replace("\0", "?")
        self._database.write(lambda c: lanes.fail(c, work, words, due))

    def make_due(self, lanes_: Iterable[Lane], at: datetime) -> None:
        """Make them due at `at`, unless they are due earlier."""
        due = dict.fromkeys(lanes_, at)
        self._database.write(lambda c: lanes.make_due(c, due))

    def repositories_due(self, at: datetime) -> None:
        """Make every living repository's lane due."""
        self._database.write(lambda c: lanes.repositories_due(c, at))

    def next_due(self) -> datetime | None:
        """When there is something to take."""
        return self._database.read(lanes.next_due)

    # --- inbox

    def receive(self, delivery: Received) -> "Future[bool]":
        """Store it in the next commit; the future is False where its GUID was stored already."""
        run = delivery.run
        _storable(delivery.guid, delivery.event, delivery.action, delivery.repository)
        _countable(delivery.installation_id, delivery.repository_id, delivery.issue)
        if run is not None:
            _storable(run.status, run.conclusion, run.name, run.url)
            _countable(run.run_id)
        return self._database.receive(delivery)

    def known(self, guids: Collection[str]) -> frozenset[str]:
        """Those that were received."""
        return self._database.read(lambda c: inbox.known(c, guids))

    def redelivered(self, guids: Collection[str]) -> dict[str, int]:
        """How often each was asked for; 0: never."""
        return self._database.read(lambda c: inbox.redelivered(c, guids))

    def count_redelivery(self, guid: str, at: datetime) -> None:
        """We asked once more."""
        _storable(guid)
        self._database.write(lambda c: inbox.count_redelivery(c, guid, at))

    def forget_deliveries(self, before: datetime) -> int:
        """Drop what is older, little by little; how many deliveries."""
        total = 0
        while True:
            gone = self._database.write(lambda c: inbox.forget(c, before, most=_FORGET_AT_ONCE))
            total += gone
            if gone < _FORGET_AT_ONCE:
                return total

    # --- places

    def put_installation(
        self, installation_id: int, account: str, repositories: Sequence[Place], *, gone: Collection[int] = ()
    ) -> None:
        """What an installation reaches, and what it does no longer."""
        _storable(account, *(place.full_name for place in repositories))
        self._database.write(lambda c: places.put_installation(c, installation_id, account, repositories, gone))

    def drop_installation(self, installation_id: int) -> None:
        """Leave its repositories alone, and take their lanes from whoever works on them."""
        self._database.write(lambda c: places.drop_installation(c, installation_id))

    def installations(self) -> tuple[int, ...]:
        """The living ones."""
        return self._database.read(places.installations)

    def place(self, repository_id: int) -> Place | None:
        """None: unknown, or no longer reached."""
        return self._database.read(lambda c: places.place(c, repository_id))

    def places(self) -> tuple[Place, ...]:
        """All living ones."""
        return self._database.read(places.places)

    # --- ledger

    def claims(self, repository_id: int) -> tuple[LedgerRun, ...]:
        """The unreleased ones, oldest first."""
        return self._database.read(lambda c: ledger.claims(c, repository_id))

    def intend(self, work: Work, run: LedgerRun, *, most: int) -> bool:
        """Claim the issue."""
        if run.repository_id != work.lane.id:
            raise ValueError(f"run {run.run_key} is not of the repository that is worked on")
        _storable(run.run_key, run.url, run.conclusion)
        return self._database.write(lambda c: ledger.intend(c, work, run, most=most))

    def sending(self, work: Work, run_key: str, at: datetime) -> bool:
        """The dispatch is about to be sent (again). False also where the run was released."""
        return self._database.write(lambda c: ledger.sending(c, work, run_key, at))

    def dispatched(self, work: Work, run_key: str, run_id: int, url: str) -> bool:
        """GitHub has it."""
        _storable(url)
        return self._database.write(lambda c: ledger.dispatched(c, work, run_key, run_id, url))

    def seen(self, work: Work, run_key: str, run: ActionsRun) -> bool:
        """What a read of the run said; a deleted run is `completed` with the conclusion `gone`."""
        _storable(run.url, run.conclusion)
        now = self._clock()
        return self._database.write(lambda c: ledger.seen(c, work, run_key, run, at=now))

    def cancelling(self, work: Work, run_key: str) -> bool:
        """GitHub was asked to cancel it."""
        return self._database.write(lambda c: ledger.cancelling(c, work, run_key))

    def withdraw(self, work: Work, run_key: str) -> bool:
        """It was never dispatched: forget it. False also where a workflow run with this key was heard of."""
        return self._database.write(lambda c: ledger.withdraw(c, work, run_key))

    def release(self, work: Work, run_key: str, *, verdict: str, usd: float) -> bool:
        """It ended. Releasing it again changes nothing and is True."""
        _storable(verdict)
        return self._database.write(lambda c: ledger.release(c, work, run_key, verdict=verdict, usd=usd))

    # --- shares

    def share(self, repository_id: int, *, most: int) -> Share:
        """What a repository may have of the `most` runs of its installation."""
        return self._database.read(lambda c: shares.share(c, repository_id, most=most))

    def starve(self, work: Work, since: datetime | None) -> bool:
        """Note since when the installation's cap holds something back in this repository."""
        return self._database.write(lambda c: shares.starve(c, work, since))

    def feed(self, installation_id: int, at: datetime) -> None:
        """Make the lanes of the starving repositories due."""
        self._database.write(lambda c: shares.feed(c, installation_id, at))

    # --- said, pace

    def about_to_say(self, work: Work, digest: str, *, now: datetime, within: float) -> bool:
        """Commit that this comment is about to be posted."""
        _storable(digest)
        since = now - timedelta(seconds=within)
        return self._database.write(lambda c: ledger.about_to_say(c, work, digest, since=since, now=now))

    def not_said(self, work: Work, digest: str) -> None:
        """It may be said again at once."""
        self._database.write(lambda c: ledger.not_said(c, work, digest))

    def turn(self, installation_id: int, creates: int, now: datetime) -> float:
        """Seconds to wait, a rest included; the turn is taken."""
        return self._database.write(lambda c: pace.turn(c, installation_id, creates, now, self._rate))

    def rest(self, installation_id: int, until: datetime) -> None:
        """Leave this installation alone until then."""
        self._database.write(lambda c: pace.rest(c, installation_id, until))

    def resting(self, installation_id: int, now: datetime) -> float:
        """Seconds that it still rests."""
        return self._database.read(lambda c: pace.resting(c, installation_id, now))

    # --- history

    def past_runs(self, repository_id: int, *, most: int) -> tuple[PastRun, ...]:
        """The newest runs of a repository, newest first."""
        return self._database.read(lambda c: history.runs(c, repository_id, most=most))

    def last_delivery(self) -> datetime | None:
        """When the newest one came."""
        return self._database.read(history.last_delivery)

    def undelivered(self, since: datetime) -> int:
        """How many deliveries GitHub was asked for again since then, and have not come."""
        return self._database.read(lambda c: history.undelivered(c, since))

    # --- all of it

    def counts(self, now: datetime) -> Counts:
        """How much there is of everything."""
        return self._database.read(lambda c: facts.counts(c, now))

    def ping(self) -> None:
        """Write something, for good: something new each time, for SQLite does not write what is there already."""
        self.remember("ping", uuid.uuid4().hex)

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact."""
        _storable(key, value)
        self._database.write(lambda c: facts.remember(c, key, value))

    def recall(self, key: str) -> str:
        """Empty: never remembered."""
        return self._database.read(lambda c: facts.recall(c, key))

    def close(self) -> None:
        """Write what is pending, then let go of the database. Later calls raise `StoreUnavailable`."""
        self._database.close()


def _storable(*texts: str) -> None:
    """Refuse what one of the databases can't hold: NUL (PostgreSQL), and half a surrogate pair (both)."""
    for text in texts:
        if "\0" in text:
            raise ValueError("text with a NUL character can't be stored")
        text.encode()


def _countable(*numbers: int) -> None:
    if not all(-_INT64 <= number < _INT64 for number in numbers):
        raise ValueError("a number of more than 64 bits can't be stored")
