"""The planner with the server's claims: rows of a ledger, of which nothing but the run itself is on GitHub."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.effects import CancelRun, Dispatch, DropComment, Effect, PostComment, PutStatus, ReleaseClaim, SetLabels
from bot.core.ledger import MOST_SPARED, Record, notes_of, records
from bot.core.markers import hide, reveal
from bot.core.messages.verdict import verdict_block
from bot.core.model import (
    ActionsRun,
    Actor,
    Claim,
    Comment,
    Issue,
    Link,
    Permission,
    Ref,
    RunState,
    Snapshot,
    Source,
    Standing,
)
from bot.core.names import STATUS_MARKER, VERDICT_MARKER, Reason, StateLabel
from bot.core.plan import plan
from bot.core.settings import Limits, RepoConfig
from bot.core.situation import Ended, Hold, Lost, Queued, Running, Start, Waiting
from bot.core.view import Own
from tests.core.world import ANN, BOT, T0, after, close, comment, edit, issue, later, snapshot

CONFIG = RepoConfig(limits=Limits(concurrent=5))
RUN = 9
URL = "https://example.test/run/9"
LABEL_ID = f"L{int(T0.timestamp())}"
KEY = f"1-{LABEL_ID}-1"
AT = T0 + timedelta(minutes=2)


def ledger(*issues: Issue, run_id: int = RUN, cancelled: bool = False, **run: object) -> Snapshot:
    """The first issue's run is in the ledger; `run`: what is known of it."""
    claim = Claim(1, KEY, run_id, AT, AT + timedelta(days=1), 5.0, ledger=True, cancelled=cancelled)
    state = replace(ActionsRun(run_id, RunState.ACTIVE, name=KEY, url=URL), **run)  # type: ignore[arg-type]
    return snapshot(*issues, claims={1: claim}, runs={run_id: state} if run_id else {})


def asked(*, labels: Iterable[str] = (), comments: Iterable[Comment] = (), **more: object) -> Issue:
    return issue(1, "[A-1.2] two", by=ANN, labels=labels, comments=comments, **more)


def verdict(code: str = "done", *, attempt: int = 1, **more: object) -> Comment:
    record = replace(Record(f"1-{LABEL_ID}-{attempt}", code, 1.0, AT + timedelta(minutes=1), AT), **more)  # type: ignore[arg-type]
    return comment(500 + attempt, f"Verdict\n{verdict_block(record)}", BOT, minutes=4)


def said(effects: Iterable[Effect]) -> list[dict[str, object]]:
    """The verdicts among `effects`."""
    found = [reveal(VERDICT_MARKER, e.body) for e in effects if isinstance(e, PostComment)]
    return [data for data in found if data is not None]


def status_of(effects: Iterable[Effect]) -> str:
    return next((effect.body for effect in effects if isinstance(effect, PutStatus)), "")


def status_in(snap: Snapshot) -> str:
    """The issue's status comment."""
    return next(c.body for c in snap.issues[1].comments if reveal(STATUS_MARKER, c.body))


def settled(snap: Snapshot) -> Snapshot:
    """Planned and applied until nothing is left; dispatches are the server's own business here."""
    for _ in range(6):
        effects = [effect for effect in plan(snap, CONFIG).effects if not isinstance(effect, Dispatch)]
        if not effects:
            return snap
        snap = after(snap, effects)
    raise AssertionError("never quiet")


# ------------------------------------------------------------------------------------- how far it is


def test_a_started_run_is_said_with_its_log() -> None:
    decided = plan(ledger(asked()), CONFIG)

    assert SetLabels(1, ("ai-running",), ()) in decided.effects
    assert f"**Running** ([live log]({URL}))" in status_of(decided.effects)


@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_waits_for_a_runner_stays_queued(known: bool) -> None:
    decided = plan(ledger(asked(), run_id=RUN if known else 0, started=False), CONFIG)

    assert SetLabels(1, ("ai-queued",), ()) in decided.effects
    assert "**Queued**" in status_of(decided.effects)
    assert (URL in status_of(decided.effects)) is known
    assert decided.survey.usage.active == 1
    assert decided.survey.usage.usd_today == 5.0


def test_what_was_approved_and_dispatched_is_noted_while_queued_and_while_running() -> None:
    """The hash lets a later plan tell an edit; by the run key a gate knows whose run it is."""
    queued = settled(ledger(asked(), started=False))
    running = settled(replace(queued, runs={RUN: replace(queued.runs[RUN], started=True)}))
    for snap in (queued, running):
        notes = notes_of(snap.issues[1], snap.own_ids)

        assert notes is not None
        assert (notes.request_id, notes.dispatched_key, notes.dispatched_at) == (LABEL_ID, KEY, AT)
        assert len(notes.sha) == 64


