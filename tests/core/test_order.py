"""`arrange` by example: what waits, for what, and why something never starts."""

import time

import pytest

from bot.core.model import Issue, Link, Ref, Source, Standing
from bot.core.order import NEAREST, Arrangement, Blocker, Invalid, arrange, series_of, skip_line
from bot.core.series import priority
from bot.core.settings import OrderRules

REPO = "Acme/Shop"
HERE = "acme/shop"


def issue(number: int, title: str = "Do it", body: str = "", **facts: object) -> Issue:
    """An open issue; `labels` and `links` may be any iterable."""
    facts["labels"] = frozenset(facts.get("labels", ()))  # type: ignore[call-overload]
    return Issue(number, title, body, **facts)  # type: ignore[arg-type]


def arranged(
    *issues: Issue,
    ask: list[int] | None = None,
    rules: OrderRules | None = None,
    standings: dict[Ref, Standing] | None = None,
) -> Arrangement:
    """Arrange them; every open issue is a candidate unless `ask` names some."""
    by_number = {each.number: each for each in issues}
    return arrange(
        by_number,
        by_number if ask is None else ask,
        rules=rules or OrderRules(),
        repo=REPO,
        standings=standings or {},
    )


def waits(arrangement: Arrangement) -> dict[int, list[int | str]]:
    """What each waiting issue waits for: numbers here, `owner/repo#n` elsewhere."""
    return {w.number: [b.ref.number if b.local else str(b.ref) for b in w.on] for w in arrangement.waiting}


def native(*numbers: int) -> tuple[Link, ...]:
    return tuple(Link(Ref(HERE, number), Source.NATIVE) for number in numbers)


def sub_issues(*numbers: int) -> tuple[Link, ...]:
    return tuple(Link(Ref(HERE, number), Source.SUB_ISSUE) for number in numbers)


# --------------------------------------------------------------------------------------------- order


def test_OR1_OR4_OR5_the_seeds_example() -> None:
    """META comes first, then 1.1, 1.2, 1.3, 2.1, whatever their priorities."""
    found = arranged(
        issue(1, "[AUTH-2.1] Add password reset", labels=["P1"]),
        issue(2, "[AUTH-1.3] Validate login form"),
        issue(3, "[AUTH-1.1] Create login endpoint", labels=["P1"]),
        issue(4, "META: Authentication Project", labels=["P3"]),
        issue(5, "[AUTH-1.2] Add session handling", labels=["P1"]),
    )

    assert found.order == (4, 3, 5, 2, 1)
    assert found.ready == (3,)
    assert waits(found) == {5: [3], 2: [5, 3], 1: [2, 5, 3]}


def test_OR1_OR3_order_of_kinds_and_ties() -> None:
    """Keyed before the rest; ties by priority, id number, issue number."""
    found = arranged(
        issue(1, "later"),
        issue(2, "[ARK-9] id"),
        issue(3, "[ARK-10] id"),
        issue(4, "urgent", labels=["priority: urgent"]),
        issue(5, "[B-1.2a] x"),
        issue(6, "[A-1.2] x"),
        issue(7, "1.1: x", labels=["P3"]),
        issue(8, "[C-1.1] x", labels=["priority: high"]),
        issue(9, "[A-1.10] x"),
        issue(10, "low", labels=["priority: low"]),
        issue(11, "[ARK-2] low", labels=["P3"]),
    )

    assert found.order == (8, 7, 6, 5, 9, 4, 2, 3, 1, 11, 10)


def test_OR3_priorities() -> None:
    """Both families of labels, in any case; the highest wins; others say nothing."""
    cases = {
        (): 2,
        ("P0",): 0,
        ("p1",): 1,
        ("P2",): 2,
        ("P3",): 3,
        ("priority: urgent",): 0,
        ("Priority: High",): 1,
        ("priority:low",): 3,
        ("P3", "priority: high"): 1,
        ("priority: medium", "P4", "xP0", "P0x", "high"): 2,
    }

    assert {labels: priority(frozenset(labels)) for labels in cases} == cases


