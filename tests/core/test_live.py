"""A living order is at every moment what `arrange` says of the same facts, and names whoever a change concerns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.cycles import SEARCH_BUDGET
from bot.core.live import Following, LiveOrder
from bot.core.model import Issue, Link, Ref, Source, Standing
from bot.core.order import Arrangement, Invalid, arrange
from bot.core.settings import OrderRules
from tests.core.test_order_laws import HERE, TITLES

AWAY = Ref("o/other", 1)
SIZE = 6


@dataclass(slots=True)
class Facts:
    """The same changes, kept as plain facts for `arrange`."""

    rules: OrderRules
    issues: dict[int, Issue] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    standings: dict[Ref, Standing] = field(default_factory=dict)

    def arrangement(self) -> Arrangement:
        return arrange(self.issues, self.asked, rules=self.rules, repo=HERE, standings=self.standings)


def places(found: Arrangement) -> dict[int, object]:
    """Where each candidate is and what it names; of phase order only whether it waits for it."""
    waiting = {each.number: (tuple(each.named.items()), each.others, each.ahead > 0) for each in found.waiting}
    return dict.fromkeys(found.ready, "ready") | waiting | {each.number: each for each in found.invalid}


# ------------------------------------------------------------------------------------- random changes

numbers = st.integers(1, SIZE)
refs = st.builds(Ref, st.just(HERE), numbers) | st.just(AWAY)
link = st.builds(Link, refs, st.sampled_from([Source.NATIVE, Source.SUB_ISSUE]))
fields: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from([f"[A-{k}] x" for k in ("1.1", "1.2", "2.1")])
    | st.sampled_from([*TITLES, "x", "[A-1.3] [B-1.1] two", "[META] y", "[C-1.1] x", "A-1.2 x"]),
    "body": st.builds("Depends on #{}".format, numbers) | st.sampled_from(["", "", "Requires #5 and o/other#1"]),
    "open": st.sampled_from([True, True, True, False]),
    "state_reason": st.sampled_from(["", "not_planned"]),
    "labels": st.sampled_from([frozenset[str](), frozenset({"P0"}), frozenset({"priority: low"})]),
    "is_pull": st.sampled_from([False, False, False, False, True]),
    "merged": st.booleans(),
    "milestone": st.sampled_from(["", "M"]),
    "links": st.lists(link, max_size=2).map(tuple),
}
issues = st.builds(Issue, numbers, **fields)
rules = st.builds(
    OrderRules,
    scope=st.sampled_from(["series", "repository"]),
    within_phase=st.sampled_from(["serial", "parallel"]),
    closed_as_not_planned=st.sampled_from(["release", "hold"]),
)

Change = tuple[str, Any, Any]
"""A field of an issue, what is asked for, a whole issue, one that is gone, or a standing; of what; its value."""

edits = st.sampled_from(sorted(fields)).flatmap(lambda name: st.tuples(st.just(name), numbers, fields[name]))
flips = st.tuples(st.just("open"), numbers, st.booleans())
requests = st.tuples(st.just("asked"), numbers, st.booleans())
newcomers = st.tuples(st.just("new"), issues, st.booleans())
removals = st.tuples(st.just("gone"), numbers, st.none())
standings = st.tuples(st.just("standing"), refs, st.sampled_from([*Standing, None]))
titles = st.tuples(st.just("title"), numbers, fields["title"])
changes = st.lists(
    st.one_of(edits, edits, titles, titles, flips, requests, newcomers, removals, standings), min_size=3, max_size=20
)


def step(change: Change, live: LiveOrder, facts: Facts) -> frozenset[int]:
    """Make one change; whom the living order says it concerns."""
    kind, what, value = change
    match kind:
        case "standing":
            facts.standings.pop(what, None)
            facts.standings |= {what: value} if value is not None else {}
            return live.follow(facts.issues, facts.asked, facts.standings)
        case "gone":
            facts.issues.pop(what, None)
            return live.follow(facts.issues, facts.asked, facts.standings)
        case "asked":
            (facts.asked.add if value else facts.asked.discard)(what)
        case "new":
            facts.issues[what.number] = what
            (facts.asked.add if value else facts.asked.discard)(what.number)
            what = what.number
        case name if what in facts.issues:
            facts.issues[what] = replace(facts.issues[what], **{name: value})
    issue = facts.issues.get(what)
    return live.update(issue, asked=what in facts.asked) if issue is not None else frozenset()


@settings(max_examples=500, deadline=None)
@given(rules, st.lists(issues, max_size=SIZE), st.sets(numbers, min_size=1, max_size=4), changes)
def test_after_any_changes_it_is_what_arrange_says(
    drawn: OrderRules, first: list[Issue], asked: set[int], given_changes: list[Change]
) -> None:
    """Exactly, after every single change; and whoever's place changed was named."""
    live, facts = LiveOrder(drawn, HERE), Facts(drawn, {issue.number: issue for issue in first}, asked)
    live.follow(facts.issues, facts.asked)
    before = facts.arrangement()
    assert live.arrangement() == before
    for change in given_changes:
        concerned = step(change, live, facts)
        after = facts.arrangement()

        assert live.arrangement() == after
        assert [list(w.named) for w in live.arrangement().waiting] == [list(w.named) for w in after.waiting]
        old, new = places(before), places(after)
        assert {n for n in old.keys() | new.keys() if old.get(n) != new.get(n)} <= concerned
        before = after