def test_a_run_of_which_nothing_is_known_just_now_is_left_alone() -> None:
    unknown = ledger(asked(labels=["ai-running"]), state=RunState.UNKNOWN)

    assert plan(unknown, CONFIG).effects == ()
    assert plan(replace(unknown, runs={}), CONFIG).effects == ()


# ------------------------------------------------------------------------ what admitted it is gone


def reopened() -> tuple[Issue, ...]:
    return asked(labels=["ai-queued"]), issue(3, "[A-1.1] one")


def depends() -> tuple[Issue, ...]:
    link = Link(Ref("acme/shop", 3), Source.NATIVE)
    return issue(1, "two", by=ANN, labels=["ai-queued"], links=(link,)), issue(3, "one")


def withdrawn() -> tuple[Issue, ...]:
    return (issue(1, "[A-1.2] two", labels=["ai-queued"]),)


def stopped() -> tuple[Issue, ...]:
    stop = comment(70, "/ai stop", minutes=3, reactions=frozenset({"eyes"}))
    return (asked(labels=["ai-queued"], comments=[stop]),)


def edited() -> tuple[Issue, ...]:
    return (asked(labels=["ai-queued"], body_edited_at=T0 + timedelta(minutes=3)),)


def closed() -> tuple[Issue, ...]:
    return (asked(labels=["ai-queued"], open=False, closed_at=T0 + timedelta(minutes=3)),)


CAUSES = [reopened, depends, withdrawn, stopped, edited, closed]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_run_that_has_not_begun_is_taken_back_once(cause: object) -> None:
    issues = cause()  # type: ignore[operator]
    assert plan(ledger(*issues, started=False), CONFIG).effects == (CancelRun(RUN),)
    assert plan(ledger(*issues, started=False, cancelled=True), CONFIG).effects == ()


@pytest.mark.parametrize("cause", CAUSES)
def test_one_that_is_being_dispatched_is_left_to_whoever_dispatches_it(cause: object) -> None:
    decided = plan(ledger(*cause(), run_id=0), CONFIG)  # type: ignore[operator]
    found = decided.survey.situations[1]

    assert decided.effects == ()
    assert isinstance(found, Queued)
    assert not found.confirmed


@pytest.mark.parametrize("cause", CAUSES)
def test_one_that_has_begun_goes_on(cause: object) -> None:
    """P16: nothing is thrown away; what it came to is judged by whoever reviews it."""
    decided = plan(ledger(*cause()), CONFIG)  # type: ignore[operator]
    came_up = cause in (reopened, depends)

    assert ("It would have to wait for #3 now" in status_of(decided.effects)) is came_up

    assert isinstance(decided.survey.situations[1], Running)
    assert not [e for e in decided.effects if isinstance(e, CancelRun | ReleaseClaim)]


def test_what_came_up_while_it_runs_is_said_for_as_long_as_it_is_so() -> None:
    said_so = settled(ledger(*reopened()))
    away = replace(said_so, issues={**said_so.issues, 3: close(said_so, 3).issues[3]})

    assert "#3" in status_in(said_so)
    assert "#3" not in status_in(settled(away))


def test_an_approver_who_may_no_longer_ask_takes_the_run_with_him() -> None:
    snap = replace(ledger(asked(labels=["ai-queued"]), started=False), permissions={ANN.id: Permission.READ})
    unread = replace(snap, permissions={})

    assert plan(snap, CONFIG).effects == (CancelRun(RUN),)
    assert CancelRun(RUN) not in plan(unread, CONFIG).effects


def test_a_pause_a_cap_or_a_read_that_failed_takes_nothing_back() -> None:
    ref = Ref("other/place", 4)
    far = issue(1, "two", by=ANN, links=(Link(ref, Source.NATIVE),))
    worlds = [
        (replace(ledger(asked(), started=False), paused=True), CONFIG),
        (ledger(asked(), started=False), RepoConfig(limits=Limits(concurrent=1, usd_per_day=1))),
        (replace(ledger(far, started=False), standings={ref: Standing.UNKNOWN}), CONFIG),
        (replace(ledger(asked(), started=False), truncated=True), CONFIG),
    ]
    for snap, config in worlds:
        assert CancelRun(RUN) not in plan(snap, config).effects

    away = replace(ledger(far, started=False), standings={ref: Standing.OPEN})
    assert CancelRun(RUN) in plan(away, CONFIG).effects


# --------------------------------------------------------------------------------------- how it ends


