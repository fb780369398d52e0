"""One explanation: what it holds by example, that it is bounded, and what it looks like as `/ai why` and status."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.core.effects import PostComment, PutStatus, SetLabels
from bot.core.ledger import Record
from bot.core.limits import Cap
from bot.core.messages.status import status, status_text
from bot.core.messages.verdict import verdict_block
from bot.core.messages.why import why_text
from bot.core.model import ActionsRun, Claim, Comment, Link, Pull, Ref, RunState, Snapshot, Source, Standing
from bot.core.names import Reason as Code
from bot.core.names import StateLabel
from bot.core.plan import plan
from bot.core.settings import ConfigProblem, Limits, OrderRules, RepoConfig
from bot.core.situation import Hold
from bot.core.survey import survey
from bot.core.why import ENDS, NEAR, NODES, Explainer, Place, Progress, Reason, Why, explain
from tests.core.test_messages import golden
from tests.core.world import ANN, BOT, SHA, T0, after, close, comment, edit, issue, snapshot

HERE = "acme/shop"


def native(*numbers: int, repo: str = HERE) -> tuple[Link, ...]:
    return tuple(Link(Ref(repo, number), Source.NATIVE) for number in numbers)


def pull(number: int, head: str) -> Pull:
    return Pull(number, head, "main", True, False, True, SHA, f"/pull/{number}")


def ended(number: int, code: str) -> list[Comment]:
    return [comment(900 + number, verdict_block(Record(f"{number}-L1-1", code, 1.0, T0, T0)), BOT)]


def why(snap: Snapshot, number: int, config: RepoConfig | None = None) -> Why:
    config = config or RepoConfig()
    return explain(snap, survey(snap, config), config, number)


def short(snap: Snapshot, number: int, config: RepoConfig | None = None) -> Why:
    config = config or RepoConfig()
    seen = survey(snap, config)
    return Explainer(snap, seen, config).short(number, seen.situations[number])


Shape = tuple[int, Progress | None, list["Shape"]]


def shape(reasons: Iterable[Reason]) -> list[Shape]:
    """Number, progress, what that waits for."""
    return [(r.ref.number, r.stand.progress if r.stand else None, shape(r.because)) for r in reasons]


# --------------------------------------------------------------------------------------- a town of all


def town() -> Snapshot:
    """Every progress that a prerequisite can have, in one repository; #20 waits for all of it."""
    claim = Claim(5, "5-L1-1", 77, T0, T0 + timedelta(hours=2), 5.0)
    return snapshot(
        issue(1, "nobody asks"),
        issue(2, "waits", by=ANN, links=native(1)),
        issue(3, "in a cycle", by=ANN, links=native(4)),
        issue(4, "in it, too", by=ANN, links=native(3)),
        issue(5, "at work", by=ANN, labels=[StateLabel.RUNNING]),
        issue(6, "held", by=ANN),
        issue(7, "reviewed", labels=[StateLabel.DONE], comments=ended(7, "done")),
        issue(8, "blocked", labels=[StateLabel.BLOCKED], comments=ended(8, Code.TESTS_FAILED)),
        replace(issue(9, "light"), labels=frozenset({"ai-waiting"}), detailed=False),
        issue(
            20,
            "all of it",
            body="Depends on #30.",
            by=ANN,
            links=(*native(2, 3, 5, 6, 7, 8, 9), *native(4, repo="acme/api"), *native(5, repo="acme/gone")),
        ),
        standings=MappingProxyType(
            {Ref(HERE, 30): Standing.UNMERGED, Ref("acme/api", 4): Standing.OPEN, Ref("acme/gone", 5): Standing.UNKNOWN}
        ),
        claims=MappingProxyType({5: claim}),
        runs=MappingProxyType({77: ActionsRun(77, RunState.ACTIVE, url="https://example.test/run/77")}),
        pulls=(pull(31, "ai/issue-7"), pull(32, "ai/issue-8-2"), replace(pull(33, "ai/issue-1"), open=False)),
    )


ONE = RepoConfig(limits=Limits(concurrent=1))