def test_meta_is_never_run_and_never_blocks() -> None:
    """A tracker is in the order, asked for or not, and nowhere else, even where somebody depends on it."""
    found = arranged(issue(1, "META: board"), issue(2, "[META] other"), issue(3, body="Depends on #1"), ask=[1, 3])

    assert found.order == (1, 2, 3)
    assert found.ready == (3,)
    assert (found.waiting, found.invalid) == ((), ())


def test_a_closed_meta_is_no_longer_in_the_order() -> None:
    """Only open trackers come first."""
    assert arranged(issue(1, "META: board", open=False), issue(2)).order == (2,)


def test_candidates_that_are_no_open_issues_are_left_out() -> None:
    """Closed issues, pull requests and unknown numbers are neither ready nor waiting."""
    found = arranged(issue(1, open=False), issue(2, is_pull=True), issue(3), ask=[1, 2, 3, 4])

    assert (found.order, found.ready) == ((3,), (3,))


# --------------------------------------------------------------------------------------- phase order


def test_OR5_unrequested_issues_block_too() -> None:
    """An open issue with a smaller key blocks whether anybody asked for it or not."""
    found = arranged(issue(1, "[A-1.1] x"), issue(2, "[A-1.2] x"), ask=[2])

    assert (found.order, waits(found)) == ((2,), {2: [1]})


def test_closed_ones_and_pull_requests_do_not_block() -> None:
    """A pull request titled like a task is not that task."""
    found = arranged(
        issue(1, "[A-1.1] x", open=False, state_reason="not_planned"),
        issue(2, "[A-1.2] x", is_pull=True),
        issue(3, "[A-1.3] x"),
        rules=OrderRules(closed_as_not_planned="hold"),
    )

    assert found.ready == (3,)


def test_same_key_does_not_block() -> None:
    """Issues with one key run side by side; what follows waits for both, nearest first."""
    found = arranged(issue(1, "[A-1.1] x"), issue(2, "[A-1.1] y"), issue(3, "[A-1.1a] z"))

    assert found.ready == (1, 2)
    assert waits(found) == {3: [2, 1]}


def test_series_by_prefix_milestone_and_repository() -> None:
    """Prefix first (any case), else milestone, else the repository; series don't see each other."""
    found = arranged(
        issue(1, "[A-1.1] x"),
        issue(2, "[a-1.2] x", milestone="M"),
        issue(3, "1.1: x", milestone="M"),
        issue(4, "1.2: x", milestone="M"),
        issue(5, "1.1: x"),
        issue(6, "Phase 1.2 x"),
        issue(7, "[B-1.2] x"),
    )

    assert waits(found) == {2: [1], 4: [3], 6: [5]}
    assert found.ready == (1, 3, 5, 7)


def test_scope_repository() -> None:
    """`scope: repository` makes one series of everything."""
    found = arranged(issue(1, "[A-1.1] x"), issue(2, "[B-1.2] x"), rules=OrderRules(scope="repository"))

    assert waits(found) == {2: [1]}


def test_within_phase_parallel() -> None:
    """`within_phase: parallel`: a task waits for smaller phases only."""
    tasks = [issue(n, f"[A-{key}] x") for n, key in enumerate(["0.1", "0.2", "1.1", "1.2", "2.1"], 1)]
    found = arranged(*tasks, rules=OrderRules(within_phase="parallel"))

    assert found.ready == (1, 2)
    assert waits(found) == {3: [2, 1], 4: [2, 1], 5: [4, 3, 2, 1]}


def test_ids_and_plain_titles_never_block_by_order() -> None:
    """Only keys make a phase order."""
    assert arranged(issue(1, "[ARK-1] x"), issue(2, "[ARK-2] x"), issue(3, "x")).ready == (1, 2, 3)


def test_nearest_fifty_of_many() -> None:
    """`on` shows the nearest 50, `total` counts all."""
    tasks = [issue(n, f"[A-{n // 50}.{n % 50}] x") for n in range(1, 91)]
    last = arranged(*tasks).waiting[-1]

    assert [b.ref.number for b in last.on] == list(range(89, 89 - NEAREST, -1))
    assert last.total == 89