def test_a_verdict_of_a_run_that_is_still_publishing_is_left_to_it() -> None:
    """Its own job is about to move labels and status; the claim is free when the run has ended."""
    publishing = ledger(asked(labels=["ai-running"], comments=[verdict()]))

    assert plan(publishing, CONFIG).effects == ()


@pytest.mark.parametrize("state", [RunState.ENDED, RunState.GONE])
def test_after_a_verdict_the_claim_is_released_and_nothing_said_again(state: RunState) -> None:
    snap = ledger(issue(1, labels=["ai-done"], comments=[verdict()]), state=state, conclusion="success")
    decided = plan(snap, CONFIG)

    assert isinstance(decided.survey.situations[1], Ended)
    assert decided.effects[-1] == ReleaseClaim(1)
    assert said(decided.effects) == []


@pytest.mark.parametrize(
    ("conclusion", "code"),
    [
        ("cancelled", "cancelled"),
        ("timed_out", "timed-out"),
        ("startup_failure", "config-invalid"),
        ("action_required", "runner-lost"),
        ("stale", "runner-lost"),
        ("stuck", "runner-lost"),
        ("failure", "runner-lost"),
        ("success", "runner-lost"),
        ("gone", "runner-lost"),
    ],
)
def test_a_run_that_ended_without_a_verdict_gets_one(conclusion: str, code: str) -> None:
    """Q33, Q34."""
    state = RunState.GONE if conclusion == "gone" else RunState.ENDED
    snap = ledger(asked(labels=["ai-running"]), state=state, conclusion="" if conclusion == "gone" else conclusion)
    decided = plan(snap, CONFIG)

    assert [data["code"] for data in said(decided.effects)] == [code]
    assert decided.effects[-1] == ReleaseClaim(1)
    assert len(records(settled(snap).issues[1], snap.own_ids)) == 1


def test_a_vanished_runner_is_replaced_while_attempts_last() -> None:
    snap = settled(ledger(asked(labels=["ai-running"]), state=RunState.GONE))

    assert f'"dispatched":{{"at":"{snap.now.isoformat()}","key":"1-{LABEL_ID}-2"}}' in status_in(snap)


def taken_back(*comments: Comment, attempt: int = 1) -> Snapshot:
    """The server cancelled the run because #3 was reopened, and nobody has said so yet."""
    one, three = asked(labels=["ai-queued"], comments=comments), issue(3, "[A-1.1] one")
    snap = ledger(one, three, state=RunState.ENDED, conclusion="cancelled", cancelled=True)
    key = f"1-{LABEL_ID}-{attempt}"
    return replace(snap, claims={1: replace(snap.claims[1], run_key=key)})


def test_a_run_taken_back_ends_with_one_verdict_and_its_request_waits_again() -> None:
    """P15: the verdict names the prerequisite; the request is not used up, nor is one of its attempts."""
    decided = plan(taken_back(), CONFIG)
    (data,) = said(decided.effects)
    rest = settled(taken_back())

    assert (data["code"], data["again"]) == ("cancelled", True)
    assert "came to wait for `#3`." in next(e.body for e in decided.effects if isinstance(e, PostComment))
    assert rest.issues[1].labels == {"ai-ready", "ai-waiting"}
    assert isinstance(plan(rest, CONFIG).survey.situations[1], Waiting)
    assert rest.claims == {}

    start = plan(close(rest, 3), CONFIG).survey.situations[1]
    assert isinstance(start, Start)
    assert start.run_key == f"1-{LABEL_ID}-2"


def test_a_run_that_never_began_uses_up_no_attempt() -> None:
    lost = verdict("runner-lost", attempt=2)
    snap = snapshot(asked(comments=[verdict("cancelled", again=True), lost]))
    both = snapshot(asked(comments=[verdict("cancelled", again=True), lost, verdict("runner-lost", attempt=3)]))

    assert isinstance(plan(snap, CONFIG).survey.situations[1], Start)
    assert not isinstance(plan(both, CONFIG).survey.situations[1], Start)


def test_a_request_that_never_gets_to_begin_is_over_some_day() -> None:
    before = [verdict("cancelled", attempt=n, again=True) for n in range(1, MOST_SPARED + 1)]
    decided = plan(taken_back(*before, attempt=MOST_SPARED + 1), CONFIG)

    assert "again" not in said(decided.effects)[0]
    assert settled(taken_back(*before, attempt=MOST_SPARED + 1)).issues[1].labels == {"ai-blocked"}


