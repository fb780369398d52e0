"""One round: a town, its people, the weather, and a list of kills; then quiet, and the count."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.records import Event
from tests.chaos.crowd import Crowd, Ends
from tests.chaos.fleet import Fleet
from tests.chaos.judge import Found, Witness, judge, pending, unstored
from tests.chaos.moments import ANYWHERE, BY_NAME, DATABASE
from tests.chaos.server import Order
from tests.chaos.weather import Forecast, Weather
from tests.postgres import Postgres
from tests.stories.server_town import Plan, ServerTown, check_server_town, server_town

REPOS = ("acme/shop", "acme/tools")
WORK = 1.0
"""Seconds that a run works: longer than a server needs to be back and to say that it began, as at GitHub."""
NUDGE = 1.0
"""Seconds after which somebody asks for one thing more, because a kill still waits for its moment."""
GIVE_UP = 20.0
"""Seconds after which a kill that waits for its moment is done by the clock instead, and counted as missed."""
STILL = 12.0
"""Seconds without any event on GitHub after which nothing more will come."""
LONGEST = 150.0
"""Seconds after which the count is made, quiet or not."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One entry of a round's list."""

    moment: str
    """A name of `moments.MOMENTS`, `ANYWHERE` or `DATABASE`."""
    times: int = 1
    """When it comes by there so often."""
    victims: tuple[int, ...] = (0,)
    """Replicas that have the trap."""
    seconds: float = 0.0
    """Of `ANYWHERE`: after so long."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a round is like."""

    seed: str
    kills: tuple[Kill, ...]
    replicas: int = 1
    weather: Weather = Weather.WILD
    odd_ends: float = 0.3
    """The share of runs that end in any other way than Done."""
    slow_pass: bool = True
    storylines: bool = True
    mutation: str = ""
    still: float = STILL


@dataclass(slots=True)
class Result:
    """What came of a round."""

    found: Found = field(default_factory=Found)
    kills: Counter[str] = field(default_factory=Counter)
    """Processes that died, by moment."""
    missed: Counter[str] = field(default_factory=Counter)
    """Moments that did not come by in time."""
    database_restarts: int = 0
    runs: int = 0
    seconds: float = 0.0


def play(
    folder: Path, setting: Setting, postgres: Postgres | None = None, kind: "Callable[..., Round] | None" = None
) -> Result:
    """Play a round (of that kind) in a folder (made); without `postgres` the store is an SQLite file there."""
    began = time.monotonic()
    dice = random.Random(setting.seed)
    folder.mkdir(parents=True)
    plan = Plan(repos=REPOS, ends=Ends(dice, setting.odd_ends), work_seconds=WORK)
    with server_town(folder / "town", plan) as town:
        order = Order(
            app_id=town.app.id,
            key=town.app.private_pem,
            secret=town.app.hook.secret,
            api_url=town.hub.api_url,
            database_url=postgres.database() if postgres else f"sqlite:///{folder / 'ai-ready.sqlite3'}",
            log=folder / "server.log",
            mutation=setting.mutation,
        )
        with Fleet(town.app, order, setting.replicas) as fleet:
            result = (kind or Round)(town, fleet, dice, setting, postgres).play()
            (folder / "town.txt").write_text(story(town))
    result.seconds = time.monotonic() - began
    return result