# ------------------------------------------------------------------------------------- prerequisites


def test_union_of_all_sources() -> None:
    """Text, native and phase order add up; each is shown once, with phase order before the other sources."""
    found = arranged(
        issue(1, "[A-1.1] x"),
        issue(2, "[A-1.2] x", "Depends on #1, #3", links=native(3, 4)),
        issue(3),
        issue(4),
    )

    assert found.waiting[0].on == (
        Blocker(Ref(HERE, 3), Source.TEXT, Standing.OPEN, local=True),
        Blocker(Ref(HERE, 4), Source.NATIVE, Standing.OPEN, local=True),
        Blocker(Ref(HERE, 1), Source.PHASE, Standing.OPEN, local=True),
    )
    assert found.waiting[0].total == 3


def test_removing_one_source_leaves_the_other() -> None:
    """P24: the text still holds when the native dependency is gone, and the other way round."""
    both = issue(2, body="Depends on #1", links=native(1))
    text, github = issue(2, body="Depends on #1"), issue(2, links=native(1))

    assert [waits(arranged(issue(1), each)) for each in (both, text, github)] == [{2: [1]}] * 3


@pytest.mark.parametrize(
    ("facts", "free"),
    [
        ({"open": False, "state_reason": "completed"}, True),
        ({"open": False}, True),
        ({"open": False, "state_reason": "not_planned"}, True),
        ({"open": False, "state_reason": "duplicate"}, True),
        ({}, False),
        ({"state_reason": "reopened"}, False),
        ({"is_pull": True}, False),
        ({"is_pull": True, "open": False}, False),
        ({"is_pull": True, "open": False, "merged": True}, True),
    ],
)
def test_what_releases(facts: dict[str, object], free: bool) -> None:
    """Closed releases, whatever the reason; a pull request only when merged."""
    assert (arranged(issue(1, **facts), issue(2, body="Requires #1")).ready[-1:] == (2,)) is free  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["not_planned", "duplicate"])
def test_hold_on_not_planned(reason: str) -> None:
    """`closed_as_not_planned: hold` keeps waiting, but never for a sub-issue (only open ones are prerequisites)."""
    rules = OrderRules(closed_as_not_planned="hold")
    dropped = issue(1, open=False, state_reason=reason)
    found = arranged(dropped, issue(2, body="Requires #1"), issue(3, links=sub_issues(1)), rules=rules)

    assert found.waiting[0].on == (Blocker(Ref(HERE, 1), Source.TEXT, Standing.NOT_PLANNED, local=True),)
    assert found.ready == (3,)


@pytest.mark.parametrize(
    ("standing", "outcome"),
    [
        (Standing.OPEN, "waiting"),
        (Standing.UNKNOWN, "waiting"),
        (Standing.UNMERGED, "waiting"),
        (Standing.CLOSED, "ready"),
        (Standing.NOT_PLANNED, "ready"),
        (Standing.MERGED, "ready"),
        (Standing.UNREADABLE, "invalid"),
        (None, "waiting"),
    ],
)
def test_what_is_known_from_elsewhere(standing: Standing | None, outcome: str) -> None:
    """Unknown waits, unreadable is invalid, in this repository and in others."""
    refs = [Ref(HERE, 99), Ref("other/repo", 5)]
    standings = {ref: standing for ref in refs if standing}
    found = arranged(issue(1, body="Depends on #99"), issue(2, body="Depends on other/repo#5"), standings=standings)
    groups = {"ready": found.ready, "waiting": found.waiting, "invalid": found.invalid}

    assert {name: len(group) for name, group in groups.items() if group} == {outcome: 2}
    if outcome == "invalid":
        assert found.invalid == (Invalid(1, "unreadable", (99,)), Invalid(2, "unreadable", (refs[1],)))


def test_what_we_read_ourselves_wins() -> None:
    """An issue read in this snapshot is not overruled by an older standing."""
    found = arranged(issue(1), issue(2, body="Depends on #1"), standings={Ref(HERE, 1): Standing.CLOSED})

    assert waits(found) == {2: [1]}