reads = st.tuples(
    st.lists(issues, max_size=SIZE), st.sets(numbers), st.dictionaries(refs, st.sampled_from(list(Standing)))
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(rules, reads), max_size=4))
def test_it_follows_whole_reads(
    given_reads: list[tuple[OrderRules, tuple[list[Issue], set[int], Mapping[Ref, Standing]]]],
) -> None:
    """One read after the other, whatever lies between, also under other rules."""
    following = Following()
    for drawn, (read, asked, standings) in given_reads:
        world = {issue.number: issue for issue in read}

        assert following(world, asked, rules=drawn, repo="O/R", standings=standings) == arrange(
            world, asked, rules=drawn, repo="O/R", standings=standings
        )


# ----------------------------------------------------------------------------------------- what is touched


class Texts:
    """No texts, and a note of whose were asked for."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, issue: Issue) -> Sequence[Ref]:
        self.read.append(issue.number)
        return ()


def needing(number: int, *others: int, title: str = "x") -> Issue:
    return Issue(number, title, links=tuple(Link(Ref(HERE, other), Source.NATIVE) for other in others))


def living(world: Mapping[int, Issue], texts: Callable[[Issue], Sequence[Ref]], *asked: int) -> LiveOrder:
    live = LiveOrder(OrderRules(), HERE, text=texts)
    live.follow(world, asked or world)
    return live


def test_a_close_concerns_only_who_waited_for_it() -> None:
    """In a chain of 500 nobody else is looked at; the same again concerns nobody."""
    texts = Texts()
    live = living({1: needing(1)} | {n: needing(n, n - 1) for n in range(2, 501)}, texts)
    texts.read.clear()

    assert live.update(replace(needing(7, 6), open=False), asked=True) == {7, 8}
    assert live.place(8) is None
    assert set(texts.read) == {8}
    assert live.update(replace(needing(7, 6), open=False), asked=True) == frozenset()


def test_the_front_of_a_series_moves_up() -> None:
    world = {n: Issue(n, f"[A-{n}.1] x") for n in range(1, 60)}
    live = living(world, Texts())

    assert live.update(replace(world[1], open=False), asked=True) == {1, 2}
    assert live.update(replace(world[30], open=False), asked=True) == {30}
    assert live.place(2) is None
    assert live.update(world[1], asked=True) == {1, 2}
    assert live.place(2) is not None
    last, last_but_one = live.arrangement().waiting[-2:]
    assert last.series is last_but_one.series  # whoever explains tells series apart by that


def test_only_what_is_asked_for_is_looked_at() -> None:
    """With what it waits for, directly or not; the texts of everybody else need not be read."""
    texts = Texts()
    world = {n: needing(n, n - 1) for n in range(2, 101)} | {n: Issue(n, f"[A-1.{n - 100}] x") for n in range(101, 151)}
    live = living(world, texts, 4)
    live.arrangement()

    assert set(texts.read) == {2, 3, 4}
    live.follow(world, {4, 120})
    assert set(texts.read) == {2, 3, 4, *range(101, 151)}


def test_a_cycle_that_is_far_away_is_left_alone() -> None:
    """A member closes: the others are free. A new tie elsewhere: only what it leads to is searched."""
    texts = Texts()
    world = {1: needing(1, 2)} | {n: needing(n, n - 1) for n in range(2, 51)} | {n: needing(n) for n in range(51, 61)}
    live = living(world, texts)
    assert [each.number for each in live.arrangement().invalid] == [1, 2]
    texts.read.clear()

    assert live.update(needing(60, 59), asked=True) == {60}
    assert set(texts.read) == {60}
    assert live.update(needing(59, 60), asked=True) == {59, 60}
    assert [each.number for each in live.arrangement().invalid] == [1, 2, 59, 60]
    assert live.update(replace(world[1], open=False), asked=True) == {1, 2}
    assert [each.number for each in live.arrangement().invalid] == [59, 60]


@pytest.mark.parametrize(
    ("world", "change"),
    [
        pytest.param([needing(1, 2), needing(2)], needing(2, 1), id="who is named now names"),
        pytest.param([needing(1, title="[A-1.2] x")], needing(2, 1, title="[A-1.1] x"), id="one more of its series"),
        pytest.param(
            [needing(1, title="[A-1.1] x"), needing(2, 1, title="[A-1.2] x")],
            needing(1, title="[A-1.3] x"),
            id="later in its series",
        ),
        pytest.param(
            [needing(1, title="[A-1.3] x"), needing(2, 1, title="[B-1.2] x")],
            needing(1, title="[B-1.3] x"),
            id="in another series",
        ),
    ],
)
def test_a_cycle_through_one_whom_nobody_asks_for_is_found(world: list[Issue], change: Issue) -> None:
    """Of two that come to wait for each other only #1 is asked for."""
    live = living({issue.number: issue for issue in world}, Texts(), 1)
    assert live.arrangement().invalid == ()

    assert 1 in live.update(change, asked=change.number == 1)
    assert live.arrangement().invalid == (Invalid(1, "cycle", (1, 2, 1)),)


