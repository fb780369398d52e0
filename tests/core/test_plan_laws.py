"""Laws of the planner, over every state of a small repository (enumerated, not sampled)."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.core.effects import Dispatch, Effect, MakeClaim
from bot.core.ledger import Record
from bot.core.live import Following
from bot.core.markers import hide, reveal
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Claim, Issue, RunState, Snapshot
from bot.core.names import STATUS_MARKER, VERDICT_MARKER, Reason
from bot.core.plan import plan
from bot.core.settings import Limits, RepoConfig
from bot.core.situation import Running
from bot.core.view import Own
from tests.core.world import ANN, BOB, BOT, T0, after, comment, issue, snapshot

LABEL_ID = f"L{int(T0.timestamp())}"
RUN = 77
"""The workflow run that holds claims in these states; ours is 42."""

STATES = (
    "idle",
    "closed",
    "asked",
    "asked by bob",
    "asked by comment",
    "waiting",
    "waiting, label gone",
    "queued, seen",
    "queued, gone",
    "running",
    "running, lost",
    "running, unknown",
    "running, said",
    "blocked",
    "closed, waiting",
)
TITLES = ("[A-1.1] one", "[A-1.2] two", "three")


def placed(number: int, title: str, state: str) -> tuple[Issue, Claim | None, ActionsRun | None]:
    """One issue in one of the states, with its claim and its workflow run."""
    key = f"{number}-{LABEL_ID}-1"
    claim = Claim(number, key, RUN + number, T0 + timedelta(minutes=1), T0 + timedelta(hours=9), 5.0)
    run = ActionsRun(RUN + number, RunState.ACTIVE, name=f"ai-ready #{number} [{key}]")
    ended = replace(run, state=RunState.ENDED, conclusion="failure")
    said = comment(number, verdict_block(Record(key, Reason.NO_CHANGES, 1.0, T0 + timedelta(minutes=3), T0)), BOT)
    at = (T0 + timedelta(minutes=1)).isoformat()
    dispatched = comment(
        100 + number,
        hide(STATUS_MARKER, {"v": 1, "request": {"id": LABEL_ID}, "dispatched": {"key": key, "at": at}}),
        BOT,
    )
    match state:
        case "idle":
            return issue(number, title), None, None
        case "closed":
            return issue(number, title, open=False, state_reason="completed"), None, None
        case "asked":
            return issue(number, title, by=ANN), None, None
        case "asked by bob":
            return issue(number, title, by=BOB), None, None
        case "asked by comment":
            return issue(number, title, comments=[comment(200 + number, "/ai run")]), None, None
        case "waiting":
            return issue(number, title, by=ANN, labels=["ai-waiting"]), None, None
        case "waiting, label gone":
            return issue(number, title, labels=["ai-waiting"]), None, None
        case "queued, seen":
            return issue(number, title, by=ANN, labels=["ai-queued"], comments=[dispatched]), None, run
        case "queued, gone":
            return issue(number, title, by=ANN, labels=["ai-queued"], comments=[dispatched]), None, ended
        case "running":
            return issue(number, title, by=ANN, labels=["ai-running"]), claim, run
        case "running, lost":
            return issue(number, title, by=ANN, labels=["ai-running"]), claim, ended
        case "running, unknown":
            return issue(number, title, by=ANN, labels=["ai-running"]), claim, None
        case "running, said":
            return issue(number, title, by=ANN, labels=["ai-running"], comments=[said]), claim, ended
        case "blocked":
            return issue(number, title, labels=["ai-blocked"], comments=[said]), None, None
        case "closed, waiting":
            return issue(number, title, by=ANN, labels=["ai-waiting"], open=False), None, None
    raise AssertionError(state)


def build(states: tuple[str, ...]) -> Snapshot:
    parts = [placed(n, title, state) for n, (title, state) in enumerate(zip(TITLES, states, strict=True), 1)]
    return snapshot(
        *(part[0] for part in parts),
        claims=MappingProxyType({part[1].issue: part[1] for part in parts if part[1]}),
        runs=MappingProxyType({part[2].id: part[2] for part in parts if part[2]}),
    )


OTHERS = ("idle", "asked", "queued, gone", "running, lost")
"""States of the third issue, which is in no series: it competes for the caps."""

PLACES = list(itertools.product(STATES, STATES, OTHERS))
WORLDS = [build(states) for states in PLACES]
CONFIGS = (RepoConfig(limits=Limits(concurrent=1)), RepoConfig(limits=Limits(concurrent=2)))
OWNS = (None, Own(42))


def cases() -> Iterator[tuple[Snapshot, RepoConfig, Own | None]]:
    return itertools.product(WORLDS, CONFIGS, OWNS)


def settle(snap: Snapshot, config: RepoConfig, own: Own | None) -> Snapshot:
    """Plan and apply, as a gate does, until nothing is left to do."""
    for _ in range(8):
        decided = plan(snap, config, own)
        if decided.claim is not None:
            snap = after(snap, (decided.claim,))
            continue
        if not decided.effects:
            return snap
        snap = after(snap, decided.effects)
    raise AssertionError(f"never quiet: {[type(e).__name__ for e in decided.effects]}")


STARTED = {"ai-queued": "started", "ai-running": "started"}


def gist(snap: Snapshot) -> object:
    """What a person would call the state: labels and what was said.

    Times and ids apart, and whether a started issue runs here or was dispatched: that depends on who came first.
    """
    return {n: (i.open, {STARTED.get(label, label) for label in i.labels}, said(i)) for n, i in snap.issues.items()}


def said(item: Issue) -> object:
    verdicts = [data["run"] + data["code"] for c in item.comments if (data := reveal(VERDICT_MARKER, c.body))]
    statuses = [c.body.splitlines()[0] for c in item.comments if reveal(STATUS_MARKER, c.body)]
    started = ("**Running**", "**Queued**", "<!-- ai-ready:status")
    return sorted(verdicts), ["started" if s.startswith(started) else s for s in statuses]


def test_there_are_thousands_of_states() -> None:
    assert len(WORLDS) * len(CONFIGS) * len(OWNS) == 15 * 15 * 4 * 4


def test_quiescence() -> None:
    """Planning again after applying, the plan comes to rest; at rest, planning gives nothing."""
    for snap, config, own in cases():
        rest = settle(snap, config, own)

        assert plan(rest, config, own).effects == ()


def test_the_order_of_the_input_never_matters() -> None:
    chance = random.Random(7)
    for snap, config, own in cases():
        shuffled = list(snap.issues.items())
        chance.shuffle(shuffled)
        other = replace(snap, issues=MappingProxyType(dict(shuffled)))

        assert plan(other, config, own).effects == plan(snap, config, own).effects


def test_one_who_remembers_the_order_plans_the_same() -> None:
    """Through all the states, one after the other."""
    following = Following()
    for snap, config, own in cases():
        assert plan(snap, config, own, order=following) == plan(snap, config, own)


def test_caps_hold() -> None:
    """Nothing is started beyond `concurrent`, however many were at work before."""
    for snap, config, own in cases():
        decided = plan(snap, config, own)
        active = sum(isinstance(s, Running) for s in decided.survey.situations.values())
        queued = sum("ai-queued" in snap.issues[n].labels for n in snap.issues)
        starts = sum(isinstance(e, Dispatch) for e in decided.effects) + (decided.claim is not None)

        assert starts == 0 or active + starts <= config.limits.concurrent
        assert starts <= config.limits.concurrent
        assert queued <= 3


def test_nothing_starts_without_somebody_who_may_ask() -> None:
    asked = {"asked", "asked by comment", "waiting", "queued, gone", "queued, seen", "running, lost"}
    for states, snap in zip(PLACES, WORLDS, strict=True):
        decided = plan(snap, CONFIGS[1], OWNS[1])
        started = [decided.claim.issue] if isinstance(decided.claim, MakeClaim) else []
        started += [e.issue for e in decided.effects if isinstance(e, Dispatch)]

        assert all(states[number - 1] in asked for number in started)


def test_an_issue_never_starts_before_its_open_predecessor() -> None:
    for snap, config, own in cases():
        decided = plan(snap, config, own)
        started = {e.issue for e in decided.effects if isinstance(e, Dispatch)}
        started |= {decided.claim.issue} if decided.claim else set()

        assert not (2 in started and snap.issues[1].open)


@pytest.mark.parametrize("own", OWNS, ids=["server", "gate"])
def test_a_crash_after_any_effect_ends_the_same(own: Own | None) -> None:
    """Killed after the first k effects, a new plan brings the repository to the same end (slots for everybody)."""
    config = RepoConfig(limits=Limits(concurrent=9))
    for snap in WORLDS:
        effects: tuple[Effect, ...] = plan(snap, config, own).effects
        whole = gist(settle(snap, config, own))
        for k in range(1, len(effects)):
            crashed = after(snap, effects[:k])

            assert gist(settle(crashed, config, own)) == whole, [type(e).__name__ for e in effects[:k]]