def test_own_repository_by_its_full_name() -> None:
    """`acme/SHOP#1` is `#1`."""
    assert waits(arranged(issue(1), issue(2, body="Depends on acme/SHOP#1"))) == {2: [1]}


def test_sub_issues_of_a_requested_parent() -> None:
    """Open sub-issues hold a parent that is asked for; a parent that is not does not wait for them."""
    parent = issue(1, links=sub_issues(2, 3))
    found = arranged(parent, issue(2, body="Depends on #1"), issue(3, open=False), ask=[1])
    other = arranged(parent, issue(2, body="Depends on #1"), issue(3, open=False), ask=[2])

    assert found.invalid == (Invalid(1, "cycle", (1, 2, 1)),)
    assert waits(other) == {2: [1]}


def test_an_issue_that_names_many() -> None:
    """P23: 500 prerequisites all count; 50 are shown."""
    found = arranged(issue(1, body="Depends on " + ", ".join(f"#{n}" for n in range(1000, 1500))))

    assert (found.waiting[0].total, len(found.waiting[0].on)) == (500, 50)


# -------------------------------------------------------------------------------------------- cycles


def test_itself() -> None:
    """P02: an issue that names itself is invalid."""
    assert arranged(issue(1, body="Depends on #1")).invalid == (Invalid(1, "self", (1, 1)),)


def test_two_that_wait_for_each_other() -> None:
    """P01: both are invalid, each with the cycle as seen from there; what is behind them waits."""
    found = arranged(
        issue(8, body="Depends on #9"), issue(9, body="Depends on #8"), issue(10, body="Depends on #9"), issue(11)
    )

    assert found.invalid == (Invalid(8, "cycle", (8, 9, 8)), Invalid(9, "cycle", (9, 8, 9)))
    assert waits(found) == {10: [9]}
    assert found.ready == (11,)


def test_a_cycle_through_phase_order() -> None:
    """1.1 names 1.2, which waits for 1.1 by its key: both are invalid, 1.3 waits."""
    found = arranged(issue(1, "[A-1.1] x", "Depends on #2"), issue(2, "[A-1.2] x"), issue(3, "[A-1.3] x"))

    assert found.invalid == (Invalid(1, "cycle", (1, 2, 1)), Invalid(2, "cycle", (2, 1, 2)))
    assert waits(found) == {3: [2, 1]}


def test_a_cycle_through_an_issue_nobody_asked_for() -> None:
    """It is found all the same, and only who asked is told."""
    found = arranged(issue(1, body="Depends on #2"), issue(2, body="Depends on #1"), ask=[1])

    assert found.invalid == (Invalid(1, "cycle", (1, 2, 1)),)


def test_a_cycle_is_broken_by_closing_one() -> None:
    """P04: with one edge gone the rest goes on."""
    found = arranged(issue(1, body="Depends on #2"), issue(2, body="Depends on #1", open=False))

    assert (found.ready, found.invalid) == ((1,), ())


def test_two_series_that_wait_for_each_other_crosswise() -> None:
    """A-1.1 → B-1.2 → (order) B-1.1 → A-1.2 → (order) A-1.1: four are invalid, auxiliary nodes never show."""
    found = arranged(
        issue(1, "[A-1.1] x", "Depends on #4"),
        issue(2, "[A-1.2] x"),
        issue(3, "[B-1.1] x", "Depends on #2"),
        issue(4, "[B-1.2] x"),
    )

    assert [(i.number, i.path) for i in found.invalid] == [
        (1, (1, 4, 3, 2, 1)),
        (3, (3, 2, 1, 4, 3)),
        (2, (2, 1, 4, 3, 2)),
        (4, (4, 3, 2, 1, 4)),
    ]


def test_fifty_in_a_knot_among_a_thousand() -> None:
    """P03: exactly the members of the knot are invalid, each with a cycle of its own, the same every time."""
    ring = [issue(n, body=f"Depends on #{(n + 7) % 50 + 1}") for n in range(1, 51)]
    others = [issue(n, body=f"Depends on #{n - 1}") for n in range(51, 1001)]
    found, again = arranged(*ring, *others), arranged(*reversed(others), *ring)

    assert found == again
    assert [i.number for i in found.invalid] == list(range(1, 51))
    assert all(i.path[0] == i.path[-1] == i.number and len(set(i.path)) == len(i.path) - 1 for i in found.invalid)
    assert len(found.waiting) == 950