def test_every_progress_of_a_prerequisite() -> None:
    found = {r.ref.number: r.stand for r in why(town(), 20, ONE).reasons if r.local and r.stand}

    assert {number: stand.progress for number, stand in found.items()} == {
        2: Progress.WAITING,
        3: Progress.INVALID,
        5: Progress.RUNNING,
        6: Progress.HOLD,
        7: Progress.REVIEW,
        8: Progress.BLOCKED,
        9: Progress.ASKED,
    }
    assert (found[7].pull, found[8].pull, found[5].pull) == (31, 32, 0)


def test_what_takes_a_person_comes_first() -> None:
    """A run that is at work, and what was read of nobody, come after what would wait for ever."""
    found = [end.ref.number for end in why(town(), 20, ONE).ends]

    assert found == [3, 7, 8, 30, 4]


def test_the_answer_to_why() -> None:
    golden("why-waiting", why_text(why(town(), 20, ONE)))


def test_the_status_says_the_same_in_short() -> None:
    golden("why-status", status(why(town(), 20, ONE).situation, notes={"v": 1}, why=short(town(), 20, ONE)))


def test_the_chain_goes_down_to_what_can_be_acted_on() -> None:
    """20 → 2 → 1: nobody asks for #1. The tree shows it, the answer names it, the status does, too."""
    found = why(town(), 20, ONE)

    assert (2, Progress.WAITING, [(1, Progress.UNASKED, [])]) in shape(found.reasons)
    assert 1 in {end.ref.number for end in why(town(), 2, ONE).ends}
    assert "Behind these: #1 (open; nobody has asked for it)" in status_text(short(town(), 20, ONE))


def test_an_issue_shows_once_where_it_is_nearest() -> None:
    """A diamond, and phase order below itself, are not repeated."""
    diamond = snapshot(
        issue(1), *(issue(n, by=ANN, links=native(1)) for n in (2, 3)), issue(4, by=ANN, links=native(2, 3, 1))
    )
    phases = snapshot(*(issue(n, f"[A-1.{n}] x", by=ANN) for n in range(1, 5)))

    assert [(n, below) for n, _, below in shape(why(diamond, 4).reasons)] == [(2, []), (3, []), (1, [])]
    assert [(n, below) for n, _, below in shape(why(phases, 4).reasons)] == [(3, []), (2, []), (1, [])]


def test_of_a_long_series_the_first_is_what_it_comes_down_to() -> None:
    phases = snapshot(*(issue(n, f"[A-{n}.1] x", by=ANN if n > 1 else None) for n in range(1, 91)))
    found = why(phases, 90)

    assert [r.ref.number for r in found.reasons] == list(range(89, 89 - NEAR, -1))
    assert [(end.ref.number, end.stand and end.stand.progress) for end in found.ends] == [(1, Progress.UNASKED)]
    assert found.total == 89
    golden("why-series", why_text(found))


def test_the_status_names_what_is_behind_only_where_that_stays() -> None:
    """What takes a person, behind few prerequisites; nothing that comes and goes with runs, nothing behind many."""
    series = [issue(n, f"[A-{n}.1] x", by=ANN if n > 1 else None) for n in range(1, 61)]
    snap = snapshot(*series, issue(99, by=ANN, links=native(60)))
    asked = edit(snap, 1, labels=frozenset({"ai-ready"}), label_events=snap.issues[2].label_events)

    assert "Behind that: #1 (open; nobody has asked for it)." in status_text(short(snap, 99))
    assert "Behind" not in status_text(short(asked, 99))
    assert "Behind" not in status_text(short(snap, 60))
    assert "`/ai why` says what it comes down to." in status_text(short(snap, 60))


def test_a_chain_of_thousands_is_explained_in_a_few_lines_and_no_time() -> None:
    """Each names the next: the tree is cut, the end is still found."""
    size = 900
    snap = snapshot(
        *(issue(n, by=ANN if n > 1 else None, links=native(n - 1) if n > 1 else ()) for n in range(1, size))
    )
    seen = survey(snap, RepoConfig())
    started = time.process_time()
    found = explain(snap, seen, RepoConfig(), size - 1)

    assert time.process_time() - started < 0.5
    assert [end.ref.number for end in found.ends] == [1]
    assert len(why_text(found).splitlines()) < 20


