"""The server broken on purpose, one way at a time: what the harness must see, or it is worth nothing.

None of this is in `bot/`: each is a wrapper around a part of the real server, put there by the chaos server alone.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.core.model import ActionsRun, Snapshot
from bot.github.ports import Place
from bot.server.ports import LedgerRun, Received, Work
from bot.server.rules import Rules
from tests.chaos.weather import Weather


class Wrapper:
    """Everything of a part but what the subclass does itself."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class CommitsFirst(Wrapper):
    """Commit, then act: the ledger says *dispatched* before GitHub was asked."""

    def sending(self, work: Work, run_key: str, at: datetime) -> bool:
        """And done."""
        return bool(self._real.sending(work, run_key, at) and self._real.dispatched(work, run_key, 0, ""))


class ActsFirst(Wrapper):
    """Act, then commit: nothing is in the ledger before GitHub has answered."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._intents: dict[str, tuple[LedgerRun, int, datetime]] = {}

    def intend(self, work: Work, run: LedgerRun, *, most: int) -> bool:
        """Later."""
        self._intents[run.run_key] = (run, most, run.at)
        return True

    def sending(self, work: Work, run_key: str, at: datetime) -> bool:
        """Later."""
        run, most, _ = self._intents[run_key]
        self._intents[run_key] = (run, most, at)
        return True

    def withdraw(self, work: Work, run_key: str) -> bool:
        """It was never there."""
        return self._intents.pop(run_key, None) is not None or self._real.withdraw(work, run_key)

    def dispatched(self, work: Work, run_key: str, run_id: int, url: str) -> bool:
        """Now."""
        if run_key in self._intents:
            run, most, at = self._intents.pop(run_key)
            self._real.intend(work, run, most=most)
            self._real.sending(work, run_key, at)
        return bool(self._real.dispatched(work, run_key, run_id, url))


class NeverLooks(Wrapper):
    """GitHub, whose runs nobody looks through: with `settle` 0 what is in doubt is sent again at once."""

    def repository(self, place: Place) -> Any:
        """A client that finds nothing."""
        return FindsNothing(self._real.repository(place))


class FindsNothing(Wrapper):
    """One repository's client."""

    def dispatched_runs(self, since: datetime) -> tuple[ActionsRun, ...]:
        """None."""
        return ()


class NeverReReads(Wrapper):
    """GitHub, which is not asked again between the claim and the dispatch."""

    def repository(self, place: Place) -> Any:
        """A client that answers out of what it had read."""
        return Remembers(self._real.repository(place))


class Remembers(Wrapper):
    """One repository's client."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._seen: Snapshot | None = None

    def snapshot(self, **how: Any) -> Snapshot:
        """Read it."""
        seen: Snapshot = self._real.snapshot(**how)
        self._seen = seen
        return seen

    def candidate(self, number: int, *, now: datetime) -> Snapshot:
        """As it was."""
        return self._seen or self._real.candidate(number, now=now)


class SaysAnyway(Wrapper):
    """What was said a moment ago is said again where no list shows it yet."""

    def about_to_say(self, *_: Any, **__: Any) -> bool:
        """Go on."""
        return True


class AnswersFirst(Wrapper):
    """202, then the commit."""

    def receive(self, delivery: Received) -> "Future[bool]":
        """It will be stored in a moment."""
        done: Future[bool] = Future()
        done.set_result(True)
        threading.Timer(0.2, self._real.receive, (delivery,)).start()
        return done


@dataclass(frozen=True, slots=True)
class Bench:
    """The parts that can be broken."""

    store: Any
    github: Any
    rules: Rules


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to break it."""

    name: str
    breaks: Callable[[Bench], Bench]
    shows: str
    """The column of the table in which it must be seen."""
    moment: str
    """The kill that shows it; empty: it takes a slow pass, and no kill."""
    weather: Weather = Weather.FINE


MUTATIONS = {
    each.name: each
    for each in (
        Mutation("commit-then-act", lambda b: replace(b, store=CommitsFirst(b.store)), "lost", "before s7"),
        Mutation("act-then-commit", lambda b: replace(b, store=ActsFirst(b.store)), "doubled", "after s7"),
        Mutation(
            "no-look-up",
            lambda b: replace(b, github=NeverLooks(b.github), rules=replace(b.rules, settle=0.0)),
            "doubled",
            "amid s7",
            Weather.SILENT,
        ),
        Mutation("no-re-read", lambda b: replace(b, github=NeverReReads(b.github)), "early", ""),
        Mutation("says-anyway", lambda b: replace(b, store=SaysAnyway(b.store)), "doubled", "amid s9", Weather.OLD),
        Mutation("answer-then-store", lambda b: replace(b, store=AnswersFirst(b.store)), "lost", "after s3"),
    )
}