def test_a_huge_knot_takes_no_quadratic_time() -> None:
    """10,000 issues in one ring are all invalid within seconds; they share the ring as their path."""
    ring = [issue(n, body="", links=native(n % 10_000 + 1)) for n in range(1, 10_001)]
    started = time.process_time()
    found = arranged(*ring)

    assert time.process_time() - started < 3
    assert len(found.invalid) == 10_000
    assert found.invalid[-1].path is found.invalid[0].path


def test_a_long_chain() -> None:
    """10,000 issues one behind the other overflow no stack."""
    chain = [issue(n, links=native(n + 1)) for n in range(1, 10_000)]
    found = arranged(*chain, issue(10_000))

    assert found.ready == (10_000,)
    assert len(found.waiting) == 9_999


# ---------------------------------------------------------------------------------- notes and log line


def test_notes_are_by_number_and_not_for_pull_requests() -> None:
    """Near misses of issues are reported, asked for or not."""
    found = arranged(issue(2, "1.2 Setup"), issue(1, "(A-1.2) x"), issue(3, "(A-1.2) x", is_pull=True), ask=[])

    assert [note.number for note in found.notes] == [1, 2]


def test_prefixes_of_pull_requests_make_no_near_miss() -> None:
    """`[AUTH-1]` stays an id when only a pull request is titled `[AUTH-1.2]`."""
    assert arranged(issue(1, "[AUTH-1] x"), issue(2, "[AUTH-1.2] x", is_pull=True)).notes == ()


def test_OR6_skip_line_is_the_seeds() -> None:
    """The exact line of the seeds: names are keys, a queued or running one is in_progress."""
    issues = {
        each.number: each
        for each in (
            issue(1, "[AUTH-1.1] a", open=False),
            issue(2, "[AUTH-1.2] b", labels=["ai-running"]),
            issue(3, "[AUTH-1.3] c"),
            issue(4, "[AUTH-2.1] d"),
        )
    }
    found = arranged(*issues.values(), ask=[4])

    assert skip_line(found.waiting[0], issues, found.keys) == (
        "Skipping AUTH-2.1 - blocked by: AUTH-1.2 (in_progress), AUTH-1.3 (todo)"
    )


def test_skip_line_of_the_others() -> None:
    """Without a key the number is the name; what is not open shows what is known of it."""
    issues = {
        1: issue(1, "x", "Depends on #2, #3, other/repo#4, #9"),
        2: issue(2, "[ARK-7] y", labels=["ai-queued"]),
        3: issue(3, is_pull=True, open=False),
    }
    found = arranged(*issues.values(), ask=[1])

    assert skip_line(found.waiting[0], issues, found.keys) == (
        "Skipping #1 - blocked by: ARK-7 (in_progress), #3 (unmerged), other/repo#4 (unknown), #9 (unknown)"
    )


def test_skip_line_is_bounded() -> None:
    """Of many blockers the nearest 50 are named and the rest counted."""
    issues = {n: issue(n, f"1.{n}: x") for n in range(1, 80)}
    found = arranged(*issues.values())
    line = skip_line(found.waiting[-1], issues, found.keys)

    assert line.startswith("Skipping 1.79 - blocked by: 1.29 (todo), 1.30 (todo)")
    assert line.endswith("1.78 (todo), and 28 more")


def test_series_of() -> None:
    """Two issues are of one series when prefix, or else milestone, or else nothing at all is the same."""
    assert series_of(issue(1, "[a-1.2] x")) == series_of(issue(2, "[A-9.1] x", milestone="M"))
    assert series_of(issue(1, "1.2: x", milestone="M")) == series_of(issue(2, "x", milestone="M"))
    assert series_of(issue(1, "x")) == series_of(issue(2, "1.2: x"))
    assert series_of(issue(1, "x", milestone="A")) != series_of(issue(2, "[A-1.2] x"))