def test_an_answer_is_never_too_long() -> None:
    """A thousand prerequisites, each with a thousand of its own."""
    first, second = range(1, 301), range(301, 601)
    snap = snapshot(
        *(issue(n) for n in first),
        *(issue(n, by=ANN, links=native(*first)) for n in second),
        issue(999, by=ANN, links=native(*second)),
    )
    found = why(snap, 999)

    assert len(why_text(found)) < 60_000
    assert len(found.ends) == ENDS
    assert why_text(found).count("\n- #") <= NODES + ENDS
    assert len(status_text(short(snap, 999)).splitlines()) < NEAR + 12


# ------------------------------------------------------------------------------------------ caps, queue


def queue(count: int, limits: Limits) -> tuple[Snapshot, RepoConfig]:
    return snapshot(*(issue(n, by=ANN) for n in range(1, count + 1))), RepoConfig(limits=limits)


def test_a_hold_by_a_cap_has_its_place_and_the_figures() -> None:
    snap, config = queue(25, Limits(concurrent=2))
    found = why(snap, 25, config)

    assert isinstance(found.situation, Hold)
    assert found.situation.cap is Cap.CONCURRENT
    assert found.place == Place(23, 23)
    assert found.caps is not None
    assert (found.caps.usage.active, found.caps.usage.usd_today) == (2, 10.0)
    assert found.caps.resets.isoformat() == "2026-11-22T00:00:00+00:00"
    golden("why-hold", why_text(found))


def test_a_place_among_those_that_wait() -> None:
    snap = snapshot(issue(1), issue(2, by=ANN), issue(3, by=ANN, links=native(1)), issue(4, by=ANN, links=native(1)))

    assert why(snap, 4).place == Place(3, 3)
    assert why(snap, 3).place == Place(2, 3)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (2, "It is the next to start."),
        (3, "among the next 10"),
        (12, "among the next 20"),
        (700, "among the next 1,000"),
    ],
)
def test_the_status_has_the_place_in_round_numbers(number: int, said: str) -> None:
    snap, config = queue(700, Limits(concurrent=1))

    assert said in status_text(short(snap, number, config))


def test_an_unreadable_day_and_an_unreadable_config_are_no_figures() -> None:
    snap, config = queue(2, Limits())
    broken = explain(snap, survey(snap, config), ConfigProblem("x"), 1)

    assert "could not be read to the end" in why_text(why(replace(snap, truncated=True), 1, config))
    assert broken.caps is None


def test_a_hold_that_is_no_cap_has_no_place() -> None:
    snap, config = queue(2, Limits())
    found = why(replace(snap, paused=True), 2, config)

    assert isinstance(found.situation, Hold)
    assert (found.situation.cap, found.place) == (None, None)


# -------------------------------------------------------------------------------- edits only when it matters


def edits(before: Snapshot, then: Snapshot, config: RepoConfig) -> set[int]:
    """Which status comments a plan rewrites once `before` has become `then`."""
    return {
        effect.issue for effect in plan(then, config).effects if isinstance(effect, PutStatus)
    } - before.claims.keys()


def rest(snap: Snapshot, config: RepoConfig) -> Snapshot:
    """At rest: every status is written."""
    for _ in range(5):
        effects = [e for e in plan(snap, config).effects if isinstance(e, PutStatus | SetLabels | PostComment)]
        if not effects:
            return snap
        snap = after(snap, effects)
    raise AssertionError("never quiet")


def at_work(snap: Snapshot, number: int) -> Snapshot:
    claim = Claim(number, f"{number}-L{int(T0.timestamp())}-1", 700 + number, T0, T0 + timedelta(hours=9), 5.0)
    run = ActionsRun(700 + number, RunState.ACTIVE)
    return replace(
        snap,
        claims=MappingProxyType({**snap.claims, number: claim}),
        runs=MappingProxyType({**snap.runs, run.id: run}),
    )


def finished(snap: Snapshot, number: int, usd: float = 1.0) -> Snapshot:
    """Its run ended Done, its claim and labels are as `publish` leaves them, its pull request is merged."""
    said = comment(
        5_000 + number,
        verdict_block(Record(f"{number}-L{int(T0.timestamp())}-1", "done", usd, snap.now, T0, 600 + number)),
        BOT,
    )
    old = snap.issues[number]
    snap = edit(snap, number, comments=(*old.comments, said), labels=frozenset())
    return close(replace(snap, claims=MappingProxyType({n: c for n, c in snap.claims.items() if n != number})), number)


