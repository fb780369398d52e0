"""Gates that read, claim and write at the same time, in any order and by clocks of their own: never beyond the caps.

What `bot.job.admit.gate` does, step by step, on one GitHub in memory; hypothesis says whose turn it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import ActionsRun, RunState, Snapshot
from bot.core.plan import plan
from bot.core.settings import Limits, OrderRules, RepoConfig
from bot.core.situation import Running
from bot.core.view import Own
from bot.job.admit import TAKE_NONE
from tests.core.world import ANN, after, issue, snapshot

GATES = 4


@dataclass
class Town:
    """What GitHub knows, and which issues may be worked on."""

    snap: Snapshot
    config: RepoConfig
    admitted: list[int]


def gate(town: Town, run_id: int, skew: int, prefer: int) -> Iterator[None]:
    """One gate; it pauses wherever another one may come between."""
    own = Own(run_id, prefer=prefer)
    while True:
        seen = replace(town.snap, now=town.snap.now + timedelta(seconds=skew))
        yield
        decided = plan(seen, town.config, own)
        if decided.claim is not None:
            if decided.claim.issue in town.snap.claims:
                own = replace(own, issue=TAKE_NONE, prefer=0)
            town.snap = after(town.snap, (replace(decided.claim, until=seen.now + timedelta(hours=2)),))
            made = town.snap.claims[decided.claim.issue]
            if made.run_id == run_id:
                dated = {**town.snap.claims, made.issue: replace(made, at=seen.now)}
                town.snap = replace(town.snap, claims=dated)
            yield
            continue
        mine = [s for s in decided.survey.situations.values() if isinstance(s, Running) and s.claim.run_id == run_id]
        if any(each.crowded for each in mine):
            yield
            continue
        if decided.admitted is not None:
            town.admitted.append(decided.admitted.issue)
        yield
        town.snap = after(town.snap, decided.effects)
        if any(not each.confirmed for each in mine):
            own = replace(own, issue=TAKE_NONE, prefer=0)
            yield
            continue
        return


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 2),
    st.lists(st.tuples(st.integers(-3, 3), st.integers(1, GATES)), min_size=GATES, max_size=GATES),
    st.lists(st.integers(0, GATES - 1), max_size=60),
    st.lists(st.integers(0, 12), min_size=GATES, max_size=GATES),
)
def test_gates_at_once_never_exceed_the_cap_nor_leave_everything_waiting(
    concurrent: int, setting: list[tuple[int, int]], turns: list[int], asked_at: list[int]
) -> None:
    """Whoever is asked for when, whichever gate comes first, and whatever their clocks say."""
    config = RepoConfig(limits=Limits(concurrent=concurrent), order=OrderRules(within_phase="parallel"))
    runs = {1000 + n: ActionsRun(1000 + n, RunState.ACTIVE) for n in range(GATES)}
    town = Town(snapshot(*(issue(n + 1) for n in range(GATES)), runs=runs), config, [])
    gates = {n: gate(town, 1000 + n, *each) for n, each in enumerate(setting)}
    rest = [n % GATES for n in range(400)]
    for turn, number in enumerate([*turns, *rest]):
        for n, when in enumerate(asked_at):
            if when == turn:
                asked = issue(n + 1, by=ANN)
                mine = town.snap.issues[n + 1]
                both = replace(mine, labels=mine.labels | asked.labels, label_events=asked.label_events)
                town.snap = replace(town.snap, issues={**town.snap.issues, n + 1: both})
        running = gates.get(number)
        if running is not None and next(running, StopIteration) is StopIteration:
            del gates[number]
        assert len(town.admitted) <= concurrent, town.admitted

    assert gates == {}
    town.snap = replace(town.snap, runs={**runs, 2000: ActionsRun(2000, RunState.ACTIVE)})
    for _ in gate(town, 2000, 0, 0):
        pass  # the next hour's, alone
    assert 1 <= len(town.admitted) <= concurrent
    assert len(town.admitted) == len(set(town.admitted))
