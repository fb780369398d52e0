"""Laws of the planner with the server's claims, over every state that one of them can be in (enumerated)."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from bot.core.effects import CancelRun, Dispatch, Effect, PostComment, ReleaseClaim
from bot.core.ledger import Record, records
from bot.core.markers import hide, reveal
from bot.core.messages.verdict import verdict_block
from bot.core.model import ActionsRun, Claim, Comment, Issue, RunState, Snapshot
from bot.core.names import STATUS_MARKER, VERDICT_MARKER, StateLabel
from bot.core.plan import plan
from bot.core.settings import Limits, RepoConfig
from tests.core.world import ANN, BOT, T0, after, comment, issue, snapshot

CONFIG = RepoConfig(limits=Limits(concurrent=2))
LABEL_ID = f"L{int(T0.timestamp())}"
KEY = f"1-{LABEL_ID}-1"
RUN = 9
AT = T0 + timedelta(minutes=2)

RUNS = ("unsent", "unknown", "unread", "waiting", "started", "gone")
CONCLUSIONS = ("success", "failure", "cancelled", "startup_failure")
VERDICTS = ("", "done", "needs-input", "runner-lost", "again")
REQUESTS = ("asked", "by comment", "withdrawn", "stopped", "edited", "closed", "prerequisite open")
LABELS = ("", StateLabel.QUEUED, StateLabel.RUNNING)
STATUSES = (False, True)


class World(NamedTuple):
    """The state of one claim and its issue."""

    run: str
    """How far its run is, or its conclusion."""
    cancelled: bool
    verdict: str
    request: str
    label: str
    status: bool
    """The status comment says that it was dispatched."""

    @property
    def is_over(self) -> bool:
        return self.run == "gone" or self.run in CONCLUSIONS

    @property
    def has_begun(self) -> bool:
        return self.run not in {"unsent", "waiting"}


WORLDS = [
    World(*each)
    for each in itertools.product((*RUNS, *CONCLUSIONS), (False, True), VERDICTS, REQUESTS, LABELS, STATUSES)
]


def build(world: World) -> Snapshot:
    run_id = 0 if world.run == "unsent" else RUN
    claim = Claim(1, KEY, run_id, AT, AT + timedelta(days=1), 5.0, ledger=True, cancelled=world.cancelled)
    runs = {RUN: _run(world.run)} if world.run not in {"unsent", "unread"} else {}
    third = issue(3, "[A-1.1] one", open=world.request == "prerequisite open", state_reason="completed")
    other = issue(4, "other", by=ANN)
    return snapshot(_issue(world), third, other, claims={1: claim}, runs=runs)


def _run(word: str) -> ActionsRun:
    states = {
        "unknown": RunState.UNKNOWN,
        "waiting": RunState.ACTIVE,
        "started": RunState.ACTIVE,
        "gone": RunState.GONE,
    }
    conclusion = word if word in CONCLUSIONS else ""
    return ActionsRun(RUN, states.get(word, RunState.ENDED), conclusion, KEY, "/run/9", started=word != "waiting")


def _issue(world: World) -> Issue:
    comments = list(_comments(world))
    by = {"withdrawn": None, "by comment": None}.get(world.request, ANN)
    made = issue(1, "[A-1.2] two", by=by, labels={world.label} - {""}, comments=comments)
    if world.request == "edited":
        return replace(made, body_edited_at=T0 + timedelta(minutes=3))
    if world.request == "closed":
        return replace(made, open=False, closed_at=T0 + timedelta(minutes=3))
    return made


def _comments(world: World) -> Iterator[Comment]:
    if world.request == "by comment":
        yield comment(7, "/ai run")
    if world.request == "stopped":
        yield comment(8, "/ai stop", minutes=3)
    if world.status:
        dispatched = {"key": KEY, "at": AT.isoformat()}
        yield comment(50, hide(STATUS_MARKER, {"v": 1, "request": {"id": LABEL_ID}, "dispatched": dispatched}), BOT)
    if world.verdict:
        code = "cancelled" if world.verdict == "again" else world.verdict
        record = Record(KEY, code, 0.0, T0 + timedelta(minutes=4), AT, again=world.verdict == "again")
        yield comment(60, verdict_block(record), BOT, minutes=4)


def verdicts(effects: tuple[Effect, ...]) -> list[str]:
    found = [reveal(VERDICT_MARKER, effect.body) for effect in effects if isinstance(effect, PostComment)]
    return [str(data["run"]) for data in found if data is not None]


@cache
def planned(world: World) -> tuple[Effect, ...]:
    """The effects of the first plan."""
    return plan(build(world), CONFIG).effects


def settle(snap: Snapshot) -> Snapshot:
    for _ in range(8):
        effects = plan(snap, CONFIG).effects
        if not effects:
            return snap
        snap = after(snap, effects)
    raise AssertionError(f"never quiet: {effects}")


def test_there_are_thousands_of_states() -> None:
    assert len(WORLDS) == (6 + 4) * 2 * 5 * 7 * 3 * 2


def test_it_comes_to_rest_with_one_verdict_and_no_claim_of_a_run_that_is_over() -> None:
    for world in WORLDS:
        rest = settle(build(world))
        keys = [record.run_key for record in records(rest.issues[1], rest.own_ids)]
        bodies = [c for c in rest.issues[1].comments if reveal(VERDICT_MARKER, c.body)]

        assert plan(rest, CONFIG).effects == (), world
        assert len(bodies) == len(set(keys)), world
        assert (KEY in keys) == (world.is_over or world.verdict != ""), world
        assert (1 in rest.claims) == (not world.is_over and not (world.run == "unsent" and world.verdict)), world


def test_a_verdict_is_said_only_of_a_run_that_is_over_without_one() -> None:
    for world in WORLDS:
        said = verdicts(planned(world))

        assert (KEY in said) == (world.is_over and not world.verdict), world


def test_only_a_run_that_has_not_begun_is_taken_back_and_only_once() -> None:
    for world in WORLDS:
        cancels = [effect for effect in planned(world) if isinstance(effect, CancelRun)]
        if world.request == "stopped":  # the word of a person: whatever is at work ends
            assert len(cancels) <= 1, world
            continue
        wanted = world.run == "waiting" and world.request != "asked" and not world.cancelled and not world.verdict

        assert cancels == ([CancelRun(RUN)] if wanted else []), world


def test_nothing_is_dispatched_for_an_issue_that_has_a_claim() -> None:
    for world in WORLDS:
        dispatched = [effect.issue for effect in planned(world) if isinstance(effect, Dispatch)]

        assert 1 not in dispatched, world


def test_any_crashed_prefix_ends_in_the_same_state() -> None:
    for world in WORLDS[:: max(1, len(WORLDS) // 600)]:
        snap = build(world)
        effects = plan(snap, CONFIG).effects
        rest = settle(snap)
        for k in range(1, len(effects)):
            healed = settle(after(snap, effects[:k]))

            assert healed.issues[1].labels == rest.issues[1].labels, (world, k)
            assert healed.claims.keys() == rest.claims.keys(), (world, k)
            assert len(records(healed.issues[1], snap.own_ids)) == len(records(rest.issues[1], snap.own_ids)), (
                world,
                k,
            )


def test_the_claim_goes_last() -> None:
    for world in WORLDS:
        effects = [e for e in planned(world) if getattr(e, "issue", 0) == 1]
        releases = [index for index, effect in enumerate(effects) if isinstance(effect, ReleaseClaim)]

        assert releases in ([], [len(effects) - 1]), world


def test_what_is_reserved_stays_reserved_until_the_run_is_over() -> None:
    for world in WORLDS:
        snap = replace(build(world), permissions=MappingProxyType({}))
        used = plan(snap, CONFIG).survey.usage

        assert used.active >= (0 if world.is_over or (world.run == "unsent" and world.verdict) else 1), world