def test_place_and_caps_are_as_old_as_the_last_edit_and_no_reason_for_one() -> None:
    """An hour later another run is at work: no edit. When something else changes, the line is new as well."""
    snap = snapshot(*(issue(n, by=ANN) for n in (1, 2)), issue(3, by=ANN, links=native(1, 2)))
    config = RepoConfig(limits=Limits(concurrent=2))
    snap = rest(at_work(snap, 1), config)
    later = at_work(replace(snap, now=snap.now + timedelta(hours=1)), 2)
    closed = finished(later, 1)
    [put] = (e for e in plan(closed, config).effects if isinstance(e, PutStatus) and e.issue == 3)

    assert "As of 2026-11-21 12:05 UTC: place 2 of 2 of" in snap.issues[3].comments[-1].body
    assert 3 not in edits(snap, later, config)
    assert "As of 2026-11-21 13:05 UTC: place 1 of 1 of" in put.body
    assert "1 of 2 runs at work · 2 of 20 runs used today · $6.00 of $50.00 spent or reserved today." in put.body


def test_a_run_that_ends_and_one_that_starts_edit_few_of_the_comments_on_hold() -> None:
    """300 on hold: one ends, the next starts. Only whose words change are written."""
    snap, config = queue(300, Limits(concurrent=1, usd_per_day=1_000, runs_per_day=1_000))
    snap = rest(at_work(snap, 1), config)
    then = at_work(finished(snap, 1, usd=3.21), 2)

    assert len(edits(snap, then, config)) <= 8


def test_a_days_budget_that_shrinks_edits_no_comment_on_hold() -> None:
    """Everything is held by the day's dollars; a run settles for less than it reserved, which is not enough."""
    snap, config = queue(50, Limits(concurrent=9, usd=5, usd_per_day=10))
    snap = rest(at_work(at_work(snap, 1), 2), config)
    then = finished(snap, 1, usd=4.5)

    assert edits(snap, then, config) <= {1}


def test_the_first_of_a_long_series_closes_and_few_comments_change() -> None:
    snap = snapshot(*(issue(n, f"[A-{n // 90 + 1}.{n % 90 + 1}] x", by=ANN) for n in range(1, 301)))
    config = RepoConfig()
    snap = rest(at_work(snap, 1), config)

    assert len(edits(snap, finished(snap, 1), config)) <= NEAR + 10


def test_a_prerequisites_run_comes_and_goes_without_an_edit() -> None:
    """Waiting, on hold, dispatched, at work: its dependents' comments stay; its pull request changes them."""
    snap = snapshot(issue(1, by=ANN), issue(2, by=ANN, links=native(1)))
    held, config = RepoConfig(enabled=False), RepoConfig()
    snap = rest(snap, held)
    started = after(snap, plan(snap, config).effects)
    opened = replace(started, pulls=(pull(31, "ai/issue-1"),))

    assert 2 not in edits(snap, started, config)
    assert 2 not in edits(snap, at_work(started, 1), config)
    assert 2 in edits(snap, at_work(opened, 1), config)


def test_a_series_is_as_many_edits_as_issues() -> None:
    """Ten in a row: of the first one's pull request hears the second, of its end the second and the third."""
    snap = snapshot(*(issue(n, f"[A-1.{n}] x", by=ANN) for n in range(1, 11)))
    config = RepoConfig()
    snap = rest(at_work(snap, 1), config)
    opened = replace(snap, pulls=(pull(31, "ai/issue-1"),))

    assert edits(snap, opened, config) == {2}
    assert edits(snap, finished(snap, 1), config) <= {1, 2, 3}