def test_a_large_knots_path_depends_on_the_knot_alone() -> None:
    """Edges that leave a knot do not count towards its search budget: closing what they lead to changes no path."""
    outside = range(1_000, 1_012)
    world = {n: needing(n, n % 160 + 1, *outside) for n in range(1, 161)} | {n: needing(n) for n in outside}
    live = living(world, Texts())
    assert 160 * 160 <= SEARCH_BUDGET < 160 * 160 * 13
    for number in outside:
        world[number] = replace(world[number], open=False)
        live.update(world[number], asked=True)

        assert live.arrangement() == arrange(world, world, rules=OrderRules(), repo=HERE)


def test_an_interrupted_read_leaves_nothing_behind() -> None:
    """Whoever was interrupted while following starts again: here with how many titles have a key of that prefix."""
    following, rules, untitled = Following(), OrderRules(), cast("Any", None)
    world = {1: Issue(1, "[A-1.1] x"), 2: Issue(2, "[A-7] x")}
    following(world, world, rules=rules, repo=HERE)
    with pytest.raises(TypeError):
        following({1: Issue(1, untitled), 2: world[2]}, world, rules=rules, repo=HERE)
    following(world, world, rules=rules, repo=HERE)
    del world[1]

    assert following(world, world, rules=rules, repo=HERE) == arrange(world, world, rules=rules, repo=HERE)


def test_a_title_that_another_makes_a_near_miss_moves_in_the_order() -> None:
    """An id goes by its number; where its prefix has keys it is a title like any other."""
    world = {1: Issue(1, "x"), 2: Issue(2, "[A-7] x"), 3: Issue(3, "x")}
    live = living(world, Texts())
    assert live.arrangement().order == (2, 1, 3)

    assert live.update(Issue(4, "[A-1.1] x"), asked=False) == {4}
    assert live.arrangement().order == (1, 2, 3)
    assert live.arrangement().notes


def test_who_names_it_no_more_is_not_concerned() -> None:
    live = living({1: needing(1), 2: needing(2, 1), 3: needing(3, 1)}, Texts())
    live.update(needing(2), asked=True)

    assert live.update(replace(needing(1), open=False), asked=True) == {1, 3}