class Round:
    """The working state of one round."""

    def __init__(
        self, town: ServerTown, fleet: Fleet, dice: random.Random, setting: Setting, postgres: Postgres | None
    ) -> None:
        self._town, self._fleet, self._dice, self._setting = town, fleet, dice, setting
        self._postgres = postgres
        self._forecast = Forecast(town.hub, dice, setting.weather)
        self._crowd = Crowd(town, dice)
        self._witness = Witness(self._crowd)
        self._result = Result()
        town.hub.subscribe(self._witness)

    def play(self) -> Result:
        """Kills, quiet, the count."""
        setting = self._setting
        if setting.slow_pass:
            self._up()
            self._slow_pass()
        if setting.storylines:
            self._crowd.begin(self._crowd.storylines())
        for kill in setting.kills:
            self._kill(kill)
        self._count()
        return self._result

    def _count(self) -> None:
        """What there is once the weather is fine and the town is quiet."""
        self._forecast.clear()
        self._up()
        self._settle()
        self._result.runs = len(self._town.actions.dispatches)
        self._result.found.add(judge(self._town, self._crowd, self._witness))
        self._check_the_rest()

    # ---------------------------------------------------------------------------------------- kills

    def _up(self, kill: Kill | None = None) -> None:
        # The victims last: webhooks go to whoever came up last.
        for index in sorted(self._fleet.dead, key=lambda index: kill is not None and index in kill.victims):
            trapped = kill is not None and index in kill.victims and kill.moment in BY_NAME
            if kill is not None and trapped and not BY_NAME[kill.moment].is_outside:
                self._fleet.start(index, kill.moment, kill.times)
            else:
                self._fleet.start(index)

    def _kill(self, kill: Kill) -> None:
        """Have it happen: start what is down with the trap set, let people act, wait for the death."""
        moment = BY_NAME.get(kill.moment)
        self._forecast.change(need_webhooks=moment is not None and moment.is_receiving)
        if kill.moment == DATABASE:
            self._restart_database()
            return
        self._result.kills[ANYWHERE] += self._fleet.kill(kill.victims)  # of several replicas, those that still live
        with self._ambush(kill):
            self._up(kill)
            self._crowd.turn(ask=moment is None or moment.is_of_a_run)
            came_by = self._wait(kill)
        if came_by:
            self._result.kills[kill.moment] += 1
        else:
            self._result.missed[kill.moment] += 1
        self._result.kills[ANYWHERE] += self._fleet.kill(kill.victims)  # the other ones, or who never came by

    def _wait(self, kill: Kill) -> bool:
        """Wait until one of the victims is dead, or for as long as it may live."""
        if kill.moment == ANYWHERE:
            self._fleet.wait_for_deaths(kill.victims, kill.seconds)
            self._fleet.strike(kill.victims[:1])
            self._fleet.wait_for_deaths(kill.victims[:1], GIVE_UP)
            return True
        end = time.monotonic() + GIVE_UP
        while not self._fleet.wait_for_deaths(kill.victims, NUDGE):
            if time.monotonic() > end:
                return False
            self._crowd.turn(ask=True)
        return True

    @contextmanager
    def _ambush(self, kill: Kill) -> Iterator[None]:
        """Where GitHub is who sees the moment: kill as soon as it has done what it was asked, before it answers."""
        if kill.moment not in BY_NAME or not BY_NAME[kill.moment].is_outside:
            yield
            return
        seen: Callable[[Event], bool] = _SEEN[kill.moment]
        left = kill.times

        def heard(event: Event) -> None:
            nonlocal left
            if event.actor.id == self._town.app.bot.id and seen(event):
                left -= 1
                if left == 0:
                    self._fleet.strike(kill.victims)

        deaf = self._town.hub.subscribe(heard)
        try:
            yield
        finally:
            deaf()

    def _restart_database(self) -> None:
        assert self._postgres is not None
        self._up()
        self._crowd.turn(ask=True)
        self._fleet.wait_for_deaths((), 0.2)
        self._postgres.restart(signal.SIGQUIT)
        self._result.database_restarts += 1

    # ----------------------------------------------------------------------------------------- quiet

    def _slow_pass(self) -> None:
        self._crowd.begin((self._crowd.slow_pass,))
        self._until(lambda: self._crowd.all_told)

    def _settle(self) -> None:
        """Wait until everybody has what they are owed and the server has looked again; or until nothing moves."""
        self._until(self._quiet)
        self._looks()
        self._until(self._quiet)
        self._result.found.other += self._fleet.strays
        self._result.found.other += [f"replica {index} is dead, and nobody killed it" for index in self._fleet.dead]

    def _until(self, reached: Callable[[], bool]) -> None:
        """Wait, with people going on, until then; or until nothing has happened on GitHub for a while."""
        changed, town = time.monotonic(), self._town
        end, count = changed + LONGEST, len(town.events)
        while not reached():
            self._crowd.move_on()
            now = time.monotonic()
            if len(town.events) != count:
                changed, count = now, len(town.events)
            if now > end or now > changed + self._setting.still:
                return
            self._fleet.wait_for_deaths(range(self._fleet.size), 0.1)

    def _quiet(self) -> bool:
        if not self._crowd.all_told or any(run.status != "completed" for run in self._town.runs()):
            return False
        with self._town.hub.lock:
            dispatches = list(self._town.actions.dispatches)
            return not any(pending(owed, dispatches) for owed in self._crowd.owed.values()) and not self._fleet.active()

    def _looks(self) -> None:
        """Two more rounds of everything."""
        wanted = self._fleet.passes() + 2 * (len(REPOS) + 1)
        self._until(lambda: self._fleet.passes() >= wanted)

    def _check_the_rest(self) -> None:
        """What always holds at the end of a story; that the server ends in good order; that nothing was answered 202
        that is not in the store.
        """
        codes = self._fleet.stop()
        found = self._result.found
        found.lost += unstored(self._town, self._fleet.database_url)
        found.other += [f"a server told to end ended with {code}" for code in codes if code]
        try:
            check_server_town(self._town, self._fleet.logs())
        except AssertionError as error:
            found.other.append(f"an invariant does not hold: {error}")


def story(town: ServerTown) -> str:
    """Everything that happened on GitHub, in its order, and how it ended."""
    lines = [
        f"{event.at:%H:%M:%S.%f} {event.repo.name if event.repo else ''} {event.name} {event.action} by {event.actor.login}"
        f" {_about(event)}"
        for event in town.events
    ]
    return "\n".join([*lines, town.told()])


def _about(event: Event) -> str:
    """Which issue, pull request or run; what was said."""
    payload = event.payload
    about = payload.get("issue") or payload.get("pull_request") or {}
    run, inputs = payload.get("workflow_run") or {}, payload.get("inputs") or {}
    said = (payload.get("comment") or {}).get("body", "")[:100]
    label = (payload.get("label") or {}).get("name", "")
    words = (
        f"#{about['number']}" if about else "",
        run.get("display_title"),
        run.get("conclusion"),
        inputs.get("run_key"),
    )
    return " ".join(str(word) for word in (*words, label, repr(said) if said else "") if word)


def _made_run(event: Event) -> bool:
    return (event.name, event.action) == ("workflow_run", "requested")


def _wrote(event: Event) -> bool:
    return event.name in ("issue_comment", "issues")


_SEEN = {"amid s7": _made_run, "amid s9": _wrote}