def test_of_phase_order_a_status_names_what_comes_directly_before() -> None:
    phases = snapshot(*(issue(n, f"[A-{(n + 1) // 2}.{n}] x", by=ANN) for n in range(1, 8)), issue(9))
    named = replace(issue(8, "[A-5.1] x", by=ANN), links=native(9))
    config, snap = RepoConfig(), replace(phases, issues={**phases.issues, 8: named})

    parallel = RepoConfig(order=OrderRules(within_phase="parallel"))

    third = status_text(short(snap, 5, parallel))
    assert "**Waiting** for 2 issues and those before them to close." in third
    assert [row for row in third.splitlines() if row.startswith("| ")][1:] == [
        "| #4 | phase order | requested |",
        "| #3 | phase order | requested |",
        "| … and those before in the series | | |",
    ]
    assert "**Waiting** for 2 issues to close." in status_text(short(snap, 3, parallel))
    last = status_text(short(snap, 8))
    assert "| #9 | GitHub dependency | open; nobody has asked for it |\n| #7 | phase order" in last
    assert "| #6 |" not in last
    assert "Behind" not in last
    assert "| #4 | phase order" in status_text(short(snap, 5))
    assert "| #3 |" not in status_text(short(snap, 5))
    assert "#3 (phase order)" in why_text(why(snap, 5, config))


def test_what_went_astray_far_ahead_is_said_and_a_review_is_not() -> None:
    """The first of three: up for review is what every issue comes to; Blocked needs somebody."""
    reviewed = snapshot(
        replace(issue(1, "[A-1.1] x", labels=[StateLabel.DONE], comments=ended(1, "done"))),
        issue(2, "[A-2.1] x", by=ANN),
        issue(3, "[A-3.1] x", by=ANN),
    )
    reviewed = replace(reviewed, pulls=(pull(31, "ai/issue-1"),))
    first = issue(1, "[A-1.1] x", labels=[StateLabel.BLOCKED], comments=ended(1, Code.TESTS_FAILED))
    blocked = replace(reviewed, issues={**reviewed.issues, 1: first}, pulls=())

    assert "Behind" not in status_text(short(reviewed, 3))
    assert "Behind that: #1 (blocked: its last run needs a person)." in status_text(short(blocked, 3)).replace(
        "these", "that"
    )


@pytest.mark.parametrize("rule", ["release", "hold"])
def test_closed_as_not_planned_says_what_to_do_where_it_does_not_count(rule: str) -> None:
    snap = snapshot(
        issue(1, open=False, state_reason="not_planned"),
        issue(2, by=ANN, links=native(1)),
    )
    config = RepoConfig(order=OrderRules(closed_as_not_planned=rule))  # type: ignore[arg-type]

    assert ("does not count here" in why_text(why(snap, 2, config))) == (rule == "hold")


def situations() -> dict[str, tuple[Snapshot, int, RepoConfig | None]]:
    """As a reader meets them."""
    claim = Claim(1, "1-L1-1", 77, T0, T0 + timedelta(hours=2), 5.0)
    busy = replace(
        snapshot(issue(1, by=ANN, labels=[StateLabel.RUNNING]), issue(2, by=ANN)),
        claims=MappingProxyType({1: claim}),
        runs=MappingProxyType({77: ActionsRun(77, RunState.ACTIVE, url="https://example.test/run/77")}),
    )
    knot = snapshot(
        issue(1, by=ANN, links=native(2)), issue(2, by=ANN, links=native(1)), issue(3, by=ANN, links=native(1))
    )
    spent = snapshot(issue(1, comments=ended(1, "done")), issue(2, by=ANN))
    return {
        "never asked": (snapshot(issue(1)), 1, None),
        "waits for one": (snapshot(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] y", by=ANN)), 2, None),
        "waits for thirty": (snapshot(*(issue(n, f"[A-1.{n}] x", by=ANN) for n in range(1, 32))), 31, None),
        "in a cycle": (knot, 1, None),
        "behind a cycle": (knot, 3, None),
        "all are at work": (busy, 2, ONE),
        "the day is used up": (spent, 2, RepoConfig(limits=Limits(runs_per_day=1))),
        "paused": (snapshot(issue(1, by=ANN), paused=True), 1, None),
        "running": (busy, 1, None),
        "blocked": (snapshot(issue(1, labels=[StateLabel.BLOCKED], comments=ended(1, Code.TESTS_FAILED))), 1, None),
        "closed": (snapshot(issue(1, open=False)), 1, None),
    }


def test_the_answer_to_why_in_every_situation() -> None:
    """Says where it is, what keeps it there and what moves it on: once, and in whole sentences."""
    answers = [f"({name})\n\n{why_text(why(*each))}" for name, each in situations().items()]

    golden("why-situations", "\n\n---\n\n".join(answers))