def test_somebody_elses_cancel_is_somebodys_word() -> None:
    """Nobody of ours took it back, so the request is over, as after any other cancel."""
    snap = taken_back()
    snap = replace(snap, claims={1: replace(snap.claims[1], cancelled=False)})

    assert "again" not in said(plan(snap, CONFIG).effects)[0]
    assert settled(snap).issues[1].labels == {"ai-blocked"}


def test_publish_that_was_killed_after_its_verdict_is_made_good() -> None:
    """A run that never began: back to waiting, not to blocked."""
    snap = ledger(
        asked(labels=["ai-running"], comments=[verdict("cancelled", again=True)]),
        issue(3, "[A-1.1] one"),
        state=RunState.ENDED,
        conclusion="success",
    )
    rest = settled(snap)

    assert rest.issues[1].labels == {"ai-ready", "ai-waiting"}
    assert "**Waiting** for 1 issue" in status_in(rest)
    assert rest.claims == {}


def test_a_request_that_is_withdrawn_afterwards_leaves_no_label() -> None:
    snap = snapshot(issue(1, labels=["ai-waiting"], comments=[verdict("cancelled", again=True)]))

    assert settled(snap).issues[1].labels == frozenset()


def test_a_later_request_waits_for_the_end_of_the_run_it_came_into() -> None:
    run = comment(80, "/ai run", minutes=3, reactions=frozenset({"eyes"}))
    decided = plan(ledger(asked(labels=["ai-queued"], comments=[run]), started=False), CONFIG)

    assert CancelRun(RUN) not in decided.effects
    assert not [effect for effect in decided.effects if isinstance(effect, Dispatch)]


@pytest.mark.parametrize(
    ("said_it", "conclusion"),
    [
        ((verdict(),), "success"),
        ((verdict(Reason.CANCELLED),), "cancelled"),
        ((verdict(Reason.CANCELLED, withdrawn=True),), "cancelled"),
        ((), "timed_out"),
        ((), "cancelled"),
    ],
    ids=["done", "cancelled", "withdrawn", "no verdict", "taken back"],
)
def test_the_label_put_on_again_while_a_run_is_at_work_asks_for_another(
    said_it: tuple[Comment, ...], conclusion: str
) -> None:
    """Whatever becomes of that run: only the request that it answers is over with it."""
    again = replace(asked().label_events[0], at=AT + timedelta(seconds=30))
    found = replace(asked(labels=["ai-running"], comments=said_it), label_events=(*asked().label_events, again))
    snap = settled(ledger(found, cancelled=not said_it, state=RunState.ENDED, conclusion=conclusion))

    started = plan(snap, CONFIG).survey.situations[1]
    assert isinstance(started, Queued)
    assert started.run_key == f"1-L{int(again.at.timestamp())}-1"
    assert "ai-ready" in snap.issues[1].labels


# ----------------------------------------------------------------------------------- both installed


def beside(label: StateLabel, **run: object) -> Snapshot:
    """What a gate of the repository's own sees of the server's run: labels, and the run by its name."""
    state = ActionsRun(RUN, RunState.ACTIVE, name=f"ai-ready #1 [{KEY}]", url=URL)
    return snapshot(asked(labels=[label]), runs={RUN: replace(state, **run)})  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [StateLabel.QUEUED, StateLabel.RUNNING])
def test_a_gate_takes_no_issue_whose_request_the_server_has_dispatched(label: StateLabel) -> None:
    decided = plan(beside(label), CONFIG, Own(42))

    assert decided.claim is None
    assert decided.effects == ()
    assert decided.survey.usage.active == 1


SERVER = Actor(77, "ai-ready[bot]", is_bot=True)


@pytest.mark.parametrize("authors", [(SERVER, BOT), (BOT, SERVER), (BOT, SERVER, BOT)], ids=["2nd", "1st", "several"])
def test_of_several_status_comments_the_gates_stays(authors: tuple[Actor, ...]) -> None:
    """A gate can't see the server's, so it made its own; the server sees both. Also where nothing else changes."""
    done = verdict()
    says = f"x\n{hide(STATUS_MARKER, {'v': 1})}"
    spoken = [comment(600 + n, says, by, minutes=5) for n, by in enumerate(authors)]
    ended = issue(1, "[A-1.2] two", labels=["ai-done"], comments=[done, *spoken])
    snap = replace(snapshot(ended), own_ids=frozenset({BOT.id, SERVER.id}))
    kept = next(each for each in spoken if each.author is BOT)
    dropped = [DropComment(1, each.node_id) for each in spoken if each is not kept]

    assert sorted(plan(snap, CONFIG).effects, key=str) == sorted(dropped, key=str)
    assert [each for each in settled(snap).issues[1].comments if each is not done] == [kept]


def test_what_somebody_else_forged_is_not_ours_to_delete() -> None:
    says = f"x\n{hide(STATUS_MARKER, {'v': 1})}"
    spoken = [comment(600, says, BOT, minutes=5), comment(601, says, SERVER, minutes=5)]
    ended = issue(1, "[A-1.2] two", labels=["ai-done"], comments=[verdict(), *spoken])

    assert plan(snapshot(ended), CONFIG).effects == ()


@pytest.mark.parametrize("label", [StateLabel.QUEUED, StateLabel.RUNNING])
def test_when_that_run_is_over_and_nothing_came_of_it_the_gate_goes_on(label: StateLabel) -> None:
    decided = plan(beside(label, state=RunState.ENDED), CONFIG, Own(42))

    assert decided.claim is not None
    assert decided.claim.issue == 1


def test_a_server_that_lost_its_ledger_starts_nothing_twice() -> None:
    assert plan(beside(StateLabel.RUNNING), CONFIG).effects == ()


def test_a_run_of_another_request_or_another_issue_is_none_of_this_ones() -> None:
    for name in (f"ai-ready #1 [1-L{int(T0.timestamp()) - 9}-1]", f"ai-ready #11 [1{KEY}]"):
        assert plan(beside(StateLabel.RUNNING, name=name), CONFIG, Own(42)).claim is not None


def test_holds_reserve_what_the_server_has_queued() -> None:
    one = RepoConfig(limits=Limits(concurrent=1))
    decided = plan(later(ledger(asked(), issue(2, "other", by=ANN), started=False), seconds=1), one)

    assert isinstance(decided.survey.situations[2], Hold)


def test_a_lost_run_of_a_closed_issue_says_so_and_leaves_no_label() -> None:
    snap = edit(ledger(asked(labels=["ai-running"]), state=RunState.GONE), 1, open=False)
    decided = plan(snap, CONFIG)

    assert isinstance(decided.survey.situations[1], Lost)
    assert [data["code"] for data in said(decided.effects)] == [Reason.RUNNER_LOST]
    assert settled(snap).issues[1].labels == frozenset()


# --------------------------------------------------------------------------------- nobody asks any more


def without_label() -> Issue:
    return replace(asked(), labels=frozenset({"ai-queued"}))


def with_stop(reaction: str) -> Issue:
    stop = replace(comment(700, "/ai stop", ANN, minutes=3), reactions=frozenset({reaction}))
    return asked(labels=["ai-queued"], comments=[stop])


@pytest.mark.parametrize(
    ("told", "found", "labels"),
    [
        (True, without_label(), frozenset()),
        (True, with_stop("eyes"), frozenset()),
        (True, with_stop("confused"), frozenset({"ai-blocked"})),
        (True, asked(labels=["ai-queued"]), frozenset({"ai-blocked"})),
        (False, without_label(), frozenset({"ai-blocked"})),
    ],
    ids=["label off", "/ai stop", "/ai stop refused", "still asked for", "a person cancelled it"],
)
def test_a_run_taken_back_because_nobody_asks_blocks_nothing(told: bool, found: Issue, labels: frozenset[str]) -> None:
    """The server asked GitHub to cancel it and no job said a word: one verdict; no state label but a real one."""
    snap = settled(ledger(found, cancelled=told, state=RunState.ENDED, conclusion="cancelled"))

    assert [record.code for record in records(snap.issues[1], snap.own_ids)] == [Reason.CANCELLED]
    assert snap.issues[1].labels == labels


def test_a_publisher_that_was_killed_leaves_a_withdrawn_run_to_the_next_plan() -> None:
    """Its verdict is there; label and status are not."""
    said_it = verdict(Reason.CANCELLED, withdrawn=True)
    snap = settled(ledger(replace(without_label(), comments=(said_it,)), state=RunState.ENDED, conclusion="cancelled"))

    assert snap.issues[1].labels == frozenset()
    assert "**Withdrawn**" in status_in(snap)


@pytest.mark.parametrize("usd", ["NaN", "Infinity", "-Infinity", "-1", "1" + "0" * 400, '"1"', "null"])
def test_an_edited_verdict_costs_nothing_that_is_no_number_of_dollars(usd: str) -> None:
    """Planning goes on, and no cap is lifted by it."""
    edited = verdict()
    edited = replace(edited, body=edited.body.replace('"usd":1.0', f'"usd":{usd}'))
    assert usd in edited.body

    [record] = records(asked(comments=[edited]), frozenset({BOT.id}))
    assert record.usd == 0.0
    assert plan(snapshot(asked(comments=[edited])), CONFIG).survey.usage.usd_today == 0.0
